//! Why calls end, in one vocabulary, and whose doing it was.

mod foreign;
mod words;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Direction;

/// Whose doing an end was: for a failure, whose fault; for an ordinary end, who ended the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// The calling person.
    Caller,
    /// The called person, or the machine that answered there.
    Callee,
    /// Our agent, as it was told to behave.
    Agent,
    /// The platform that runs the agent: VoiceHive, or Vapi for calls that it carries.
    Platform,
    /// The telephone carrier, or the network behind it.
    Carrier,
    /// A vendor of speech or of language models.
    Vendor,
    /// The customer of the platform: its settings, limits, payment or staff.
    Tenant,
    /// Nobody has said.
    Unknown,
}

/// How much an end reason says. A later reason replaces an earlier one only where it says more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Detail {
    /// That the call ended.
    That,
    /// How it ended, but not by whom.
    How,
    /// Who ended it.
    Who,
    /// Why it ended.
    Why,
}

/// Why a call ended, the words of all carriers in one.
///
/// The first reason that has a foreign word is what the word means; later ones only have it as their nearest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum EndReason {
    /// Nobody has said why.
    Unknown,
    /// The calling side hung up.
    CallerHangup,
    /// The called side hung up.
    CalleeHangup,
    /// The call was held and is over; who hung up was not said.
    Completed,
    /// The calling side gave up before an answer.
    CallerCancelled,
    /// The called side was busy.
    Busy,
    /// Nobody answered.
    NoAnswer,
    /// The called side declined.
    Declined,
    /// Nobody joined the web call.
    NeverJoined,
    /// Nobody spoke for too long.
    Silence,
    /// A voicemail answered.
    VoicemailReached,
    /// A menu for keys answered.
    MenuReached,
    /// The agent hung up.
    AgentHangup,
    /// The agent said a phrase that ends calls.
    EndPhraseSaid,
    /// The agent handed the caller over.
    Transferred,
    /// A handover was completed and the agent left.
    TransferBridged,
    /// A handover was given up.
    TransferCancelled,
    /// The agent failed by its own logic.
    AgentError,
    /// The longest allowed duration was reached.
    MaxDuration,
    /// The conversation had as many turns as the agent allows.
    MaxTurns,
    /// The tenant had as many calls at once as it may.
    ConcurrencyLimit,
    /// As [`Self::ConcurrencyLimit`], with nowhere to send the call instead.
    NoConcurrencyFallback,
    /// The tenant's account is not paid for.
    PaymentRequired,
    /// The tenant's calls look like a fraud.
    ScamDetected,
    /// The called number does not exist or cannot be called.
    InvalidDestination,
    /// The agent that was to take the call does not exist.
    AgentNotFound,
    /// The tenant's server did not say which agent takes the call.
    AgentRequestFailed,
    /// A registered call was not begun in time.
    RegistrationExpired,
    /// Somebody of the tenant's ended it, or a rule of theirs.
    Stopped,
    /// The call was not accepted on our side.
    Rejected,
    /// A human of the tenant's took the call.
    TakenOver,
    /// The call could not be placed.
    DialFailed,
    /// The carrier does not permit the call.
    CarrierRefused,
    /// The carrier, or the network behind it, was not available.
    CarrierUnavailable,
    /// The call could not be routed or its media not be agreed on.
    SipRoutingError,
    /// The network took the call for spam.
    MarkedAsSpam,
    /// The media socket broke without a word from the carrier.
    CarrierLost,
    /// No audio of the person's arrived.
    NoAudio,
    /// Speech recognition failed beyond repair.
    SttFailed,
    /// The language model failed beyond repair.
    LlmFailed,
    /// The language model could not be reached.
    LlmUnreachable,
    /// The connection to the language model was lost.
    LlmLost,
    /// The language model sent what cannot be read.
    LlmCorrupt,
    /// Speech synthesis failed beyond repair.
    TtsFailed,
    /// The platform failed.
    PlatformError,
    /// The platform was shutting down.
    Drained,
    /// The agent did not join in time.
    AgentJoinTimedOut,
}

impl EndReason {
    /// The stable name, as it is stored and shown.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.words().code
    }

    /// Whose doing it was in a call of this direction: who fell silent is the caller of an inbound call, and the called
    /// person of an outbound one.
    #[must_use]
    pub fn fault(self, direction: Direction) -> Fault {
        match (self, direction) {
            (Self::Silence | Self::NeverJoined, Direction::Outbound) => Fault::Callee,
            _ => self.words().fault,
        }
    }

    /// How much it says.
    #[must_use]
    pub fn detail(self) -> Detail {
        self.words().detail
    }

    /// Whether a call that ends so cannot have been answered.
    #[must_use]
    pub fn is_unanswered(self) -> bool {
        matches!(
            self,
            Self::CallerCancelled
                | Self::Busy
                | Self::NoAnswer
                | Self::Declined
                | Self::Rejected
                | Self::DialFailed
                | Self::InvalidDestination
                | Self::CarrierRefused
                | Self::MarkedAsSpam
        )
    }

    /// Whether a call that ends so must have been answered, also where no carrier said so.
    #[must_use]
    pub fn is_answered(self) -> bool {
        matches!(
            self,
            Self::CallerHangup
                | Self::CalleeHangup
                | Self::Completed
                | Self::Silence
                | Self::VoicemailReached
                | Self::MenuReached
                | Self::AgentHangup
                | Self::EndPhraseSaid
                | Self::Transferred
                | Self::TransferBridged
                | Self::TransferCancelled
                | Self::MaxDuration
                | Self::MaxTurns
                | Self::TakenOver
        )
    }

    /// Retell's `disconnection_reason` for it, or the nearest.
    #[must_use]
    pub fn to_retell(self) -> &'static str {
        self.words().retell
    }

    /// Vapi's `endedReason` for it, or the nearest.
    #[must_use]
    pub fn to_vapi(self) -> &'static str {
        self.words().vapi
    }

    /// The meaning of Retell's `disconnection_reason`, in a call of this direction. `None` for a word that this version
    /// does not know.
    #[must_use]
    pub fn from_retell(word: &str, direction: Direction) -> Option<Self> {
        let known = Self::ALL.into_iter().find(|reason| reason.to_retell() == word)?;
        Some(known.of_the_person(direction))
    }

    /// The meaning of Vapi's `endedReason`, in a call of this direction. The list is open and holds several hundred
    /// words, most of them one for each vendor and status, so what is not known by name is known by its parts;
    /// [`Self::Unknown`] where that fails too.
    #[must_use]
    pub fn from_vapi(word: &str, direction: Direction) -> Self {
        let known = Self::ALL.into_iter().find(|reason| reason.to_vapi() == word);
        known.unwrap_or_else(|| foreign::vapi(word)).of_the_person(direction)
    }

    /// The meaning of a SIP status (RFC 3261, section 21; RFC 8197 for 607, RFC 8688 for 608), where it says more than
    /// that the call failed.
    #[must_use]
    pub fn from_sip(status: u16) -> Option<Self> {
        Some(match status {
            402 => Self::PaymentRequired,
            401 | 403 | 407 => Self::CarrierRefused,
            404 | 410 | 416 | 484 | 485 | 604 => Self::InvalidDestination,
            408 | 480 => Self::NoAnswer,
            415 | 420 | 481..=483 | 488 | 606 => Self::SipRoutingError,
            486 | 600 => Self::Busy,
            500..=599 => Self::CarrierUnavailable,
            603 => Self::Declined,
            607 | 608 => Self::MarkedAsSpam,
            _ => return None,
        })
    }

    /// What a carrier's word for one side means for us: our side of an inbound call is the called one, that of an
    /// outbound call the calling one. After a handover the called side is somebody else.
    #[must_use]
    pub fn seen_from(self, direction: Direction, handed_over: bool) -> Self {
        match (self, direction) {
            (Self::CalleeHangup, Direction::Inbound) if !handed_over => Self::AgentHangup,
            (Self::Declined | Self::Busy, Direction::Inbound) => Self::Rejected,
            (Self::NoAnswer, Direction::Inbound) => Self::AgentJoinTimedOut,
            (Self::CallerHangup, Direction::Outbound) => Self::AgentHangup,
            (Self::CallerCancelled, Direction::Outbound) => Self::Stopped,
            (reason, _) => reason,
        }
    }

    /// Platforms name the person at the other end, carriers the side of the call.
    fn of_the_person(self, direction: Direction) -> Self {
        match (self, direction) {
            (Self::CallerHangup, Direction::Outbound) => Self::CalleeHangup,
            (reason, _) => reason,
        }
    }
}

/// A text that is no end reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no end reason by that name")]
pub struct ParseEndReasonError;

impl fmt::Display for EndReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.code())
    }
}

impl FromStr for EndReason {
    type Err = ParseEndReasonError;

    /// Reads [`EndReason::code`]. The reasons of `events::EndReason` have the same names here.
    fn from_str(code: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|reason| reason.code() == code).ok_or(ParseEndReasonError)
    }
}

#[cfg(test)]
mod tests;
