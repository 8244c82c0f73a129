//! Voice activity in media time: frames counted, never the clock.

use std::collections::VecDeque;
use std::time::Duration;

use crate::config::Endpointing;
use crate::{CallTime, CallerFrame};

/// A change of the caller's voice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edge {
    /// The caller began to speak.
    Started,
    /// The caller has been silent for long enough.
    Stopped,
}

/// Decides from frames whether the caller speaks.
#[derive(Clone, Debug)]
pub(crate) struct Vad {
    threshold: f32,
    level_floor: f32,
    start: Duration,
    window_length: Duration,
    stop: Duration,
    clock: MediaClock,
    window: VecDeque<(Duration, bool)>,
    window_total: Duration,
    window_voiced: Duration,
    speaking: bool,
    onset: Duration,
    last_voiced: Duration,
    voiced: Duration,
    burst_from: Duration,
}

impl Vad {
    pub(crate) fn new(settings: &Endpointing) -> Self {
        Self {
            threshold: settings.speech_threshold,
            level_floor: settings.level_floor,
            start: settings.vad_start,
            window_length: settings.vad_window,
            stop: settings.vad_stop,
            clock: MediaClock::default(),
            window: VecDeque::with_capacity(MAX_WINDOW),
            window_total: Duration::ZERO,
            window_voiced: Duration::ZERO,
            speaking: false,
            onset: Duration::ZERO,
            last_voiced: Duration::ZERO,
            voiced: Duration::ZERO,
            burst_from: Duration::ZERO,
        }
    }

    /// Takes the next frame. Below the level `echo` it is not the caller's.
    pub(crate) fn push(&mut self, now: CallTime, frame: &CallerFrame, echo: f32) -> Option<Edge> {
        let duration = frame.duration.min(LONGEST_FRAME);
        self.clock.push(now, duration);
        let voiced = self.is_voiced(frame, echo);
        if voiced {
            self.voiced += duration;
            self.last_voiced = self.clock.media;
        }
        self.slide(duration, voiced);
        let silence = self.clock.media.saturating_sub(self.last_voiced);
        if silence >= self.stop {
            self.burst_from = self.voiced;
        }
        if !self.speaking && voiced && self.window_voiced >= self.start {
            self.speaking = true;
            self.onset = self.window_onset();
            return Some(Edge::Started);
        }
        (silence >= self.stop).then(|| self.force_stop()).flatten()
    }

    /// Ends speech for other reasons than silence.
    pub(crate) fn force_stop(&mut self) -> Option<Edge> {
        self.burst_from = self.voiced;
        self.window.clear();
        self.window_total = Duration::ZERO;
        self.window_voiced = Duration::ZERO;
        std::mem::take(&mut self.speaking).then_some(Edge::Stopped)
    }

    /// Whether the caller speaks.
    pub(crate) fn speaking(&self) -> bool {
        self.speaking
    }

    /// Whether the caller speaks or may have just begun to.
    pub(crate) fn audible(&self) -> bool {
        let voiced_now = self.window.back().is_some_and(|(_, voiced)| *voiced);
        self.speaking || (voiced_now && self.window_voiced >= AUDIBLE)
    }

    /// The voiced time since the caller was last silent.
    pub(crate) fn burst(&self) -> Duration {
        self.voiced.saturating_sub(self.burst_from)
    }

    /// The voiced time of the call. Differences of it measure evidence.
    pub(crate) fn voiced(&self) -> Duration {
        self.voiced
    }

    /// When the speech began, while the caller speaks.
    pub(crate) fn speaking_since(&self) -> Option<CallTime> {
        self.speaking.then(|| self.clock.at(self.onset))
    }

    /// When the last voiced frame ended; `None` before the first.
    pub(crate) fn end_of_speech(&self) -> Option<CallTime> {
        (self.voiced > Duration::ZERO).then(|| self.clock.at(self.last_voiced))
    }

    fn is_voiced(&self, frame: &CallerFrame, echo: f32) -> bool {
        let threshold = if self.speaking { self.threshold - HYSTERESIS } else { self.threshold };
        frame.speech >= threshold && frame.level >= self.level_floor.max(echo)
    }

    fn slide(&mut self, duration: Duration, voiced: bool) {
        self.window.push_back((duration, voiced));
        self.window_total += duration;
        if voiced {
            self.window_voiced += duration;
        }
        while self.window_total > self.window_length || self.window.len() >= MAX_WINDOW {
            let Some((duration, voiced)) = self.window.pop_front() else { break };
            self.window_total -= duration;
            if voiced {
                self.window_voiced -= duration;
            }
        }
    }

    fn window_onset(&self) -> Duration {
        let unvoiced: Duration =
            self.window.iter().take_while(|(_, voiced)| !voiced).map(|(duration, _)| *duration).sum();
        (self.clock.media + unvoiced).saturating_sub(self.window_total)
    }
}

/// Maps media time to call time by the least delay with which frames arrived in
/// the last second or two, so that a late burst of frames moves nothing and lost
/// frames are made up for.
#[derive(Clone, Debug, Default)]
struct MediaClock {
    media: Duration,
    now: CallTime,
    least_us: Option<i64>,
    least_before_us: Option<i64>,
    bucket: Duration,
}

impl MediaClock {
    fn push(&mut self, now: CallTime, duration: Duration) {
        self.now = now;
        self.media += duration;
        self.bucket += duration;
        if self.bucket >= BUCKET {
            self.bucket = Duration::ZERO;
            self.least_before_us = self.least_us.take();
        }
        let delay = micros(now) - micros(self.media);
        self.least_us = Some(self.least_us.map_or(delay, |least| least.min(delay)));
    }

    fn at(&self, media: Duration) -> CallTime {
        let delay = [self.least_us, self.least_before_us].into_iter().flatten().min().unwrap_or(0);
        let at = u64::try_from(micros(media) + delay).unwrap_or(0);
        Duration::from_micros(at).min(self.now)
    }
}

/// Carriers send frames of 20 ms, Telnyx up to 30 s in one message, which a driver cuts.
const LONGEST_FRAME: Duration = Duration::from_secs(1);
/// The default window of 300 ms holds 15 frames.
const MAX_WINDOW: usize = 64;
/// LiveKit Agents lets go at 0.15 below the activation threshold.
const HYSTERESIS: f32 = 0.15;
/// Three frames in a row are rarely noise.
const AUDIBLE: Duration = Duration::from_millis(60);
const BUCKET: Duration = Duration::from_secs(1);

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX / 4).min(i64::MAX / 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speech_starts_after_enough_voiced_time_and_is_dated_to_its_onset() {
        let mut line = Line::new();
        line.frames(25, 0.05);
        assert_eq!(line.frames(7, 0.9), None);
        assert_eq!(line.frames(1, 0.9), Some(Edge::Started));
        assert_eq!(line.vad.speaking_since(), Some(ms(500)));
    }

    #[test]
    fn speech_ends_after_the_stop_time_and_is_dated_to_its_last_voiced_frame() {
        let mut line = Line::new();
        line.frames(50, 0.9);
        assert_eq!(line.frames(9, 0.05), None);
        assert_eq!(line.frames(1, 0.05), Some(Edge::Stopped));
        assert_eq!(line.vad.end_of_speech(), Some(ms(1000)));
    }

    #[test]
    fn a_click_is_no_speech() {
        let mut line = Line::new();
        for _ in 0..20 {
            assert_eq!(line.frames(3, 0.9), None);
            assert_eq!(line.frames(12, 0.05), None);
        }
        assert!(!line.vad.speaking());
    }

    #[test]
    fn a_late_burst_of_frames_does_not_move_the_end_of_speech() {
        let mut line = Line::new();
        line.frames(45, 0.9);
        line.now += ms(160);
        for _ in 0..5 {
            line.vad.push(line.now, &frame(0.9), 0.0);
        }
        assert_eq!(line.vad.end_of_speech(), Some(ms(1000)));
    }

    #[test]
    fn lost_frames_are_made_up_for() {
        let mut line = Line::new();
        line.frames(50, 0.05);
        line.now += ms(700);
        line.frames(110, 0.9);
        assert_eq!(line.vad.end_of_speech(), Some(line.now));
    }

    #[test]
    fn echo_of_the_agent_is_not_voiced() {
        let mut line = Line::new();
        let quiet = CallerFrame { level: 0.005, ..frame(0.9) };
        for _ in 0..50 {
            line.now += ms(20);
            assert_eq!(line.vad.push(line.now, &quiet, 0.01), None);
        }
        for _ in 0..8 {
            line.now += ms(20);
            line.vad.push(line.now, &quiet, 0.0);
        }
        assert!(line.vad.speaking());
    }

    #[test]
    fn a_probability_that_is_no_number_is_silence() {
        let mut line = Line::new();
        assert_eq!(line.frames(50, f32::NAN), None);
    }

    struct Line {
        vad: Vad,
        now: CallTime,
    }

    impl Line {
        fn new() -> Self {
            Self { vad: Vad::new(&Endpointing::default()), now: Duration::ZERO }
        }

        fn frames(&mut self, n: usize, speech: f32) -> Option<Edge> {
            let mut edge = None;
            for _ in 0..n {
                self.now += ms(20);
                edge = self.vad.push(self.now, &frame(speech), 0.0).or(edge);
            }
            edge
        }
    }

    fn frame(speech: f32) -> CallerFrame {
        CallerFrame { duration: ms(20), speech, level: 0.1 }
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }
}
