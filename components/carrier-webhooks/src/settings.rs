//! What the operator configures, from the manifest's variables.

use std::collections::BTreeMap;
use std::fmt;

use media_token::Secret;

/// The component's configuration.
pub struct Settings {
    /// The base under which carriers reach this service, without a final slash; `None`: go by
    /// the request.
    pub public_url: Option<String>,
    /// The base of the media sockets, `ws://` or `wss://`, without a final slash; `None`:
    /// the same place as the webhook.
    pub media_url: Option<String>,
    /// Twilio's auth tokens; more than one during a rotation.
    pub twilio_auth_tokens: Vec<String>,
    /// Telnyx's public keys, each base64 of 32 bytes; more than one during a rotation.
    pub telnyx_public_keys: Vec<String>,
    /// Vapi's secrets, which it sends as bearer token or in `X-Vapi-Secret`.
    pub vapi_secrets: Vec<String>,
    /// Vapi's secrets with which it signs: HMAC-SHA256 of its defaults.
    pub vapi_hmac_secrets: Vec<String>,
    /// What media tokens are signed with.
    pub media_token_secret: Secret,
    /// Whether `X-Forwarded-*` come from a proxy of the operator's.
    pub trust_forwarded: bool,
    /// The base of the media host's internal routes, without a final slash; `None`: it is not asked.
    pub internal_url: Option<String>,
    /// The bearer token of the internal routes; `None`: they are not asked.
    pub internal_secret: Option<String>,
    /// How many calls a minute one number may begin with a tenant.
    pub webhooks_per_minute: u32,
}

impl fmt::Debug for Settings {
    /// Without keys.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Settings")
            .field("public_url", &self.public_url)
            .field("media_url", &self.media_url)
            .field("trust_forwarded", &self.trust_forwarded)
            .field("internal_url", &self.internal_url)
            .field("webhooks_per_minute", &self.webhooks_per_minute)
            .finish_non_exhaustive()
    }
}

/// What one number may begin unless the operator says otherwise: a person who calls every other second is none.
const WEBHOOKS_PER_MINUTE: u32 = 30;

/// Why the configuration cannot be used. Never holds a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// No media token can be signed.
    #[error("variable `media_token_secret` must have at least {} bytes", media_token::SECRET_BYTES_MIN)]
    MediaTokenSecret,
    /// Not a URL of a web server.
    #[error("variable `public_url` must begin with http:// or https://")]
    PublicUrl,
    /// Not a URL of a media server.
    #[error("variable `media_url` must begin with ws:// or wss://")]
    MediaUrl,
    /// Neither yes nor no.
    #[error("variable `trust_forwarded` must be `true` or `false`")]
    TrustForwarded,
    /// Not a URL of a web server.
    #[error("variable `internal_url` must begin with http:// or https://")]
    InternalUrl,
    /// Nobody could call, or not a number.
    #[error("variable `webhooks_per_minute` must be a whole number from 1 to 100000")]
    WebhooksPerMinute,
}

impl Settings {
    /// The variables that are read.
    pub const VARIABLES: [&str; 11] = [
        "public_url",
        "media_url",
        "twilio_auth_tokens",
        "telnyx_public_keys",
        "vapi_secrets",
        "vapi_hmac_secrets",
        "media_token_secret",
        "trust_forwarded",
        "internal_url",
        "internal_secret",
        "webhooks_per_minute",
    ];

    /// Reads the variables' values; an absent one counts as empty.
    ///
    /// # Errors
    /// When one is not usable.
    pub fn from_variables(values: &BTreeMap<&str, String>) -> Result<Self, Fault> {
        let value = |name: &str| values.get(name).map_or("", |text| text.trim());
        let http = ["https://", "http://"];
        Ok(Self {
            public_url: base(value("public_url"), http).ok_or(Fault::PublicUrl)?,
            media_url: base(value("media_url"), ["wss://", "ws://"]).ok_or(Fault::MediaUrl)?,
            twilio_auth_tokens: keys(value("twilio_auth_tokens")),
            telnyx_public_keys: keys(value("telnyx_public_keys")),
            vapi_secrets: keys(value("vapi_secrets")),
            vapi_hmac_secrets: keys(value("vapi_hmac_secrets")),
            // Not trimmed: the host must arrive at the same bytes.
            media_token_secret: Secret::new(values.get("media_token_secret").map_or("", String::as_str))
                .map_err(|_| Fault::MediaTokenSecret)?,
            trust_forwarded: match value("trust_forwarded") {
                "true" => true,
                "" | "false" => false,
                _ => return Err(Fault::TrustForwarded),
            },
            internal_url: base(value("internal_url"), http).ok_or(Fault::InternalUrl)?,
            internal_secret: Some(value("internal_secret"))
                .filter(|text| !text.is_empty())
                .map(str::to_owned),
            webhooks_per_minute: match value("webhooks_per_minute") {
                "" => WEBHOOKS_PER_MINUTE,
                text => {
                    let count = text.parse().ok().filter(|count| (1..=100_000).contains(count));
                    count.ok_or(Fault::WebhooksPerMinute)?
                }
            },
        })
    }

    /// The base of the media sockets for a service whose base is `public_url`.
    pub(crate) fn media_base(&self, public_url: &str) -> String {
        match (&self.media_url, public_url.split_once("://")) {
            (Some(media_url), _) => media_url.clone(),
            (None, Some(("http", place))) => format!("ws://{place}"),
            (None, Some((_, place))) => format!("wss://{place}"),
            (None, None) => format!("wss://{public_url}"),
        }
    }
}

/// The texts between commas that are not blank.
fn keys(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|key| !key.is_empty()).map(str::to_owned).collect()
}

/// `Some(None)` for an empty text, `None` for one with another scheme.
fn base(text: &str, schemes: [&str; 2]) -> Option<Option<String>> {
    if text.is_empty() {
        return Some(None);
    }
    let place = schemes.iter().find_map(|scheme| text.strip_prefix(scheme))?;
    (!place.is_empty()).then(|| Some(text.trim_end_matches('/').to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "a secret of enough bytes";

    #[test]
    fn media_follows_the_public_url_unless_it_is_elsewhere() {
        let media = |public: &str, media: &str| {
            let settings = read(&[("public_url", public), ("media_url", media)]).unwrap();
            settings.media_base(settings.public_url.as_deref().unwrap())
        };
        assert_eq!(media("https://voice.example.com/", ""), "wss://voice.example.com");
        assert_eq!(media("http://127.0.0.1:3000", ""), "ws://127.0.0.1:3000");
        assert_eq!(media("https://a.example", "wss://media.example/"), "wss://media.example");
    }

    #[test]
    fn tokens_are_split_and_blanks_between_them_are_none() {
        let settings = read(&[("twilio_auth_tokens", " new ,, old,")]).unwrap();
        assert_eq!(settings.twilio_auth_tokens, ["new", "old"]);
        assert!(read(&[]).unwrap().twilio_auth_tokens.is_empty());
    }

    #[test]
    fn keys_are_not_in_what_is_printed() {
        let all = [
            "twilio_auth_tokens",
            "telnyx_public_keys",
            "vapi_secrets",
            "vapi_hmac_secrets",
            "internal_secret",
        ];
        let settings = read(&all.map(|name| (name, "hidden"))).unwrap();
        assert_eq!((settings.internal_secret.as_deref(), settings.vapi_secrets.len()), (Some("hidden"), 1));
        let printed = format!("{settings:?}");
        assert!(!printed.contains("hidden") && !printed.contains(SECRET), "{printed}");
    }

    #[test]
    fn a_caller_may_begin_thirty_calls_a_minute_unless_it_is_said_otherwise() {
        assert_eq!(read(&[]).unwrap().webhooks_per_minute, 30);
        assert_eq!(read(&[("webhooks_per_minute", " 5 ")]).unwrap().webhooks_per_minute, 5);
        for odd in ["0", "-1", "many", "100001"] {
            let fault = read(&[("webhooks_per_minute", odd)]).unwrap_err();
            assert_eq!(fault, Fault::WebhooksPerMinute, "{odd}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        assert_eq!(read(&[("public_url", "voice.example.com")]).unwrap_err(), Fault::PublicUrl);
        assert_eq!(read(&[("media_url", "https://m.example")]).unwrap_err(), Fault::MediaUrl);
        assert_eq!(read(&[("internal_url", "127.0.0.1:9000")]).unwrap_err(), Fault::InternalUrl);
        assert_eq!(read(&[("trust_forwarded", "yes")]).unwrap_err(), Fault::TrustForwarded);
        assert_eq!(read(&[("media_token_secret", "short")]).unwrap_err(), Fault::MediaTokenSecret);
        assert!(read(&[("trust_forwarded", "true")]).unwrap().trust_forwarded);
    }

    fn read(values: &[(&'static str, &str)]) -> Result<Settings, Fault> {
        let mut all = BTreeMap::from([("media_token_secret", SECRET.to_owned())]);
        all.extend(values.iter().map(|(name, value)| (*name, (*value).to_owned())));
        Settings::from_variables(&all)
    }
}
