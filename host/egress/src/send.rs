//! Requests from the tool's words to the response's last byte.

use std::net::IpAddr;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::client::Resumption;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use crate::address::is_public;
use crate::budget::{Budget, Usage};
use crate::connect::{Wire, connect};
use crate::exchange::exchange;
use crate::host::Host;
use crate::limits::Limits;
use crate::policy::Policy;
use crate::prepare::{Prepared, Request, prepare};
use crate::resolve::Resolver;
use crate::response::Response;
use crate::turns::{Tenant, Turn, Turns};

/// Why there is no response: the variants of the tools' interface.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The host was not declared, or its address is not public. Nothing was sent.
    #[error("denied: {0}")]
    Denied(String),
    /// The request is malformed or too large, or the budget is used up. Nothing was sent.
    #[error("invalid: {0}")]
    Invalid(String),
    /// No answer in time. The request may have been acted upon.
    #[error("no answer in time")]
    Timeout,
    /// The response is larger than allowed, by the limits or by what is left of the budget.
    #[error("the response is too large")]
    TooLarge,
    /// There is no whole response; the text says at which step it failed. Unless that is `sending the request` or `reading
    /// the response`, nothing was sent.
    #[error("failed: {0}")]
    Failed(String),
}

/// Certificate authorities of the public web.
pub fn public_roots() -> RootCertStore {
    RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.into() }
}

/// The one way out for the tools of all tenants.
pub struct Egress {
    limits: Limits,
    turns: Turns,
    resolver: Arc<dyn Resolver>,
    tls: TlsConnector,
    permits: fn(IpAddr) -> bool,
}

impl Egress {
    /// A way out by the names that `resolver` knows, to hosts whose certificates `roots` vouch for.
    ///
    /// # Errors
    /// When the cryptography that is built in offers no version of TLS.
    pub fn new(
        limits: Limits,
        resolver: Arc<dyn Resolver>,
        roots: RootCertStore,
    ) -> Result<Self, rustls::Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        // A kept session would tell one tenant which hosts another has just spoken to.
        tls.resumption = Resumption::disabled();
        let turns = Turns::new(&limits);
        Ok(Self { limits, turns, resolver, tls: Arc::new(tls).into(), permits: is_public })
    }

    /// Lets tests reach servers of their own. Nothing outside this crate's tests can.
    #[cfg(test)]
    pub(crate) fn permitting(mut self, permits: fn(IpAddr) -> bool) -> Self {
        self.permits = permits;
        self
    }

    /// Sends `request` of a tool of `tenant` and waits for the whole response, at the latest until `deadline`. What it used is
    /// in `budget` when it returns, fails or is dropped.
    ///
    /// # Errors
    /// As [`Error`] says.
    pub async fn send(
        &self,
        tenant: &Tenant,
        policy: &Policy,
        request: Request,
        budget: &mut Budget,
        now: Instant,
        deadline: Instant,
    ) -> Result<Response, Error> {
        let deadline = deadline.min(now + self.limits.total);
        let prepared = prepare(request, policy, &self.limits)?;
        let left = affordable(budget, &prepared)?;

        let ready_by = deadline.min(now + self.limits.connect);
        let turn = self.turns.wait(tenant, now, ready_by).await?;
        budget.spend(Usage { requests: 1, bytes: 0 });
        let wire = Arc::new(Wire::new(left.min(self.limits.wire_bytes)));
        let _charge = Charge { budget, wire: wire.clone() };

        // The turn may have taken all of the time for it.
        let ready_by = deadline.min(Instant::now() + self.limits.connect);
        let addresses = self.addresses(&prepared.host, turn.clone(), ready_by).await?;
        let attempts = addresses.get(..self.limits.attempts).unwrap_or(&addresses);
        let exchanged = async {
            let stream = connect(&prepared.host, attempts, &self.tls, &wire, ready_by).await?;
            let answer = exchange(stream, prepared.request, &prepared.mask, &self.limits);
            timeout_at(deadline, answer).await.map_err(|_| Error::Timeout)?
        };
        match exchanged.await {
            // The connection was ended by us, whatever that looked like to the libraries above it.
            Err(Error::Failed(_)) if wire.is_used_up() => Err(Error::TooLarge),
            result => result,
        }
    }

    /// All addresses of `host`, each of them permitted.
    async fn addresses(&self, host: &Host, turn: Turn, deadline: Instant) -> Result<Vec<IpAddr>, Error> {
        let failed = |why: &str| Error::Failed(format!("resolving the name: {why}"));
        let answer = self.resolver.resolve(host.name().to_owned());
        // A lookup that is given up goes on; it keeps the tenant's turn, so that a tenant whose names never resolve
        // does not fill the resolver.
        let lookup = tokio::spawn(async move {
            let found = answer.await;
            drop(turn);
            found
        });
        let found = timeout_at(deadline, lookup).await.map_err(|_| failed("no answer in time"))?;
        let found = found.ok().and_then(Result::ok).ok_or_else(|| failed("the name cannot be resolved"))?;
        if found.is_empty() {
            return Err(failed("the name has no address"));
        }
        if found.len() > self.limits.addresses {
            return Err(failed("the name has too many addresses"));
        }
        match found.iter().all(|&address| (self.permits)(address)) {
            true => Ok(found),
            false => Err(Error::Denied(format!("`{}` leads to an address that is not public", host.name()))),
        }
    }
}

/// The bytes left for a request, if it is worth beginning.
fn affordable(budget: &Budget, prepared: &Prepared) -> Result<u64, Error> {
    let left = budget.left();
    if left.requests == 0 {
        return Err(Error::Invalid("the requests allowed are used up".to_owned()));
    }
    match left.bytes > prepared.bytes {
        true => Ok(left.bytes),
        false => Err(Error::Invalid("the bytes allowed are used up".to_owned())),
    }
}

/// Charges what a connection moved, also when the request is abandoned.
struct Charge<'a> {
    budget: &'a mut Budget,
    wire: Arc<Wire>,
}

impl Drop for Charge<'_> {
    fn drop(&mut self) {
        self.budget.spend(Usage { requests: 0, bytes: self.wire.moved() });
    }
}
