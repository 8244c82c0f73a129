//! Connections to vendors: one HTTP client, one TLS configuration, one set of deadlines.

mod http;
mod retry;
mod socket;

use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, RootCertStore};

pub(crate) use self::http::{Answer, read_all};
pub use self::retry::Retry;
pub(crate) use self::socket::{Frame, Socket, deliver};
use crate::{Error, Kind, Stage};

/// What vendors share. Cheap to clone; make one for the process, inside its tokio runtime.
///
/// Proxies from the environment are not used, and redirects are not followed: a key goes to the configured host only.
#[derive(Debug, Clone)]
pub struct Transport {
    http: reqwest::Client,
    tls: Arc<ClientConfig>,
    timeouts: Timeouts,
    retry: Retry,
}

/// How long to wait for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// A TCP connection, name resolution included.
    pub connect: Duration,
    /// TLS and the WebSocket upgrade.
    pub handshake: Duration,
    /// The first byte of an HTTP answer, retries included.
    pub first_byte: Duration,
    /// The next piece of an answer that has begun.
    pub idle: Duration,
    /// Taking one message off our hands.
    pub write: Duration,
    /// The vendor's goodbye after ours.
    pub close: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            handshake: Duration::from_secs(5),
            first_byte: Duration::from_secs(15),
            idle: Duration::from_secs(10),
            write: Duration::from_secs(5),
            close: Duration::from_secs(5),
        }
    }
}

impl Transport {
    /// Creates the shared part with the usual deadlines and retries.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new() -> Result<Self, Error> {
        Self::with(Timeouts::default(), Retry::default())
    }

    /// Creates the shared part with other deadlines and retries.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn with(timeouts: Timeouts, retry: Retry) -> Result<Self, Error> {
        let unusable = |code| Error::new("transport", Stage::Configure, Kind::Rejected).with_code(code);
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|_| unusable("tls_versions"))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.clone())
            .connect_timeout(timeouts.connect)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .tcp_nodelay(true)
            .build()
            .map_err(|_| unusable("http_client"))?;
        Ok(Self { http, tls: Arc::new(tls), timeouts, retry })
    }

    pub(crate) fn timeouts(&self) -> Timeouts {
        self.timeouts
    }

    pub(crate) fn client(&self) -> &reqwest::Client {
        &self.http
    }
}
