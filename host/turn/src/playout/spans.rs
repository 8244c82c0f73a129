//! When the carrier plays what, by estimate.

use std::collections::VecDeque;

use crate::CallTime;
use crate::pace::Pace;

/// Stretches of a turn's audio that the carrier plays without a gap.
#[derive(Clone, Debug)]
pub(super) struct Spans {
    pace: Pace,
    spans: VecDeque<Span>,
}

#[derive(Clone, Copy, Debug)]
struct Span {
    from: u64,
    to: u64,
    at: CallTime,
}

impl Spans {
    pub(super) fn new(pace: Pace) -> Self {
        Self { pace, spans: VecDeque::new() }
    }

    /// Audio was sent that is played from `at` on.
    pub(super) fn push(&mut self, from: u64, to: u64, at: CallTime) {
        match self.spans.back_mut() {
            Some(span) if span.to == from && span.at + self.pace.time(span.to - span.from) == at => {
                span.to = to;
            }
            _ => self.spans.push_back(Span { from, to, at }),
        }
        if self.spans.len() > MAX_SPANS {
            self.spans.pop_front();
        }
    }

    pub(super) fn clear(&mut self) {
        self.spans.clear();
    }

    /// When the audio behind `position` begins to be played, while that is known.
    pub(super) fn starts_at(&self, position: u64) -> Option<CallTime> {
        let span = self.spans.iter().find(|span| (span.from..span.to).contains(&position))?;
        Some(span.at + self.pace.time(position - span.from))
    }

    /// What would be played at `now` were there no delay at all.
    pub(super) fn by_clock(&self, now: CallTime) -> u64 {
        let playing = self.spans.iter().rev().find(|span| span.at <= now);
        playing.map_or(0, |span| span.to.min(span.from + self.pace.bytes(now - span.at)))
    }

    /// When the audio up to `position` would have been played were there no delay.
    pub(super) fn played_at(&self, position: u64) -> CallTime {
        let span = self.spans.iter().find(|span| span.to >= position).or(self.spans.back());
        span.map_or(CallTime::ZERO, |span| span.at + self.pace.time(position.saturating_sub(span.from)))
    }
}

/// Gaps of a synthesiser that is slower than speech; older ones are played.
const MAX_SPANS: usize = 64;
