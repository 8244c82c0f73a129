//! One request and its answer: a deadline over both, a bounded body, and what is known where there is no answer.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{ClientBuilder, RequestBuilder, Response, header};
use rustls::{ClientConfig, RootCertStore};
use tokio::time::{Instant, timeout_at};

use crate::base::Misconfigured;
use crate::public::PublicNames;
use crate::{Cause, Fault};

/// How long a carrier may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Name resolution, TCP and TLS. It must be shorter than `request`: a connection that was not made in time is
    /// known to have asked for nothing, while a request that was not answered is not. Default 4 s.
    pub connect: Duration,
    /// A request, from its first byte to the last of the answer. Default 10 s, and at most that for the worker's orders:
    /// a call that was asked for is looked for 15 s later, when nobody may be asking for it any more.
    pub request: Duration,
    /// A recording, whole. Default 2 min: ten minutes of a call in two channels are 19 MB.
    pub recording: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(4),
            request: Duration::from_secs(10),
            recording: Duration::from_secs(120),
        }
    }
}

/// An HTTP client with deadlines. It follows no redirects and uses no proxy, so that credentials go to the configured
/// host only. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Wire {
    http: reqwest::Client,
    pub(crate) timeouts: Timeouts,
}

/// An answer, whatever its status.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Vec<u8>,
}

impl Wire {
    pub(crate) fn new(timeouts: Timeouts) -> Result<Self, Misconfigured> {
        Self::build(timeouts, reqwest::Client::builder())
    }

    /// One that connects to no name's private addresses. Addresses that are written out are the caller's to judge.
    pub(crate) fn to_public_names(timeouts: Timeouts) -> Result<Self, Misconfigured> {
        Self::build(timeouts, reqwest::Client::builder().dns_resolver(Arc::new(PublicNames)))
    }

    fn build(timeouts: Timeouts, builder: ClientBuilder) -> Result<Self, Misconfigured> {
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|_| Misconfigured::Tls)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let http = builder
            .tls_backend_preconfigured(tls)
            .connect_timeout(timeouts.connect.min(timeouts.request / 2))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .tcp_nodelay(true)
            .pool_idle_timeout(POOL_IDLE)
            .build()
            .map_err(|_| Misconfigured::Tls)?;
        Ok(Self { http, timeouts })
    }

    pub(crate) fn client(&self) -> &reqwest::Client {
        &self.http
    }

    /// Sends a request once and reads the whole answer.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Answer, Fault> {
        let deadline = Instant::now() + self.timeouts.request;
        let response = open(request, deadline).await?;
        let status = response.status().as_u16();
        let retry_after = retry_after(&response);
        match read(response, deadline).await {
            Ok(body) => Ok(Answer { status, retry_after, body }),
            // A refusal is one without its explanation too.
            Err(_) if status >= 300 => Ok(Answer { status, retry_after, body: Vec::new() }),
            Err(cause) => Err(Fault::Unknown { cause }),
        }
    }
}

/// Sends a request and waits for the answer's headers.
pub(crate) async fn open(request: RequestBuilder, deadline: Instant) -> Result<Response, Fault> {
    match timeout_at(deadline, request.send()).await {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(error)) if error.is_builder() => Err(Fault::unfit("malformed_request")),
        Ok(Err(error)) if error.is_connect() => {
            Err(Fault::NotDone { cause: Cause::Unreachable, retry_after: None })
        }
        Ok(Err(error)) if error.is_timeout() => Err(Fault::Unknown { cause: Cause::TimedOut }),
        Ok(Err(_)) => Err(Fault::Unknown { cause: Cause::Lost }),
        Err(_) => Err(Fault::Unknown { cause: Cause::TimedOut }),
    }
}

pub(crate) async fn read(mut response: Response, deadline: Instant) -> Result<Vec<u8>, Cause> {
    let mut body = Vec::new();
    loop {
        let chunk = timeout_at(deadline, response.chunk()).await.map_err(|_| Cause::TimedOut)?;
        let Some(chunk) = chunk.map_err(|_| Cause::Lost)? else { return Ok(body) };
        if body.len() + chunk.len() > MAX_BODY {
            return Err(Cause::Unreadable);
        }
        body.extend_from_slice(&chunk);
    }
}

/// What a status means that is neither success nor a refusal that the carrier explains: RFC 9110, section 15, and what
/// may be concluded from it. `None` for all others.
pub(crate) fn transient(status: u16, retry_after: Option<Duration>) -> Option<Fault> {
    match status {
        429 => Some(Fault::NotDone { cause: Cause::TooMany, retry_after }),
        // Who says when to come back has decided not to act. Without it a gateway may have lost the one who did.
        503 if retry_after.is_some() => Some(Fault::NotDone { cause: Cause::Failed(status), retry_after }),
        // Whoever closes an idle connection says so with 408 and has read no request, but gateways use it too.
        408 | 500..=599 => Some(Fault::Unknown { cause: Cause::Failed(status) }),
        _ => None,
    }
}

/// The header in seconds; carriers do not use its form with a date. A day at most.
pub(crate) fn retry_after(response: &Response) -> Option<Duration> {
    let value = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
    parse_retry_after(value)
}

fn parse_retry_after(value: &str) -> Option<Duration> {
    let seconds: u64 = value.trim().parse().ok()?;
    Some(Duration::from_secs(seconds.min(MAX_RETRY_AFTER_S)))
}

/// Longest answer that is read: a page of fifty calls takes a tenth of it.
const MAX_BODY: usize = 1024 * 1024;

/// How long a connection is kept for the next request. A request on one that the carrier has just closed is a request
/// of which nobody knows what became of it, so we close first.
const POOL_IDLE: Duration = Duration::from_secs(20);

const MAX_RETRY_AFTER_S: u64 = 24 * 60 * 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_certain_counts_as_not_done() {
        let wait = Some(Duration::from_secs(3));
        assert_eq!(transient(429, wait), Some(Fault::NotDone { cause: Cause::TooMany, retry_after: wait }));
        assert!(matches!(transient(503, wait), Some(Fault::NotDone { .. })));
        for status in [408, 500, 502, 503, 504, 599] {
            assert!(matches!(transient(status, None), Some(Fault::Unknown { .. })), "{status}");
        }
        for status in [200, 301, 400, 401, 404, 422] {
            assert_eq!(transient(status, wait), None, "{status}");
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_to_a_private_address_is_not_connected_to() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let wire = Wire::to_public_names(Timeouts::default()).unwrap();
        let url = format!("http://localhost:{}/a.wav", listener.local_addr().unwrap().port());
        let fault = wire.send(wire.client().get(url)).await.unwrap_err();
        assert_eq!(fault, Fault::NotDone { cause: Cause::Unreachable, retry_after: None });
        assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    }

    #[test]
    fn a_carrier_cannot_send_us_away_for_good() {
        assert_eq!(parse_retry_after(" 7 "), Some(Duration::from_secs(7)));
        assert_eq!(parse_retry_after("99999999"), Some(Duration::from_secs(MAX_RETRY_AFTER_S)));
        for bad in ["-1", "1.5", "soon", "Fri, 31 Dec 2027 23:59:59 GMT", ""] {
            assert_eq!(parse_retry_after(bad), None, "{bad}");
        }
    }
}
