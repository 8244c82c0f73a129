//! What the operator configures, from the manifest's variables.

use std::collections::BTreeMap;
use std::fmt;

/// The component's configuration.
#[derive(Debug, Default)]
pub struct Settings {
    /// The host that places calls; `None` without its place or its secret: it is not told of orders, and finds
    /// them by looking.
    pub(crate) host: Option<Host>,
    /// Whether `X-Forwarded-For` comes from a proxy of the operator's.
    pub(crate) trust_forwarded: bool,
}

/// The internal side of the host.
pub(crate) struct Host {
    /// Its base URL, without a final slash.
    pub(crate) url: String,
    /// What it knows us by.
    pub(crate) secret: String,
}

impl fmt::Debug for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Host").field("url", &self.url).finish_non_exhaustive()
    }
}

/// Why the configuration cannot be used. Never holds a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// Not a URL of a web server.
    #[error("variable `internal_url` must begin with http:// or https://")]
    InternalUrl,
    /// Not what a header can carry.
    #[error("variable `internal_secret` must be of visible ASCII characters")]
    InternalSecret,
    /// Neither yes nor no.
    #[error("variable `trust_forwarded` must be `true` or `false`")]
    TrustForwarded,
}

impl Settings {
    /// The variables that are read.
    pub const VARIABLES: [&str; 3] = ["internal_url", "internal_secret", "trust_forwarded"];

    /// Reads the variables' values; an absent one counts as empty.
    ///
    /// # Errors
    /// When one is not usable.
    pub fn from_variables(values: &BTreeMap<&str, String>) -> Result<Self, Fault> {
        let value = |name: &str| values.get(name).map_or("", |text| text.trim());
        Ok(Self {
            host: host(value("internal_url"), value("internal_secret"))?,
            trust_forwarded: match value("trust_forwarded") {
                "true" => true,
                "" | "false" => false,
                _ => return Err(Fault::TrustForwarded),
            },
        })
    }
}

fn host(url: &str, secret: &str) -> Result<Option<Host>, Fault> {
    let place = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    if !url.is_empty() && place.is_none_or(|place| place.trim_end_matches('/').is_empty()) {
        return Err(Fault::InternalUrl);
    }
    if !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Fault::InternalSecret);
    }
    if url.is_empty() || secret.is_empty() {
        return Ok(None);
    }
    Ok(Some(Host { url: url.trim_end_matches('/').to_owned(), secret: secret.to_owned() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_must_be_set() {
        for values in [&[][..], &[("internal_url", "http://h")], &[("internal_secret", "s")]] {
            let settings = read(values).unwrap();
            assert!(settings.host.is_none() && !settings.trust_forwarded, "{values:?}");
        }
    }

    #[test]
    fn a_host_has_a_place_and_a_secret() {
        let host =
            read(&[("internal_url", " http://127.0.0.1:8080/ "), ("internal_secret", "s3")]).unwrap().host;
        let host = host.unwrap();
        assert_eq!((host.url.as_str(), host.secret.as_str()), ("http://127.0.0.1:8080", "s3"));
        assert!(!format!("{host:?}").contains("s3"));
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        for (values, fault) in [
            (&[("internal_url", "127.0.0.1"), ("internal_secret", "s")][..], Fault::InternalUrl),
            (&[("internal_url", "http://"), ("internal_secret", "s")], Fault::InternalUrl),
            (&[("internal_url", "http://h"), ("internal_secret", "a b")], Fault::InternalSecret),
            (&[("trust_forwarded", "yes")], Fault::TrustForwarded),
        ] {
            assert_eq!(read(values).unwrap_err(), fault, "{values:?}");
        }
    }

    fn read(values: &[(&'static str, &str)]) -> Result<Settings, Fault> {
        Settings::from_variables(&values.iter().map(|(name, value)| (*name, (*value).to_owned())).collect())
    }
}
