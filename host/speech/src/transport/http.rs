//! HTTP requests with deadlines, retries before the first byte, and bounded bodies.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use reqwest::{RequestBuilder, Response};
use serde::Deserialize;
use tokio::time::{Instant, timeout, timeout_at};

use super::Transport;
use super::retry::{jitter, may_retry, retry_after};
use crate::{Error, Kind, Stage};

/// Longest body of a refusal that is looked at for a code.
const MAX_REFUSAL: usize = 16 * 1024;

impl Transport {
    /// Sends what `build` makes, again and again as [`super::Retry`] allows, until an answer with a good status begins.
    pub(crate) async fn send(
        &self,
        vendor: &'static str,
        build: impl Fn(&reqwest::Client) -> Result<RequestBuilder, Error>,
    ) -> Result<Answer, Error> {
        let deadline = Instant::now() + self.timeouts.first_byte;
        let mut retry = 0;
        loop {
            let request = build(self.client())?;
            let response = timeout_at(deadline, request.send())
                .await
                .map_err(|_| Error::new(vendor, Stage::Open, Kind::Timeout))?
                .map_err(|error| request_error(vendor, &error))?;
            if response.status().is_success() {
                return Ok(Answer { response, vendor, idle: self.timeouts.idle });
            }
            let asked = retry_after(response.headers(), SystemTime::now());
            let may_retry = may_retry(response.status(), response.headers());
            let error = self.refusal(vendor, response, asked, deadline).await;
            let delay = self.retry.delay(retry, asked, jitter()).filter(|_| may_retry);
            match delay {
                Some(delay) if Instant::now() + delay < deadline => tokio::time::sleep(delay).await,
                _ => return Err(error),
            }
            tracing::debug!(vendor, retry, %error, "trying again");
            retry += 1;
        }
    }

    async fn refusal(
        &self,
        vendor: &'static str,
        response: Response,
        asked: Option<Duration>,
        deadline: Instant,
    ) -> Error {
        let error = Error::from_status(vendor, Stage::Open, response.status(), asked);
        let answer = Answer { response, vendor, idle: self.timeouts.idle };
        let Ok(Ok(body)) = timeout_at(deadline, read_all(answer, MAX_REFUSAL)).await else { return error };
        match refusal_code(&body) {
            Some(code) => error.with_code(&code),
            None => error,
        }
    }
}

/// An answer whose status was good and whose body is still to come.
#[derive(Debug)]
pub(crate) struct Answer {
    response: Response,
    vendor: &'static str,
    idle: Duration,
}

impl Answer {
    /// The next piece of the body, or nothing at its end.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        match timeout(self.idle, self.response.chunk()).await {
            Ok(Ok(chunk)) => Ok(chunk),
            Ok(Err(_)) => {
                Err(Error::new(self.vendor, Stage::Receive, Kind::Unavailable).with_code("connection_lost"))
            }
            Err(_) => Err(Error::new(self.vendor, Stage::Receive, Kind::Timeout)),
        }
    }
}

/// Reads a whole body of at most `limit` bytes.
pub(crate) async fn read_all(mut answer: Answer, limit: usize) -> Result<Vec<u8>, Error> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > limit {
            return Err(Error::new(answer.vendor, Stage::Receive, Kind::Protocol).with_code("body_too_long"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn request_error(vendor: &'static str, error: &reqwest::Error) -> Error {
    let stage = if error.is_connect() { Stage::Connect } else { Stage::Open };
    let kind = match () {
        () if error.is_timeout() => Kind::Timeout,
        () if error.is_builder() => Kind::Rejected,
        () => Kind::Unavailable,
    };
    Error::new(vendor, stage, kind)
}

/// The code inside the refusals of OpenAI-compatible servers, Deepgram, Cartesia and Google.
fn refusal_code(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Refusal {
        error: Option<serde_json::Value>,
        err_code: Option<String>,
        error_code: Option<String>,
        category: Option<String>,
    }

    let refusal: Refusal = serde_json::from_slice(body).ok()?;
    let nested = |name: &str| refusal.error.as_ref()?.get(name)?.as_str().map(str::to_owned);
    refusal
        .err_code
        .clone()
        .or(refusal.error_code.clone())
        .or(refusal.category.clone())
        .or_else(|| nested("code"))
        .or_else(|| nested("status"))
        .or_else(|| nested("type"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_found_in_the_refusals_of_each_vendor() {
        let code = |body: &str| refusal_code(body.as_bytes());
        assert_eq!(code(r#"{"err_code":"INVALID_AUTH","err_msg":"no"}"#).as_deref(), Some("INVALID_AUTH"));
        assert_eq!(
            code(r#"{"error":{"message":"x","type":"t","code":"invalid_api_key"}}"#).as_deref(),
            Some("invalid_api_key")
        );
        assert_eq!(
            code(r#"{"error":{"code":429,"status":"RESOURCE_EXHAUSTED"}}"#).as_deref(),
            Some("RESOURCE_EXHAUSTED")
        );
        assert_eq!(code("<html>"), None);
        assert_eq!(code(r#"{"error":"text"}"#), None);
    }
}
