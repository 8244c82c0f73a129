//! Attribute values that several verbs share.

use std::time::Duration;

/// How a carrier calls a URL.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Method {
    /// Fields go into the query.
    Get,
    /// Fields go into the body; Twilio's default.
    Post,
}

impl Method {
    pub(crate) fn wire(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// What a leg's status callback is called for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CallEvent {
    /// The leg was picked up.
    Answered,
    /// The leg ended, however it did.
    Completed,
    /// Dialling began.
    Initiated,
    /// The other side rings.
    Ringing,
}

impl CallEvent {
    fn wire(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Completed => "completed",
            Self::Initiated => "initiated",
            Self::Ringing => "ringing",
        }
    }

    pub(crate) fn list(events: impl IntoIterator<Item = Self>) -> String {
        spaced(events.into_iter().map(Self::wire))
    }
}

/// What a recording's status callback is called for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RecordingEvent {
    /// There was nothing to record.
    Absent,
    /// The recording can be fetched; Twilio's default.
    Completed,
    /// Recording began.
    InProgress,
}

impl RecordingEvent {
    fn wire(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Completed => "completed",
            Self::InProgress => "in-progress",
        }
    }

    pub(crate) fn list(events: impl IntoIterator<Item = Self>) -> String {
        spaced(events.into_iter().map(Self::wire))
    }
}

/// Whether silence at the ends of a recording is cut off.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Trim {
    /// The recording stays as it is.
    Keep,
    /// Silence at both ends goes.
    Silence,
}

impl Trim {
    pub(crate) fn wire(self) -> &'static str {
        match self {
            Self::Keep => "do-not-trim",
            Self::Silence => "trim-silence",
        }
    }
}

/// Whole seconds, rounded up so that a short wait never becomes none.
pub(crate) fn seconds(duration: Duration) -> String {
    let seconds = duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0));
    seconds.to_string()
}

fn spaced<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.collect::<Vec<_>>().join(" ")
}
