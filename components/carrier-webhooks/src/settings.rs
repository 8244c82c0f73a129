//! What the operator configures, from the manifest's variables.

use std::collections::BTreeMap;

use media_token::Secret;

/// The component's configuration.
#[derive(Debug)]
pub struct Settings {
    /// The base under which carriers reach this service, without a final slash; `None`: go by
    /// the request.
    pub public_url: Option<String>,
    /// The base of the media sockets, `ws://` or `wss://`, without a final slash; `None`:
    /// the same place as the webhook.
    pub media_url: Option<String>,
    /// Twilio's auth tokens; more than one during a rotation.
    pub twilio_auth_tokens: Vec<String>,
    /// What media tokens are signed with.
    pub media_token_secret: Secret,
    /// Whether `X-Forwarded-*` come from a proxy of the operator's.
    pub trust_forwarded: bool,
}

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
}

impl Settings {
    /// The variables that are read.
    pub const VARIABLES: [&str; 5] =
        ["public_url", "media_url", "twilio_auth_tokens", "media_token_secret", "trust_forwarded"];

    /// Reads the variables' values; an absent one counts as empty.
    ///
    /// # Errors
    /// When one is not usable.
    pub fn from_variables(values: &BTreeMap<&str, String>) -> Result<Self, Fault> {
        let value = |name: &str| values.get(name).map_or("", |text| text.trim());
        let tokens = value("twilio_auth_tokens").split(',').map(str::trim);
        Ok(Self {
            public_url: base(value("public_url"), ["https://", "http://"]).ok_or(Fault::PublicUrl)?,
            media_url: base(value("media_url"), ["wss://", "ws://"]).ok_or(Fault::MediaUrl)?,
            twilio_auth_tokens: tokens.filter(|token| !token.is_empty()).map(str::to_owned).collect(),
            // Not trimmed: the host must arrive at the same bytes.
            media_token_secret: Secret::new(values.get("media_token_secret").map_or("", String::as_str))
                .map_err(|_| Fault::MediaTokenSecret)?,
            trust_forwarded: match value("trust_forwarded") {
                "true" => true,
                "" | "false" => false,
                _ => return Err(Fault::TrustForwarded),
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
    fn what_cannot_be_used_is_named() {
        assert_eq!(read(&[("public_url", "voice.example.com")]).unwrap_err(), Fault::PublicUrl);
        assert_eq!(read(&[("media_url", "https://m.example")]).unwrap_err(), Fault::MediaUrl);
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
