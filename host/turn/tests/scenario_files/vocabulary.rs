//! What can be expected of a call, by name, and what each has to match. A run in which
//! anything else shows up fails, so this cannot fall behind the core.

/// The states of a call.
pub const STATES: &[&str] = &[
    "connecting",
    "screening",
    "greeting",
    "listening",
    "user-speaking",
    "endpoint-pending",
    "thinking",
    "speaking",
    "paused-for-barge-in",
    "closing",
    "finished",
];

/// Outputs other than events, each with what it says.
pub const OUTPUTS: &[(&str, &[&str])] = &[
    ("send-audio", &["turn", "frames", "of"]),
    ("send-mark", &["name"]),
    ("clear", &[]),
    ("start-llm", &["turn", "round", "attempt"]),
    ("speak", &["turn", "clause", "attempt", "text"]),
    ("speech-end", &["turn"]),
    ("cancel", &["turn"]),
    ("call-tool", &["turn", "id", "name", "arguments"]),
    ("cancel-tool", &["turn", "id"]),
    ("assess-sentiment", &["turn", "text", "trajectory"]),
    ("recall-memory", &["turn", "text"]),
    ("finalize-stt", &[]),
    ("hangup", &["reason"]),
    ("transfer", &["to"]),
];

/// Events, each with its fields.
pub const EVENTS: &[(&str, &[&str])] = &[
    ("media.connected", &["stream"]),
    ("media.disconnected", &[]),
    ("dtmf.received", &["digit"]),
    ("dtmf.sent", &["digits"]),
    ("turn.committed", &["turn", "text"]),
    ("sentiment.assessed", &["turn", "label", "score", "confidence", "tone", "pace", "escalate"]),
    ("memory.recalled", &["turn", "memories"]),
    ("tool.called", &["turn", "id", "name", "arguments"]),
    ("tool.finished", &["turn", "id", "name", "outcome", "text", "duration_ms"]),
    ("speech.queued", &["turn", "clause", "text"]),
    ("turn.interrupted", &["turn", "heard"]),
    ("turn.finished", &["turn", "said", "heard", "interrupted", "latency"]),
    ("speculation.discarded", &["turn", "text"]),
    ("call.answered-by", &["who", "reason"]),
    ("operator.whispered", &["text"]),
    ("call.transferred", &["to"]),
    ("vendor.failed", &["stage", "message"]),
    ("call.ended", &["reason"]),
];

/// What one thing in a timeline is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    State,
    Output,
    Event,
}

impl Kind {
    pub const ALL: [(&'static str, Self); 3] =
        [("state", Self::State), ("output", Self::Output), ("event", Self::Event)];

    pub fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }

    /// What a thing of this kind and name has to match; `None`: there is no such thing.
    pub fn fields(self, name: &str) -> Option<&'static [&'static str]> {
        let find = |table: &'static [(&str, &'static [&str])]| {
            table.iter().find(|(known, _)| *known == name).map(|(_, fields)| *fields)
        };
        match self {
            Self::State => STATES.contains(&name).then_some(&[]),
            Self::Output => find(OUTPUTS),
            Self::Event => find(EVENTS),
        }
    }

    /// The kind of output or event that has this name.
    pub fn of(name: &str) -> Option<Self> {
        [Self::Output, Self::Event].into_iter().find(|kind| kind.fields(name).is_some())
    }
}
