//! Outgoing audio: queued per turn, paced, marked, and accounted for.
//!
//! Positions are bytes of the turn's audio. What the caller has heard is the
//! larger of what the carrier's marks acknowledge and what must have been played
//! by the clock, less the delay that the marks have shown so far.

mod spans;

use std::collections::VecDeque;
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use spans::Spans;

use crate::pace::{FRAME, FRAME_MICROS, Pace};
use crate::{CallTime, MarkName, TurnId};

/// What is to go to the carrier next.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Transmit {
    Audio(Bytes),
    Mark(MarkName),
}

/// The audio of the turn that is spoken.
#[derive(Clone, Debug)]
pub(crate) struct Playout {
    pace: Pace,
    turn: TurnId,
    chunks: VecDeque<Chunk>,
    received: u64,
    complete: bool,
    next: u64,
    held: bool,
    spans: Spans,
    dry_at: CallTime,
    in_carrier: bool,
    marks: VecDeque<(MarkName, u64)>,
    n_marks: u32,
    marked: Option<u64>,
    sending_from: u64,
    clause_ends: Vec<u64>,
    acknowledged: u64,
    floor: u64,
    lag: Duration,
    /// Where the words that count begin, behind a filler; the end of time while that is
    /// not known.
    words_at: u64,
    /// Since when they are heard, by the first mark behind their beginning.
    heard_since: Option<CallTime>,
    start_missed: bool,
}

#[derive(Clone, Debug)]
struct Chunk {
    start: u64,
    data: Bytes,
}

impl Chunk {
    fn end(&self) -> u64 {
        self.start + self.data.len() as u64
    }
}

impl Playout {
    pub(crate) fn new(pace: Pace) -> Self {
        Self {
            pace,
            turn: TurnId::default(),
            chunks: VecDeque::new(),
            received: 0,
            complete: true,
            next: 0,
            held: false,
            spans: Spans::new(pace),
            dry_at: CallTime::ZERO,
            in_carrier: false,
            marks: VecDeque::new(),
            n_marks: 0,
            marked: None,
            sending_from: 0,
            clause_ends: Vec::new(),
            acknowledged: 0,
            floor: 0,
            lag: FIRST_LAG,
            words_at: 0,
            heard_since: None,
            start_missed: false,
        }
    }

    /// Starts a new turn with nothing in it. What is known of the carrier stays.
    pub(crate) fn begin(&mut self, turn: TurnId) {
        *self = Self {
            turn,
            complete: false,
            dry_at: self.dry_at,
            in_carrier: self.in_carrier,
            lag: self.lag,
            ..Self::new(self.pace)
        };
    }

    /// Queues audio. What exceeds the bound of a turn is dropped.
    pub(crate) fn push(&mut self, data: Bytes) {
        let room = MAX_QUEUED.saturating_sub(self.received.saturating_sub(self.floor));
        let keep = usize::try_from(room).unwrap_or(usize::MAX).min(data.len());
        let data = data.slice(..keep);
        if self.complete || data.is_empty() {
            return;
        }
        let start = self.received;
        self.received += data.len() as u64;
        self.chunks.push_back(Chunk { start, data });
    }

    /// Notes that a clause's audio ends with what has come so far.
    pub(crate) fn end_clause(&mut self) {
        self.clause_ends.push(self.received);
    }

    /// Notes that all audio of the turn has come.
    pub(crate) fn end_turn(&mut self) {
        self.complete = true;
    }

    /// Drops audio that came after `position` and was not sent.
    pub(crate) fn truncate(&mut self, position: u64) {
        let end = position.max(self.next);
        while let Some(chunk) = self.chunks.back_mut() {
            if chunk.start >= end {
                self.chunks.pop_back();
                continue;
            }
            chunk.data.truncate(usize::try_from(end - chunk.start).unwrap_or(usize::MAX));
            break;
        }
        self.received = self.received.min(end);
    }

    /// What has come so far.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// What of it has gone to the carrier.
    pub(crate) fn sent(&self) -> u64 {
        self.next
    }

    /// Notes where the words begin that the caller waits for: behind `position` of the
    /// turn's audio, `None` while that is not known.
    pub(crate) fn words_begin(&mut self, position: Option<u64>) {
        self.words_at = position.unwrap_or(u64::MAX);
    }

    /// Since when the caller hears the turn, by the first mark that came back; the way back
    /// of the mark is in it. `None` where no mark tells.
    pub(crate) fn heard_since(&self) -> Option<CallTime> {
        self.heard_since
    }

    /// Whether anything of the turn went to the carrier.
    pub(crate) fn started(&self) -> bool {
        self.next > 0 || self.floor > 0
    }

    /// Whether all audio of the turn has come.
    pub(crate) fn complete(&self) -> bool {
        self.complete
    }

    /// Whether nothing may be sent at the moment.
    pub(crate) fn held(&self) -> bool {
        self.held
    }

    /// Whether the carrier may hold audio that is not known to be played.
    pub(crate) fn in_carrier(&self) -> bool {
        self.in_carrier
    }

    /// Whether all audio of the turn has come and gone to the carrier.
    pub(crate) fn all_sent(&self) -> bool {
        self.complete && self.next == self.received
    }

    /// Whether all that was sent has been played, by the carrier's word.
    pub(crate) fn all_played(&self) -> bool {
        self.acknowledged >= self.next && self.received.saturating_sub(self.next) < self.sendable_from()
    }

    /// When the carrier's buffer runs dry, by estimate.
    pub(crate) fn dry_at(&self) -> CallTime {
        self.dry_at
    }

    /// When all audio that has come is played, by estimate.
    pub(crate) fn ends_at(&self, now: CallTime) -> CallTime {
        self.dry_at.max(now) + self.pace.time(self.received.saturating_sub(self.next))
    }

    /// Whether the agent may be heard at `now`, or its echo.
    pub(crate) fn audible(&self, now: CallTime) -> bool {
        self.in_carrier && now < self.dry_at + self.lag + ECHO_TAIL
    }

    /// What goes to the carrier next, if anything does at `now`.
    pub(crate) fn poll(&mut self, now: CallTime) -> Option<Transmit> {
        if self.held {
            return None;
        }
        if self.mark_is_due() {
            return Some(Transmit::Mark(self.place_mark()));
        }
        let frames = self.frames_to_send(now)?;
        let payload = self.take(frames);
        self.account(now, payload.len() as u64);
        Some(Transmit::Audio(payload))
    }

    /// When more can be sent, where something is left to send.
    pub(crate) fn wake_at(&self) -> Option<CallTime> {
        let wanted = u32::try_from(self.frames_wanted()?.min(REFILL)).unwrap_or(1);
        (!self.held).then(|| (self.dry_at + FRAME * wanted).saturating_sub(self.pace.lead))
    }

    /// Takes a mark that came back.
    pub(crate) fn acknowledge(&mut self, now: CallTime, name: &MarkName) {
        let Some(index) = self.marks.iter().position(|(sent, _)| sent == name) else {
            return;
        };
        let Some((_, position)) = self.marks.drain(..=index).next_back() else {
            return;
        };
        // Keeps what was heard monotone when the delay turns out to be longer.
        self.floor = self.heard(now);
        let played_at = self.spans.played_at(position);
        let by_clock = self.spans.by_clock(now + FRAME);
        if position <= by_clock {
            self.lag = now.saturating_sub(played_at).min(MAX_LAG);
            self.note_start(position, now.saturating_sub(played_at));
        }
        // A mark that is back before its audio can have been played proves nothing.
        self.acknowledged = self.acknowledged.max(position.min(by_clock));
        self.floor = self.floor.max(self.acknowledged);
        self.forget_heard();
    }

    /// Takes all that was sent for played, by the clock's word.
    pub(crate) fn assume_played(&mut self) {
        self.acknowledged = self.acknowledged.max(self.next);
        self.floor = self.floor.max(self.next);
        self.in_carrier = false;
    }

    /// What the caller has heard at `now`.
    pub(crate) fn heard(&self, now: CallTime) -> u64 {
        self.floor.max(self.spans.by_clock(now.saturating_sub(self.lag)))
    }

    /// Stops sending and forgets marks and estimates; what was heard stays. Returns
    /// whether the carrier may hold audio, so that it must be cleared.
    pub(crate) fn cut(&mut self, now: CallTime) -> bool {
        self.held = true;
        self.floor = self.heard(now);
        self.spans.clear();
        self.marks.clear();
        let clear = std::mem::take(&mut self.in_carrier);
        if clear {
            // What is not cleared is played: a mark may have come a frame early.
            self.dry_at = now;
        }
        clear
    }

    /// Goes on from `position`, after a cut, or where it was held before anything
    /// was sent.
    pub(crate) fn resume(&mut self, position: u64) {
        let first = self.chunks.front().map_or(self.next, |chunk| chunk.start);
        self.held = false;
        self.start_missed |= self.floor > self.words_at;
        self.next = position.clamp(first.min(self.next), self.next);
        self.sending_from = self.next;
        // What lies before was heard, and the cut has forgotten the marks that would say so.
        self.acknowledged = self.acknowledged.max(self.next);
        self.marked = None;
    }

    /// The first mark behind the beginning tells when it was heard: its delay after the
    /// first audio. After a cut nothing does, if some had been heard before.
    fn note_start(&mut self, position: u64, delay: Duration) {
        if position > self.words_at && self.heard_since.is_none() && !self.start_missed {
            self.heard_since = self.spans.starts_at(self.words_at).map(|at| at + delay);
        }
    }

    fn mark_is_due(&self) -> bool {
        let last = self.marked.unwrap_or(self.sending_from);
        self.next > last
            && (self.marked.is_none()
                || self.next - last >= self.pace.bytes(self.pace.mark_every)
                || self.clause_ends.iter().any(|end| (last + 1..=self.next).contains(end))
                || self.all_sent())
    }

    fn place_mark(&mut self) -> MarkName {
        let name = MarkName(format!("t{}-{}", self.turn, self.n_marks));
        self.n_marks += 1;
        self.marked = Some(self.next);
        self.marks.push_back((name.clone(), self.next));
        if self.marks.len() > MAX_MARKS {
            self.marks.pop_front();
        }
        name
    }

    /// The frames that wait, a last partial one included.
    fn frames_wanted(&self) -> Option<u64> {
        let waiting = self.received.saturating_sub(self.next);
        (waiting >= self.sendable_from()).then(|| (waiting / self.pace.frame_bytes).max(1))
    }

    fn sendable_from(&self) -> u64 {
        if self.complete { 1 } else { self.pace.frame_bytes }
    }

    fn frames_to_send(&self, now: CallTime) -> Option<u64> {
        let wanted = self.frames_wanted()?;
        let room = self.pace.lead.saturating_sub(self.dry_at.saturating_sub(now));
        let room = u64::try_from(room.as_micros()).unwrap_or(0) / FRAME_MICROS;
        if room < wanted.min(REFILL) {
            return None;
        }
        let Some(last) = self.marked else { return Some(1) };
        let by_time = last + self.pace.bytes(self.pace.mark_every);
        let by_clause = self.clause_ends.iter().copied().filter(|end| *end > self.next).min();
        let stop = by_clause.map_or(by_time, |end| end.min(by_time));
        let to_stop = stop.saturating_sub(self.next).div_ceil(self.pace.frame_bytes).max(1);
        Some(wanted.min(room).min(to_stop))
    }

    /// Takes whole frames, as a slice of the chunk that is next; where they cross chunks
    /// or end the turn, they are put together.
    fn take(&mut self, frames: u64) -> Bytes {
        let length = usize::try_from(frames * self.pace.frame_bytes).unwrap_or(0);
        let index = self.chunks.partition_point(|chunk| chunk.end() <= self.next);
        let mut chunks = self.chunks.range(index.min(self.chunks.len())..);
        let Some(first) = chunks.next() else { return Bytes::new() };
        let from = usize::try_from(self.next - first.start).unwrap_or(0);
        let first = first.data.slice(from.min(first.data.len())..);
        if first.len() >= length {
            return first.slice(..length);
        }
        let mut payload = BytesMut::with_capacity(length);
        payload.extend_from_slice(&first);
        for chunk in chunks {
            let missing = length - payload.len();
            payload.extend_from_slice(chunk.data.get(..missing).unwrap_or(&chunk.data));
        }
        payload.resize(length, self.pace.silence);
        payload.freeze()
    }

    fn account(&mut self, now: CallTime, payload: u64) {
        let from = self.next;
        let to = (from + payload).min(self.received);
        let at = self.dry_at.max(now);
        self.next = to;
        self.dry_at = at + self.pace.time(payload);
        self.in_carrier = true;
        self.spans.push(from, to, at);
    }

    /// Frees audio that will not be needed again, not even to repeat a word.
    fn forget_heard(&mut self) {
        let needed = self.floor.saturating_sub(self.pace.bytes(KEEP));
        while self.chunks.front().is_some_and(|chunk| chunk.end() <= needed) {
            self.chunks.pop_front();
        }
    }
}

/// The carrier is fed three frames at a time: a third of the wake-ups and messages
/// of single frames, and no later heard, because the lead is longer.
const REFILL: u64 = 3;
/// Until the first mark is back: a leg to the carrier and its jitter buffer.
const FIRST_LAG: Duration = Duration::from_millis(100);
/// A mark later than this is not the network's.
const MAX_LAG: Duration = Duration::from_secs(1);
/// Echo outlives the audio by this much (streamcore's echo guard).
const ECHO_TAIL: Duration = Duration::from_millis(300);
/// How much heard audio is kept, so that a clause can be repeated from its first
/// unheard word.
const KEEP: Duration = Duration::from_secs(5);
/// Five minutes of 8 kHz audio, longer than any answer.
const MAX_QUEUED: u64 = 5 * 60 * 8_000;
/// A mark every 500 ms for five minutes.
const MAX_MARKS: usize = 600;

#[cfg(test)]
mod tests;
