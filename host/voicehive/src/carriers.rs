//! The carriers' REST sides: ending calls, handing them over, and the worker that carries out what the edge commands.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use store::{Call, CallAccount, CarrierAccount, NativeDb, NewCommand, Store, TenantId, Timestamp};
use telephony::dispatch::{self, Carrier, Dispatcher, Environment, Running, USUAL_RATE};
use telephony::twilio::{Account, Consultation, Instructions};
use telephony::{Client, Fault, OwnAccounts, Secret, Timeouts, Unopened, Unusable, telnyx, twilio, webhooks};
use uuid::Uuid;

use crate::carrier_accounts::Opener;
use crate::config::Config;
use crate::tool_secrets::SecretKeys;

/// How long the person to whom a caller is handed over may take to answer.
const RING: Duration = Duration::from_secs(30);

/// How long what is in progress may take when the platform stops.
const SHUT_DOWN: Duration = Duration::from_secs(10);

/// Between the tries of a request that certainly did nothing, or that may be repeated.
const AGAIN: Duration = Duration::from_millis(300);

/// For how long the worker tries to end a call.
const END_TRIED_FOR: Duration = Duration::from_secs(600);

/// How often a request is tried.
const TRIES: u32 = 3;

/// The carriers, by the platform's accounts as far as their credentials are set, and by tenants' own.
pub struct Carriers {
    twilio: Option<twilio::Rest>,
    telnyx: Option<telnyx::Rest>,
    own: OwnAccounts<Client>,
    opener: Arc<Opener>,
    store: Store<NativeDb>,
    public_url: String,
}

/// What asks the carrier of a call, and where the webhooks of that account go.
struct Side {
    client: Client,
    webhooks: String,
}

/// Why a carrier did not do what a call needs.
#[derive(Debug, thiserror::Error)]
pub enum CarrierFault {
    /// Its credentials are not set.
    #[error("{0} cannot be asked (hint: set its credentials, see `voicehive doctor`)")]
    NoCredentials(String),
    /// Nobody knows the call by name.
    #[error("the carrier has not named the call")]
    Unnamed,
    /// The tenant's own account cannot be used.
    #[error(transparent)]
    Account(#[from] Unusable),
    /// It did not.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The number cannot be handed over to.
    #[error("the number cannot be called: {0}")]
    Number(#[from] ::telnyx::OutOfLimits),
}

/// How a caller is handed over.
pub struct HandOver<'a> {
    /// The number to hand over to.
    pub to: &'a str,
    /// What the person there is told before the caller is there; `None`: they are connected at once.
    pub briefing: Option<String>,
}

impl Carriers {
    /// The carriers of the configuration, and those of the accounts that tenants have themselves: `keys` open them.
    /// `public_url` is where carriers reach the webhooks.
    ///
    /// # Errors
    /// Where a credential or an address cannot be one.
    pub fn from_config(
        config: &Config,
        store: Store<NativeDb>,
        keys: Arc<SecretKeys>,
        public_url: String,
    ) -> anyhow::Result<Self> {
        let twilio = match (&config.twilio_account, config.twilio_tokens.first()) {
            (Some(sid), Some(token)) => {
                let account =
                    Account { sid: sid.clone(), api_key: None, secret: Secret::new(token.expose()) };
                let rest = twilio::Rest::new(account, config.twilio_api.clone(), Timeouts::default());
                Some(rest.context("Twilio's credentials (hint: TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN)")?)
            }
            _ => None,
        };
        let telnyx = match (&config.telnyx.key, &config.telnyx_connection) {
            (Some(key), Some(connection)) => {
                let key = Secret::new(key.expose());
                let rest = telnyx::Rest::new(key, connection, config.telnyx.url.clone(), Timeouts::default());
                Some(rest.context("Telnyx's credentials (hint: TELNYX_API_KEY, TELNYX_CONNECTION_ID)")?)
            }
            _ => None,
        };
        let opener = Arc::new(Opener::new(config, keys)?);
        Ok(Self { twilio, telnyx, own: OwnAccounts::default(), opener, store, public_url })
    }

    /// Whether the caller of this call can be handed over.
    pub async fn can_hand_over(&self, call: &Call) -> bool {
        match self.side(call).await {
            Ok(_) => true,
            Err(CarrierFault::NoCredentials(_)) => false,
            Err(error) => {
                tracing::warn!(%error, call = %call.id, "a call's carrier cannot be asked");
                false
            }
        }
    }

    /// By which account a call goes: the tenant's own, or the platform's.
    async fn side(&self, call: &Call) -> Result<Side, CarrierFault> {
        let own = self.own(&call.tenant, &call.carrier, call.carrier_account.as_ref()).await?;
        let tenant = own.is_some().then_some(&call.tenant);
        let webhooks = webhooks(&self.public_url, &call.carrier, tenant);
        let client = own.map_or_else(|| self.platforms(&call.carrier), Ok)?;
        Ok(Side { client, webhooks })
    }

    async fn own(
        &self,
        tenant: &TenantId,
        carrier: &str,
        held: Option<&CallAccount>,
    ) -> Result<Option<Client>, Unusable> {
        let open = |account: &CarrierAccount| self.opener.open(account);
        self.own.of(&self.store, (tenant, carrier), held, open).await
    }

    /// The carrier by the platform's account.
    fn platforms(&self, carrier: &str) -> Result<Client, CarrierFault> {
        let client = match carrier {
            "twilio" => self.twilio.clone().map(Client::Twilio),
            "telnyx" => self.telnyx.clone().map(Client::Telnyx),
            _ => None,
        };
        client.ok_or_else(|| CarrierFault::NoCredentials(carrier.to_owned()))
    }

    /// Ends a call. One that has ended already is a success.
    ///
    /// # Errors
    /// Where the carrier cannot be asked or refuses, after a few tries.
    pub async fn end(&self, call: &Call) -> Result<(), CarrierFault> {
        let id = named(call)?;
        match self.side(call).await?.client {
            Client::Twilio(twilio) => Ok(patiently(|| twilio.end(id)).await?),
            Client::Telnyx(telnyx) => {
                // One name for all tries, so that they are one command.
                let command = Uuid::new_v4().to_string();
                Ok(patiently(|| telnyx.end(id, &command)).await?)
            }
        }
    }

    /// Ends a call now, or has the worker do it, which tries for some minutes: a carrier that holds a call whose socket is
    /// gone lets the caller sit in silence, and bills it.
    pub async fn end_surely(&self, store: &Store<NativeDb>, call: &Call) -> bool {
        let Err(error) = self.end(call).await else { return true };
        tracing::warn!(%error, "the call could not be ended by REST; the worker goes on trying");
        let Some(carrier_call_id) = call.carrier_call_id.clone() else { return false };
        let now = Timestamp::now();
        let hangup = NewCommand {
            id: Uuid::new_v4().to_string(),
            carrier: call.carrier.clone(),
            carrier_call_id,
            action: "hangup".into(),
            body: serde_json::json!({}),
            expires_at: now.plus(END_TRIED_FOR),
        };
        if let Err(error) = store.enqueue_commands(&call.tenant, &call.id, &[hangup], now).await {
            tracing::error!(%error, "the end of a call could not be ordered");
        }
        false
    }

    /// Tells a carrier something about a call that no tenant has. It was offered by the account of `tenant`'s own where one
    /// is given, and otherwise by the platform's.
    ///
    /// # Errors
    /// Where the carrier cannot be asked or refuses. The platform's account is not asked about what a tenant's own keys
    /// proved, whether or not the tenant has an account of its own.
    pub async fn act(
        &self,
        (tenant, carrier): (Option<&TenantId>, &str),
        carrier_call_id: &str,
        action: &str,
        body: serde_json::Value,
        command_id: &str,
    ) -> Result<(), CarrierFault> {
        let client = match tenant {
            Some(tenant) => self
                .own(tenant, carrier, None)
                .await?
                .ok_or_else(|| Unusable::Unset { carrier: carrier.to_owned() })?,
            None => self.platforms(carrier)?,
        };
        match client {
            Client::Telnyx(telnyx) => Ok(telnyx.act(carrier_call_id, action, body, command_id).await?),
            Client::Twilio(_) => Err(CarrierFault::NoCredentials(carrier.to_owned())),
        }
    }

    /// Hands a caller over: the carrier dials, and our media stream ends.
    ///
    /// # Errors
    /// Where the carrier cannot be asked or refuses, also because the call has ended.
    pub async fn hand_over(&self, call: &Call, over: &HandOver<'_>) -> Result<(), CarrierFault> {
        let id = named(call)?;
        let Side { client, webhooks } = self.side(call).await?;
        match client {
            Client::Twilio(rest) => match &over.briefing {
                None => {
                    // Told how it went, the edge offers something else to a caller whom nobody answered.
                    let then = format!("{webhooks}/dial");
                    let dial = twiml::Dial::new().action(then).timeout(RING).number(over.to);
                    let dial = twiml::Response::new().dial(dial);
                    let instructions = Instructions::from(&dial);
                    Ok(patiently(|| rest.redirect(id, &instructions)).await?)
                }
                // Calls the person too, so it is tried once: a second ring would be worse than none.
                Some(briefing) => {
                    rest.warm_transfer(id, &consultation(call, id, over.to, briefing, &webhooks)).await?;
                    Ok(())
                }
            },
            // Telnyx dials and bridges by itself; a briefing would need a second leg of ours.
            Client::Telnyx(rest) => {
                let transfer = ::telnyx::Transfer::to(over.to)?.ring(RING)?;
                let command = Uuid::new_v4().to_string();
                Ok(patiently(|| rest.command(id, transfer.clone().into(), &command)).await?)
            }
        }
    }

    /// Starts the worker that places calls, carries out commands and fetches recordings.
    pub fn start_worker(&self, config: &Config) -> Worker {
        let mut settings = dispatch::Settings::new(format!("voicehive-{}", Uuid::new_v4()));
        settings.recordings_folder = Some(config.data.join("recordings"));
        let mut dispatcher = Dispatcher::new(self.store.clone(), settings, Environment::system());
        if let Some(rest) = &self.twilio {
            let carrier = dispatch::Twilio::new(rest.clone(), &self.public_url);
            dispatcher = dispatcher.carrier("twilio", carrier, USUAL_RATE);
        }
        if let Some(rest) = &self.telnyx {
            let carrier = dispatch::Telnyx::new(rest.clone(), &self.public_url);
            dispatcher = dispatcher.carrier("telnyx", carrier, USUAL_RATE);
        }
        let (opener, public_url) = (self.opener.clone(), self.public_url.clone());
        let open = move |account: &CarrierAccount| own_carrier(&opener, &public_url, account);
        Worker(dispatcher.own_accounts(open).start())
    }
}

/// A tenant's own account, as the worker uses it.
fn own_carrier(
    opener: &Opener,
    public_url: &str,
    account: &CarrierAccount,
) -> Result<Box<dyn Carrier>, Unopened> {
    let carrier: Box<dyn Carrier> = match opener.open(account)? {
        Client::Twilio(rest) => Box::new(dispatch::Twilio::of_tenant(rest, public_url, &account.tenant)),
        Client::Telnyx(rest) => Box::new(dispatch::Telnyx::of_tenant(rest, public_url, &account.tenant)),
    };
    Ok(carrier)
}

/// `webhooks` is where those of the call's account go.
fn consultation(call: &Call, id: &str, to: &str, briefing: &str, webhooks: &str) -> Consultation {
    // The number that the caller knows, which is one of ours.
    let own = match call.direction {
        store::Direction::Inbound => &call.to,
        store::Direction::Outbound => &call.from,
    };
    let conference = format!("voicehive-{}", Uuid::new_v4().simple());
    let reports = format!("{webhooks}/conference?caller={id}&room={conference}");
    Consultation {
        to: to.to_owned(),
        from: own.clone(),
        conference,
        briefing: twiml::Say::new(briefing),
        reports,
        ring: RING,
    }
}

/// The worker at work.
pub struct Worker(Running);

impl Worker {
    /// What wakes it.
    pub fn bell(&self) -> dispatch::Bell {
        self.0.bell()
    }

    /// Ends it once what is in progress is done.
    pub async fn shut_down(self) {
        if !self.0.shut_down(SHUT_DOWN).await {
            tracing::warn!("requests to carriers were broken off; the next start takes them up");
        }
    }
}

fn named(call: &Call) -> Result<&str, CarrierFault> {
    call.carrier_call_id.as_deref().ok_or(CarrierFault::Unnamed)
}

/// Tries a request that does no harm when it is done twice.
async fn patiently<F>(request: impl Fn() -> F) -> Result<(), Fault>
where
    F: Future<Output = Result<(), Fault>>,
{
    let mut tried = 1;
    loop {
        match request().await {
            Err(fault @ (Fault::NotDone { .. } | Fault::Unknown { .. })) if tried < TRIES => {
                tracing::debug!(%fault, tried, "asking a carrier again");
                tried += 1;
                tokio::time::sleep(AGAIN).await;
            }
            other => return other,
        }
    }
}
