use super::*;

const LEVEL: &str = "(export \"level\" (func (result u32)))";

#[test]
fn without_dependencies_a_component_stays_as_it_is() {
    let wasm = importer(&[("demo:mood/reading@0.1.0", LEVEL)]);

    assert_eq!(compose("edge", wasm.clone(), Vec::new(), false).unwrap(), wasm);
}

#[test]
fn an_import_is_met_by_the_dependency_that_its_key_names() {
    for key in ["demo:mood/reading@0.1.0", "demo:mood/reading", "demo:mood@0.1.0", "demo:mood"] {
        let wasm = importer(&[("demo:mood/reading@0.1.0", LEVEL)]);

        let composed =
            compose("edge", wasm, vec![part(key, exporter("demo:mood/reading@0.1.0", "u32"))], false)
                .unwrap();

        assert_eq!(imports(&composed), Vec::<String>::new(), "{key}");
    }
}

#[test]
fn an_export_of_another_name_is_used_when_the_manifest_says_so() {
    let wasm = importer(&[("demo:mood/reading@0.1.0", LEVEL)]);
    let mut dependency = part("demo:mood/reading@0.1.0", exporter("other:impl/thing@2.0.0", "u32"));
    dependency.export = Some("other:impl/thing@2.0.0".to_owned());

    let composed = compose("edge", wasm, vec![dependency], false).unwrap();

    assert_eq!(imports(&composed), Vec::<String>::new());
}

#[test]
fn imports_that_no_dependency_meets_are_left_to_the_host() {
    let wasm = importer(&[("demo:mood/reading@0.1.0", LEVEL), ("demo:host/thing@1.0.0", LEVEL)]);

    let composed =
        compose("edge", wasm, vec![part("demo:mood", exporter("demo:mood/reading@0.1.0", "u32"))], false)
            .unwrap();

    assert_eq!(imports(&composed), ["demo:host/thing@1.0.0"]);
}

#[test]
fn a_key_with_another_version_names_both_versions() {
    let wasm = importer(&[("demo:mood/reading@0.1.0", LEVEL)]);

    let error = fail(wasm, vec![part("demo:mood/reading@0.2.0", exporter("demo:mood/reading@0.2.0", "u32"))]);

    assert_eq!(
        error,
        "component `edge`: dependency `demo:mood/reading@0.2.0` matches none of its imports; \
         the component imports `demo:mood/reading@0.1.0`"
    );
}

#[test]
fn a_key_that_matches_nothing_lists_the_imports() {
    let wasm = importer(&[("demo:mood/reading@0.1.0", LEVEL)]);

    let error = fail(wasm, vec![part("demo:mod/reading", exporter("demo:mod/reading", "u32"))]);

    assert_eq!(
        error,
        "component `edge`: dependency `demo:mod/reading` matches none of its imports; it imports `demo:mood/reading@0.1.0`"
    );
}

#[test]
fn a_dependency_of_another_version_than_the_import_names_both() {
    let wasm = importer(&[("demo:mood/reading@0.1.0", LEVEL)]);

    let error = fail(wasm, vec![part("demo:mood/reading", exporter("demo:mood/reading@0.2.0", "u32"))]);

    assert_eq!(
        error,
        "component `edge`: dependency `demo:mood/reading` must export `demo:mood/reading@0.1.0` for import \
         `demo:mood/reading@0.1.0`, but exports `demo:mood/reading@0.2.0`"
    );
}

#[test]
fn a_type_that_does_not_fit_is_refused_with_the_place() {
    let wasm = importer(&[("demo:mood/reading@0.1.0", LEVEL)]);

    let error = fail(wasm, vec![part("demo:mood/reading", exporter("demo:mood/reading@0.1.0", "s64"))]);

    assert!(
        error.starts_with(
            "component `edge`: export `demo:mood/reading@0.1.0` of dependency `demo:mood/reading` does not fit import \
             `demo:mood/reading@0.1.0`: "
        ),
        "{error}"
    );
    assert!(error.contains("level"), "{error}");
}

#[test]
fn a_second_version_of_an_import_does_not_slip_through_to_the_host() {
    let wasm = importer(&[("demo:mood/reading@0.1.0", LEVEL), ("demo:mood/reading@0.1.1", LEVEL)]);

    let error = fail(wasm, vec![part("demo:mood/reading@0.1.0", exporter("demo:mood/reading@0.1.0", "u32"))]);

    assert_eq!(
        error,
        "component `edge`: dependency `demo:mood/reading@0.1.0` meets import `demo:mood/reading@0.1.0`, but \
         `demo:mood/reading@0.1.1` would be left to the host; build the component against one version"
    );
}

#[test]
fn two_dependencies_for_one_import_are_refused() {
    let wasm = importer(&[("demo:mood/reading@0.1.0", LEVEL)]);
    let dependency = exporter("demo:mood/reading@0.1.0", "u32");

    let error =
        fail(wasm, vec![part("demo:mood", dependency.clone()), part("demo:mood/reading", dependency)]);

    assert_eq!(
        error,
        "component `edge`: import `demo:mood/reading@0.1.0` is matched by both `demo:mood` and `demo:mood/reading`; keep one"
    );
}

#[test]
fn two_dependencies_of_one_package_are_refused_as_spin_refuses_them() {
    let wasm = importer(&[("demo:mood/reading@0.1.0", LEVEL), ("demo:mood/writing@0.1.0", LEVEL)]);
    let reading = part("demo:mood/reading", exporter("demo:mood/reading@0.1.0", "u32"));
    let writing = part("demo:mood/writing", exporter("demo:mood/writing@0.1.0", "u32"));

    let error = fail(wasm, vec![reading, writing]);

    for expected in ["`demo:mood/reading`", "`demo:mood/writing`", "the key `demo:mood`"] {
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_dependency_may_use_only_what_it_inherits() {
    let dependency = || exporter_with_import("demo:mood/reading@0.1.0", "spin:variables/variables@3.0.0");
    let wasm = || importer(&[("demo:mood/reading@0.1.0", LEVEL)]);

    let error = fail(wasm(), vec![part("demo:mood", dependency())]);
    assert_eq!(
        error,
        "component `edge`: dependency `demo:mood` imports `spin:variables/variables@3.0.0`; \
         add `inherit_configuration = [\"variables\"]` to let it use its parent's"
    );

    for inherit in [Inherit::All, Inherit::Only(vec![Capability::Variables])] {
        let mut inheriting = part("demo:mood", dependency());
        inheriting.inherit = inherit;
        let composed = compose("edge", wasm(), vec![inheriting], false).unwrap();
        assert_eq!(imports(&composed), ["spin:variables/variables@3.0.0"]);
    }
}

#[test]
fn a_dependency_does_not_see_the_environment_it_does_not_inherit() {
    let environment = "(export \"get-environment\" (func (result (list (tuple string string)))))";
    let dependency = |version: &str| {
        wat::parse_str(format!(
            "(component (import \"wasi:cli/environment@{version}\" (instance {environment})) {})",
            exports("demo:mood/reading@0.1.0", "u32")
        ))
        .unwrap()
    };
    let wasm = || importer(&[("demo:mood/reading@0.1.0", LEVEL)]);

    for version in ["0.2.6", "0.3.0"] {
        let hidden = compose("edge", wasm(), vec![part("demo:mood", dependency(version))], true).unwrap();
        assert_eq!(imports(&hidden), Vec::<String>::new());

        let mut inheriting = part("demo:mood", dependency(version));
        inheriting.inherit = Inherit::Only(vec![Capability::Environment]);
        let shared = compose("edge", wasm(), vec![inheriting], true).unwrap();
        assert_eq!(imports(&shared), [format!("wasi:cli/environment@{version}")]);
    }
}

#[test]
fn what_is_not_a_component_is_named() {
    let module = wat::parse_str("(module)").unwrap();
    assert_eq!(
        compose("edge", module.clone(), Vec::new(), false).unwrap_err().to_string(),
        "component `edge` is not a WebAssembly component: it is a core module; build it for wasm32-wasip2"
    );
    assert_eq!(
        compose("edge", b"<html>".to_vec(), Vec::new(), false).unwrap_err().to_string(),
        "component `edge` is not a WebAssembly component: it does not start with the WebAssembly magic number"
    );
    assert_eq!(
        fail(importer(&[("demo:mood/reading@0.1.0", LEVEL)]), vec![part("demo:mood", module)]),
        "dependency `demo:mood` of component `edge` is not a WebAssembly component: it is a core module; build it for wasm32-wasip2"
    );
}

fn fail(wasm: Vec<u8>, parts: Vec<Part>) -> String {
    compose("edge", wasm, parts, false).unwrap_err().to_string()
}

fn part(key: &str, wasm: Vec<u8>) -> Part {
    Part { name: DependencyName::parse(key).unwrap(), wasm, export: None, inherit: Inherit::Only(Vec::new()) }
}

fn importer(imports: &[(&str, &str)]) -> Vec<u8> {
    let imports: String =
        imports.iter().map(|(name, exports)| format!("(import \"{name}\" (instance {exports}))")).collect();
    wat::parse_str(format!("(component {imports})")).unwrap()
}

fn exporter(name: &str, result: &str) -> Vec<u8> {
    wat::parse_str(format!("(component {})", exports(name, result))).unwrap()
}

fn exporter_with_import(name: &str, import: &str) -> Vec<u8> {
    wat::parse_str(format!("(component (import \"{import}\" (instance {LEVEL})) {})", exports(name, "u32")))
        .unwrap()
}

fn exports(name: &str, result: &str) -> String {
    let core = if result == "s64" { "i64" } else { "i32" };
    format!(
        r#"(core module $m (func (export "level") (result {core}) {core}.const 7))
           (core instance $i (instantiate $m))
           (func $level (result {result}) (canon lift (core func $i "level")))
           (instance $out (export "level" (func $level)))
           (export "{name}" (instance $out))"#
    )
}

fn imports(wasm: &[u8]) -> Vec<String> {
    let engine = wasmtime::Engine::default();
    let component = wasmtime::component::Component::new(&engine, wasm).unwrap();
    component.component_type().imports(&engine).map(|(name, _)| name.to_owned()).collect()
}
