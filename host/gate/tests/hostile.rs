//! One hostile component, or more, for each refusal.
#![cfg(test)]

mod common;

use std::collections::BTreeSet;

use common::{edited, good, stamp, stamped, wat};
use gate::{Code, Limits, Quantity, StampRule, check};

fn code(bytes: &[u8]) -> Code {
    let refusal = check(bytes, &Limits::STANDARD).unwrap_err();
    assert!(!refusal.item.is_empty() && !refusal.mend.is_empty());
    refusal.code
}

#[test]
fn a_good_component_passes_and_is_measured() {
    let bytes = stamped();
    let report = check(&bytes, &Limits::STANDARD).unwrap();
    assert_eq!((report.bytes, report.digest.len()), (bytes.len(), 64));
    assert_eq!(report.contract.to_string(), "0.1.0");
    assert!(report.imports.contains(&"voicehive:tool/records@0.1.0".to_owned()), "{:?}", report.imports);
    assert_eq!(report.counts.get(Quantity::Memories), 1);
    assert_eq!(report.stamp, Some(stamp()));
}

#[test]
fn files_that_are_no_components() {
    assert_eq!(code(&vec![0; Limits::STANDARD.component_bytes + 1]), Code::TooLarge);
    for beginning in [&b"\x7fELF\x02\x01\x01\xc8"[..], b"\0wasmtime-aot", b"\0aot\x04\0\0\0", b"MZ\x90\0"] {
        assert_eq!(code(beginning), Code::Precompiled);
    }
    assert_eq!(code(&wat("(module)")), Code::CoreModule);
    for text in [&b""[..], b"(component)", b"PK\x03\x04", b"\x1f\x8b\x08", b"#!/bin/sh"] {
        assert_eq!(code(text), Code::NotWasm);
    }
    assert_eq!(code(b"\0asm"), Code::InvalidComponent);
    assert_eq!(code(b"\0asm\x0e\0\x01\0"), Code::InvalidComponent);
    assert_eq!(code(&[stamped(), vec![1]].concat()), Code::InvalidComponent);
    let cut = wat("(component (core module (@custom \"x\" \"yz\")))");
    assert_eq!(code(&cut), Code::ExportMissing);
    // The inner module's last section is left out, and with it the rest of the component.
    assert_eq!(code(&cut[..cut.len() - 6]), Code::InvalidComponent);
    let wrong = "(component (core module (func (result i32) i64.const 0)))";
    assert_eq!(code(&wat(wrong)), Code::InvalidComponent);
}

#[test]
fn features_that_are_off() {
    for text in [
        r#"(component (core module $m (func (export "f"))) (core instance $i (instantiate $m))
            (func (export "f") async (canon lift (core func $i "f") async)))"#,
        "(component (type (stream u8)))",
        "(component (type (future)))",
        "(component (core func (canon task.return)))",
        "(component (core func (canon backpressure.inc)))",
        "(component (type (list u8 4)))",
        "(component (type (map string u8)))",
        "(component (core type (func (param externref))))",
        "(component (core module (type (struct))))",
        "(component (core module (type (array i8))))",
        "(component (core module (rec (type (func)) (type (func)))))",
        "(component (core module (memory i64 1)))",
        "(component (core module (memory 1 1 shared)))",
        "(component (core module (memory 1 (pagesize 1))))",
        "(component (core module (import \"\" \"\" (memory 1)) (memory 1)))",
        "(component (core module (tag)))",
        "(component (core module (func (try_table))))",
        "(component (core module (func (return_call 0))))",
        "(component (core module (type $f (func)) (func (param (ref $f)))))",
        "(component (core module (func (param externref))))",
        "(component (core module (func (param v128) (result v128)
            (i8x16.relaxed_swizzle (local.get 0) (local.get 0)))))",
        "(component (core module (func (param i64 i64 i64 i64) (result i64 i64)
            (i64.add128 (local.get 0) (local.get 1) (local.get 2) (local.get 3)))))",
        "(component (core module (memory 1) (func (drop (i32.atomic.load (i32.const 0))))))",
        "(component (core module (type $f (func)) (type $c (cont $f))))",
    ] {
        assert_eq!(code(&wat(text)), Code::FeatureOff, "{text}");
    }
}

#[test]
fn more_than_the_tier_allows() {
    let many = |count: usize, text: &str| wat(&format!("(component {})", text.repeat(count)));
    let module = |text: String| wat(&format!("(component (core module {text}))"));
    let named = |count: usize, text: &str| -> String {
        (0..count).map(|index| text.replace('#', &index.to_string())).collect()
    };
    let types = (0..9).fold(String::new(), |inner, _| format!("(type (instance {inner}))"));
    let cases: Vec<(Quantity, Vec<u8>)> = vec![
        (Quantity::Modules, many(17, "(core module)")),
        (Quantity::Components, many(17, "(component)")),
        (Quantity::Depth, wat("(component (component (component (component (component)))))")),
        (Quantity::Instances, many(257, "(instance)")),
        (
            Quantity::Aliases,
            wat(&format!(
                "(component (import \"a\" (instance $i (export \"t\" (type (sub resource))))) {})",
                "(alias export $i \"t\" (type))".repeat(2_001),
            )),
        ),
        (Quantity::Types, many(8_001, "(type u8)")),
        (Quantity::Types, module("(type (func))".repeat(8_001))),
        (Quantity::TypeDepth, wat(&format!("(component {types})"))),
        (Quantity::Functions, module("(func)".repeat(12_001))),
        (
            Quantity::Seams,
            wat(&format!(
                "(component (type $r (resource (rep i32))) {})",
                "(core func (canon resource.new $r))".repeat(1_001),
            )),
        ),
        (Quantity::Imports, module(named(1_001, "(import \"a\" \"#\" (func))"))),
        (Quantity::OwnImports, wat(&format!("(component {})", named(65, "(import \"a#\" (func))")))),
        (Quantity::Exports, module(format!("(func) {}", named(1_001, "(export \"#\" (func 0))")))),
        (Quantity::Tables, module("(table 0 funcref)".repeat(5))),
        (Quantity::TableElements, module("(table 20001 funcref)".into())),
        (Quantity::TableElements, module("(table 4294967295 funcref)".into())),
        (Quantity::Memories, module("(memory 1) (memory 1)".into())),
        (Quantity::Memories, many(2, "(core module (memory 0))")),
        (Quantity::MemoryBytes, module("(memory 513)".into())),
        (Quantity::MemoryBytes, module("(memory 65536)".into())),
        (Quantity::Globals, module("(global i32 (i32.const 0))".repeat(1_001))),
        (Quantity::ElementSegments, module("(elem func)".repeat(257))),
        (Quantity::Elements, module(format!("(func) (elem func {})", "0 ".repeat(20_001)))),
        (Quantity::DataSegments, module("(data \"\")".repeat(2_001))),
        (Quantity::CustomSections, many(65, "(@custom \"x\" \"\")")),
        (
            Quantity::CustomBytes,
            wat(&format!("(component (@custom \"x\" \"{}\"))", "x".repeat((1 << 20) + 1))),
        ),
        (Quantity::FunctionBytes, module(format!("(func {})", "nop ".repeat(128 << 10)))),
        (Quantity::Locals, module("(func (local".to_owned() + &" i32".repeat(4_001) + "))")),
        (Quantity::NameBytes, module(format!("(func (export \"{}\"))", "x".repeat(513)))),
    ];
    let mut seen = BTreeSet::new();
    for (quantity, bytes) in cases {
        assert_eq!(code(&bytes), Code::TooMany(quantity), "{}", quantity.name());
        seen.insert(quantity);
    }
    let mut small = Limits::STANDARD;
    small.counts = small.counts.with(Quantity::DataBytes, 3);
    let data = wat("(component (core module (data \"abcd\")))");
    assert_eq!(check(&data, &small).unwrap_err().code, Code::TooMany(Quantity::DataBytes));
    seen.insert(Quantity::DataBytes);
    assert!(Quantity::all().all(|quantity| seen.contains(&quantity)), "a quantity has no hostile component");
}

#[test]
fn what_is_instantiated_twice_is_there_twice() {
    let instances = |module: &str, count: usize| {
        let instances = "(core instance (instantiate $m))".repeat(count);
        wat(&format!("(component (core module $m {module}) {instances})"))
    };
    for (module, count, quantity) in [
        ("", 17, Quantity::Modules),
        ("(memory 0)", 2, Quantity::Memories),
        ("(table 0 funcref)", 5, Quantity::Tables),
        ("(table 10001 funcref)", 2, Quantity::TableElements),
    ] {
        assert_eq!(code(&instances(module, count)), Code::TooMany(quantity), "{module}");
        assert_eq!(code(&instances(module, count - 1)), Code::ExportMissing, "{module}");
    }
    let nested = "(component $c (component (instance) (instance))) (instance (instantiate $c))";
    let inner = "(component $c (instance) (instance))";
    let outer = "(instance (instantiate $c))".repeat(90);
    assert_eq!(code(&wat(&format!("(component {nested})"))), Code::ExportMissing);
    assert_eq!(code(&wat(&format!("(component {inner} {outer})"))), Code::TooMany(Quantity::Instances));
}

#[test]
fn modules_and_components_are_instantiated_where_they_are_defined() {
    for (what, text) in [
        (
            "module `m`",
            "(component (component (import \"m\" (core module $m)) (core instance (instantiate $m))))",
        ),
        (
            "component `c`",
            "(component (component (import \"c\" (component $c)) (instance (instantiate $c))))",
        ),
        ("module `m`", "(component (import \"m\" (core module)))"),
    ] {
        let refusal = check(&wat(text), &Limits::STANDARD).unwrap_err();
        assert_eq!(refusal.code, Code::ImportNotAllowed, "{text}");
        assert!(refusal.item.contains(what), "{refusal}");
    }
    for (kind, what) in [("core module", "(core module $x)"), ("component", "(component $x)")] {
        let text = format!(
            "(component {what} (instance $i (export \"x\" ({kind} $x))) (alias export $i \"x\" ({kind})))"
        );
        let refusal = check(&wat(&text), &Limits::STANDARD).unwrap_err();
        assert_eq!(refusal.code, Code::ExportNotAllowed, "{text}");
    }
}

#[test]
fn types_nested_a_million_deep_do_not_exhaust_the_stack() {
    let levels = 1_000_000;
    let mut section = vec![1];
    section.extend([0x41, 1, 1].repeat(levels));
    section.extend([0x42, 0]);
    let mut bytes = b"\0asm\x0d\0\x01\0\x07".to_vec();
    let mut size = section.len();
    while size > 0x7f {
        bytes.push(0x80 | u8::try_from(size & 0x7f).unwrap());
        size >>= 7;
    }
    bytes.push(u8::try_from(size).unwrap());
    bytes.extend(section);
    assert_eq!(code(&bytes), Code::TooMany(Quantity::TypeDepth));
}

#[test]
fn imports_that_a_tool_does_not_get() {
    for import in [
        "wasi:sockets/tcp@0.2.6",
        "wasi:http/outgoing-handler@0.2.6",
        "wasi:cli/stdout@0.3.0",
        "wasi:cli/stdout",
        "wasi:cli/stdout@0.2.0-rc-2023-11-10",
        "voicehive:platform/memory@0.1.0",
        "voicehive:tool/tool@0.1.0",
        "voicehive:tool/shell@0.1.0",
        "voicehive:toolbox/records@0.1.0",
        "records",
        "unlocked-dep=<voicehive:tool>",
        "url=<https://example.com/x>",
    ] {
        let text = format!("(component (import \"{import}\" (instance)))");
        assert_eq!(code(&wat(&text)), Code::ImportNotAllowed, "{import}");
    }
    assert_eq!(code(&wat("(component (import \"wasi:cli/run@0.2.6\" (func)))")), Code::ImportNotAllowed);
    let twice = r#"(component (import "voicehive:tool/clock@0.1.0" (instance))
        (import "voicehive:tool/clock@0.1.1" (instance)))"#;
    assert_eq!(code(&wat(twice)), Code::ImportTwice);
    for version in ["0.1.1", "0.2.0", "1.0.0", "0.1.0-rc.1"] {
        let text = format!("(component (import \"voicehive:tool/clock@{version}\" (instance)))");
        assert_eq!(code(&wat(&text)), Code::UnknownVersion, "{version}");
    }
    for (from, to) in [
        ("now: func() -> u64;", "now: func() -> u32;"),
        ("now: func() -> u64;", "now: func() -> u64; set: func(time: u64);"),
        ("get: func(key: string)", "get: func(key: string, tenant: string)"),
        ("enum level { debug, info, warn, error }", "enum level { debug, info, warn, error, shout }"),
    ] {
        assert_eq!(code(&edited(&[(from, to)])), Code::ImportMismatch, "{to}");
    }
}

#[test]
fn exports_that_are_not_the_worlds() {
    assert_eq!(code(&wat("(component)")), Code::ExportMissing);
    assert_eq!(code(&wat("(component (instance $i) (export \"tool\" (instance $i)))")), Code::ExportMissing);
    let renamed = [("interface tool {", "interface tools {"), ("export tool;", "export tools;")];
    assert_eq!(code(&edited(&renamed)), Code::ExportMissing);
    assert_eq!(code(&edited(&[("@0.1.0", "@0.2.0")])), Code::UnknownVersion);
    let mismatched = [("describe: func() -> definition;", "explain: func() -> definition;")];
    assert_eq!(code(&edited(&mismatched)), Code::ExportNotAllowed);
    let without = [("describe: func() -> definition;", "")];
    assert_eq!(code(&edited(&without)), Code::ExportMismatch);
    let other = [("timeout-ms: u32,", "timeout-ms: u64,")];
    assert_eq!(code(&edited(&other)), Code::ExportMismatch);
    let more = [("export tool;", "export tool; export run: func();")];
    assert_eq!(code(&edited(&more)), Code::ExportNotAllowed);
    let resource = [("describe: func()", "resource session { constructor(); } describe: func()")];
    assert_eq!(code(&edited(&resource)), Code::ResourceNotInWorld);
}

#[test]
fn what_a_python_build_leaves_behind_passes_and_nothing_beside_it() {
    let limits = Limits { stamp: StampRule::Optional, ..Limits::STANDARD };
    let leaving = |export: &str| {
        let export = format!("export tool; export {export}");
        check(&edited(&[("export tool;", &export)]), &limits).map_err(|refusal| refusal.code)
    };
    assert!(leaving("exports: interface { record app { name: string } init: func(app: app); }").is_ok());
    for other in [
        "exports: func();",
        "exports: interface { init: func(); run: func(); }",
        "exports: interface { resource session; init: func(session: session); }",
        "others: interface { init: func(); }",
    ] {
        assert_eq!(leaving(other).unwrap_err(), Code::ExportNotAllowed, "{other}");
    }
}

#[test]
fn stamps() {
    assert_eq!(check(&good(), &Limits::STANDARD).unwrap().stamp, None);
    let required = Limits { stamp: StampRule::Required, ..Limits::STANDARD };
    assert_eq!(check(&good(), &required).unwrap_err().code, Code::StampMissing);
    assert_eq!(check(&stamped(), &required).unwrap().stamp, Some(stamp()));
    assert_eq!(code(&stamp().append(&stamped())), Code::BadStamp);
    let mut wrong = stamp();
    wrong.contract.patch = 9;
    assert_eq!(code(&wrong.append(&good())), Code::BadStamp);
    let mut later = stamp();
    later.host.major = 999;
    assert_eq!(code(&later.append(&good())), Code::HostTooOld);
    // A stamp inside of a module is not the component's.
    let inner = wat("(component (core module (@custom \"voicehive:abi\" \"x\")))");
    assert_eq!(code(&inner), Code::ExportMissing);
}
