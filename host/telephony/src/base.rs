//! Where a carrier's API is, and what opens it.

use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

/// Settings that no request could be made with. It names what is wrong, never a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misconfigured {
    /// The address is no `http` or `https` address of a host.
    #[error("the carrier's address is no web address")]
    NotAnAddress,
    /// Plain `http` to a public host: credentials would travel in the clear.
    #[error("the carrier's address is public and not encrypted")]
    NotEncrypted,
    /// A name or a key that the carrier gave is empty, or has characters that it would not have.
    #[error("{0} is empty or malformed")]
    Malformed(&'static str),
    /// TLS or the HTTP client cannot be set up.
    #[error("TLS cannot be set up")]
    Tls,
}

/// A carrier's key or token. Neither `Debug` nor any error shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a key. Surrounding white space, as it comes from files, is removed.
    #[must_use]
    pub fn new(key: impl AsRef<str>) -> Self {
        Self(key.as_ref().trim().to_owned())
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// The key if it can stand in a header.
    pub(crate) fn checked(self, name: &'static str) -> Result<Self, Misconfigured> {
        let printable = !self.0.is_empty() && self.0.bytes().all(|byte| byte.is_ascii_graphic());
        if printable { Ok(self) } else { Err(Misconfigured::Malformed(name)) }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.0.is_empty() { "Secret(empty)" } else { "Secret(***)" })
    }
}

/// The base address of an API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Base(Url);

impl Base {
    /// The address, if credentials may travel to it: `https`, or any private host.
    pub(crate) fn new(url: Url) -> Result<Self, Misconfigured> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Misconfigured::NotAnAddress);
        }
        if url.scheme() == "http" && !is_private(&url) {
            return Err(Misconfigured::NotEncrypted);
        }
        Ok(Self(url))
    }

    /// The address with these segments after its own path, each percent-encoded.
    pub(crate) fn join(&self, segments: &[&str]) -> Url {
        let mut url = self.0.clone();
        url.set_query(None);
        url.set_fragment(None);
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    /// The address with a path after its own. The path begins with a slash and is percent-encoded.
    pub(crate) fn at(&self, path: &str) -> Url {
        let mut url = self.join(&[]);
        let prefix = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{prefix}{path}"));
        url
    }

    /// Whether the API is not on the public internet, as simulators are.
    pub(crate) fn is_near(&self) -> bool {
        is_private(&self.0)
    }

    /// Whether files may be fetched from `url`, which somebody else wrote: encrypted and from a public host, or as near as
    /// the API itself is.
    pub(crate) fn may_fetch(&self, url: &Url) -> bool {
        let near = self.is_near();
        match url.scheme() {
            "https" => near || is_public(url),
            "http" => near && self.0.scheme() == "http" && is_private(url),
            _ => false,
        }
    }
}

/// Whether the address may be on the public internet. Of a name that is known when it is resolved.
fn is_public(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => egress::is_public(address.into()),
        Some(Host::Ipv6(address)) => egress::is_public(address.into()),
        Some(Host::Domain(_)) => !is_private(url),
        None => false,
    }
}

/// Whether the address is not on the public internet: loopback, private, or a name without a public suffix.
fn is_private(url: &Url) -> bool {
    let address: IpAddr = match url.host() {
        Some(Host::Ipv4(address)) => address.into(),
        Some(Host::Ipv6(address)) => address.into(),
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            return !name.contains('.') || PRIVATE_SUFFIXES.iter().any(|suffix| name.ends_with(suffix));
        }
        None => return false,
    };
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            // Carriers' own networks: RFC 6598.
            let shared = first == 100 && (64..128).contains(&second);
            address.is_loopback()
                || address.is_private()
                || address.is_link_local()
                || address.is_unspecified()
                || shared
        }
        IpAddr::V6(address) => {
            address.is_loopback()
                || address.is_unique_local()
                || address.is_unicast_link_local()
                || address.is_unspecified()
        }
    }
}

/// Name endings that are never delegated publicly, or that container platforms use inside.
const PRIVATE_SUFFIXES: [&str; 4] = [".localhost", ".local", ".internal", ".svc"];

#[cfg(test)]
mod tests {
    use super::*;

    fn base(address: &str) -> Result<Base, Misconfigured> {
        Base::new(Url::parse(address).unwrap())
    }

    #[test]
    fn credentials_travel_in_the_clear_to_private_hosts_only() {
        for address in ["https://api.example.com", "http://127.0.0.1:1", "http://[::1]:1", "http://sim:80"] {
            assert!(base(address).is_ok(), "{address}");
        }
        assert_eq!(base("http://api.example.com"), Err(Misconfigured::NotEncrypted));
        assert_eq!(base("http://8.8.8.8"), Err(Misconfigured::NotEncrypted));
        assert_eq!(base("ftp://127.0.0.1"), Err(Misconfigured::NotAnAddress));
    }

    #[test]
    fn a_segment_cannot_leave_its_place_in_the_path() {
        let url = base("https://api.example.com/v2/").unwrap().join(&["calls", "v3:a/../b?c#d", "actions"]);
        assert_eq!(url.as_str(), "https://api.example.com/v2/calls/v3:a%2F..%2Fb%3Fc%23d/actions");
    }

    #[test]
    fn an_encoded_path_goes_on_the_wire_as_it_is() {
        let url = base("https://api.example.com/v2").unwrap().at("/calls/v3%3Aa%2Fb/actions/hangup");
        assert_eq!(url.as_str(), "https://api.example.com/v2/calls/v3%3Aa%2Fb/actions/hangup");
    }

    #[test]
    fn recordings_are_fetched_encrypted_or_from_where_the_api_is() {
        let url = |address| Url::parse(address).unwrap();
        let public = base("https://api.example.com").unwrap();
        assert!(public.may_fetch(&url("https://bucket.example.org/a.wav?X-Amz-Signature=1")));
        assert!(!public.may_fetch(&url("http://127.0.0.1/a.wav")));
        assert!(!public.may_fetch(&url("file:///etc/passwd")));
        for within in [
            "127.0.0.1",
            "169.254.169.254",
            "10.0.0.1",
            "100.100.100.200",
            "0.0.0.0",
            "2130706433",
            "[::1]",
            "[::]",
            "[::ffff:10.0.0.1]",
            "[fd00:ec2::254]",
            "168.63.129.16",
            "[64:ff9b::a00:1]",
            "[2002:a00:1::]",
            "localhost",
            "vault",
            "metadata.google.internal",
            "metadata.google.internal.",
        ] {
            let address = Url::parse(&format!("https://{within}/a.wav")).unwrap();
            assert!(!public.may_fetch(&address), "{within}");
        }
        let local = base("http://127.0.0.1:1").unwrap();
        assert!(local.may_fetch(&url("http://127.0.0.1:2/a.wav")));
        assert!(!local.may_fetch(&url("http://example.org/a.wav")));
    }

    #[test]
    fn a_key_is_never_shown_and_must_fit_into_a_header() {
        assert_eq!(format!("{:?}", Secret::new("visible\n")), "Secret(***)");
        for bad in ["", " \n", "a\r\nX: y", "ä"] {
            assert!(Secret::new(bad).checked("key").is_err(), "{bad}");
        }
    }
}
