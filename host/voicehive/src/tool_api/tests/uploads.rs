//! Components that are sent, taken and refused.

use std::sync::atomic::Ordering;

use axum::body::{Body, Bytes};
use futures::stream;
use serde_json::json;
use store::{Act, GateCheck, NewVersion, Timestamp, ToolDigest, ToolQuota, VersionState};
use tokio::sync::oneshot;

use super::setting::{KEY, Setting};

#[tokio::test]
async fn an_upload_becomes_a_version_that_calls_get() {
    let setting = Setting::new().await;
    let answer = setting.upload("", "order_status: 1").await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let digest = ToolDigest::of(b"order_status: 1");
    let path = format!("/v1/tools/order_status/versions/{digest}");
    assert_eq!(answer.headers["location"], path.as_str());
    assert_eq!(answer.headers["cache-control"], "no-store");
    let version = &answer.body;
    for (field, value) in [
        ("tool", json!("order_status")),
        ("version", json!(digest)),
        ("state", json!("accepted")),
        ("tier", json!("standard")),
        ("bytes", json!(15)),
        ("definition", json!({ "name": "order_status", "description": "A tool." })),
        ("report", json!({ "bytes": 15 })),
        ("measured", json!({ "compile_ms": 1 })),
        ("aliases", json!(["live"])),
        ("refusal", json!(null)),
        ("gate", json!("1")),
        ("engine", json!("e1")),
        ("deleted_at", json!(null)),
    ] {
        assert_eq!(version[field], value, "{field}");
    }
    assert!(version["uploaded_by"].as_str().unwrap().starts_with("api key "), "{version}");
    assert_eq!(setting.get(&path).await.body, *version);
    let tool = "order_status".parse().unwrap();
    let kept = setting.store.tool_version(&setting.tenant, &tool, &digest).await.unwrap().unwrap();
    assert_eq!((kept.state, &kept.check.report["tier"]), (VersionState::Accepted, &json!("standard")));
    assert_eq!(setting.artifacts.read(&digest, 99).unwrap(), b"order_status: 1");
}

#[tokio::test]
async fn known_bytes_are_no_new_version() {
    let setting = Setting::new().await;
    let first = setting.push("", "status: 1").await;
    let second = setting.push("?tier=large", "status: 2").await;
    let again = setting.upload("?tier=large", "status: 2").await;
    assert_eq!((again.status, again.headers.get("location")), (200, None));
    let history = async || setting.get("/v1/tools/status/history").await.body;
    assert_eq!(history().await["items"].as_array().unwrap().len(), 4, "the alias was not switched again");
    // But it is what the client asked for that calls get.
    let back = setting.upload("?alias=live", "status: 1").await;
    assert_eq!((back.status, &back.body["aliases"]), (200, &json!(["live"])));
    assert_eq!(setting.aliases("status").await, [("live".into(), first, 100)]);
    let kept = setting.get(&format!("/v1/tools/status/versions/{second}")).await.body;
    assert_eq!((&kept["tier"], &kept["aliases"]), (&json!("large"), &json!([])));
}

#[tokio::test]
async fn known_bytes_get_the_tier_that_they_are_sent_for() {
    let setting = Setting::new().await;
    let digest = setting.push("", "status: 1").await;
    let version = format!("/v1/tools/status/versions/{digest}");
    for tier in ["large", "standard"] {
        let again = setting.upload(&format!("?tier={tier}"), "status: 1").await;
        assert_eq!((again.status, &again.body["tier"]), (200, &json!(tier)));
        assert_eq!(again.body["aliases"], json!(["live"]));
        assert_eq!(setting.get(&version).await.body, again.body);
        let listed = setting.get("/v1/tools/status/versions").await.body;
        assert_eq!(listed["items"][0]["tier"], tier);
        let history = setting.get("/v1/tools/status/history?limit=1").await.body;
        let event = &history["items"][0];
        assert_eq!((&event["action"], &event["tier"]), (&json!("tier-changed"), &json!(tier)));
        assert_eq!(event["to"], digest);
    }
    // An alias follows, if it is told to.
    let canary = setting.upload("?tier=large&alias=canary", "status: 1").await;
    assert_eq!((canary.status, &canary.body["tier"]), (200, &json!("large")));
    assert_eq!(setting.aliases("status").await[1], ("canary".into(), digest, 10));
}

#[tokio::test]
async fn an_upload_names_what_it_is_told_to() {
    let setting = Setting::new().await;
    let live = setting.push("", "status: 1").await;
    setting.push("?alias=none", "status: 2").await;
    let canary = setting.push("?alias=canary&share=25", "status: 3").await;
    let expected = [("live".to_owned(), live.clone(), 100), ("canary".to_owned(), canary, 25)];
    assert_eq!(setting.aliases("status").await, expected);
    let usual = setting.push("?alias=canary", "status: 4").await;
    assert_eq!(setting.aliases("status").await[1], ("canary".into(), usual, 10));
    for (query, says) in [
        ("?tier=huge", "`tier`"),
        ("?alias=best", "`alias`"),
        ("?share=5", "only a canary"),
        ("?alias=none&share=5", "only a canary"),
        ("?alias=canary&share=101", "`share`"),
        ("?alias=canary&share=-1", "`share`"),
        ("?aliases=live", "`aliases`"),
    ] {
        let answer = setting.upload(query, "status: 5").await;
        assert_eq!(answer.problem(), (422, "invalid-parameter"), "{query}");
        assert!(answer.body["detail"].as_str().unwrap().contains(says), "{answer:?}");
    }
}

#[tokio::test]
async fn what_the_gate_refuses_is_told_and_not_kept() {
    let setting = Setting::new().await;
    let answer = setting.upload("", "refuse: this").await;
    assert_eq!(answer.problem(), (422, "precompiled"));
    assert_eq!(
        (&answer.body["item"], &answer.body["mend"]),
        (&json!("module 0"), &json!("use a toolchain's output"))
    );
    let reserved = setting.upload("", "appointments: mine").await;
    assert_eq!(reserved.problem(), (422, "name-reserved"));
    assert_eq!(reserved.body["item"], "appointments");
    assert_eq!(setting.upload("", "no name: x").await.problem(), (422, "invalid-request"));
    assert_eq!(setting.get("/v1/tools").await.body, json!({ "items": [] }));
    assert_eq!(setting.artifacts.read(&ToolDigest::of(b"refuse: this"), 99).ok(), None);
    let compiled = ["refuse: this", "appointments: mine", "no name: x"];
    let compiled = compiled.map(|text| ToolDigest::of(text.as_bytes()).to_string());
    assert_eq!(*setting.workshop.forgotten.lock().unwrap(), compiled, "what was compiled is not kept either");
}

#[tokio::test]
async fn what_there_is_no_room_for_is_not_kept() {
    let setting = Setting::new().await;
    let act = Act { by: "ana", why: "", at: Timestamp(1) };
    let check = GateCheck { gate: "1".into(), engine: "e1".into(), refusal: None, report: json!({}) };
    let quota = ToolQuota::default();
    for number in 0..quota.tools {
        let (tool, digest) = (format!("t{number}").parse().unwrap(), ToolDigest::of(&number.to_be_bytes()));
        let version = NewVersion { digest, bytes: 1, compiled_bytes: 0, check: check.clone() };
        setting.store.put_tool_version(&setting.tenant, &tool, &version, &quota, &act).await.unwrap();
    }
    assert_eq!(setting.upload("", "status: 1").await.problem(), (409, "quota-exceeded"));
    let digest = ToolDigest::of(b"status: 1");
    assert!(setting.artifacts.read(&digest, 99).is_err());
    assert_eq!(*setting.workshop.forgotten.lock().unwrap(), [digest.to_string()]);
}

#[tokio::test]
async fn what_is_compiled_takes_room_of_the_tenants() {
    let setting = Setting::new().await;
    let most = ToolQuota::default().bytes;
    let weighing = |number: u64, bytes: u64| format!("status: {number} weighs {bytes}");
    assert_eq!(setting.upload("", &weighing(1, most)).await.problem(), (409, "quota-exceeded"));
    assert_eq!(setting.upload("", &weighing(2, most / 2)).await.status, 201);
    assert_eq!(setting.upload("", &weighing(3, most / 2)).await.problem(), (409, "quota-exceeded"));
    assert_eq!(setting.upload("", &weighing(4, most / 4)).await.status, 201);
}

#[tokio::test]
async fn what_another_tenant_has_is_not_forgotten_by_a_refusal() {
    let setting = Setting::new().await;
    // Another tenant has it from before the gate refused it.
    let bytes = b"refuse: this";
    let digest = setting.artifacts.put(bytes).unwrap();
    let (stranger, tool) = ("stranger".parse().unwrap(), "status".parse().unwrap());
    let act = Act { by: "ana", why: "", at: Timestamp(1) };
    let check = GateCheck { gate: "0".into(), engine: "e1".into(), refusal: None, report: json!({}) };
    let version = NewVersion { digest: digest.clone(), bytes: 1, compiled_bytes: 0, check };
    let quota = ToolQuota::default();
    setting.store.put_tool_version(&stranger, &tool, &version, &quota, &act).await.unwrap();
    assert_eq!(setting.upload("", "refuse: this").await.problem(), (422, "precompiled"));
    assert_eq!(setting.artifacts.read(&digest, 99).unwrap(), bytes);
    assert_eq!(setting.workshop.forgotten.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn quarantined_bytes_are_not_even_looked_at() {
    let setting = Setting::new().await;
    let act = Act { by: "the operator", why: "it mines", at: Timestamp(1) };
    setting.store.quarantine_tool(&ToolDigest::of(b"status: 1"), &act).await.unwrap();
    assert_eq!(setting.upload("", "status: 1").await.problem(), (409, "quarantined"));
    assert_eq!(setting.workshop.admitted.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_body_is_a_component_by_its_label_and_not_too_large() {
    let setting = Setting::new().await;
    let key = format!("Bearer {KEY}");
    let key = ("authorization", key.as_str());
    let wasm = ("content-type", "application/wasm");
    let send = async |headers: &[_], body: Body| {
        let answer = setting.send("POST", "/v1/tools", headers, body).await;
        (answer.status, answer.body["code"].as_str().unwrap().to_owned())
    };
    let expect = |status: u16, code: &str| (status, code.to_owned());
    assert_eq!(send(&[key], Body::from("x: 1")).await, expect(415, "unsupported-media-type"));
    let json = ("content-type", "application/json");
    assert_eq!(send(&[key, json], Body::from("x: 1")).await, expect(415, "unsupported-media-type"));
    let gzip = ("content-encoding", "gzip");
    assert_eq!(send(&[key, wasm, gzip], Body::from("x: 1")).await, expect(415, "unsupported-encoding"));
    let most = gate::Limits::STANDARD.component_bytes;
    let more = vec![b'x'; most + 1];
    assert_eq!(send(&[key, wasm], Body::from(more.clone())).await, expect(413, "body-too-large"));
    let unannounced = stream::iter([Ok::<_, std::io::Error>(Bytes::from(more))]);
    assert_eq!(send(&[key, wasm], Body::from_stream(unannounced)).await, expect(413, "body-too-large"));
    assert_eq!(setting.workshop.admitted.load(Ordering::Relaxed), 0);
    let large = setting.upload("?tier=large", &format!("status:{}", "x".repeat(most))).await;
    assert_eq!(large.status, 201, "{large:?}");
}

#[tokio::test]
async fn a_tenant_uploads_one_component_at_a_time() {
    let setting = Setting::new().await;
    let (asked, is_asked) = oneshot::channel();
    let (rest, is_sent) = oneshot::channel();
    let body = stream::once(async {
        asked.send(()).unwrap();
        Ok::<_, std::io::Error>(is_sent.await.unwrap())
    });
    let meanwhile = async {
        is_asked.await.unwrap();
        let refused = setting.upload("", "status: 2").await;
        assert_eq!(refused.problem(), (409, "upload-in-progress"));
        assert_eq!(setting.get("/v1/tools").await.status, 200, "everything else goes on");
        rest.send("status: 1").unwrap();
    };
    let (first, ()) = tokio::join!(setting.upload_body("", Body::from_stream(body)), meanwhile);
    assert_eq!(first.status, 201);
    assert_eq!(setting.upload("", "status: 2").await.status, 201, "the turn was given back");
    assert_eq!(setting.upload("", "refuse: this").await.status, 422);
    assert_eq!(setting.upload("", "status: 3").await.status, 201, "also after a refusal");
}
