//! Applications that cannot be loaded, and what is said about them.

mod guests;

use guests::{Application, answering, silent};

#[tokio::test]
async fn a_manifest_that_is_not_there_is_named() {
    let application = Application::of_one(silent());
    std::fs::remove_file(application.path().join("spin.toml")).unwrap();

    let error = application.load_error().await;

    assert_eq!(error, format!("cannot read manifest {}", application.path().join("spin.toml").display()));
}

#[tokio::test]
async fn a_binary_that_is_not_there_is_named() {
    let application = Application::of_one(silent());
    std::fs::remove_file(application.path().join("guest.wasm")).unwrap();

    let error = application.load_error().await;

    assert_eq!(
        error,
        format!("cannot read component `guest` from {}", application.path().join("guest.wasm").display())
    );
}

#[tokio::test]
async fn mistakes_in_the_manifest_are_reported_with_its_path() {
    let application = Application::new("[component.a]\nsource = \"a\"\nai_models = [\"x\"]\n", &[]);

    let error = application.load_error().await;

    let path = application.path().join("spin.toml");
    assert_eq!(
        error,
        format!("manifest {}: `ai_models` in component `a` is not supported by this runner", path.display())
    );
}

#[tokio::test]
async fn stores_that_are_not_configured_are_named() {
    for (line, expected) in [
        (
            "sqlite_databases = [\"analytics\"]",
            "component `guest` uses the SQLite database `analytics`, which is not configured; configured: `default`",
        ),
        (
            "key_value_stores = [\"sessions\"]",
            "component `guest` uses the key-value store `sessions`, which is not configured; configured: `default`",
        ),
    ] {
        let application = with_line(line);
        assert_eq!(application.load_error().await, expected);
    }
}

#[tokio::test]
async fn a_required_variable_without_a_value_is_named() {
    let application = Application::new("[variables]\napi_key = { required = true }\n", &[]);

    let error = application.load_error().await;

    assert!(error.starts_with("variable `api_key` is required but has no value"), "{error}");
}

#[tokio::test]
async fn a_host_that_cannot_be_allowed_is_named() {
    let error = with_line("allowed_outbound_hosts = [\"example.com\"]").load_error().await;

    assert!(error.starts_with("component `guest`: `allowed_outbound_hosts` has `example.com`: "), "{error}");
}

#[tokio::test]
async fn a_component_needs_exactly_one_handler() {
    let none = wat::parse_str("(component)").unwrap();
    assert_eq!(
        Application::of_one(none).load_error().await,
        "component `guest` must export exactly one of `wasi:http/handler@0.3` and `wasi:http/incoming-handler@0.2`, \
         but exports neither"
    );

    let both = wat::parse_str(
        r#"(component
            (instance $empty)
            (export "wasi:http/handler@0.3.0" (instance $empty))
            (export "wasi:http/incoming-handler@0.2.0" (instance $empty)))"#,
    )
    .unwrap();
    let error = Application::of_one(both).load_error().await;
    assert!(
        error.ends_with("but exports `wasi:http/handler@0.3.0`, `wasi:http/incoming-handler@0.2.0`"),
        "{error}"
    );

    let candidate = wat::parse_str(
        r#"(component (instance $empty) (export "wasi:http/handler@0.3.0-rc-2026-03-15" (instance $empty)))"#,
    )
    .unwrap();
    let error = Application::of_one(candidate).load_error().await;
    assert!(error.ends_with("but exports `wasi:http/handler@0.3.0-rc-2026-03-15`"), "{error}");
}

#[tokio::test]
async fn an_import_that_nothing_provides_is_named() {
    let wasm = wat::parse_str(
        r#"(component
            (import "fermyon:spin/llm@2.0.0" (instance (export "infer" (func))))
            (instance $empty)
            (export "wasi:http/incoming-handler@0.2.0" (instance $empty)))"#,
    )
    .unwrap();

    let error = Application::of_one(wasm).load_error().await;

    assert!(error.starts_with("component `guest` cannot be linked: "), "{error}");
    assert!(error.contains("fermyon:spin/llm@2.0.0"), "{error}");
}

#[tokio::test]
async fn a_binary_that_is_no_component_is_named() {
    let error = Application::of_one(b"<html>not found</html>".to_vec()).load_error().await;
    assert!(error.starts_with("component `guest` is not a WebAssembly component"), "{error}");

    let mut broken = silent();
    let middle = broken.len() / 2;
    broken.truncate(middle);
    let error = Application::of_one(broken).load_error().await;
    assert!(error.starts_with("component `guest` cannot be compiled: "), "{error}");
}

#[tokio::test]
async fn a_component_that_is_only_a_dependency_needs_no_handler() {
    let manifest = r#"
        [[trigger.http]]
        route = "/"
        component = "guest"
        [component.guest]
        source = "guest.wasm"
        [component.library]
        source = "library.wasm"
    "#;
    let files = [("guest.wasm", silent()), ("library.wasm", wat::parse_str("(component)").unwrap())];

    assert!(Application::new(manifest, &files).load().await.is_ok());
}

#[tokio::test]
async fn compiled_components_are_kept_and_a_damaged_one_is_replaced() {
    let application = Application::of_one(answering("", "(i32.const 201)"));
    application.load().await.unwrap();
    let cache = application.path().join("cache");
    let entry = std::fs::read_dir(&cache).unwrap().next().unwrap().unwrap().path();
    let whole = std::fs::read(&entry).unwrap();
    std::fs::write(&entry, &whole[..whole.len() / 2]).unwrap();

    let server = application.start().await;

    assert_eq!(server.status("/").await, 201);
    assert_eq!(std::fs::read(&entry).unwrap().len(), whole.len());
}

fn with_line(line: &str) -> Application {
    Application::new(
        &format!(
            "[[trigger.http]]\nroute = \"/\"\ncomponent = \"guest\"\n[component.guest]\nsource = \"guest.wasm\"\n{line}\n"
        ),
        &[("guest.wasm", silent())],
    )
}
