//! The HTTP client of this process.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use rustls::{ClientConfig, RootCertStore};

/// A client that trusts the public certificate authorities, follows no redirects
/// and uses no proxy, so that credentials go to the configured host only.
///
/// # Errors
/// Where TLS cannot be set up.
pub fn new(timeout: Duration) -> anyhow::Result<reqwest::Client> {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .context("setting up TLS")?
        .with_root_certificates(roots)
        .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connect_timeout(timeout)
        .timeout(timeout)
        .build()
        .context("making the HTTP client")
}
