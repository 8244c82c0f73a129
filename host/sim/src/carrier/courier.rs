//! Status callbacks, sent in order beside the call.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::Desk;
use super::shared::Shared;
use super::webhook::fields;

/// How many callbacks may wait: a call has four.
const WAITING: usize = 8;

/// A change that the platform is told of.
#[derive(Debug)]
struct Change {
    status: &'static str,
    duration: Option<Duration>,
}

/// Sends the callbacks of one call.
#[derive(Debug)]
pub(super) struct Status {
    changes: mpsc::Sender<Change>,
    task: JoinHandle<()>,
}

impl Status {
    pub(super) fn new(desk: Arc<Desk>, sid: &str, from: &str, to: &str, shared: Arc<Shared>) -> Self {
        let (changes, inbox) = mpsc::channel(WAITING);
        let [sid, from, to] = [sid, from, to].map(str::to_owned);
        let task = tokio::spawn(post_all(desk, sid, from, to, shared, inbox));
        Self { changes, task }
    }

    /// Tells of a status; `duration` at the end only.
    pub(super) async fn tell(&self, status: &'static str, duration: Option<Duration>) {
        // The task ends after this does.
        let _queued = self.changes.send(Change { status, duration }).await;
    }

    /// Waits until all were sent.
    pub(super) async fn finish(self) {
        drop(self.changes);
        // It cannot be aborted, and a panic in it shows in its own output.
        let _done = self.task.await;
    }
}

async fn post_all(
    desk: Arc<Desk>,
    sid: String,
    from: String,
    to: String,
    shared: Arc<Shared>,
    mut changes: mpsc::Receiver<Change>,
) {
    let mut sequence = 0_u32;
    while let Some(change) = changes.recv().await {
        let Some(url) = &desk.config.status_url else { continue };
        let mut form = fields(&desk.config, &sid, &from, &to, change.status);
        let mut add = |name: &str, value: String| form.push((name.to_owned(), value));
        add("SequenceNumber", sequence.to_string());
        add("CallbackSource", "call-progress-events".into());
        add(
            "Timestamp",
            jiff::Zoned::now()
                .with_time_zone(jiff::tz::TimeZone::UTC)
                .strftime("%a, %d %b %Y %H:%M:%S +0000")
                .to_string(),
        );
        if let Some(duration) = change.duration {
            add("CallDuration", duration.as_secs().to_string());
            add("Duration", duration.as_secs().div_ceil(60).to_string());
            add("SipResponseCode", "200".into());
        }
        if let Err(error) = desk.post(url, &form).await {
            shared.problem(format!("the status callback `{}` failed: {error}", change.status));
        }
        sequence += 1;
    }
}
