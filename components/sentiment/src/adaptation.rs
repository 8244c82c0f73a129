//! What follows for the agent from the mood and its course.

use crate::{
    bindings::exports::voicehive::platform::sentiment::{Adaptation, Pace, Tone},
    phrases::Cue,
    reading::{LABEL_THRESHOLD, Reading},
};

/// At or below this the caller is upset, not merely uneasy.
pub const UPSET: f32 = -0.5;
/// At or above this the caller is pleased, not merely polite.
pub const PLEASED: f32 = 0.3;
/// How many utterances, this one included, make a course.
pub const WINDOW: usize = 3;
/// The mean of a full window at or below which negativity is sustained, if
/// every utterance in it is negative.
pub const SUSTAINED: f32 = -0.4;
/// The fall from the first to the last of a full window, never rising in
/// between, from which on it is steep, if it ends upset.
pub const STEEP: f32 = 0.8;
/// The mean of the window at or below which the agent stays calm although this
/// utterance is plain.
pub const LINGERING: f32 = -0.2;

/// How the agent should adapt to `reading` after `trajectory`.
pub fn adapt(reading: &Reading, trajectory: &[f32]) -> Adaptation {
    let course = Course::of(trajectory, reading.score);
    let grievance = reading.has(Cue::Leaving) || reading.has(Cue::RepeatContact);
    let escalate = reading.asks_for_human || grievance || course.sustained() || course.steep();
    let tone = if reading.score <= UPSET || grievance || course.sustained() || course.steep() {
        Tone::Apologetic
    } else if reading.score <= -LABEL_THRESHOLD || reading.asks_for_human || reading.has(Cue::Lost) {
        Tone::Calm
    } else if reading.score >= PLEASED {
        Tone::Warm
    } else if course.mean() <= LINGERING {
        Tone::Calm
    } else {
        Tone::Even
    };
    let pace = if reading.has(Cue::Lost) {
        Pace::Slower
    } else if reading.has(Cue::Hurried) {
        Pace::Faster
    } else if tone == Tone::Calm && reading.score <= -LABEL_THRESHOLD {
        Pace::Slower
    } else {
        Pace::Normal
    };
    Adaptation { tone, pace, escalate }
}

/// The last scores of a call, the newest last; at most [`WINDOW`].
struct Course(Vec<f32>);

impl Course {
    fn of(trajectory: &[f32], score: f32) -> Self {
        let earlier = trajectory.iter().rev().take(WINDOW - 1).rev().copied();
        Self(earlier.chain([score]).collect())
    }

    fn mean(&self) -> f32 {
        self.0.iter().sum::<f32>() / self.0.len() as f32
    }

    fn is_full(&self) -> bool {
        self.0.len() == WINDOW
    }

    fn sustained(&self) -> bool {
        self.is_full() && self.0.iter().all(|score| *score <= -LABEL_THRESHOLD) && self.mean() <= SUSTAINED
    }

    fn steep(&self) -> bool {
        let (Some(first), Some(last)) = (self.0.first(), self.0.last()) else { return false };
        self.is_full() && self.0.is_sorted_by(|a, b| a >= b) && first - last >= STEEP && *last <= UPSET
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(score: f32) -> Reading {
        Reading { score, confidence: 0.5, asks_for_human: false, cues: Vec::new() }
    }

    #[test]
    fn one_bad_utterance_is_answered_with_an_apology_and_not_with_a_human() {
        for trajectory in [&[][..], &[0.0, 0.0], &[-0.5, 0.1]] {
            let adaptation = adapt(&reading(-0.7), trajectory);
            assert_eq!(adaptation.tone, Tone::Apologetic, "{trajectory:?}");
            assert!(!adaptation.escalate, "{trajectory:?}");
        }
    }

    #[test]
    fn three_bad_utterances_in_a_row_offer_a_human() {
        assert!(!adapt(&reading(-0.5), &[-0.4]).escalate);
        assert!(adapt(&reading(-0.5), &[-0.4, -0.5]).escalate);
        assert!(!adapt(&reading(-0.5), &[-0.4, 0.0]).escalate, "not sustained, and rising is not steep");
    }

    #[test]
    fn a_steep_fall_offers_a_human() {
        assert!(adapt(&reading(-0.6), &[0.4, -0.1]).escalate);
        assert!(!adapt(&reading(-0.6), &[-0.1, 0.4]).escalate, "it rose in between");
        assert!(!adapt(&reading(-0.3), &[0.9, 0.2]).escalate, "it does not end upset");
    }

    #[test]
    fn the_agent_stays_calm_for_a_while_after_bad_utterances() {
        assert_eq!(adapt(&reading(0.0), &[-0.5, -0.3]).tone, Tone::Calm);
        assert_eq!(adapt(&reading(0.0), &[-0.5, 0.0, 0.0, 0.1]).tone, Tone::Even);
    }

    #[test]
    fn a_caller_who_cannot_follow_outweighs_one_who_hurries() {
        let mut both = reading(0.0);
        both.cues = vec![Cue::Hurried, Cue::Lost];
        assert_eq!(adapt(&both, &[]).pace, Pace::Slower);
        both.cues = vec![Cue::Hurried];
        assert_eq!(adapt(&both, &[]).pace, Pace::Faster);
    }
}
