//! Events that lead to no call.

use serde_json::{Value, json};
use store::{CallAccount, NewCarrierAccount, TenantId, Timestamp};

use super::line::{LEG, event, hangup, initiated, saved, setting, spoken};
use crate::service::{HostAnswer, HostFault};
use crate::tests::senders::{telnyx, telnyx_key};
use crate::tests::setting::{NOW, NUMBER};

const TARGET: &str = "/webhooks/telnyx/call";

#[tokio::test]
async fn a_call_to_a_number_that_nobody_has_is_turned_down_by_the_host_at_once() {
    let mut setting = setting().await;
    for host in [Ok(HostAnswer { status: 204, body: Vec::new() }), Err(HostFault::TimedOut)] {
        setting.host = host;
        setting.asked.borrow_mut().clear();
        let at = Timestamp(NOW.0 + i64::try_from(setting.log.borrow().len()).unwrap() * 1000);
        let fields = json!({ "direction": "incoming", "to": "+34910000001" });
        let status = setting.telnyx_at(TARGET, &event("1", "call.initiated", fields), at).await;
        assert!(status < 300, "{status}");
        let asked = setting.asked.borrow().clone();
        assert_eq!(asked.len(), 1);
        let order: Value = serde_json::from_str(&asked[0].1).unwrap();
        assert_eq!(asked[0].0, "/internal/v1/commands");
        assert_eq!((&order["action"], &order["body"]), (&json!("reject"), &json!({ "cause": "NOT_FOUND" })));
        assert_eq!(order["carrier_call_id"], LEG);
    }
    assert_eq!(setting.rows().await, [0, 0, 0, 0]);
    // Nothing else that is said of such a call needs an answer.
    setting.asked.borrow_mut().clear();
    setting.telnyx(&[event("2", "call.hangup", json!({ "to": "+34910000001" }))]).await;
    assert!(setting.asked.borrow().is_empty());
}

#[tokio::test]
async fn a_call_by_a_tenants_own_account_is_turned_down_by_that_account() {
    let setting = setting().await;
    setting.store.add_webhook_key(&setting.tenant, "telnyx", &telnyx_key(), NOW).await.unwrap();
    let target = format!("/webhooks/tenants/{}/telnyx/call", setting.tenant);
    let fields = json!({ "direction": "incoming", "to": "+34910000001" });
    let status = setting.telnyx_at(&target, &event("1", "call.initiated", fields), NOW).await;
    assert!(status < 300, "{status}");
    let order: Value = serde_json::from_str(&setting.asked.borrow()[0].1).unwrap();
    assert_eq!((&order["action"], &order["tenant"]), (&json!("reject"), &json!(setting.tenant)));
}

#[tokio::test]
async fn a_call_by_a_tenants_own_paths_goes_by_the_account_that_is_set_or_by_none() {
    for account in [None, Some("149")] {
        let setting = setting().await;
        let (store, tenant) = (&setting.store, &setting.tenant);
        store.add_webhook_key(tenant, "telnyx", &telnyx_key(), NOW).await.unwrap();
        if let Some(account) = account {
            let account = NewCarrierAccount { carrier: "telnyx", account, sealed: "sealed" };
            store.set_carrier_account(tenant, &account, "ana", NOW).await.unwrap();
        }
        let target = format!("/webhooks/tenants/{tenant}/telnyx/call");
        assert!(setting.telnyx_at(&target, &initiated(), NOW).await < 300);
        let expected = account.map_or(CallAccount::Nobody, |account| CallAccount::Own(account.into()));
        assert_eq!(setting.only_call().await.carrier_account, Some(expected));
        let is_said = setting.log.borrow().iter().any(|line| line.contains("no-account"));
        assert_eq!(is_said, account.is_none());
        // What is said of it is heard all the same.
        assert!(setting.telnyx_at(&target, &hangup(), NOW).await < 300);
        assert!(setting.only_call().await.status.is_terminal());
    }
}

#[tokio::test]
async fn a_tenants_own_key_proves_nothing_of_its_calls_by_the_platforms_account() {
    let setting = setting().await;
    setting.store.add_webhook_key(&setting.tenant, "telnyx", &telnyx_key(), NOW).await.unwrap();
    setting.telnyx(&[initiated()]).await;
    let before = setting.only_call().await;
    assert_eq!(before.carrier_account, Some(CallAccount::Platform));
    let target = format!("/webhooks/tenants/{}/telnyx/call", setting.tenant);
    for event in [initiated(), spoken("s"), hangup()] {
        assert!(setting.telnyx_at(&target, &event, NOW).await < 300);
        assert_eq!(setting.last_code(), "other-tenant", "{event}");
    }
    assert_eq!(setting.only_call().await, before);
    assert_eq!(setting.store.carrier_state(&setting.tenant, &before.id).await.unwrap().record().len(), 1);
}

#[tokio::test]
async fn what_says_nothing_of_a_calls_course_is_acknowledged() {
    let setting = setting().await;
    setting
        .telnyx(&[
            event("1", "call.enqueued", json!({})),
            event("2", "call.dtmf.received", json!({ "digit": "too long" })),
            event("3", "", json!({})),
            json!({ "data": {} }),
            json!({ "data": { "id": "4", "event_type": "call.answered", "payload": {} } }),
            saved(),
        ])
        .await;
    assert_eq!(setting.rows().await, [0, 0, 0, 0]);
}

#[tokio::test]
async fn what_is_no_event_at_all_is_refused() {
    let setting = setting().await;
    for (index, body) in ["", "[]", "null", "{\"data\":1}", "\u{0}"].into_iter().enumerate() {
        let at = Timestamp(NOW.0 + i64::try_from(index).unwrap() * 1000);
        let response = setting.send(&telnyx(TARGET, body, at)).await;
        assert_eq!(response.status(), 400, "{body}");
    }
    assert_eq!(setting.rows().await, [0, 0, 0, 0]);
}

#[tokio::test]
async fn an_event_that_could_not_be_stored_is_taken_when_it_comes_again() {
    let mut setting = setting().await;
    setting.database_is_down = true;
    assert_eq!(setting.telnyx_at(TARGET, &initiated(), NOW).await, 503);
    setting.database_is_down = false;
    setting.telnyx(&[initiated()]).await;
    assert_eq!(setting.actions().await, ["answer"]);
}

#[tokio::test]
async fn a_host_header_never_says_where_media_goes() {
    let mut setting = setting().await;
    let settings = setting.settings.as_mut().unwrap();
    settings.public_url = None;
    let response = setting.send(&telnyx(TARGET, &initiated().to_string(), NOW)).await;
    assert_eq!(response.status(), 503);
    let problem: Value = serde_json::from_str(response.body()).unwrap();
    assert_eq!(problem["code"], "no-public-url");
    assert!(!response.body().contains("media_url"), "{problem}");
    assert_eq!(setting.last_code(), "no-public-url");
    assert!(setting.log.borrow().last().unwrap().contains("neither `public_url` nor `media_url` is set"));
    assert_eq!(setting.rows().await, [0, 0, 0, 0]);

    // Where media goes is enough, and the same delivery is taken then.
    setting.settings.as_mut().unwrap().media_url = Some("wss://media.example.com".to_owned());
    setting.telnyx(&[initiated()]).await;
    let url = setting.ordered().await.remove(0).1["stream_url"].as_str().unwrap().to_owned();
    assert!(url.starts_with("wss://media.example.com/media/telnyx/"), "{url}");
}

#[tokio::test]
async fn a_tenants_own_key_proves_nothing_of_another_tenants_calls() {
    let setting = setting().await;
    let other: TenantId = "other".parse().unwrap();
    setting.store.put_tenant(&other, "Other", "Europe/Madrid", NOW).await.unwrap();
    setting.store.put_number(&other, &"+34910000002".parse().unwrap(), None, NOW).await.unwrap();
    setting.store.add_webhook_key(&other, "telnyx", &telnyx_key(), NOW).await.unwrap();
    let target = format!("/webhooks/tenants/{other}/telnyx/call");
    for event in [initiated(), event("2", "call.answered", json!({ "to": NUMBER }))] {
        assert!(setting.telnyx_at(&target, &event, NOW).await < 300);
    }
    assert_eq!(setting.rows().await, [0, 0, 0, 0]);

    // A call that is known is no more theirs for that.
    setting.telnyx(&[initiated()]).await;
    assert!(setting.telnyx_at(&target, &spoken("s"), NOW).await < 300);
    let call = setting.only_call().await;
    assert_eq!(setting.store.carrier_state(&setting.tenant, &call.id).await.unwrap().record().len(), 1);

    // Its own number is.
    let own = event(
        "3",
        "call.initiated",
        json!({ "call_control_id": "v3:own", "call_session_id": "own",
        "call_leg_id": "own", "to": "+34910000002", "direction": "incoming" }),
    );
    assert!(setting.telnyx_at(&target, &own, NOW).await < 300);
    assert_eq!(setting.commands_of("v3:own").await.len(), 1);
}
