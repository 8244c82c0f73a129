//! The status of a call, which carriers report late, twice and out of order.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

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

    /// Where a report stands among all others of a call; the highest one is true.
    ///
    /// An ended call stays ended, then the carrier's numbering decides, then the
    /// usual course of a call. The order is total, so whatever order reports
    /// arrive in, the same one wins.
    pub(crate) fn order(self, sequence: Option<u32>) -> i64 {
        let terminal = i64::from(self.is_terminal());
        let sequence = sequence.map_or(0, |number| i64::from(number) + 1);
        (terminal << 40) | (sequence << 4) | self as i64
    }
}

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

/// A carrier's word on a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusReport {
    /// The status.
    pub status: CallStatus,
    /// The carrier's number of the report, where it numbers them.
    pub sequence: Option<u32>,
    /// When it became so, by the carrier's clock where it says.
    pub at: Timestamp,
    /// How long the call took, where the carrier says.
    pub duration_s: Option<u32>,
}

/// What a report did to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusChange {
    /// The call has this status.
    Applied,
    /// It was logged, but a later one is known already.
    Late,
    /// It had been received before; nothing was done.
    Duplicate,
    /// No call of the tenant has this id; nothing was done.
    UnknownCall,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_reports_share_a_place() {
        let mut orders: Vec<i64> = CallStatus::ALL
            .into_iter()
            .flat_map(|status| {
                [None, Some(0), Some(1), Some(u32::MAX)].map(|sequence| status.order(sequence))
            })
            .collect();
        let total = orders.len();
        orders.sort_unstable();
        orders.dedup();
        assert_eq!(orders.len(), total);
    }

    #[test]
    fn an_ended_call_stays_ended() {
        for ended in CallStatus::ALL.into_iter().filter(|status| status.is_terminal()) {
            for live in CallStatus::ALL.into_iter().filter(|status| !status.is_terminal()) {
                assert!(ended.order(None) > live.order(Some(u32::MAX)), "{live} after {ended}");
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
}
