//! Another telephone carrier: Telnyx, as its Call Control webhooks, commands and media streams behave.
//!
//! What it shares with [`crate::carrier`] is the telephone: the line, the person on it, and the [`Call`] to speak
//! through. Everything that the platform sees is Telnyx's own.

mod action;
mod callee;
mod card;
mod clock;
mod courier;
mod desk;
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

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, mpsc};
use tokio::time::timeout;
use url::Url;

pub use callee::Callee;
pub use card::{Direction, Hangup};
pub use courier::Delivery;
pub use faults::{RestFault, RestTrouble, Shuffle, StreamError, TelnyxFaults, WebhookFault, WebhookTrouble};

use crate::carrier::Call;
use crate::faults::Faults;
use crate::server::Handle;
use card::{Beginning, Card};
use desk::{Desk, Setup};
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
    rest: Handle,
    /// The other ends of calls that the platform placed. They hang up when this is dropped.
    outbound: Mutex<mpsc::Receiver<Call>>,
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
        let (calls, outbound) = mpsc::channel(desk::MOST_OUTBOUND);
        let desk = Arc::new(Desk::new(config, client, calls));
        let rest = crate::server::start(addr, Faults::default(), |_| rest::routes(Arc::clone(&desk))).await?;
        desk.listens_at(rest.http_url());
        Ok(Self { desk, rest, outbound: Mutex::new(outbound) })
    }

    /// The address of the REST interface, in place of `https://api.telnyx.com`.
    pub fn api_url(&self) -> String {
        self.rest.http_url()
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
        Desk::begin(&self.desk, card, Setup::Incoming, faults)
    }

    /// Puts someone at a number. At every other number is a person who answers and says nothing unasked.
    pub fn set_callee(&self, number: &str, callee: Callee) {
        self.desk.set_callee(number, callee);
    }

    /// The faults of the lines of calls that the platform places from now on.
    pub fn set_outbound_faults(&self, faults: TelnyxFaults) {
        self.desk.set_outbound_faults(faults);
    }

    /// The other end of the next call that the platform placed, in the order of placing; `None` where none comes within
    /// `deadline`.
    pub async fn outbound_call(&self, deadline: Duration) -> Option<Call> {
        timeout(deadline, async { self.outbound.lock().await.recv().await }).await.ok().flatten()
    }

    /// How many calls were placed to this number by the platform's commands.
    pub fn placed(&self, to: &str) -> usize {
        self.desk.placed(to)
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
    pub fn fail_webhooks(&self, fault: WebhookFault) {
        self.desk.rules.add_webhook(fault);
    }

    /// Lets something go wrong with commands.
    pub fn fail_commands(&self, fault: RestFault) {
        self.desk.rules.add_command(fault);
    }

    /// Puts the carrier's clock forward: addresses of recordings die, and command ids are forgotten.
    pub fn advance(&self, by: Duration) {
        self.desk.clock.advance(by);
    }

    /// Stops the REST interface. Calls go on until they are dropped.
    pub async fn shutdown(self) {
        self.rest.shutdown().await;
    }
}
