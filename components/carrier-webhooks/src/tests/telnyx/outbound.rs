//! Calls that we place: the carrier's names reach them by our own.

use std::time::Duration;

use serde_json::{Map, Value, json};
use store::{Attempt, Call, CallAccount, CallId, CallStatus, NewOrder, Ordered, Timestamp};
use telnyx::ClientState;

use super::line::{LEG, claims, event, setting};
use crate::tests::senders::telnyx_key;
use crate::tests::setting::{CALLER, NOW, NUMBER, Setting};

#[tokio::test]
async fn a_call_that_we_place_is_named_and_gets_its_socket_once_answered() {
    let setting = setting().await;
    let call = placed(&setting).await;
    setting.telnyx(&[leg(&call, "1", "call.initiated", outgoing())]).await;
    let named = setting.only_call().await;
    assert_eq!((named.id.clone(), named.carrier_call_id.as_deref()), (call.id.clone(), Some(LEG)));
    assert!(setting.actions().await.is_empty());

    setting.telnyx(&[leg(&call, "2", "call.answered", json!({}))]).await;
    let (action, body) = setting.ordered().await.remove(0);
    assert_eq!((action.as_str(), claims(&body).call.as_str()), ("streaming_start", call.id.as_str()));
    assert_eq!(setting.only_call().await.status, CallStatus::InProgress);
}

#[tokio::test]
async fn whatever_event_comes_first_names_the_call() {
    let setting = setting().await;
    let call = placed(&setting).await;
    let machine = leg(&call, "3", "call.machine.detection.ended", json!({ "result": "machine" }));
    let answered = leg(&call, "2", "call.answered", json!({}));
    let greeting = leg(&call, "4", "call.machine.greeting.ended", json!({ "result": "beep_detected" }));
    setting.telnyx(&[machine, answered, leg(&call, "1", "call.initiated", outgoing()), greeting]).await;
    let call = setting.only_call().await;
    assert_eq!((call.carrier_call_id.as_deref(), call.answered_by.as_deref()), (Some(LEG), Some("machine")));
    assert_eq!(setting.actions().await, ["streaming_start"]);
}

#[tokio::test]
async fn a_call_that_nobody_takes_ends_unanswered() {
    let setting = setting().await;
    let call = placed(&setting).await;
    let gone =
        leg(&call, "2", "call.hangup", json!({ "hangup_cause": "timeout", "hangup_source": "callee" }));
    setting.telnyx(&[leg(&call, "1", "call.initiated", outgoing()), gone]).await;
    let call = setting.only_call().await;
    assert_eq!((call.status, call.end_reason.as_deref()), (CallStatus::NoAnswer, Some("no-answer")));
    assert!(setting.actions().await.is_empty());
}

#[tokio::test]
async fn a_second_call_of_one_order_does_not_become_it_and_is_hung_up_once() {
    let setting = setting().await;
    let call = placed(&setting).await;
    setting.telnyx(&[leg(&call, "1", "call.initiated", outgoing())]).await;
    let mut other = outgoing();
    other["call_control_id"] = json!("v3:other");
    other["call_leg_id"] = json!("other-leg");
    other["call_session_id"] = json!("other-session");
    let event = leg(&call, "0ccc7b54-4df3-4bca-a65a-3da1ecc777f0", "call.initiated", other);
    for seconds in 0..2 {
        let at = Timestamp(NOW.0 + seconds * 1000);
        assert!(setting.telnyx_at("/webhooks/telnyx/call", &event, at).await < 300);
    }
    assert_eq!(setting.only_call().await.carrier_call_id.as_deref(), Some(LEG));
    let commands = setting.commands_of("v3:other").await;
    assert_eq!(commands.iter().map(|(action, _)| action.as_str()).collect::<Vec<_>>(), ["hangup"]);
    assert!(setting.actions().await.is_empty());
}

#[tokio::test]
async fn nobody_elses_number_can_name_a_call() {
    let setting = setting().await;
    let call = placed(&setting).await;
    let mut foreign = outgoing();
    foreign["from"] = json!("+34910000009");
    setting.telnyx(&[leg(&call, "1", "call.initiated", foreign)]).await;
    let unknown = CallId::generate(Timestamp(NOW.0 + 1));
    let state = ClientState::of_call(unknown.as_str()).unwrap().encoded();
    let mut strange = leg(&call, "2", "call.initiated", outgoing());
    strange["data"]["payload"]["client_state"] = json!(state);
    let mut stateless = leg(&call, "3", "call.initiated", outgoing());
    stateless["data"]["payload"]["client_state"] = Value::Null;
    setting.telnyx(&[strange, stateless]).await;
    assert_eq!(setting.only_call().await.carrier_call_id, None);
}

#[tokio::test]
async fn a_tenants_own_key_names_an_order_only_where_the_tenants_own_account_was_asked() {
    let own_account = CallAccount::Own("149".into());
    for (account, is_theirs) in
        [(None, false), (Some(CallAccount::Platform), false), (Some(own_account), true)]
    {
        let setting = setting().await;
        let (store, tenant) = (&setting.store, &setting.tenant);
        store.add_webhook_key(tenant, "telnyx", &telnyx_key(), NOW).await.unwrap();
        let call = placed(&setting).await;
        if let Some(account) = &account {
            let attempt = Attempt { id: "attempt", account: Some(account) };
            assert!(store.order_attempt(tenant, &call.id, attempt, NOW).await.unwrap());
        }
        let target = format!("/webhooks/tenants/{tenant}/telnyx/call");
        let answered = leg(&call, "1", "call.answered", json!({}));
        assert!(setting.telnyx_at(&target, &answered, NOW).await < 300);
        let named = setting.only_call().await.carrier_call_id;
        assert_eq!(named.as_deref(), is_theirs.then_some(LEG), "{account:?}");
        assert_eq!(setting.actions().await.len(), usize::from(is_theirs));
    }
}

fn outgoing() -> Value {
    json!({ "direction": "outgoing", "state": "bridging" })
}

/// An event of the leg that was dialled for `call`.
fn leg(call: &Call, id: &str, event_type: &str, fields: Value) -> Value {
    let mut all = json!({
        "from": NUMBER,
        "to": CALLER,
        "client_state": ClientState::of_call(call.id.as_str()).unwrap().encoded(),
    });
    if let (Value::Object(all), Value::Object(fields)) = (&mut all, fields) {
        all.extend(fields);
    }
    event(id, event_type, all)
}

async fn placed(setting: &Setting) -> Call {
    let order = NewOrder {
        call: CallId::generate(NOW),
        key: "order-1".into(),
        fingerprint: "f".into(),
        carrier: "telnyx".into(),
        agent: "receptionist".parse().unwrap(),
        from: NUMBER.parse().unwrap(),
        to: CALLER.parse().unwrap(),
        variables: Map::new(),
        not_before: NOW,
        not_after: NOW.plus(Duration::from_secs(3600)),
        hours: None,
        detect_machine: true,
        record: false,
        ring: Duration::from_secs(30),
        max_live: None,
    };
    match setting.store.order_call(&setting.tenant, order, NOW).await.unwrap() {
        Ordered::New(call) => call,
        other => panic!("{other:?}"),
    }
}
