//! A call from ringing to its end: fetch a document, do what it says, and go on.

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};
use url::Url;

use super::callee::Callee;
use super::desk::Desk;
use super::faults::CarrierFaults;
use super::leg::Leg;
use super::line::{Command, Event, Frame, Instructions, Line};
use super::outbound::Outbound;
use super::recordings::{Recording, Source};
use super::room::Room;
use super::shared::{End, Shared};
use super::twiml::{Document, Link, Verb};
use super::webhook::{Callback, Method, WebhookError};
use super::webhook_faults::Webhook;

/// How many documents one call may ask for.
const MOST_DOCUMENTS: u32 = 30;

/// What follows a verb.
#[derive(Debug)]
pub(super) enum Next {
    /// The next verb of the document.
    Verb,
    /// The document there.
    Fetch(Ask),
    /// This document.
    Document(String),
    End(End),
}

/// A request for a document.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) kind: Webhook,
    /// Absolute, or relative to the running document.
    pub(super) link: Link,
    /// Fields beside the usual ones.
    pub(super) more: Vec<(String, String)>,
}

/// What a call is for.
pub(super) enum Mission {
    /// Somebody calls the platform.
    Inbound,
    /// The platform calls somebody.
    Outbound(Box<Outbound>, Callee),
}

/// One leg while it lives.
pub(super) struct Run {
    pub(super) desk: Arc<Desk>,
    pub(super) leg: Arc<Leg>,
    pub(super) faults: CarrierFaults,
    pub(super) shared: Arc<Shared>,
    pub(super) line: Line,
    /// Where the running document came from: what relative addresses in it are relative to.
    pub(super) at: Url,
    /// Where to ask when a document cannot be had or read. Asked once.
    pub(super) fallback: Option<Callback>,
    /// Where this leg goes when its document is over, instead of its end.
    pub(super) room: Option<Arc<Room>>,
    /// What came while a verb was busy with something else.
    pub(super) pending: Option<Next>,
    /// The network's word for how it ended, where it has one.
    pub(super) sip_status: Option<u16>,
    mission: Option<Mission>,
    answered: bool,
    documents: u32,
}

/// 20 ms of a call, or what happened instead.
#[derive(Debug)]
pub(super) enum Moment {
    Step(Frame),
    Key(char),
    Over(Next),
}

/// The next moment outside a media stream.
pub(super) async fn moment(line: &mut Line) -> Moment {
    match line.event().await {
        Event::Step => Moment::Step(line.step()),
        Event::Key(key) => Moment::Key(key),
        Event::HangUp => Moment::Over(Next::End(End::CallerHungUp)),
        Event::Complete => Moment::Over(Next::End(End::PlatformHungUp)),
        Event::Run(instructions) => Moment::Over(instructions.into()),
    }
}

async fn next_event(line: &mut Line, answered: bool) -> Event {
    if answered { line.event().await } else { line.ringing().await }
}

impl Run {
    pub(super) fn new(
        desk: Arc<Desk>,
        leg: Arc<Leg>,
        faults: CarrierFaults,
        mission: Mission,
        commands: mpsc::Receiver<Command>,
    ) -> Self {
        let shared = Arc::clone(&leg.shared);
        let line = Line::new(Arc::clone(&shared), commands, &faults, desk.config.keep_audio);
        let at = desk.config.voice_url.clone();
        let fallback = desk.config.fallback_url.clone().map(Callback::post);
        Self {
            desk,
            leg,
            faults,
            shared,
            line,
            at,
            fallback,
            room: None,
            pending: None,
            sip_status: None,
            mission: Some(mission),
            answered: false,
            documents: 0,
        }
    }

    pub(super) async fn run(mut self) {
        self.shared.change(|state| state.started_at = Some(Timestamp::now()));
        self.leg.tell("initiated", Vec::new()).await;
        let first = match self.mission.take() {
            None | Some(Mission::Inbound) => {
                self.leg.tell("ringing", Vec::new()).await;
                self.set_status("ringing");
                Ok(Next::voice(Callback::post(self.desk.config.voice_url.clone())))
            }
            Some(Mission::Outbound(outbound, callee)) => match self.ring(&callee, outbound.timeout).await {
                Ok(()) => {
                    self.answer().await;
                    self.greet(*outbound).await
                }
                Err(end) => Err(end),
            },
        };
        let end = match first {
            Ok(next) => self.talk(next).await,
            Err(end) => end,
        };
        self.close(end).await;
    }

    async fn answer(&mut self) {
        self.answered = true;
        self.set_status("in-progress");
        self.leg.tell("in-progress", Vec::new()).await;
        self.line.begin();
    }

    async fn talk(&mut self, mut next: Next) -> End {
        let mut verbs: VecDeque<Verb> = VecDeque::new();
        loop {
            match self.resolve(next).await {
                Ok(None) => {}
                Ok(Some(document)) => verbs = document.verbs.into(),
                Err(end) => return end,
            }
            let Some(verb) = verbs.pop_front() else {
                let Some(room) = self.room.take() else { return End::PlatformHungUp };
                next = self.meet(&room).await;
                continue;
            };
            if !self.answered {
                if let Verb::Reject(reason) = verb {
                    self.sip_status = Some(if reason == "busy" { 486 } else { 603 });
                    return End::Rejected;
                }
                self.answer().await;
            }
            next = self.perform(verb).await;
            if let Some(pending) = self.pending.take() {
                next = pending;
            }
        }
    }

    /// The document that `next` asks for, if it asks for one.
    async fn resolve(&mut self, mut next: Next) -> Result<Option<Document>, End> {
        loop {
            let (xml, url) = match next {
                Next::Verb => return Ok(None),
                Next::End(end) => return Err(end),
                Next::Document(xml) => (xml, self.at.to_string()),
                Next::Fetch(ask) => match self.fetch(ask).await {
                    Ok(xml) => (xml, self.at.to_string()),
                    Err(instead) => {
                        next = instead;
                        continue;
                    }
                },
            };
            match Document::parse(&xml) {
                Ok(document) => return Ok(Some(document)),
                Err(error) => {
                    self.shared.problem(error.to_string());
                    next = self.fall_back(12_100, &url);
                }
            }
        }
    }

    /// Asks for a document while the line goes on; what comes instead, where there is none.
    async fn fetch(&mut self, ask: Ask) -> Result<String, Next> {
        self.documents += 1;
        if self.documents > MOST_DOCUMENTS {
            self.shared.problem(format!("more than {MOST_DOCUMENTS} documents in one call"));
            return Err(Next::End(End::Failed));
        }
        let callback = match self.absolute(&ask.link) {
            Ok(callback) => callback,
            Err(problem) => {
                self.shared.problem(problem);
                return Err(self.fall_back(11_100, &ask.link.url));
            }
        };
        let mut form = self.leg.fields();
        form.extend(ask.more);
        let (answer, mut answered) = oneshot::channel();
        let (desk, to) = (Arc::clone(&self.desk), callback.clone());
        // A request goes on when its call ends: the platform sees it to its end, as it does the real carrier's.
        self.desk.spawn(async move {
            // Nobody listens any more when the call has ended.
            let _told = answer.send(desk.fetch(ask.kind, &to, &form).await);
        });
        let result = loop {
            tokio::select! {
                result = &mut answered => break result,
                event = next_event(&mut self.line, self.answered) => match event {
                    Event::Step => {
                        self.line.step();
                    }
                    Event::Key(_) => {}
                    Event::HangUp => return Err(Next::End(End::CallerHungUp)),
                    Event::Complete if self.answered => return Err(Next::End(End::PlatformHungUp)),
                    Event::Complete => return Err(Next::End(End::Cancelled)),
                    Event::Run(instructions) => return Err(instructions.into()),
                }
            }
        };
        match result {
            Ok(Ok(xml)) => {
                self.at = callback.url;
                Ok(xml)
            }
            Ok(Err(error)) => {
                if !matches!(error, WebhookError::Fault(_)) {
                    self.shared.problem(error.to_string());
                }
                Err(self.fall_back(error.code(), callback.url.as_str()))
            }
            // The carrier ends.
            Err(_) => Err(Next::End(End::Failed)),
        }
    }

    /// What the carrier does when a document cannot be had or read.
    fn fall_back(&mut self, code: u32, url: &str) -> Next {
        match self.fallback.take() {
            None => Next::End(End::Failed),
            Some(callback) => Next::Fetch(Ask {
                kind: Webhook::Voice,
                link: callback.into(),
                more: vec![("ErrorCode".into(), code.to_string()), ("ErrorUrl".into(), url.into())],
            }),
        }
    }

    pub(super) fn absolute(&self, link: &Link) -> Result<Callback, String> {
        match self.at.join(&link.url) {
            Ok(url) => Ok(Callback { url, method: link.method }),
            Err(error) => Err(format!("error 11100: `{}` is no address: {error}", link.url)),
        }
    }

    /// An address in a document; a problem, and nothing, where it is none.
    pub(super) fn callback(&self, link: Option<&Link>) -> Option<Callback> {
        match self.absolute(link?) {
            Ok(callback) => Some(callback),
            Err(problem) => {
                self.shared.problem(problem);
                None
            }
        }
    }

    pub(super) fn set_status(&self, status: &'static str) {
        self.shared.change(|state| state.status = status);
    }

    async fn close(mut self, end: End) {
        self.line.finish();
        let (status, sip_status) = match end {
            End::Busy => ("busy", 486),
            End::Rejected => ("busy", 603),
            End::NoAnswer => ("no-answer", 487),
            End::Cancelled => ("canceled", 487),
            End::Unreachable => ("failed", 404),
            End::CallerHungUp if !self.answered => ("canceled", 487),
            End::Failed if !self.answered => ("failed", 500),
            End::CallerHungUp | End::PlatformHungUp | End::Failed => ("completed", 200),
        };
        let recordings = self.shared.change(|state| {
            state.status = status;
            state.ended_at = Some(Timestamp::now());
            std::mem::take(&mut state.recordings)
        });
        let more = self.last_words(self.sip_status.unwrap_or(sip_status), status, &recordings);
        self.leg.tell(status, more).await;
        for recording in recordings {
            self.finish_recording(&recording).await;
        }
        self.leg.courier.finish().await;
        self.shared.change(|state| state.end = Some(end));
    }

    /// What the last status says besides.
    fn last_words(&self, sip: u16, status: &str, recordings: &[Arc<Recording>]) -> Vec<(String, String)> {
        let length = if self.answered { self.line.now().as_secs() } else { 0 };
        let mut more = vec![("CallDuration", length.to_string()), ("SipResponseCode", sip.to_string())];
        if status == "completed" {
            more.push(("Duration", length.div_ceil(60).to_string()));
            if let Some(recording) = recordings.iter().find(|each| each.order.source == Source::OutboundApi) {
                more.push(("RecordingSid", recording.sid.clone()));
                more.push(("RecordingUrl", self.desk.recording_url(recording)));
                more.push(("RecordingDuration", recording.length().as_secs().to_string()));
            }
        }
        more.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

impl Next {
    /// The document there, of no verb's asking.
    pub(super) fn voice(link: impl Into<Link>) -> Self {
        Self::Fetch(Ask { kind: Webhook::Voice, link: link.into(), more: Vec::new() })
    }
}

impl From<Instructions> for Next {
    fn from(instructions: Instructions) -> Self {
        match instructions {
            Instructions::Twiml(xml) => Self::Document(xml),
            Instructions::Url(url) => Self::voice(Link { url, method: Method::Post }),
            Instructions::Get(url) => Self::voice(Link { url, method: Method::Get }),
        }
    }
}

impl From<Callback> for Link {
    fn from(callback: Callback) -> Self {
        Self { url: callback.url.into(), method: callback.method }
    }
}
