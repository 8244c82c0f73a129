//! The carriers' REST sides: ending calls, handing them over, and the worker that carries out what the edge commands.

use std::time::Duration;

use anyhow::Context as _;
use store::{Call, NativeDb, NewCommand, Store, Timestamp};
use telephony::dispatch::{self, Dispatcher, Environment, Running, USUAL_RATE};
use telephony::twilio::{Account, Consultation, Instructions};
use telephony::{Fault, Secret, Timeouts, telnyx, twilio};
use uuid::Uuid;

use crate::config::Config;

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

/// The carriers whose credentials are set.
pub struct Carriers {
    twilio: Option<twilio::Rest>,
    telnyx: Option<telnyx::Rest>,
    public_url: String,
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
    /// The carriers of the configuration. `public_url` is where carriers reach the webhooks.
    ///
    /// # Errors
    /// Where a credential cannot be one.
    pub fn from_config(config: &Config, public_url: String) -> anyhow::Result<Self> {
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
        Ok(Self { twilio, telnyx, public_url })
    }

    /// Whether callers of this carrier can be handed over.
    pub fn can_hand_over(&self, carrier: &str) -> bool {
        match carrier {
            "twilio" => self.twilio.is_some(),
            "telnyx" => self.telnyx.is_some(),
            _ => false,
        }
    }

    /// Ends a call. One that has ended already is a success.
    ///
    /// # Errors
    /// Where the carrier cannot be asked or refuses, after a few tries.
    pub async fn end(&self, call: &Call) -> Result<(), CarrierFault> {
        let id = named(call)?;
        match (call.carrier.as_str(), &self.twilio, &self.telnyx) {
            ("twilio", Some(twilio), _) => Ok(patiently(|| twilio.end(id)).await?),
            ("telnyx", _, Some(telnyx)) => {
                // One name for all tries, so that they are one command.
                let command = Uuid::new_v4().to_string();
                Ok(patiently(|| telnyx.end(id, &command)).await?)
            }
            _ => Err(CarrierFault::NoCredentials(call.carrier.clone())),
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

    /// Tells a carrier something about a call that no tenant has.
    ///
    /// # Errors
    /// Where the carrier cannot be asked or refuses.
    pub async fn act(
        &self,
        carrier: &str,
        carrier_call_id: &str,
        action: &str,
        body: serde_json::Value,
        command_id: &str,
    ) -> Result<(), CarrierFault> {
        match (carrier, &self.telnyx) {
            ("telnyx", Some(telnyx)) => Ok(telnyx.act(carrier_call_id, action, body, command_id).await?),
            _ => Err(CarrierFault::NoCredentials(carrier.to_owned())),
        }
    }

    /// Hands a caller over: the carrier dials, and our media stream ends.
    ///
    /// # Errors
    /// Where the carrier cannot be asked or refuses, also because the call has ended.
    pub async fn hand_over(&self, call: &Call, over: &HandOver<'_>) -> Result<(), CarrierFault> {
        let id = named(call)?;
        match (call.carrier.as_str(), &self.twilio, &self.telnyx) {
            ("twilio", Some(rest), _) => match &over.briefing {
                None => {
                    // Told how it went, the edge offers something else to a caller whom nobody answered.
                    let then = format!("{}/webhooks/twilio/dial", self.public_url);
                    let dial = twiml::Dial::new().action(then).timeout(RING).number(over.to);
                    let dial = twiml::Response::new().dial(dial);
                    let instructions = Instructions::from(&dial);
                    Ok(patiently(|| rest.redirect(id, &instructions)).await?)
                }
                // Calls the person too, so it is tried once: a second ring would be worse than none.
                Some(briefing) => {
                    rest.warm_transfer(id, &self.consultation(call, id, over.to, briefing)).await?;
                    Ok(())
                }
            },
            // Telnyx dials and bridges by itself; a briefing would need a second leg of ours.
            ("telnyx", _, Some(rest)) => {
                let transfer = ::telnyx::Transfer::to(over.to)?.ring(RING)?;
                let command = Uuid::new_v4().to_string();
                Ok(patiently(|| rest.command(id, transfer.clone().into(), &command)).await?)
            }
            _ => Err(CarrierFault::NoCredentials(call.carrier.clone())),
        }
    }

    fn consultation(&self, call: &Call, id: &str, to: &str, briefing: &str) -> Consultation {
        // The number that the caller knows, which is one of ours.
        let own = match call.direction {
            store::Direction::Inbound => &call.to,
            store::Direction::Outbound => &call.from,
        };
        let conference = format!("voicehive-{}", Uuid::new_v4().simple());
        let reports = format!("{}/webhooks/twilio/conference?caller={id}&room={conference}", self.public_url);
        Consultation {
            to: to.to_owned(),
            from: own.clone(),
            conference,
            briefing: twiml::Say::new(briefing),
            reports,
            ring: RING,
        }
    }

    /// Starts the worker that places calls, carries out commands and fetches recordings.
    pub fn start_worker(&self, store: Store<NativeDb>, config: &Config) -> Worker {
        let mut settings = dispatch::Settings::new(format!("voicehive-{}", Uuid::new_v4()));
        settings.recordings_folder = Some(config.data.join("recordings"));
        let mut dispatcher = Dispatcher::new(store, settings, Environment::system());
        if let Some(rest) = &self.twilio {
            let carrier = dispatch::Twilio::new(rest.clone(), &self.public_url);
            dispatcher = dispatcher.carrier("twilio", carrier, USUAL_RATE);
        }
        if let Some(rest) = &self.telnyx {
            let carrier = dispatch::Telnyx::new(rest.clone(), &self.public_url);
            dispatcher = dispatcher.carrier("telnyx", carrier, USUAL_RATE);
        }
        Worker(dispatcher.start())
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
