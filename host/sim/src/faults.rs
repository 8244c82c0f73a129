//! What can go wrong with a vendor.

use std::time::Duration;

/// Faults of one simulated vendor. The default has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Answer every request with this HTTP status.
    pub refuse: Option<u16>,
    /// Hold the first answer of each stream back for this long.
    pub first_byte_delay: Duration,
    /// Say nothing more in a stream once it is this old, but keep it open.
    pub stall_after: Option<Duration>,
    /// Drop a stream in the middle, without a word, once it is this old.
    pub close_after: Option<Duration>,
    /// Drop everything and stop serving this long after the start. Read at the start only.
    pub kill_after: Option<Duration>,
}
