//! Another telephone carrier: Telnyx, as its Call Control webhooks, commands and media streams behave.
//!
//! What it shares with [`crate::carrier`] is the telephone: the line, the person on it, and the [`Call`] to speak
//! through. Everything that the platform sees is Telnyx's own.

mod action;
mod card;
mod clock;
mod courier;
mod desk;
mod detection;
mod error;
mod faults;
mod fields;
mod joint;
mod leg;
mod order;
mod recorder;
mod rest;
mod shuffle;
mod signature;
mod sound;
mod stream;
mod talk;
mod texml;

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::timeout;
use url::Url;

pub use card::{Direction, Hangup};
pub use courier::Delivery;
pub use faults::{Fault, RestFault, Shuffle, StreamError, TelnyxFaults, WebhookFault};

pub use texml::Texml;

use crate::accounts::Accounts;
use crate::carrier::{Call, CallError, Callee, Report};
use crate::faults::Faults;
use crate::server::Handle;
use card::{Beginning, Card};
use desk::Desk;
use signature::Keys;

/// What a platform's commands are authorised with where calls are placed by hand. It opens nothing else.
pub const API_KEY: &str = "KEY_simulated";

/// The Call Control App of calls placed by hand.
pub const CONNECTION_ID: &str = "1494404757140276705";

/// What the key pair of calls placed by hand is made of, so that a platform can be started before them.
pub const SIGNING_SEED: [u8; 32] = *b"a simulated carrier, no secret..";

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A carrier account, and the platform that its Call Control App points to.
#[derive(Clone, Debug)]
pub struct Config {
    /// What commands are authorised with.
    pub api_key: String,
    /// The id of the Call Control App.
    pub connection_id: String,
    /// What the key pair is made of; a new one where absent.
    pub signing_seed: Option<[u8; 32]>,
    /// Where webhooks go, unless a command names another address.
    pub webhook_url: Url,
    /// Where webhooks go that nobody there accepted.
    pub failover_url: Option<Url>,
    /// Calls go to this TeXML application, and not to the Call Control App.
    pub texml: Option<Texml>,
    /// How long the platform may take to answer a webhook.
    pub webhook_timeout: Duration,
    /// The pauses before further tries of a webhook that was not accepted.
    pub retries: Vec<Duration>,
    /// Whether calls keep their audio for the report: 1 MB a minute, too much for many calls at once.
    pub keep_audio: bool,
    /// How long a connection that is refused is tried again, as a balancer before a real platform would hold it.
    pub connect_patience: Duration,
    /// How long a caller lets it ring.
    pub ring: Duration,
    /// Where the REST interface listens; a free port of this machine where absent.
    pub addr: Option<SocketAddr>,
}

impl Config {
    /// A platform at `base` with the usual webhook path.
    ///
    /// # Errors
    /// Where `base` is no HTTP address.
    pub fn new(api_key: &str, connection_id: &str, base: &str) -> Result<Self, url::ParseError> {
        Ok(Self {
            api_key: api_key.into(),
            connection_id: connection_id.into(),
            signing_seed: None,
            webhook_url: Url::parse(base)?.join("/webhooks/telnyx/call")?,
            failover_url: None,
            texml: None,
            webhook_timeout: Duration::from_secs(5),
            retries: vec![Duration::from_millis(500), Duration::from_secs(2)],
            keep_audio: true,
            connect_patience: Duration::from_secs(5),
            ring: Duration::from_secs(60),
            addr: None,
        })
    }
}

/// The public key that belongs to [`SIGNING_SEED`].
pub fn public_key_by_hand() -> String {
    Keys::new(Some(SIGNING_SEED)).public()
}

/// The carrier, running.
#[derive(Debug)]
pub struct Telnyx {
    desk: Arc<Desk>,
    accounts: Accounts,
    api_url: String,
    rest: Option<Handle>,
    /// The control ids of the calls that were taken up at their other ends.
    taken_up: Mutex<BTreeSet<String>>,
}

impl Telnyx {
    /// Starts the carrier's REST interface.
    ///
    /// # Errors
    /// Where its port cannot be had, or the HTTP client cannot be made.
    pub async fn start(config: Config) -> io::Result<Self> {
        // Another part of the process may have chosen a provider already, which is as good.
        let _chosen = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .build()
            .map_err(io::Error::other)?;
        let addr = config.addr;
        let desk = Arc::new(Desk::new(config, client));
        let accounts = Accounts::default();
        let routes = accounts.beside(rest::routes(Arc::clone(&desk)), rest::whose);
        let rest = crate::server::start(addr, Faults::default(), |_| routes).await?;
        let api_url = rest.http_url();
        desk.listens_at(api_url.clone());
        Ok(Self { desk, accounts, api_url, rest: Some(rest), taken_up: Mutex::default() })
    }

    /// Opens another account with the same carrier: it is asked at the first one's address with its own key, and knows
    /// nothing of the first one's calls.
    ///
    /// # Errors
    /// As [`Telnyx::start`].
    pub async fn open_account(&self, config: Config) -> io::Result<Self> {
        let key = config.api_key.clone();
        let other = Self::start(config).await?;
        self.accounts.add(key, rest::routes(Arc::clone(&other.desk)));
        Ok(other)
    }

    /// The address of the REST interface, in place of `https://api.telnyx.com`.
    pub fn api_url(&self) -> String {
        self.api_url.clone()
    }

    /// The account's public key, as the platform is told it: base64 of 32 bytes.
    pub fn public_key(&self) -> String {
        self.desk.keys.public()
    }

    /// Calls the platform.
    pub fn place_call(&self, from: &str, to: &str) -> Call {
        self.place_call_with(from, to, TelnyxFaults::default())
    }

    /// Calls the platform over a line with faults.
    pub fn place_call_with(&self, from: &str, to: &str, faults: TelnyxFaults) -> Call {
        let card = Card::new(Beginning {
            direction: Direction::Incoming,
            from: from.into(),
            to: to.into(),
            session: None,
            connection_id: self.desk.config.connection_id.clone(),
            client_state: None,
            webhook_url: self.desk.config.webhook_url.clone(),
        });
        Desk::receive(&self.desk, card, faults)
    }

    /// From now on this is who is at a number. A number of which nothing was said has [`Callee::default`].
    pub fn set_callee(&self, number: &str, callee: Callee) {
        self.set_callees(number, [callee]);
    }

    /// From now on these are at a number: one call each, and the last for all calls after that.
    pub fn set_callees(&self, number: &str, callees: impl IntoIterator<Item = Callee>) {
        self.desk.set_callees(number, callees.into_iter().collect());
    }

    /// The faults of the lines of calls that the platform places from now on.
    pub fn set_outbound_faults(&self, faults: TelnyxFaults) {
        self.desk.set_outbound_faults(faults);
    }

    /// The person's side of the next call to a number that was not taken up yet, from its dialling on. Dropped, the
    /// call goes on.
    ///
    /// # Errors
    /// Where the platform does not call within `deadline`.
    pub async fn callee(&self, number: &str, deadline: Duration) -> Result<Call, CallError> {
        let mut placed = self.desk.placed.subscribe();
        let next = async {
            loop {
                if let Some(call) = self.take_up(number) {
                    return call;
                }
                // The sender lives as long as the desk.
                let _changed = placed.changed().await;
            }
        };
        timeout(deadline, next).await.map_err(|_| CallError::Late {
            doing: format!("waiting for a call to {number}"),
            deadline,
            heard: String::new(),
        })
    }

    fn take_up(&self, number: &str) -> Option<Call> {
        let mut taken_up = self.taken_up.lock().unwrap_or_else(PoisonError::into_inner);
        let legs = self.desk.legs_to(number);
        let next = legs.iter().find(|known| !taken_up.contains(&known.card.call_control_id))?;
        taken_up.insert(next.card.call_control_id.clone());
        Some(next.view())
    }

    /// How many calls the platform placed to a number by dialling: what really rang there, whatever it was answered.
    pub fn placed(&self, number: &str) -> usize {
        self.desk.legs_to(number).iter().filter(|known| !known.card.transferred).count()
    }

    /// The calls to a number that are over, in their order.
    pub fn reports(&self, number: &str) -> Vec<Report> {
        self.desk.legs_to(number).iter().filter_map(|known| known.shared.lock().report()).collect()
    }

    /// How a call ended, by its call control id; `None` while it has not.
    pub fn hangup_of(&self, call_control_id: &str) -> Option<Hangup> {
        self.desk.find(call_control_id)?.card.hangup.get().copied()
    }

    /// What the last command on a call gave the carrier to remember, in base64.
    pub fn client_state(&self, call_control_id: &str) -> Option<String> {
        self.desk.find(call_control_id)?.card.client_state()
    }

    /// The commands that were acted upon, in order: `dial`, or the action's name, each with the call control id.
    pub fn commands(&self) -> Vec<(String, String)> {
        self.desk.commands()
    }

    /// Every try to deliver a webhook so far.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.desk.deliveries()
    }

    /// Lets something go wrong with webhooks.
    pub fn add_webhook_fault(&self, fault: WebhookFault) {
        self.desk.webhook_faults.add(fault);
    }

    /// Lets something go wrong with commands.
    pub fn add_rest_fault(&self, fault: RestFault) {
        self.desk.rest_faults.add(fault);
    }

    /// Puts the carrier's clock forward: addresses of recordings die, and command ids are forgotten.
    pub fn advance(&self, by: Duration) {
        self.desk.clock.advance(by);
    }

    /// Stops the REST interface, and the calls that the platform placed. Other calls go on until they are dropped.
    pub async fn shutdown(mut self) {
        self.desk.close();
        if let Some(rest) = self.rest.take() {
            rest.shutdown().await;
        }
    }
}

impl Drop for Telnyx {
    fn drop(&mut self) {
        self.desk.close();
    }
}
