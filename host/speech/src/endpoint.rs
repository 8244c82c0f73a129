//! Where a vendor is reached: its public address, or a stand-in for it.

use std::net::IpAddr;

use url::{Host, Url};

use crate::{Error, Kind, Stage};

/// The base address of a vendor: scheme, host and port, and for OpenAI-compatible servers the path of the API.
///
/// Keys travel on it, so plain `http` is accepted only for hosts that are not on the public internet: loopback and
/// private addresses, and names without a public suffix, such as those of containers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    base: Url,
}

impl Endpoint {
    /// Reads an `http`, `https`, `ws` or `wss` address; the pairs mean the same.
    ///
    /// # Errors
    /// When it is not such an address, holds a user, query or fragment, or is plain `http` to a public host.
    pub fn parse(address: &str) -> Result<Self, Error> {
        let refuse = |code| Error::new("endpoint", Stage::Configure, Kind::Rejected).with_code(code);
        let (secure, rest) = match address.split_once("://") {
            Some(("https" | "wss", rest)) => (true, rest),
            Some(("http" | "ws", rest)) => (false, rest),
            _ => return Err(refuse("scheme_must_be_http_https_ws_or_wss")),
        };
        let scheme = if secure { "https" } else { "http" };
        let base = Url::parse(&format!("{scheme}://{rest}")).map_err(|_| refuse("not_an_address"))?;
        if !base.username().is_empty()
            || base.password().is_some()
            || base.query().is_some()
            || base.fragment().is_some()
        {
            return Err(refuse("only_scheme_host_port_and_path_allowed"));
        }
        if !secure && !base.host().is_some_and(|host| is_private(&host)) {
            return Err(refuse("plain_http_to_a_public_host"));
        }
        Ok(Self { base })
    }

    /// The HTTP address of `path`, which begins with a slash, below the base.
    pub(crate) fn http(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.prefix()));
        url
    }

    /// The WebSocket address of `path`, which begins with a slash, below the base.
    pub(crate) fn websocket(&self, path: &str) -> Url {
        let mut url = self.http(path);
        let scheme = if url.scheme() == "https" { "wss" } else { "ws" };
        // Cannot fail: all four schemes are of the same class.
        let _ = url.set_scheme(scheme);
        url
    }

    /// The base with `path` as its API path, unless it has one.
    pub(crate) fn or_path(mut self, path: &str) -> Self {
        if self.prefix().is_empty() {
            self.base.set_path(path);
        }
        self
    }

    pub(crate) fn host(&self) -> &str {
        self.base.host_str().unwrap_or_default()
    }

    fn prefix(&self) -> &str {
        self.base.path().trim_end_matches('/')
    }
}

fn is_private(host: &Host<&str>) -> bool {
    let address: IpAddr = match host {
        Host::Ipv4(address) => (*address).into(),
        Host::Ipv6(address) => (*address).into(),
        Host::Domain(name) => {
            let name = name.trim_end_matches('.');
            return !name.contains('.')
                || PRIVATE_SUFFIXES
                    .iter()
                    .any(|suffix| name.strip_suffix(suffix).is_some_and(|rest| !rest.is_empty()));
        }
    };
    match address {
        IpAddr::V4(address) => address.is_loopback() || address.is_private() || address.is_link_local(),
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
    }
}

/// Name endings that are never delegated publicly, or that container platforms use inside.
const PRIVATE_SUFFIXES: [&str; 4] = [".localhost", ".local", ".internal", ".svc"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn web_socket_and_http_addresses_are_interchangeable() {
        let endpoint = Endpoint::parse("wss://api.example.com:8443").unwrap();
        assert_eq!(endpoint.http("/v1/speak").as_str(), "https://api.example.com:8443/v1/speak");
        assert_eq!(endpoint.websocket("/v1/listen").as_str(), "wss://api.example.com:8443/v1/listen");
        let local = Endpoint::parse("http://127.0.0.1:9000").unwrap();
        assert_eq!(local.websocket("/v1/listen").as_str(), "ws://127.0.0.1:9000/v1/listen");
    }

    #[test]
    fn an_api_path_is_kept_and_a_missing_one_is_filled_in() {
        let path = |address| {
            let endpoint = Endpoint::parse(address).unwrap().or_path("/v1");
            endpoint.http("/chat/completions").path().to_owned()
        };
        assert_eq!(path("https://api.groq.com/openai/v1/"), "/openai/v1/chat/completions");
        assert_eq!(path("https://api.openai.com"), "/v1/chat/completions");
    }

    #[test]
    fn plain_http_reaches_private_hosts_only() {
        for address in
            ["http://localhost:1", "ws://10.0.0.3", "http://[::1]:9", "http://whisper:8000", "http://a.svc"]
        {
            assert!(Endpoint::parse(address).is_ok(), "{address}");
        }
        for address in ["http://api.openai.com", "ws://8.8.8.8", "http://internal.example.org"] {
            let error = Endpoint::parse(address).unwrap_err();
            assert_eq!(error.code(), Some("plain_http_to_a_public_host"), "{address}");
        }
    }

    #[test]
    fn addresses_that_could_hide_a_key_or_mean_nothing_are_refused() {
        for address in
            ["", "ftp://host", "https://", "https://user:pass@host", "https://host/?key=1", "host:80"]
        {
            assert!(Endpoint::parse(address).is_err(), "{address}");
        }
    }
}
