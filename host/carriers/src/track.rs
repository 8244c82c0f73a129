//! The two sides of a call.

use serde::{Deserialize, Serialize};

/// One side of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Track {
    /// What the carrier hears from the caller.
    Inbound,
    /// What the carrier plays to the caller.
    Outbound,
}
