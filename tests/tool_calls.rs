//! Tenants' tools in live calls: the words travel as sound, and the tools' bytes come from where uploads put them.
#![cfg(test)]

#[path = "tool_calls/component.rs"]
mod component;
mod harness;

use std::time::Duration;

use component::{Component, Reply};
use harness::{CarrierStage, NUMBER, PATIENCE, count, eventually, hears};
use serde_json::{Value, json};
use sim::carrier::Call;
use store::native::Artifacts;
use store::{
    Act, GateCheck, NewVersion, TenantId, Timestamp, ToolAlias, ToolDigest, ToolQuota, ToolReference,
};

const PERSON: &str = "+15557770021";
const GREETING: &str = "How can I help you?";

/// The silence after which the agent has had its say.
const SILENCE: Duration = Duration::from_millis(1200);

/// What the simulated model says of what a tool gave it; not of what is said word for word.
const MODELS_WORDS: &str = "Is there anything else?";

#[tokio::test(flavor = "multi_thread")]
async fn a_tenants_tool_is_called_in_a_call_and_its_data_is_logged() {
    let stage = CarrierStage::set(&[]).await;
    let data = r#"{"order":4711}"#;
    put(&stage, &["orders"], &orders("It arrives on Friday.", data)).await;
    let mut call = called(&stage).await;
    call.say("Where are my orders, please?").await.unwrap();
    let heard = hears(&call, MODELS_WORDS).await;
    assert!(heard.contains("It arrives on Friday."), "{heard}");
    let detail = ended(&stage, call).await;
    let finished = finished(&detail);
    assert_eq!((&finished[0]["name"], &finished[0]["outcome"]), (&json!("orders"), &json!("success")));
    assert_eq!(finished[0]["data"], json!({ "order": 4711 }));
    assert!(!finished[0]["text"].as_str().unwrap().contains("4711"), "the model is not told: {finished:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_keeps_its_version_and_the_next_gets_the_new_one() {
    let stage = CarrierStage::set(&[]).await;
    put(&stage, &["orders"], &orders("It arrives on Friday.", "")).await;
    let mut first = called(&stage).await;
    first.say("Where are my orders, please?").await.unwrap();
    hears(&first, "It arrives on Friday.").await;
    put(&stage, &["orders"], &orders("It arrives on Sunday.", "")).await;
    hears(&first, MODELS_WORDS).await;
    first.say("Sorry, where are the orders?").await.unwrap();
    let heard = hears(&first, MODELS_WORDS).await;
    assert!(heard.contains("It arrives on Friday."), "{heard}");
    ended(&stage, first).await;
    let mut second = called(&stage).await;
    second.say("Where are my orders, please?").await.unwrap();
    hears(&second, "It arrives on Sunday.").await;
    ended(&stage, second).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_acts_once_the_caller_has_said_yes_and_not_before() {
    let stage = CarrierStage::set(&[]).await;
    let refund = Component {
        name: "refund",
        effect: "changes",
        reply: Reply::Confirm("Shall I pay back the whole sum?"),
        confirmed: Reply::Done(["The money is on its way.", "", ""]),
    };
    put(&stage, &["refund"], &refund).await;
    let mut call = called(&stage).await;
    call.say("I want a refund.").await.unwrap();
    let heard = hears(&call, "Shall I pay back the whole sum?").await;
    assert!(!heard.contains("on its way"), "{heard}");
    call.say("Yes, please.").await.unwrap();
    hears(&call, "The money is on its way.").await;
    hears(&call, MODELS_WORDS).await;
    // The caller's word is used up: the next wish is asked about again.
    call.say("I want another refund.").await.unwrap();
    hears(&call, "Shall I pay back the whole sum?").await;
    let detail = ended(&stage, call).await;
    let outcomes: Vec<_> = finished(&detail).iter().map(|data| data["outcome"].clone()).collect();
    assert_eq!(outcomes, ["confirm", "success", "confirm"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_tool_wants_said_is_said_word_for_word() {
    let stage = CarrierStage::set(&[]).await;
    let words = "It is sunny in Madrid today.";
    let weather = Component::answering("weather", "pure", Reply::Done(["{}", words, ""]));
    put(&stage, &["weather"], &weather).await;
    let mut call = called(&stage).await;
    // The second answer is the first one, kept.
    for _ in 0..2 {
        call.say("How is the weather?").await.unwrap();
        let heard = call.listen(SILENCE, PATIENCE).await.unwrap();
        assert!(heard.ends_with(words), "{heard}");
    }
    let detail = ended(&stage, call).await;
    let said = of(&detail, "turn.finished").filter(|data| data["said"].as_str().unwrap().ends_with(words));
    assert_eq!((said.count(), finished(&detail).len()), (2, 2), "{detail:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_that_traps_costs_its_run_and_not_the_call() {
    let stage = CarrierStage::set(&[]).await;
    put(&stage, &[], &Component::answering("parcels", "reads", Reply::Trap)).await;
    put(&stage, &["parcels", "orders"], &orders("It arrives on Friday.", "")).await;
    let mut call = called(&stage).await;
    call.say("Where are my parcels?").await.unwrap();
    hears(&call, "not possible at the moment").await;
    call.say("Then where are my orders?").await.unwrap();
    hears(&call, "It arrives on Friday.").await;
    let detail = ended(&stage, call).await;
    let outcomes: Vec<_> = finished(&detail).iter().map(|data| data["outcome"].clone()).collect();
    assert_eq!(outcomes, ["fault", "success"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quarantined_version_runs_no_more_in_a_call_that_had_it() {
    let stage = CarrierStage::set(&[]).await;
    let orders = orders("It arrives on Friday.", "");
    put(&stage, &["orders"], &orders).await;
    let mut call = called(&stage).await;
    call.say("Where are my orders, please?").await.unwrap();
    hears(&call, MODELS_WORDS).await;
    let act = Act { by: "the tests", why: "it does harm", at: Timestamp::now() };
    assert!(stage.server.store().quarantine_tool(&ToolDigest::of(&orders.bytes()), &act).await.unwrap());
    call.say("Sorry, where are the orders?").await.unwrap();
    hears(&call, "it is out of order").await;
    let detail = ended(&stage, call).await;
    let outcomes: Vec<_> = finished(&detail).iter().map(|data| data["outcome"].clone()).collect();
    assert_eq!(outcomes, ["success", "failure"]);
}

fn orders(content: &'static str, data: &'static str) -> Component {
    Component::answering("orders", "reads", Reply::Done([content, "", data]))
}

/// Puts a version where uploads go and lets it go live; then the agent may use `tools`.
async fn put(stage: &CarrierStage, tools: &[&str], component: &Component) {
    let (store, tenant) = (stage.server.store(), "default".parse::<TenantId>().unwrap());
    let bytes = component.bytes();
    let digest = Artifacts::open(&stage.server.data().join("tools")).unwrap().put(&bytes).unwrap();
    assert_eq!(digest, ToolDigest::of(&bytes));
    let report = json!({ "tier": "standard" });
    let check = GateCheck { gate: "test".into(), engine: "test".into(), refusal: None, report };
    let version = NewVersion { digest: digest.clone(), bytes: bytes.len() as u64, compiled_bytes: 0, check };
    let name = component.name.parse().unwrap();
    let act = Act { by: "the tests", why: "", at: Timestamp::now() };
    store.put_tool_version(&tenant, &name, &version, &ToolQuota::default(), &act).await.unwrap();
    store.switch_tool(&tenant, &name, (ToolAlias::Live, 100), &digest, &act).await.unwrap();
    let tools: Vec<ToolReference> = tools.iter().map(|tool| tool.parse().unwrap()).collect();
    assert!(store.set_agent_tools(&tenant, &"receptionist".parse().unwrap(), &tools).await.unwrap());
}

/// A call whose greeting was heard.
async fn called(stage: &CarrierStage) -> Call {
    let call = stage.twilio.place_call(PERSON, NUMBER);
    hears(&call, GREETING).await;
    call
}

/// The caller hangs up. Returns what the API tells of the call.
async fn ended(stage: &CarrierStage, call: Call) -> Value {
    call.hang_up().await;
    call.ended(PATIENCE).await.unwrap();
    eventually("the call to be over", async || {
        let detail = stage.server.call_detail(call.sid()).await;
        (count(&detail, "call.ended") == 1).then_some(detail)
    })
    .await
}

fn finished(detail: &Value) -> Vec<&Value> {
    of(detail, "tool.finished").collect()
}

/// The data of a call's events of a type.
fn of<'a>(detail: &'a Value, kind: &'a str) -> impl Iterator<Item = &'a Value> {
    let events = detail["events"].as_array().unwrap();
    events.iter().filter(move |event| event["type"] == kind).map(|event| &event["data"])
}
