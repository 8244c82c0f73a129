//! Webhooks, carried in order beside the call, and what can happen to them on the way.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use url::Url;
use uuid::Uuid;

use super::card::Card;
use super::clock::stamp;
use super::desk::Desk;
use crate::carrier::Trouble;

/// How many webhooks of one call may wait.
const WAITING: usize = 256;

/// How long a webhook that is to be overtaken waits for the next one.
const HELD: Duration = Duration::from_secs(2);

/// What webhooks of Call Control are, and what those of TeXML are.
const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// How long a document may take.
const DOCUMENT: Duration = Duration::from_secs(15);

/// Between two tries of a refused connection.
const RETRY: Duration = Duration::from_millis(100);

/// One try to deliver one webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The event type.
    pub event: String,
    /// The event's id, by which duplicates are known.
    pub id: String,
    /// From 1, for each address.
    pub attempt: u32,
    /// The platform's answer; `None` where there was none.
    pub status: Option<u16>,
}

#[derive(Clone, Debug)]
struct Notice {
    event: &'static str,
    id: String,
    url: Url,
    body: Body,
}

#[derive(Clone, Debug)]
enum Body {
    /// The `data` of an envelope.
    Event(Value),
    /// A form of TeXML.
    Form(String),
}

/// Carries the webhooks of one call.
#[derive(Debug)]
pub(super) struct Courier {
    notices: mpsc::Sender<Notice>,
    task: JoinHandle<()>,
}

impl Courier {
    pub(super) fn new(desk: Arc<Desk>) -> Self {
        let (notices, inbox) = mpsc::channel(WAITING);
        Self { notices, task: tokio::spawn(carry(desk, inbox)) }
    }

    /// Hands over an event with what it tells.
    pub(super) async fn tell(&self, card: &Card, event: &'static str, payload: Value) {
        let id = Uuid::new_v4().to_string();
        let data = json!({
            "record_type": "event",
            "event_type": event,
            "id": id,
            "occurred_at": stamp(),
            "payload": payload,
        });
        // The task ends after this does.
        let notice = Notice { event, id, url: card.webhook_url(), body: Body::Event(data) };
        let _queued = self.notices.send(notice).await;
    }

    /// Hands over a form of TeXML, of this kind.
    pub(super) async fn tell_form(&self, event: &'static str, url: Url, form: String) {
        let id = Uuid::new_v4().to_string();
        let _queued = self.notices.send(Notice { event, id, url, body: Body::Form(form) }).await;
    }

    /// Waits until each was tried once, but for those that are late on purpose.
    pub(super) async fn finish(self) {
        drop(self.notices);
        // It cannot be aborted, and a panic in it shows in its own output.
        let _done = self.task.await;
    }
}

async fn carry(desk: Arc<Desk>, mut inbox: mpsc::Receiver<Notice>) {
    let mut overtaken: Option<Notice> = None;
    loop {
        let next = match &overtaken {
            None => inbox.recv().await,
            Some(_) => timeout(HELD, inbox.recv()).await.unwrap_or(None),
        };
        let ended = next.is_none() && inbox.is_closed() && inbox.is_empty();
        if let Some(notice) = next {
            match desk.webhook_faults.strike(notice.event) {
                None => deliver(&desk, notice).await,
                Some(Trouble::Repeated(more)) => {
                    for _ in 0..=more {
                        deliver(&desk, notice.clone()).await;
                    }
                }
                Some(Trouble::Late(by)) => {
                    let desk = Arc::clone(&desk);
                    tokio::spawn(async move {
                        sleep(by).await;
                        deliver(&desk, notice).await;
                    });
                }
                Some(Trouble::Reordered) if overtaken.is_none() => {
                    overtaken = Some(notice);
                    continue;
                }
                Some(Trouble::Reordered) => deliver(&desk, notice).await,
                Some(Trouble::Lost) => {}
                Some(Trouble::AnswerLost) => deliver_unheard(&desk, notice).await,
            }
        }
        if let Some(notice) = overtaken.take() {
            deliver(&desk, notice).await;
        }
        if ended {
            return;
        }
    }
}

/// The platform has it, and the carrier does not know: it tries again.
async fn deliver_unheard(desk: &Arc<Desk>, notice: Notice) {
    let _unheard = attempt(desk, &notice, &notice.url, 1).await;
    go_on_trying(desk, notice);
}

/// Tries once, and goes on trying beside what follows where that failed.
async fn deliver(desk: &Arc<Desk>, notice: Notice) {
    if !attempt(desk, &notice, &notice.url, 1).await {
        go_on_trying(desk, notice);
    }
}

fn go_on_trying(desk: &Arc<Desk>, notice: Notice) {
    let desk = Arc::clone(desk);
    tokio::spawn(async move {
        if retry(&desk, &notice, &notice.url, 2).await {
            return;
        }
        let Some(failover) = &desk.config.failover_url else { return };
        if !attempt(&desk, &notice, failover, 1).await {
            retry(&desk, &notice, failover, 2).await;
        }
    });
}

async fn retry(desk: &Desk, notice: &Notice, url: &Url, from: u32) -> bool {
    for (number, pause) in (from..).zip(&desk.config.retries) {
        sleep(*pause).await;
        if attempt(desk, notice, url, number).await {
            return true;
        }
    }
    false
}

/// One try: signed anew, as it says when it was sent and which try it is.
async fn attempt(desk: &Desk, notice: &Notice, url: &Url, number: u32) -> bool {
    let sent = match &notice.body {
        Body::Event(data) => {
            let meta = json!({ "attempt": number, "delivered_to": url.as_str() });
            send(
                desk,
                url,
                JSON,
                json!({ "data": data, "meta": meta }).to_string(),
                desk.config.webhook_timeout,
            )
            .await
        }
        Body::Form(form) => send(desk, url, FORM, form.clone(), desk.config.webhook_timeout).await,
    };
    let status = sent.ok().map(|response| response.status().as_u16());
    let delivered = status.is_some_and(|status| (200..300).contains(&status));
    if !delivered {
        tracing::warn!(event = notice.event, number, status, "a webhook was not accepted");
    }
    desk.record(Delivery { event: notice.event.to_owned(), id: notice.id.clone(), attempt: number, status });
    delivered
}

/// Asks for a document of TeXML.
pub(super) async fn send_form(desk: &Desk, url: &Url, form: &str) -> Result<String, String> {
    let response =
        send(desk, url, FORM, form.to_owned(), DOCUMENT).await.map_err(|error| error.to_string())?;
    let response = response.error_for_status().map_err(|error| error.to_string())?;
    response.text().await.map_err(|error| error.to_string())
}

async fn send(
    desk: &Desk,
    url: &Url,
    kind: &str,
    body: String,
    patience: Duration,
) -> reqwest::Result<reqwest::Response> {
    let give_up = Instant::now() + desk.config.connect_patience;
    loop {
        let timestamp = jiff::Timestamp::now().as_second().to_string();
        let request = desk
            .client
            .post(url.clone())
            .timeout(patience)
            .header("content-type", kind)
            .header("user-agent", "telnyx-webhooks")
            .header("telnyx-signature-ed25519", desk.keys.sign(&timestamp, &body))
            .header("telnyx-timestamp", &timestamp)
            .body(body.clone());
        match request.send().await {
            // Nobody is there at this moment: in front of a real platform stands a balancer.
            Err(error) if error.is_connect() && Instant::now() < give_up => sleep(RETRY).await,
            answered => return answered,
        }
    }
}
