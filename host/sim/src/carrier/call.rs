//! A call from ringing to its end: fetch a document, do what it says, and go on.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use url::Url;

use super::Desk;
use super::faults::CarrierFaults;
use super::line::{Command, Instructions, Line};
use super::shared::{End, Shared};
use super::status::Status;
use super::twiml::{Document, Verb};
use super::webhook::{WebhookError, fields};

/// How many documents one call may ask for.
const MOST_DOCUMENTS: u32 = 30;

/// What follows a verb.
#[derive(Debug)]
pub(super) enum Next {
    /// The next verb of the document.
    Verb,
    /// The document there; with these fields beside the usual ones.
    Fetch(String, Vec<(String, String)>),
    /// This document.
    Document(String),
    End(End),
}

/// One call of the carrier's.
pub(super) struct Run {
    pub(super) desk: Arc<Desk>,
    pub(super) sid: String,
    from: String,
    to: String,
    pub(super) faults: CarrierFaults,
    pub(super) shared: Arc<Shared>,
    pub(super) line: Line,
    /// Where the running document came from: what relative addresses in it are relative to.
    pub(super) at: Url,
    documents: u32,
}

impl Run {
    pub(super) fn new(
        desk: Arc<Desk>,
        sid: &str,
        from: &str,
        to: &str,
        faults: CarrierFaults,
        shared: Arc<Shared>,
        commands: mpsc::Receiver<Command>,
    ) -> Self {
        let line = Line::new(Arc::clone(&shared), commands, &faults, desk.config.keep_audio);
        let at = desk.config.voice_url.clone();
        Self {
            desk,
            sid: sid.into(),
            from: from.into(),
            to: to.into(),
            faults,
            shared,
            line,
            at,
            documents: 0,
        }
    }

    pub(super) async fn run(mut self) {
        let status =
            Status::new(Arc::clone(&self.desk), &self.sid, &self.from, &self.to, Arc::clone(&self.shared));
        for ringing in ["initiated", "ringing"] {
            status.tell(ringing, None).await;
        }
        self.set_status("ringing");
        let end = self.talk(&status).await;
        self.line.finish();
        let (final_status, duration) = match end {
            End::Rejected => ("busy", Duration::ZERO),
            End::Failed if self.line.now().is_zero() => ("failed", Duration::ZERO),
            _ => ("completed", self.line.now()),
        };
        self.set_status(final_status);
        status.tell(final_status, Some(duration)).await;
        status.finish().await;
        self.shared.change(|state| state.end = Some(end));
    }

    async fn talk(&mut self, status: &Status) -> End {
        let mut next = Next::Fetch(self.desk.config.voice_url.to_string(), Vec::new());
        let mut verbs: VecDeque<Verb> = VecDeque::new();
        let mut answered = false;
        loop {
            match self.resolve(next).await {
                Ok(None) => {}
                Ok(Some(document)) => verbs = document.verbs.into(),
                Err(end) => return end,
            }
            let Some(verb) = verbs.pop_front() else { return End::PlatformHungUp };
            if !answered {
                if let Verb::Reject(_) = verb {
                    return End::Rejected;
                }
                answered = true;
                self.set_status("in-progress");
                status.tell("in-progress", None).await;
                self.line.begin();
            }
            next = self.perform(verb).await;
        }
    }

    /// The document that `next` asks for, if it asks for one.
    async fn resolve(&mut self, next: Next) -> Result<Option<Document>, End> {
        let xml = match next {
            Next::Verb => return Ok(None),
            Next::End(end) => return Err(end),
            Next::Document(xml) => xml,
            Next::Fetch(url, more) => self.fetch(&url, more).await?,
        };
        match Document::parse(&xml) {
            Ok(document) => Ok(Some(document)),
            Err(error) => {
                self.shared.problem(error.to_string());
                Err(End::Failed)
            }
        }
    }

    async fn fetch(&mut self, url: &str, more: Vec<(String, String)>) -> Result<String, End> {
        self.documents += 1;
        if self.documents > MOST_DOCUMENTS {
            self.shared.problem(format!("more than {MOST_DOCUMENTS} documents in one call"));
            return Err(End::Failed);
        }
        let url = match self.at.join(url) {
            Ok(url) => url,
            Err(error) => {
                self.shared.problem(format!("error 11100: `{url}` is no address: {error}"));
                return Err(End::Failed);
            }
        };
        let mut form = self.fields();
        form.extend(more);
        match self.desk.fetch(&url, &form).await {
            Ok(xml) => {
                self.at = url;
                Ok(xml)
            }
            Err(
                error @ (WebhookError::Unreachable { .. }
                | WebhookError::Status { .. }
                | WebhookError::Kind { .. }
                | WebhookError::TooLong { .. }),
            ) => {
                self.shared.problem(error.to_string());
                Err(End::Failed)
            }
        }
    }

    /// The usual fields of a request, with the call's status at this moment.
    pub(super) fn fields(&self) -> Vec<(String, String)> {
        let status = self.shared.lock().status;
        fields(&self.desk.config, &self.sid, &self.from, &self.to, status)
    }

    fn set_status(&self, status: &'static str) {
        self.shared.change(|state| state.status = status);
    }
}

impl From<Instructions> for Next {
    fn from(instructions: Instructions) -> Self {
        match instructions {
            Instructions::Twiml(xml) => Self::Document(xml),
            Instructions::Url(url) => Self::Fetch(url, Vec::new()),
        }
    }
}
