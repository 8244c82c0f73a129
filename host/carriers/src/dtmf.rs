//! Keys that the caller presses, and keys that are reported twice.

use std::collections::VecDeque;
use std::time::Duration;

use crate::Error;

/// How long one report of a key press may lag behind another: webhooks are sent at once, but answered within seconds and
/// repeated when they are not.
pub const DEFAULT_LAG: Duration = Duration::from_secs(2);

/// Presses remembered at once. Nobody presses keys faster than ten a second, so this is more than [`DEFAULT_LAG`].
const REMEMBERED: usize = 32;

/// By which way a key press was reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Path {
    /// A `dtmf` message on the media socket.
    Stream,
    /// A webhook, such as Telnyx's `call.dtmf.received`.
    Webhook,
    /// Tones heard in the audio.
    Audio,
}

/// Counts a key press once that is reported by more than one path.
///
/// A report belongs to an earlier one of the same key where that came by another path at most the lag ago and was not
/// reported by this path yet; so a key that is pressed twice counts twice, however its four reports are mixed.
///
/// ```
/// use std::time::Duration;
/// use carriers::dtmf::{Deduplicator, Path};
///
/// let mut keys = Deduplicator::default();
/// assert!(keys.report('5', Path::Stream, Duration::from_millis(1000)));
/// assert!(!keys.report('5', Path::Webhook, Duration::from_millis(1300)));
/// assert!(keys.report('5', Path::Stream, Duration::from_millis(1400)));
/// ```
#[derive(Debug)]
pub struct Deduplicator {
    lag: Duration,
    presses: VecDeque<Press>,
}

#[derive(Debug)]
struct Press {
    digit: char,
    at: Duration,
    reported_by: u8,
}

impl Deduplicator {
    /// Creates one for reports that lag behind each other by at most `lag`.
    #[must_use]
    pub fn new(lag: Duration) -> Self {
        Self { lag, presses: VecDeque::with_capacity(REMEMBERED) }
    }

    /// Whether this report is of a press that was not counted yet. `at` is when it was pressed, or reported where that is
    /// not known, from any fixed beginning.
    pub fn report(&mut self, digit: char, path: Path, at: Duration) -> bool {
        let path = 1 << path as u8;
        let known = self.presses.iter_mut().find(|press| {
            press.digit == digit && press.reported_by & path == 0 && press.at.abs_diff(at) <= self.lag
        });
        if let Some(press) = known {
            press.reported_by |= path;
            return false;
        }
        if self.presses.len() >= REMEMBERED {
            self.presses.pop_front();
        }
        self.presses.push_back(Press { digit, at, reported_by: path });
        true
    }
}

impl Default for Deduplicator {
    fn default() -> Self {
        Self::new(DEFAULT_LAG)
    }
}

/// Reads the one key of a `dtmf` message: 0-9, A-D, `*` or `#`.
pub(crate) fn digit(text: &str) -> Result<char, Error> {
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        (Some(digit @ ('0'..='9' | 'A'..='D' | '*' | '#')), None) => Ok(digit),
        _ => Err(Error::BadDigit),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PATHS: [Path; 3] = [Path::Stream, Path::Webhook, Path::Audio];

    #[test]
    fn a_press_reported_by_three_paths_counts_once_in_any_order() {
        for first in 0..3 {
            let mut keys = Deduplicator::default();
            let counted: Vec<bool> = (0..3)
                .map(|step| keys.report('7', PATHS[(first + step) % 3], ms(100 * step as u64)))
                .collect();
            assert_eq!(counted, [true, false, false]);
        }
    }

    #[test]
    fn other_keys_and_later_presses_count() {
        let mut keys = Deduplicator::new(ms(500));
        assert!(keys.report('1', Path::Stream, ms(0)));
        assert!(keys.report('2', Path::Webhook, ms(10)));
        assert!(keys.report('1', Path::Webhook, ms(501)));
    }

    #[test]
    fn a_report_may_be_of_an_earlier_time_than_the_one_before_it() {
        let mut keys = Deduplicator::new(ms(500));
        assert!(keys.report('1', Path::Webhook, ms(900)));
        assert!(!keys.report('1', Path::Stream, ms(500)));
    }

    proptest! {
        #[test]
        fn presses_that_come_by_both_paths_count_once_however_they_are_mixed(
            digits in "[0-9]{1,12}",
            stream_first in proptest::collection::vec(any::<bool>(), 24),
        ) {
            let digits: Vec<char> = digits.chars().collect();
            let mut keys = Deduplicator::default();
            let (mut counted, mut stream, mut webhook) = (Vec::new(), 0, 0);
            let mut choices = stream_first.into_iter();
            while stream < digits.len() || webhook < digits.len() {
                let from_stream = webhook >= digits.len()
                    || (stream < digits.len() && choices.next().unwrap_or_default());
                let (path, next) =
                    if from_stream { (Path::Stream, &mut stream) } else { (Path::Webhook, &mut webhook) };
                if keys.report(digits[*next], path, ms(100 * *next as u64)) {
                    counted.push(digits[*next]);
                }
                *next += 1;
            }
            prop_assert_eq!(counted.iter().collect::<String>(), digits.iter().collect::<String>());
        }

        #[test]
        fn what_is_remembered_is_bounded(reports in proptest::collection::vec((0_u8..10, any::<u32>()), 0..200)) {
            let mut keys = Deduplicator::default();
            for (digit, at) in reports {
                keys.report(char::from(b'0' + digit), Path::Stream, ms(at.into()));
                prop_assert!(keys.presses.len() <= REMEMBERED);
            }
        }
    }

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }
}
