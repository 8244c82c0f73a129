//! How calls are received: by the tenant's table, within its limits, and when the media plane is down.
#![cfg(test)]

mod harness;

use harness::{
    CarrierStage, NUMBER, PATIENCE, Server, Webhook, converse, count, eventually, hears, new_call_sid,
};
use serde_json::{Value, json};
use sim::carrier::{self, End, Twilio, Verb};
use store::{Agent, ApiKeyHash, TenantId, Timestamp};

const PERSON: &str = "+15557770001";
const SECOND: &str = "+15557770002";
const HUMAN: &str = "+15557770009";
const GREETING: &str = "How can I help you?";

/// What a number hears that calls too often, in part.
const TOO_OFTEN: &str = "too many calls from your number";

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_whom_no_agent_can_take_leaves_a_message() {
    let stage = CarrierStage::set(&[("VOICEHIVE_MAX_CALLS", "1".to_owned())]).await;
    let first = stage.twilio.place_call(PERSON, NUMBER);
    hears(&first, GREETING).await;
    let mut second = stage.twilio.place_call(SECOND, NUMBER);
    hears(&second, "To end the call, press 0.").await;
    second.press('1').await.unwrap();
    hears(&second, "leave a message after the tone.").await;
    second.say("Please call me back.").await.unwrap();
    hears(&second, "Thank you for your message.").await;
    assert_eq!(second.ended(PATIENCE).await.unwrap().end, End::PlatformHungUp);
    let message = one_notification(&stage).await;
    assert_eq!((&message["from"], &message["channel"]), (&json!(SECOND), &json!("voicemail")));
    assert_eq!((first.streams(), second.streams()), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn telnyx_does_what_the_table_says() {
    let stage = CarrierStage::set(&[]).await;
    let rule = |priority: u32, caller: &str, decision: Value| json!({ "id": format!("rule-{priority}"), "priority": priority, "callers": [caller], "decision": decision });
    let table = json!({
        "rules": [
            rule(1, "+15557770011", json!({ "forward": { "to": HUMAN, "ring_seconds": 20 } })),
            rule(2, "+15557770012", json!({ "message": "We are closed today." })),
            rule(3, "+15557770013", json!({ "voicemail": { "greeting": "Speak after the tone.", "max_seconds": 4 } })),
            rule(4, "+15557770014", json!({ "reject": "busy" })),
        ],
        "fallback": { "connect": "receptionist" },
    });
    let answer = stage.server.api("PUT", "/v1/routing", &table).await;
    assert_eq!(answer.status, 200, "{answer:?}");

    let mut caller = stage.telnyx.place_call("+15557770011", NUMBER);
    let mut human = stage.telnyx.callee(HUMAN, PATIENCE).await.unwrap();
    human.answered(PATIENCE).await.unwrap();
    converse(&mut caller, &mut human).await;
    human.hang_up().await;
    caller.ended(PATIENCE).await.unwrap();

    let caller = stage.telnyx.place_call("+15557770012", NUMBER);
    hears(&caller, "We are closed today.").await;
    assert_eq!(caller.ended(PATIENCE).await.unwrap().end, End::PlatformHungUp);

    let mut caller = stage.telnyx.place_call("+15557770013", NUMBER);
    hears(&caller, "Speak after the tone.").await;
    caller.say("Please call me back.").await.unwrap();
    hears(&caller, "Thank you for your message.").await;
    assert_eq!(caller.ended(PATIENCE).await.unwrap().end, End::PlatformHungUp);
    assert_eq!(one_notification(&stage).await["from"], "+15557770013");

    let caller = stage.telnyx.place_call("+15557770014", NUMBER);
    assert_eq!(caller.ended(PATIENCE).await.unwrap().end, End::Rejected);
    let over = |detail: &Value| detail["call"]["ended_at"] != Value::Null;
    let detail = stage.the_call_with("+15557770014", "the end", over).await;
    assert_eq!(
        (&detail["call"]["status"], &detail["call"]["end_reason"]),
        (&json!("busy"), &json!("rejected"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_thirty_first_call_of_a_number_is_told_to_wait() {
    let stage = CarrierStage::set(&[]).await;
    let offered = async || stage.server.deliver(&Webhook::voice(&new_call_sid())).await.verbs();
    for call in 1..=30 {
        let verbs = offered().await;
        assert!(matches!(verbs.first(), Some(Verb::Connect(_))), "call {call}: {verbs:?}");
    }
    // While this goes on, one more becomes free every other second.
    eventually("a call to be refused", async || {
        let told = format!("{:?}", offered().await);
        told.contains(TOO_OFTEN).then_some(())
    })
    .await;
    let other = stage.twilio.place_call(PERSON, NUMBER);
    hears(&other, GREETING).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_calls_too_often_hears_so_over_both_carriers() {
    let stage = CarrierStage::set(&[("VOICEHIVE_WEBHOOKS_PER_MINUTE", "1".to_owned())]).await;
    stage.talk(stage.twilio.place_call(PERSON, NUMBER)).await;
    for again in [stage.twilio.place_call(PERSON, NUMBER), stage.telnyx.place_call(PERSON, NUMBER)] {
        hears(&again, TOO_OFTEN).await;
        assert_eq!(again.ended(PATIENCE).await.unwrap().end, End::PlatformHungUp);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_has_as_many_calls_at_once_as_it_may() {
    let stage = CarrierStage::set(&[]).await;
    let answer = stage.server.api("PUT", "/v1/limits", &json!({ "max_live_calls": 1 })).await;
    assert_eq!((answer.status, answer.json()), (200, json!({ "max_live_calls": 1 })));
    let first = stage.twilio.place_call(PERSON, NUMBER);
    hears(&first, GREETING).await;
    for more in [stage.twilio.place_call(SECOND, NUMBER), stage.telnyx.place_call(HUMAN, NUMBER)] {
        let report = more.ended(PATIENCE).await.unwrap();
        assert_eq!((report.end, report.status), (End::Rejected, "busy"));
    }
    let refused = stage.order("telnyx", SECOND, "one-too-many").await;
    assert_eq!((refused.status, refused.problem()), (429, "too-many-calls".to_owned()), "{refused:?}");
    first.hang_up().await;
    first.ended(PATIENCE).await.unwrap();
    let over = |detail: &Value| detail["call"]["status"] == "completed";
    stage.the_call_with(PERSON, "the end", over).await;
    hears(&stage.telnyx.place_call("+15557770003", NUMBER), GREETING).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_are_told_when_to_come_again() {
    let server = Server::voicehive(&[]).await;
    let change = async || server.api("PUT", "/v1/limits", &json!({ "max_live_calls": null })).await;
    for request in 1..=20 {
        assert_eq!(change().await.status, 200, "request {request}");
    }
    let refused = eventually("a change to be refused", async || {
        let answer = change().await;
        (answer.status == 429).then_some(answer)
    })
    .await;
    assert_eq!(refused.problem(), "rate-limited");
    assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1, "{refused:?}");
    assert_eq!(server.get("/v1/limits").await.status, 200, "reading is not counted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_telnyx_tells_twice_is_pressed_once() {
    let stage = CarrierStage::set(&[]).await;
    let call = stage.telnyx.place_call(PERSON, NUMBER);
    hears(&call, GREETING).await;
    for key in "1123#".chars() {
        call.press(key).await.unwrap();
    }
    // What the simulated model says to words that it has no rule for.
    hears(&call, "did not understand").await;
    eventually("all webhooks to be taken", async || {
        let told = stage.telnyx.deliveries();
        let keys = told.iter().filter(|told| told.event == "call.dtmf.received");
        (keys.filter(|told| told.status.is_some_and(|status| status < 300)).count() == 5).then_some(())
    })
    .await;
    call.hang_up().await;
    let over = |detail: &Value| detail["call"]["status"] == "completed" && count(detail, "call.ended") == 1;
    let detail = stage.the_call_with(PERSON, "the end", over).await;
    assert_eq!(count(&detail, "dtmf.received"), 5, "{detail:#}");
    let entered = detail["events"].as_array().unwrap().iter().find(|event| event["type"] == "turn.committed");
    assert_eq!(entered.unwrap()["data"]["text"], "Keypad: 1123#");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_to_a_texml_application_reaches_the_agent() {
    let stage = CarrierStage::set(&[]).await;
    let telnyx = stage.texml().await;
    let mut call = telnyx.place_call(PERSON, NUMBER);
    hears(&call, GREETING).await;
    call.say("Hello, I would like an appointment, please.").await.unwrap();
    hears(&call, "which one would suit you best?").await;
    call.hang_up().await;
    assert_eq!(call.ended(PATIENCE).await.unwrap().problems, Vec::<String>::new());
    let over = |detail: &Value| detail["call"]["status"] == "completed" && count(detail, "call.ended") == 1;
    let detail = stage.the_call_with(PERSON, "the end", over).await;
    assert_eq!(
        (&detail["call"]["carrier"], &detail["call"]["end_reason"]),
        (&json!("telnyx"), &json!("caller-hangup"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenants_own_account_calls_with_a_key_of_its_own() {
    const OTHER_NUMBER: &str = "+34910000002";
    const OTHER_KEY: &str = "the-api-key-of-another-tenant";
    const OTHER_TOKEN: &str = "the-token-of-another-tenants-account";
    let stage = CarrierStage::set(&[]).await;
    other_tenant(&stage.server, OTHER_NUMBER, OTHER_KEY).await;
    let key = json!({ "scheme": "twilio", "secret": OTHER_TOKEN });
    let made = stage.server.api_as(OTHER_KEY, "POST", "/v1/webhook-keys", &key).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(
        stage.server.get("/v1/webhook-keys").await.json()["items"],
        json!([]),
        "it is another tenant's"
    );

    let own = twilio_of_tenant(&stage, OTHER_TOKEN).await;
    let call = own.place_call(PERSON, OTHER_NUMBER);
    hears(&call, "This is another practice.").await;
    call.hang_up().await;
    call.ended(PATIENCE).await.unwrap();
    let bearer = format!("Bearer {OTHER_KEY}");
    let calls = eventually("the end of the call", async || {
        let page = stage.server.request("GET", "/v1/calls", &[("authorization", &bearer)]).await.json();
        (page["items"][0]["status"] == "completed").then_some(page["items"].clone())
    })
    .await;
    assert_eq!(calls.as_array().unwrap().len(), 1, "{calls:#}");
    assert_eq!(stage.server.get("/v1/calls").await.json()["items"], json!([]), "it is another tenant's");

    // A number of the platform's is not the tenant's.
    let call = own.place_call(PERSON, NUMBER);
    hears(&call, "not in service").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_a_name_and_every_problem_a_code() {
    let server = Server::voicehive(&[]).await;
    let long = "x".repeat(200 << 10);
    for (method, target, body, status, code) in [
        ("POST", "/v1/live/nobody/commands", r#"{"say":"x"}"#, 404, "not-found"),
        ("POST", "/v1/live/nobody/commands", r#"{"sing":"x"}"#, 422, "invalid-command"),
        ("GET", "/v1/live/nobody/commands", "", 405, "method-not-allowed"),
        ("POST", "/internal/v1/wake", "", 401, "unauthorized"),
        ("POST", "/internal/v1/tools", "{}", 401, "unauthorized"),
        ("DELETE", "/internal/v1/wake", "", 405, "method-not-allowed"),
        ("POST", "/v1/calls", &long, 413, "body-too-large"),
        ("GET", "/v1/nothing", "", 404, "not-found"),
        ("POST", "/webhooks/nobody", "{}", 404, "not-found"),
    ] {
        let headers =
            [("x-request-id", "req-7"), ("content-type", "application/json"), ("authorization", &bearer())];
        let answer = match method {
            "POST" => server.post(target, &headers, body.to_owned()).await,
            _ => server.request(method, target, &headers).await,
        };
        assert_eq!((answer.status, answer.problem()), (status, code.to_owned()), "{method} {target}");
        assert_eq!(answer.header("x-request-id"), "req-7", "{method} {target}");
    }
    let nameless =
        server.request("GET", "/media/twilio/nothing", &[("x-request-id", "a name with blanks")]).await;
    let name = nameless.header("x-request-id");
    assert!(name.len() == 36 && nameless.status >= 400, "{nameless:?}");
}

async fn one_notification(stage: &CarrierStage) -> Value {
    eventually("the message", async || {
        let page = stage.server.get("/v1/notifications").await.json();
        let items = page["items"].as_array().unwrap().clone();
        assert!(items.len() <= 1, "{items:#?}");
        Some(items.first()?["data"].clone())
    })
    .await
}

/// Another tenant with an agent, a number and a key.
async fn other_tenant(server: &Server, number: &str, key: &str) {
    let (store, now) = (server.store(), Timestamp::now());
    let other: TenantId = "other".parse().unwrap();
    let agent = Agent {
        id: "clerk".parse().unwrap(),
        name: "Clerk".to_owned(),
        config: json!({ "greeting": "This is another practice." }),
        tools: Vec::new(),
    };
    store.put_tenant(&other, "Other", "Europe/Madrid", now).await.unwrap();
    store.put_agent(&other, &agent, now).await.unwrap();
    assert!(store.put_number(&other, &number.parse().unwrap(), Some(&agent.id), now).await.unwrap());
    store.set_api_key(&other, &ApiKeyHash::of(key)).await.unwrap();
}

/// The other tenant's account with the carrier, which signs with this token.
async fn twilio_of_tenant(stage: &CarrierStage, token: &str) -> Twilio {
    let config = carrier::Config::new(harness::ACCOUNT_SID, token, stage.server.public_url()).unwrap();
    let at = |name: &str| config.voice_url.join(&format!("/webhooks/tenants/other/twilio/{name}")).unwrap();
    let (voice_url, status_url) = (at("voice"), Some(at("status")));
    Twilio::start(carrier::Config { voice_url, status_url, ..config }).await.unwrap()
}

fn bearer() -> String {
    format!("Bearer {}", harness::API_KEY)
}
