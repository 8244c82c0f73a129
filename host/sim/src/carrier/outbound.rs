//! A call from the platform: it rings, somebody answers or nobody does, and who it was is found out.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot::Receiver;
use tokio::sync::oneshot::error::TryRecvError;
use tokio::time::{Instant, timeout_at};

use super::call::{Moment, Next, Run, moment};
use super::callee::{Answer, Callee};
use super::courier::Parcel;
use super::line::Event;
use super::machine::{Detector, Finding, Settings};
use super::play::keys;
use super::recordings;
use super::room::Room;
use super::shared::End;
use super::webhook::Callback;
use super::webhook_faults::Webhook;

/// What a call from the platform is for.
#[derive(Clone, Debug)]
pub(super) struct Outbound {
    pub(super) first: First,
    pub(super) fallback: Option<Callback>,
    /// How long it may ring.
    pub(super) timeout: Duration,
    /// How long it may last.
    pub(super) time_limit: Duration,
    /// Keys to press once it is answered.
    pub(super) send_digits: Option<String>,
    pub(super) detection: Option<Detection>,
    pub(super) record: Option<recordings::Order>,
    /// Where the one who answers meets the others, after the first document.
    pub(super) room: Option<Arc<Room>>,
}

/// The first document.
#[derive(Clone, Debug)]
pub(super) enum First {
    Url(Callback),
    Twiml(String),
    /// None: straight into the room.
    Room,
}

/// How who answered is found out.
#[derive(Clone, Debug)]
pub(super) struct Detection {
    pub(super) settings: Settings,
    /// The call goes on meanwhile.
    pub(super) asynchronous: bool,
    pub(super) callback: Option<Callback>,
}

impl Outbound {
    /// With the carrier's defaults.
    pub(super) fn new(first: First) -> Self {
        Self {
            first,
            fallback: None,
            timeout: Duration::from_secs(60),
            time_limit: Duration::from_secs(4 * 3_600),
            send_digits: None,
            detection: None,
            record: None,
            room: None,
        }
    }
}

impl Run {
    /// Rings until somebody answers. The end, where nobody does.
    pub(super) async fn ring(&mut self, callee: &Callee, timeout: Duration) -> Result<(), End> {
        let rings = !callee.ringing().is_zero() || !matches!(callee.answer(), Answer::Refused(_));
        if rings {
            self.set_status("ringing");
            self.leg.tell("ringing", Vec::new()).await;
        }
        let patience = match callee.answer() {
            Answer::Nobody => timeout,
            _ => timeout.min(callee.ringing()),
        };
        let picked_up = Instant::now() + patience;
        // Until nothing else has happened by then.
        while let Ok(event) = timeout_at(picked_up, self.line.ringing()).await {
            match event {
                // Whoever is called turns it down.
                Event::HangUp => return self.refused(603),
                Event::Complete => return Err(End::Cancelled),
                // The REST interface redirects no call that was not answered.
                Event::Step | Event::Key(_) | Event::Run(_) => {}
            }
        }
        match callee.answer() {
            Answer::Nobody => Err(End::NoAnswer),
            _ if callee.ringing() > timeout => Err(End::NoAnswer),
            Answer::Refused(status) => self.refused(*status),
            Answer::Person { .. } | Answer::Voicemail { .. } | Answer::Fax => Ok(()),
        }
    }

    fn refused(&mut self, sip_status: u16) -> Result<(), End> {
        self.sip_status = Some(sip_status);
        Err(match sip_status {
            486 | 600 | 603 => End::Busy,
            408 | 480 | 487 => End::NoAnswer,
            _ => End::Unreachable,
        })
    }

    /// What comes after the answer, up to the first document.
    pub(super) async fn greet(&mut self, outbound: Outbound) -> Result<Next, End> {
        self.line.time_limit = Some(outbound.time_limit);
        if let Some(order) = outbound.record {
            self.start_recording(order).await;
        }
        // Both cannot be had: the keys would be taken for a machine's.
        if let Some(digits) = &outbound.send_digits {
            self.line.playback.add_audio(&keys(digits));
            match self.play_out().await {
                Next::End(end) => return Err(end),
                Next::Verb => {}
                other => return Ok(other),
            }
        } else if let Some(detection) = outbound.detection {
            self.detect(detection).await?;
        }
        self.fallback = outbound.fallback;
        self.room = outbound.room;
        Ok(match outbound.first {
            First::Url(callback) => Next::voice(callback),
            First::Twiml(xml) => Next::Document(xml),
            First::Room => Next::Verb,
        })
    }

    async fn detect(&mut self, detection: Detection) -> Result<(), End> {
        let (detector, mut finding) = Detector::new(detection.settings);
        self.line.detector = Some(detector);
        if detection.asynchronous {
            let leg = Arc::clone(&self.leg);
            self.desk.spawn(tell_finding(leg, finding, detection.callback));
            return Ok(());
        }
        loop {
            match finding.try_recv() {
                Ok(found) => {
                    self.leg.shared.change(|state| state.answered_by = Some(found.answered_by));
                    return Ok(());
                }
                Err(TryRecvError::Closed) => return Ok(()),
                Err(TryRecvError::Empty) => {}
            }
            match moment(&mut self.line).await {
                Moment::Over(Next::End(end)) => return Err(end),
                Moment::Over(_) | Moment::Key(_) | Moment::Step(_) => {}
            }
        }
    }
}

/// Tells what was found out while the call went on.
async fn tell_finding(leg: Arc<super::leg::Leg>, finding: Receiver<Finding>, callback: Option<Callback>) {
    // Without a finding the call was over before.
    let Ok(found) = finding.await else { return };
    leg.shared.change(|state| state.answered_by = Some(found.answered_by));
    let Some(to) = callback else { return };
    let form = [
        ("AccountSid", leg.account_sid.clone()),
        ("CallSid", leg.sid.clone()),
        ("AnsweredBy", found.answered_by.into()),
        ("MachineDetectionDuration", found.after.as_millis().to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value));
    leg.courier.send(Parcel { kind: Webhook::AnsweredBy, to, form: form.into() }).await;
}
