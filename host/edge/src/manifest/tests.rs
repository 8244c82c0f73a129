use super::*;

const HEAD: &str = "spin_manifest_version = 2\napplication = { name = \"demo\" }\n";

#[test]
fn a_full_manifest_is_read() {
    let manifest = parse(
        r#"
        spin_manifest_version = 2
        [application]
        name = "calls"
        version = "0.1.0"
        description = "d"
        authors = ["a"]
        targets = ["spin-up:4.1"]
        [application.trigger.http]
        [application.tool.x]
        y = 1
        [variables]
        secret = { required = true, secret = true, description = "s" }
        region = { default = "eu" }
        [[trigger.http]]
        id = "hooks"
        route = "/hooks/:provider/..."
        component = "webhook"
        executor = { type = "http" }
        [[trigger.http]]
        route = { private = true }
        component = "worker"
        [[trigger.http]]
        route = "/healthz"
        static_response = { status_code = 204, headers = { x-a = "b" }, body = "ok" }
        [component.webhook]
        source = "target/webhook.wasm"
        description = "d"
        environment = { K = "v" }
        variables = { key = "{{ secret }}" }
        allowed_outbound_hosts = ["https://api.example.com"]
        key_value_stores = ["default"]
        sqlite_databases = ["default"]
        targets = []
        [component.webhook.build]
        command = ["a", "b"]
        workdir = "w"
        watch = ["src/**"]
        [component.webhook.tool.x]
        y = 1
        [component.webhook.profile.debug]
        build.command = "c"
        [component.webhook.dependencies]
        "demo:mood/reading@0.1.0" = { component = "mood" }
        "demo:route" = { path = "deps/route.wasm", inherit_configuration = ["variables"] }
        [component.worker]
        source = "/abs/worker.wasm"
        [component.mood]
        source = "mood.wasm"
        build.command = "cargo build"
        "#,
    )
    .unwrap();

    assert_eq!((manifest.name.as_str(), manifest.version.as_deref()), ("calls", Some("0.1.0")));
    assert_eq!(manifest.variables["region"].default.as_deref(), Some("eu"));
    assert!(manifest.variables["secret"].default.is_none() && manifest.variables["secret"].secret);
    let routes: Vec<_> =
        manifest.triggers.iter().map(|trigger| (trigger.id.as_str(), &trigger.route)).collect();
    assert_eq!(
        routes,
        [
            ("hooks", &Route::Public("/hooks/:provider/...".into())),
            ("worker-http-trigger", &Route::Private),
            ("http-trigger1", &Route::Public("/healthz".into())),
        ]
    );
    let Target::Static(response) = &manifest.triggers[2].target else { panic!() };
    assert_eq!((response.status.as_u16(), &response.body[..]), (204, &b"ok"[..]));
    assert_eq!(response.headers["x-a"], "b");
    let webhook = &manifest.components["webhook"];
    assert_eq!(webhook.source, Path::new("/app/target/webhook.wasm"));
    assert_eq!(manifest.components["worker"].source, Path::new("/abs/worker.wasm"));
    let [mood, route] = webhook.dependencies.as_slice() else { panic!() };
    assert_eq!(
        (mood.name.to_string().as_str(), mood.source.as_path()),
        ("demo:mood/reading@0.1.0", Path::new("/app/mood.wasm"))
    );
    assert_eq!(mood.inherit, Inherit::Only(Vec::new()));
    assert_eq!(
        (route.source.as_path(), &route.inherit),
        (Path::new("/app/deps/route.wasm"), &Inherit::Only(vec![Capability::Variables]))
    );
}

#[test]
fn an_inline_component_gets_an_id_of_its_own() {
    let manifest = parse(&format!(
        "{HEAD}[[trigger.http]]\nroute = \"/a\"\ncomponent = {{ source = \"a.wasm\" }}\n\
         [[trigger.http]]\nroute = \"/b\"\n[trigger.http.component]\nsource = \"b.wasm\"\n\
         [component.inline-component1]\nsource = \"c.wasm\"\n"
    ))
    .unwrap();

    let source = |trigger: &Trigger| match &trigger.target {
        Target::Component(id) => manifest.components[id].source.display().to_string(),
        Target::Static(_) => panic!(),
    };
    assert_eq!(manifest.triggers.iter().map(source).collect::<Vec<_>>(), ["/app/a.wasm", "/app/b.wasm"]);
    assert_eq!(manifest.components.len(), 3);
}

#[test]
fn an_application_without_triggers_is_read() {
    assert!(parse(HEAD).unwrap().triggers.is_empty());
}

#[test]
fn other_versions_are_refused_by_their_version() {
    for (head, found) in [
        ("spin_manifest_version = 3", "found 3"),
        ("spin_manifest_version = \"1\"", "found \"1\""),
        ("spin_version = \"1\"", "found a manifest of version 1"),
        ("name = \"x\"", "found none"),
    ] {
        let error = fail(head);
        assert!(error.contains("must be 2") && error.contains(found), "{head}: {error}");
    }
}

#[test]
fn keys_that_spin_does_not_know_are_named() {
    for (text, key) in [
        ("colour = 1\n", "colour"),
        ("[application]\nname = \"x\"\nowner = \"y\"\n", "owner"),
        ("[variables]\na = { default = \"x\", hidden = true }\n", "hidden"),
        (
            "[[trigger.http]]\nroute = \"/\"\ncomponent = \"a\"\nmethod = \"GET\"\n[component.a]\nsource = \"a\"\n",
            "method",
        ),
        ("[[trigger.http]]\nroute = \"/\"\nstatic_response = { status = 200 }\n", "status"),
        ("[component.a]\nsource = \"a\"\nsqlite_database = []\n", "sqlite_database"),
        ("[component.a]\nsource = \"a\"\nbuild = { command = \"x\", dir = \"y\" }\n", "dir"),
        (
            "[component.a]\nsource = \"a\"\n[component.a.dependencies]\n\"a:b\" = { path = \"x\", exports = \"y\" }\n",
            "exports",
        ),
        ("[component.a]\nsource = \"a\"\n[component.a.profile.debug]\nfiles = []\n", "files"),
        ("[[trigger.http]]\nroute = \"/\"\ncomponent = { source = \"a\", sauce = 1 }\n", "sauce"),
        (
            "[[trigger.http]]\nroute = \"/\"\ncomponent = \"a\"\nexecutor = { type = \"http\", x = 1 }\n[component.a]\nsource = \"a\"\n",
            "`x`",
        ),
    ] {
        let head = if text.contains("[application]") { "spin_manifest_version = 2\n" } else { HEAD };
        let error = fail(&format!("{head}{text}"));
        assert!(error.contains("unknown") && error.contains(key), "{text}: {error}");
    }
}

#[test]
fn what_spin_knows_and_this_runner_does_not_is_named() {
    let in_component = |line: &str| format!("[component.x]\nsource = \"a\"\n{line}\n");
    let dependency = |value: &str| in_component(&format!("[component.x.dependencies]\n\"a:b\" = {value}"));
    let trigger = |line: &str| {
        format!("[[trigger.http]]\nroute = \"/\"\ncomponent = \"x\"\n{line}\n{}", in_component(""))
    };
    for (text, expected) in [
        (in_component("ai_models = [\"llama2-chat\"]"), "`ai_models` in component `x`"),
        (in_component("files = [\"a/*\"]"), "`files` in component `x`"),
        (in_component("exclude_files = [\"a/*\"]"), "`exclude_files` in component `x`"),
        (in_component("allowed_http_hosts = [\"a\"]"), "`allowed_http_hosts` in component `x`"),
        (
            "[component.x]\nsource = { url = \"https://a\", digest = \"sha256:1\" }\n".into(),
            "`source.url` in component `x`",
        ),
        (
            "[component.x]\nsource = { package = \"a:b\", version = \"1.0.0\" }\n".into(),
            "`source.package` (a registry source) in component `x`",
        ),
        (dependency("\">=1.0.0\""), "a registry version in dependency `a:b` of component `x`"),
        (
            dependency("{ url = \"https://a\", digest = \"sha256:1\" }"),
            "`url` in dependency `a:b` of component `x`",
        ),
        (dependency("{ version = \"1.0.0\" }"), "`version` in dependency `a:b` of component `x`"),
        ("[[trigger.redis]]\nchannel = \"a\"\n".into(), "trigger type `redis`"),
        (trigger("executor = { type = \"wagi\" }"), "`executor` of type `wagi` in trigger `x-http-trigger`"),
        (
            trigger("dependencies.middleware = [{ component = \"x\" }]"),
            "`dependencies.middleware` in trigger `x-http-trigger`",
        ),
        (trigger("components = { extra = \"x\" }"), "`components.extra` in trigger `x-http-trigger`"),
    ] {
        assert_eq!(
            fail(&format!("{HEAD}{text}")),
            format!("{expected} is not supported by this runner"),
            "{text}"
        );
    }
    let base =
        "spin_manifest_version = 2\n[application]\nname = \"x\"\n[application.trigger.http]\nbase = \"/x\"\n";
    assert_eq!(fail(base), "`application.trigger.http.base` is not supported by this runner");
}

#[test]
fn empty_lists_of_unsupported_things_are_fine() {
    let text = format!("{HEAD}[component.x]\nsource = \"a\"\nai_models = []\nfiles = []\n");

    assert!(parse(&text).is_ok());
}

#[test]
fn values_that_mean_nothing_are_refused_with_their_place() {
    let component = "[component.x]\nsource = \"a\"\n";
    for (text, expected) in [
        ("[variables]\na = { }".into(), "variable `a`: must either be `required = true` or have a `default`"),
        ("[variables]\na = { required = true, default = \"x\" }".into(), "variable `a`: must either be"),
        ("[variables]\nA-b = { default = \"x\" }".into(), "variable `A-b`: a variable name has lower-case"),
        (format!("{component}variables = {{ A = \"x\" }}"), "variable `A` of component `x`"),
        (
            "[[trigger.http]]\nroute = \"/\"".into(),
            "trigger `http-trigger1`: needs a `component` or a `static_response`",
        ),
        ("[[trigger.http]]\nroute = \"/\"\ncomponent = \"x\"\nstatic_response = {}".into(), "has both"),
        ("[[trigger.http]]\nroute = \"/\"\ncomponent = \"y\"".into(), "component `y` does not exist"),
        (
            "[[trigger.http]]\nroute = { private = false }\nstatic_response = {}".into(),
            "must be a pattern such as",
        ),
        (
            "[[trigger.http]]\nstatic_response = {}".into(),
            "`[[trigger.http]]` number 1: missing field `route`",
        ),
        ("[[trigger.http]]\nroute = 1\nstatic_response = {}".into(), "must be a pattern such as"),
        (
            "[[trigger.http]]\nroute = \"/\"\nstatic_response = { status_code = 99 }".into(),
            "`status_code` 99 is not an HTTP status",
        ),
        (
            "[[trigger.http]]\nroute = \"/\"\nstatic_response = { headers = { \"a b\" = \"c\" } }".into(),
            "header `a b`",
        ),
        ("[trigger.http]\nroute = \"/\"".into(), "write `[[trigger.http]]`"),
        ("[component.x_y]\nsource = \"a\"".into(), "component `x_y`: ids consist of"),
        ("[component.1x]\nsource = \"a\"".into(), "component `1x`: ids are words"),
        ("[component.xY]\nsource = \"a\"".into(), "component `xY`: each word"),
        ("[component.x]\nsource = 1".into(), "`source` in component `x`: must be the path"),
        (format!("{component}sqlite_databases = [\"a b\"]"), "label `a b` in component `x`"),
        (format!("{component}key_value_stores = [\"\"]"), "label `` in component `x`"),
    ] {
        let error = fail(&format!("{HEAD}{text}\n"));
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn dependencies_that_cannot_work_are_refused_with_their_place() {
    let dependencies =
        |lines: &str| format!("{HEAD}[component.x]\nsource = \"a\"\n[component.x.dependencies]\n{lines}\n");
    for (lines, expected) in [
        ("\"a:b/c\" = { }", "dependency `a:b/c` of component `x`: needs either a `path` or a `component`"),
        ("\"a:b/c\" = { path = \"p\", component = \"y\" }", "needs either a `path` or a `component`"),
        ("\"a:b/c\" = { component = \"y\" }", "component `y` does not exist"),
        ("\"a:b\" = { path = \"p\", export = \"e\" }", "a whole package cannot be satisfied by one `export`"),
        ("\"a:b/c@1\" = { path = \"p\" }", "the version must be of the form 1.2.3"),
        ("\"a/c\" = { path = \"p\" }", "use `name`, `namespace:package`"),
        ("\"a:b/c\" = { path = \"p\", inherit_configuration = [\"secrets\"] }", "unknown key \"secrets\""),
        ("\"a:b/c\" = { path = \"p\", inherit_configuration = 1 }", "must be true, false or a list"),
        ("\"a:b\" = { path = \"p\" }\n\"a:b/c\" = { path = \"q\" }", "`a:b` conflicts with `a:b/c`"),
        (
            "\"a:b/c@1.0.0\" = { path = \"p\" }\n\"a:b/c@1.2.0\" = { path = \"q\" }",
            "`a:b/c@1.0.0` conflicts with `a:b/c@1.2.0`",
        ),
    ] {
        let error = fail(&dependencies(lines));
        assert!(error.contains(expected), "{lines}: {error}");
    }
    for lines in [
        "\"a:b/c@1.0.0\" = { path = \"p\" }\n\"a:b/c@2.0.0\" = { path = \"q\" }",
        "\"a:b/c@0.1.0\" = { path = \"p\" }\n\"a:b/c@0.2.0\" = { path = \"q\" }",
        "\"a:b/c\" = { path = \"p\" }\n\"a:b/d\" = { path = \"q\" }",
        "plain = { path = \"p\" }\n\"a:b\" = { path = \"q\" }",
    ] {
        assert!(parse(&dependencies(lines)).is_ok(), "{lines}");
    }
}

#[test]
fn a_component_with_grants_of_its_own_cannot_be_a_dependency() {
    let error = fail(&format!(
        "{HEAD}[component.x]\nsource = \"a\"\n[component.x.dependencies]\n\"a:b\" = {{ component = \"y\" }}\n\
         [component.y]\nsource = \"b\"\nsqlite_databases = [\"default\"]\nvariables = {{ a = \"b\" }}\n"
    ));

    assert_eq!(
        error,
        "dependency `a:b` of component `x`: component `y` cannot be a dependency: dependencies have no grants of their own, \
         but it has sqlite_databases, variables"
    );
}

#[test]
fn inheritance_is_set_for_one_dependency_or_for_all_but_not_both() {
    let text = |component: &str, dependency: &str| {
        format!(
            "{HEAD}[component.x]\nsource = \"a\"\n{component}\n[component.x.dependencies]\n\"a:b\" = {{ path = \"p\" {dependency} }}\n"
        )
    };
    let inherit = |component: &str, dependency: &str| {
        parse(&text(component, dependency)).unwrap().components["x"].dependencies[0].inherit.clone()
    };

    assert_eq!(inherit("", ""), Inherit::Only(Vec::new()));
    assert_eq!(inherit("", ", inherit_configuration = false"), Inherit::Only(Vec::new()));
    assert_eq!(inherit("", ", inherit_configuration = true"), Inherit::All);
    assert_eq!(inherit("dependencies_inherit_configuration = true", ""), Inherit::All);
    assert_eq!(inherit("dependencies_inherit_configuration = false", ""), Inherit::Only(Vec::new()));
    let error = fail(&text("dependencies_inherit_configuration = true", ", inherit_configuration = true"));
    assert!(error.contains("exclude each other"), "{error}");
}

#[test]
fn version_tracks_follow_semantic_versioning() {
    for (version, track) in [
        ("1.2.3", Some("1")),
        ("0.2.3", Some("0.2")),
        ("0.0.3", Some("0.0.3")),
        ("1.0.0-rc.1", Some("1.0.0-rc.1")),
        ("1.2.3+build", Some("1")),
        ("1.2", None),
        ("1.x.0", None),
        ("", None),
    ] {
        assert_eq!(dependency::version_track(version).as_deref(), track, "{version}");
    }
}

fn parse(text: &str) -> Result<Manifest, Error> {
    Manifest::parse(text, Path::new("/app"))
}

fn fail(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}
