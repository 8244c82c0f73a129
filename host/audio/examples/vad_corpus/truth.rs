//! Where speech truly begins and ends.
//!
//! The rule, on the clean recording, before noise, level and coding: a block of 10 ms is speech where its root mean
//! square is within 30 dB of the recording's loudest block. Islands shorter than 30 ms are none. Gaps of up to 200 ms,
//! the silence that stops speech in the call core, belong to the speech around them; a longer one makes two stretches.

use std::ops::Range;

use crate::sound::{gain, rms, samples};

const BLOCK: usize = samples(10);
const RANGE: f64 = -30.0;
const ISLAND: usize = samples(30);
const BRIDGED: usize = samples(200);

/// The stretches of speech in a clean recording, in samples, in order.
pub fn stretches(clean: &[f32]) -> Vec<Range<usize>> {
    let loudness: Vec<f32> = clean.chunks(BLOCK).map(rms).collect();
    let loudest = loudness.iter().copied().fold(0.0, f32::max);
    let mut found: Vec<Range<usize>> = Vec::new();
    for (index, _) in loudness.iter().enumerate().filter(|(_, level)| **level >= loudest * gain(RANGE)) {
        let start = index * BLOCK;
        match found.last_mut() {
            Some(last) if last.end == start => last.end = start + BLOCK,
            _ => found.push(start..start + BLOCK),
        }
    }
    found.retain(|stretch| stretch.len() >= ISLAND);
    let mut joined: Vec<Range<usize>> = Vec::new();
    for stretch in found {
        match joined.last_mut() {
            Some(last) if stretch.start - last.end <= BRIDGED => last.end = stretch.end,
            _ => joined.push(stretch),
        }
    }
    joined
}

/// Root mean square over the stretches: the level of a voice without its pauses.
pub fn active_level(clean: &[f32]) -> f32 {
    let spoken: Vec<f32> = stretches(clean).into_iter().flat_map(|stretch| clean[stretch].to_vec()).collect();
    rms(&spoken)
}
