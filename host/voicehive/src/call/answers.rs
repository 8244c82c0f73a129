//! Requests to the model, one task each.

use std::collections::BTreeMap;
use std::sync::Arc;

use speech::{ChatEvent, ChatMessage, ChatRequest, LanguageModel, ToolDefinition};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use turn::{Attempt, Input, LlmInput, Message, Order, Round, ToolCall, TurnId};

use crate::ranked::{Ranked, Taken};

type Model = Taken<dyn LanguageModel>;

/// The requests of one call that are under way.
pub struct Answers {
    models: Arc<Ranked<dyn LanguageModel>>,
    tools: Vec<ToolDefinition>,
    inputs: mpsc::Sender<Input>,
    /// Whom each turn waits for: a model, unless the words are a tool's.
    running: BTreeMap<TurnId, (AbortHandle, Option<Arc<Model>>)>,
    /// Which models the tries of the latest turn went to.
    order: (TurnId, Order),
}

impl Answers {
    /// Answers go to `inputs`; the model may use `tools`.
    pub fn new(
        models: Arc<Ranked<dyn LanguageModel>>,
        tools: Vec<ToolDefinition>,
        inputs: mpsc::Sender<Input>,
    ) -> Self {
        let order = (TurnId::default(), Order::new());
        Self { models, tools, inputs, running: BTreeMap::new(), order }
    }

    /// Asks a model. An earlier request of the same turn is given up; where this is another
    /// try of it, that one failed.
    pub fn ask(&mut self, turn: TurnId, round: Round, attempt: Attempt, messages: Vec<Message>) {
        let request = ChatRequest {
            messages: messages.into_iter().map(chat_message).collect(),
            tools: self.tools.clone(),
            temperature: None,
            max_tokens: None,
        };
        if let Some((earlier, model)) = self.running.remove(&turn) {
            earlier.abort();
            if attempt > Attempt(0) {
                model.inspect(|model| model.failed());
            }
        }
        if self.order.0 != turn {
            self.order = (turn, Order::new());
        }
        self.running.retain(|_, (task, _)| !task.is_finished());
        let model = self.models.take(&mut self.order.1, attempt);
        let task = tokio::spawn(answer(model.clone(), request, turn, round, self.inputs.clone()));
        self.running.insert(turn, (task.abort_handle(), Some(model)));
    }

    /// Answers a request with these words, which no model made, as if one had.
    pub fn say(&mut self, turn: TurnId, round: Round, words: String) {
        self.cancel(turn);
        self.running.retain(|_, (task, _)| !task.is_finished());
        let inputs = self.inputs.clone();
        let task = tokio::spawn(async move {
            for input in [LlmInput::Delta(words), LlmInput::Finished] {
                if inputs.send(Input::Llm(turn, round, input)).await.is_err() {
                    return;
                }
            }
        });
        self.running.insert(turn, (task.abort_handle(), None));
    }

    /// Gives up the request of a turn, if one is under way.
    pub fn cancel(&mut self, turn: TurnId) {
        if let Some((task, _)) = self.running.remove(&turn) {
            task.abort();
        }
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        for (task, _) in self.running.values() {
            task.abort();
        }
    }
}

async fn answer(
    model: Arc<Model>,
    request: ChatRequest,
    turn: TurnId,
    round: Round,
    inputs: mpsc::Sender<Input>,
) {
    let failed = |message: String| Input::Llm(turn, round, LlmInput::Failed { message });
    let mut stream = match model.vendor().chat(request).await {
        Ok(stream) => stream,
        Err(error) => {
            model.failed();
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
        match &input {
            LlmInput::Failed { .. } => model.failed(),
            _ => model.succeeded(),
        }
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use speech::{BoxFuture, ChatStream, Error};

    use super::*;

    #[tokio::test]
    async fn a_tools_words_come_as_a_model_would_say_them_and_no_model_is_asked() {
        let model = Arc::new(Silent::default());
        let (inputs, mut heard) = mpsc::channel(8);
        let mut answers = Answers::new(Ranked::new(model.clone(), Vec::new()), Vec::new(), inputs);
        answers.say(TurnId(3), Round(1), "You are booked.".into());
        let said = Input::Llm(TurnId(3), Round(1), LlmInput::Delta("You are booked.".into()));
        assert_eq!(heard.recv().await, Some(said));
        assert_eq!(heard.recv().await, Some(Input::Llm(TurnId(3), Round(1), LlmInput::Finished)));
        assert_eq!(model.asked.load(Ordering::Relaxed), 0);
        // Whatever the turn asks next is a model's.
        answers.ask(TurnId(3), Round(2), Attempt(0), Vec::new());
        let failed = heard.recv().await;
        assert!(
            matches!(failed, Some(Input::Llm(TurnId(3), Round(2), LlmInput::Failed { .. }))),
            "{failed:?}"
        );
        assert_eq!(model.asked.load(Ordering::Relaxed), 1);
    }

    /// A model that answers nothing.
    #[derive(Default)]
    struct Silent {
        asked: AtomicU32,
    }

    impl LanguageModel for Silent {
        fn name(&self) -> &'static str {
            "silent"
        }

        fn chat(&self, _: ChatRequest) -> BoxFuture<'_, Result<ChatStream, Error>> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            let (_, events) = mpsc::channel(1);
            Box::pin(async { Ok(ChatStream::new(events, tokio::spawn(async {}))) })
        }
    }
}
