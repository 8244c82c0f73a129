//! Vapi, as it speaks to a server: it holds the call itself, and sends messages about it.
//!
//! A [`Conversation`] is a script. [`Vapi::call`] runs it: asks who answers, has tools run, reports the end, and returns a
//! [`Report`] of what the platform replied and what Vapi would have made of that. There is no audio: Vapi keeps it.
//! Messages follow each other as fast as the platform replies; the times in them are those of a conversation.

mod call;
mod clock;
mod faults;
mod judge;
mod messages;
mod post;
mod report;
mod script;

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use url::Url;

pub use faults::VapiFaults;
pub use post::Auth;
pub use report::{Answer, Exchange, Handover, Report, ToolResult};
pub use script::{Conversation, Shape, Step, ToolUse};

/// How long Vapi waits for a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For the reply to `assistant-request`: 7.5 s, which cannot be changed.
    pub assistant_request: Duration,
    /// For any other reply: 20 s, unless a server says otherwise (`timeoutSeconds`).
    pub other: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { assistant_request: Duration::from_millis(7_500), other: Duration::from_secs(20) }
    }
}

/// A telephone number at Vapi, and the server that it is set to.
#[derive(Clone, Debug)]
pub struct Config {
    /// The number, E.164.
    pub number: String,
    /// Where its messages go, unless an assistant or a tool names another server.
    pub server_url: Url,
    /// How requests to that server are proven.
    pub auth: Auth,
    /// How requests to servers are proven that an assistant names, by the id of the credential.
    pub credentials: BTreeMap<String, Auth>,
    /// How long replies are waited for.
    pub patience: Patience,
}

impl Config {
    /// `number` at a platform at `base`, with the usual path.
    ///
    /// # Errors
    /// Where `base` is no HTTP address.
    pub fn new(number: &str, base: &str, auth: Auth) -> Result<Self, url::ParseError> {
        Ok(Self {
            number: number.into(),
            server_url: Url::parse(base)?.join("/webhooks/vapi")?,
            auth,
            credentials: BTreeMap::new(),
            patience: Patience::default(),
        })
    }
}

/// Vapi, with one telephone number.
#[derive(Clone, Debug)]
pub struct Vapi {
    config: Config,
    client: reqwest::Client,
}

impl Vapi {
    /// Vapi with this number.
    ///
    /// # Errors
    /// Where the HTTP client cannot be made.
    pub fn new(config: Config) -> io::Result<Self> {
        // Another part of the process may have chosen a provider already, which is as good.
        let _chosen = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().map_err(io::Error::other)?;
        Ok(Self { config, client })
    }

    /// Runs a conversation to its end.
    pub async fn call(&self, conversation: &Conversation) -> Report {
        self.call_with(conversation, VapiFaults::default()).await
    }

    /// Runs a conversation whose messages meet with faults.
    pub async fn call_with(&self, conversation: &Conversation, faults: VapiFaults) -> Report {
        call::Run::new(self, conversation, faults).run().await
    }
}

#[cfg(test)]
mod tests;
