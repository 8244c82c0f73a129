//! A call from its first message to its last.

use std::time::Duration;

use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use super::clock::Clock;
use super::judge::{self, Judged};
use super::messages::{self, About};
use super::post::{Server, post};
use super::report::{Answer, Exchange, Handover, Report, ToolResult};
use super::script::{Conversation, Step, ToolUse, speaking_time};
use super::{Auth, Vapi, VapiFaults};

/// Between the answer and the first word, and between what follows in a conversation.
const PAUSE: Duration = Duration::from_millis(600);

pub(super) struct Run<'a> {
    vapi: &'a Vapi,
    conversation: &'a Conversation,
    faults: VapiFaults,
    about: About,
    clock: Clock,
    /// When the call was answered, as ISO 8601 and on the clock.
    answered: Option<(String, Duration)>,
    said: Vec<Value>,
    held: Vec<(String, String)>,
    report: Report,
}

impl<'a> Run<'a> {
    pub(super) fn new(vapi: &'a Vapi, conversation: &'a Conversation, faults: VapiFaults) -> Self {
        let clock = Clock::new();
        let call_id = Uuid::new_v4().to_string();
        let about =
            About { call_id: call_id.clone(), number: vapi.config.number.clone(), created_at: clock.iso() };
        let report = Report {
            call_id,
            answer: Answer::NotAsked,
            exchanges: Vec::new(),
            tools: Vec::new(),
            handovers: Vec::new(),
            documents: Vec::new(),
            problems: Vec::new(),
            ended_reason: String::new(),
            duration: Duration::ZERO,
        };
        let (said, held) = (Vec::new(), Vec::new());
        Self { vapi, conversation, faults, about, clock, answered: None, said, held, report }
    }

    pub(super) async fn run(mut self) -> Report {
        let reason = match self.ask_who_answers().await {
            Ok(()) => self.talk().await,
            Err(reason) => reason.to_owned(),
        };
        let answered = self.answered.take();
        let answered_at = answered.as_ref().map_or(self.clock.passed(), |(_, passed)| *passed);
        self.report.duration = self.clock.passed().saturating_sub(answered_at);
        let times = answered.map(|(began, _)| [began, self.clock.iso()]);
        let cost = self.conversation.cost;
        let report = messages::end_of_call(&self.about, &reason, cost, &self.said, times);
        self.status("ended", json!({ "endedReason": reason })).await;
        self.report.ended_reason = reason;
        self.inform("end-of-call-report", report).await;
        self.send_what_was_held().await;
        self.report
    }

    /// `Err` is the reason for the end of a call that nobody answers.
    async fn ask_who_answers(&mut self) -> Result<(), &'static str> {
        if self.conversation.outbound {
            for status in ["queued", "ringing"] {
                self.status(status, json!({})).await;
            }
        }
        if let Some(id) = &self.conversation.saved_assistant {
            self.report.answer = Answer::Saved(id.clone());
            return Ok(());
        }
        let server = Server { patience: self.vapi.config.patience.assistant_request, ..self.own_server() };
        let exchange = self.ask(&server, "assistant-request", json!({})).await;
        let failed = if exchange.is_ignored() {
            "assistant-request-failed"
        } else {
            "assistant-request-returned-invalid-assistant"
        };
        let answer = self.judged(judge::answer(&exchange), "assistant-request");
        self.report.answer = answer.unwrap_or(Answer::None);
        match &self.report.answer {
            Answer::Assistant(_) | Answer::Saved(_) => Ok(()),
            Answer::Refused(_) => Err("assistant-request-returned-error"),
            Answer::None | Answer::NotAsked => Err(failed),
            Answer::Destination(_) => {
                self.status("forwarding", json!({})).await;
                Err("assistant-request-returned-forwarding-phone-number")
            }
        }
    }

    async fn talk(&mut self) -> String {
        self.answered = Some((self.clock.iso(), self.clock.passed()));
        self.status("in-progress", json!({})).await;
        let greeting = match &self.report.answer {
            Answer::Assistant(assistant) => {
                assistant.get("firstMessage").and_then(Value::as_str).map(str::to_owned)
            }
            _ => None,
        };
        if let Some(words) = greeting {
            self.speak("bot", &words);
        }
        let conversation = self.conversation;
        for step in &conversation.steps {
            match step {
                Step::Customer(words) => self.speak("user", words),
                Step::Assistant(words) => self.speak("bot", words),
                Step::Tools(tools) => self.run_tools(tools).await,
                Step::Function(tool) => self.run_function(tool).await,
                Step::LookUp(question) => self.look_up(question).await,
                Step::Inform(kind, fields) => self.inform(kind, fields.clone()).await,
                Step::Transfer => {
                    if self.hand_over().await {
                        return "assistant-forwarded-call".into();
                    }
                }
            }
        }
        conversation.ended_reason.clone()
    }

    fn speak(&mut self, role: &str, words: &str) {
        self.clock.pass(PAUSE);
        let began = self.clock.millis();
        self.clock.pass(speaking_time(words));
        self.said.push(messages::spoken(role, words, began, &self.clock));
    }

    async fn run_tools(&mut self, tools: &[ToolUse]) {
        let named: Vec<(String, ToolUse)> = tools
            .iter()
            .map(|tool| {
                let id = tool.id.clone().unwrap_or_else(|| format!("call_{}", Uuid::new_v4().simple()));
                (id, tool.clone())
            })
            .collect();
        for tool in tools {
            self.check_offered(&tool.name);
        }
        let Some(server) = tools.first().map(|tool| self.tool_server(&tool.name)) else { return };
        self.said.push(messages::tools_called(&named, &self.clock));
        let fields = messages::tool_calls(&named, self.artifact());
        let exchange = self.ask(&server, "tool-calls", fields).await;
        for (id, tool) in named {
            let told = self.judged(judge::tool_result(&exchange, &id), "tool-calls");
            self.returned(id, &tool.name, told.unwrap_or_else(|| Err("No result returned.".into())));
        }
    }

    async fn run_function(&mut self, tool: &ToolUse) {
        let call = json!({ "name": tool.name, "parameters": tool.arguments });
        let fields = json!({ "functionCall": call, "artifact": self.artifact() });
        let server = self.tool_server(&tool.name);
        let exchange = self.ask(&server, "function-call", fields).await;
        let told = self.judged(judge::function_result(&exchange), "function-call");
        self.returned(String::new(), &tool.name, told.ok_or_else(|| "No result returned.".into()));
    }

    fn returned(&mut self, id: String, name: &str, told: Result<String, String>) {
        let text = told.as_ref().unwrap_or_else(|error| error);
        self.said.push(messages::tool_returned(&id, name, text, &self.clock));
        self.report.tools.push(ToolResult { id, name: name.to_owned(), told });
    }

    /// Whether the call is with somebody else now.
    async fn hand_over(&mut self) -> bool {
        let server = self.assistant_server();
        let fields = json!({ "artifact": self.artifact() });
        let exchange = self.ask(&server, "transfer-destination-request", fields).await;
        let Some(handover) = self.judged(judge::handover(&exchange), "transfer-destination-request") else {
            return false;
        };
        let gone = match &handover {
            Handover::To(address) => {
                let destination = if address.starts_with('+') {
                    json!({ "type": "number", "number": address })
                } else {
                    json!({ "type": "sip", "sipUri": address })
                };
                let fields = json!({ "destination": destination });
                self.inform("transfer-update", fields.clone()).await;
                self.status("forwarding", fields).await;
                true
            }
            Handover::Refused(_) => false,
        };
        self.report.handovers.push(handover);
        gone
    }

    async fn look_up(&mut self, question: &str) {
        let server = self.assistant_server();
        let fields = json!({ "messagesOpenAIFormatted": [{ "role": "user", "content": question }] });
        let exchange = self.ask(&server, "knowledge-base-request", fields).await;
        let found = self.judged(judge::documents(&exchange), "knowledge-base-request");
        self.report.documents.push(found.unwrap_or_default());
    }

    async fn status(&mut self, status: &str, mut fields: Value) {
        if let Some(fields) = fields.as_object_mut() {
            fields.insert("status".into(), status.into());
        }
        self.inform("status-update", fields).await;
    }

    /// Sends what wants no reply.
    async fn inform(&mut self, kind: &str, fields: Value) {
        let body = self.body(kind, fields);
        if self.faults.reorder || (self.faults.late_statuses && kind == "status-update") {
            self.held.push((kind.to_owned(), body));
        } else {
            let server = self.assistant_server();
            self.send(&server, kind, &body).await;
        }
    }

    async fn send_what_was_held(&mut self) {
        let mut held = std::mem::take(&mut self.held);
        if self.faults.reorder {
            held.reverse();
        }
        let server = self.assistant_server();
        for (kind, body) in held {
            self.send(&server, &kind, &body).await;
        }
    }

    async fn ask(&mut self, server: &Server, kind: &str, fields: Value) -> Exchange {
        let body = self.body(kind, fields);
        self.send(server, kind, &body).await
    }

    fn body(&mut self, kind: &str, fields: Value) -> String {
        let at = self.clock.tick();
        messages::body(&self.about, self.conversation, kind, at, fields)
    }

    async fn send(&mut self, server: &Server, kind: &str, body: &str) -> Exchange {
        if self.faults.loses(kind) {
            return Exchange { kind: kind.to_owned(), status: None, body: None };
        }
        let client = &self.vapi.client;
        let first = post(client, server, kind, body);
        let exchange = if self.faults.duplicate {
            let (first, second) = futures::join!(first, post(client, server, kind, body));
            self.report.exchanges.push(first.clone());
            self.report.exchanges.push(second);
            first
        } else {
            let first = first.await;
            self.report.exchanges.push(first.clone());
            first
        };
        if exchange.is_ignored() {
            tracing::warn!(kind, status = exchange.status, "a reply is ignored");
        }
        exchange
    }

    fn judged<T>(&mut self, judged: Judged<T>, kind: &str) -> Option<T> {
        judged.inspect_err(|fault| self.problem(format!("{kind}: {fault}"))).ok()
    }

    fn problem(&mut self, text: String) {
        tracing::warn!(problem = %text, "the platform broke Vapi's protocol");
        self.report.problems.push(text);
    }

    fn artifact(&self) -> Value {
        json!({ "messages": self.said })
    }

    /// A model calls only what it was offered. What an assistant at Vapi offers is not known here.
    fn check_offered(&mut self, name: &str) {
        if let Answer::Assistant(assistant) = &self.report.answer {
            let offered = judge::tools(assistant).iter().any(|tool| named(tool) == Some(name));
            if !offered {
                self.problem(format!("the assistant has no tool `{name}`"));
            }
        }
    }

    /// A tool's server comes before its assistant's, and that before the number's.
    fn tool_server(&mut self, name: &str) -> Server {
        let own = match &self.report.answer {
            Answer::Assistant(assistant) => {
                let tool = judge::tools(assistant).iter().find(|tool| named(tool) == Some(name));
                tool.and_then(|tool| tool.get("server")).cloned()
            }
            _ => None,
        };
        match own {
            Some(server) => self.server(&server),
            None => self.assistant_server(),
        }
    }

    fn assistant_server(&mut self) -> Server {
        let own = match &self.report.answer {
            Answer::Assistant(assistant) => assistant.get("server").cloned(),
            _ => None,
        };
        match own {
            Some(server) => self.server(&server),
            None => self.own_server(),
        }
    }

    fn own_server(&self) -> Server {
        let config = &self.vapi.config;
        Server { url: config.server_url.clone(), auth: config.auth.clone(), patience: config.patience.other }
    }

    /// A server that the platform has named. Without a credential its requests are not proven.
    fn server(&mut self, server: &Value) -> Server {
        let config = &self.vapi.config;
        let text = |key: &str| server.get(key).and_then(Value::as_str);
        let seconds = server.get("timeoutSeconds").and_then(Value::as_u64);
        let patience =
            seconds.map_or(config.patience.other, |seconds| Duration::from_secs(seconds.clamp(1, 300)));
        let auth = text("credentialId").map(|id| config.credentials.get(id).cloned().ok_or(id.to_owned()));
        let url = text("url").map(Url::parse);
        let auth = match auth {
            None => Auth::None,
            Some(Ok(auth)) => auth,
            Some(Err(id)) => {
                self.problem(format!("there is no credential `{id}`"));
                Auth::None
            }
        };
        match url {
            Some(Ok(url)) => Server { url, auth, patience },
            _ => {
                self.problem(format!("{server} is no server"));
                self.own_server()
            }
        }
    }
}

fn named(tool: &Value) -> Option<&str> {
    tool.get("function")?.get("name")?.as_str()
}
