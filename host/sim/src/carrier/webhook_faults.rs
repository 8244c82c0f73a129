//! What can go wrong with webhooks on their way.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What a webhook is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Webhook {
    /// How a verb ended, and what comes next: the action of `Gather`, `Record` and `Dial`.
    Action,
    /// Who answered.
    AnsweredBy,
    /// What happens in a conference.
    Conference,
    /// A recording's progress.
    Recording,
    /// A call's progress.
    Status,
    /// A media stream's start, stop or failure.
    Stream,
    /// What to do with a call: its first document, and those that documents and requests lead to.
    Voice,
}

/// How a webhook goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It is delivered this much later. Others of the call overtake it, where the call does not wait for its answer.
    Late(Duration),
    /// It is delivered so many times more, all at once.
    Repeated(u32),
    /// It is held back until another one of the call has been delivered, or the call is over, or for five seconds.
    /// Where the call waits for the answer, nothing can overtake it: then nothing goes wrong.
    Reordered,
    /// It is never delivered. A call that waits for its answer fails.
    Lost,
    /// It is delivered, and its answer is lost. A call that waits for it fails.
    AnswerLost,
}

/// A fault of some webhooks: of the first that fits, unless told otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookFault {
    kind: Webhook,
    trouble: Trouble,
    status: Option<String>,
    skip: u32,
    times: u32,
}

impl WebhookFault {
    /// The next webhook of that kind.
    pub fn new(kind: Webhook, trouble: Trouble) -> Self {
        Self { kind, trouble, status: None, skip: 0, times: 1 }
    }

    /// Only those whose `CallStatus`, `RecordingStatus`, `StreamEvent`, `AnsweredBy` or `StatusCallbackEvent`, by the
    /// kind, is this.
    #[must_use]
    pub fn only(mut self, status: &str) -> Self {
        self.status = Some(status.into());
        self
    }

    /// After so many that fit have passed unharmed.
    #[must_use]
    pub fn after(mut self, skip: u32) -> Self {
        self.skip = skip;
        self
    }

    /// So many in a row.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    fn fits(&self, kind: Webhook, form: &[(String, String)]) -> bool {
        let Some(status) = &self.status else { return kind == self.kind };
        let field = match kind {
            Webhook::Action | Webhook::Status | Webhook::Voice => "CallStatus",
            Webhook::AnsweredBy => "AnsweredBy",
            Webhook::Conference => "StatusCallbackEvent",
            Webhook::Recording => "RecordingStatus",
            Webhook::Stream => "StreamEvent",
        };
        kind == self.kind && form.iter().any(|(name, value)| name == field && value == status)
    }
}

/// The faults to come.
#[derive(Debug, Default)]
pub(super) struct WebhookFaults(Mutex<Vec<WebhookFault>>);

impl WebhookFaults {
    pub(super) fn add(&self, fault: WebhookFault) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(fault);
    }

    /// What happens to this webhook.
    pub(super) fn strike(&self, kind: Webhook, form: &[(String, String)]) -> Option<Trouble> {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fault = faults.iter_mut().find(|fault| fault.times > 0 && fault.fits(kind, form))?;
        if fault.skip > 0 {
            fault.skip -= 1;
            return None;
        }
        fault.times -= 1;
        Some(fault.trouble)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_strikes_those_that_fit_after_some_and_so_often() {
        let faults = WebhookFaults::default();
        faults.add(WebhookFault::new(Webhook::Status, Trouble::Lost).only("ringing").after(1).times(2));
        let form = |status: &str| vec![("CallStatus".to_owned(), status.to_owned())];
        let strike = |kind, status| faults.strike(kind, &form(status));
        let lost = Some(Trouble::Lost);
        assert_eq!(strike(Webhook::Status, "ringing"), None);
        assert_eq!(strike(Webhook::Status, "completed"), None);
        assert_eq!(strike(Webhook::Voice, "ringing"), None);
        assert_eq!([(); 3].map(|()| strike(Webhook::Status, "ringing")), [lost, lost, None]);
    }
}
