//! Which requests are planned, and what a model is told of the others.

#![cfg(test)]

use proptest::prelude::*;
use serde_json::{Value, json};
use tool_calls::{
    Component, MAX_PROBLEMS,
    bindings::exports::voicehive::platform::tool_calls::{
        Definition, Guest, Plan, Problem, Refusal, Request,
    },
};

const BOOKING: &str = r##"{
  "type": "object",
  "properties": {
    "action": {"enum": ["book", "move", "cancel", "list"]},
    "start": {"type": "string", "format": "date-time", "description": "When it starts"},
    "guests": {"type": "integer", "minimum": 1, "maximum": 12},
    "phone": {"type": "string", "pattern": "^\\+[0-9]{6,15}$"},
    "contact": {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/person"}]},
    "tags": {"type": "array", "items": {"type": "string", "maxLength": 5}, "uniqueItems": true}
  },
  "required": ["action", "start"],
  "additionalProperties": false,
  "$defs": {"person": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}}
}"##;

const GOOD: &str = r#"{"start":"2026-11-24T15:00:00Z","action":"book","guests":2}"#;

#[test]
fn a_fitting_request_is_planned_with_canonical_arguments() {
    let plan =
        plan(" {\"start\" : \"2026-11-24T15:00:00Z\", \"action\":\"book\", \"guests\": 2.0 } ").unwrap();
    assert_eq!(plan.arguments, r#"{"action":"book","guests":2,"start":"2026-11-24T15:00:00Z"}"#);
    assert!(plan.side_effect);
    assert_eq!(plan.idempotency_key.len(), 64);
}

#[test]
fn blank_arguments_are_an_empty_object() {
    let tool = definition("ping", r#"{"type":"object"}"#);
    let plan = Component::plan_call(request("ping", "  \n"), vec![tool]).unwrap();
    assert_eq!(plan.arguments, "{}");
}

#[test]
fn an_unknown_tool_is_answered_with_those_that_exist() {
    let refused =
        Component::plan_call(request("bok", "{}"), vec![definition("book", "{}"), definition("leads", "{}")]);
    assert_eq!(refused, Err(Refusal::UnknownTool(vec!["book".into(), "leads".into()])));
}

#[test]
fn malformed_arguments_are_refused_by_line_and_column() {
    for (arguments, place) in [
        ("{\"action\": book}", "line 1 column 12"),
        ("{\"a\":1,\n\"b\"}", "line 2 column 4"),
        ("[]", "an array"),
    ] {
        let Err(Refusal::MalformedArguments(text)) = plan(arguments) else { panic!("{arguments} was taken") };
        assert!(text.contains(place), "{arguments:?}: {text}");
    }
}

#[test]
fn each_problem_names_its_place_what_is_wrong_and_what_is_expected() {
    for (arguments, path, words) in [
        (r#"{"action":"book"}"#, "/start", &["required", "a string", "When it starts"][..]),
        (r#"{"action":"buy","start":"2026-11-24T15:00:00Z"}"#, "/action", &["\"book\", \"move\"", "\"buy\""]),
        (r#"{"action":"book","start":"tomorrow"}"#, "/start", &["2026-11-24T15:00:00+01:00", "\"tomorrow\""]),
        (
            r#"{"action":"book","start":"2026-11-24T15:00:00Z","guests":"two"}"#,
            "/guests",
            &["an integer", "a string", "\"two\""],
        ),
        (r#"{"action":"book","start":"2026-11-24T15:00:00Z","guests":13}"#, "/guests", &["at most 12", "13"]),
        (
            r#"{"action":"book","start":"2026-11-24T15:00:00Z","guest":1}"#,
            "/guest",
            &["does not exist", "guests", "leave it out"],
        ),
        (
            r#"{"action":"book","start":"2026-11-24T15:00:00Z","phone":"12"}"#,
            "/phone",
            &["of the form", "^\\+[0-9]{6,15}$"],
        ),
        (
            r#"{"action":"book","start":"2026-11-24T15:00:00Z","contact":{"age":3}}"#,
            "/contact",
            &["a string", "\"name\""],
        ),
        (
            r#"{"action":"book","start":"2026-11-24T15:00:00Z","tags":["a","toolong"]}"#,
            "/tags/1",
            &["at most 5 characters"],
        ),
        (r#"{"action":"book","start":"2026-11-24T15:00:00Z","tags":["a","a"]}"#, "/tags", &["differ"]),
    ] {
        let problems = problems(arguments);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(problems[0].path, path, "{problems:?}");
        for word in words {
            assert!(problems[0].message.contains(word), "{word:?} in {:?}", problems[0].message);
        }
    }
}

#[test]
fn all_problems_are_named_at_once_up_to_eight_and_alike_every_time() {
    let few = problems(r#"{"action":1,"guests":0,"extra":true}"#);
    assert_eq!(
        few.iter().map(|problem| problem.path.as_str()).collect::<Vec<_>>(),
        ["/action", "/extra", "/guests", "/start"]
    );
    let tags: Vec<String> = (0..20).map(|n| n.to_string()).collect();
    let many = format!(r#"{{"action":"book","start":"2026-11-24T15:00:00Z","tags":[{}]}}"#, tags.join(","));
    assert_eq!(problems(&many).len(), MAX_PROBLEMS);
    assert_eq!(problems(&many), problems(&many));
}

#[test]
fn odd_names_are_escaped_in_the_pointer() {
    let problems = problems(r#"{"action":"list","start":"2026-11-24T15:00:00Z","a/b~c":1}"#);
    assert_eq!(problems[0].path, "/a~1b~0c");
}

#[test]
fn an_unusable_definition_is_the_tenants_to_mend() {
    for (parameters, words) in [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[]", "must be a JSON Schema object"),
        (r#"{"type":"objekt"}"#, "at /type"),
        (r#"{"type":"object","required":"name"}"#, "at /required"),
        (r#"{"properties":{"a":{"pattern":"("}}}"#, "/properties/a/pattern"),
        (r#"{"properties":{"a":{"pattern":"(?=a)"}}}"#, "/properties/a/pattern"),
        (r#"{"$schema":"https://example.com/my-own"}"#, "example.com"),
        (r#"{"$ref":"https://example.com/schema.json"}"#, "$defs"),
        (r#"{"properties":{"a":{"$ref":"other.json#/a"}}}"#, "$defs"),
        (r##"{"$ref":"#/$defs/missing"}"##, "$defs"),
        (r#"{"$ref":"file:///etc/passwd"}"#, "$defs"),
    ] {
        let refused = Component::plan_call(request("tool", "{}"), vec![definition("tool", parameters)]);
        let Err(Refusal::InvalidDefinition(text)) = refused else { panic!("{parameters}: {refused:?}") };
        assert!(text.contains(words), "{parameters}: {text}");
    }
}

#[test]
fn long_schemas_repeated_names_and_odd_names_are_refused() {
    let long = format!(r#"{{"description":"{}"}}"#, "x".repeat(70_000));
    for (name, definitions) in [
        ("tool", vec![definition("tool", &long)]),
        ("tool", vec![definition("tool", "{}"), definition("tool", "{}")]),
        ("my tool", vec![definition("my tool", "{}")]),
        ("", vec![definition("", "{}")]),
    ] {
        let refused = Component::plan_call(request(name, "{}"), definitions);
        assert!(matches!(refused, Err(Refusal::InvalidDefinition(_))), "{name}: {refused:?}");
    }
}

#[test]
fn a_schema_that_refers_to_itself_ends() {
    for parameters in [
        r##"{"$ref":"#"}"##,
        r##"{"allOf":[{"$ref":"#"}]}"##,
        r##"{"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}}}"##,
        r##"{"properties":{"child":{"$ref":"#"}},"additionalProperties":false}"##,
        r##"{"anyOf":[{"$ref":"#"},{"type":"string"}]}"##,
        r##"{"not":{"$ref":"#"}}"##,
    ] {
        let deep = format!("{}{}", "{\"child\":".repeat(100), "{}") + &"}".repeat(100);
        for arguments in ["{}", &deep] {
            // Any answer will do, as long as there is one.
            let _answer =
                Component::plan_call(request("tool", arguments), vec![definition("tool", parameters)]);
        }
    }
}

#[test]
fn a_local_reference_and_older_drafts_work() {
    let with_contact = GOOD.replace("\"guests\":2", "\"contact\":{\"name\":\"Dana\"}");
    assert!(plan(&with_contact).is_ok());
    let draft7 = r##"{"$schema":"http://json-schema.org/draft-07/schema#","definitions":{"n":{"type":"integer"}},
        "properties":{"n":{"$ref":"#/definitions/n"}}}"##;
    let run = |arguments| Component::plan_call(request("tool", arguments), vec![definition("tool", draft7)]);
    assert!(run(r#"{"n":1}"#).is_ok());
    assert!(matches!(run(r#"{"n":"1"}"#), Err(Refusal::InvalidArguments(_))));
}

#[test]
fn timeouts_default_to_ten_seconds_and_end_at_thirty() {
    for (wanted, given) in [(0, 10_000), (1, 1), (29_999, 29_999), (30_000, 30_000), (u32::MAX, 30_000)] {
        let tool = Definition { timeout_ms: wanted, ..definition("tool", "{}") };
        assert_eq!(Component::plan_call(request("tool", "{}"), vec![tool]).unwrap().timeout_ms, given);
    }
}

#[test]
fn the_key_depends_on_call_turn_tool_and_meaning_and_on_nothing_else() {
    let key = |call: &str, turn: u32, id: &str, name: &str, arguments: &str| {
        let request = Request {
            call_id: call.into(),
            turn,
            tool_call_id: id.into(),
            name: name.into(),
            arguments: arguments.into(),
        };
        let tools = ["ab", "a"].map(|name| definition(name, "{}")).to_vec();
        Component::plan_call(request, tools).unwrap().idempotency_key
    };
    let first = key("call", 1, "id-1", "ab", r#"{"x":1,"y":2}"#);
    // printf '\0\0\0\0\0\0\0\4call\0\0\0\0\0\0\0\4\0\0\0\1\0\0\0\0\0\0\0\2ab\0\0\0\0\0\0\0\15{"x":1,"y":2}' | sha256sum
    assert_eq!(first, "660c79179e59408925ff09270c8daba5a994e64590846f9f39c8749f7c77c2c7");
    assert_eq!(first, key("call", 1, "id-2", "ab", r#"{ "y": 2.0, "x": 1 }"#));
    for other in [
        key("call", 2, "id-1", "ab", r#"{"x":1,"y":2}"#),
        key("call2", 1, "id-1", "ab", r#"{"x":1,"y":2}"#),
        key("call", 1, "id-1", "a", r#"{"x":1,"y":2}"#),
        key("call", 1, "id-1", "ab", r#"{"x":1,"y":3}"#),
    ] {
        assert_ne!(first, other);
    }
}

proptest! {
    #[test]
    fn any_text_as_arguments_or_schema_gets_the_same_answer_twice(arguments in any::<String>(), parameters in any::<String>()) {
        let tools = vec![definition("tool", &parameters), definition("book", BOOKING)];
        for (name, arguments) in [("tool", arguments.as_str()), ("tool", "{}"), ("book", &arguments)] {
            let first = Component::plan_call(request(name, arguments), tools.clone());
            prop_assert_eq!(&Component::plan_call(request(name, arguments), tools.clone()), &first);
        }
    }

    #[test]
    fn any_object_is_planned_or_refused_with_problems_that_say_something(arguments in object()) {
        match plan(&arguments.to_string()) {
            Ok(planned) => {
                prop_assert_eq!(&plan(&planned.arguments).unwrap(), &planned);
                prop_assert!(arguments["action"].is_string() && arguments["start"].is_string());
            }
            Err(Refusal::InvalidArguments(problems)) => {
                prop_assert!((1..=MAX_PROBLEMS).contains(&problems.len()));
                for problem in problems {
                    prop_assert!(!problem.message.is_empty() && problem.message.len() <= 410, "{:?}", problem);
                    prop_assert!(problem.path.is_empty() || problem.path.starts_with('/'), "{:?}", problem);
                }
            }
            Err(other) => prop_assert!(false, "{:?}", other),
        }
    }
}

/// Objects with the members of [`BOOKING`], often right.
fn object() -> impl Strategy<Value = Value> {
    let value = || {
        prop_oneof![
            prop::sample::select(vec![
                json!("book"),
                json!("2026-11-24T15:00:00Z"),
                json!(3),
                json!(3.0),
                json!("+4930123456"),
                json!({"name": "Dana"}),
                json!(["a", "b"]),
                json!(null),
                json!(-1),
                json!("x".repeat(500)),
                json!([["a"], 1, "toolong"]),
            ]),
            any::<i64>().prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
        ]
    };
    let names = prop::sample::subsequence(vec!["guests", "phone", "contact", "tags", "o/t~her", ""], 0..=4);
    (names, proptest::collection::vec(value(), 6), any::<bool>()).prop_map(|(names, values, complete)| {
        let mut members: serde_json::Map<String, Value> =
            names.into_iter().map(str::to_owned).zip(values.iter().cloned()).collect();
        let fitting = [json!("book"), json!("2026-11-24T15:00:00Z")];
        let (first, second) = if complete { (&fitting[0], &fitting[1]) } else { (&values[4], &values[5]) };
        members.insert("action".into(), first.clone());
        members.insert("start".into(), second.clone());
        Value::Object(members)
    })
}

fn plan(arguments: &str) -> Result<Plan, Refusal> {
    Component::plan_call(request("book", arguments), vec![definition("book", BOOKING)])
}

fn problems(arguments: &str) -> Vec<Problem> {
    match plan(arguments) {
        Err(Refusal::InvalidArguments(problems)) => problems,
        other => panic!("{arguments}: {other:?}"),
    }
}

fn request(name: &str, arguments: &str) -> Request {
    Request {
        call_id: "call-1".into(),
        turn: 3,
        tool_call_id: "toolu_1".into(),
        name: name.into(),
        arguments: arguments.into(),
    }
}

fn definition(name: &str, parameters: &str) -> Definition {
    Definition { name: name.into(), parameters: parameters.into(), side_effect: true, timeout_ms: 0 }
}
