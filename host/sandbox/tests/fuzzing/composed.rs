//! Components in components: instances of instances, modules and components by their aliases, and calls that go from one to the
//! next, for each of which the engine makes a module of its own.

use std::fmt::Write as _;

use super::random::Random;

/// How deeply components nest, at most.
const DEPTH: u32 = 2;

/// What instantiating something makes, itself not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Made {
    /// Instances of modules.
    pub modules: u64,
    /// Instances of whatever.
    pub instances: u64,
}

impl Made {
    fn module(&mut self) {
        self.modules += 1;
        self.instances += 1;
    }

    fn component(&mut self, made: Self) {
        self.modules += made.modules;
        self.instances += made.instances + 1;
    }
}

/// A component in the text format, and what instantiating it makes.
pub fn composed(random: &mut Random) -> (String, Made) {
    let mut text = String::new();
    let made = component(random, DEPTH, &mut text);
    (text, made)
}

/// One component: modules, components, and instances of what it has and of what is around it.
fn component(random: &mut Random, depth: u32, text: &mut String) -> Made {
    let mut made = Made::default();
    text.push_str("(component\n");
    let modules = 1 + random.below(2);
    for index in 0..modules {
        let declared = declared(random);
        writeln!(text, "(core module $m{index} {declared} {IDENTITY})").unwrap();
    }
    let components = if depth == 0 { 0 } else { random.below(3) };
    let mut inner = Vec::new();
    for index in 0..components {
        write!(text, "(alias outer 0 $m0 (core module $a{index})) ").unwrap();
        inner.push(named_component(random, depth - 1, index, text));
    }
    for _ in 0..random.below(4) {
        writeln!(text, "(core instance (instantiate $m{}))", random.below(modules)).unwrap();
        made.module();
    }
    for _ in 0..if components == 0 { 0 } else { random.below(3) } {
        let index = random.below(components);
        writeln!(text, "(instance (instantiate $c{index}))").unwrap();
        made.component(inner[index]);
    }
    if random.below(2) == 0 {
        let links = random.below(20);
        chain(random, links, &mut made, text);
    }
    text.push_str(")\n");
    made
}

/// A component that also knows the first module of the one around it, and instantiates it now and then.
fn named_component(random: &mut Random, depth: u32, index: usize, text: &mut String) -> Made {
    let mut inner = String::new();
    let mut made = component(random, depth, &mut inner);
    let inner = inner.trim_end().strip_prefix("(component").and_then(|rest| rest.strip_suffix(')')).unwrap();
    let mut outer = String::from("(alias outer 1 $m0 (core module $outer))");
    for _ in 0..random.below(3) {
        outer.push_str("(core instance (instantiate $outer))");
        made.module();
    }
    if random.below(2) == 0 {
        outer.push_str("(export $again \"m\" (core module $outer)) (core instance (instantiate $again))");
        made.module();
    }
    writeln!(text, "(component $c{index} {outer} {inner})").unwrap();
    made
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
fn chain(random: &mut Random, links: usize, made: &mut Made, text: &mut String) {
    writeln!(text, "(core module $first {IDENTITY}) (core instance $first (instantiate $first))").unwrap();
    writeln!(text, "(func $f0 {TYPE} (canon lift (core func $first \"f\")))").unwrap();
    made.module();
    for link in 1..=links {
        let before = link - 1;
        // A module takes an instance of its own, and one of what it is given.
        let (module, function, inner) = match random.below(2) {
            0 => ("", "$lowered", Made::default()),
            _ => (MODULE, "$i \"f\"", Made { modules: 1, instances: 2 }),
        };
        made.component(inner);
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
    made.component(Made { modules: 1, instances: 1 });
    writeln!(
        text,
        "(core func $last (canon lower (func $f{links}))) (core module $user (import \"\" \"f\" (func (param i32) (result i32))))
        (core instance (instantiate $user (with \"\" (instance (export \"f\" (func $last))))))"
    )
    .unwrap();
}
