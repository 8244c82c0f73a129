//! The constants by which bytes of the carrier's audio are time.

use std::time::Duration;

/// The frame of telephony.
pub(crate) const FRAME: Duration = Duration::from_millis(20);

/// The constants of a call's outgoing audio.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Bytes of a frame.
    pub(crate) frame_bytes: u64,
    /// The byte that is silence.
    pub(crate) silence: u8,
    /// How much unplayed audio the carrier may hold.
    pub(crate) lead: Duration,
    /// The longest stretch without a mark.
    pub(crate) mark_every: Duration,
}

impl Pace {
    /// How much audio fits into a time.
    pub(crate) fn bytes(&self, time: Duration) -> u64 {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        micros.saturating_mul(self.frame_bytes) / FRAME_MICROS
    }

    /// How long audio lasts.
    pub(crate) fn time(&self, bytes: u64) -> Duration {
        Duration::from_micros(bytes.saturating_mul(FRAME_MICROS) / self.frame_bytes.max(1))
    }
}

/// [`FRAME`] in microseconds.
pub(crate) const FRAME_MICROS: u64 = 20_000;
