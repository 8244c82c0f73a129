//! Requests to the model, one task each.

use std::collections::BTreeMap;
use std::sync::Arc;

use speech::{ChatEvent, ChatMessage, ChatRequest, LanguageModel, ToolDefinition};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use turn::{Input, LlmInput, Message, Round, ToolCall, TurnId};

/// The requests of one call that are under way.
pub struct Answers {
    llm: Arc<dyn LanguageModel>,
    tools: Vec<ToolDefinition>,
    inputs: mpsc::Sender<Input>,
    running: BTreeMap<TurnId, AbortHandle>,
}

impl Answers {
    /// Answers go to `inputs`; the model may use `tools`.
    pub fn new(llm: Arc<dyn LanguageModel>, tools: Vec<ToolDefinition>, inputs: mpsc::Sender<Input>) -> Self {
        Self { llm, tools, inputs, running: BTreeMap::new() }
    }

    /// Asks the model. An earlier request of the same turn is given up.
    pub fn ask(&mut self, turn: TurnId, round: Round, messages: Vec<Message>) {
        let request = ChatRequest {
            messages: messages.into_iter().map(chat_message).collect(),
            tools: self.tools.clone(),
            temperature: None,
            max_tokens: None,
        };
        let task = tokio::spawn(answer(self.llm.clone(), request, turn, round, self.inputs.clone()));
        if let Some(earlier) = self.running.insert(turn, task.abort_handle()) {
            earlier.abort();
        }
    }

    /// Gives up the request of a turn, if one is under way.
    pub fn cancel(&mut self, turn: TurnId) {
        if let Some(task) = self.running.remove(&turn) {
            task.abort();
        }
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        for task in self.running.values() {
            task.abort();
        }
    }
}

async fn answer(
    llm: Arc<dyn LanguageModel>,
    request: ChatRequest,
    turn: TurnId,
    round: Round,
    inputs: mpsc::Sender<Input>,
) {
    let failed = |message: String| Input::Llm(turn, round, LlmInput::Failed { message });
    let mut stream = match llm.chat(request).await {
        Ok(stream) => stream,
        Err(error) => {
            let _call_over = inputs.send(failed(error.to_string())).await;
            return;
        }
    };
    loop {
        let (input, last) = match stream.events.recv().await {
            Some(ChatEvent::Delta(text)) => (LlmInput::Delta(text), false),
            Some(ChatEvent::ToolCall { id, name, arguments }) => {
                (LlmInput::ToolCall(ToolCall { id, name, arguments }), false)
            }
            Some(ChatEvent::Finished { .. }) => (LlmInput::Finished, true),
            Some(ChatEvent::Failed(error)) => (LlmInput::Failed { message: error.to_string() }, true),
            None => (LlmInput::Failed { message: "the answer broke off".into() }, true),
        };
        if inputs.send(Input::Llm(turn, round, input)).await.is_err() || last {
            return;
        }
    }
}

fn chat_message(message: Message) -> ChatMessage {
    let tool_call =
        |call: ToolCall| speech::ToolCall { id: call.id, name: call.name, arguments: call.arguments };
    match message {
        Message::System { content } => ChatMessage::System(content),
        Message::User { content } => ChatMessage::User(content),
        Message::Assistant { content, tool_calls } => {
            ChatMessage::Assistant { content, tool_calls: tool_calls.into_iter().map(tool_call).collect() }
        }
        Message::Tool { tool_call_id, content } => ChatMessage::Tool { tool_call_id, content },
    }
}
