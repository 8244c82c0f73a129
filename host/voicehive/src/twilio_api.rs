//! Twilio's REST side: ending a call, and handing it over.

use std::time::Duration;

use anyhow::Context as _;
use url::Url;

use crate::config::{Config, Secret};

/// How long ending a call may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Twilio's code for a call that is not in progress: it has ended already.
/// Source: Twilio error 20404.
const ALREADY_ENDED: i64 = 20404;

/// Twilio's API with one account's credentials.
#[derive(Clone)]
pub struct TwilioApi {
    http: reqwest::Client,
    base: Url,
    account: String,
    token: Secret,
}

/// A request to Twilio came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum TwilioError {
    /// No answer.
    #[error("Twilio cannot be reached")]
    Unreachable(#[source] reqwest::Error),
    /// A refusal.
    #[error("Twilio answered {status}, code {code}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Twilio's own code, or 0.
        code: i64,
    },
}

impl TwilioApi {
    /// The API of the configured account; `None` where none is set.
    ///
    /// # Errors
    /// Where the HTTP client cannot be made.
    pub fn from_config(config: &Config) -> anyhow::Result<Option<Self>> {
        let (Some(account), Some(token)) = (&config.twilio_account, config.twilio_tokens.first()) else {
            return Ok(None);
        };
        let base = match &config.twilio_api {
            Some(base) => base.clone(),
            None => Url::parse("https://api.twilio.com").context("Twilio's address")?,
        };
        let http = crate::http_client::new(TIMEOUT)?;
        Ok(Some(Self { http, base, account: account.clone(), token: token.clone() }))
    }

    /// Ends a call. One that has ended already is a success.
    ///
    /// # Errors
    /// Where Twilio cannot be reached or refuses.
    pub async fn end_call(&self, call_sid: &str) -> Result<(), TwilioError> {
        match self.update(call_sid, &[("Status", "completed")]).await {
            Err(TwilioError::Refused { status: 404, code }) if code == ALREADY_ENDED || code == 0 => Ok(()),
            other => other,
        }
    }

    /// Lets a call go on with other instructions, at once: its media stream ends.
    ///
    /// # Errors
    /// Where Twilio cannot be reached or refuses, also because the call has ended.
    pub async fn redirect(&self, call_sid: &str, twiml: &twiml::Response) -> Result<(), TwilioError> {
        self.update(call_sid, &[("Twiml", &twiml.to_xml())]).await
    }

    async fn update(&self, call_sid: &str, fields: &[(&str, &str)]) -> Result<(), TwilioError> {
        let mut url = self.base.clone();
        url.set_path(&format!("/2010-04-01/Accounts/{}/Calls/{call_sid}.json", self.account));
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let sent = self
            .http
            .post(url)
            .basic_auth(&self.account, Some(self.token.expose()))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form)
            .timeout(TIMEOUT)
            .send()
            .await;
        let response = sent.map_err(|error| TwilioError::Unreachable(error.without_url()))?;
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let body: serde_json::Value = response.json().await.unwrap_or_default();
        let code = body.get("code").and_then(serde_json::Value::as_i64).unwrap_or_default();
        Err(TwilioError::Refused { status: status.as_u16(), code })
    }
}
