//! Requests from the carrier to the platform.

use std::time::Duration;

use tokio::time::Instant;
use url::Url;

use super::signature::{sign, signed_url};
use super::{Config, Desk};

/// How long a connection may take.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a webhook may take to answer; then the real carrier gives error 11205.
pub(super) const TIMEOUT: Duration = Duration::from_secs(15);

/// Between two tries of a refused connection.
const RETRY: Duration = Duration::from_millis(100);

/// The largest document (64 kB at the real carrier).
const LARGEST_DOCUMENT: usize = 64 << 10;

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
}

/// The fields that every request about a call has.
pub(super) fn fields(
    config: &Config,
    sid: &str,
    from: &str,
    to: &str,
    status: &str,
) -> Vec<(String, String)> {
    let mut fields: Vec<(String, String)> = [
        ("CallSid", sid),
        ("AccountSid", &config.account_sid),
        ("From", from),
        ("To", to),
        ("Caller", from),
        ("Called", to),
        ("CallStatus", status),
        ("ApiVersion", "2010-04-01"),
        ("Direction", "inbound"),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect();
    for side in ["From", "To", "Caller", "Called"] {
        for (part, value) in [("City", ""), ("State", ""), ("Zip", ""), ("Country", "US")] {
            fields.push((format!("{side}{part}"), value.to_owned()));
        }
    }
    fields
}

impl Desk {
    /// Asks for a document.
    pub(super) async fn fetch(&self, url: &Url, fields: &[(String, String)]) -> Result<String, WebhookError> {
        let response = self.post(url, fields).await?;
        let kind =
            response.headers().get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let is_xml = ["text/xml", "application/xml"].iter().any(|xml| kind.starts_with(xml));
        let kind = kind.to_owned();
        let body = response
            .text()
            .await
            .map_err(|source| WebhookError::Unreachable { url: url.to_string(), source })?;
        if !is_xml {
            return Err(WebhookError::Kind { url: url.to_string(), kind });
        }
        if body.len() > LARGEST_DOCUMENT {
            return Err(WebhookError::TooLong { url: url.to_string() });
        }
        Ok(body)
    }

    /// Posts signed form fields. An answer other than 2xx is an error.
    pub(super) async fn post(
        &self,
        url: &Url,
        fields: &[(String, String)],
    ) -> Result<reqwest::Response, WebhookError> {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let signature = sign(&self.config.auth_token, &signed_url(url), fields);
        let give_up = Instant::now() + self.config.connect_patience;
        loop {
            let request = self
                .client
                .post(url.clone())
                .header("content-type", "application/x-www-form-urlencoded; charset=UTF-8")
                .header("user-agent", "TwilioProxy/1.1 (simulated)")
                .header("x-twilio-signature", &signature)
                .body(body.clone());
            match request.send().await {
                Ok(response) if response.status().is_success() => return Ok(response),
                Ok(response) => {
                    let status = response.status().as_u16();
                    let body: String = response.text().await.unwrap_or_default().chars().take(200).collect();
                    return Err(WebhookError::Status { url: url.to_string(), status, body });
                }
                Err(error) if is_unanswered(&error) && Instant::now() < give_up => {
                    tokio::time::sleep(RETRY).await
                }
                Err(source) => return Err(WebhookError::Unreachable { url: url.to_string(), source }),
            }
        }
    }
}

/// Nobody was there, or whoever was there died before the answer: to a balancer it is the same.
fn is_unanswered(error: &reqwest::Error) -> bool {
    error.is_connect() || (error.is_request() && !error.is_timeout())
}
