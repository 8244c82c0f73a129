//! The caller's audio that no final transcript covers yet: a new stream hears it again.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use speech::SttCommand;

/// Bytes of a second of 8 kHz mu-law.
const BYTES_PER_SECOND: u128 = 8_000;

/// Half a minute; a caller's turn is rarely longer, and what is older is not worth the wait.
const MAX_BYTES: usize = 30 * 8_000;

/// What is kept where the vendor does not say up to where a final goes: words may have
/// begun while it was on its way.
const MARGIN: Duration = Duration::from_millis(500);

/// Audio on its way to becoming words.
#[derive(Debug, Default)]
pub struct Unfinished {
    chunks: VecDeque<Bytes>,
    bytes: usize,
    /// How many bytes of the stream lie before the first chunk.
    passed: u64,
    finalize: bool,
}

impl Unfinished {
    /// Notes what the recogniser is told.
    pub fn note(&mut self, command: &SttCommand) {
        match command {
            SttCommand::Audio(audio) => self.push(audio.clone()),
            SttCommand::Finalize => self.finalize(),
            SttCommand::Close => {}
        }
    }

    /// Notes audio that was sent.
    pub fn push(&mut self, audio: Bytes) {
        self.bytes += audio.len();
        self.chunks.push_back(audio);
        while self.bytes > MAX_BYTES && self.drop_first() {}
    }

    /// Notes that a final of all audio so far was asked for.
    pub fn finalize(&mut self) {
        self.finalize = true;
    }

    /// Notes a final that goes up to `end` of the stream, where that is known.
    pub fn settle(&mut self, end: Option<Duration>) {
        self.finalize = false;
        let sent = self.passed + self.bytes as u64;
        let end = match end {
            Some(end) => bytes(end).min(sent),
            None => sent.saturating_sub(bytes(MARGIN)),
        };
        while self.chunks.front().is_some_and(|first| self.passed + first.len() as u64 <= end)
            && self.drop_first()
        {}
    }

    /// Begins a new stream, which hears first what the old one left unfinished. Returns
    /// that audio, and whether a final of it is wanted.
    pub fn restart(&mut self) -> (Vec<Bytes>, bool) {
        self.passed = 0;
        (self.chunks.iter().cloned().collect(), self.finalize)
    }

    fn drop_first(&mut self) -> bool {
        let Some(first) = self.chunks.pop_front() else { return false };
        self.bytes -= first.len();
        self.passed += first.len() as u64;
        true
    }
}

fn bytes(time: Duration) -> u64 {
    u64::try_from(time.as_micros() * BYTES_PER_SECOND / 1_000_000).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_final_covers_is_not_heard_again() {
        let mut unfinished = filled(100);
        unfinished.settle(Some(Duration::from_millis(1_990)));
        assert_eq!(unfinished.restart().0.len(), 1);
    }

    #[test]
    fn without_an_end_half_a_second_is_kept() {
        let mut unfinished = filled(100);
        unfinished.settle(None);
        assert_eq!(unfinished.restart().0.len(), 25);
    }

    #[test]
    fn a_new_stream_counts_from_what_it_hears_again() {
        let mut unfinished = filled(100);
        unfinished.settle(Some(Duration::from_secs(1)));
        assert_eq!(unfinished.restart().0.len(), 50);
        unfinished.settle(Some(Duration::from_millis(500)));
        assert_eq!(unfinished.restart().0.len(), 25);
    }

    #[test]
    fn a_final_that_was_asked_for_and_did_not_come_is_asked_for_again() {
        let mut unfinished = filled(1);
        unfinished.finalize();
        assert!(unfinished.restart().1);
        unfinished.settle(None);
        assert!(!unfinished.restart().1);
    }

    #[test]
    fn only_half_a_minute_is_kept() {
        assert_eq!(filled(10_000).restart().0.len(), 1_500);
    }

    fn filled(frames: usize) -> Unfinished {
        let mut unfinished = Unfinished::default();
        for _ in 0..frames {
            unfinished.push(Bytes::from_static(&[0xFF; 160]));
        }
        unfinished
    }
}
