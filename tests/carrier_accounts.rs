//! Tenants with accounts of their own at the carriers: their calls are placed, told what to do and ended by those.
#![cfg(test)]

mod harness;

use harness::{CarrierStage, NUMBER, PATIENCE, count, eventually, hears};
use serde_json::{Value, json};
use sim::carrier::{self, Callee, End, Twilio};
use sim::telnyx::{self, Telnyx};
use store::{NewCarrierAccount, Timestamp};

const PERSON: &str = "+15557770001";

/// The tenant's own account with Twilio.
const OWN_SID: &str = "ACfedcba9876543210fedcba9876543210";
const OWN_TOKEN: &str = "the-auth-token-of-the-tenants-own-account";

/// The tenant's own account with Telnyx.
const OWN_KEY: &str = "KEYofTheTenantsOwnAccount";
const OWN_CONNECTION: &str = "2404404757140276705";

#[tokio::test(flavor = "multi_thread")]
async fn a_call_by_a_tenants_own_account_with_twilio_is_that_accounts_from_its_first_ring_to_its_end() {
    let stage = stage().await;
    let own = own_twilio(&stage).await;
    let account = json!({ "account_sid": OWN_SID, "auth_token": OWN_TOKEN });
    sets_account(&stage, "twilio", &account).await;
    own.set_callee(PERSON, Callee::person(["Hello?"]));
    order(&stage, "twilio").await;
    let person = own.callee(PERSON, PATIENCE).await.unwrap();
    hears(&person, "How can I help you?").await;
    is_ended_by_the_platform(&stage).await;
    assert_eq!(person.ended(PATIENCE).await.unwrap().end, End::PlatformHungUp);
    is_over(&stage).await;
    assert_eq!((own.placed(PERSON), stage.twilio.placed(PERSON)), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_by_a_tenants_own_account_with_telnyx_is_that_accounts_from_its_first_ring_to_its_end() {
    let stage = stage().await;
    let own = own_telnyx(&stage).await;
    let account = json!({ "api_key": OWN_KEY, "connection_id": OWN_CONNECTION });
    sets_account(&stage, "telnyx", &account).await;
    own.set_callee(PERSON, Callee::person(["Hello?"]));
    order(&stage, "telnyx").await;
    let person = own.callee(PERSON, PATIENCE).await.unwrap();
    hears(&person, "How can I help you?").await;
    is_ended_by_the_platform(&stage).await;
    assert_eq!(person.ended(PATIENCE).await.unwrap().end, End::PlatformHungUp);
    is_over(&stage).await;
    assert_eq!((own.placed(PERSON), stage.telnyx.placed(PERSON)), (1, 0));
    let told: Vec<String> = own.commands().into_iter().map(|(action, _)| action).collect();
    assert!(told.contains(&"dial".to_owned()) && told.contains(&"hangup".to_owned()), "{told:?}");
    assert!(stage.telnyx.commands().is_empty(), "{:?}", stage.telnyx.commands());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_comes_in_by_a_tenants_own_account_is_told_what_to_do_by_that_account_only() {
    let stage = stage().await;
    let own = own_telnyx(&stage).await;
    let account = json!({ "api_key": OWN_KEY, "connection_id": OWN_CONNECTION });
    sets_account(&stage, "telnyx", &account).await;
    let call = own.place_call(PERSON, NUMBER);
    hears(&call, "How can I help you?").await;
    is_ended_by_the_platform(&stage).await;
    assert_eq!(call.ended(PATIENCE).await.unwrap().end, End::PlatformHungUp);
    let told: Vec<String> = own.commands().into_iter().map(|(action, _)| action).collect();
    assert!(told.contains(&"answer".to_owned()) && told.contains(&"hangup".to_owned()), "{told:?}");
    // Who calls a number that nobody has is turned down by it, too.
    let astray = own.place_call(PERSON, "+34910000009");
    assert_eq!(astray.ended(PATIENCE).await.unwrap().end, End::Rejected);
    assert!(stage.telnyx.commands().is_empty(), "{:?}", stage.telnyx.commands());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_says_that_its_tenants_own_account_cannot_be_opened_and_nobody_is_rung() {
    let stage = stage().await;
    let own = own_twilio(&stage).await;
    // As a platform leaves it whose key was lost.
    let sealed = json!({ "form": 1, "key": "00000000", "sealed": "AAAA" }).to_string();
    let account = NewCarrierAccount { carrier: "twilio", account: OWN_SID, sealed: &sealed };
    let (store, tenant) = (stage.server.store(), "default".parse().unwrap());
    store.set_carrier_account(&tenant, &account, "ana", Timestamp::now()).await.unwrap();
    let call = order(&stage, "twilio").await;
    let order = eventually("the order to say why it waits", async || {
        let detail = stage.server.get(&format!("/v1/calls/{call}")).await.json();
        detail["order"]["last_error"].is_string().then(|| detail["order"].clone())
    })
    .await;
    let why = order["last_error"].as_str().unwrap();
    assert!(why.contains("cannot be opened") && why.contains("TOOL_SECRETS_KEY"), "{order:#}");
    assert_eq!((&order["state"], &order["attempts"]), (&json!("queued"), &json!(0)));
    assert_eq!((own.placed(PERSON), stage.twilio.placed(PERSON)), (0, 0));
    // The other carrier has nothing to do with it.
    let answer = stage.order("telnyx", "+15557770002", "by-the-platform").await;
    assert_eq!(answer.status, 202, "{answer:?}");
    stage.telnyx.callee("+15557770002", PATIENCE).await.unwrap();
}

/// A platform that keeps secrets.
async fn stage() -> CarrierStage {
    CarrierStage::set(&[("TOOL_SECRETS_KEY", "07".repeat(32))]).await
}

/// The tenant's own account with Twilio, at the same address as the platform's.
async fn own_twilio(stage: &CarrierStage) -> Twilio {
    proves_webhooks(stage, "twilio", OWN_TOKEN).await;
    let config = carrier::Config::new(OWN_SID, OWN_TOKEN, stage.server.public_url()).unwrap();
    stage.twilio.open_account(config).await.unwrap()
}

/// The tenant's own account with Telnyx, at the same address as the platform's, with a key pair of its own.
async fn own_telnyx(stage: &CarrierStage) -> Telnyx {
    let config = telnyx::Config::new(OWN_KEY, OWN_CONNECTION, stage.server.public_url()).unwrap();
    let webhook_url = config.webhook_url.join("/webhooks/tenants/default/telnyx/call").unwrap();
    let config = telnyx::Config { webhook_url, ..config };
    let own = stage.telnyx.open_account(config).await.unwrap();
    proves_webhooks(stage, "telnyx", &own.public_key()).await;
    own
}

async fn proves_webhooks(stage: &CarrierStage, scheme: &str, secret: &str) {
    let key = json!({ "scheme": scheme, "secret": secret });
    let made = stage.server.api("POST", "/v1/webhook-keys", &key).await;
    assert_eq!(made.status, 201, "{made:?}");
}

async fn sets_account(stage: &CarrierStage, carrier: &str, account: &Value) {
    let set = stage.server.api("PUT", &format!("/v1/carrier-accounts/{carrier}"), account).await;
    assert_eq!(set.status, 200, "{set:?}");
}

/// Orders a call to the person; our name of it.
async fn order(stage: &CarrierStage, carrier: &str) -> String {
    let answer = stage.order(carrier, PERSON, "the-order").await;
    assert_eq!(answer.status, 202, "{answer:?}");
    answer.json()["call"]["id"].as_str().unwrap().to_owned()
}

async fn is_ended_by_the_platform(stage: &CarrierStage) {
    let detail =
        stage.the_call_with(PERSON, "the agent", |detail| count(detail, "media.connected") == 1).await;
    let call = detail["call"]["id"].as_str().unwrap();
    let answer = stage.server.command(call, &json!({ "hang_up": {} })).await;
    assert_eq!(answer.status, 202, "{answer:?}");
}

async fn is_over(stage: &CarrierStage) {
    let over = |detail: &Value| detail["call"]["status"] == "completed" && count(detail, "call.ended") == 1;
    let detail = stage.the_call_with(PERSON, "the end", over).await;
    assert_eq!((&detail["order"]["state"], &detail["order"]["attempts"]), (&json!("placed"), &json!(1)));
}
