//! Calls to a small server that follows the protocol, or breaks it.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::{Arc, Mutex};

use ::vapi::{Destination, Message, Outcome, Reply, ServerMessage};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};

use super::*;

const NUMBER: &str = "+34910000000";
const CUSTOMER: &str = "+15551230000";

#[tokio::test]
async fn a_conversation_is_told_from_the_request_to_the_report() {
    let server = Server::start(follow).await;
    let booking = Conversation::from(CUSTOMER)
        .customer("A haircut on Friday, please.")
        .tools([
            ToolUse::new("free_slots", json!({ "day": "friday" })).shaped(Shape::Arguments),
            ToolUse::new("book", json!({ "at": "16:00" })).shaped(Shape::Parameters).with_id("t2"),
        ])
        .assistant("Four o'clock is yours.")
        .customer("Thank you.");
    let report = server.vapi(Auth::Bearer("tok".into())).call(&booking).await;

    assert_eq!(report.problems, [""; 0]);
    assert!(matches!(report.answer, Answer::Assistant(_)));
    assert_eq!(report.ended_reason, "customer-ended-call");
    let told: Vec<_> = report.tools.iter().map(|tool| (tool.name.as_str(), tool.told.clone())).collect();
    let expected = r#"free_slots {"day":"friday"} in turn 1"#;
    assert_eq!(told[0], ("free_slots", Ok(expected.to_owned())));
    assert_eq!((report.tools[1].id.as_str(), told[1].0), ("t2", "book"));
    assert_eq!(
        server.kinds(),
        ["assistant-request", "status-update", "tool-calls", "status-update", "end-of-call-report"]
    );
    let Message::EndOfCallReport { turns, .. } = server.messages().pop().unwrap().message else {
        panic!("a report")
    };
    let said = |n: usize| turns[n].agent.as_ref().map(|words| words.text.as_str());
    assert_eq!((turns.len(), said(0), said(1)), (3, Some("Hello!"), Some("Four o'clock is yours.")));
    assert!(turns[1].latency.is_some() && turns[2].latency.is_none());
}

#[tokio::test]
async fn every_kind_of_proof_is_sent_where_the_server_wants_it() {
    for (auth, name) in [
        (Auth::Bearer("tok".into()), "authorization"),
        (Auth::Secret("tok".into()), "x-vapi-secret"),
        (Auth::Hmac("tok".into()), "x-signature"),
    ] {
        let server = Server::start(follow).await;
        server.vapi(auth).call(&Conversation::from(CUSTOMER)).await;
        assert!(server.headers().iter().all(|headers| headers.contains_key(name)), "{name}");
    }
}

#[tokio::test]
async fn a_server_that_an_assistant_names_is_asked_with_its_own_credential() {
    let tools = Server::start(follow).await;
    let url = tools.url.clone();
    let number = Server::start(move |message| match message.message {
        Message::AssistantRequest => {
            let server = json!({ "url": url, "credentialId": "cred", "timeoutSeconds": 20 });
            let mut assistant = assistant();
            assistant["model"]["tools"][0]["server"] = server;
            Answering::Json(json!({ "assistant": assistant }))
        }
        _ => follow(message),
    })
    .await;
    let mut config = number.config(Auth::None);
    config.credentials = BTreeMap::from([("cred".to_owned(), Auth::Bearer("tools".into()))]);
    let call = Conversation::from(CUSTOMER)
        .tools([ToolUse::new("free_slots", json!({}))])
        .tools([ToolUse::new("book", json!({}))]);
    let report = Vapi::new(config).unwrap().call(&call).await;

    assert_eq!(report.problems, [""; 0]);
    assert_eq!(tools.kinds(), ["tool-calls"]);
    assert_eq!(tools.headers()[0]["authorization"], "Bearer tools");
    assert_eq!(number.kinds().iter().filter(|kind| *kind == "tool-calls").count(), 1);
}

#[tokio::test]
async fn duplicates_have_the_same_body_and_the_first_reply_counts() {
    let server = Server::start(follow).await;
    let call = Conversation::from(CUSTOMER).tools([ToolUse::new("book", json!({}))]);
    let faults = VapiFaults { duplicate: true, ..VapiFaults::default() };
    let report = server.vapi(Auth::None).call_with(&call, faults).await;

    let mut bodies = server.bodies();
    assert_eq!(bodies.len(), 10);
    bodies.sort();
    for pair in bodies.chunks(2) {
        assert_eq!(pair[0], pair[1]);
    }
    assert_eq!((report.tools.len(), report.of("tool-calls").len()), (1, 2));
}

#[tokio::test]
async fn messages_come_late_in_reverse_or_not_at_all() {
    let call = Conversation::to(CUSTOMER, "asst_1");
    let run = async |faults: VapiFaults| {
        let server = Server::start(follow).await;
        server.vapi(Auth::None).call_with(&call, faults).await;
        server.statuses()
    };
    let report = "end-of-call-report";
    assert_eq!(run(VapiFaults::default()).await, ["queued", "ringing", "in-progress", "ended", report]);
    let late = VapiFaults { late_statuses: true, ..VapiFaults::default() };
    assert_eq!(run(late).await, [report, "queued", "ringing", "in-progress", "ended"]);
    let reversed = VapiFaults { reorder: true, ..VapiFaults::default() };
    assert_eq!(run(reversed).await, [report, "ended", "in-progress", "ringing", "queued"]);
    let lost = VapiFaults { lose: vec!["status-update".into()], ..VapiFaults::default() };
    assert_eq!(run(lost).await, [report]);
}

#[tokio::test]
async fn a_lost_request_fails_as_vapi_fails_it() {
    let server = Server::start(follow).await;
    let faults = |kind: &str| VapiFaults { lose: vec![kind.into()], ..VapiFaults::default() };
    let call = Conversation::from(CUSTOMER).tools([ToolUse::new("book", json!({}))]);
    let unanswered = server.vapi(Auth::None).call_with(&call, faults("assistant-request")).await;
    assert_eq!(
        (unanswered.answer, unanswered.ended_reason.as_str()),
        (Answer::None, "assistant-request-failed")
    );
    let toolless = server.vapi(Auth::None).call_with(&call, faults("tool-calls")).await;
    assert_eq!(toolless.tools[0].told, Err("No result returned.".into()));
}

#[tokio::test]
async fn a_reply_that_never_comes_is_given_up() {
    let server = Server::start(|_| Answering::Never).await;
    let patience = Patience {
        assistant_request: std::time::Duration::from_millis(50),
        other: std::time::Duration::from_millis(50),
    };
    let vapi = Vapi::new(Config { patience, ..server.config(Auth::None) }).unwrap();
    let report = vapi.call(&Conversation::from(CUSTOMER)).await;
    assert_eq!(report.answer, Answer::None);
    assert_eq!(report.ended_reason, "assistant-request-failed");
    assert!(report.exchanges.iter().all(|exchange| exchange.status.is_none()));
}

#[tokio::test]
async fn a_status_other_than_200_is_ignored_whatever_the_body_says() {
    let server = Server::start(|message| match message.message {
        Message::ToolCalls { ref calls, .. } => {
            let reply = Reply::tool_results(calls, [Outcome::succeeded("done")]);
            Answering::Status(StatusCode::CREATED, reply.to_json())
        }
        _ => follow(message),
    })
    .await;
    let call = Conversation::from(CUSTOMER).tools([ToolUse::new("book", json!({}))]);
    let report = server.vapi(Auth::None).call(&call).await;
    assert_eq!(report.tools[0].told, Err("No result returned.".into()));
    assert_eq!(report.ignored().len(), 1);
    assert_eq!(report.problems, ["tool-calls: the reply is ignored because its status is 201"]);
}

#[tokio::test]
async fn results_that_vapi_drops_are_problems() {
    for (reply, problem) in [
        (json!({}), "the reply has no list `results`"),
        (json!({ "results": [] }), "there is no result for the call `t`"),
        (json!({ "results": [{ "toolCallId": "T", "result": "x" }] }), "there is no result for the call `t`"),
        (json!({ "results": [{ "toolCallId": "t", "result": "a\nb" }] }), "`result` has a line break"),
        (json!({ "results": [{ "toolCallId": "t", "result": {} }] }), "`result` is no text"),
        (
            json!({ "results": [{ "toolCallId": "t" }] }),
            "the call `t` has not exactly one of result and error",
        ),
    ] {
        let server = Server::start(move |message| match message.message {
            Message::ToolCalls { .. } => Answering::Json(reply.clone()),
            _ => follow(message),
        })
        .await;
        let call = Conversation::from(CUSTOMER).tools([ToolUse::new("book", json!({})).with_id("t")]);
        let report = server.vapi(Auth::None).call(&call).await;
        assert_eq!(report.problems, [format!("tool-calls: {problem}")]);
    }
}

#[tokio::test]
async fn an_answer_decides_how_the_call_goes() {
    let destination = json!({ "type": "number", "number": "+34910000001" });
    for (reply, answer, reason) in [
        (json!({ "assistantId": "a" }), Answer::Saved("a".into()), "customer-ended-call"),
        (
            json!({ "error": "Closed.", "destination": destination.clone(), "assistantId": "a" }),
            Answer::Refused("Closed.".into()),
            "assistant-request-returned-error",
        ),
        (
            json!({ "destination": destination, "assistantId": "a" }),
            Answer::Destination("+34910000001".into()),
            "assistant-request-returned-forwarding-phone-number",
        ),
        (json!({}), Answer::None, "assistant-request-returned-invalid-assistant"),
        (
            json!({ "assistant": { "firstMessage": "Hello!" } }),
            Answer::None,
            "assistant-request-returned-invalid-assistant",
        ),
    ] {
        let server = Server::start(move |message| match message.message {
            Message::AssistantRequest => Answering::Json(reply.clone()),
            _ => follow(message),
        })
        .await;
        let report = server.vapi(Auth::None).call(&Conversation::from(CUSTOMER)).await;
        assert_eq!((report.answer, report.ended_reason.as_str()), (answer, reason));
    }
}

#[tokio::test]
async fn a_model_calls_no_tool_that_it_was_not_offered() {
    let server = Server::start(follow).await;
    let call = Conversation::from(CUSTOMER).tools([ToolUse::new("delete_all", json!({}))]);
    let report = server.vapi(Auth::None).call(&call).await;
    assert_eq!(report.problems, ["the assistant has no tool `delete_all`"]);
}

#[tokio::test]
async fn the_older_call_the_handover_and_the_knowledge_base_are_asked_for() {
    let server = Server::start(follow).await;
    let call = Conversation::from(CUSTOMER)
        .step(Step::Function(ToolUse::new("book", json!({ "at": 4 }))))
        .step(Step::LookUp("Do you dye hair?".into()))
        .step(Step::Inform("hang".into(), json!({})))
        .step(Step::Transfer)
        .customer("This is never said.");
    let report = server.vapi(Auth::None).call(&call).await;
    assert_eq!(report.problems, [""; 0]);
    assert_eq!(report.tools[0].told, Ok(r#"book {"at":4} in turn 0"#.into()));
    assert_eq!(report.documents, [0]);
    assert_eq!(report.handovers, [Handover::To("+34910000001".into())]);
    assert_eq!(report.ended_reason, "assistant-forwarded-call");
    let statuses = server.statuses();
    assert_eq!(statuses[statuses.len() - 3..], ["forwarding", "ended", "end-of-call-report"]);
}

/// What the small server does with a message.
enum Answering {
    Json(Value),
    Status(StatusCode, String),
    Never,
}

/// A server that does all as it should be done.
fn follow(message: ServerMessage) -> Answering {
    let ran = |call: &::vapi::ToolCall, turn: u32| {
        Outcome::succeeded(&format!("{} {} in turn {turn}", call.name, call.arguments))
    };
    let reply = match &message.message {
        Message::AssistantRequest => return Answering::Json(json!({ "assistant": assistant() })),
        Message::ToolCalls { calls, turn } => {
            Reply::tool_results(calls, calls.iter().map(|call| ran(call, *turn)))
        }
        Message::FunctionCall { call, turn } => Reply::function_result(&ran(call, *turn)),
        Message::KnowledgeBaseRequest => Reply::documents(&[]),
        Message::TransferDestinationRequest => Reply::destination(&Destination::new("+34910000001").unwrap()),
        _ => Reply::nothing(),
    };
    Answering::Status(StatusCode::OK, reply.to_json())
}

fn assistant() -> Value {
    let tool = |name: &str| {
        let parameters = json!({ "type": "object", "properties": {} });
        json!({ "type": "function", "function": { "name": name, "parameters": parameters } })
    };
    json!({
        "firstMessage": "Hello!",
        "model": {
            "provider": "openai",
            "model": "gpt-4o",
            "messages": [{ "role": "system", "content": "Be kind." }],
            "tools": [tool("free_slots"), tool("book")],
        },
    })
}

type Behaviour = dyn Fn(ServerMessage) -> Answering + Send + Sync;

#[derive(Clone)]
struct Server {
    url: String,
    behaviour: Arc<Behaviour>,
    received: Arc<Mutex<Vec<(HeaderMap, String)>>>,
}

impl Server {
    async fn start(behaviour: impl Fn(ServerMessage) -> Answering + Send + Sync + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/webhooks/vapi", listener.local_addr().unwrap());
        let server = Self { url, behaviour: Arc::new(behaviour), received: Arc::default() };
        let routes = Router::new().route("/webhooks/vapi", post(Self::serve)).with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        server
    }

    async fn serve(State(server): State<Self>, headers: HeaderMap, body: String) -> Response {
        let message = ServerMessage::parse(body.as_bytes()).expect("a message");
        server.received.lock().unwrap().push((headers, body));
        match (server.behaviour)(message) {
            Answering::Json(json) => json.to_string().into_response(),
            Answering::Status(status, body) => (status, body).into_response(),
            Answering::Never => pending().await,
        }
    }

    fn config(&self, auth: Auth) -> Config {
        Config::new(NUMBER, &self.url, auth).unwrap()
    }

    fn vapi(&self, auth: Auth) -> Vapi {
        Vapi::new(self.config(auth)).unwrap()
    }

    fn headers(&self) -> Vec<HeaderMap> {
        self.received.lock().unwrap().iter().map(|(headers, _)| headers.clone()).collect()
    }

    fn bodies(&self) -> Vec<String> {
        self.received.lock().unwrap().iter().map(|(_, body)| body.clone()).collect()
    }

    fn messages(&self) -> Vec<ServerMessage> {
        self.bodies().iter().map(|body| ServerMessage::parse(body.as_bytes()).unwrap()).collect()
    }

    fn kinds(&self) -> Vec<String> {
        self.messages().iter().map(|message| message.message.kind().to_owned()).collect()
    }

    /// The statuses, and the report among them.
    fn statuses(&self) -> Vec<String> {
        let words = self.bodies().into_iter().filter_map(|body| {
            let body: Value = serde_json::from_str(&body).unwrap();
            let message = &body["message"];
            match message["type"].as_str().unwrap() {
                "status-update" => message["status"].as_str().map(str::to_owned),
                "end-of-call-report" => Some("end-of-call-report".into()),
                _ => None,
            }
        });
        words.collect()
    }
}
