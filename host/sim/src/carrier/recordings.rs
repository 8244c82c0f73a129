//! Recordings of calls: what was really heard on the line, as WAV files.

use std::io::Cursor;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use audio::g711::ulaw_decode;
use jiff::Timestamp;
use uuid::Uuid;

use super::line::STEP;
use super::webhook::Callback;
use crate::voice::SAMPLE_RATE;

/// The longest recording that is kept: four hours, as at the real carrier.
const LONGEST: Duration = Duration::from_secs(4 * 3_600);

/// What started a recording; the carrier's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Dial,
    OutboundApi,
    RecordVerb,
    Rest,
}

impl Source {
    pub(super) fn wire(self) -> &'static str {
        match self {
            Self::Dial => "DialVerb",
            Self::OutboundApi => "OutboundAPI",
            Self::RecordVerb => "RecordVerb",
            Self::Rest => "StartCallRecordingAPI",
        }
    }
}

/// Which side is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Track {
    Inbound,
    Outbound,
    Both,
}

impl Track {
    pub(super) fn wire(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
            Self::Both => "both",
        }
    }
}

/// What is to be recorded, and who is told.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) source: Source,
    pub(super) track: Track,
    /// Each side in a channel of its own.
    pub(super) dual: bool,
    pub(super) callback: Option<Callback>,
    /// `in-progress`, `completed`, `absent`.
    pub(super) events: Vec<String>,
}

impl Order {
    pub(super) fn new(source: Source) -> Self {
        Self { source, track: Track::Both, dual: false, callback: None, events: vec!["completed".into()] }
    }
}

/// How far a recording is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    InProgress,
    Paused,
    /// Stopped, and not to be had yet.
    Processing,
    Completed,
    Absent,
}

impl Stage {
    pub(super) fn wire(self) -> &'static str {
        match self {
            Self::InProgress => "in-progress",
            Self::Paused => "paused",
            Self::Processing => "processing",
            Self::Completed => "completed",
            Self::Absent => "absent",
        }
    }

    pub(super) fn is_live(self) -> bool {
        matches!(self, Self::InProgress | Self::Paused)
    }
}

/// One recording.
#[derive(Debug)]
pub(super) struct Recording {
    pub(super) sid: String,
    pub(super) call_sid: String,
    pub(super) order: Order,
    pub(super) began_at: Timestamp,
    tape: Mutex<Tape>,
}

#[derive(Debug)]
struct Tape {
    stage: Stage,
    steps: u32,
    inbound: Vec<u8>,
    outbound: Vec<u8>,
}

impl Recording {
    pub(super) fn new(call_sid: &str, order: Order) -> Self {
        let tape = Tape { stage: Stage::InProgress, steps: 0, inbound: Vec::new(), outbound: Vec::new() };
        Self {
            sid: format!("RE{}", Uuid::new_v4().simple()),
            call_sid: call_sid.into(),
            order,
            began_at: Timestamp::now(),
            tape: Mutex::new(tape),
        }
    }

    /// Keeps 20 ms of both sides, as seen from the person on the line.
    pub(super) fn push(&self, inbound: &[u8], outbound: &[u8]) {
        let mut tape = self.tape();
        if tape.stage == Stage::InProgress && STEP * tape.steps < LONGEST {
            tape.steps += 1;
            tape.inbound.extend_from_slice(inbound);
            tape.outbound.extend_from_slice(outbound);
        }
    }

    /// Keeps nothing of it.
    pub(super) fn erase(&self) {
        let mut tape = self.tape();
        tape.steps = 0;
        tape.inbound.clear();
        tape.outbound.clear();
    }

    pub(super) fn stage(&self) -> Stage {
        self.tape().stage
    }

    /// The length of what was kept.
    pub(super) fn length(&self) -> Duration {
        STEP * self.tape().steps
    }

    /// Goes to another stage, where it is in one of `from`; says whether.
    pub(super) fn turn(&self, from: &[Stage], to: Stage) -> bool {
        let mut tape = self.tape();
        let fits = from.contains(&tape.stage);
        if fits {
            tape.stage = to;
        }
        fits
    }

    pub(super) fn channels(&self) -> u16 {
        if self.order.dual { 2 } else { 1 }
    }

    /// The sound as a WAV file of 16-bit samples. In two channels the person is left.
    pub(super) fn wav(&self) -> Result<Vec<u8>, hound::Error> {
        let (inbound, outbound) = {
            let tape = self.tape();
            (tape.inbound.clone(), tape.outbound.clone())
        };
        let spec = hound::WavSpec {
            channels: self.channels(),
            sample_rate: SAMPLE_RATE,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut file = Cursor::new(Vec::new());
        let mut writer = hound::WavWriter::new(&mut file, spec)?;
        for (inbound, outbound) in inbound.iter().zip(&outbound) {
            let [person, carrier] = [ulaw_decode(*inbound), ulaw_decode(*outbound)];
            if self.order.dual {
                writer.write_sample(person)?;
                writer.write_sample(carrier)?;
                continue;
            }
            writer.write_sample(match self.order.track {
                Track::Inbound => person,
                Track::Outbound => carrier,
                Track::Both => person.saturating_add(carrier),
            })?;
        }
        writer.finalize()?;
        Ok(file.into_inner())
    }

    fn tape(&self) -> MutexGuard<'_, Tape> {
        self.tape.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_heard_is_in_the_file_and_a_pause_is_not() {
        let mut order = Order::new(Source::Rest);
        order.dual = true;
        let recording = Recording::new("CA1", order);
        recording.push(&[0x80; 160], &[0xFF; 160]);
        assert!(recording.turn(&[Stage::InProgress], Stage::Paused));
        recording.push(&[0x00; 160], &[0x00; 160]);
        assert!(recording.turn(&[Stage::Paused], Stage::InProgress));
        recording.push(&[0xFF; 160], &[0x80; 160]);
        assert!(!recording.turn(&[Stage::Paused], Stage::Completed));
        assert_eq!(recording.length(), Duration::from_millis(40));

        let mut wav = hound::WavReader::new(Cursor::new(recording.wav().unwrap())).unwrap();
        assert_eq!((wav.spec().channels, wav.spec().sample_rate), (2, 8_000));
        let samples: Vec<i16> = wav.samples().collect::<Result<_, _>>().unwrap();
        assert_eq!(samples.len(), 2 * 320);
        assert_eq!((samples[0], samples[1]), (32_124, 0));
        assert_eq!((samples[638], samples[639]), (0, 32_124));
    }

    #[test]
    fn one_channel_mixes_both_sides_or_keeps_one() {
        for (track, expected) in
            [(Track::Both, i16::MAX), (Track::Inbound, 32_124), (Track::Outbound, 32_124)]
        {
            let recording = Recording::new("CA1", Order { track, ..Order::new(Source::Rest) });
            recording.push(&[0x80; 160], &[0x80; 160]);
            let mut wav = hound::WavReader::new(Cursor::new(recording.wav().unwrap())).unwrap();
            assert_eq!(wav.samples::<i16>().next().unwrap().unwrap(), expected);
        }
    }
}
