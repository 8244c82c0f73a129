//! The lane of commands: what carriers are told of calls that go on.

use std::sync::Arc;
use std::time::Duration;

use call_state::Streaming;
use store::{CallAccount, Command, NewCommand, StoreError};
use uuid::Uuid;

use super::Shared;
use super::carrier::ends_instead;
use super::lane::Lane;
use super::line::Chosen;
use crate::Fault;
use crate::backoff::Backoff;

pub(super) struct Commands {
    shared: Arc<Shared>,
}

impl Commands {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    async fn carry_out(&self, command: &Command) -> Result<(), StoreError> {
        let shared = &self.shared;
        if command.expires_at <= shared.now() {
            return self.fail(command, "expired").await;
        }
        let held = self.held(command).await?;
        let line = match shared.choose(&command.tenant, &command.carrier, held.as_ref()).await? {
            Chosen::Line(line) => line,
            Chosen::Nobody => return self.fail(command, "there is no such carrier").await,
            // No account that is set later becomes the call's.
            Chosen::Unusable(why) if held == Some(CallAccount::Nobody) => {
                return self.fail(command, &why).await;
            }
            Chosen::Unusable(why) => return self.put_off(command, &why).await,
        };
        let (fault, retry_after) = match line.carrier.command(command).await {
            Ok(()) => return shared.store.command_done(&command.tenant, &command.id, shared.now()).await,
            Err(fault @ Fault::Refused { .. }) => return self.fail(command, &fault.to_string()).await,
            Err(fault @ Fault::NotDone { retry_after, .. }) => (fault, retry_after.unwrap_or_default()),
            // Said again under the same name, or where saying it twice does no harm: see `Carrier::command`.
            Err(fault @ Fault::Unknown { .. }) => (fault, Duration::ZERO),
        };
        let pause = BACKOFF.pause(command.attempts, shared.share()).max(retry_after);
        let at = shared.now().plus(pause);
        if command.attempts >= MAX_ATTEMPTS || command.expires_at <= at {
            return self.fail(command, &fault.to_string()).await;
        }
        tracing::info!(call = %command.call, action = command.action, %fault, "a command is to be repeated");
        shared.store.command_again(&command.tenant, &command.id, at, &fault.to_string()).await
    }

    /// By which account the command's call goes.
    async fn held(&self, command: &Command) -> Result<Option<CallAccount>, StoreError> {
        let call = self.shared.store.call(&command.tenant, &command.call).await?;
        Ok(call.and_then(|call| call.carrier_account))
    }

    /// The account cannot be used now, and the carrier was not asked: the account is waited for as long as the command is
    /// of use, and all its tries are left.
    async fn put_off(&self, command: &Command, why: &str) -> Result<(), StoreError> {
        let shared = &self.shared;
        let at = shared.now().plus(ACCOUNT_WAIT);
        if command.expires_at <= at {
            return self.fail(command, why).await;
        }
        tracing::warn!(call = %command.call, action = command.action, why, "a command waits for its account");
        shared.store.command_waits(&command.tenant, &command.id, at, why).await
    }

    async fn fail(&self, command: &Command, why: &str) -> Result<(), StoreError> {
        tracing::warn!(call = %command.call, action = command.action, why, "a command was not carried out");
        let (store, now) = (&self.shared.store, self.shared.now());
        if let Some(end) = self.end_instead(command).await? {
            // Before the command is settled: whoever dies in between finds it due, and fails it again.
            store.enqueue_commands(&command.tenant, &command.call, &[end], now).await?;
        }
        store.command_failed(&command.tenant, &command.id, why, now).await
    }

    /// What ends the call of a command that will not be carried out, unless the call is over or its agent is heard.
    async fn end_instead(&self, command: &Command) -> Result<Option<NewCommand>, StoreError> {
        let shared = &self.shared;
        // Not whether the account can be used now: it may be mended in time.
        let Some(action) = ends_instead(command) else { return Ok(None) };
        let Some(call) = shared.store.call(&command.tenant, &command.call).await? else { return Ok(None) };
        let state = shared.store.carrier_state(&command.tenant, &command.call).await?;
        let is_heard = state.facts().first_leg().streaming() == Some(Streaming::Started);
        let is_nobodys = call.carrier_account == Some(CallAccount::Nobody);
        if is_heard || is_nobodys || call.status.is_terminal() {
            return Ok(None);
        }
        // Named after the command, so that failing it again orders nothing more.
        let id = match Uuid::parse_str(&command.id) {
            Ok(id) => Uuid::from_u128(id.as_u128() ^ 1).to_string(),
            Err(_) => format!("{}-{action}", command.id),
        };
        Ok(Some(NewCommand {
            id,
            carrier: command.carrier.clone(),
            carrier_call_id: command.carrier_call_id.clone(),
            action: action.to_owned(),
            body: serde_json::json!({}),
            expires_at: shared.now().plus(END_LIFE),
        }))
    }
}

impl Lane for Commands {
    type Item = Command;

    const NAME: &'static str = "commands";

    fn slots(&self) -> usize {
        self.shared.settings.commands
    }

    fn poll(&self) -> Duration {
        self.shared.settings.poll
    }

    async fn lease(&self, limit: u32) -> Vec<Command> {
        let shared = &self.shared;
        let leased = shared.store.lease_commands(&shared.settings.owner, shared.now(), LEASE, limit).await;
        leased.unwrap_or_else(|error| {
            tracing::warn!(%error, "cannot see which commands are due");
            Vec::new()
        })
    }

    async fn run(&self, command: Command) {
        if let Err(error) = self.carry_out(&command).await {
            tracing::warn!(call = %command.call, %error, "a command was left as it stood");
        }
    }
}

/// Somebody on the telephone waits. Telnyx advises to repeat a command after 500 ms.
const BACKOFF: Backoff = Backoff { first: Duration::from_millis(500), most: Duration::from_secs(4) };

/// How long a command waits before its account is looked at again.
const ACCOUNT_WAIT: Duration = Duration::from_secs(5);

/// How long the end of a call is tried for: until it is ended, it costs.
const END_LIFE: Duration = Duration::from_secs(600);

/// With requests of at most 10 s all tries fall within the 60 s for which Telnyx knows a command by its name.
const MAX_ATTEMPTS: u32 = 4;

/// Above what a command takes: two requests at most, of 10 s each.
const LEASE: Duration = Duration::from_secs(25);
