//! No request of anybody's is too strange for an answer that says whose fault it is.

use http::Method;
use proptest::prelude::*;

use super::ordering::{call, setting};
use super::setting::{KEY, NOW};
use crate::service::Body;

const TARGETS: [&str; 12] = [
    "/v1/calls",
    "/v1/calls/x",
    "/v1/calls/x/cancel",
    "/v1/calls/x/recordings",
    "/v1/webhook-keys",
    "/v1/webhook-keys/x",
    "/v1/routing",
    "/v1/limits",
    "/v1/leads",
    "/v1/customers/+1/memories",
    "/v1/%00/%ff",
    "/health",
];

const METHODS: [Method; 5] = [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::PATCH];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn no_body_and_no_header_is_a_fault_of_ours(requests in proptest::collection::vec(request(), 8)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let setting = setting().await;
            for (method, target, key, body) in requests {
                let bearer = format!("Bearer {KEY}");
                let headers = [
                    ("authorization", bearer.as_str()),
                    ("content-type", "application/json"),
                    ("idempotency-key", key.as_str()),
                    ("traceparent", key.as_str()),
                    ("spin-client-addr", key.as_str()),
                ];
                let response =
                    setting.request_at(METHODS[method].clone(), TARGETS[target], &headers, Body::Whole(body), NOW).await;
                assert!(response.status().as_u16() < 500, "{} {}", TARGETS[target], response.body());
                assert!(response.headers().contains_key("x-request-id"));
                assert!(response.body().len() < 512 * 1024);
            }
        });
    }
}

fn request() -> impl Strategy<Value = (usize, usize, String, Vec<u8>)> {
    (0..METHODS.len(), 0..TARGETS.len(), "[ -~]{0,20}", body())
}

/// Anything, or a call with a byte changed, or cut short.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let call = call().to_string().into_bytes();
    let length = call.len();
    let whole = call.clone();
    let changed = (0..length, any::<u8>()).prop_map(move |(at, byte)| {
        let mut body = whole.clone();
        body[at] = byte;
        body
    });
    let cut = (0..=length).prop_map(move |end| call[..end].to_vec());
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..200),
        "\\PC{0,60}".prop_map(String::into_bytes),
        proptest::collection::vec(any::<u8>(), 60_000..70_000),
        changed,
        cut,
    ]
}
