//! Messages to a server.

use serde_json::Value;

use crate::reading::{millis, text};
use crate::tool_call::{calls, legacy};
use crate::turns::{current, of_report, role};
use crate::{Call, Destination, Role, ToolCall, Turn};

/// A message to a server.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerMessage {
    /// The call that it is about.
    pub call: Call,
    /// When it was sent, in milliseconds since 1970.
    pub sent_at: Option<u64>,
    /// What it says or asks.
    pub message: Message,
}

/// What a message says or asks. The first seven want a particular reply, all others an empty one.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Message {
    /// Who answers this call? To be answered within 7.5 seconds, measured at Vapi's end.
    AssistantRequest,
    /// The model wants tools to be run.
    ToolCalls {
        /// The calls, each id once.
        calls: Vec<ToolCall>,
        /// The turn in which the conversation is ([`Turn::number`]).
        turn: u32,
    },
    /// The older form of a tool call.
    FunctionCall {
        /// The call, under an id of our own.
        call: ToolCall,
        /// The turn in which the conversation is.
        turn: u32,
    },
    /// The model wants to hand the call over. Where to?
    TransferDestinationRequest,
    /// What does the platform know of this? Asked of a custom knowledge base.
    KnowledgeBaseRequest,
    /// When is the caller done? Asked of an endpointing server.
    EndpointingRequest,
    /// Speak this. Asked of a voice server, which replies with sound.
    VoiceRequest {
        /// The words.
        text: String,
    },
    /// To which other assistant does the call go?
    HandoffDestinationRequest,
    /// The call stands otherwise.
    StatusUpdate(Status),
    /// The call is over, and this is what was said.
    EndOfCallReport {
        /// The conversation.
        turns: Vec<Turn>,
        /// Vapi's summary of it, where one is made.
        summary: Option<String>,
    },
    /// Something was said. Also sent as the type `transcript[transcriptType="final"]`, which then says so itself.
    Transcript {
        /// By whom.
        role: Option<Role>,
        /// Whether it stands.
        is_final: bool,
        /// The words.
        text: String,
    },
    /// Somebody begins or ceases to speak.
    SpeechUpdate {
        /// Who.
        role: Option<Role>,
        /// Whether it is the beginning.
        started: bool,
    },
    /// The conversation has new words.
    ConversationUpdate,
    /// The assistant does not answer although it should.
    Hang,
    /// The model writes.
    ModelOutput,
    /// The caller interrupts the assistant.
    UserInterrupted,
    /// The assistant's words begin to be heard.
    SpeechStarted,
    /// The call is handed over.
    TransferUpdate {
        /// To whom, where it is a telephone or SIP.
        to: Option<Destination>,
    },
    /// The caller speaks another language.
    LanguageChanged {
        /// Its code, for example `es`.
        language: String,
    },
    /// The words for a voice of one's own.
    VoiceInput,
    /// The server is to control the telephone itself.
    PhoneCallControl(PhoneControl),
    /// Something of a chat or a session.
    Chat,
    /// A type that is not known here, or one of the above without what makes it one.
    Other(String),
}

/// Where a call stands, in a `status-update`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// It will be placed at a time.
    Scheduled,
    /// It waits to be placed.
    Queued,
    /// It rings.
    Ringing,
    /// It was answered.
    InProgress,
    /// It is being handed over.
    Forwarding,
    /// It is over.
    Ended,
    /// There is no such call.
    NotFound,
    /// It could not be deleted.
    DeletionFailed,
    /// A word that is not known here.
    Other(String),
}

/// What the server is to do with the telephone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PhoneControl {
    /// Hand the call over.
    Forward(Option<Destination>),
    /// End it.
    HangUp,
    /// A request that is not known here.
    Other,
}

/// Why a body is no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is not JSON, or nested beyond all measure.
    #[error("the body is not JSON")]
    NotJson,
    /// There is no object `message` with a `type` in it.
    #[error("the body has no message of a type")]
    NoMessage,
}

impl ServerMessage {
    /// Reads a request's body.
    ///
    /// # Errors
    /// Where it is not JSON or no message. A message that is merely unknown is [`Message::Other`].
    pub fn parse(body: &[u8]) -> Result<Self, Unreadable> {
        let body: Value = serde_json::from_slice(body).map_err(|_| Unreadable::NotJson)?;
        let message = body.get("message").ok_or(Unreadable::NoMessage)?;
        let kind = text(message, "type").ok_or(Unreadable::NoMessage)?;
        Ok(Self {
            call: Call::read(message),
            sent_at: millis(message, "timestamp"),
            message: Message::read(kind, message),
        })
    }
}

impl Message {
    fn read(kind: String, message: &Value) -> Self {
        match kind.as_str() {
            "assistant-request" => Self::AssistantRequest,
            "tool-calls" => Self::ToolCalls { calls: calls(message), turn: current(message) },
            "function-call" => match legacy(message) {
                Some(call) => Self::FunctionCall { call, turn: current(message) },
                None => Self::Other(kind),
            },
            "transfer-destination-request" => Self::TransferDestinationRequest,
            "knowledge-base-request" => Self::KnowledgeBaseRequest,
            "call.endpointing.request" => Self::EndpointingRequest,
            "voice-request" => Self::VoiceRequest { text: text(message, "text").unwrap_or_default() },
            "handoff-destination-request" => Self::HandoffDestinationRequest,
            "status-update" => Self::StatusUpdate(status(&text(message, "status").unwrap_or_default())),
            "end-of-call-report" => {
                Self::EndOfCallReport { turns: of_report(message), summary: summary(message) }
            }
            "speech-update" => {
                Self::SpeechUpdate { role: speaker(message), started: is(message, "status", "started") }
            }
            "conversation-update" => Self::ConversationUpdate,
            "hang" => Self::Hang,
            "model-output" => Self::ModelOutput,
            "user-interrupted" => Self::UserInterrupted,
            "assistant.speechStarted" => Self::SpeechStarted,
            "transfer-update" => Self::TransferUpdate { to: destination(message) },
            "language-change-detected" | "language-changed" => {
                Self::LanguageChanged { language: text(message, "language").unwrap_or_default() }
            }
            "voice-input" => Self::VoiceInput,
            "phone-call-control" => Self::PhoneCallControl(match text(message, "request").as_deref() {
                Some("forward") => PhoneControl::Forward(destination(message)),
                Some("hang-up") => PhoneControl::HangUp,
                _ => PhoneControl::Other,
            }),
            _ if kind.starts_with("chat.") || kind.starts_with("session.") => Self::Chat,
            // The literal type with the condition in it, by which final transcripts alone are subscribed to.
            _ if kind == "transcript" || kind.starts_with("transcript[") => Self::Transcript {
                role: speaker(message),
                is_final: kind.contains("final") || is(message, "transcriptType", "final"),
                text: text(message, "transcript").unwrap_or_default(),
            },
            _ => Self::Other(kind),
        }
    }

    /// The type, in Vapi's word for it.
    #[must_use]
    pub fn kind(&self) -> &str {
        match self {
            Self::AssistantRequest => "assistant-request",
            Self::ToolCalls { .. } => "tool-calls",
            Self::FunctionCall { .. } => "function-call",
            Self::TransferDestinationRequest => "transfer-destination-request",
            Self::KnowledgeBaseRequest => "knowledge-base-request",
            Self::EndpointingRequest => "call.endpointing.request",
            Self::VoiceRequest { .. } => "voice-request",
            Self::HandoffDestinationRequest => "handoff-destination-request",
            Self::StatusUpdate(_) => "status-update",
            Self::EndOfCallReport { .. } => "end-of-call-report",
            Self::Transcript { .. } => "transcript",
            Self::SpeechUpdate { .. } => "speech-update",
            Self::ConversationUpdate => "conversation-update",
            Self::Hang => "hang",
            Self::ModelOutput => "model-output",
            Self::UserInterrupted => "user-interrupted",
            Self::SpeechStarted => "assistant.speechStarted",
            Self::TransferUpdate { .. } => "transfer-update",
            Self::LanguageChanged { .. } => "language-change-detected",
            Self::VoiceInput => "voice-input",
            Self::PhoneCallControl(_) => "phone-call-control",
            Self::Chat => "chat",
            Self::Other(kind) => kind,
        }
    }
}

fn status(word: &str) -> Status {
    match word {
        "scheduled" => Status::Scheduled,
        "queued" => Status::Queued,
        "ringing" => Status::Ringing,
        "in-progress" => Status::InProgress,
        "forwarding" => Status::Forwarding,
        "ended" => Status::Ended,
        "not-found" => Status::NotFound,
        "deletion-failed" => Status::DeletionFailed,
        other => Status::Other(other.to_owned()),
    }
}

fn speaker(message: &Value) -> Option<Role> {
    role(message.get("role")?.as_str()?)
}

fn destination(message: &Value) -> Option<Destination> {
    Destination::read(message.get("destination")?)
}

fn summary(message: &Value) -> Option<String> {
    message
        .get("analysis")
        .and_then(|analysis| text(analysis, "summary"))
        .or_else(|| text(message, "summary"))
}

fn is(message: &Value, key: &str, word: &str) -> bool {
    message.get(key).and_then(Value::as_str) == Some(word)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_type_of_vapis_schema_is_read_under_its_own_name() {
        for kind in [
            "assistant-request",
            "tool-calls",
            "transfer-destination-request",
            "knowledge-base-request",
            "call.endpointing.request",
            "voice-request",
            "handoff-destination-request",
            "status-update",
            "end-of-call-report",
            "transcript",
            "speech-update",
            "conversation-update",
            "hang",
            "model-output",
            "user-interrupted",
            "assistant.speechStarted",
            "transfer-update",
            "language-change-detected",
            "voice-input",
            "phone-call-control",
        ] {
            let message = read(json!({ "type": kind }));
            assert_eq!(message.kind(), kind);
            assert!(!matches!(message, Message::Other(_)), "{kind}");
        }
        for kind in ["chat.created", "session.deleted"] {
            assert_eq!(read(json!({ "type": kind })), Message::Chat);
        }
        for kind in ["call.deleted", "campaign.predial", "assistant.started", "of-next-year", "function-call"]
        {
            assert_eq!(read(json!({ "type": kind })), Message::Other(kind.into()));
        }
    }

    #[test]
    fn a_final_transcript_may_say_so_in_its_type() {
        let is_final = |mut message: Value| {
            message["role"] = "user".into();
            message["transcript"] = "I'd like to book".into();
            let Message::Transcript { role, is_final, text } = read(message) else { panic!("a transcript") };
            assert_eq!((role, text.as_str()), (Some(Role::User), "I'd like to book"));
            is_final
        };
        assert!(!is_final(json!({ "type": "transcript", "transcriptType": "partial" })));
        assert!(is_final(json!({ "type": "transcript", "transcriptType": "final" })));
        assert!(is_final(json!({ "type": "transcript[transcriptType=\"final\"]" })));
    }

    #[test]
    fn a_report_has_the_conversation_and_the_summary() {
        let report = read(json!({
            "type": "end-of-call-report",
            "endedReason": "customer-ended-call",
            "analysis": { "summary": "A haircut was booked." },
            "artifact": { "messages": [{ "role": "bot", "message": "Hello." }] },
        }));
        let Message::EndOfCallReport { turns, summary } = report else { panic!("a report") };
        assert_eq!((turns.len(), summary.as_deref()), (1, Some("A haircut was booked.")));
    }

    #[test]
    fn control_of_the_telephone_names_the_destination() {
        let forward = json!({
            "type": "phone-call-control",
            "request": "forward",
            "destination": { "type": "sip", "sipUri": "sip:desk@example.com" },
        });
        let Message::PhoneCallControl(PhoneControl::Forward(Some(to))) = read(forward) else {
            panic!("a handover")
        };
        assert_eq!(to.address(), "sip:desk@example.com");
        let hang_up = json!({ "type": "phone-call-control", "request": "hang-up" });
        assert_eq!(read(hang_up), Message::PhoneCallControl(PhoneControl::HangUp));
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for (body, fault) in [
            ("", Unreadable::NotJson),
            ("{", Unreadable::NotJson),
            ("\u{feff}{}", Unreadable::NotJson),
            ("{}", Unreadable::NoMessage),
            ("[]", Unreadable::NoMessage),
            (r#"{"message":"hang"}"#, Unreadable::NoMessage),
            (r#"{"message":{"type":["hang"]}}"#, Unreadable::NoMessage),
        ] {
            assert_eq!(ServerMessage::parse(body.as_bytes()), Err(fault), "{body}");
        }
        let deep = "[".repeat(100_000);
        assert_eq!(ServerMessage::parse(deep.as_bytes()), Err(Unreadable::NotJson));
    }

    fn read(message: Value) -> Message {
        let body = json!({ "message": message }).to_string();
        ServerMessage::parse(body.as_bytes()).unwrap().message
    }
}
