//! Callers who speak, at many levels and in many noises.

use std::ops::Range;

use serde_json::{Value, json};

use crate::hearing::{Detection, at, detections};
use crate::noise::{Noise, Random};
use crate::sound::{RATE, add, at_level, coded, gain, quantile, samples};
use crate::truth;
use crate::voices::{Cast, Voice};

/// Silence before, between and after what a caller says.
const GAP: usize = samples(1_500);

/// The noise of a quiet line, in dBFS.
const LINE_NOISE: f64 = -65.0;

/// What was heard of all callers under one condition.
pub struct Row {
    /// What is behind the callers.
    pub noise: String,
    /// Their level in dBFS.
    pub level: f64,
    /// How far they stand above the noise, in decibels; none on a quiet line.
    pub snr: Option<f64>,
    utterances: usize,
    missed: usize,
    splits: usize,
    merged: usize,
    onset: Vec<f64>,
    end: Vec<f64>,
    false_starts: usize,
    minutes: f64,
}

/// Hears every voice under every condition.
pub fn measure(cast: &Cast) -> Vec<Row> {
    let levels = [-14.0, -20.0, -26.0, -32.0, -36.0, -40.0];
    let mut rows: Vec<Row> = levels.iter().map(|level| row(cast, None, *level, None)).collect();
    for noise in Noise::ALL {
        for (level, snr) in [(-20.0, 20.0), (-20.0, 10.0), (-20.0, 5.0), (-32.0, 20.0), (-32.0, 10.0)] {
            rows.push(row(cast, Some(noise), level, Some(snr)));
        }
    }
    rows
}

fn row(cast: &Cast, noise: Option<Noise>, level: f64, snr: Option<f64>) -> Row {
    let mut row = Row {
        noise: noise.map_or("none", Noise::name).into(),
        level,
        snr,
        utterances: 0,
        missed: 0,
        splits: 0,
        merged: 0,
        onset: Vec::new(),
        end: Vec::new(),
        false_starts: 0,
        minutes: 0.0,
    };
    for voice in &cast.voices {
        let (mut line, spoken) = conversation(voice, level);
        let behind = match (noise, snr) {
            (Some(noise), Some(snr)) => noise.make(cast, line.len(), level - snr),
            _ => at_level(&Random::new(1).white(line.len()), LINE_NOISE),
        };
        add(&mut line, 0, &behind);
        row.judge(&spoken, &detections(&coded(&line)));
        row.minutes += line.len() as f64 / RATE as f64 / 60.0;
    }
    row
}

/// Everything that a voice says, with silence between, and the true stretches of each utterance.
fn conversation(voice: &Voice, level: f64) -> (Vec<f32>, Vec<Vec<Range<usize>>>) {
    let mut line = vec![0.0; GAP];
    let mut spoken = Vec::new();
    for sentence in &voice.sentences {
        let start = line.len();
        let stretches = truth::stretches(sentence);
        spoken.push(stretches.iter().map(|s| start + s.start..start + s.end).collect());
        line.extend(sentence.iter().map(|sample| sample * gain(level)));
        line.resize(line.len() + GAP, 0.0);
    }
    (line, spoken)
}

/// How far from an utterance a detection still belongs to it, in milliseconds.
const NEAR: f64 = 250.0;

impl Row {
    fn judge(&mut self, spoken: &[Vec<Range<usize>>], heard: &[Detection]) {
        let mut claimed = vec![false; heard.len()];
        for (index, stretches) in spoken.iter().enumerate() {
            let (Some(first), Some(last)) = (stretches.first(), stretches.last()) else { continue };
            let (begin, end) = (at(first.start), at(last.end));
            let next = spoken.get(index + 1).and_then(|next| next.first()).map(|next| at(next.start));
            let matching: Vec<usize> = (0..heard.len())
                .filter(|n| heard[*n].ended >= begin && heard[*n].began <= end + NEAR)
                .collect();
            matching.iter().for_each(|n| claimed[*n] = true);
            self.utterances += 1;
            let (Some(earliest), Some(latest)) = (matching.first(), matching.last()) else {
                self.missed += 1;
                continue;
            };
            self.splits += matching.len().saturating_sub(stretches.len());
            // What began long before is no detection of this utterance.
            if heard[*earliest].noticed >= begin - NEAR {
                self.onset.push(heard[*earliest].noticed - begin);
            }
            if next.is_some_and(|next| heard[*latest].ended >= next) {
                self.merged += 1;
            } else {
                self.end.push(heard[*latest].ended - end);
            }
        }
        self.false_starts += claimed.iter().filter(|claimed| !**claimed).count();
    }

    /// The names of the columns of [`Row::line`].
    pub fn head() -> String {
        format!(
            "{:<8}{:>6}{:>5}{:>7}{:>8}{:>8}{:>8}{:>9}{:>8}{:>8}{:>8}{:>8}{:>11}",
            "noise",
            "dBFS",
            "SNR",
            "spoken",
            "missed",
            "splits",
            "merged",
            "on p50",
            "p95",
            "end p50",
            "p95",
            "worst",
            "false/min"
        )
    }

    /// One line of a table.
    pub fn line(&self) -> String {
        let snr = self.snr.map_or_else(|| "-".into(), |snr| format!("{snr:.0}"));
        format!(
            "{:<8}{:>6.0}{:>5}{:>7}{:>8}{:>8}{:>8}{:>9.0}{:>8.0}{:>8.0}{:>8.0}{:>8.0}{:>11.2}",
            self.noise,
            self.level,
            snr,
            self.utterances,
            self.missed,
            self.splits,
            self.merged,
            quantile(&self.onset, 0.5),
            quantile(&self.onset, 0.95),
            quantile(&self.end, 0.5),
            quantile(&self.end, 0.95),
            quantile(&self.end, 1.0),
            self.false_starts as f64 / self.minutes
        )
    }

    /// The same for machines.
    pub fn json(&self) -> Value {
        json!({
            "noise": self.noise,
            "level_dbfs": self.level,
            "snr_db": self.snr,
            "utterances": self.utterances,
            "missed": self.missed,
            "splits": self.splits,
            "merged": self.merged,
            "onset_delay_ms": {"p50": quantile(&self.onset, 0.5), "p95": quantile(&self.onset, 0.95)},
            "end_lateness_ms": {
                "earliest": quantile(&self.end, 0.0),
                "p50": quantile(&self.end, 0.5),
                "p95": quantile(&self.end, 0.95),
                "worst": quantile(&self.end, 1.0),
            },
            "false_starts_per_minute": self.false_starts as f64 / self.minutes,
        })
    }
}
