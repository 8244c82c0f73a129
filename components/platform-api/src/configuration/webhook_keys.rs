//! `/v1/webhook-keys`: the keys by which carriers prove their webhooks to a tenant.
//!
//! A key is shown when it is added, and never again.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};
use store::{Db, KeyRemoval, Store, TenantId, Timestamp, WebhookKey};
use uuid::Uuid;

use crate::answer::Answer;
use crate::fields::{Faults, Fields, Reading, text};
use crate::problem::Problem;
use crate::routes::Asked;
use crate::service::{Platform, body};

/// `GET /v1/webhook-keys`: without the keys themselves.
pub(crate) async fn list<D: Db>(store: &Store<D>, tenant: &TenantId) -> Result<String, Problem> {
    let mut items = Vec::new();
    for scheme in Scheme::ALL {
        let keys = store.webhook_keys(tenant, scheme.as_str()).await?;
        items.extend(keys.into_iter().map(|key| Shown::of(key, false)));
    }
    body(&json!({ "items": items }))
}

/// `POST /v1/webhook-keys` with `{scheme, secret?}`: 201 with the key.
pub(crate) async fn add<P: Platform>(asked: &Asked<'_, P>) -> Result<Answer, Problem> {
    let (scheme, secret) = read(asked.request.json()?)?;
    let (store, tenant) = (asked.store, &asked.tenant.id);
    let known = store.webhook_keys(tenant, scheme.as_str()).await?;
    if known.len() >= KEYS_MAX {
        let message = format!("has {KEYS_MAX} keys, the most it may have; delete one first");
        return Err(Problem::invalid("/scheme", message));
    }
    if known.iter().any(|key| key.secret == secret) {
        return Err(Problem::invalid("/secret", "is a key of this scheme already"));
    }
    let key = store.add_webhook_key(tenant, scheme.as_str(), &secret, asked.now).await?;
    let location = format!("/v1/webhook-keys/{}", key.id);
    Ok(Answer::with_status(body(&Shown::of(key, true))?, StatusCode::CREATED).at(&location))
}

/// `DELETE /v1/webhook-keys/{id}`: 409 for the last one of a carrier with whom the tenant has an account of its own.
pub(crate) async fn remove<P: Platform>(asked: &Asked<'_, P>, id: &str) -> Result<Answer, Problem> {
    asked.request.no_body()?;
    match asked.store.remove_webhook_key(&asked.tenant.id, id).await? {
        KeyRemoval::Removed => Ok(Answer::done()),
        KeyRemoval::NoSuchKey => Err(Problem::NotFound),
        KeyRemoval::Needed => Err(Problem::KeyInUse),
    }
}

#[derive(Serialize)]
struct Shown {
    id: String,
    scheme: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    created_at: Timestamp,
}

impl Shown {
    fn of(key: WebhookKey, with_secret: bool) -> Self {
        let secret = with_secret.then_some(key.secret);
        Self { id: key.id, scheme: key.scheme, secret, created_at: key.created_at }
    }
}

/// How webhooks are proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    /// HMAC with the account's auth token.
    Twilio,
    /// Ed25519 by the account's key, of which we have the public half.
    Telnyx,
    /// A token in `Authorization`.
    VapiBearer,
    /// A token in `X-Vapi-Secret`.
    VapiSecret,
    /// HMAC with a shared secret.
    VapiHmac,
}

impl Scheme {
    const ALL: [Self; 5] = [Self::Twilio, Self::Telnyx, Self::VapiBearer, Self::VapiSecret, Self::VapiHmac];

    fn as_str(self) -> &'static str {
        match self {
            Self::Twilio => "twilio",
            Self::Telnyx => "telnyx",
            Self::VapiBearer => "vapi-bearer",
            Self::VapiSecret => "vapi-secret",
            Self::VapiHmac => "vapi-hmac",
        }
    }

    fn read(value: Value) -> Reading<Self> {
        let given = text(value)?;
        let known = Self::ALL.into_iter().find(|scheme| scheme.as_str() == given);
        known.ok_or_else(|| {
            format!("must be one of {}", Self::ALL.map(|scheme| format!("`{}`", scheme.as_str())).join(", "))
        })
    }

    /// The carrier makes the keys of some schemes; of the others, whoever receives makes them up.
    fn is_ours_to_make(self) -> bool {
        matches!(self, Self::VapiBearer | Self::VapiSecret | Self::VapiHmac)
    }

    fn check(self, secret: Value) -> Reading<String> {
        let secret = text(secret)?;
        let length = |shortest: usize| {
            (shortest..=SECRET_BYTES_MAX).contains(&secret.len())
                && secret.bytes().all(|byte| byte.is_ascii_graphic())
        };
        let (usable, expected) = match self {
            Self::Twilio => (length(1), "must be the auth token: 1 to 256 visible ASCII characters"),
            Self::Telnyx => (
                STANDARD.decode(&secret).is_ok_and(|key| key.len() == ED25519_KEY_BYTES),
                "must be the public key: 32 bytes in base64",
            ),
            _ => (length(OWN_SECRET_BYTES_MIN), "must have 16 to 256 visible ASCII characters"),
        };
        if usable { Ok(secret) } else { Err(expected.to_owned()) }
    }
}

fn read(given: Value) -> Result<(Scheme, String), Problem> {
    let mut faults = Faults::default();
    let key = Fields::of(given, "", &mut faults).and_then(|mut fields| {
        let scheme = fields.required("scheme", Scheme::read, &mut faults);
        let check = |secret| scheme.map_or(Ok(String::new()), |scheme| scheme.check(secret));
        let secret = match scheme {
            Some(scheme) if !scheme.is_ours_to_make() => fields.required("secret", check, &mut faults),
            _ => Some(fields.optional("secret", check, &mut faults).unwrap_or_else(new_secret)),
        };
        fields.finish(&mut faults);
        Some((scheme?, secret?))
    });
    faults.or(key)
}

/// 244 random bits in hex.
fn new_secret() -> String {
    format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple())
}

/// Each key of a scheme is tried on every webhook; a rotation needs two.
const KEYS_MAX: usize = 8;

/// Longer than any carrier's.
const SECRET_BYTES_MAX: usize = 256;

/// Shorter ones can be guessed.
const OWN_SECRET_BYTES_MIN: usize = 16;

/// RFC 8032, section 5.1.5.
const ED25519_KEY_BYTES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_of_its_schemes_form() {
        let public = STANDARD.encode([7; 32]);
        for (given, pointer) in [
            (json!({ "scheme": "twilio", "secret": "12345678901234567890123456789012" }), None),
            (json!({ "scheme": "telnyx", "secret": public }), None),
            (json!({ "scheme": "vapi-hmac", "secret": "0123456789abcdef" }), None),
            (json!({ "scheme": "vapi-secret" }), None),
            (json!({ "scheme": "twilio" }), Some("/secret")),
            (json!({ "scheme": "telnyx" }), Some("/secret")),
            (json!({ "scheme": "twilio", "secret": "" }), Some("/secret")),
            (json!({ "scheme": "twilio", "secret": "a b" }), Some("/secret")),
            (json!({ "scheme": "telnyx", "secret": STANDARD.encode([7; 31]) }), Some("/secret")),
            (json!({ "scheme": "vapi-bearer", "secret": "0123456789abcde" }), Some("/secret")),
            (json!({ "scheme": "stripe", "secret": "x" }), Some("/scheme")),
            (json!({ "secret": "x" }), Some("/scheme")),
            (json!({ "scheme": "vapi-secret", "id": "mine" }), Some("/id")),
        ] {
            let found = match read(given.clone()) {
                Ok(_) => None,
                Err(Problem::Invalid(faults)) => Some(faults[0].pointer.clone()),
                Err(other) => panic!("{other}"),
            };
            assert_eq!(found.as_deref(), pointer, "{given}");
        }
    }

    #[test]
    fn a_secret_that_we_make_is_long_and_new() {
        let made = || read(json!({ "scheme": "vapi-bearer" })).unwrap().1;
        let (one, other) = (made(), made());
        assert_eq!(one.len(), 64);
        assert_ne!(one, other);
    }
}
