//! Chat completions, streamed.

use serde::Serialize;
use tokio::sync::mpsc;

use super::{ChatDecoder, Config, NAME};
use crate::transport::{Answer, deliver};
use crate::{
    BoxFuture, CHANNEL_CAPACITY, ChatEvent, ChatMessage, ChatRequest, ChatStream, Error, LanguageModel,
    ToolDefinition, Transport,
};

/// The name under which a server takes the limit of an answer's tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenLimit {
    /// The older name, which self-hosted servers know.
    MaxTokens,
    /// The newer one, which OpenAI's reasoning models insist on.
    MaxCompletionTokens,
}

/// A language model behind an OpenAI-compatible server.
#[derive(Debug, Clone)]
pub struct Chat {
    config: Config,
    token_limit: TokenLimit,
    transport: Transport,
}

impl Chat {
    /// Creates the model; nothing is sent before it is asked.
    #[must_use]
    pub fn new(config: Config, transport: Transport) -> Self {
        let token_limit = match config.endpoint.host() {
            "api.openai.com" | "api.groq.com" => TokenLimit::MaxCompletionTokens,
            _ => TokenLimit::MaxTokens,
        };
        Self { config, token_limit, transport }
    }

    /// Changes the name of the token limit.
    #[must_use]
    pub fn with_token_limit(mut self, token_limit: TokenLimit) -> Self {
        self.token_limit = token_limit;
        self
    }

    async fn ask(&self, request: ChatRequest) -> Result<ChatStream, Error> {
        let body = Body::new(&self.config.model, self.token_limit, &request);
        let answer = self
            .transport
            .send(NAME, |client| Ok(self.config.post(client, "/chat/completions")?.json(&body)))
            .await?;
        let (sender, events) = mpsc::channel(CHANNEL_CAPACITY);
        Ok(ChatStream::new(events, tokio::spawn(read(answer, sender))))
    }
}

impl LanguageModel for Chat {
    fn name(&self) -> &'static str {
        NAME
    }

    fn chat(&self, request: ChatRequest) -> BoxFuture<'_, Result<ChatStream, Error>> {
        Box::pin(self.ask(request))
    }
}

async fn read(mut answer: Answer, sender: mpsc::Sender<ChatEvent>) {
    let mut decoder = ChatDecoder::new();
    let mut events = Vec::new();
    while !decoder.is_over() {
        match answer.chunk().await {
            Ok(Some(bytes)) => decoder.push(&bytes, &mut events),
            Ok(None) => decoder.finish(&mut events),
            Err(error) => decoder.fail(error, &mut events),
        }
        for event in events.drain(..) {
            if deliver(NAME, &sender, event).await.is_err() {
                return;
            }
        }
    }
}

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Vec<Message<'a>>,
    stream: bool,
    stream_options: StreamOptions,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
}

impl<'a> Body<'a> {
    fn new(model: &'a str, token_limit: TokenLimit, request: &'a ChatRequest) -> Self {
        let limit_as = |name| request.max_tokens.filter(|_| token_limit == name);
        Self {
            model,
            messages: request.messages.iter().map(Message::from).collect(),
            stream: true,
            stream_options: StreamOptions { include_usage: true },
            tools: request.tools.iter().map(Tool::from).collect(),
            temperature: request.temperature,
            max_tokens: limit_as(TokenLimit::MaxTokens),
            max_completion_tokens: limit_as(TokenLimit::MaxCompletionTokens),
        }
    }
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

#[derive(Serialize)]
#[serde(tag = "role", rename_all = "lowercase")]
enum Message<'a> {
    System {
        content: &'a str,
    },
    User {
        content: &'a str,
    },
    Assistant {
        content: Option<&'a str>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        tool_calls: Vec<Call<'a>>,
    },
    Tool {
        tool_call_id: &'a str,
        content: &'a str,
    },
}

impl<'a> From<&'a ChatMessage> for Message<'a> {
    fn from(message: &'a ChatMessage) -> Self {
        match message {
            ChatMessage::System(content) => Self::System { content },
            ChatMessage::User(content) => Self::User { content },
            ChatMessage::Assistant { content, tool_calls } => Self::Assistant {
                // With tool calls the API wants null rather than an empty text.
                content: (!content.is_empty() || tool_calls.is_empty()).then_some(content),
                tool_calls: tool_calls
                    .iter()
                    .map(|call| Call {
                        id: &call.id,
                        kind: "function",
                        function: CalledFunction { name: &call.name, arguments: &call.arguments },
                    })
                    .collect(),
            },
            ChatMessage::Tool { tool_call_id, content } => Self::Tool { tool_call_id, content },
        }
    }
}

#[derive(Serialize)]
struct Call<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    function: CalledFunction<'a>,
}

#[derive(Serialize)]
struct CalledFunction<'a> {
    name: &'a str,
    arguments: &'a str,
}

#[derive(Serialize)]
struct Tool<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    description: &'a str,
    parameters: &'a serde_json::Value,
}

impl<'a> From<&'a ToolDefinition> for Tool<'a> {
    fn from(tool: &'a ToolDefinition) -> Self {
        let function =
            Function { name: &tool.name, description: &tool.description, parameters: &tool.parameters };
        Self { kind: "function", function }
    }
}
