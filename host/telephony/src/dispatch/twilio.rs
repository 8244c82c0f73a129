//! Twilio, as the worker uses it.

use std::path::Path;
use std::time::Duration;

use call_state::Ids;
use serde_json::Value;
use store::{Command, DueRecording, Order, TenantId, Timestamp};

use super::carrier::{BoxFuture, Carrier};
use crate::accounts::webhooks;
use crate::order::Rules;
use crate::twilio::{Detection, Instructions, NewCall, Recording, RecordingId, Rest};
use crate::{Fault, FetchError, Fetched};

/// Twilio's API, and where its webhooks go.
///
/// Commands are `redirect` (`{"url"}` or `{"twiml"}`), `hangup`, `send_dtmf` (`{"digits","url"}`), `record_start`
/// (`{"callback"}`) and `record_stop`. Twilio knows no command by a name, so one whose answer was lost may be carried out
/// twice: a call is ended once, a recording is looked for before it is begun again, and instructions begin anew.
#[derive(Clone, Debug)]
pub struct Twilio {
    rest: Rest,
    webhooks: String,
}

impl Twilio {
    /// `public_url` is where the edge is reached from outside, without a final slash.
    #[must_use]
    pub fn new(rest: Rest, public_url: &str) -> Self {
        Self { rest, webhooks: webhooks(public_url, "twilio", None) }
    }

    /// The same for an account of this tenant's own, whose webhooks the tenant's own keys prove.
    #[must_use]
    pub fn of_tenant(rest: Rest, public_url: &str, tenant: &TenantId) -> Self {
        Self { rest, webhooks: webhooks(public_url, "twilio", Some(tenant)) }
    }

    /// A webhook's address that says which call of ours it is about: by it a call is known whose `CallSid` was lost.
    fn webhook(&self, name: &str, order: &Order) -> String {
        format!("{}/{name}?call={}", self.webhooks, order.call)
    }

    fn call(&self, order: &Order) -> NewCall {
        let instructions = Instructions::Url(self.webhook("voice", order));
        let mut call = NewCall::new(order.from.as_str(), order.to.as_str(), instructions);
        call.status_callback = Some(self.webhook("status", order));
        call.ring = Some(order.ring);
        call.detection = order
            .detect_machine
            .then(|| Detection { callback: self.webhook("answered-by", order), until_greeting_ends: true });
        call.recording = order.record.then(|| Recording { callback: self.webhook("recording", order) });
        call
    }

    async fn carry_out(&self, command: &Command) -> Result<(), Fault> {
        let sid = command.carrier_call_id.as_str();
        let text = |name| command.body.get(name).and_then(Value::as_str);
        let missing = || Fault::unfit("malformed_command");
        match command.action.as_str() {
            "hangup" => self.rest.end(sid).await,
            "redirect" => {
                let url = text("url").map(|url| Instructions::Url(url.to_owned()));
                let twiml = || text("twiml").map(|twiml| Instructions::Twiml(twiml.to_owned()));
                self.rest.redirect(sid, &url.or_else(twiml).ok_or_else(missing)?).await
            }
            "send_dtmf" => {
                let (keys, go_on) = text("digits").zip(text("url")).ok_or_else(missing)?;
                self.rest.send_dtmf(sid, keys, go_on).await
            }
            "record_start" => {
                // It may have been asked for before, and a second recording would be a second file.
                if command.attempts > 1 && !self.rest.recordings(sid).await?.is_empty() {
                    return Ok(());
                }
                self.rest.start_recording(sid, text("callback").ok_or_else(missing)?).await.map(|_| ())
            }
            "record_stop" => self.rest.stop_recording(sid).await,
            _ => Err(Fault::unfit("unknown_action")),
        }
    }
}

impl Carrier for Twilio {
    fn rules(&self) -> Rules {
        Rules::twilio()
    }

    fn place<'a>(&'a self, order: &'a Order, _attempt: &'a str) -> BoxFuture<'a, Result<Ids, Fault>> {
        Box::pin(async move {
            let sid = self.rest.place(&self.call(order)).await?;
            Ok(Ids { leg: Some(sid), ..Ids::default() })
        })
    }

    fn find<'a>(&'a self, order: &'a Order, since: Timestamp) -> BoxFuture<'a, Result<Vec<Ids>, Fault>> {
        Box::pin(async move {
            let until = since.plus(LONGEST_REQUEST + CLOCK_SKEW);
            let skew = i64::try_from(CLOCK_SKEW.as_millis()).unwrap_or_default();
            let since = Timestamp(since.0.saturating_sub(skew));
            let mut calls = self.rest.placed_since(order.from.as_str(), order.to.as_str(), since).await?;
            // Somebody else may use the account too, and have called the same number later.
            calls.retain(|call| call.created_at.is_none_or(|created| created <= until));
            Ok(calls.into_iter().map(|call| Ids { leg: Some(call.sid), ..Ids::default() }).collect())
        })
    }

    fn command<'a>(&'a self, command: &'a Command) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(self.carry_out(command))
    }

    fn fetch<'a>(
        &'a self,
        recording: &'a DueRecording,
        file: &'a Path,
        limit: u64,
    ) -> BoxFuture<'a, Result<Fetched, FetchError>> {
        Box::pin(async move {
            let id = RecordingId::parse(&recording.recording.id);
            let id = id.ok_or_else(|| Fault::unfit("malformed_sid"))?;
            self.rest.fetch_recording(&id, file, limit).await
        })
    }
}

/// How much Twilio's clock and ours may differ. A call that is found for being a minute too old costs nothing, as those
/// that are known to be others are left out; one that is not found is placed again.
const CLOCK_SKEW: Duration = Duration::from_secs(60);

/// Above what a request may take that nobody answered, on its way and at Twilio: how long after it was begun a call may
/// come of it.
const LONGEST_REQUEST: Duration = Duration::from_secs(60);
