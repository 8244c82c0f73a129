//! Requests are known by their ids, in answers, in the log, and at the host.

use http::Method;
use serde_json::Value;

use super::ordering::{call, order, setting};
use super::setting::{NOW, Setting};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

#[tokio::test]
async fn every_answer_says_under_which_id_it_is_logged() {
    let setting = setting().await;
    for (target, status) in [("/health", 200), ("/nowhere", 404), ("/v1/calls", 401)] {
        let response = setting.request(Method::GET, target, &[("x-request-id", "req.7_-")]).await;
        assert_eq!(
            (response.status().as_u16(), &response.headers()["x-request-id"]),
            (status, &"req.7_-".parse().unwrap())
        );
    }
    let response = order(&setting, "k1", &call()).await;
    let id = response.headers()["x-request-id"].to_str().unwrap();
    assert_eq!(id.parse::<uuid::Uuid>().unwrap().get_version_num(), 4);
    for bad in ["", "a b", "a/b", &"x".repeat(129)] {
        let response = setting.request(Method::GET, "/health", &[("x-request-id", bad)]).await;
        assert_ne!(response.headers()["x-request-id"], bad);
    }
}

#[tokio::test]
async fn a_senders_trace_goes_on_in_the_log_and_at_the_host() {
    let setting = setting().await;
    let parent = format!("00-{TRACE}-{PARENT}-00");
    let headers =
        [("traceparent", parent.as_str()), ("tracestate", "vendor=1, other=2"), ("idempotency-key", "k1")];
    setting.send_at(Method::POST, "/v1/calls", &headers, &call(), NOW).await;
    let line = last_line(&setting);
    assert_eq!(
        (&line["trace_id"], &line["status"], &line["code"]),
        (&TRACE.into(), &202.into(), &"done".into())
    );
    let ours = line["span_id"].as_str().unwrap().to_owned();
    {
        let woken = setting.woken.borrow();
        let onward = woken[0].headers()["traceparent"].to_str().unwrap();
        // The host is called by us, not by whoever called us.
        assert_eq!(onward, format!("00-{TRACE}-{ours}-00"));
        assert_ne!(ours, PARENT);
        assert_eq!(woken[0].headers()["tracestate"], "vendor=1,other=2");
    }
    setting.send_at(Method::POST, "/v1/calls", &headers[..2], &call(), NOW).await;
    let line = last_line(&setting);
    assert_eq!((&line["trace_id"], &line["parent_id"]), (&TRACE.into(), &PARENT.into()));
    assert_eq!(line["span_id"].as_str().unwrap().len(), 16);
    assert_eq!(line["status"], 422);
}

#[tokio::test]
async fn a_request_without_a_good_trace_begins_one() {
    let setting = Setting::new().await;
    let upper = format!("00-{}-{PARENT}-01", TRACE.to_uppercase());
    let good = format!("00-{TRACE}-{PARENT}-01");
    let mut traces = Vec::new();
    for headers in
        [&[][..], &[("traceparent", upper.as_str())], &[("traceparent", &good), ("traceparent", &good)]]
    {
        setting.request(Method::GET, "/nowhere", headers).await;
        let line = last_line(&setting);
        assert_eq!(line["parent_id"], Value::Null);
        let trace = line["trace_id"].as_str().unwrap().to_owned();
        assert!(trace.len() == 32 && trace != TRACE);
        traces.push(trace);
    }
    traces.dedup();
    assert_eq!(traces.len(), 3);
}

fn last_line(setting: &Setting) -> Value {
    serde_json::from_str(setting.log.borrow().last().unwrap()).unwrap()
}

#[tokio::test]
async fn what_a_client_calls_its_fields_is_not_logged() {
    let setting = setting().await;
    let body = super::ordering::call_with("variables", serde_json::json!({ "Ana +34600000000": "x" }));
    let response = order(&setting, "k1", &body).await;
    assert_eq!(super::setting::pointers(&response), ["/variables/Ana +34600000000"]);
    let log = setting.log.borrow();
    assert!(log[0].contains("invalid-request") && !log[0].contains("Ana"), "{log:?}");
}
