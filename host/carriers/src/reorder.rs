//! Puts audio in order that arrives out of order.
//!
//! Telnyx does not promise the order of media messages, and asks its clients to order them by chunk number. [`Window`]
//! holds what came too early until what is missing arrives, or is given up.

use std::collections::VecDeque;
use std::time::Duration;

/// The most chunks that a window can hold: a second at 20 ms each, which no conversation bears anyway.
pub const MAX_CHUNKS: usize = 50;

/// Rejected chunks in a row, each of a higher number than the one before, after which the carrier is taken to count anew:
/// a second at 20 ms each. Without that, one number far too high would silence the track for good.
const RENUMBERED: u32 = 50;

/// How long to wait for what is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Chunks held before the oldest gap is given up; 1 waits for nothing. Taken as 1 to [`MAX_CHUNKS`].
    pub chunks: usize,
    /// The longest that a chunk is held, and the most media time that a held chunk may be ahead of the last one given
    /// out.
    pub max_delay: Duration,
}

impl Default for Settings {
    /// Five chunks or 100 ms: what a call can bear on top of its other latency.
    fn default() -> Self {
        Self { chunks: 5, max_delay: Duration::from_millis(100) }
    }
}

/// One piece of audio of one track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Its number within the track, in steps of one.
    pub number: u64,
    /// Where it begins in the stream.
    pub timestamp: Duration,
    /// Its audio.
    pub payload: Vec<u8>,
}

/// A chunk that the window does not want, given back so that its buffer can be used again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Why.
    pub reason: Rejection,
    /// The chunk.
    pub chunk: Chunk,
}

/// Why a chunk is not wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejection {
    /// It is held, or was given out.
    Duplicate,
    /// What comes after it was given out.
    Late,
    /// The window is full: [`Window::pop`] was not called until it returned nothing.
    Full,
}

/// Orders the chunks of one track.
///
/// Chunks come out in the order of their numbers. Only where the carrier begins to count anew, which shows in a second of
/// audio with numbers that are all too low, does the order begin anew too.
///
/// Give it each chunk with [`push`](Self::push), then take what is due with [`pop`](Self::pop) until there is nothing;
/// do so again at [`deadline`](Self::deadline) where no chunk comes before that.
///
/// ```
/// use std::time::Duration;
/// use carriers::reorder::{Chunk, Settings, Window};
///
/// let chunk = |number| Chunk { number, timestamp: Duration::from_millis(20 * number), payload: vec![0xFF; 160] };
/// let mut window = Window::new(Settings::default());
/// let mut order = Vec::new();
/// for (number, now) in [(1, 0), (3, 20), (2, 40)] {
///     let now = Duration::from_millis(now);
///     window.push(chunk(number), now).unwrap();
///     while let Some(chunk) = window.pop(now) {
///         order.push(chunk.number);
///     }
/// }
/// assert_eq!(order, [1, 2, 3]);
/// ```
#[derive(Debug)]
pub struct Window {
    settings: Settings,
    held: VecDeque<Held>,
    given: Option<Given>,
    closed: bool,
    lost: u64,
    late: u64,
    duplicates: u64,
    /// How many chunks were rejected in a row with rising numbers, and the last such number.
    rising: (u32, u64),
}

#[derive(Debug)]
struct Held {
    chunk: Chunk,
    arrived: Duration,
}

/// The last chunk given out.
#[derive(Debug)]
struct Given {
    number: u64,
    timestamp: Duration,
    /// Bit `n` says that the chunk `number - n` was given out.
    before: u64,
}

impl Window {
    /// Creates the window of a track of which nothing has arrived.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let settings = Settings { chunks: settings.chunks.clamp(1, MAX_CHUNKS), ..settings };
        Self {
            settings,
            held: VecDeque::with_capacity(settings.chunks),
            given: None,
            closed: false,
            lost: 0,
            late: 0,
            duplicates: 0,
            rising: (0, 0),
        }
    }

    /// Takes a chunk that arrived at `now`.
    ///
    /// # Errors
    /// Where it comes twice, or after what follows it was given out, or where what is due was not taken.
    pub fn push(&mut self, chunk: Chunk, now: Duration) -> Result<(), Rejected> {
        if let Some(reason) = self.past(chunk.number)
            && !self.counts_anew(chunk.number)
        {
            return Err(self.reject(reason, chunk));
        }
        let place = self.held.partition_point(|held| held.chunk.number < chunk.number);
        if self.held.get(place).is_some_and(|held| held.chunk.number == chunk.number) {
            return Err(self.reject(Rejection::Duplicate, chunk));
        }
        if self.held.len() >= self.settings.chunks {
            return Err(self.reject(Rejection::Full, chunk));
        }
        self.held.insert(place, Held { chunk, arrived: now });
        self.rising = (0, 0);
        Ok(())
    }

    /// The next chunk, where it is its turn at `now`.
    pub fn pop(&mut self, now: Duration) -> Option<Chunk> {
        let number = self.held.front()?.chunk.number;
        let skipped = self.skipped(number);
        if skipped != Some(0) {
            if !self.gives_up(now) {
                return None;
            }
            self.lost = self.lost.saturating_add(skipped.unwrap_or_default());
        }
        let chunk = self.held.pop_front()?.chunk;
        self.given = Some(Given {
            number,
            timestamp: chunk.timestamp,
            before: self.given.as_ref().map_or(1, |given| shift(given.before, number - given.number) | 1),
        });
        Some(chunk)
    }

    /// When what is missing is given up at the latest; `None` where nothing is held.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        let first = self.held.iter().map(|held| held.arrived).min()?;
        Some(first.saturating_add(self.settings.max_delay))
    }

    /// Waits for nothing from now on: the track is over.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// Chunks that were given up. Some of them may have come late, see [`Self::late`].
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Chunks that came after they were given up, or before the first one given out.
    #[must_use]
    pub fn late(&self) -> u64 {
        self.late
    }

    /// Chunks that came more than once.
    #[must_use]
    pub fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// Why a chunk of this number cannot be given out any more.
    fn past(&self, number: u64) -> Option<Rejection> {
        let given = self.given.as_ref()?;
        let age = given.number.checked_sub(number)?;
        let was_given = age < u64::from(u64::BITS) && given.before & (1 << age) != 0;
        Some(if was_given { Rejection::Duplicate } else { Rejection::Late })
    }

    /// Whether the carrier counts anew, as of this number, which is too low; then so does the window.
    fn counts_anew(&mut self, number: u64) -> bool {
        let (count, last) = self.rising;
        self.rising = (if number > last { count + 1 } else { 1 }, number);
        if self.rising.0 < RENUMBERED {
            return false;
        }
        self.lost = self.lost.saturating_add(self.held.len() as u64);
        self.held.clear();
        self.given = None;
        true
    }

    fn reject(&mut self, reason: Rejection, chunk: Chunk) -> Rejected {
        match reason {
            Rejection::Duplicate => self.duplicates = self.duplicates.saturating_add(1),
            Rejection::Late => self.late = self.late.saturating_add(1),
            // Its number is counted as lost when the gap that it leaves is given up.
            Rejection::Full => {}
        }
        Rejected { reason, chunk }
    }

    /// How many chunks are missing before this one; `None` where the track's beginning may be missing.
    fn skipped(&self, number: u64) -> Option<u64> {
        match &self.given {
            Some(given) => Some((number - given.number).saturating_sub(1)),
            None => (number <= 1).then_some(0),
        }
    }

    fn gives_up(&self, now: Duration) -> bool {
        let full = self.held.len() >= self.settings.chunks;
        let waited = self.deadline().is_some_and(|deadline| now >= deadline);
        self.closed || full || waited || self.ahead() > self.settings.max_delay
    }

    /// The media time from the last chunk given out to the newest one held.
    fn ahead(&self) -> Duration {
        let held = |held: &Held| held.chunk.timestamp;
        let oldest = self.given.as_ref().map(|given| given.timestamp).or(self.held.front().map(held));
        let newest = self.held.back().map(held);
        newest.unwrap_or_default().saturating_sub(oldest.unwrap_or_default())
    }
}

fn shift(bits: u64, step: u64) -> u64 {
    u32::try_from(step).ok().and_then(|step| bits.checked_shl(step)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
