use http::Response;
use store::{Attempt, CallAccount, NewCarrierAccount, TenantId, Timestamp};

use super::setting::{AUTH_TOKEN, BASE, CALLER, NOW, NUMBER, SID, Setting, claims, signed, signed_with};

const OWN_TOKEN: &str = "the tenant's own token";
const OTHER_NUMBER: &str = "+34910000002";

#[tokio::test]
async fn a_tenants_own_account_calls_its_own_paths_and_stays_on_them() {
    let setting = with_own_key().await;
    let response = own(&setting, "voice", &[]).await;
    assert_eq!(response.status(), 200);
    assert_eq!(claims(response.body()).tenant, setting.tenant.as_str());
    let again = format!("{BASE}/webhooks/tenants/{}/twilio/voice?resume=1", setting.tenant);
    assert!(response.body().contains(&again), "{}", response.body());
    assert_eq!(own(&setting, "status", &[("CallStatus", "completed")]).await.status(), 204);
    assert!(setting.calls().await[0].status.is_terminal());
}

#[tokio::test]
async fn the_platforms_token_does_not_open_a_tenants_paths_nor_the_tenants_token_the_platforms() {
    let setting = with_own_key().await;
    let target = target(&setting.tenant, "voice");
    assert_eq!(setting.send(&signed_with(AUTH_TOKEN, &target, &[])).await.status(), 403);
    let platform = signed_with(OWN_TOKEN, "/webhooks/twilio/voice", &[]);
    assert_eq!(setting.send(&platform).await.status(), 403);
    assert_eq!(setting.rows().await, [0, 0, 0, 0]);
}

#[tokio::test]
async fn a_call_goes_by_the_account_whose_key_proved_it() {
    let setting = with_own_key().await;
    own(&setting, "voice", &[]).await;
    assert_eq!(setting.calls().await[0].carrier_account, Some(CallAccount::Nobody), "none is set");
    let setting = with_own_key().await;
    let account = NewCarrierAccount { carrier: "twilio", account: "AC1", sealed: "sealed" };
    setting.store.set_carrier_account(&setting.tenant, &account, "ana", NOW).await.unwrap();
    own(&setting, "voice", &[]).await;
    assert_eq!(setting.calls().await[0].carrier_account, Some(CallAccount::Own("AC1".into())));
    let setting = with_own_key().await;
    assert_eq!(setting.send(&signed("/webhooks/twilio/voice", &[])).await.status(), 200);
    assert_eq!(setting.calls().await[0].carrier_account, Some(CallAccount::Platform));
}

#[tokio::test]
async fn a_tenants_token_moves_no_other_tenants_calls() {
    let setting = with_own_key().await;
    let other: TenantId = "other".parse().unwrap();
    setting.store.put_tenant(&other, "Other", "Europe/Madrid", NOW).await.unwrap();
    assert!(setting.store.put_number(&other, &OTHER_NUMBER.parse().unwrap(), None, NOW).await.unwrap());
    // A call of the other tenant's, by the platform's account.
    setting.document("voice", &[("To", OTHER_NUMBER)]).await;
    let call = setting.store.call_by_carrier_id(&other, "twilio", SID).await.unwrap().unwrap();

    let response = own(&setting, "voice", &[("To", OTHER_NUMBER)]).await;
    assert!(response.body().contains("not in service"), "{}", response.body());
    for place in ["status", "recording", "conference"] {
        let fields = [("To", OTHER_NUMBER), ("CallStatus", "completed")];
        assert_eq!(own(&setting, place, &fields).await.status(), 204);
        assert_eq!(setting.last_code(), "unknown-call", "{place}");
    }
    assert_eq!(setting.store.call(&other, &call.id).await.unwrap().unwrap(), call);
    assert!(setting.calls().await.is_empty());
}

#[tokio::test]
async fn a_tenants_token_names_no_other_tenants_order() {
    let setting = Setting::new().await;
    let ordered = setting.order("key").await;
    let other: TenantId = "other".parse().unwrap();
    setting.store.put_tenant(&other, "Other", "Europe/Madrid", NOW).await.unwrap();
    setting.store.add_webhook_key(&other, "twilio", OWN_TOKEN, NOW).await.unwrap();
    let fields =
        [("Direction", "outbound-api"), ("From", NUMBER), ("To", CALLER), ("CallStatus", "in-progress")];
    for (place, status) in [("status", 204), ("conference", 204), ("voice", 200)] {
        let target = target(&other, &format!("{place}?call={}", ordered.id));
        let response = setting.send(&signed_with(OWN_TOKEN, &target, &fields)).await;
        assert_eq!(response.status(), status);
        assert!(!response.body().contains("<Stream"), "{}", response.body());
    }
    assert_eq!(setting.call(&ordered.id).await, ordered);
}

#[tokio::test]
async fn a_tenants_token_says_nothing_of_its_calls_by_the_platforms_account() {
    let setting = with_own_key().await;
    setting.document("voice", &[]).await;
    let call = setting.calls().await.remove(0);
    let over = [("CallStatus", "completed")];
    for place in ["status", "recording", "conference"] {
        assert_eq!(own(&setting, place, &over).await.status(), 204);
        assert_eq!(setting.last_code(), "unknown-call", "{place}");
    }
    for place in ["voice", "dial", "gather"] {
        let response = own(&setting, place, &over).await;
        assert!(response.body().contains("<Hangup"), "{place}: {}", response.body());
        assert_eq!(setting.last_code(), "other-account", "{place}");
    }
    assert_eq!(setting.calls().await, std::slice::from_ref(&call));
    // The platform's does.
    setting.report("status", &over).await;
    assert!(setting.call(&call.id).await.status.is_terminal());
}

#[tokio::test]
async fn a_tenants_token_names_an_order_only_where_the_tenants_own_account_was_asked() {
    let own_account = CallAccount::Own("AC1".into());
    for (account, is_theirs) in
        [(None, false), (Some(CallAccount::Platform), false), (Some(own_account), true)]
    {
        let setting = with_own_key().await;
        let ordered = setting.order("key").await;
        if let Some(account) = &account {
            let attempt = Attempt { id: "attempt", account: Some(account) };
            assert!(setting.store.order_attempt(&setting.tenant, &ordered.id, attempt, NOW).await.unwrap());
        }
        let fields =
            [("Direction", "outbound-api"), ("From", NUMBER), ("To", CALLER), ("CallStatus", "in-progress")];
        for (place, status) in [("status", 204), ("voice", 200)] {
            let target = target(&setting.tenant, &format!("{place}?call={}", ordered.id));
            let response = setting.send(&signed_with(OWN_TOKEN, &target, &fields)).await;
            assert_eq!(response.status(), status);
            let is_connected = response.body().contains("<Stream");
            assert_eq!(is_connected, is_theirs && place == "voice", "{account:?} {}", response.body());
        }
        let named = setting.call(&ordered.id).await.carrier_call_id;
        assert_eq!(named.as_deref(), is_theirs.then_some(SID), "{account:?}");
    }
}

#[tokio::test]
async fn during_a_rotation_both_of_a_tenants_keys_pass_and_the_older_one_is_noticed() {
    let setting = with_own_key().await;
    let later = Timestamp(NOW.0 + 1);
    setting.store.add_webhook_key(&setting.tenant, "twilio", "the next token", later).await.unwrap();
    assert_eq!(own(&setting, "voice", &[]).await.status(), 200);
    assert!(setting.log.borrow()[0].contains("older-key"), "{:?}", setting.log.borrow());
}

#[tokio::test]
async fn keys_that_cannot_be_read_are_no_refusal_for_good() {
    let mut setting = with_own_key().await;
    setting.database_is_down = true;
    assert_eq!(own(&setting, "status", &[]).await.status(), 503);
    // The platform's own keys are at hand all the same.
    let platform = setting.send(&signed("/webhooks/twilio/voice", &[])).await;
    assert_eq!(platform.status(), 200);
}

async fn with_own_key() -> Setting {
    let setting = Setting::new().await;
    setting.store.add_webhook_key(&setting.tenant, "twilio", OWN_TOKEN, NOW).await.unwrap();
    setting
}

async fn own(setting: &Setting, place: &str, fields: &[(&str, &str)]) -> Response<String> {
    setting.send(&signed_with(OWN_TOKEN, &target(&setting.tenant, place), fields)).await
}

fn target(tenant: &TenantId, place: &str) -> String {
    format!("/webhooks/tenants/{tenant}/twilio/{place}")
}
