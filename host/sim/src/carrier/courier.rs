//! Webhooks that no call waits for, sent in order beside the call.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};

use super::desk::Desk;
use super::shared::Shared;
use super::webhook::Callback;
use super::webhook_faults::{Trouble, Webhook};

/// How many may wait: a call has four, and those of its recordings and conferences.
const WAITING: usize = 64;

/// How long one is held back for another to overtake it.
const HELD: Duration = Duration::from_secs(5);

/// A webhook to deliver.
#[derive(Clone, Debug)]
pub(super) struct Parcel {
    pub(super) kind: Webhook,
    pub(super) to: Callback,
    pub(super) form: Vec<(String, String)>,
}

#[derive(Debug)]
enum Errand {
    Deliver(Parcel),
    Finish(oneshot::Sender<()>),
}

/// Delivers the webhooks of one leg.
#[derive(Clone, Debug)]
pub(super) struct Courier(mpsc::Sender<Errand>);

/// A courier that has not set out.
pub(super) struct Route(mpsc::Receiver<Errand>);

impl Courier {
    pub(super) fn new() -> (Self, Route) {
        let (errands, inbox) = mpsc::channel(WAITING);
        (Self(errands), Route(inbox))
    }

    /// Queues a webhook.
    pub(super) async fn send(&self, parcel: Parcel) {
        // It ends after the carrier only.
        let _queued = self.0.send(Errand::Deliver(parcel)).await;
    }

    /// Waits until all that were queued have been delivered, except those that are late.
    pub(super) async fn finish(&self) {
        let (done, finished) = oneshot::channel();
        if self.0.send(Errand::Finish(done)).await.is_ok() {
            // An error is the end of the carrier.
            let _finished = finished.await;
        }
    }
}

impl Route {
    /// Delivers until the carrier ends.
    pub(super) async fn run(mut self, desk: Arc<Desk>, shared: Arc<Shared>) {
        let mut held: Vec<Parcel> = Vec::new();
        loop {
            let errand = if held.is_empty() {
                self.0.recv().await
            } else {
                match timeout(HELD, self.0.recv()).await {
                    Ok(errand) => errand,
                    Err(_) => {
                        release(&desk, &shared, &mut held).await;
                        continue;
                    }
                }
            };
            match errand {
                None => return,
                Some(Errand::Finish(done)) => {
                    release(&desk, &shared, &mut held).await;
                    // Whoever waited may have stopped.
                    let _told = done.send(());
                }
                Some(Errand::Deliver(parcel)) => {
                    match desk.webhook_faults.strike(parcel.kind, &parcel.form) {
                        Some(Trouble::Reordered) => {
                            held.push(parcel);
                            continue;
                        }
                        Some(Trouble::Lost) => continue,
                        Some(Trouble::Late(delay)) => {
                            let (late_desk, shared) = (Arc::clone(&desk), Arc::clone(&shared));
                            desk.spawn(async move {
                                sleep(delay).await;
                                deliver(&late_desk, &shared, &parcel).await;
                            });
                            continue;
                        }
                        Some(Trouble::Repeated(times)) => {
                            let all = (0..=times).map(|_| deliver(&desk, &shared, &parcel));
                            futures::future::join_all(all).await;
                        }
                        // Nobody waits for its answer.
                        Some(Trouble::AnswerLost) | None => deliver(&desk, &shared, &parcel).await,
                    }
                    release(&desk, &shared, &mut held).await;
                }
            }
        }
    }
}

async fn release(desk: &Desk, shared: &Shared, held: &mut Vec<Parcel>) {
    for parcel in held.drain(..) {
        deliver(desk, shared, &parcel).await;
    }
}

async fn deliver(desk: &Desk, shared: &Shared, parcel: &Parcel) {
    if let Err(error) = desk.send(&parcel.to, &parcel.form).await {
        let field = |(name, _): &&(String, String)| name.ends_with("Status") || name == "AnsweredBy";
        let what = parcel.form.iter().rfind(field).map_or("", |(_, value)| value);
        shared.problem(format!("the callback `{what}` failed: {error}"));
    }
}
