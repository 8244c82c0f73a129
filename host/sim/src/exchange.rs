//! Either carrier, for whoever wants only a telephone.

use std::io;
use std::net::SocketAddr;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::ValueEnum;
use serde_json::Value;
use uuid::Uuid;

use crate::carrier::{Call, CarrierFaults, Twilio};
use crate::telnyx::{Shuffle, Telnyx, TelnyxFaults};
use crate::{carrier, telnyx};

/// By how many chunks Telnyx's media is out of order here, at most. It promises no order at all.
const OUT_OF_ORDER: Shuffle = Shuffle { by: 3, seed: 4 };

/// Whose telephone it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Carrier {
    /// Documents by webhook, media in order.
    #[default]
    Twilio,
    /// Call Control, media out of order by up to three chunks.
    Telnyx,
}

/// What a carrier and its platform know of each other.
#[derive(Clone, Debug)]
pub enum Account {
    /// Twilio's.
    Twilio {
        /// `AC` and 32 hexadecimal digits.
        account_sid: String,
        /// What requests are signed with.
        auth_token: String,
    },
    /// Telnyx's.
    Telnyx {
        /// What commands are authorised with.
        api_key: String,
        /// The id of the Call Control App.
        connection_id: String,
        /// What the key pair is made of; a new one where absent.
        signing_seed: Option<[u8; 32]>,
    },
}

/// A carrier, running.
#[derive(Debug)]
pub enum Exchange {
    /// Twilio.
    Twilio(Twilio),
    /// Telnyx.
    Telnyx(Telnyx),
}

impl Account {
    /// A new account that nobody else knows.
    pub fn new(carrier: Carrier) -> Self {
        let secret = || Uuid::new_v4().simple().to_string();
        match carrier {
            Carrier::Twilio => Self::Twilio { account_sid: format!("AC{}", secret()), auth_token: secret() },
            Carrier::Telnyx => Self::Telnyx {
                api_key: format!("KEY{}", secret()),
                connection_id: Uuid::new_v4().as_u64_pair().0.to_string(),
                signing_seed: None,
            },
        }
    }
}

impl Exchange {
    /// Starts the carrier of this account, whose numbers point to the platform at `base`. Its REST interface listens at
    /// `addr`, or on a free port of this machine.
    ///
    /// # Errors
    /// Where `base` is no HTTP address, or the port cannot be had.
    pub async fn start(account: &Account, base: &str, addr: Option<SocketAddr>) -> anyhow::Result<Self> {
        let no_address = || format!("`{base}` is no address");
        let started: io::Result<Self> = match account {
            Account::Twilio { account_sid, auth_token } => {
                let mut config =
                    carrier::Config::new(account_sid, auth_token, base).with_context(no_address)?;
                config.addr = addr;
                Twilio::start(config).await.map(Self::Twilio)
            }
            Account::Telnyx { api_key, connection_id, signing_seed } => {
                let mut config =
                    telnyx::Config::new(api_key, connection_id, base).with_context(no_address)?;
                config.addr = addr;
                config.signing_seed = *signing_seed;
                Telnyx::start(config).await.map(Self::Telnyx)
            }
        };
        started.with_context(|| match addr {
            Some(addr) => format!("the carrier's REST interface cannot listen on {addr}"),
            None => "the carrier cannot be started".to_owned(),
        })
    }

    /// The platform's environment for `account` at this carrier.
    pub fn environment(&self, account: &Account) -> Vec<(&'static str, String)> {
        match (self, account) {
            (Self::Twilio(twilio), Account::Twilio { account_sid, auth_token }) => vec![
                ("TWILIO_ACCOUNT_SID", account_sid.clone()),
                ("TWILIO_AUTH_TOKEN", auth_token.clone()),
                ("TWILIO_API_URL", twilio.api_url()),
            ],
            (Self::Telnyx(telnyx), Account::Telnyx { api_key, connection_id, .. }) => vec![
                ("TELNYX_API_KEY", api_key.clone()),
                ("TELNYX_API_URL", telnyx.api_url()),
                ("TELNYX_PUBLIC_KEY", telnyx.public_key()),
                ("TELNYX_CONNECTION_ID", connection_id.clone()),
            ],
            _ => Vec::new(),
        }
    }

    /// Calls the platform over a line with faults.
    pub fn place_call(&self, from: &str, to: &str, line: CarrierFaults) -> Call {
        match self {
            Self::Twilio(twilio) => twilio.place_call_with(from, to, line),
            Self::Telnyx(telnyx) => {
                let shuffle = Some(OUT_OF_ORDER);
                telnyx.place_call_with(from, to, TelnyxFaults { line, shuffle, ..TelnyxFaults::default() })
            }
        }
    }

    /// The platform's own id of a call: it is among the parameters of the media stream, or in the state that Telnyx was
    /// given to remember.
    pub fn platform_id(&self, call: &Call) -> Option<String> {
        let parameters = call.parameters();
        let parameter = parameters.into_iter().find(|(name, _)| name == "call").map(|(_, value)| value);
        match self {
            Self::Twilio(_) => parameter,
            Self::Telnyx(telnyx) => parameter.or_else(|| {
                let state = STANDARD.decode(telnyx.client_state(call.sid())?).ok()?;
                let state: Value = serde_json::from_slice(&state).ok()?;
                state.get("call")?.as_str().map(str::to_owned)
            }),
        }
    }

    /// Stops the REST interface. Calls go on until they are dropped.
    pub async fn shutdown(self) {
        match self {
            Self::Twilio(twilio) => twilio.shutdown().await,
            Self::Telnyx(telnyx) => telnyx.shutdown().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_platform_is_told_what_it_needs_of_its_carrier_and_no_more() {
        for (carrier, names) in [
            (Carrier::Twilio, vec!["TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_API_URL"]),
            (
                Carrier::Telnyx,
                vec!["TELNYX_API_KEY", "TELNYX_API_URL", "TELNYX_PUBLIC_KEY", "TELNYX_CONNECTION_ID"],
            ),
        ] {
            let account = Account::new(carrier);
            let exchange = Exchange::start(&account, "http://127.0.0.1:9", None).await.unwrap();
            let environment = exchange.environment(&account);
            assert_eq!(environment.iter().map(|(name, _)| *name).collect::<Vec<_>>(), names);
            assert!(environment.iter().all(|(_, value)| !value.is_empty()));
            exchange.shutdown().await;
        }
        let account = Account::new(Carrier::Telnyx);
        assert!(Exchange::start(&account, "nowhere", None).await.is_err());
    }
}
