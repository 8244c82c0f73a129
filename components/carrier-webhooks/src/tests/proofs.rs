use std::cell::Cell;

use http::{Response, StatusCode};
use store::{TenantId, Timestamp};

use super::senders::{VAPI_HMAC_SECRET, VAPI_SECRET, telnyx, telnyx_key, vapi, vapi_signed};
use super::setting::{BASE, NOW, Setting, signed};
use crate::proof::{Proven, Sender, prove};
use crate::replay::{self, Seen};
use crate::service::Incoming;

const TELNYX: &str = "/webhooks/telnyx/call";
const VAPI: &str = "/webhooks/vapi";
const BODY: &str = r#"{"data":1}"#;

#[tokio::test]
async fn telnyx_is_proven_by_its_key_and_only_while_it_is_fresh() {
    let setting = with_all_keys().await;
    let request = telnyx(TELNYX, BODY, NOW);
    let proven = prove(&setting, &request, Sender::Telnyx, None, NOW).await.ok().unwrap();
    assert_eq!((proven.body(), proven.form().len()), (BODY.as_bytes(), 0));
    assert!(proven.replay().is_some());
    let stale = NOW.plus(std::time::Duration::from_secs(301));
    assert_eq!(refusal(&setting, &request, Sender::Telnyx, stale).await, (403, "stale-timestamp"));
    let mut altered = telnyx(TELNYX, BODY, NOW);
    altered.body = crate::service::Body::Whole(b"{}".to_vec());
    assert_eq!(refusal(&setting, &altered, Sender::Telnyx, NOW).await, (403, "signature-mismatch"));
}

#[tokio::test]
async fn vapi_is_proven_by_any_scheme_that_has_keys() {
    let setting = with_all_keys().await;
    let bearer = format!("Bearer {VAPI_SECRET}");
    for request in [
        vapi(VAPI, "authorization", &bearer, BODY),
        vapi(VAPI, "x-vapi-secret", VAPI_SECRET, BODY),
        vapi_signed(VAPI, BODY),
    ] {
        let proven = prove(&setting, &request, Sender::Vapi, None, NOW).await.ok().unwrap();
        assert_eq!(proven.body(), BODY.as_bytes());
    }
    for (request, refused) in [
        (vapi(VAPI, "authorization", "Bearer other", BODY), (403, "signature-mismatch")),
        (vapi(VAPI, "x-vapi-secret", &bearer, BODY), (403, "signature-mismatch")),
        (vapi(VAPI, "x-unknown", VAPI_SECRET, BODY), (400, "missing-signature")),
    ] {
        assert_eq!(refusal(&setting, &request, Sender::Vapi, NOW).await, refused);
    }
}

#[tokio::test]
async fn a_scheme_without_keys_proves_nothing() {
    let mut setting = with_all_keys().await;
    let settings = setting.settings.as_mut().unwrap();
    settings.vapi_secrets.clear();
    let bearer = vapi(VAPI, "authorization", &format!("Bearer {VAPI_SECRET}"), BODY);
    assert_eq!(refusal(&setting, &bearer, Sender::Vapi, NOW).await, (400, "missing-signature"));
    let settings = setting.settings.as_mut().unwrap();
    settings.vapi_hmac_secrets.clear();
    settings.telnyx_public_keys.clear();
    assert_eq!(refusal(&setting, &vapi_signed(VAPI, BODY), Sender::Vapi, NOW).await, (500, "no-key"));
    assert_eq!(refusal(&setting, &telnyx(TELNYX, BODY, NOW), Sender::Telnyx, NOW).await, (500, "no-key"));
}

#[tokio::test]
async fn below_a_tenants_path_only_its_own_keys_prove_anything() {
    let setting = with_all_keys().await;
    let tenant = setting.tenant.clone();
    let target = format!("/webhooks/tenants/{tenant}/telnyx/call");
    let request = telnyx(&target, BODY, NOW);
    let own = |request| prove(&setting, request, Sender::Telnyx, Some(tenant.as_str()), NOW);
    // The platform's key is none of the tenant's.
    assert_eq!(own(&request).await.err().unwrap().status, StatusCode::NOT_FOUND);
    setting.store.add_webhook_key(&tenant, "telnyx", &telnyx_key(), NOW).await.unwrap();
    let proven = own(&request).await.ok().unwrap();
    let other: TenantId = "other".parse().unwrap();
    assert!(proven.concerns(&tenant) && !proven.concerns(&other));
    assert_eq!(proven.beside("texml"), format!("{BASE}/webhooks/tenants/{tenant}/telnyx/texml"));
    for stranger in ["other", "no such tenant!", ""] {
        let refused = prove(&setting, &request, Sender::Telnyx, Some(stranger), NOW).await.err().unwrap();
        assert_eq!(refused.status, StatusCode::NOT_FOUND, "{stranger}");
    }
}

#[tokio::test]
async fn what_the_platforms_key_proves_concerns_every_tenant() {
    let setting = Setting::new().await;
    let request = signed("/webhooks/twilio/voice?call=1&call=2", &[]);
    let proven = prove(&setting, &request, Sender::Twilio, None, NOW).await.ok().unwrap();
    assert!(proven.concerns(&setting.tenant) && proven.concerns(&"other".parse().unwrap()));
    assert_eq!((proven.query("call"), proven.query("cal")), (Some("1"), None));
    assert_eq!(proven.beside("status"), format!("{BASE}/webhooks/twilio/status"));
}

#[tokio::test]
async fn a_copy_is_known_until_it_is_stale_and_a_failure_lets_the_next_attempt_in() {
    let setting = with_all_keys().await;
    let request = telnyx(TELNYX, BODY, NOW);
    let proven = prove(&setting, &request, Sender::Telnyx, None, NOW).await.ok().unwrap();
    let handled = Cell::new(0);
    for (status, handled_so_far) in [(503, 1), (204, 2), (204, 2), (503, 2)] {
        deliver(&setting, &proven, &handled, status).await;
        assert_eq!(handled.get(), handled_so_far);
    }
    let later = telnyx(TELNYX, BODY, Timestamp(NOW.0 + 1000));
    let proven = prove(&setting, &later, Sender::Telnyx, None, NOW).await.ok().unwrap();
    deliver(&setting, &proven, &handled, 204).await;
    assert_eq!(handled.get(), 3, "another attempt is signed at another time");
}

#[tokio::test]
async fn a_delivery_that_nobody_finished_is_let_in_again() {
    let setting = with_all_keys().await;
    let request = telnyx(TELNYX, BODY, NOW);
    let proven = prove(&setting, &request, Sender::Telnyx, None, NOW).await.ok().unwrap();
    let begun = replay::look(&setting, &proven, NOW).await.ok().unwrap();
    // Whoever handled it died.
    drop(begun);
    let handled = Cell::new(0);
    deliver(&setting, &proven, &handled, 204).await;
    deliver(&setting, &proven, &handled, 204).await;
    assert_eq!(handled.get(), 1);
}

#[tokio::test]
async fn a_scheme_that_signs_no_time_cannot_tell_copies() {
    let setting = Setting::new().await;
    let request = signed("/webhooks/twilio/status", &[]);
    let proven = prove(&setting, &request, Sender::Twilio, None, NOW).await.ok().unwrap();
    let seen = replay::look(&setting, &proven, NOW).await.ok().unwrap();
    assert!(matches!(seen, Seen::CannotTell));
}

async fn deliver(setting: &Setting, proven: &Proven<'_>, handled: &Cell<u32>, status: u16) {
    if let Seen::First(delivery) = replay::look(setting, proven, NOW).await.ok().unwrap() {
        handled.set(handled.get() + 1);
        let mut response = Response::new(String::new());
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        delivery.settle(setting, proven, &response, NOW).await;
    }
}

async fn refusal(
    setting: &Setting,
    request: &Incoming,
    sender: Sender,
    now: Timestamp,
) -> (u16, &'static str) {
    let refused = prove(setting, request, sender, None, now).await.err().unwrap();
    (refused.status.as_u16(), refused.code)
}

async fn with_all_keys() -> Setting {
    let mut setting = Setting::new().await;
    let settings = setting.settings.as_mut().unwrap();
    settings.telnyx_public_keys = vec![telnyx_key()];
    settings.vapi_secrets = vec![VAPI_SECRET.to_owned()];
    settings.vapi_hmac_secrets = vec![VAPI_HMAC_SECRET.to_owned()];
    setting
}
