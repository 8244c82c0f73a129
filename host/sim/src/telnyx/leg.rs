//! A leg from its first ring to its end.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use super::action::{Action, Cause, LONGEST_CALL, Record};
use super::card::{Card, Direction, Hangup};
use super::courier::Courier;
use super::desk::{Desk, Order, Outgoing, Setup};
use super::detection::Detection;
use super::error::Refusal;
use super::faults::TelnyxFaults;
use super::joint::Joint;
use super::order::StreamOrder;
use super::recorder::Recorder;
use super::sound::Announcement;
use super::stream::{Socket, Stream};
use super::texml::{Texml, encode};
use crate::carrier::End;
use crate::carrier::callee::Answer as Pickup;
use crate::carrier::line::{Command, Event, Line};
use crate::carrier::shared::Shared;

/// A socket that is being opened, and for what.
pub(super) type Opening = (StreamOrder, JoinHandle<Result<Socket, String>>);

/// One leg of the carrier's.
pub(super) struct Leg {
    pub(super) desk: Arc<Desk>,
    pub(super) card: Arc<Card>,
    pub(super) shared: Arc<Shared>,
    pub(super) line: Line,
    pub(super) orders: mpsc::Receiver<Order>,
    pub(super) courier: Courier,
    pub(super) faults: TelnyxFaults,
    pub(super) opening: Option<Opening>,
    pub(super) stream: Option<Stream>,
    pub(super) announcements: VecDeque<Announcement>,
    pub(super) recorder: Option<Recorder>,
    pub(super) joint: Option<Joint>,
    /// Listens for who answered, where that was asked for.
    pub(super) detection: Option<Detection>,
    pub(super) time_limit: Duration,
    /// The call is one of the TeXML application's.
    pub(super) texml: Option<Texml>,
    /// How many of its status callbacks there were.
    told: AtomicU32,
}

/// How a leg came to its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Over {
    pub(super) hangup: Hangup,
    pub(super) end: End,
}

impl Over {
    pub(super) fn new(cause: &'static str, source: &'static str, sip: &'static str, end: End) -> Self {
        Self { hangup: Hangup { cause, source, sip }, end }
    }
}

impl Leg {
    pub(super) fn new(
        desk: Arc<Desk>,
        card: Arc<Card>,
        shared: Arc<Shared>,
        (commands, orders): (mpsc::Receiver<Command>, mpsc::Receiver<Order>),
        faults: TelnyxFaults,
    ) -> Self {
        let line = Line::new(Arc::clone(&shared), commands, &faults.line, desk.config.keep_audio);
        Self {
            courier: Courier::new(Arc::clone(&desk)),
            desk,
            card,
            shared,
            line,
            orders,
            faults,
            opening: None,
            stream: None,
            announcements: VecDeque::new(),
            recorder: None,
            joint: None,
            detection: None,
            time_limit: LONGEST_CALL,
            texml: None,
            told: AtomicU32::new(0),
        }
    }

    /// Runs it.
    pub(super) async fn run(mut self, setup: Setup) {
        self.texml = match &setup {
            Setup::Texml(texml) => Some(texml.clone()),
            // Nobody asked to be told of those that a document calls.
            Setup::Outgoing(outgoing) if outgoing.partner.is_some() => {
                self.desk.config.texml.clone().map(|texml| Texml { status_url: None, ..texml })
            }
            Setup::Incoming | Setup::Outgoing(_) => None,
        };
        let state = if !matches!(setup, Setup::Outgoing(_)) { "parked" } else { "bridging" };
        let mut told = self.card.setting(state);
        told.insert("offered_codecs".into(), "PCMU,PCMA".into());
        told.insert("shaken_stir_attestation".into(), "A".into());
        told.insert("shaken_stir_validated".into(), true.into());
        self.tell("call.initiated", Value::Object(told)).await;
        self.set_status("ringing");
        let answered = match setup {
            Setup::Incoming => self.ring().await,
            Setup::Outgoing(outgoing) => self.dial(*outgoing).await,
            Setup::Texml(texml) => Err(self.perform(&texml).await),
        };
        let over = match answered {
            Ok(()) => self.talk().await,
            Err(over) => over,
        };
        self.finish(over).await;
    }

    /// Tells the platform of an event, with what it has beside the usual.
    pub(super) async fn tell(&self, event: &'static str, more: Value) {
        let Some(texml) = &self.texml else {
            return self.courier.tell(&self.card, event, self.card.payload(more)).await;
        };
        let Some(url) = &texml.status_url else { return };
        if let Some(form) = self.progress(event, self.told.load(Ordering::Relaxed)) {
            self.told.fetch_add(1, Ordering::Relaxed);
            self.courier.tell_form(event, url.clone(), encode(&form)).await;
        }
    }

    pub(super) fn set_status(&self, status: &'static str) {
        self.shared.change(|state| state.status = status);
    }

    /// An incoming call rings until a command answers or ends it, or the caller has had enough.
    async fn ring(&mut self) -> Result<(), Over> {
        let patience = Instant::now() + self.desk.config.ring;
        loop {
            tokio::select! {
                event = self.line.ringing() => if matches!(event, Event::HangUp) {
                    return Err(Over::new("originator_cancel", "caller", "487", End::CallerHungUp));
                },
                order = self.orders.recv() => match order {
                    Some(order) => if self.obey_ringing(order).await? {
                        return Ok(());
                    },
                    None => return Err(Over::new("unspecified", "unknown", "unspecified", End::Failed)),
                },
                () = sleep_until(patience) => {
                    return Err(Over::new("timeout", "unknown", "480", End::CallerHungUp));
                }
            }
        }
    }

    /// Does a command that came before the answer; whether the call is answered with it.
    async fn obey_ringing(&mut self, order: Order) -> Result<bool, Over> {
        let (asked, reply) = match order {
            Order::Act(asked, reply) => (asked, reply),
            Order::Join(joint) => {
                self.answer().await;
                self.join(joint).await;
                return Ok(true);
            }
            Order::Fetched(..) => return Ok(false),
        };
        let possible = matches!(
            asked.action,
            Action::Answer { .. }
                | Action::Reject(_)
                | Action::Hangup
                | Action::Transfer(_)
                | Action::ClientStateUpdate
        );
        if !possible {
            // Whoever asked may be gone.
            let _answered = reply.send(Err(Refusal::not_answered()));
            return Ok(false);
        }
        self.take_note(asked.client_state, asked.webhook_url);
        let _answered = reply.send(Ok(json!({ "result": "ok" })));
        match asked.action {
            Action::Answer { stream, record } => {
                self.answer().await;
                self.begin_ordered(stream, record);
                Ok(true)
            }
            Action::Reject(cause) => Err(rejected(cause)),
            Action::Hangup => Err(Over::new("call_rejected", "callee", "603", End::Rejected)),
            Action::Transfer(dial) => {
                self.transfer(dial);
                Ok(false)
            }
            _ => Ok(false),
        }
    }

    /// What any command may bring.
    pub(super) fn take_note(&self, client_state: Option<String>, webhook_url: Option<url::Url>) {
        if let Some(state) = client_state {
            self.card.replace_client_state(state);
        }
        if let Some(url) = webhook_url {
            self.card.replace_webhook_url(url);
        }
    }

    /// Rings at whoever is called until they, or the platform, do something.
    async fn dial(&mut self, outgoing: Outgoing) -> Result<(), Over> {
        let Outgoing { dial, callee, partner } = outgoing;
        self.time_limit = dial.time_limit;
        let begun = Instant::now();
        let (acts, gives_up) = (begun + callee.ringing(), begun + dial.timeout);
        let silent = matches!(callee.answer(), Pickup::Nobody);
        loop {
            tokio::select! {
                event = self.line.ringing() => if matches!(event, Event::HangUp) {
                    return Err(refused(603));
                },
                order = self.orders.recv() => self.obey_dialling(order)?,
                () = sleep_until(acts), if !silent && acts <= gives_up => break,
                () = sleep_until(gives_up) => {
                    return Err(Over::new("timeout", "unknown", "unspecified", End::NoAnswer));
                }
            }
        }
        if let Pickup::Refused(sip) = callee.answer() {
            return Err(refused(*sip));
        }
        self.answer().await;
        self.detection = dial.detection.map(Detection::new);
        self.begin_ordered(dial.stream, dial.record);
        if let Some(partner) = partner {
            self.meet(&partner, (false, dial.park)).await;
        }
        Ok(())
    }

    fn obey_dialling(&mut self, order: Option<Order>) -> Result<(), Over> {
        let Some(Order::Act(asked, reply)) = order else { return Ok(()) };
        let possible = matches!(asked.action, Action::Hangup | Action::ClientStateUpdate);
        if !possible {
            let _answered = reply.send(Err(Refusal::not_answered()));
            return Ok(());
        }
        self.take_note(asked.client_state, asked.webhook_url);
        let _answered = reply.send(Ok(json!({ "result": "ok" })));
        match asked.action {
            Action::Hangup => Err(Over::new("originator_cancel", "caller", "487", End::Cancelled)),
            _ => Ok(()),
        }
    }

    /// The line opens.
    pub(super) async fn answer(&mut self) {
        self.set_status("in-progress");
        self.line.begin();
        self.tell("call.answered", Value::Object(self.card.setting("answered"))).await;
    }

    fn begin_ordered(&mut self, stream: Option<StreamOrder>, record: Option<Record>) {
        if let Some(stream) = stream {
            self.open(stream);
        }
        if let Some(record) = record {
            self.recorder = Some(Recorder::new(record));
        }
    }

    /// Ends everything that is still going on, and tells the platform.
    async fn finish(mut self, over: Over) {
        let answered = self.shared.lock().status == "in-progress";
        // Commands are refused from here on.
        let _first = self.card.hangup.set(over.hangup);
        self.orders.close();
        self.line.finish();
        self.joint = None;
        if let Some((_, opening)) = self.opening.take() {
            opening.abort();
        }
        self.stop_streaming().await;
        for announcement in std::mem::take(&mut self.announcements) {
            if let Some((event, told)) = announcement.end("call_hangup") {
                self.tell(event, told).await;
            }
        }
        let recorder = self.recorder.take();
        self.set_status(match over.end {
            _ if answered => "completed",
            End::Busy | End::Rejected => "busy",
            End::NoAnswer => "no-answer",
            End::CallerHungUp | End::Cancelled => "canceled",
            End::PlatformHungUp | End::Failed | End::Unreachable => "failed",
        });
        self.tell("call.hangup", self.ending(over.hangup)).await;
        if let Some(recorder) = recorder {
            self.save(recorder).await;
        }
        if answered || self.card.direction == Direction::Outgoing {
            self.tell("call.cost", self.cost()).await;
        }
        self.courier.finish().await;
        self.shared.change(|state| state.end = Some(over.end));
    }

    fn ending(&self, hangup: Hangup) -> Value {
        let packets = (self.line.now().as_millis() / 20).to_string();
        let side = json!({ "packet_count": packets, "skip_packet_count": "0" });
        json!({
            "state": "hangup",
            "hangup_cause": hangup.cause,
            "hangup_source": hangup.source,
            "sip_hangup_cause": hangup.sip,
            "start_time": self.card.start_time,
            "end_time": super::clock::stamp(),
            "call_quality_stats": { "inbound": side, "outbound": side },
        })
    }

    /// Half a cent for each begun minute.
    fn cost(&self) -> Value {
        let minutes = self.line.now().as_millis().div_ceil(60_000);
        let cost = format!("{}.{:04}", minutes * 50 / 10_000, minutes * 50 % 10_000);
        json!({
            "total_cost": cost,
            "billed_duration_secs": minutes * 60,
            "billing_group_id": null,
            "status": "valid",
            "cost_parts": [{
                "billed_duration_secs": minutes * 60,
                "call_part": "sip-trunking",
                "cost": cost,
                "currency": "USD",
                "rate": "0.005000",
            }],
        })
    }
}

/// The network's word for what came of the ringing: RFC 3261, section 21.
fn refused(sip: u16) -> Over {
    match sip {
        486 | 600 => Over::new("user_busy", "callee", "486", End::Busy),
        603 => Over::new("call_rejected", "callee", "603", End::Busy),
        404 | 484 | 604 => Over::new("not_found", "unknown", "404", End::Unreachable),
        408 | 480 => Over::new("no_answer", "callee", "480", End::NoAnswer),
        403 => Over::new("call_rejected", "unknown", "403", End::Unreachable),
        500..=599 => Over::new("unspecified", "unknown", "503", End::Unreachable),
        _ => Over::new("unspecified", "unknown", "unspecified", End::Unreachable),
    }
}

fn rejected(cause: Cause) -> Over {
    let (cause, sip) = match cause {
        Cause::CallRejected => ("call_rejected", "603"),
        Cause::NotFound => ("not_found", "404"),
        Cause::TemporarilyUnavailable => ("unspecified", "480"),
        Cause::UserBusy => ("user_busy", "486"),
    };
    Over::new(cause, "callee", sip, End::Rejected)
}
