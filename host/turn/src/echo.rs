//! The agent's own voice coming back: how loud it may be, and so how loud the caller
//! must be to be heard over it.

use std::time::Duration;

use crate::CallTime;
use crate::config::{Encoding, Endpointing};
use crate::level::level;
use crate::pace::FRAME;

/// Compares what is played to the caller with what comes back meanwhile. The ratio of
/// their peaks while the agent is heard is the line's coupling: what exceeds it by a
/// margin is the caller. A silence of the caller's shows the coupling at once, so it falls
/// fast; speech of the caller's looks like coupling, so it rises slowly.
#[derive(Clone, Debug)]
pub(crate) struct EchoGuard {
    encoding: Encoding,
    echo_floor: f32,
    margin: f32,
    /// The peak of each tenth of a second that is played, with its number.
    played: [(u32, f32); PLAYED],
    /// The peaks of what came lately while the agent was heard, four frames each.
    received: [f32; RECEIVED],
    n_received: usize,
    coupling: f32,
    /// Until when there may be echo of audio that was cut off.
    tail: CallTime,
}

impl EchoGuard {
    pub(crate) fn new(encoding: Encoding, settings: &Endpointing) -> Self {
        Self {
            encoding,
            echo_floor: settings.echo_floor,
            margin: settings.echo_margin,
            played: [(0, 0.0); PLAYED],
            received: [0.0; RECEIVED],
            n_received: 0,
            coupling: FIRST_COUPLING,
            tail: CallTime::ZERO,
        }
    }

    /// Notes audio that the carrier plays from `at` on.
    pub(crate) fn played(&mut self, at: CallTime, payload: &[u8]) {
        let mut at = at;
        for frame in payload.chunks(Encoding::FRAME_BYTES) {
            let (number, level) = (tenth(at), level(self.encoding, frame));
            if let Some(slot) = self.played.get_mut(slot(number)) {
                let same = slot.0 == number;
                *slot = (number, if same { slot.1.max(level) } else { level });
            }
            at += FRAME;
        }
    }

    /// Notes that what the carrier has not played by `now` will not be played, but for the
    /// rest of the tenth that is running.
    pub(crate) fn cut(&mut self, now: CallTime) {
        let last = tenth(now);
        for slot in &mut self.played {
            if slot.0 > last {
                *slot = (0, 0.0);
            }
        }
        self.tail = now + ECHO_TAIL;
    }

    /// Takes the level of a frame that has come in; returns the level below which it is not
    /// the caller's. `audible` says that the agent may be heard.
    pub(crate) fn floor(&mut self, now: CallTime, duration: Duration, received: f32, audible: bool) -> f32 {
        if !audible && now >= self.tail {
            if self.n_received > 0 {
                self.received = [0.0; RECEIVED];
                self.n_received = 0;
            }
            return 0.0;
        }
        if let Some(peak) = self.received.get_mut(self.n_received / FRAMES_PER_PEAK % RECEIVED) {
            let level = if received.is_finite() { received } else { 0.0 };
            let first = self.n_received.is_multiple_of(FRAMES_PER_PEAK);
            *peak = if first { level } else { peak.max(level) };
        }
        self.n_received += 1;
        let last = tenth(now);
        // What was played just now may not be back yet, and would look like no echo.
        let back_by_now = self.peak_played(last.saturating_sub(LOOK_BACK), last.saturating_sub(DELAY));
        if back_by_now > MEASURABLE {
            self.learn(duration, back_by_now);
        }
        let played = back_by_now.max(self.peak_played(last.saturating_sub(DELAY - 1), last));
        self.echo_floor.max(played * self.coupling * self.margin)
    }

    fn learn(&mut self, duration: Duration, played: f32) {
        let received = self.received.iter().copied().fold(0.0, f32::max);
        let ratio = (received / played).min(1.0);
        let half_life = if ratio < self.coupling { FALL } else { RISE };
        // Close to the exponential for steps that are much shorter than the half-life.
        let step = (std::f32::consts::LN_2 * duration.as_secs_f32() / half_life).min(1.0);
        self.coupling += (ratio - self.coupling) * step;
    }

    fn peak_played(&self, from: u32, to: u32) -> f32 {
        let mut peak = 0.0;
        for number in from..=to {
            match self.played.get(slot(number)) {
                Some((of, level)) if *of == number && *level > peak => peak = *level,
                _ => {}
            }
        }
        peak
    }
}

/// A tenth of a second of call time; 0 is none, so that empty slots are nobody's.
fn tenth(at: CallTime) -> u32 {
    u32::try_from(at.as_secs()).unwrap_or(0).saturating_mul(10).saturating_add(at.subsec_millis() / 100 + 1)
}

fn slot(tenth: u32) -> usize {
    tenth as usize % PLAYED
}

/// Tenths of played audio that are remembered: 2 s of lead, which is the most that a
/// configuration may have, and what is looked back on, rounded up to a power of two.
const PLAYED: usize = 32;
/// How long ago what was played may come back, in tenths: 600 ms, two legs of a mobile
/// call and a jitter buffer.
const LOOK_BACK: u32 = 6;
/// What was played less than so many tenths ago teaches nothing yet: the round trip of a
/// mobile call is 200 to 300 ms.
const DELAY: u32 = 3;
/// The window of the received peak: 400 ms, so that the pause between two syllables is
/// not taken for a line without echo.
const RECEIVED: usize = 5;
/// See [`RECEIVED`]: four frames are 80 ms.
const FRAMES_PER_PEAK: usize = 4;
/// Before anything is known: -6 dB, the loudest echo that the cancellers of the network
/// are made for (ITU-T G.168).
const FIRST_COUPLING: f32 = 0.5;
/// What is played below this level (-40 dBFS) says nothing about the coupling.
const MEASURABLE: f32 = 0.01;
/// Half-life of the coupling's fall, in seconds: within a greeting it is down.
const FALL: f32 = 0.2;
/// Half-life of its rise, in seconds: so long that a caller who speaks over the agent for some seconds does not hide
/// behind their own voice.
const RISE: f32 = 20.0;
/// Echo outlives the audio by this much (streamcore's echo guard).
const ECHO_TAIL: Duration = Duration::from_millis(300);

#[cfg(test)]
mod tests {
    use super::*;

    /// Mu-law: 0x80 is nearly full scale, each 0x10 more is half as loud.
    const LOUD: u8 = 0x90 + 0x10 + 0x10;

    #[test]
    fn nothing_is_held_back_while_the_agent_is_silent() {
        let mut line = Line::new(&Endpointing::default());
        assert_eq!(line.silent(0.3), 0.0);
    }

    #[test]
    fn on_a_line_without_echo_the_floor_falls_within_a_second() {
        let mut line = Line::new(&Endpointing::default());
        let first = line.spoken(1, LOUD, 0.0);
        assert!((first - line.level * 0.5 * 1.5).abs() < 0.01, "{first}");
        assert_eq!(line.spoken(60, LOUD, 0.0), 0.01, "the fixed floor remains");
    }

    #[test]
    fn a_callers_level_like_the_agents_is_above_the_floor_in_spite_of_echo() {
        for echo in [0.0, 0.1] {
            let mut line = Line::new(&Endpointing::default());
            line.spoken(75, LOUD, echo);
            for n in 0..25 {
                let floor = line.spoken(1, LOUD, 1.0);
                assert!(floor < line.level, "{floor} at frame {n} with echo {echo}");
            }
        }
    }

    #[test]
    fn echo_stays_below_the_floor_for_as_long_as_it_lasts() {
        for echo in [0.05, 0.3, 0.5, 0.7] {
            let mut line = Line::new(&Endpointing::default());
            for _ in 0..500 {
                let floor = line.spoken(1, LOUD, echo);
                assert!(floor > line.level * echo, "{floor} with echo {echo}");
            }
        }
    }

    #[test]
    fn echo_that_comes_late_stays_below_the_floor_from_its_first_frame() {
        for delay in [0, 5, 10, 15] {
            let mut line = Line::new(&Endpointing::default());
            line.spoken(delay, LOUD, 0.0);
            for n in 0..200 {
                let floor = line.spoken(1, LOUD, 0.5);
                assert!(floor > line.level * 0.5, "{floor} at frame {n} with a delay of {delay} frames");
            }
        }
    }

    #[test]
    fn the_coupling_never_exceeds_one() {
        let mut line = Line::new(&Endpointing::default());
        let floor = line.spoken(3_000, LOUD, 4.0);
        assert!(floor <= line.level * 1.5 + 1e-6, "{floor}");
    }

    #[test]
    fn the_guard_outlives_a_cut_by_its_tail_and_forgets_what_was_not_played() {
        let mut line = Line::new(&Endpointing::default());
        line.spoken(5, LOUD, 0.5);
        line.guard.played(line.now + FRAME * 5, &[0x80; 1600]);
        line.guard.cut(line.now);
        let floor = line.silent(0.0);
        assert!(floor > 0.01 && floor < 0.5, "{floor}");
        line.now += ECHO_TAIL;
        assert_eq!(line.silent(0.3), 0.0);
    }

    #[test]
    fn without_a_margin_only_the_fixed_floor_counts() {
        let mut line = Line::new(&Endpointing { echo_margin: 0.0, ..Endpointing::default() });
        assert_eq!(line.spoken(10, LOUD, 0.5), 0.01);
    }

    #[test]
    fn a_level_that_is_no_number_is_silence() {
        let mut line = Line::new(&Endpointing::default());
        assert_eq!(line.spoken(75, LOUD, f32::NAN), 0.01);
    }

    struct Line {
        guard: EchoGuard,
        now: CallTime,
        level: f32,
    }

    impl Line {
        fn new(settings: &Endpointing) -> Self {
            let level = level(Encoding::Mulaw, &[LOUD; 160]);
            Self { guard: EchoGuard::new(Encoding::Mulaw, settings), now: CallTime::ZERO, level }
        }

        /// Frames of the agent's speech, of which `echo` comes back. Returns the last floor.
        fn spoken(&mut self, n: usize, byte: u8, echo: f32) -> f32 {
            let mut floor = 0.0;
            for _ in 0..n {
                self.guard.played(self.now, &[byte; 160]);
                self.now += FRAME;
                floor = self.guard.floor(self.now, FRAME, self.level * echo, true);
            }
            floor
        }

        fn silent(&mut self, received: f32) -> f32 {
            self.now += FRAME;
            self.guard.floor(self.now, FRAME, received, false)
        }
    }
}
