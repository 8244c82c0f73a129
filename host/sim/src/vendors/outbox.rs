//! Messages on their way out of a vendor, each at its time.

use std::collections::VecDeque;
use std::time::Duration;

use axum::extract::ws::Message;
use tokio::time::Instant;

use crate::server::Schedule;

/// The most messages that wait for a slow reader; one that is further behind than this is cut off.
const MOST: usize = 20_000;

/// Messages in order, each with the earliest time at which it may leave.
#[derive(Debug)]
pub(super) struct Outbox {
    waiting: VecDeque<(Instant, Message)>,
    schedule: Schedule,
    first: bool,
    held_until: Option<Instant>,
}

impl Outbox {
    pub(super) fn new(schedule: Schedule) -> Self {
        Self { waiting: VecDeque::new(), schedule, first: true, held_until: None }
    }

    /// Queues `message` to leave in `delay`, after all that are queued already. False when the queue is full.
    #[must_use]
    pub(super) fn push(&mut self, delay: Duration, message: Message) -> bool {
        let mut at = Instant::now() + delay;
        if std::mem::take(&mut self.first) {
            self.held_until = Some(at + self.schedule.first_byte_delay());
        }
        at = self.held_until.map_or(at, |held| at.max(held));
        at = self.waiting.back().map_or(at, |(before, _)| at.max(*before));
        self.waiting.push_back((at, message));
        self.waiting.len() <= MOST
    }

    /// Queues a JSON message.
    #[must_use]
    pub(super) fn push_json(&mut self, delay: Duration, value: &serde_json::Value) -> bool {
        self.push(delay, Message::Text(value.to_string().into()))
    }

    /// The next message, when it is due. Never, while nothing waits or the vendor has stalled.
    pub(super) async fn next(&mut self) -> Message {
        loop {
            let Some((at, _)) = self.waiting.front() else { return std::future::pending().await };
            tokio::time::sleep_until(*at).await;
            if self.schedule.stalled() {
                return std::future::pending().await;
            }
            if let Some((_, message)) = self.waiting.pop_front() {
                return message;
            }
        }
    }

    /// All messages that still wait, regardless of their time, unless the vendor has stalled.
    pub(super) fn drain(&mut self) -> Vec<Message> {
        let waiting = std::mem::take(&mut self.waiting);
        if self.schedule.stalled() {
            Vec::new()
        } else {
            waiting.into_iter().map(|(_, message)| message).collect()
        }
    }
}
