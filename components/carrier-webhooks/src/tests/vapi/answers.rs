//! `assistant-request`.

use std::future::pending;
use std::time::Duration;

use serde_json::{Value, json};
use store::CallStatus;

use super::super::senders::{VAPI_SECRET, vapi, vapi_signed};
use super::super::setting::{BASE, CALLER, NOW, NUMBER};
use super::*;
use crate::decision;

#[tokio::test]
async fn an_agent_answers_as_an_assistant_made_for_the_call() {
    let setting = setting().await;
    let reply = send(&setting, "assistant-request", json!({})).await;
    let assistant = &reply["assistant"];
    assert_eq!((&assistant["name"], &assistant["firstMessage"]), (&json!("Receptionist"), &json!("Hello!")));
    assert_eq!(assistant["model"]["messages"], json!([{ "role": "system", "content": "Be kind." }]));
    let tools = assistant["model"]["tools"].as_array().unwrap();
    assert_eq!(tools.len(), 1, "a tool that Vapi would refuse is left out, and the call is answered");
    assert_eq!(tools[0]["function"]["name"], "appointments");
    assert_eq!(
        (assistant.get("server"), tools[0].get("server")),
        (None, None),
        "there is no credential for one"
    );
    let call = only_call(&setting).await;
    let question = json!({ "tenant": "default", "call": call.id.as_str(), "agent": "receptionist" });
    assert_eq!(asked(&setting, "/internal/v1/assistant"), [question]);
    assert_eq!((call.from.as_str(), call.to.as_str(), call.status), (CALLER, NUMBER, CallStatus::Ringing));
    assert_eq!((call.carrier.as_str(), call.carrier_call_id.as_deref()), ("vapi", Some(CALL)));
    assert_eq!(call.agent.as_ref().map(ToString::to_string).as_deref(), Some("receptionist"));
    assert_eq!(setting.log_of(&call).await, ["call.received"]);
}

#[tokio::test]
async fn what_the_agent_says_for_vapi_is_used() {
    let setting = setting().await;
    configure(
        &setting,
        json!({
            "vapi_credential_id": "cred",
            "vapi_model": { "provider": "anthropic", "model": "claude-sonnet-4" },
            "vapi_voice": { "provider": "vapi", "voice_id": "Elliot" },
        }),
    )
    .await;
    let assistant = send(&setting, "assistant-request", json!({})).await["assistant"].clone();
    let server = json!({ "url": format!("{BASE}{PATH}"), "credentialId": "cred", "timeoutSeconds": 20 });
    assert_eq!((&assistant["server"], &assistant["model"]["tools"][0]["server"]), (&server, &server));
    assert_eq!(
        (&assistant["model"]["provider"], &assistant["model"]["model"]),
        (&json!("anthropic"), &json!("claude-sonnet-4"))
    );
    assert_eq!(assistant["voice"], json!({ "provider": "vapi", "voiceId": "Elliot" }));
}

#[tokio::test]
async fn an_assistant_that_vapi_keeps_needs_no_host() {
    let setting = setting().await;
    configure(&setting, json!({ "vapi_assistant_id": "asst_1" })).await;
    assert_eq!(send(&setting, "assistant-request", json!({})).await, json!({ "assistantId": "asst_1" }));
    assert_eq!(asked(&setting, "/internal/v1/assistant").len(), 0);
}

#[tokio::test]
async fn every_decision_of_the_table_has_its_reply() {
    let forward = |to: &str| json!({ "forward": { "to": to, "ring_seconds": 20 } });
    for (decision, reply) in [
        (forward("+34910000001"), json!({ "destination": { "type": "number", "number": "+34910000001" } })),
        (
            forward("sip:desk@example.com"),
            json!({ "destination": { "type": "sip", "sipUri": "sip:desk@example.com" } }),
        ),
        (json!({ "message": "We are\nclosed." }), json!({ "error": "We are closed." })),
        (json!({ "connect": "nobody" }), json!({ "error": decision::APOLOGY })),
    ] {
        let setting = with_routing(&json!({ "fallback": decision })).await;
        // Asked again, it decides the same, and stores nothing more.
        for _ in 0..2 {
            assert_eq!(send(&setting, "assistant-request", json!({})).await, reply);
            only_call(&setting).await;
        }
    }
    for decision in [
        json!({ "voicemail": { "greeting": "Speak after the tone.", "max_seconds": 90 } }),
        json!({ "reject": "busy" }),
        json!({ "reject": "declined" }),
    ] {
        let setting = with_routing(&json!({ "fallback": decision })).await;
        let first = send(&setting, "assistant-request", json!({})).await;
        let words = first["error"].as_str().unwrap();
        assert!(!words.contains("tone"), "no message is taken, so none is asked for: {words}");
        assert_eq!(send(&setting, "assistant-request", json!({})).await, first);
        let is_over = only_call(&setting).await.status.is_terminal();
        assert_eq!(is_over, decision.get("reject").is_some());
    }
}

#[tokio::test]
async fn a_question_asked_again_has_the_same_answer_and_makes_no_second_call() {
    let setting = setting().await;
    let first = send(&setting, "assistant-request", json!({})).await;
    assert_eq!(send(&setting, "assistant-request", json!({})).await, first);
    // A signed copy is answered like any other: Vapi asks again because it never got the first reply.
    let body = message("assistant-request", json!({}));
    for _ in 0..2 {
        let response = setting.send(&vapi_signed(PATH, &body)).await;
        assert_eq!(serde_json::from_str::<Value>(response.body()).unwrap(), first);
    }
    only_call(&setting).await;
    send(&setting, "status-update", json!({ "status": "ended", "endedReason": "customer-ended-call" })).await;
    let late = send(&setting, "assistant-request", json!({})).await;
    assert!(late["error"].is_string(), "{late}");
}

#[tokio::test]
async fn what_was_decided_once_stands_though_the_table_has_changed() {
    let setting = with_routing(&json!({ "fallback": { "message": "Closed." } })).await;
    let first = send(&setting, "assistant-request", json!({})).await;
    setting.store.set_routing(&setting.tenant, None).await.unwrap();
    assert_eq!(send(&setting, "assistant-request", json!({})).await, first);
}

#[tokio::test]
async fn a_status_that_was_faster_than_the_question_decides_nothing() {
    let setting = with_routing(&json!({ "fallback": { "message": "Closed." } })).await;
    send(&setting, "status-update", json!({ "status": "ringing" })).await;
    assert_eq!(send(&setting, "assistant-request", json!({})).await, json!({ "error": "Closed." }));
    only_call(&setting).await;
}

#[tokio::test]
async fn a_number_of_nobody_is_not_in_service() {
    let setting = setting().await;
    for number in [json!({ "number": "+34999999999" }), json!({ "sipUri": "sip:a@sip.vapi.ai" }), json!(null)]
    {
        let reply = send(&setting, "assistant-request", json!({ "phoneNumber": number })).await;
        assert_eq!(reply, json!({ "error": decision::UNKNOWN_NUMBER }));
    }
    assert_eq!(setting.calls().await.len(), 0);
}

#[tokio::test]
async fn below_a_tenants_path_its_own_numbers_alone_answer() {
    let setting = setting().await;
    setting.store.put_tenant(&"other".parse().unwrap(), "Other", "Europe/Madrid", NOW).await.unwrap();
    for tenant in ["other", "default"] {
        let tenant = tenant.parse().unwrap();
        setting.store.add_webhook_key(&tenant, "vapi-bearer", VAPI_SECRET, NOW).await.unwrap();
    }
    configure(&setting, json!({ "vapi_credential_id": "cred" })).await;
    let body = message("assistant-request", json!({}));
    let strange = send_to(&setting, "/webhooks/tenants/other/vapi", &body).await;
    assert_eq!(strange, json!({ "error": decision::UNKNOWN_NUMBER }));
    let own = send_to(&setting, "/webhooks/tenants/default/vapi", &body).await;
    assert_eq!(own["assistant"]["server"]["url"], format!("{BASE}/webhooks/tenants/default/vapi"));
}

#[tokio::test]
async fn a_host_that_says_nothing_useful_is_apologised_for() {
    for answer in [
        Err(HostFault::NotConfigured),
        Err(HostFault::Unreachable("connection refused".into())),
        Ok(answered(500, &json!({}))),
        Ok(answered(200, &json!({ "greeting": "no name" }))),
        Ok(HostAnswer { status: 200, body: b"<html>".to_vec() }),
    ] {
        let mut setting = setting().await;
        setting.host_script = Some(script(move |_, _| answer.clone()));
        let reply = send(&setting, "assistant-request", json!({})).await;
        assert_eq!(reply, json!({ "error": decision::APOLOGY }));
        assert!(setting.log.borrow().iter().any(|line| line.contains("host-unreachable")));
    }
}

#[tokio::test]
async fn neither_host_nor_database_is_waited_for_longer_than_vapi_waits() {
    let hang: fn(&mut Setting) = |setting| setting.host_script = Some(Box::new(|_, _| Box::pin(pending())));
    for hang in [hang, |setting| setting.database_hangs = true] {
        let mut setting = setting().await;
        (hang)(&mut setting);
        setting.time_is_up = true;
        let reply = send(&setting, "assistant-request", json!({})).await;
        assert_eq!(reply, json!({ "error": decision::APOLOGY }));
        assert!(setting.log.borrow().iter().any(|line| line.contains("answer-too-late")));
        assert!(setting.waited.borrow().iter().all(|limit| *limit <= Duration::from_secs(5)));
    }
}

#[tokio::test]
async fn without_a_database_the_caller_is_told_so_and_vapi_hears_no_secrets() {
    let mut setting = setting().await;
    setting.database_is_down = true;
    assert_eq!(send(&setting, "assistant-request", json!({})).await, json!({ "error": decision::APOLOGY }));
}

#[tokio::test]
async fn limits_are_told_in_words_and_repeats_do_not_count() {
    let mut setting = setting().await;
    setting.settings.as_mut().unwrap().webhooks_per_minute = 2;
    let ask = async |id: &str| {
        let call = json!({ "call": { "id": id, "type": "inboundPhoneCall" } });
        send(&setting, "assistant-request", call).await
    };
    for id in ["a", "a", "a", "b"] {
        assert!(ask(id).await["assistant"].is_object(), "{id}");
    }
    assert_eq!(ask("c").await, json!({ "error": decision::TOO_OFTEN }));
    setting.store.set_max_live_calls(&setting.tenant, Some(2)).await.unwrap();
    let call = json!({ "call": { "id": "d" }, "customer": { "number": "+15551239999" } });
    let busy = send(&setting, "assistant-request", call).await;
    assert!(busy["error"].as_str().unwrap().contains("busy"), "{busy}");
    assert_eq!(setting.calls().await.len(), 2);
}

#[tokio::test]
async fn what_is_no_message_is_refused_and_what_is_unknown_is_not() {
    let setting = setting().await;
    for body in ["", "{", "[]", "{}", r#"{"message":{}}"#] {
        let response = setting.send(&vapi(PATH, "x-vapi-secret", VAPI_SECRET, body)).await;
        assert_eq!(response.status(), 400, "{body}");
        assert_eq!(response.headers()["content-type"], "application/problem+json");
    }
    for kind in ["transcript", "speech-update", "hang", "of-next-year", "call.endpointing.request"] {
        assert_eq!(send(&setting, kind, json!({})).await, json!({}), "{kind}");
    }
    assert_eq!(send(&setting, "knowledge-base-request", json!({})).await, json!({ "documents": [] }));
    let unproven = setting.send(&vapi(PATH, "authorization", "Bearer other", "{}")).await;
    assert_eq!(unproven.status(), 403);
}
