//! The status of a call.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where a call stands, in the words that carriers share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CallStatus {
    /// Waiting to be placed.
    Queued,
    /// Being placed.
    Initiated,
    /// Ringing.
    Ringing,
    /// Answered.
    InProgress,
    /// Over after being answered.
    Completed,
    /// The called side was busy.
    Busy,
    /// It could not be connected.
    Failed,
    /// Nobody answered.
    NoAnswer,
    /// It was given up before it was answered.
    Canceled,
}

/// A text that is no call status.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no call status by that name")]
pub struct ParseCallStatusError;

impl CallStatus {
    /// All statuses.
    pub const ALL: [Self; 9] = [
        Self::Queued,
        Self::Initiated,
        Self::Ringing,
        Self::InProgress,
        Self::Completed,
        Self::Busy,
        Self::Failed,
        Self::NoAnswer,
        Self::Canceled,
    ];

    /// The carriers' word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Initiated => "initiated",
            Self::Ringing => "ringing",
            Self::InProgress => "in-progress",
            Self::Completed => "completed",
            Self::Busy => "busy",
            Self::Failed => "failed",
            Self::NoAnswer => "no-answer",
            Self::Canceled => "canceled",
        }
    }

    /// Whether the call is over.
    pub fn is_terminal(self) -> bool {
        !matches!(self, Self::Queued | Self::Initiated | Self::Ringing | Self::InProgress)
    }

    /// How far a call of this status has come: it only ever goes on. All ends are equally far.
    pub(crate) fn order(self) -> i64 {
        match self {
            Self::Queued => 0,
            Self::Initiated => 1,
            Self::Ringing => 2,
            Self::InProgress => 3,
            Self::Completed | Self::Busy | Self::Failed | Self::NoAnswer | Self::Canceled => ENDED,
        }
    }
}

/// [`CallStatus::order`] of an ended call; the SQL that settles a call's status knows it too.
const ENDED: i64 = 4;

impl fmt::Display for CallStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for CallStatus {
    type Err = ParseCallStatusError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or(ParseCallStatusError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_further_than_anything_before_it() {
        for ended in CallStatus::ALL.into_iter().filter(|status| status.is_terminal()) {
            for live in CallStatus::ALL.into_iter().filter(|status| !status.is_terminal()) {
                assert!(ended.order() > live.order(), "{live} after {ended}");
            }
        }
    }

    #[test]
    fn a_status_survives_its_text() {
        for status in CallStatus::ALL {
            assert_eq!(status.to_string().parse(), Ok(status));
        }
        assert!("cancelled".parse::<CallStatus>().is_err());
    }

    #[test]
    fn the_words_of_the_state_machine_are_statuses() {
        use call_state::{CallState, Carrier, Ids};
        let unheard = CallState::new(Carrier::Twilio, Ids::default());
        assert_eq!(unheard.facts().status().parse(), Ok(CallStatus::Queued));
    }
}
