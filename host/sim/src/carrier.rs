//! A telephone carrier: Twilio, as its webhooks, TwiML, media streams and REST interface behave.

mod call;
pub(crate) mod callee;
mod caller;
mod conference;
mod courier;
mod desk;
mod dial;
mod faults;
mod gather;
mod leg;
pub(crate) mod line;
pub(crate) mod machine;
mod media;
mod outbound;
mod play;
pub(crate) mod playback;
mod recorder;
mod recordings;
mod rest;
mod rest_faults;
mod room;
pub(crate) mod shared;
mod signature;
pub(crate) mod twiml;
mod verbs;
mod webhook;
mod webhook_faults;

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;
use url::Url;

pub use callee::Callee;
pub use caller::{Call, CallError};
pub use faults::CarrierFaults;
pub use rest_faults::{Operation, RestFault, RestTrouble};
pub use shared::{End, HeardWord, Report, Said};
pub use signature::sign;
pub use twiml::{
    Dial, Dialled, Document, Gather, Link, Person, Play, Record, Seat, Stream, TwimlError, Verb,
};
pub use webhook::Method;
pub use webhook_faults::{Trouble, Webhook, WebhookFault};

use crate::accounts::Accounts;
use crate::faults::Faults;
use crate::server::Handle;
use desk::{Desk, Tasks, lock};
use leg::{Direction, Known};

/// An account for calls placed by hand. It exists nowhere else.
pub const ACCOUNT_SID: &str = "AC00000000000000000000000000000001";

/// What that account's requests are signed with.
pub const AUTH_TOKEN: &str = "simulated-auth-token";

/// A carrier account, and the platform that its numbers point to.
#[derive(Clone, Debug)]
pub struct Config {
    /// `AC` and 32 hexadecimal digits.
    pub account_sid: String,
    /// What requests are signed with.
    pub auth_token: String,
    /// Where the voice webhook is.
    pub voice_url: Url,
    /// Where the status callback of calls to the platform is; none is sent where absent.
    pub status_url: Option<Url>,
    /// Where calls to the platform ask when a document cannot be had or read; nowhere where absent.
    pub fallback_url: Option<Url>,
    /// The numbers that calls may come from; any where empty.
    pub numbers: Vec<String>,
    /// How long a call takes to show in the list of calls, which the real carrier calls eventually consistent.
    pub list_delay: Duration,
    /// How long a recording takes from its end until it can be had.
    pub recording_delay: Duration,
    /// Whether calls keep their audio for recordings: 1 MB a minute, too much for many calls at once.
    pub keep_audio: bool,
    /// How long a connection that is refused, or breaks before an answer, is tried again. In front of a real platform
    /// stands a balancer that holds requests while a process is replaced.
    pub connect_patience: Duration,
    /// Where the REST interface listens; a free port of this machine where absent.
    pub addr: Option<SocketAddr>,
}

impl Config {
    /// A platform at `base` with the usual webhook paths.
    ///
    /// # Errors
    /// Where `base` is no HTTP address.
    pub fn new(account_sid: &str, auth_token: &str, base: &str) -> Result<Self, url::ParseError> {
        let base = Url::parse(base)?;
        Ok(Self {
            account_sid: account_sid.into(),
            auth_token: auth_token.into(),
            voice_url: base.join("/webhooks/twilio/voice")?,
            status_url: Some(base.join("/webhooks/twilio/status")?),
            fallback_url: None,
            numbers: Vec::new(),
            list_delay: Duration::ZERO,
            recording_delay: Duration::ZERO,
            keep_audio: true,
            connect_patience: Duration::from_secs(5),
            addr: None,
        })
    }
}

/// The carrier, running.
#[derive(Debug)]
pub struct Twilio {
    desk: Arc<Desk>,
    accounts: Accounts,
    rest: Handle,
    taken_up: Mutex<Vec<String>>,
    _running: Running,
}

/// What ends with the carrier.
#[derive(Debug)]
struct Running(Arc<Tasks>);

impl Drop for Running {
    fn drop(&mut self) {
        lock(&self.0).abort_all();
    }
}

impl Twilio {
    /// Starts the carrier's REST interface.
    ///
    /// # Errors
    /// Where its port cannot be had, or the HTTP client cannot be made.
    pub async fn start(config: Config) -> io::Result<Self> {
        // Another part of the process may have chosen a provider already, which is as good.
        let _chosen = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .no_proxy()
            .connect_timeout(webhook::CONNECT_TIMEOUT)
            .timeout(webhook::TIMEOUT)
            .build()
            .map_err(io::Error::other)?;
        let addr = config.addr;
        let tasks = Arc::new(Mutex::new(JoinSet::new()));
        let desk = Arc::new(Desk::new(config, client, &tasks));
        let accounts = Accounts::default();
        let routes = accounts.beside(rest::routes(Arc::clone(&desk)), rest::whose);
        let rest = crate::server::start(addr, Faults::default(), |_| routes).await?;
        desk.set_api_url(rest.http_url());
        Ok(Self { desk, accounts, rest, taken_up: Mutex::default(), _running: Running(tasks) })
    }

    /// Opens another account with the same carrier: it is asked at the first one's address by its own name, and knows
    /// nothing of the first one's calls.
    ///
    /// # Errors
    /// As [`Twilio::start`].
    pub async fn open_account(&self, config: Config) -> io::Result<Self> {
        let name = config.account_sid.clone();
        let other = Self::start(config).await?;
        self.accounts.add(name, rest::routes(Arc::clone(&other.desk)));
        Ok(other)
    }

    /// The address of the REST interface, in place of `https://api.twilio.com`.
    pub fn api_url(&self) -> String {
        self.rest.http_url()
    }

    /// Calls the platform.
    pub fn place_call(&self, from: &str, to: &str) -> Call {
        self.place_call_with(from, to, CarrierFaults::default())
    }

    /// Calls the platform over a line with faults.
    pub fn place_call_with(&self, from: &str, to: &str, faults: CarrierFaults) -> Call {
        self.desk.receive(from, to, faults)
    }

    /// From now on this is who is at a number. A number of which nothing was said has [`Callee::default`].
    pub fn set_callee(&self, number: &str, callee: Callee) {
        self.set_callees(number, [callee]);
    }

    /// From now on these are at a number: one call each, and the last for all calls after that.
    pub fn set_callees(&self, number: &str, callees: impl IntoIterator<Item = Callee>) {
        lock(&self.desk.directory).set(number, callees.into_iter().collect::<VecDeque<_>>());
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
        let mut taken_up = lock(&self.taken_up);
        let next = self.legs_to(number).into_iter().find(|known| !taken_up.contains(&known.leg.sid))?;
        taken_up.push(next.leg.sid.clone());
        Some(self.desk.view(&next))
    }

    /// How many calls the platform placed to a number by REST: what really rang there, whatever it was answered.
    pub fn placed(&self, number: &str) -> usize {
        self.legs_to(number).iter().filter(|known| known.leg.direction == Direction::OutboundApi).count()
    }

    /// The calls to a number that are over, in their order.
    pub fn reports(&self, number: &str) -> Vec<Report> {
        self.legs_to(number).iter().filter_map(|known| known.leg.shared.lock().report()).collect()
    }

    /// The platform's calls to a number, in their order.
    fn legs_to(&self, number: &str) -> Vec<Known> {
        let mut legs = self.desk.legs();
        legs.retain(|known| known.leg.to == number && known.leg.direction != Direction::Inbound);
        legs.reverse();
        legs
    }

    /// Lets webhooks go wrong.
    pub fn add_webhook_fault(&self, fault: WebhookFault) {
        self.desk.webhook_faults.add(fault);
    }

    /// Lets requests to the REST interface go wrong.
    pub fn add_rest_fault(&self, fault: RestFault) {
        self.desk.rest_faults.add(fault);
    }

    /// Stops the REST interface, and the calls that the platform placed. Other calls go on until they are dropped, but
    /// ask for no more documents.
    pub async fn shutdown(self) {
        self.rest.shutdown().await;
    }
}
