//! Components in components: instances of instances, modules and components by their aliases, and calls that go from one to the
//! next, for each of which the engine makes a module of its own.

use std::fmt::Write as _;

use super::random::Random;

/// How deeply components nest, at most.
const DEPTH: u32 = 2;

/// A component in the text format.
pub fn composed(random: &mut Random) -> String {
    let mut text = String::new();
    component(random, DEPTH, &mut text);
    text
}

/// One component: modules, components, and instances of what it has and of what is around it.
fn component(random: &mut Random, depth: u32, text: &mut String) {
    text.push_str("(component\n");
    let modules = 1 + random.below(2);
    for index in 0..modules {
        let declared = declared(random);
        writeln!(text, "(core module $m{index} {declared} {IDENTITY})").unwrap();
    }
    let components = if depth == 0 { 0 } else { random.below(3) };
    for index in 0..components {
        write!(text, "(alias outer 0 $m0 (core module $a{index})) ").unwrap();
        named_component(random, depth - 1, index, text);
    }
    for _ in 0..random.below(4) {
        writeln!(text, "(core instance (instantiate $m{}))", random.below(modules)).unwrap();
    }
    for _ in 0..if components == 0 { 0 } else { random.below(3) } {
        writeln!(text, "(instance (instantiate $c{}))", random.below(components)).unwrap();
    }
    if random.below(2) == 0 {
        let links = random.below(20);
        chain(random, links, text);
    }
    text.push_str(")\n");
}

/// A component that also knows the first module of the one around it, and instantiates it now and then.
fn named_component(random: &mut Random, depth: u32, index: usize, text: &mut String) {
    let mut inner = String::new();
    component(random, depth, &mut inner);
    let inner = inner.trim_end().strip_prefix("(component").and_then(|rest| rest.strip_suffix(')')).unwrap();
    let mut outer = String::from("(alias outer 1 $m0 (core module $outer))");
    for _ in 0..random.below(3) {
        outer.push_str("(core instance (instantiate $outer))");
    }
    if random.below(2) == 0 {
        outer.push_str("(export $again \"m\" (core module $outer)) (core instance (instantiate $again))");
    }
    writeln!(text, "(component $c{index} {outer} {inner})").unwrap();
}

/// What a module has, now and then.
fn declared(random: &mut Random) -> &'static str {
    match random.below(24) {
        0 => "(memory 1)",
        1..=2 => "(table 1 funcref)",
        3 => "(table 9000 funcref)",
        _ => "",
    }
}

/// A function to be called from elsewhere.
const IDENTITY: &str = r#"(func (export "f") (param i32) (result i32) local.get 0)"#;

/// The type of the functions of a chain.
const TYPE: &str = r#"(param "x" u32) (result u32)"#;

/// What stands between what a link lowers and what it lifts.
const MODULE: &str = r#"(core module $m (import "" "f" (func $g (param i32) (result i32)))
        (func (export "f") (param i32) (result i32) local.get 0 call $g))
    (core instance $i (instantiate $m (with "" (instance (export "f" (func $lowered))))))"#;

/// Calls that go through one component after the other: each link lowers what the one before lifted.
fn chain(random: &mut Random, links: usize, text: &mut String) {
    writeln!(text, "(core module $first {IDENTITY}) (core instance $first (instantiate $first))").unwrap();
    writeln!(text, "(func $f0 {TYPE} (canon lift (core func $first \"f\")))").unwrap();
    for link in 1..=links {
        let before = link - 1;
        let (module, function) = match random.below(2) {
            0 => ("", "$lowered"),
            _ => (MODULE, "$i \"f\""),
        };
        writeln!(
            text,
            "(component $link{link} (import \"f\" (func $f {TYPE})) (core func $lowered (canon lower (func $f)))
                {module} (func (export \"f\") {TYPE} (canon lift (core func {function}))))
            (instance $link{link} (instantiate $link{link} (with \"f\" (func $f{before}))))
            (alias export $link{link} \"f\" (func $f{link}))"
        )
        .unwrap();
    }
    // The engine makes nothing for calls that nobody could make.
    writeln!(
        text,
        "(core func $last (canon lower (func $f{links}))) (core module $user (import \"\" \"f\" (func (param i32) (result i32))))
        (core instance (instantiate $user (with \"\" (instance (export \"f\" (func $last))))))"
    )
    .unwrap();
}
