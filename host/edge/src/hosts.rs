//! `allowed_outbound_hosts`: what a component may connect to.

use std::net::IpAddr;
use std::ops::Range;

use url::Host;

use crate::addresses::is_private;

/// The domain of service chaining: `<component>.spin.internal`.
const CHAINING_SUFFIX: &str = ".spin.internal";
/// The name by which a component reaches its own application.
pub(crate) const SELF_HOST: &str = "self.alt";

/// What is wrong with an entry of `allowed_outbound_hosts`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[error("`allowed_outbound_hosts` has `{entry}`: {reason}")]
pub struct Error {
    entry: String,
    reason: String,
}

#[derive(Clone, Debug, Eq, PartialEq)]
struct Entry {
    /// `None` is any.
    scheme: Option<String>,
    host: HostPattern,
    port: PortPattern,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum HostPattern {
    Any,
    /// `.example.com`: any name below it.
    Below(String),
    /// The application itself.
    Own,
    Name(String),
    Network(Network),
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum PortPattern {
    Any,
    Range(Range<u32>),
}

/// The addresses that share a prefix.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Network {
    address: IpAddr,
    prefix: u8,
}

/// Everything a component may connect to.
#[derive(Clone, Debug, Default)]
pub(crate) struct AllowedHosts {
    entries: Vec<Entry>,
}

/// What may be done with an address that a permitted name or literal leads to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Reach {
    /// Public addresses only.
    Public,
    /// Loopback addresses too: the manifest says `localhost`.
    Loopback,
    /// Any address: the manifest writes this address or its network.
    Any,
}

impl Reach {
    pub(crate) fn permits(self, address: IpAddr) -> bool {
        match self {
            Self::Public => !is_private(address),
            Self::Loopback => !is_private(address) || address.to_canonical().is_loopback(),
            Self::Any => true,
        }
    }
}

impl AllowedHosts {
    /// Parses resolved entries. `filled_in` tells which came out of a template: an empty one of those is an endpoint that is
    /// not configured, and is skipped. `components` are the ids that `*.spin.internal` stands for.
    pub(crate) fn parse<'a>(
        entries: impl IntoIterator<Item = (&'a str, bool)>,
        components: &[&str],
    ) -> Result<Self, Error> {
        let mut parsed = Vec::new();
        for (text, filled_in) in entries {
            if filled_in && matches!(text, "" | "http://" | "https://") {
                continue;
            }
            let entry = Entry::parse(text).map_err(|reason| Error { entry: text.to_owned(), reason })?;
            match &entry.host {
                HostPattern::Below(suffix) if suffix == CHAINING_SUFFIX => {
                    parsed.extend(components.iter().map(|id| Entry {
                        host: HostPattern::Name(format!("{id}{CHAINING_SUFFIX}")),
                        ..entry.clone()
                    }));
                }
                _ => parsed.push(entry),
            }
        }
        Ok(Self { entries: parsed })
    }

    /// Whether a request to this scheme, host and port is allowed, and to which addresses it may go.
    pub(crate) fn check(&self, scheme: &str, host: &str, port: Option<u16>) -> Option<Reach> {
        let host = Host::parse(host).ok()?;
        let port = port.or_else(|| default_port(scheme))?;
        self.entries
            .iter()
            .filter(|entry| entry.allows(scheme, &host, port))
            .map(|entry| entry.reach(&host))
            .max_by_key(|reach| match reach {
                Reach::Public => 0,
                Reach::Loopback => 1,
                Reach::Any => 2,
            })
    }

    /// Whether requests to the application itself are allowed.
    pub(crate) fn allows_own(&self) -> bool {
        self.entries.iter().any(|entry| {
            entry.scheme.as_deref().is_none_or(|scheme| matches!(scheme, "http" | "https"))
                && matches!(entry.host, HostPattern::Any | HostPattern::Own)
        })
    }

    /// Schemes of entries that no HTTP request can use.
    pub(crate) fn foreign_schemes(&self) -> impl Iterator<Item = &str> {
        self.entries
            .iter()
            .filter_map(|entry| entry.scheme.as_deref())
            .filter(|scheme| !matches!(*scheme, "http" | "https"))
    }
}

/// The component that a host of service chaining names.
pub(crate) fn chaining_target(host: &str) -> Option<&str> {
    let (component, domain) = host.trim().split_once('.')?;
    domain.eq_ignore_ascii_case("spin.internal").then_some(component)
}

/// Whether the value of a `Host` header belongs to service chaining, which outside requests may not claim.
pub(crate) fn is_chaining_authority(authority: &str) -> bool {
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    chaining_target(host).is_some()
}

impl Entry {
    fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(
                "write scheme://host:port, each of which may be `*`, such as `https://api.example.com`"
                    .into(),
            );
        };
        let scheme_pattern = match scheme {
            "*" => None,
            _ if scheme.starts_with('{') => return Err("lists of schemes are not supported".into()),
            _ if scheme.is_empty() || !scheme.chars().all(char::is_alphabetic) => {
                return Err("the scheme must consist of letters, or be `*`".into());
            }
            _ => Some(scheme.to_owned()),
        };
        let (host, port) = split_port(rest)?;
        Ok(Self {
            scheme: scheme_pattern,
            host: HostPattern::parse(host)?,
            port: PortPattern::parse(port, scheme)?,
        })
    }

    fn allows(&self, scheme: &str, host: &Host, port: u16) -> bool {
        self.scheme.as_deref().is_none_or(|mine| mine == scheme)
            && self.host.allows(host)
            && self.port.allows(port)
    }

    /// A wildcard never opens a private address; what the manifest spells out does.
    fn reach(&self, host: &Host) -> Reach {
        match &self.host {
            HostPattern::Name(name) if name == "localhost" => Reach::Loopback,
            HostPattern::Network(network) if !matches!(host, Host::Domain(_)) && network.is_explicit() => {
                Reach::Any
            }
            _ => Reach::Public,
        }
    }
}

/// Splits at the last colon unless what stands before it is not a whole host, as in `[::1]`.
fn split_port(rest: &str) -> Result<(&str, &str), String> {
    match rest.rsplit_once(':') {
        None => Ok((rest, "")),
        Some((host, "")) => Ok((host, "")),
        Some(_) if HostPattern::parse(rest).is_ok() => Ok((rest, "")),
        Some((host, tail)) => match tail.split_once('/') {
            Some((port, "")) => Ok((host, port)),
            Some(_) => Err("must not have a path".into()),
            None => Ok((host, tail)),
        },
    }
}

impl HostPattern {
    fn parse(host: &str) -> Result<Self, String> {
        let host = host.trim();
        match host {
            "*" => return Ok(Self::Any),
            "self" | SELF_HOST => return Ok(Self::Own),
            _ if host.starts_with('{') => return Err("lists of hosts are not supported".into()),
            _ => {}
        }
        if let Some(network) = Network::parse(host) {
            return Ok(Self::Network(network));
        }
        let host = host.strip_suffix('/').unwrap_or(host);
        if host.contains('/') {
            return Err("must not have a path".into());
        }
        let parse_name =
            |name: &str| Host::parse(name).map_err(|error| format!("`{name}` is not a host: {error}"));
        if let Some(domain) = host.strip_prefix("*.") {
            if domain.contains('*') {
                return Err("a `*` is allowed only in front".into());
            }
            return match parse_name(domain)? {
                Host::Domain(domain) => Ok(Self::Below(format!(".{domain}"))),
                _ => Err("what follows `*.` must be a domain".into()),
            };
        }
        if host.contains('*') {
            return Err("a `*` stands for a whole host, or for what is in front of a domain".into());
        }
        match parse_name(host)? {
            Host::Domain(domain) => Ok(Self::Name(domain)),
            Host::Ipv4(address) => Ok(Self::Network(Network { address: address.into(), prefix: 32 })),
            Host::Ipv6(address) => Ok(Self::Network(Network { address: address.into(), prefix: 128 })),
        }
    }

    fn allows(&self, host: &Host) -> bool {
        match (self, host) {
            (Self::Any, _) => true,
            (Self::Below(suffix), Host::Domain(domain)) => domain.ends_with(suffix.as_str()),
            (Self::Name(name), Host::Domain(domain)) => name == domain,
            (Self::Network(network), Host::Ipv4(address)) => network.contains((*address).into()),
            (Self::Network(network), Host::Ipv6(address)) => network.contains((*address).into()),
            _ => false,
        }
    }
}

impl PortPattern {
    fn parse(port: &str, scheme: &str) -> Result<Self, String> {
        let number =
            |text: &str| text.parse::<u16>().map(u32::from).map_err(|_| format!("`{text}` is not a port"));
        let single = |port: u32| Self::Range(port..port + 1);
        match port {
            "*" => Ok(Self::Any),
            "" => default_port(scheme)
                .map(|port| single(port.into()))
                .ok_or_else(|| format!("`{scheme}` has no usual port; write one, or `:*`")),
            _ if port.starts_with('{') => Err("lists of ports are not supported".into()),
            _ => match port.split_once("..") {
                Some((start, end)) => Ok(Self::Range(number(start)?..number(end)?)),
                None => number(port).map(single),
            },
        }
    }

    fn allows(&self, port: u16) -> bool {
        match self {
            Self::Any => true,
            Self::Range(range) => range.contains(&port.into()),
        }
    }
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse::<u8>().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.unwrap_or(longest);
        (prefix <= longest).then_some(Self { address, prefix })
    }

    fn contains(&self, other: IpAddr) -> bool {
        let shift = |bits: u32| bits - u32::from(self.prefix);
        match (self.address, other) {
            (IpAddr::V4(mine), IpAddr::V4(theirs)) => {
                (mine.to_bits() ^ theirs.to_bits()).checked_shr(shift(32)).unwrap_or_default() == 0
            }
            (IpAddr::V6(mine), IpAddr::V6(theirs)) => {
                (mine.to_bits() ^ theirs.to_bits()).checked_shr(shift(128)).unwrap_or_default() == 0
            }
            _ => false,
        }
    }

    /// Whether the manifest's author must have meant private addresses: a network of any size that is all private, but not
    /// one so wide (such as 0.0.0.0/0) that it means "anything".
    fn is_explicit(&self) -> bool {
        let narrowest = if self.address.is_ipv4() { 8 } else { 7 };
        self.prefix >= narrowest && is_private(self.address)
    }
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        "postgres" => Some(5432),
        "mysql" => Some(3306),
        "redis" => Some(6379),
        "mqtt" => Some(1883),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn entries_allow_what_they_name_and_nothing_else() {
        let cases = [
            ("https://api.example.com", "https", "api.example.com", None, true),
            ("https://api.example.com", "https", "API.example.COM", Some(443), true),
            ("https://api.example.com", "http", "api.example.com", None, false),
            ("https://api.example.com", "https", "api.example.com", Some(8443), false),
            ("https://api.example.com", "https", "example.com", None, false),
            ("https://api.example.com/", "https", "api.example.com", None, true),
            ("https://api.example.com:8443/", "https", "api.example.com", Some(8443), true),
            ("https://*.example.com", "https", "a.b.example.com", None, true),
            ("https://*.example.com", "https", "example.com", None, false),
            ("https://*.example.com", "https", "badexample.com", None, false),
            ("http://example.com:*", "http", "example.com", Some(1), true),
            ("http://example.com:8000..8010", "http", "example.com", Some(8009), true),
            ("http://example.com:8000..8010", "http", "example.com", Some(8010), false),
            ("*://example.com:80", "https", "example.com", Some(80), true),
            ("*://*:*", "https", "anything.example", Some(1234), true),
            ("https://*", "https", "anything.example", None, true),
            ("https://*", "https", "anything.example", Some(444), false),
            ("http://127.0.0.1:8080", "http", "127.0.0.1", Some(8080), true),
            ("http://127.0.0.1:8080", "http", "127.0.0.2", Some(8080), false),
            ("http://10.0.0.0/8:*", "http", "10.20.30.40", Some(1), true),
            ("http://10.0.0.0/8:*", "http", "11.0.0.1", Some(1), false),
            ("http://10.0.0.0/8:*", "http", "ten.example", Some(1), false),
            ("http://[::1]:8080", "http", "[::1]", Some(8080), true),
            ("http://[::1]", "http", "[::1]", None, true),
            ("postgres://db.example.com", "http", "db.example.com", Some(5432), false),
            ("http://self", "http", "self", None, false),
        ];
        for (entry, scheme, host, port, expected) in cases {
            let allowed = parse(&[entry]).check(scheme, host, port).is_some();
            assert_eq!(allowed, expected, "{entry} {scheme} {host} {port:?}");
        }
    }

    #[test]
    fn malformed_entries_are_refused_with_a_reason() {
        let cases = [
            ("*", "write scheme://host:port"),
            ("", "write scheme://host:port"),
            ("example.com", "write scheme://host:port"),
            ("insecure:allow-all", "write scheme://host:port"),
            ("h2c://example.com:80", "scheme must consist of letters"),
            ("://example.com", "scheme must consist of letters"),
            ("{http,https}://example.com", "lists of schemes"),
            ("https://{a,b}.example.com", "lists of hosts"),
            ("https://example.com:{80,443}", "lists of ports"),
            ("https://example.com/path", "must not have a path"),
            ("https://example.com:80/path", "must not have a path"),
            ("https://a.*.example.com", "a `*` stands for a whole host"),
            ("https://*.*.example.com", "a `*` is allowed only in front"),
            ("https://*.127.0.0.1", "must be a domain"),
            ("https://example.com:port", "is not a port"),
            ("https://example.com:99999", "is not a port"),
            ("*://example.com", "has no usual port"),
            ("https://exa mple.com", "is not a host"),
        ];
        for (entry, reason) in cases {
            let error = AllowedHosts::parse([(entry, false)], &[]).unwrap_err().to_string();
            assert!(error.contains(&format!("`{entry}`")) && error.contains(reason), "{entry}: {error}");
        }
    }

    #[test]
    fn a_template_that_comes_out_empty_is_skipped_but_an_empty_literal_is_not() {
        let hosts =
            AllowedHosts::parse([("", true), ("https://", true), ("https://a.example", true)], &[]).unwrap();

        assert_eq!(hosts.entries.len(), 1);
        assert!(AllowedHosts::parse([("https://", false)], &[]).is_err());
    }

    #[test]
    fn private_addresses_are_reached_only_when_the_manifest_spells_them_out() {
        let cases = [
            ("*://*:*", "10.0.0.1", Reach::Public),
            ("http://*:*", "localhost", Reach::Public),
            ("http://localhost:*", "localhost", Reach::Loopback),
            ("http://10.0.0.1:*", "10.0.0.1", Reach::Any),
            ("http://10.0.0.0/8:*", "10.0.0.1", Reach::Any),
            ("http://127.0.0.1:*", "127.0.0.1", Reach::Any),
            ("http://[::1]:*", "[::1]", Reach::Any),
            ("http://[fd00::]/8:*", "unmatched", Reach::Public),
            ("http://0.0.0.0/0:*", "10.0.0.1", Reach::Public),
            ("http://internal.example:*", "internal.example", Reach::Public),
        ];
        for (entry, host, expected) in cases {
            let Ok(hosts) = AllowedHosts::parse([(entry, false)], &[]) else {
                assert_eq!(host, "unmatched", "{entry}");
                continue;
            };
            assert_eq!(hosts.check("http", host, Some(80)), Some(expected), "{entry} {host}");
        }
    }

    #[test]
    fn the_widest_reach_of_all_matching_entries_counts() {
        let hosts = parse(&["*://*:*", "http://127.0.0.1:9000"]);

        assert_eq!(hosts.check("http", "127.0.0.1", Some(9000)), Some(Reach::Any));
        assert_eq!(hosts.check("http", "127.0.0.1", Some(9001)), Some(Reach::Public));
    }

    #[test]
    fn reach_decides_over_the_address_that_is_used() {
        let [public, private, loopback, mapped]: [IpAddr; 4] =
            ["8.8.8.8", "10.0.0.1", "127.0.0.1", "::ffff:127.0.0.1"].map(|text| text.parse().unwrap());

        assert!(Reach::Public.permits(public));
        assert!(
            !Reach::Public.permits(private)
                && !Reach::Public.permits(loopback)
                && !Reach::Public.permits(mapped)
        );
        assert!(
            Reach::Loopback.permits(loopback)
                && Reach::Loopback.permits(mapped)
                && Reach::Loopback.permits(public)
        );
        assert!(!Reach::Loopback.permits(private));
        assert!(Reach::Any.permits(private));
    }

    #[test]
    fn chaining_wildcards_stand_for_the_components_of_the_application() {
        let hosts = AllowedHosts::parse([("http://*.spin.internal", false)], &["auth", "api"]).unwrap();

        assert!(hosts.check("http", "auth.spin.internal", None).is_some());
        assert!(hosts.check("http", "other.spin.internal", None).is_none());
    }

    #[test]
    fn chaining_hosts_are_recognised_with_and_without_a_port() {
        assert_eq!(chaining_target("auth.spin.internal"), Some("auth"));
        assert_eq!(chaining_target("a.b.spin.internal"), None);
        assert_eq!(chaining_target("spin.internal"), None);
        assert!(is_chaining_authority("auth.spin.internal:80"));
        assert!(is_chaining_authority("auth.SPIN.internal"));
        assert!(!is_chaining_authority("auth.spin.internal.example.com"));
    }

    #[test]
    fn self_and_wildcards_allow_requests_to_the_application_itself() {
        assert!(parse(&["http://self"]).allows_own());
        assert!(parse(&["https://self.alt"]).allows_own());
        assert!(parse(&["*://*:*"]).allows_own());
        assert!(!parse(&["https://example.com"]).allows_own());
    }

    #[test]
    fn schemes_that_no_http_request_uses_are_listed() {
        let hosts = parse(&["postgres://db:5432", "https://a.example", "*://b.example:1"]);

        assert_eq!(hosts.foreign_schemes().collect::<Vec<_>>(), ["postgres"]);
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,40}", scheme in "[a-z*]{1,5}", tail in "[a-z0-9.:/*\\[\\]{}-]{0,20}") {
            let _ = AllowedHosts::parse([(text.as_str(), false)], &[]);
            let _ = AllowedHosts::parse([(format!("{scheme}://{tail}").as_str(), false)], &[]);
        }

        #[test]
        fn a_network_contains_exactly_the_addresses_that_share_its_prefix(
            address in any::<u32>(), other in any::<u32>(), prefix in 0_u8..=32,
        ) {
            let network = Network { address: std::net::Ipv4Addr::from_bits(address).into(), prefix };
            let shared = (address ^ other).leading_zeros() >= u32::from(prefix);

            prop_assert_eq!(network.contains(std::net::Ipv4Addr::from_bits(other).into()), shared);
        }
    }

    fn parse(entries: &[&str]) -> AllowedHosts {
        AllowedHosts::parse(entries.iter().map(|entry| (*entry, false)), &[]).unwrap()
    }
}
