//! What happens to webhooks on their way.

use std::time::Duration;

use serde_json::{Value, json};
use sim::carrier::Trouble;
use sim::telnyx::WebhookFault;
use url::Url;

use crate::platform::{DEADLINE, Script, Seen, set_up, set_up_with};

#[tokio::test]
async fn what_is_not_accepted_is_sent_again_under_its_id_and_signed_anew() {
    let (platform, telnyx) = set_up(Script::Refuse(500, 2)).await;
    let _call = telnyx.place_call("+12025550143", "+12025550199");
    platform.until(|seen| seen.webhooks.len() == 3).await;
    let seen = platform.seen();
    let attempts: Vec<_> =
        seen.webhooks.iter().map(|told| told["meta"]["attempt"].as_u64().unwrap()).collect();
    assert_eq!(attempts, [1, 2, 3]);
    assert!(seen.webhooks.iter().all(|told| told["data"] == seen.webhooks[0]["data"]));
    assert_eq!(seen.bad_signatures, 0);
    let statuses: Vec<_> = telnyx.deliveries().iter().map(|delivery| delivery.status).collect();
    assert_eq!(statuses[..2], [Some(500), Some(500)]);
}

#[tokio::test]
async fn what_nobody_accepts_goes_to_the_other_address() {
    let (platform, telnyx) = set_up_with(Script::Refuse(503, 3), |config| {
        let mut failover = config.webhook_url.clone();
        failover.set_path("/failover");
        config.failover_url = Some(failover);
    })
    .await;
    let _call = telnyx.place_call("+12025550143", "+12025550199");
    platform.until(|seen| seen.webhooks.len() == 4).await;
    let last = &platform.seen().webhooks[3]["meta"];
    let delivered_to = Url::parse(last["delivered_to"].as_str().unwrap()).unwrap();
    assert_eq!((delivered_to.path(), &last["attempt"]), ("/failover", &json!(1)));
}

#[tokio::test]
async fn a_webhook_is_duplicated_lost_late_or_overtaken() {
    let (platform, telnyx) = set_up(Script::Answer(json!({}))).await;
    telnyx.add_webhook_fault(WebhookFault::new("call.initiated", Trouble::Repeated(2)));
    telnyx.add_webhook_fault(WebhookFault::new("call.answered", Trouble::Reordered));
    telnyx.add_webhook_fault(WebhookFault::new("streaming.stopped", Trouble::Lost));
    telnyx.add_webhook_fault(WebhookFault::new("call.hangup", Trouble::Late(Duration::from_secs(1))));
    let call = telnyx.place_call("+12025550143", "+12025550199");
    call.connected(DEADLINE).await.unwrap();
    call.hang_up().await;
    call.ended(DEADLINE).await.unwrap();
    platform.told("call.hangup").await;
    assert_eq!(
        platform.events(),
        [
            "call.initiated",
            "call.initiated",
            "call.initiated",
            "streaming.started",
            "call.answered",
            "call.cost",
            "call.hangup",
        ]
    );
    let seen = platform.seen();
    assert_eq!(seen.webhooks[0]["data"], seen.webhooks[2]["data"], "a duplicate is the same event");
    assert_eq!(seen.bad_signatures, 0);
}

#[tokio::test]
async fn what_nothing_overtakes_is_sent_all_the_same() {
    let (platform, telnyx) = set_up(Script::Answer(json!({}))).await;
    telnyx.add_webhook_fault(WebhookFault::new("call.initiated", Trouble::Reordered));
    let call = telnyx.place_call("+12025550143", "+12025550199");
    call.connected(DEADLINE).await.unwrap();
    assert_eq!(platform.events()[0], "call.initiated");
}

#[tokio::test]
async fn a_command_names_another_address_for_what_follows() {
    let (platform, telnyx) = set_up(Script::Wait).await;
    let call = telnyx.place_call("+12025550143", "+12025550199");
    platform.told("call.initiated").await;
    let other = format!("http://{}/failover", platform.base);
    platform.act(call.sid(), "answer", json!({ "webhook_url": other })).await;
    platform.told("call.answered").await;
    assert_eq!(platform.seen().webhooks[1]["meta"]["delivered_to"], other);
}

#[tokio::test]
async fn a_webhook_whose_answer_is_lost_comes_again() {
    let (platform, telnyx) = set_up(Script::Answer(json!({}))).await;
    telnyx.add_webhook_fault(WebhookFault::new("call.initiated", Trouble::AnswerLost));
    let call = telnyx.place_call("+12025550143", "+12025550199");
    call.connected(DEADLINE).await.unwrap();
    let offers = |seen: &Seen| -> Vec<Value> {
        let offered = |told: &&Value| told["data"]["event_type"] == "call.initiated";
        seen.webhooks.iter().filter(offered).cloned().collect()
    };
    platform.until(|seen| offers(seen).len() == 2).await;
    let offers = offers(&platform.seen());
    assert_eq!(offers[0]["data"]["id"], offers[1]["data"]["id"]);
    assert_eq!((&offers[0]["meta"]["attempt"], &offers[1]["meta"]["attempt"]), (&json!(1), &json!(2)));
}
