//! Tenants' tools over REST, against the running platform: uploaded, tried out, switched, gone back from, deleted.
#![cfg(test)]

#[path = "tool_calls/component.rs"]
mod component;
mod harness;

use std::sync::Arc;

use component::{Component, Reply};
use harness::{API_KEY, Answer, Server, Webhook, eventually, new_call_sid};
use serde_json::{Value, json};
use store::{ApiKeyHash, Timestamp, ToolDigest};

/// The key of a tenant who has no tools.
const STRANGERS_KEY: &str = "the-api-key-of-a-stranger";

/// What opens the internal routes.
const INTERNAL_SECRET: &str = "the-internal-secret-of-the-tests";

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_is_uploaded_tried_out_switched_and_deleted() {
    let mut server = Server::voicehive(&[]).await;
    let [first, second] = ["It arrives on Friday.", "It arrives on Sunday."].map(orders);
    let pushed = push(&server, "", &first).await;
    assert_eq!(pushed.status, 201, "{pushed:?}");
    let one = version_of(&pushed);
    assert_eq!(one, ToolDigest::of(&first).as_str());
    assert_eq!(pushed.header("location"), format!("/v1/tools/orders/versions/{one}"));
    let shown = pushed.json();
    for (pointer, value) in [
        ("/tool", json!("orders")),
        ("/state", json!("accepted")),
        ("/tier", json!("standard")),
        ("/aliases", json!(["live"])),
        ("/definition/effect", json!("reads")),
        ("/definition/timeout_ms", json!(2000)),
        ("/report/contract", json!("0.1.0")),
    ] {
        assert_eq!(shown.pointer(pointer), Some(&value), "{pointer}: {shown}");
    }
    assert!(shown["measured"]["compiled_bytes"].as_u64().unwrap() > 0, "{shown}");
    assert_eq!(push(&server, "", &first).await.status, 200, "known bytes are no new version");

    let ran = dry_run(&server, json!({ "arguments": {} })).await.json();
    assert_eq!(
        (&ran["outcome"], &ran["answer"]["content"]),
        (&json!("done"), &json!("It arrives on Friday."))
    );
    assert!(ran["spent"]["memory_bytes"].as_u64().unwrap() >= 2 << 16, "{ran}");
    let odd = dry_run(&server, json!({ "arguments": { "order": 17 } })).await;
    assert_eq!((odd.status, odd.problem().as_str()), (422, "invalid-arguments"));

    let two = version_of(&push(&server, "?alias=canary&share=50", &second).await);
    let ran = dry_run(&server, json!({ "alias": "canary", "arguments": {} })).await.json();
    assert_eq!((&ran["version"], &ran["answer"]["content"]), (&json!(two), &json!("It arrives on Sunday.")));
    let switched = server.api("PUT", "/v1/tools/orders/aliases/live", &json!({ "version": two })).await;
    assert_eq!(switched.status, 200, "{switched:?}");
    assert_eq!(aliases(&server).await, [("live".into(), two.clone()), ("canary".into(), two.clone())]);
    let back = json!({ "alias": "live", "why": "it was wrong" });
    let back = server.api("POST", "/v1/tools/orders/rollback", &back).await;
    assert_eq!(back.json()["version"], one.as_str(), "{back:?}");

    // What was uploaded is there after a crash.
    server.kill().await;
    server.start_again().await;
    let ran = dry_run(&server, json!({ "arguments": {} })).await.json();
    assert_eq!((&ran["version"], &ran["outcome"]), (&json!(one), &json!("done")), "{ran}");

    let version = format!("/v1/tools/orders/versions/{two}");
    assert_eq!(server.api("DELETE", &version, &Value::Null).await.problem(), "in-use");
    assert_eq!(server.api("DELETE", "/v1/tools/orders/aliases/canary", &Value::Null).await.status, 204);
    assert_eq!(server.api("DELETE", &version, &Value::Null).await.status, 204);
    let gone = dry_run(&server, json!({ "version": two, "arguments": {} })).await;
    assert_eq!((gone.status, gone.problem().as_str()), (404, "not-found"));
    assert_eq!(server.api("DELETE", "/v1/tools/orders", &Value::Null).await.status, 204);
    assert_eq!(server.get("/v1/tools").await.json(), json!({ "items": [] }));
    let history = actions(&server).await;
    let expected =
        ["uploaded", "switched", "uploaded", "switched", "switched", "rolled-back", "cleared", "deleted"];
    assert_eq!(history[..8], expected);
    assert_eq!(history.last().map(String::as_str), Some("deleted"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_to_try_it_out_shows_what_the_caller_would_be_asked() {
    let server = Server::voicehive(&[]).await;
    let refund = Component {
        name: "orders",
        effect: "changes",
        reply: Reply::Confirm("Shall I pay back the whole sum?"),
        confirmed: Reply::Done(["It is on its way.", "Your money is on its way.", r#"{"sum":12}"#]),
    };
    push(&server, "", &refund.bytes()).await;
    let asked = dry_run(&server, json!({ "arguments": {} })).await.json();
    let question = json!("Shall I pay back the whole sum?");
    assert_eq!((&asked["outcome"], &asked["question"]), (&json!("confirm"), &question));
    let done = dry_run(&server, json!({ "arguments": {}, "confirmed": true })).await.json();
    assert_eq!(
        (&done["outcome"], &done["answer"]["speech"]),
        (&json!("done"), &json!("Your money is on its way."))
    );
    assert_eq!(done["answer"]["data"], r#"{"sum":12}"#);
    let usage = server.get("/v1/tools/orders/usage").await.json();
    assert_eq!(usage["items"], json!([]), "it is no run of a call's");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_says_why_and_leaves_nothing() {
    let server = Server::voicehive(&[]).await;
    let elf = b"\x7fELF\x02\x01\x01".to_vec();
    let module = b"\0asm\x01\0\0\0".to_vec();
    let empty = wat::parse_str("(component)").unwrap();
    let reserved = Component::answering("appointments", "reads", Reply::Done(["Mine.", "", ""])).bytes();
    for (bytes, code) in [
        (b"GIF89a".to_vec(), "not-wasm"),
        (elf, "precompiled"),
        (module, "core-module"),
        (empty, "export-missing"),
        (reserved, "name-reserved"),
    ] {
        let answer = push(&server, "", &bytes).await;
        assert_eq!((answer.status, answer.problem().as_str()), (422, code), "{answer:?}");
        let problem = answer.json();
        for member in ["item", "mend"] {
            assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{member}: {problem}");
        }
    }
    let large = push(&server, "", &vec![0; (4 << 20) + 1]).await;
    assert_eq!((large.status, large.problem().as_str()), (413, "body-too-large"));
    let good = orders("It arrives.");
    let key = format!("Bearer {API_KEY}");
    let json = [("authorization", key.as_str()), ("content-type", "application/json")];
    assert_eq!(server.post("/v1/tools", &json, good.clone()).await.problem(), "unsupported-media-type");
    for key in ["Bearer a wrong key", "Basic x", ""] {
        let headers = [("authorization", key), ("content-type", "application/wasm")];
        let answer = server.post("/v1/tools", &headers, good.clone()).await;
        assert_eq!((answer.status, answer.problem().as_str()), (401, "unauthorized"), "{key}");
    }
    // Nothing of a component is ever the edge's.
    let elsewhere = [("authorization", key.as_str()), ("content-type", "application/wasm")];
    let answer = server.post("/v1/tools/", &elsewhere, good).await;
    assert_eq!((answer.status, answer.problem().as_str()), (404, "not-found"));
    assert_eq!(server.get("/v1/tools").await.json(), json!({ "items": [] }));
    let refused = server.get("/v1/tool-refusals").await.json();
    let codes: Vec<&Value> = refused["items"].as_array().unwrap().iter().map(|item| &item["code"]).collect();
    assert_eq!(codes, ["name-reserved", "export-missing", "core-module", "precompiled", "not-wasm"]);
    let kept = std::fs::read_dir(server.data().join("tools")).unwrap();
    assert_eq!(kept.count(), 0, "bytes of refused uploads were kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_tenant_sees_nothing_of_a_tool() {
    let server = Server::voicehive(&[]).await;
    let (store, stranger) = (server.store(), "stranger".parse().unwrap());
    store.put_tenant(&stranger, "A stranger", "Europe/Madrid", Timestamp::now()).await.unwrap();
    store.set_api_key(&stranger, &ApiKeyHash::of(STRANGERS_KEY)).await.unwrap();
    let one = version_of(&push(&server, "", &orders("It arrives.")).await);
    for (method, path, body) in [
        ("GET", "/orders".to_owned(), Value::Null),
        ("GET", "/orders/versions".to_owned(), Value::Null),
        ("GET", format!("/orders/versions/{one}"), Value::Null),
        ("GET", "/orders/history".to_owned(), Value::Null),
        ("GET", "/orders/logs".to_owned(), Value::Null),
        ("POST", "/orders/calls".to_owned(), json!({ "arguments": {} })),
        ("POST", "/orders/calls".to_owned(), json!({ "version": one, "arguments": {} })),
        ("PUT", "/orders/aliases/live".to_owned(), json!({ "version": one })),
        ("DELETE", "/orders".to_owned(), Value::Null),
    ] {
        let answer = server.api_as(STRANGERS_KEY, method, &format!("/v1/tools{path}"), &body).await;
        assert_eq!((answer.status, answer.problem().as_str()), (404, "not-found"), "{method} {path}");
    }
    push(&server, "", b"GIF89a").await;
    for path in ["/v1/tools", "/v1/tool-refusals"] {
        let theirs = server.api_as(STRANGERS_KEY, "GET", path, &Value::Null).await;
        assert_eq!(theirs.json(), json!({ "items": [] }), "{path}");
    }
    let own = server.get("/v1/tool-refusals").await.json();
    assert_eq!(own["items"][0]["code"], "not-wasm");
    assert_eq!(aliases(&server).await, [("live".into(), one)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_traps_in_calls_goes_back_by_itself() {
    let server = Server::voicehive(&[("INTERNAL_SECRET", INTERNAL_SECRET.to_owned())]).await;
    let good = version_of(&push(&server, "", &orders("It arrives.")).await);
    let bad = Component::answering("orders", "reads", Reply::Trap).bytes();
    let bad = version_of(&push(&server, "", &bad).await);
    let broken = dry_run(&server, json!({ "arguments": {} })).await.json();
    assert_eq!((&broken["outcome"], &broken["error"]["code"]), (&json!("broken"), &json!("trap")));
    list_orders(&server).await;
    for number in 0..3 {
        let answer = run_in_a_call(&server, number).await;
        assert_eq!(answer["outcome"], "fault", "{answer}");
    }
    eventually("the live version to be the one before", async || {
        (aliases(&server).await == [("live".to_owned(), good.clone())]).then_some(())
    })
    .await;
    let answer = run_in_a_call(&server, 3).await;
    assert_eq!((&answer["outcome"], &answer["text"]), (&json!("success"), &json!("It arrives.")));

    let event = server.get("/v1/tools/orders/history?limit=1").await.json()["items"][0].clone();
    assert_eq!((&event["action"], &event["by"]), (&json!("rolled-back-automatically"), &json!("voicehive")));
    assert_eq!(
        (&event["from"], &event["to"], &event["why"]),
        (&json!(bad), &json!(good), &json!("3 of 3 runs trapped"))
    );
    let errors = server.get("/v1/tools/orders/errors").await.json();
    assert_eq!(
        errors["items"].as_array().unwrap().len(),
        3,
        "a run to try it out is none of a call's: {errors}"
    );
    assert_eq!((&errors["items"][0]["version"], &errors["items"][0]["code"]), (&json!(bad), &json!("trap")));
    let usage = eventually("the last run to be counted", async || {
        let usage = server.get("/v1/tools/orders/usage").await.json();
        (usage["items"].as_array().unwrap().len() == 2).then_some(usage)
    })
    .await;
    let of =
        |version: &str| usage["items"].as_array().unwrap().iter().find(|item| item["version"] == version);
    let (good, bad) = (of(&good).unwrap(), of(&bad).unwrap());
    assert_eq!(
        (&bad["calls"], &bad["traps"], &good["calls"], &good["traps"]),
        (&json!(3), &json!(3), &json!(1), &json!(0))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn quarantined_bytes_run_nowhere_until_they_are_released() {
    let server = Server::voicehive(&[("INTERNAL_SECRET", INTERNAL_SECRET.to_owned())]).await;
    let bytes = orders("It arrives.");
    let one = version_of(&push(&server, "", &bytes).await);
    list_orders(&server).await;
    let decide = async |secret: &str, decision: &str| {
        let key = format!("Bearer {secret}");
        let headers = [("authorization", key.as_str()), ("content-type", "application/json")];
        let body = json!({ "digest": one, "by": "the operator", "why": "it mines" });
        server.post(&format!("/internal/v1/{decision}"), &headers, body.to_string()).await.status
    };
    assert_eq!(decide(API_KEY, "quarantine").await, 401);
    assert_eq!(decide(INTERNAL_SECRET, "quarantine").await, 204);
    assert_eq!(aliases(&server).await, []);
    let run = json!({ "version": one, "arguments": {} });
    let switch = json!({ "version": one });
    for answer in [
        dry_run(&server, run.clone()).await,
        push(&server, "", &bytes).await,
        server.api("PUT", "/v1/tools/orders/aliases/live", &switch).await,
    ] {
        assert_eq!((answer.status, answer.problem().as_str()), (409, "quarantined"));
    }
    assert_eq!(run_in_a_call(&server, 0).await["outcome"], "refused");
    assert_eq!(decide(INTERNAL_SECRET, "release").await, 204);
    let list = async |secret: &str| {
        let key = format!("Bearer {secret}");
        let headers = [("authorization", key.as_str()), ("content-type", "application/json")];
        server.post("/internal/v1/quarantines", &headers, json!({ "digest": one }).to_string()).await
    };
    assert_eq!(list(API_KEY).await.status, 401);
    let ended = list(INTERNAL_SECRET).await.json()["items"][0].clone();
    assert_eq!((&ended["by"], &ended["why"]), (&json!("the operator"), &json!("it mines")));
    assert_eq!(ended["released"]["by"], "the operator");
    assert_eq!(dry_run(&server, run).await.json()["outcome"], "done");
    assert_eq!(aliases(&server).await, [], "no alias goes back by itself");
    assert_eq!(server.api("PUT", "/v1/tools/orders/aliases/live", &switch).await.status, 200);
    assert_eq!(run_in_a_call(&server, 1).await["outcome"], "success");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_kept_sealed_and_never_shown() {
    let secret = "sesame-open-4711";
    let server = Server::voicehive(&[("TOOL_SECRETS_KEY", "07".repeat(32))]).await;
    push(&server, "", &orders("It arrives.")).await;
    let body = json!({ "host": "api.example.com", "value": secret });
    let set = server.api("PUT", "/v1/tools/orders/secrets/token", &body).await;
    assert_eq!((set.status, &set.json()["host"]), (200, &json!("api.example.com")), "{set:?}");
    let listed = server.get("/v1/tools/orders/secrets").await;
    assert_eq!(listed.json()["items"][0]["name"], "token");
    for entry in std::fs::read_dir(server.data()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            assert!(!bytes.windows(secret.len()).any(|part| part == secret.as_bytes()), "{}", path.display());
        }
    }
    assert!(!format!("{set:?}{listed:?}{}", server.log()).contains(secret));
    assert_eq!(server.api("DELETE", "/v1/tools/orders/secrets/token", &Value::Null).await.status, 204);

    let without = Server::voicehive(&[]).await;
    push(&without, "", &orders("It arrives.")).await;
    let refused = without.api("PUT", "/v1/tools/orders/secrets/token", &body).await;
    assert_eq!((refused.status, refused.problem().as_str()), (503, "secrets-unavailable"));
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_at_once_are_taken_one_after_the_other_or_told_to_wait() {
    let server = Arc::new(Server::voicehive(&[]).await);
    let uploads: Vec<_> = (0..6)
        .map(|number| {
            let (server, arrives) = (server.clone(), ["Mo", "Tu", "We", "Th", "Fr", "Sa"][number]);
            tokio::spawn(async move { push(&server, "?alias=none", &orders(arrives)).await })
        })
        .collect();
    let mut taken = 0;
    for upload in uploads {
        let answer = upload.await.unwrap();
        match answer.status {
            201 => taken += 1,
            _ => assert_eq!((answer.status, answer.problem().as_str()), (409, "upload-in-progress")),
        }
    }
    let versions = server.get("/v1/tools/orders/versions").await.json();
    assert_eq!(versions["items"].as_array().unwrap().len(), taken);
    assert!(taken >= 1);
}

fn orders(content: &'static str) -> Vec<u8> {
    Component::answering("orders", "reads", Reply::Done([content, "", ""])).bytes()
}

async fn push(server: &Server, query: &str, bytes: &[u8]) -> Answer {
    let key = format!("Bearer {API_KEY}");
    let headers = [("authorization", key.as_str()), ("content-type", "application/wasm")];
    server.post(&format!("/v1/tools{query}"), &headers, bytes.to_vec()).await
}

fn version_of(answer: &Answer) -> String {
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()["version"].as_str().unwrap().to_owned()
}

async fn dry_run(server: &Server, body: Value) -> Answer {
    server.api("POST", "/v1/tools/orders/calls", &body).await
}

/// What the tool's aliases name.
async fn aliases(server: &Server) -> Vec<(String, String)> {
    let tool = server.get("/v1/tools/orders").await.json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let aliases = tool["aliases"].as_array().unwrap().iter();
    aliases.map(|named| (text(&named["alias"]), text(&named["version"]))).collect()
}

/// What was done to the tool, the oldest first.
async fn actions(server: &Server) -> Vec<String> {
    let history = server.get("/v1/tools/orders/history").await.json();
    let events = history["items"].as_array().unwrap().iter().rev();
    events.map(|event| event["action"].as_str().unwrap().to_owned()).collect()
}

/// Lets the agent use the tool.
async fn list_orders(server: &Server) {
    let (tenant, receptionist) = ("default".parse().unwrap(), "receptionist".parse().unwrap());
    let tools = ["orders".parse().unwrap()];
    assert!(server.store().set_agent_tools(&tenant, &receptionist, &tools).await.unwrap());
}

/// Has the tool called in a phone call of its own, as the edge does for another platform's agent.
async fn run_in_a_call(server: &Server, number: u32) -> Value {
    let call_sid = new_call_sid();
    assert_eq!(server.deliver(&Webhook::voice(&call_sid)).await.status, 200);
    let call = server.call(&call_sid).await.unwrap();
    let body = json!({
        "tenant": "default",
        "call": call["id"],
        "agent": "receptionist",
        "tool_call_id": format!("call-{number}"),
        "name": "orders",
        "arguments": "{}",
        "caller": "",
    });
    let key = format!("Bearer {INTERNAL_SECRET}");
    let headers = [("authorization", key.as_str()), ("content-type", "application/json")];
    let answer = server.post("/internal/v1/tools", &headers, body.to_string()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}
