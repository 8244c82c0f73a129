//! Every capability component, run through its interface as the media plane runs it.

#![cfg(test)]

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use sandbox::platform::webhook_verification::{Request, Scheme, TwilioKeys, UrlSource};
use sandbox::platform::{call_routing, memory, sentiment, tool_calls};
use sandbox::{Capabilities, CapabilityPaths, HotEngine};
use serde_json::Value;

static CAPABILITIES: LazyLock<Capabilities> = LazyLock::new(|| {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/components"));
    let engine = HotEngine::new().unwrap();
    Capabilities::load(&engine, &CapabilityPaths::new(folder)).unwrap_or_else(|error| panic!("{error}"))
});

#[test]
fn every_twilio_signature_vector_is_judged_as_expected() {
    let vectors =
        vectors(include_str!("../../../components/webhook-verification/tests/vectors/twilio_signature.json"));
    for vector in &vectors {
        let (request, token) = signed_request(&vector["inputs"]);
        let scheme = Scheme::Twilio(TwilioKeys { auth_tokens: vec![token] });
        let verdict = CAPABILITIES.verify_webhook(&request, &scheme).unwrap();
        assert_eq!(verdict.is_ok(), vector["expected"]["valid"].as_bool().unwrap(), "{vector}: {verdict:?}");
    }
    println!("twilio_signature: {} vectors", vectors.len());
}

#[test]
fn every_public_url_vector_is_rebuilt() {
    let vectors = vectors(include_str!(
        "../../../components/webhook-verification/tests/vectors/twilio_public_url.json"
    ));
    for vector in &vectors {
        let inputs = &vector["inputs"];
        let target = inputs["request_line"].as_str().unwrap().split(' ').nth(1).unwrap();
        let source = UrlSource {
            public_base_url: inputs["config"]["public_base_url"].as_str().map(str::to_owned),
            trust_forwarded: inputs["config"]["trust_forwarded"].as_bool().unwrap(),
            encrypted: false,
        };
        let url = CAPABILITIES.public_url(target, &headers(inputs), &source).unwrap();
        assert_eq!(url.as_deref(), Ok(vector["expected"]["url"].as_str().unwrap()));
    }
    println!("twilio_public_url: {} vectors", vectors.len());
}

#[test]
fn a_rule_that_applies_decides_and_says_why() {
    let rule = call_routing::Rule {
        id: "sales".into(),
        priority: 1,
        direction: None,
        called: vec!["+34910000000".into()],
        callers: Vec::new(),
        hours: call_routing::HoursCondition::Any,
        decision: call_routing::Decision::Connect("receptionist".into()),
    };
    let table = call_routing::Table {
        blocked_callers: vec!["+1900*".into()],
        hours: None,
        rules: vec![rule],
        fallback: call_routing::Decision::Message("Nobody is here.".into()),
    };
    let mut call = call_routing::Call {
        called: "+34910000000".into(),
        caller: "+34600000000".into(),
        direction: call_routing::Direction::Inbound,
        at: 1_795_158_000_000,
    };
    let answer = CAPABILITIES.route_call(&call, &table).unwrap().unwrap();
    assert!(matches!(answer.reason, call_routing::Reason::Rule(id) if id == "sales"));
    call.caller = "+19005550100".into();
    let answer = CAPABILITIES.route_call(&call, &table).unwrap().unwrap();
    assert!(matches!(answer.reason, call_routing::Reason::Blocked(_)));
}

#[test]
fn negation_turns_the_mood() {
    let score = |text: &str| CAPABILITIES.assess_sentiment(text, &[]).unwrap().unwrap().score;
    assert!(score("That is very good, thank you") > 0.05);
    assert!(score("That is not good at all") < -0.05);
    let upset = CAPABILITIES.assess_sentiment("This is ridiculous, let me speak to a human", &[-0.6, -0.7]);
    let upset = upset.unwrap().unwrap();
    assert_eq!(upset.label, sentiment::Label::Negative);
    assert!(upset.adaptation.escalate);
}

#[test]
fn what_is_alike_ranks_first() {
    let snapshot = |id: &str, text: &str| memory::Snapshot {
        id: id.into(),
        kind: memory::Kind::Fact,
        text: text.into(),
        embedding: CAPABILITIES.embed(text).unwrap(),
        at: 1_795_000_000_000,
    };
    let candidates = [
        snapshot("dog", "Has a dog called Rex"),
        snapshot("visit", "Booked an appointment for Tuesday at 15:00"),
    ];
    let query = memory::Query {
        text: "I want to move my appointment".into(),
        embedding: None,
        now: 1_795_158_000_000,
        limit: 5,
    };
    let ranked = CAPABILITIES.rank_memories(&query, &candidates).unwrap().unwrap();
    assert_eq!(ranked[0].id, "visit");
}

#[test]
fn a_call_the_model_got_wrong_is_named_so_that_it_can_mend_it() {
    let definition = tool_calls::Definition {
        name: "quote".into(),
        parameters: r#"{"type":"object","properties":{"kilos":{"type":"number"}},"required":["kilos"]}"#
            .into(),
        side_effect: false,
        timeout_ms: 0,
    };
    let mut request = tool_calls::Request {
        call_id: "c".into(),
        turn: 1,
        tool_call_id: "t".into(),
        name: "quote".into(),
        arguments: r#"{"kilos":"three"}"#.into(),
    };
    let refusal =
        CAPABILITIES.plan_tool_call(&request, std::slice::from_ref(&definition)).unwrap().unwrap_err();
    assert!(
        matches!(&refusal, tool_calls::Refusal::InvalidArguments(problems) if problems[0].path == "/kilos")
    );
    let told = CAPABILITIES
        .shape_outcome(&tool_calls::Outcome::Refused(refusal), tool_calls::Audience::Vapi)
        .unwrap();
    assert!(told.contains("kilos") && !told.contains('\n'), "{told}");
    request.arguments = r#"{ "kilos": 3 }"#.into();
    let plan = CAPABILITIES.plan_tool_call(&request, &[definition]).unwrap().unwrap();
    assert_eq!(plan.arguments, r#"{"kilos":3}"#);
}

#[test]
fn calls_from_many_threads_do_not_disturb_each_other() {
    let shared = Arc::new(&*CAPABILITIES);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let shared = shared.clone();
            scope.spawn(move || {
                for n in 0..50 {
                    let text = format!("caller {thread} line {n} is very happy");
                    assert_eq!(shared.embed(&text).unwrap(), shared.embed(&text).unwrap());
                }
            });
        }
    });
}

fn vectors(json: &str) -> Vec<Value> {
    serde_json::from_str(json).unwrap()
}

fn signed_request(inputs: &Value) -> (Request, String) {
    let mut headers = headers(inputs);
    let content_type = inputs["content_type"].as_str().unwrap();
    if !content_type.is_empty() {
        headers.push(("Content-Type".into(), content_type.into()));
    }
    let fields = inputs["params"].as_array().unwrap().iter();
    let fields = fields.map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap()));
    let body = match inputs["body"].as_str() {
        Some(body) => body.to_owned(),
        None => url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish(),
    };
    let text = |name: &str| inputs[name].as_str().unwrap().to_owned();
    (
        Request { method: text("method"), url: text("url"), headers, body: body.into_bytes() },
        text("auth_token"),
    )
}

fn headers(inputs: &Value) -> Vec<(String, String)> {
    let headers = inputs["headers"].as_object().unwrap();
    headers.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect()
}
