//! `tool-calls` and `function-call`.

use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{Barrier, Notify};

use super::super::senders::vapi_signed;
use super::*;

const TOOLS: &str = "/internal/v1/tools";

#[tokio::test]
async fn the_three_shapes_and_the_older_message_ask_the_host_for_the_same() {
    let setting = setting().await;
    send(&setting, "assistant-request", json!({})).await;
    let call = only_call(&setting).await;
    let arguments = r#"{"day":"friday"}"#;
    let said = json!({ "messages": [{ "role": "bot", "message": "Hello!" }, { "role": "user", "message": "Friday?" }] });
    for shape in [
        json!({ "id": "t1", "type": "function", "function": { "name": "appointments", "arguments": arguments } }),
        json!({ "id": "t1", "name": "appointments", "arguments": { "day": "friday" } }),
        json!({ "id": "t1", "name": "appointments", "parameters": { "day": "friday" } }),
    ] {
        let reply = send(&setting, "tool-calls", json!({ "toolCallList": [shape], "artifact": said })).await;
        let result = format!("appointments ran with {arguments}");
        assert_eq!(
            reply,
            json!({ "results": [{ "toolCallId": "t1", "name": "appointments", "result": result }] })
        );
    }
    let older = json!({ "functionCall": { "name": "appointments", "parameters": { "day": "friday" } }, "artifact": said });
    let reply = send(&setting, "function-call", older).await;
    assert_eq!(reply, json!({ "result": format!("appointments ran with {arguments}") }));

    let mut questions = asked(&setting, TOOLS);
    let own_id = questions[3]["tool_call_id"].take();
    assert!(own_id.as_str().unwrap().starts_with("function-call-"));
    questions[3]["tool_call_id"] = "t1".into();
    let question = json!({
        "tenant": "default",
        "call": call.id.as_str(),
        "turn": 1,
        "tool_call_id": "t1",
        "name": "appointments",
        "arguments": arguments,
        "caller": "+15551230000",
        "agent": "receptionist",
    });
    assert_eq!(questions, vec![question; 4]);
}

#[tokio::test]
async fn a_message_sent_twice_asks_for_the_same_run_and_is_answered_twice() {
    let setting = setting().await;
    let body = message("tool-calls", calls(&["t1"]));
    let mut replies = Vec::new();
    for _ in 0..2 {
        let response = setting.send(&vapi_signed(PATH, &body)).await;
        replies.push(response.into_body());
    }
    assert_eq!(replies[0], replies[1]);
    assert!(replies[1].contains("t1"), "{replies:?}");
    let questions = asked(&setting, TOOLS);
    assert_eq!((questions.len(), &questions[0]), (2, &questions[1]));
}

#[tokio::test]
async fn tools_run_at_the_same_time_and_are_answered_in_order() {
    let mut setting = setting().await;
    let all_asked = Rc::new(Barrier::new(3));
    let first = Rc::new(Notify::new());
    setting.host_script = Some(Box::new(move |path, body| {
        let (answer, all_asked, first) = (host(path, body), Rc::clone(&all_asked), Rc::clone(&first));
        let is_first = body.contains(r#""tool_call_id":"a""#);
        Box::pin(async move {
            // Nobody is answered before all were asked, and the first is answered last.
            all_asked.wait().await;
            if is_first {
                first.notified().await
            } else {
                first.notify_one()
            }
            answer
        })
    }));
    let reply = send(&setting, "tool-calls", calls(&["a", "b", "c"])).await;
    assert_eq!(ids(&reply), ["a", "b", "c"]);
    assert!(
        reply["results"].as_array().unwrap().iter().all(|result| result["result"].is_string()),
        "{reply}"
    );
}

#[tokio::test]
async fn a_tool_that_does_not_answer_in_time_does_not_take_the_others_with_it() {
    let mut setting = setting().await;
    setting.host_script = Some(script(|path, body| {
        if body.contains(r#""tool_call_id":"a""#) { Err(HostFault::TimedOut) } else { host(path, body) }
    }));
    let reply = send(&setting, "tool-calls", calls(&["a", "b"])).await;
    assert!(reply["results"][0]["error"].as_str().unwrap().contains("not known whether"), "{reply}");
    assert!(reply["results"][1]["result"].is_string(), "{reply}");
    assert!(
        setting.waited.borrow().iter().all(|limit| *limit < Duration::from_secs(20)),
        "Vapi waits for 20 s"
    );
}

#[tokio::test]
async fn a_database_that_hangs_leaves_a_sentence_too() {
    let mut setting = setting().await;
    (setting.database_hangs, setting.time_is_up) = (true, true);
    let reply = send(&setting, "tool-calls", calls(&["a", "b"])).await;
    assert_eq!(ids(&reply), ["a", "b"]);
    assert!(reply["results"][0]["error"].is_string());
}

#[tokio::test]
async fn whatever_the_host_does_there_is_a_sentence_for_the_model() {
    for (answer, words) in [
        (Err(HostFault::NotConfigured), "nothing was done"),
        (Err(HostFault::Unreachable("connection refused".into())), "not known whether"),
        (Err(HostFault::TooLarge), "not known whether"),
        (Ok(answered(500, &json!({ "outcome": "success", "text": "no" }))), "not known whether"),
        (Ok(answered(401, &json!({}))), "nothing was done"),
        (Ok(answered(422, &json!({}))), "nothing was done"),
        (Ok(answered(200, &json!("text"))), "not known whether"),
        (
            Ok(answered(200, &json!({ "outcome": "failure", "text": "That hour\nis taken." }))),
            "That hour is taken.",
        ),
        (Ok(answered(200, &json!({ "outcome": "refused" }))), "The tool failed."),
    ] {
        let mut setting = setting().await;
        setting.host_script = Some(script(move |_, _| answer.clone()));
        let reply = send(&setting, "tool-calls", calls(&["t"])).await;
        let error = reply["results"][0]["error"].as_str().unwrap();
        assert!(error.contains(words) && !error.contains('\n'), "{error}");
        assert!(!error.contains("connection"), "the model learns no internals: {error}");
    }
}

#[tokio::test]
async fn a_database_that_is_down_is_a_sentence_too() {
    let mut setting = setting().await;
    setting.database_is_down = true;
    let reply = send(&setting, "tool-calls", calls(&["a", "b"])).await;
    assert_eq!(ids(&reply), ["a", "b"]);
    assert!(reply["results"][1]["error"].is_string());
}

#[tokio::test]
async fn a_call_that_was_never_asked_about_has_the_numbers_agent() {
    let setting = with_routing(&json!({ "fallback": { "message": "Closed." } })).await;
    send(&setting, "tool-calls", calls(&["t"])).await;
    let call = only_call(&setting).await;
    assert_eq!(call.agent, None, "the table connects nobody");
    let question = &asked(&setting, TOOLS)[0];
    assert_eq!((&question["call"], &question["agent"]), (&json!(call.id.as_str()), &json!("receptionist")));
    assert_eq!(question["turn"], 0);
}

#[tokio::test]
async fn a_call_that_we_placed_is_about_the_person_who_was_called() {
    let setting = setting().await;
    let mut fields = calls(&["t"]);
    fields["call"] = json!({ "id": CALL, "type": "outboundPhoneCall" });
    send(&setting, "tool-calls", fields).await;
    let call = only_call(&setting).await;
    assert_eq!((call.from.as_str(), call.to.as_str()), ("+34910000000", "+15551230000"));
    assert_eq!(asked(&setting, TOOLS)[0]["caller"], "+15551230000");
}

#[tokio::test]
async fn a_call_of_nobody_runs_nothing() {
    let setting = setting().await;
    for strange in [json!({ "phoneNumber": { "number": "+34999999999" } }), json!({ "call": {} })] {
        let mut fields = calls(&["t"]);
        fields.as_object_mut().unwrap().extend(strange.as_object().unwrap().clone());
        let reply = send(&setting, "tool-calls", fields).await;
        assert!(reply["results"][0]["error"].is_string(), "{reply}");
    }
    assert_eq!((asked(&setting, TOOLS).len(), setting.calls().await.len()), (0, 0));
}

#[tokio::test]
async fn the_host_is_spared_what_cannot_be_run() {
    let setting = setting().await;
    let ids: Vec<String> = (0..40).map(|n| format!("t{n}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let mut fields = calls(&ids);
    fields["toolCallList"][3] = json!({ "id": "t3" });
    let reply = send(&setting, "tool-calls", fields).await;
    assert_eq!(self::ids(&reply), ids);
    assert_eq!(asked(&setting, TOOLS).len(), 15, "sixteen at once, and one of them has no name");
    assert!(reply["results"][3]["error"].as_str().unwrap().contains("no tool"));
    assert!(reply["results"][39]["error"].as_str().unwrap().contains("Too many"));
    assert_eq!(send(&setting, "tool-calls", json!({})).await, json!({ "results": [] }));
}

fn calls(ids: &[&str]) -> Value {
    let calls: Vec<_> = ids
        .iter()
        .map(|id| json!({ "id": id, "name": "appointments", "arguments": { "day": "friday" } }))
        .collect();
    json!({ "toolCallList": calls })
}

fn ids(reply: &Value) -> Vec<&str> {
    let results = reply["results"].as_array().unwrap();
    results.iter().map(|result| result["toolCallId"].as_str().unwrap()).collect()
}
