//! Asks a running platform.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use url::Url;

use super::arguments::PlatformArguments;
use super::problem::Refused;
use crate::config::{Config, Secret};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(30);

/// How long the answer to an upload may take: the component waits for its turn, and is compiled, before it is answered.
const ADMISSION: Duration = Duration::from_secs(10 * 60);

/// The most that is read of an answer.
const MAX_ANSWER_BYTES: usize = 8 << 20;

/// A platform, as one of its tenants sees it.
pub struct Client {
    http: reqwest::Client,
    base: Url,
    key: Secret,
}

impl Client {
    /// The platform that the arguments mean, or else the settings of one that runs on this machine.
    ///
    /// # Errors
    /// Where the settings are wrong, or there is no key.
    pub fn new(arguments: &PlatformArguments) -> anyhow::Result<Self> {
        let config = Config::load()?;
        let base = arguments.url.clone().unwrap_or_else(|| config.public_base(config.listen));
        let key = match (&arguments.api_key, &config.api_key) {
            (Some(key), _) => Secret::new(key),
            (None, Some(key)) => key.clone(),
            (None, None) => key_beside(&config)?,
        };
        Self::with(&base, key)
    }

    fn with(base: &str, key: Secret) -> anyhow::Result<Self> {
        let base = base.trim_end_matches('/');
        let url: Url = format!("{base}/v1").parse().with_context(|| format!("`{base}` is no URL"))?;
        if !matches!(url.scheme(), "http" | "https") {
            bail!("`{base}` is no web address: it begins with http:// or https://");
        }
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .context("setting up TLS")?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .connect_timeout(CONNECT)
            .timeout(ANSWER)
            // The key is for this platform and for no other.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .context("setting up the HTTP client")?;
        Ok(Self { http, base: url, key })
    }

    /// Gets what is at `path` below `/v1`, with these parameters.
    ///
    /// # Errors
    /// Where the platform does not answer, or refuses.
    pub async fn get(&self, path: &[&str], query: &[(&str, String)]) -> anyhow::Result<Value> {
        self.ask(self.request(Method::GET, path, query)?).await
    }

    /// Sends JSON to `path`.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn send(&self, method: Method, path: &[&str], body: &Value) -> anyhow::Result<Value> {
        self.ask(self.request(method, path, &[])?.json(body)).await
    }

    /// Sends a component, and says whether the platform did not have it before.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn upload(
        &self,
        component: Vec<u8>,
        query: &[(&str, String)],
    ) -> anyhow::Result<(Value, bool)> {
        let request = self.request(Method::POST, &["tools"], query)?.header(CONTENT_TYPE, "application/wasm");
        let response = match request.timeout(ADMISSION).body(component).send().await {
            Ok(response) => response,
            Err(error) if error.is_connect() || error.is_timeout() => return Err(self.unreachable(&error)),
            Err(error) => {
                // A platform that answers before it has all of a body hangs up, and its answer is lost with the
                // connection. What it would not let this client do at all, it says again to a question without a body.
                self.get(&["tools"], &[]).await?;
                let at = self.base.origin().ascii_serialization();
                bail!("{at} ended the upload before it had all of it: {} (hint: try again)", cause(&error));
            }
        };
        let new = response.status() == StatusCode::CREATED;
        Ok((answer(response).await?, new))
    }

    fn request(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, String)],
    ) -> anyhow::Result<RequestBuilder> {
        let mut url = self.base.clone();
        // Each name is one segment, whatever is in it.
        url.path_segments_mut().ok().context("the platform's URL has no path")?.extend(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(self.http.request(method, url).bearer_auth(self.key.expose()))
    }

    async fn ask(&self, request: RequestBuilder) -> anyhow::Result<Value> {
        answer(request.send().await.map_err(|error| self.unreachable(&error))?).await
    }

    fn unreachable(&self, error: &reqwest::Error) -> anyhow::Error {
        let at = self.base.origin().ascii_serialization();
        if error.is_timeout() {
            return anyhow::anyhow!("{at} did not answer in time (hint: look at what `voicehive up` says)");
        }
        let hint = "start `voicehive up`, or say where the platform is with `--url`";
        anyhow::anyhow!("{at} cannot be reached: {} (hint: {hint})", cause(error))
    }
}

/// What lies at the bottom of an error: the layers above it only say that there was one.
fn cause<'a>(error: &'a (dyn std::error::Error + 'static)) -> &'a (dyn std::error::Error + 'static) {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause
}

/// Reads what the platform answered, a refusal as well.
async fn answer(response: Response) -> anyhow::Result<Value> {
    let status = response.status();
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let body = read(response).await?;
    if !status.is_success() {
        return Err(Refused::read(status.as_u16(), &body, retry_after.map(Duration::from_secs)).into());
    }
    if body.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&body)
        .map_err(|_| Refused::Foreign { status: status.as_u16(), bytes: body.len() }.into())
}

async fn read(mut response: Response) -> anyhow::Result<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.context("reading the platform's answer")? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            bail!("the platform's answer has more than {MAX_ANSWER_BYTES} bytes");
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The key that a platform made for itself, where its data folder is at hand.
fn key_beside(config: &Config) -> anyhow::Result<Secret> {
    let path = config.data.join("api-key");
    match std::fs::read_to_string(&path) {
        Ok(key) => Ok(Secret::new(key.trim())),
        Err(_) => bail!(
            "there is no API key (hint: set VOICEHIVE_API_KEY, or run this where {} is)",
            path.display()
        ),
    }
}

#[cfg(test)]
mod tests;
