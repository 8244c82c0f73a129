//! What a carrier would never send, signed by it all the same, and what nobody signed.

use proptest::prelude::*;

use super::setting::{CALLER, NUMBER, SID, Setting, request, signed};
use crate::service::Body;

const PLACES: [&str; 9] = [
    "/webhooks/twilio/voice",
    "/webhooks/twilio/voice?recorded=1",
    "/webhooks/twilio/voice?call=0190b5a0-0000-7000-8000-000000000000",
    "/webhooks/twilio/status",
    "/webhooks/twilio/recording",
    "/webhooks/twilio/answered-by",
    "/webhooks/twilio/dial",
    "/webhooks/twilio/gather?asked=2",
    "/webhooks/twilio/conference?caller=CA0123456789abcdef0123456789abcdef",
];

const NAMES: [&str; 22] = [
    "CallSid",
    "ParentCallSid",
    "CallStatus",
    "Direction",
    "From",
    "To",
    "AnsweredBy",
    "Digits",
    "DialCallSid",
    "DialCallStatus",
    "DialCallDuration",
    "RecordingSid",
    "RecordingStatus",
    "RecordingUrl",
    "RecordingDuration",
    "SequenceNumber",
    "CallDuration",
    "SipResponseCode",
    "Timestamp",
    "StatusCallbackEvent",
    "ConferenceSid",
    "ErrorCode",
];

const VALUES: [&str; 24] = [
    SID,
    NUMBER,
    CALLER,
    "CAffffffffffffffffffffffffffffffff",
    "",
    "x",
    "unnamed:1",
    "inbound",
    "outbound-api",
    "outbound-dial",
    "ringing",
    "in-progress",
    "completed",
    "no-answer",
    "fax",
    "human",
    "1",
    "-1",
    "4294967296",
    "Fri, 20 Nov 2026 13:04:11 +0000",
    "participant-join",
    "\u{0}\u{202e}",
    "<Say>",
    "https://api.example.com/RE1",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Of one database after the other: what a sequence of well-signed nonsense leads to is never our fault.
    #[test]
    fn nonsense_that_is_signed_is_never_a_fault_of_ours(
        requests in prop::collection::vec((0..PLACES.len(), prop::collection::vec((0..NAMES.len(), value()), 0..8)), 1..12),
    ) {
        block_on(async {
            let setting = Setting::new().await;
            for (place, fields) in requests {
                let fields: Vec<_> =
                    fields.iter().map(|(name, value)| (NAMES[*name], value.as_str())).collect();
                let response = setting.send(&signed(PLACES[place], &fields)).await;
                assert!(response.status().as_u16() < 500, "{place} {fields:?} {:?}", setting.log.borrow());
                assert!(!response.body().contains("went wrong"), "{place} {fields:?} {:?}", setting.log.borrow());
            }
        });
    }

    #[test]
    fn what_nobody_signed_is_refused_and_leaves_no_row(
        place in 0..PLACES.len(),
        body in prop::collection::vec(any::<u8>(), 0..2048),
        signature in "[ -~]{0,40}",
    ) {
        block_on(async {
            let setting = Setting::new().await;
            let mut forged = request(PLACES[place], &[("x-twilio-signature", &signature)], body);
            for tenant in [false, true] {
                if tenant {
                    forged.target = forged.target.replace("/webhooks/", "/webhooks/tenants/default/");
                }
                let status = setting.send(&forged).await.status().as_u16();
                assert!((400..500).contains(&status), "{status}");
            }
            assert_eq!(setting.rows().await, [0, 0, 0, 0]);
        });
    }
}

#[tokio::test]
async fn no_target_and_no_body_brings_the_service_down() {
    let setting = Setting::new().await;
    let places =
        ["/", "", "?", "//", "/webhooks/", "/webhooks/tenants//twilio/voice", "/webhooks/tenants/%00/vapi"];
    for target in places.iter().copied().chain(PLACES) {
        for body in
            [Body::Whole(Vec::new()), Body::Whole(vec![0xff; 64 * 1024]), Body::TooLarge, Body::Broken]
        {
            let mut odd = request("/", &[], Vec::new());
            odd.target = target.to_owned();
            odd.body = body;
            let response = setting.send(&odd).await;
            assert!(response.status().is_client_error(), "{target}: {}", response.status());
            assert!(response.headers().contains_key("x-request-id"));
        }
    }
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(VALUES.to_vec()).prop_map(str::to_owned),
        1 => "\\PC{0,30}",
        1 => "[0-9]{1,12}",
    ]
}

fn block_on(future: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future);
}
