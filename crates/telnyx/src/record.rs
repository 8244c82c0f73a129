//! Recording a leg.

use std::time::Duration;

use crate::body::{Body, OutOfLimits, seconds};
use crate::{Action, Command};

/// Whether both sides share a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channels {
    /// They do.
    Single,
    /// Each has its own.
    Dual,
}

/// The recording's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// MP3.
    Mp3,
    /// WAV.
    Wav,
}

/// Records a leg until it ends, the longest time is over, or [`RecordStop`]. `call.recording.saved` or
/// `call.recording.error` follows; the addresses in it hold for ten minutes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct RecordStart(Body);

impl RecordStart {
    /// Records without a sound, for as long as the leg lasts.
    pub fn new(channels: Channels, format: Format) -> Self {
        let channels = match channels {
            Channels::Single => "single",
            Channels::Dual => "dual",
        };
        let format = match format {
            Format::Mp3 => "mp3",
            Format::Wav => "wav",
        };
        Self(Body::default().with("channels", channels).with("format", format))
    }

    /// The longest recording, 1 to 14400 s, in whole seconds, rounded up. Telnyx takes none for an unlimited one.
    ///
    /// # Errors
    /// Outside these limits.
    pub fn max_length(self, length: Duration) -> Result<Self, OutOfLimits> {
        let seconds = seconds("max_length", length, (1, 14_400), "1 to 14400 seconds")?;
        Ok(Self(self.0.with("max_length", seconds)))
    }

    /// Whether the party hears a beep first.
    pub fn play_beep(self, beep: bool) -> Self {
        Self(self.0.with("play_beep", beep))
    }

    /// Records what the leg's party says, and not what it hears.
    pub fn inbound_only(self) -> Self {
        Self(self.0.with("recording_track", "inbound"))
    }

    /// Cuts silence at both ends.
    pub fn trim(self) -> Self {
        Self(self.0.with("trim", "trim-silence"))
    }
}

impl From<RecordStart> for Command {
    fn from(start: RecordStart) -> Self {
        Self::new(Action::RecordStart, start.0)
    }
}

/// Ends the leg's recordings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct RecordStop(Body);

impl RecordStop {
    /// Ends them all.
    pub fn new() -> Self {
        Self::default()
    }
}

impl From<RecordStop> for Command {
    fn from(stop: RecordStop) -> Self {
        Self::new(Action::RecordStop, stop.0)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_is_recorded_after_a_beep_and_not_for_ever() {
        let start = RecordStart::new(Channels::Single, Format::Mp3).play_beep(true).inbound_only().trim();
        let command = Command::from(start.max_length(Duration::from_millis(89_500)).unwrap());
        let expected = json!({
            "channels": "single",
            "format": "mp3",
            "max_length": 90,
            "play_beep": true,
            "recording_track": "inbound",
            "trim": "trim-silence",
        });
        assert_eq!((command.action(), command.into_body()), (Action::RecordStart, expected));
    }

    #[test]
    fn no_time_at_all_would_mean_unlimited_and_is_refused() {
        let start = || RecordStart::new(Channels::Dual, Format::Wav);
        assert_eq!(start().max_length(Duration::ZERO).unwrap_err().field, "max_length");
        assert!(start().max_length(Duration::from_secs(14_401)).is_err());
        let expected = json!({ "channels": "dual", "format": "wav" });
        assert_eq!(Command::from(start()).into_body(), expected);
        assert_eq!(Command::from(RecordStop::new()).action(), Action::RecordStop);
    }
}
