//! The keys of a sender, and the schemes in which it may sign with them.

use store::{Db, Store, StoreError, TenantId, Timestamp};

use super::Sender;
use crate::bindings::webhook_verification::{
    BearerKeys, HmacAlgorithm, HmacKeys, HmacTimestamp, Scheme, SignatureEncoding, TelnyxKeys, TimestampUnit,
    TwilioKeys,
};
use crate::settings::Settings;

/// Names of schemes, as tenants' keys are stored under them.
const TWILIO: &str = "twilio";
const TELNYX: &str = "telnyx";
const VAPI_BEARER: &str = "vapi-bearer";
const VAPI_SECRET: &str = "vapi-secret";
const VAPI_HMAC: &str = "vapi-hmac";

/// How far the timestamp of a Vapi signature may be off. Vapi states none; this is what Telnyx and Stripe use.
const VAPI_TOLERANCE_SECONDS: u32 = 300;

/// Keys by scheme; those of a scheme that is not in use are empty.
#[derive(Default)]
pub(super) struct Keys {
    twilio: Vec<String>,
    telnyx: Vec<String>,
    vapi_bearer: Vec<String>,
    vapi_secret: Vec<String>,
    vapi_hmac: Vec<String>,
}

impl Keys {
    /// The platform's own.
    pub(super) fn of_platform(settings: &Settings) -> Self {
        Self {
            twilio: settings.twilio_auth_tokens.clone(),
            telnyx: settings.telnyx_public_keys.clone(),
            vapi_bearer: settings.vapi_secrets.clone(),
            vapi_secret: settings.vapi_secrets.clone(),
            vapi_hmac: settings.vapi_hmac_secrets.clone(),
        }
    }

    /// Those that the tenant has stored for this sender, the newest first.
    pub(super) async fn of_tenant<D: Db>(
        store: &Store<D>,
        tenant: &TenantId,
        sender: Sender,
    ) -> Result<Self, StoreError> {
        let mut keys = Self::default();
        for (name, slot) in [
            (TWILIO, &mut keys.twilio),
            (TELNYX, &mut keys.telnyx),
            (VAPI_BEARER, &mut keys.vapi_bearer),
            (VAPI_SECRET, &mut keys.vapi_secret),
            (VAPI_HMAC, &mut keys.vapi_hmac),
        ] {
            if names(sender).contains(&name) {
                let stored = store.webhook_keys(tenant, name).await?;
                *slot = stored.into_iter().map(|key| key.secret).collect();
            }
        }
        Ok(keys)
    }

    /// Whether there is none at all.
    pub(super) fn are_empty(&self) -> bool {
        [&self.twilio, &self.telnyx, &self.vapi_bearer, &self.vapi_secret, &self.vapi_hmac]
            .iter()
            .all(|keys| keys.is_empty())
    }

    /// The schemes in which this sender may sign, of those that have keys; the strongest first.
    pub(super) fn schemes(&self, sender: Sender, now: Timestamp) -> Vec<(&'static str, Scheme)> {
        let now = u64::try_from(now.0).unwrap_or_default();
        let in_use = names(sender).iter().filter_map(|name| {
            let scheme = match *name {
                TWILIO if !self.twilio.is_empty() => {
                    Scheme::Twilio(TwilioKeys { auth_tokens: self.twilio.clone() })
                }
                TELNYX if !self.telnyx.is_empty() => {
                    Scheme::Telnyx(TelnyxKeys { public_keys: self.telnyx.clone(), now })
                }
                VAPI_HMAC if !self.vapi_hmac.is_empty() => Scheme::Hmac(vapi_hmac(&self.vapi_hmac, now)),
                VAPI_BEARER if !self.vapi_bearer.is_empty() => {
                    Scheme::Bearer(token("Authorization", "Bearer ", &self.vapi_bearer))
                }
                VAPI_SECRET if !self.vapi_secret.is_empty() => {
                    Scheme::Bearer(token("X-Vapi-Secret", "", &self.vapi_secret))
                }
                _ => return None,
            };
            Some((*name, scheme))
        });
        in_use.collect()
    }
}

fn names(sender: Sender) -> &'static [&'static str] {
    match sender {
        Sender::Twilio => &[TWILIO],
        Sender::Telnyx => &[TELNYX],
        Sender::Vapi => &[VAPI_HMAC, VAPI_BEARER, VAPI_SECRET],
    }
}

fn token(header: &str, prefix: &str, tokens: &[String]) -> BearerKeys {
    BearerKeys { header: header.to_owned(), prefix: prefix.to_owned(), tokens: tokens.to_vec() }
}

/// The defaults of Vapi's `HmacAuthenticationPlan`. Whether its timestamps are seconds or milliseconds is not
/// documented.
fn vapi_hmac(secrets: &[String], now: u64) -> HmacKeys {
    HmacKeys {
        secrets: secrets.to_vec(),
        secrets_are_base64: false,
        algorithm: HmacAlgorithm::Sha256,
        header: "x-signature".to_owned(),
        prefix: String::new(),
        encoding: SignatureEncoding::Hex,
        payload: "{timestamp}.{body}".to_owned(),
        timestamp: Some(HmacTimestamp {
            header: "x-timestamp".to_owned(),
            unit: TimestampUnit::Either,
            tolerance_seconds: VAPI_TOLERANCE_SECONDS,
            now,
        }),
        message_id_header: None,
    }
}
