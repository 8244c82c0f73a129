//! What happens in a call, as it is logged.
//!
//! A call is event-sourced: its log is append-only, and transcripts, latencies
//! and analytics are projections of it ([`transcript`]). The call core emits
//! these events, the edge adds those of the carrier's webhooks, the store keeps
//! them, the API reads them back. An event is durable before its effect is
//! visible outside.

pub mod latency;
mod ledger;
pub mod transcript;

pub use ledger::{Latency, LedgerClock, Stage};

use serde::{Deserialize, Serialize};

/// One thing that happened in a call.
///
/// Stored as `type` and `data`; cases and fields are only ever added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
#[non_exhaustive]
pub enum CallEvent {
    /// The carrier offered the call and routing decided on it.
    #[serde(rename = "call.received")]
    Received {
        /// The carrier, for example `twilio`.
        carrier: String,
        /// What routing decided: `connect`, `forward`, `message`, `voicemail` or `reject`.
        decision: String,
        /// Why, in routing's words.
        reason: String,
    },
    /// A call is to be placed.
    #[serde(rename = "call.ordered")]
    Ordered {
        /// The carrier that is to place it, for example `telnyx`.
        carrier: String,
        /// The agent that is to speak.
        agent: String,
    },
    /// The carrier is about to be asked to place the call.
    #[serde(rename = "call.attempted")]
    Attempted {
        /// The id of the attempt.
        attempt: String,
        /// Its number, from 1.
        number: u32,
    },
    /// The carrier has placed the call: its id of it is known.
    #[serde(rename = "call.placed")]
    Placed {
        /// The carrier's id.
        carrier_call_id: String,
    },
    /// The call was not placed, and will not be.
    #[serde(rename = "call.not-placed")]
    NotPlaced {
        /// The end reason, in the words of the call's record.
        reason: String,
        /// What happened, without secrets.
        message: String,
    },
    /// The call was called off before the carrier was asked to place it.
    #[serde(rename = "call.cancelled")]
    Cancelled,
    /// The carrier asked again what to do with a call whose media socket was lost.
    #[serde(rename = "call.recovered")]
    Recovered,
    /// The carrier reported a status.
    #[serde(rename = "call.status")]
    Status {
        /// The carrier's word for it, for example `in-progress`.
        status: String,
        /// The carrier's sequence number, where it sends one.
        sequence: Option<u32>,
    },
    /// The media socket is open and audio can flow.
    #[serde(rename = "media.connected")]
    MediaConnected {
        /// The carrier's id of the stream.
        stream: String,
    },
    /// The media socket is gone.
    #[serde(rename = "media.disconnected")]
    MediaDisconnected,
    /// The caller pressed a key.
    #[serde(rename = "dtmf.received")]
    DtmfReceived {
        /// `0` to `9`, `*`, `#` or `A` to `D`.
        digit: char,
    },
    /// A turn of the caller is complete and will be answered.
    #[serde(rename = "turn.committed")]
    TurnCommitted {
        /// The turn.
        turn: u32,
        /// What was understood.
        text: String,
    },
    /// The mood of the caller's words.
    #[serde(rename = "sentiment.assessed")]
    SentimentAssessed {
        /// The turn in which the words were said.
        turn: u32,
        /// `negative`, `neutral` or `positive`.
        label: String,
        /// -1 to 1.
        score: f32,
        /// 0 to 1.
        confidence: f32,
        /// How the agent should sound.
        tone: String,
        /// How fast it should speak.
        pace: String,
        /// Whether a human should be offered.
        escalate: bool,
    },
    /// What was recalled of this customer.
    #[serde(rename = "memory.recalled")]
    MemoryRecalled {
        /// The turn for which it was recalled.
        turn: u32,
        /// The recalled texts, best first.
        memories: Vec<String>,
    },
    /// Something new is remembered of this customer.
    #[serde(rename = "memory.stored")]
    MemoryStored {
        /// What it is about, for example `appointment`.
        kind: String,
        /// The text.
        text: String,
    },
    /// A tool is about to run.
    #[serde(rename = "tool.called")]
    ToolCalled {
        /// The turn that asked for it.
        turn: u32,
        /// The model's id of the tool call.
        id: String,
        /// The tool.
        name: String,
        /// Its arguments, JSON.
        arguments: String,
    },
    /// A tool run ended.
    #[serde(rename = "tool.finished")]
    ToolFinished {
        /// The turn that asked for it.
        turn: u32,
        /// The model's id of the tool call.
        id: String,
        /// The tool.
        name: String,
        /// `success`, `confirm`, `failure`, `timeout`, `fault`, `refused` or `cancelled`.
        outcome: String,
        /// What the model was told.
        text: String,
        /// How long it took.
        duration_ms: u64,
        /// What the tool left for the tenant; neither the model nor the caller was told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        data: Option<serde_json::Value>,
    },
    /// A clause of the agent's is about to be sent to the carrier.
    #[serde(rename = "speech.queued")]
    SpeechQueued {
        /// The turn it belongs to.
        turn: u32,
        /// Its position in the turn, from 0.
        clause: u32,
        /// Its words.
        text: String,
    },
    /// The caller interrupted the agent.
    #[serde(rename = "turn.interrupted")]
    TurnInterrupted {
        /// The turn that was being spoken.
        turn: u32,
        /// What of it the caller had heard.
        heard: String,
    },
    /// A turn is over: all of it was heard, or it was cut.
    #[serde(rename = "turn.finished")]
    TurnFinished {
        /// The turn.
        turn: u32,
        /// All that the agent was going to say.
        said: String,
        /// What the caller heard of it.
        heard: String,
        /// Whether the caller cut it short.
        interrupted: bool,
        /// Where the time went; absent for turns that no caller's words began.
        latency: Option<Latency>,
    },
    /// An answer that was begun before the caller was done was thrown away: the
    /// caller went on. It cost a request to the model.
    #[serde(rename = "speculation.discarded")]
    SpeculationDiscarded {
        /// The turn that it was meant for.
        turn: u32,
        /// The words that it answered.
        text: String,
    },
    /// Who answered an outbound call.
    #[serde(rename = "call.answered-by")]
    AnsweredBy {
        /// `human`, `voicemail`, `menu` or `unknown`.
        who: String,
        /// What showed it, in plain words.
        reason: String,
    },
    /// The agent pressed keys.
    #[serde(rename = "dtmf.sent")]
    DtmfSent {
        /// The keys, `0` to `9`, `*`, `#` and `A` to `D`.
        digits: String,
    },
    /// An operator told the agent something that the caller did not hear.
    #[serde(rename = "operator.whispered")]
    Whispered {
        /// The text.
        text: String,
    },
    /// The caller is handed over.
    #[serde(rename = "call.transferred")]
    Transferred {
        /// The telephone number, E.164.
        to: String,
    },
    /// A vendor failed; the call goes on as well as it can.
    #[serde(rename = "vendor.failed")]
    VendorFailed {
        /// `stt`, `llm`, `tts`, or `carrier` where a caller could not be handed over.
        stage: String,
        /// What happened, without secrets.
        message: String,
    },
    /// The call core is done with the call.
    #[serde(rename = "call.ended")]
    Ended {
        /// Why.
        reason: EndReason,
    },
}

/// Why a call ended, and so whose doing it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum EndReason {
    /// The agent said goodbye and hung up.
    AgentHangup,
    /// The caller hung up.
    CallerHangup,
    /// Nobody spoke for too long.
    Silence,
    /// The longest allowed duration was reached.
    MaxDuration,
    /// The media socket broke without a word from the carrier.
    CarrierLost,
    /// Speech recognition failed beyond repair.
    SttFailed,
    /// The language model failed beyond repair.
    LlmFailed,
    /// Speech synthesis failed beyond repair.
    TtsFailed,
    /// The platform failed.
    PlatformError,
    /// The platform is shutting down.
    Drained,
    /// The caller was handed over to another number.
    Transferred,
    /// A machine answered an outbound call.
    VoicemailReached,
    /// The conversation had as many turns as the agent allows.
    MaxTurns,
}

impl CallEvent {
    /// The `type` under which the event is stored.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Received { .. } => "call.received",
            Self::Ordered { .. } => "call.ordered",
            Self::Attempted { .. } => "call.attempted",
            Self::Placed { .. } => "call.placed",
            Self::NotPlaced { .. } => "call.not-placed",
            Self::Cancelled => "call.cancelled",
            Self::Recovered => "call.recovered",
            Self::Status { .. } => "call.status",
            Self::MediaConnected { .. } => "media.connected",
            Self::MediaDisconnected => "media.disconnected",
            Self::DtmfReceived { .. } => "dtmf.received",
            Self::TurnCommitted { .. } => "turn.committed",
            Self::SentimentAssessed { .. } => "sentiment.assessed",
            Self::MemoryRecalled { .. } => "memory.recalled",
            Self::MemoryStored { .. } => "memory.stored",
            Self::ToolCalled { .. } => "tool.called",
            Self::ToolFinished { .. } => "tool.finished",
            Self::SpeechQueued { .. } => "speech.queued",
            Self::TurnInterrupted { .. } => "turn.interrupted",
            Self::TurnFinished { .. } => "turn.finished",
            Self::SpeculationDiscarded { .. } => "speculation.discarded",
            Self::AnsweredBy { .. } => "call.answered-by",
            Self::DtmfSent { .. } => "dtmf.sent",
            Self::Whispered { .. } => "operator.whispered",
            Self::Transferred { .. } => "call.transferred",
            Self::VendorFailed { .. } => "vendor.failed",
            Self::Ended { .. } => "call.ended",
        }
    }

    /// The `data` under which the event is stored, as JSON.
    ///
    /// # Errors
    /// Where a number is not finite, which JSON cannot hold.
    pub fn data(&self) -> Result<String, serde_json::Error> {
        let value = serde_json::to_value(self)?;
        Ok(value.get("data").map_or_else(|| "{}".to_owned(), ToString::to_string))
    }

    /// The event that was stored as `kind` and `data`.
    ///
    /// # Errors
    /// Where the kind is unknown or the data does not fit it.
    pub fn from_stored(kind: &str, data: &str) -> Result<Self, serde_json::Error> {
        let data: serde_json::Value = serde_json::from_str(data)?;
        let unit = data.as_object().is_some_and(serde_json::Map::is_empty);
        let value = if unit {
            serde_json::json!({ "type": kind })
        } else {
            serde_json::json!({ "type": kind, "data": data })
        };
        serde_json::from_value(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_survives_storage() {
        for event in [
            CallEvent::MediaDisconnected,
            CallEvent::Cancelled,
            CallEvent::Ordered { carrier: "telnyx".into(), agent: "receptionist".into() },
            CallEvent::Attempted { attempt: "a".into(), number: 2 },
            CallEvent::Placed { carrier_call_id: "v3:a".into() },
            CallEvent::NotPlaced { reason: "busy".into(), message: String::new() },
            CallEvent::TurnCommitted { turn: 3, text: "hello \"you\"".into() },
            CallEvent::Status { status: "completed".into(), sequence: Some(4) },
            CallEvent::Ended { reason: EndReason::AgentHangup },
        ] {
            let stored = CallEvent::from_stored(event.kind(), &event.data().unwrap()).unwrap();
            assert_eq!(stored, event);
        }
    }

    #[test]
    fn what_a_tool_left_is_kept_and_absent_in_logs_of_before() {
        let stored =
            r#"{"turn":1,"id":"a","name":"orders","outcome":"success","text":"Sent.","duration_ms":5}"#;
        let mut event = CallEvent::from_stored("tool.finished", stored).unwrap();
        assert!(!event.data().unwrap().contains("\"data\""));
        let CallEvent::ToolFinished { data, .. } = &mut event else { panic!("another event") };
        *data = Some(serde_json::json!({ "order": 7 }));
        assert_eq!(CallEvent::from_stored(event.kind(), &event.data().unwrap()).unwrap(), event);
    }

    #[test]
    fn the_kind_is_the_serialised_type() {
        let event = CallEvent::DtmfReceived { digit: '5' };
        assert_eq!(serde_json::to_value(&event).unwrap()["type"], event.kind());
    }

    #[test]
    fn an_unknown_kind_is_an_error() {
        assert!(CallEvent::from_stored("call.imagined", "{}").is_err());
    }
}
