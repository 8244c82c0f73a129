//! What is said and done in a call.

use std::time::Duration;

use serde_json::Value;

/// A call from its beginning to its end.
#[derive(Clone, Debug)]
pub struct Conversation {
    pub(super) customer: String,
    pub(super) outbound: bool,
    pub(super) saved_assistant: Option<String>,
    pub(super) steps: Vec<Step>,
    pub(super) ended_reason: String,
    pub(super) cost: f64,
}

/// One thing that happens in a call.
#[derive(Clone, Debug)]
pub enum Step {
    /// The person at the other end speaks.
    Customer(String),
    /// The assistant speaks.
    Assistant(String),
    /// The model wants tools to be run, in one message.
    Tools(Vec<ToolUse>),
    /// The same by the older message, with one function.
    Function(ToolUse),
    /// The model wants to hand the call over. Where it may, the call ends with that.
    Transfer,
    /// The model looks something up in a custom knowledge base.
    LookUp(String),
    /// A message that only informs, of this type and with these fields.
    Inform(String, Value),
}

/// A tool as the model calls it.
#[derive(Clone, Debug)]
pub struct ToolUse {
    /// The tool.
    pub name: String,
    /// Its arguments, an object.
    pub arguments: Value,
    /// The model's id of the call; a new one where absent.
    pub id: Option<String>,
    /// The form that the call has in the message.
    pub shape: Shape,
}

/// The forms in which Vapi's official material shows tool calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shape {
    /// `{id, type, function: {name, arguments}}`, the arguments as JSON in a text: the SDK's.
    #[default]
    Function,
    /// `{id, name, arguments}` with an object: that of the page on custom tools.
    Arguments,
    /// `{id, name, parameters}` with an object: that of the page on events.
    Parameters,
}

impl ToolUse {
    /// A call of the SDK's shape with an id of its own.
    pub fn new(name: &str, arguments: Value) -> Self {
        Self { name: name.into(), arguments, id: None, shape: Shape::default() }
    }

    /// The same in another shape.
    #[must_use]
    pub fn shaped(self, shape: Shape) -> Self {
        Self { shape, ..self }
    }

    /// The same under this id.
    #[must_use]
    pub fn with_id(self, id: &str) -> Self {
        Self { id: Some(id.into()), ..self }
    }
}

impl Conversation {
    /// `customer` calls our number, and hangs up after the last step.
    pub fn from(customer: &str) -> Self {
        Self {
            customer: customer.into(),
            outbound: false,
            saved_assistant: None,
            steps: Vec::new(),
            ended_reason: "customer-ended-call".into(),
            cost: 0.0371,
        }
    }

    /// Vapi calls `customer` from our number with an assistant that it keeps; the server is not asked.
    pub fn to(customer: &str, saved_assistant: &str) -> Self {
        Self { outbound: true, ..Self::from(customer) }.answered_by(saved_assistant)
    }

    /// The number has an assistant that Vapi keeps; the server is not asked who answers.
    #[must_use]
    pub fn answered_by(self, saved_assistant: &str) -> Self {
        Self { saved_assistant: Some(saved_assistant.into()), ..self }
    }

    /// The person at the other end speaks.
    #[must_use]
    pub fn customer(self, words: &str) -> Self {
        self.step(Step::Customer(words.into()))
    }

    /// The assistant speaks. Its first words come by themselves, from the platform's reply.
    #[must_use]
    pub fn assistant(self, words: &str) -> Self {
        self.step(Step::Assistant(words.into()))
    }

    /// The model wants tools to be run.
    #[must_use]
    pub fn tools(self, tools: impl IntoIterator<Item = ToolUse>) -> Self {
        self.step(Step::Tools(tools.into_iter().collect()))
    }

    /// Anything else happens.
    #[must_use]
    pub fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// The call ends for another reason, in Vapi's word for it.
    #[must_use]
    pub fn ends_with(self, reason: &str) -> Self {
        Self { ended_reason: reason.into(), ..self }
    }
}

/// How long people speak: 150 words a minute.
pub(super) fn speaking_time(words: &str) -> Duration {
    let count = words.split_whitespace().count().max(1);
    Duration::from_millis(400).saturating_mul(u32::try_from(count).unwrap_or(u32::MAX))
}
