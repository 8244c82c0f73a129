//! A telephone carrier: Twilio, as its webhooks, TwiML, media streams and REST interface behave.

mod call;
mod caller;
mod faults;
pub(crate) mod line;
mod media;
pub(crate) mod playback;
mod rest;
pub(crate) mod shared;
mod signature;
mod status;
mod twiml;
mod verbs;
mod webhook;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use url::Url;
use uuid::Uuid;

pub use caller::{Call, CallError};
pub use faults::CarrierFaults;
pub use shared::{End, HeardWord, Report, Said};
pub use signature::sign;
pub use twiml::{Document, Stream, TwimlError, Verb};

use crate::faults::Faults;
use crate::server::Handle;
use line::Command;
use shared::Shared;

/// An account for calls placed by hand. It exists nowhere else.
pub const ACCOUNT_SID: &str = "AC00000000000000000000000000000001";

/// What that account's requests are signed with.
pub const AUTH_TOKEN: &str = "simulated-auth-token";

/// How many commands may wait for a call's next moment.
const COMMANDS: usize = 64;

/// A carrier account, and the platform that its numbers point to.
#[derive(Clone, Debug)]
pub struct Config {
    /// `AC` and 32 hexadecimal digits.
    pub account_sid: String,
    /// What requests are signed with.
    pub auth_token: String,
    /// Where the voice webhook is.
    pub voice_url: Url,
    /// Where the status callback is; none is sent where absent.
    pub status_url: Option<Url>,
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
    rest: Handle,
}

/// What the REST interface and the calls share.
#[derive(Debug)]
struct Desk {
    config: Config,
    client: reqwest::Client,
    calls: Mutex<BTreeMap<String, Known>>,
}

/// A call as the REST interface knows it.
#[derive(Clone, Debug)]
struct Known {
    from: String,
    to: String,
    shared: Arc<Shared>,
    commands: mpsc::Sender<Command>,
}

impl Desk {
    fn find(&self, sid: &str) -> Option<Known> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).get(sid).cloned()
    }

    fn add(&self, sid: &str, known: Known) {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).insert(sid.to_owned(), known);
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
        let desk = Arc::new(Desk { config, client, calls: Mutex::default() });
        let rest = crate::server::start(addr, Faults::default(), |_| rest::routes(Arc::clone(&desk))).await?;
        Ok(Self { desk, rest })
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
        let sid = format!("CA{}", Uuid::new_v4().simple());
        let (commands, inbox) = mpsc::channel(COMMANDS);
        let shared = Arc::new(Shared::new());
        self.desk.add(
            &sid,
            Known {
                from: from.into(),
                to: to.into(),
                shared: Arc::clone(&shared),
                commands: commands.clone(),
            },
        );
        let task = call::Run::new(Arc::clone(&self.desk), &sid, from, to, faults, Arc::clone(&shared), inbox);
        let task = tokio::spawn(task.run());
        Call::new(sid, shared, commands, task)
    }

    /// Stops the REST interface. Calls go on until they are dropped.
    pub async fn shutdown(self) {
        self.rest.shutdown().await;
    }
}
