//! Requests from the carrier to the platform.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::time::{Instant, sleep};
use url::Url;

use super::desk::Desk;
use super::signature::{sign, signed_url};
use super::webhook_faults::{Trouble, Webhook};

/// How long a connection may take.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a webhook may take to answer; then the real carrier gives error 11205.
pub(super) const TIMEOUT: Duration = Duration::from_secs(15);

/// Between two tries of a refused connection.
const RETRY: Duration = Duration::from_millis(100);

/// The largest document (64 kB at the real carrier).
const LARGEST_DOCUMENT: usize = 64 << 10;

/// How a webhook is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// The fields are in the query.
    Get,
    /// The fields are in the body.
    #[default]
    Post,
}

/// Where a webhook goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Callback {
    pub(super) url: Url,
    pub(super) method: Method,
}

impl Callback {
    pub(super) fn post(url: Url) -> Self {
        Self { url, method: Method::Post }
    }
}

/// Why a webhook failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum WebhookError {
    #[error("error 11205: {url} cannot be reached: {source}")]
    Unreachable { url: String, source: reqwest::Error },
    #[error("error 11200: {url} answered {status}: {body}")]
    Status { url: String, status: u16, body: String },
    #[error("error 12300: {url} answered with the content type `{kind}`, not text/xml")]
    Kind { url: String, kind: String },
    #[error("error 11750: {url} answered with more than 64 kB")]
    TooLong { url: String },
    /// Nothing that the platform did.
    #[error("error 11205: a fault that was asked for: {0:?}")]
    Fault(Trouble),
}

impl WebhookError {
    /// The carrier's number of the error.
    pub(super) fn code(&self) -> u32 {
        match self {
            Self::Unreachable { .. } | Self::Fault(_) => 11_205,
            Self::Status { .. } => 11_200,
            Self::Kind { .. } => 12_300,
            Self::TooLong { .. } => 11_750,
        }
    }
}

impl Desk {
    /// Asks for a document.
    pub(super) async fn fetch(
        &self,
        kind: Webhook,
        to: &Callback,
        fields: &[(String, String)],
    ) -> Result<String, WebhookError> {
        let response = self.ask(kind, to, fields).await?;
        let url = to.url.to_string();
        let kind =
            response.headers().get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let is_xml = ["text/xml", "application/xml"].iter().any(|xml| kind.starts_with(xml));
        let kind = kind.to_owned();
        let body = match response.text().await {
            Ok(body) => body,
            Err(source) => return Err(WebhookError::Unreachable { url, source }),
        };
        if !is_xml {
            return Err(WebhookError::Kind { url, kind });
        }
        if body.len() > LARGEST_DOCUMENT {
            return Err(WebhookError::TooLong { url });
        }
        Ok(body)
    }

    /// Sends a webhook whose answer is waited for, with the faults that were asked for.
    async fn ask(
        &self,
        kind: Webhook,
        to: &Callback,
        fields: &[(String, String)],
    ) -> Result<reqwest::Response, WebhookError> {
        match self.webhook_faults.strike(kind, fields) {
            None | Some(Trouble::Reordered) => self.send(to, fields).await,
            Some(Trouble::Late(delay)) => {
                sleep(delay).await;
                self.send(to, fields).await
            }
            Some(Trouble::Repeated(times)) => {
                let repeats = futures::future::join_all((0..times).map(|_| self.send(to, fields)));
                let (answer, _repeated) = tokio::join!(self.send(to, fields), repeats);
                answer
            }
            Some(trouble @ Trouble::Lost) => Err(WebhookError::Fault(trouble)),
            Some(trouble @ Trouble::AnswerLost) => {
                // What it answered is lost, and so is an error.
                let _lost = self.send(to, fields).await;
                Err(WebhookError::Fault(trouble))
            }
        }
    }

    /// Sends signed form fields. An answer other than 2xx is an error.
    pub(super) async fn send(
        &self,
        to: &Callback,
        fields: &[(String, String)],
    ) -> Result<reqwest::Response, WebhookError> {
        let mut url = to.url.clone();
        let (body, signature) = match to.method {
            Method::Get => {
                url.query_pairs_mut().extend_pairs(fields);
                (None, sign(&self.config.auth_token, &signed_url(&url), &[]))
            }
            Method::Post => {
                let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
                (Some(body), sign(&self.config.auth_token, &signed_url(&url), fields))
            }
        };
        let give_up = Instant::now() + self.config.connect_patience;
        loop {
            let request = match &body {
                None => self.client.get(url.clone()),
                Some(body) => self
                    .client
                    .post(url.clone())
                    .header("content-type", "application/x-www-form-urlencoded; charset=UTF-8")
                    .body(body.clone()),
            };
            let request = request
                .header("user-agent", "TwilioProxy/1.1 (simulated)")
                .header("x-twilio-signature", &signature);
            match request.send().await {
                Ok(response) if response.status().is_success() => return Ok(response),
                Ok(response) => {
                    let status = response.status().as_u16();
                    let body: String = response.text().await.unwrap_or_default().chars().take(200).collect();
                    return Err(WebhookError::Status { url: url.to_string(), status, body });
                }
                Err(error) if is_unanswered(&error) && Instant::now() < give_up => sleep(RETRY).await,
                Err(source) => return Err(WebhookError::Unreachable { url: url.to_string(), source }),
            }
        }
    }
}

/// A moment as RFC 2822 has it, in UTC.
pub(super) fn rfc2822(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

/// Nobody was there, or whoever was there died before the answer: to a balancer it is the same.
fn is_unanswered(error: &reqwest::Error) -> bool {
    error.is_connect() || (error.is_request() && !error.is_timeout())
}
