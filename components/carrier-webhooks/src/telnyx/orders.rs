//! Steps as commands in the outbox.

use std::time::Duration;

use media_token::Claims;
use serde_json::Value;
use store::{AgentId, Call, CallId, NewCommand, TenantId, Timestamp};
use telnyx::{
    Answer, Cause, Channels, ClientState, Codec, Command, Format, Hangup, OutOfLimits, RecordStart, Reject,
    Speak, Stream, StreamingStart, Track, Transfer,
};
use uuid::Uuid;

use super::chain::Step;
use super::{CARRIER, FORWARDED};
use crate::decision::{APOLOGY, THANKS};
use crate::proof::Proven;

/// How long a command may wait for the host. Longer than this nobody listens to silence, or rings.
const LIFE: Duration = Duration::from_secs(30);

/// How long the end of a call may wait for the host: until it is ended, it costs.
const HANG_UP_LIFE: Duration = Duration::from_secs(600);

/// From the order to the opening of the media socket: [`LIFE`], and what Telnyx needs to open it on a slow network.
const TOKEN_LIFE: Duration = Duration::from_secs(90);

/// Why a step is no command.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("no command says that")]
    Limits(#[from] OutOfLimits),
    #[error("the media token cannot be made")]
    Token(#[from] media_token::Error),
    #[error("the call has no agent")]
    NoAgent,
}

/// The call that is told something.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'a> {
    /// Whose it is.
    pub(super) tenant: &'a TenantId,
    /// Our name of it.
    pub(super) call: &'a CallId,
    /// The agent that talks in it, where one does.
    pub(super) agent: Option<&'a AgentId>,
    /// The carrier's name of its first leg.
    pub(super) leg: &'a str,
}

impl<'a> Subject<'a> {
    /// A stored call, whose first leg has this name.
    pub(super) fn of(call: &'a Call, leg: &'a str) -> Self {
        Self { tenant: &call.tenant, call: &call.id, agent: call.agent.as_ref(), leg }
    }
}

/// What commands are made of, apart from the call.
pub(super) struct Desk<'a> {
    /// The base of the media sockets.
    pub(super) media_url: String,
    /// What media tokens are signed with.
    pub(super) secret: &'a media_token::Secret,
    /// In which codec our media sockets talk.
    pub(super) codec: Codec,
    /// The voice of texts that the carrier says.
    pub(super) voice: &'a str,
    /// Now.
    pub(super) now: Timestamp,
}

impl<'a> Desk<'a> {
    /// The desk of a proven webhook.
    pub(super) fn of(proven: &Proven<'a>, now: Timestamp) -> Self {
        let settings = proven.settings();
        Self {
            media_url: proven.media_url(),
            secret: &settings.media_token_secret,
            codec: settings.telnyx_codec,
            voice: &settings.telnyx_voice,
            now,
        }
    }
    /// The order for one step. What cannot be ordered ends the call: nobody is left in silence for a fault of ours.
    pub(super) fn order(&self, call: Subject<'_>, step: &Step) -> (NewCommand, Option<Fault>) {
        let (command, fault) = match self.command(call, step) {
            Ok(command) => (command, None),
            Err(fault) => (Hangup::new().into(), Some(fault)),
        };
        let life = if command.action() == telnyx::Action::Hangup { HANG_UP_LIFE } else { LIFE };
        let action = command.action().to_string();
        let order = NewCommand {
            id: Uuid::new_v4().to_string(),
            carrier: CARRIER.to_owned(),
            carrier_call_id: call.leg.to_owned(),
            action,
            body: body(call, command),
            expires_at: self.now.plus(life),
        };
        (order, fault)
    }

    fn command(&self, call: Subject<'_>, step: &Step) -> Result<Command, Fault> {
        Ok(match step {
            Step::AnswerForAgent => Answer::new().stream(self.stream(call)?).into(),
            Step::Answer => Answer::new().into(),
            Step::Stream { .. } => StreamingStart::new(self.stream(call)?).into(),
            Step::Say(text) => self.speak(text)?,
            Step::Apologise => self.speak(APOLOGY)?,
            Step::Thank => self.speak(THANKS)?,
            Step::Record { max_seconds } => RecordStart::new(Channels::Single, Format::Wav)
                .max_length(Duration::from_secs((*max_seconds).into()))?
                .play_beep(true)
                .inbound_only()
                .into(),
            Step::Forward { to, ring_seconds } => Transfer::to(to)?
                .ring(Duration::from_secs(u64::from(*ring_seconds).clamp(5, 600)))?
                .target_state(&ClientState::of_leg(call.call.as_str(), FORWARDED)?)
                .into(),
            Step::TurnDown { busy: true } => Reject::new(Cause::UserBusy).into(),
            Step::TurnDown { busy: false } => Reject::new(Cause::CallRejected).into(),
            Step::HangUp => Hangup::new().into(),
        })
    }

    fn speak(&self, text: &str) -> Result<Command, Fault> {
        let text: String = text.chars().take(Speak::CHARS_MAX).collect();
        Ok(Speak::new(&text, self.voice)?.into())
    }

    fn stream(&self, call: Subject<'_>) -> Result<Stream, Fault> {
        let claims = Claims {
            tenant: call.tenant.to_string(),
            agent: call.agent.ok_or(Fault::NoAgent)?.to_string(),
            call: call.call.to_string(),
            nonce: Uuid::new_v4().simple().to_string(),
            expires_at: self.now.plus(TOKEN_LIFE).as_secs(),
        };
        let token = media_token::mint(self.secret, &claims)?;
        let url = format!("{}/media/telnyx/{token}", self.media_url);
        Ok(Stream::new(url)?.track(Track::Inbound).talk(self.codec))
    }
}

/// The command's body, which lets Telnyx name our call in what it says later.
fn body(call: Subject<'_>, command: Command) -> Value {
    match ClientState::of_call(call.call.as_str()) {
        Ok(state) => command.client_state(&state).into_body(),
        Err(_) => command.into_body(),
    }
}
