//! Uploads that became no version, and who can look them up.

use serde_json::{Value, json};
use store::{Act, Db as _, Statement, Timestamp, ToolDigest};

use super::setting::{STRANGERS_KEY, Setting};

const REFUSALS: &str = "/v1/tool-refusals";

#[tokio::test]
async fn a_refused_upload_is_listed_for_its_own_tenant() {
    let setting = Setting::new().await;
    assert_eq!(setting.get(REFUSALS).await.body, json!({ "items": [] }));
    let component = "refuse: this takes 7";
    assert_eq!(setting.upload("?tier=large", component).await.problem(), (422, "precompiled"));
    let listed = setting.get(REFUSALS).await;
    assert_eq!(listed.headers["cache-control"], "no-store");
    let items = listed.body["items"].as_array().unwrap();
    assert_eq!(items.len(), 1);
    for (field, value) in [
        ("digest", json!(ToolDigest::of(component.as_bytes()))),
        ("bytes", json!(component.len())),
        ("tier", json!("large")),
        ("code", json!("precompiled")),
        ("item", json!("module 0")),
        ("mend", json!("use a toolchain's output")),
        ("took_ms", json!(7000)),
    ] {
        assert_eq!(items[0][field], value, "{field}");
    }
    assert!(items[0]["by"].as_str().unwrap().starts_with("api key "), "{listed:?}");
    assert!(items[0]["at"].as_i64().unwrap() > 0, "{listed:?}");
    let theirs = setting.as_tenant(STRANGERS_KEY, "GET", REFUSALS, &Value::Null).await;
    assert_eq!((theirs.status, theirs.body), (200, json!({ "items": [] })));
    let nobodys = setting.as_tenant("no key", "GET", REFUSALS, &Value::Null).await;
    assert_eq!(nobodys.problem(), (401, "unauthorized"));
    let odd = setting.get("/v1/tool-refusals?limit=1").await;
    assert_eq!(odd.problem(), (422, "invalid-parameter"));
}

#[tokio::test]
async fn every_verdict_on_a_component_is_listed_and_nothing_else() {
    let setting = Setting::new().await;
    let act = Act { by: "the operator", why: "it mines", at: Timestamp(1) };
    setting.store.quarantine_tool(&ToolDigest::of(b"mine: 1"), &act).await.unwrap();
    for (component, problem) in [
        ("refuse: 1", (422, "precompiled")),
        ("fault: 1", (503, "compiler-unavailable")),
        ("break: 1", (500, "internal")),
        ("appointments: 1", (422, "name-reserved")),
        ("no name: 1", (422, "invalid-request")),
        ("mine: 1", (409, "quarantined")),
    ] {
        assert_eq!(setting.upload("", component).await.problem(), problem, "{component}");
    }
    setting.push("", "status: 1").await;
    let listed = setting.get(REFUSALS).await.body;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let items = listed["items"].as_array().unwrap().iter();
    let items: Vec<_> = items.map(|item| (text(&item["code"]), text(&item["item"]))).collect();
    let expected = [
        ("quarantined", ""),
        ("invalid-request", ""),
        ("name-reserved", "appointments"),
        ("precompiled", "module 0"),
    ]
    .map(|(code, item)| (code.to_owned(), item.to_owned()));
    assert_eq!(items, expected, "the newest first");
    assert!(listed["items"][1]["mend"].as_str().unwrap().contains("a tool's name"), "{listed}");
}

#[tokio::test]
async fn an_upload_is_refused_also_where_that_cannot_be_kept() {
    let setting = Setting::new().await;
    let gone = Statement::new("DROP TABLE tool_refusals", []);
    setting.store.db().execute(gone).await.unwrap();
    assert_eq!(setting.upload("", "refuse: this").await.problem(), (422, "precompiled"));
    let digest = ToolDigest::of(b"refuse: this").to_string();
    assert_eq!(*setting.workshop.forgotten.lock().unwrap(), [digest]);
    assert_eq!(setting.get(REFUSALS).await.problem(), (500, "internal"));
}
