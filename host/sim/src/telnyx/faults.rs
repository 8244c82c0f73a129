//! What can go wrong with this carrier.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::carrier::CarrierFaults;

/// Faults of one call. The default has none. Times count from the answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TelnyxFaults {
    /// What can go wrong with any carrier's line and media socket.
    pub line: CarrierFaults,
    /// The media messages of each track leave out of order.
    pub shuffle: Option<Shuffle>,
    /// Errors that the media socket reports although the platform did nothing wrong.
    pub stream_errors: Vec<StreamError>,
}

/// Media out of order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shuffle {
    /// How many chunks may overtake one, at most.
    pub by: u32,
    /// Which order: the same number gives the same.
    pub seed: u64,
}

/// An error on the media socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamError {
    /// When.
    pub at: Duration,
    /// 100002 to 100005.
    pub code: u32,
}

/// Something that goes wrong with webhooks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookFault {
    /// The event type it strikes, such as `call.hangup`; all where absent.
    pub event: Option<String>,
    /// How many events it strikes before it is over.
    pub times: u32,
    /// What happens to them.
    pub trouble: WebhookTrouble,
}

/// What happens to a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookTrouble {
    /// It is sent so much later, after others that followed it.
    Late(Duration),
    /// It is sent so many times more, under the same event id.
    Duplicated(u32),
    /// The next event of the same call overtakes it. Where none comes within a second, it is sent all the same.
    Reordered,
    /// It is never sent.
    Lost,
}

/// Something that goes wrong with commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestFault {
    /// The command it strikes: `dial`, or the action's name; all where absent.
    pub command: Option<String>,
    /// How many requests it strikes before it is over.
    pub times: u32,
    /// What happens to them.
    pub trouble: RestTrouble,
}

/// What happens to a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestTrouble {
    /// 429 with `Retry-After` in whole seconds; nothing is done.
    TooManyRequests(Duration),
    /// 500; nothing is done.
    Failing,
    /// 500, and yet it was done.
    FailingAfterActing,
    /// The connection breaks before anything is done.
    DroppedBefore,
    /// It is done, and the connection breaks before the answer.
    AnswerLost,
}

/// The faults in force.
#[derive(Debug, Default)]
pub(super) struct Rules {
    webhooks: Mutex<Vec<WebhookFault>>,
    commands: Mutex<Vec<RestFault>>,
}

impl Rules {
    pub(super) fn add_webhook(&self, fault: WebhookFault) {
        self.webhooks.lock().unwrap_or_else(PoisonError::into_inner).push(fault);
    }

    pub(super) fn add_command(&self, fault: RestFault) {
        self.commands.lock().unwrap_or_else(PoisonError::into_inner).push(fault);
    }

    /// What strikes this event; it is used up.
    pub(super) fn webhook(&self, event: &str) -> Option<WebhookTrouble> {
        let mut faults = self.webhooks.lock().unwrap_or_else(PoisonError::into_inner);
        let strikes = |fault: &&mut WebhookFault| {
            fault.times > 0 && fault.event.as_deref().is_none_or(|wanted| wanted == event)
        };
        let fault = faults.iter_mut().find(strikes)?;
        fault.times -= 1;
        Some(fault.trouble)
    }

    /// What strikes this command; it is used up.
    pub(super) fn command(&self, command: &str) -> Option<RestTrouble> {
        let mut faults = self.commands.lock().unwrap_or_else(PoisonError::into_inner);
        let strikes = |fault: &&mut RestFault| {
            fault.times > 0 && fault.command.as_deref().is_none_or(|wanted| wanted == command)
        };
        let fault = faults.iter_mut().find(strikes)?;
        fault.times -= 1;
        Some(fault.trouble)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_strikes_its_kind_and_as_often_as_asked() {
        let rules = Rules::default();
        let trouble = RestTrouble::Failing;
        rules.add_command(RestFault { command: Some("dial".into()), times: 2, trouble });
        assert_eq!(rules.command("hangup"), None);
        assert_eq!(rules.command("dial"), Some(trouble));
        rules.add_webhook(WebhookFault { event: None, times: 1, trouble: WebhookTrouble::Lost });
        assert_eq!(rules.webhook("call.hangup"), Some(WebhookTrouble::Lost));
        assert_eq!(rules.webhook("call.hangup"), None);
        assert_eq!(rules.command("dial"), Some(trouble));
        assert_eq!(rules.command("dial"), None);
    }
}
