//! The hosts that a tool may reach.
//!
//! This looks at names only. Where a name leads is looked at when connecting, every time.

use std::collections::BTreeSet;

use url::Host;

use crate::refusal::{Code, Refusal};

/// The most hosts of one tool.
pub const MAX_HOSTS: usize = 32;

/// The most bytes of a name (RFC 1035 section 2.3.4, less the final dot).
const MAX_NAME_BYTES: usize = 253;

/// Endings that are never public: RFC 6761, 6762, 7686, 8375, 9476, ICANN's `internal`, and what routers and firms use.
const NEVER_PUBLIC: [&str; 16] = [
    "alt",
    "arpa",
    "corp",
    "example",
    "home",
    "internal",
    "intranet",
    "invalid",
    "lan",
    "local",
    "localdomain",
    "localhost",
    "mail",
    "onion",
    "private",
    "test",
];

/// Public names that anybody can make lead to a private address by writing it into the name.
const LEADS_ANYWHERE: [&str; 5] = ["nip.io", "sslip.io", "xip.io", "localtest.me", "lvh.me"];

/// The port that goes without saying: that of `https`.
const HTTPS_PORT: &str = "443";

/// Checks the hosts that a tool declares; returns them without repetitions, in order.
///
/// A host is a name in lower case, without scheme, path or wildcard; where the port is not 443, with a colon and the
/// port.
///
/// # Errors
/// The first host that cannot stand.
pub fn check_hosts<S: AsRef<str>>(hosts: &[S]) -> Result<Vec<String>, Refusal> {
    if hosts.len() > MAX_HOSTS {
        let item = format!("{} hosts are declared", hosts.len());
        return Err(Refusal::new(Code::TooManyHosts, item, format!("declare at most {MAX_HOSTS}")));
    }
    let mut checked = BTreeSet::new();
    for host in hosts {
        let (name, port) = split_port(host.as_ref());
        if port.is_some_and(|port| !is_port(port)) {
            let item = format!("the host `{}`", host.as_ref());
            let mend =
                "declare a name such as `api.example.com`, or `api.example.com:8443`: no scheme, no path";
            return Err(Refusal::new(Code::BadHost, item, mend));
        }
        check(name)?;
        checked.insert(match port {
            Some(port) if port != HTTPS_PORT => format!("{name}:{port}"),
            _ => name.to_owned(),
        });
    }
    Ok(checked.into_iter().collect())
}

/// The name and what stands after its colon; an IPv6 address, which has several or is in brackets, stays whole.
fn split_port(host: &str) -> (&str, Option<&str>) {
    match host.split_once(':') {
        Some((name, port)) if !name.starts_with('[') && !port.contains(':') => (name, Some(port)),
        _ => (host, None),
    }
}

/// A number from 1 to 65535, written plainly.
fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0') && text.parse::<u16>().is_ok()
}

fn check(host: &str) -> Result<(), Refusal> {
    let item = format!("the host `{host}`");
    // What browsers and resolvers take for an address is one, however it is spelled: `0x7f.1`, `127.1`, `2130706433`.
    let parsed = Host::parse(host.trim_end_matches('.'));
    let bracketed = host.starts_with('[');
    if bracketed
        || is_address(host)
        || matches!(parsed, Ok(Host::Ipv4(_) | Host::Ipv6(_)))
        || ends_in_number(host)
    {
        return Err(Refusal::new(Code::HostIsAddress, item, "declare a name, not an address"));
    }
    if host.len() > MAX_NAME_BYTES || !host.split('.').all(is_label) {
        let mend =
            "declare a name such as `api.example.com`: a-z 0-9 - and dots, no scheme, path or wildcard";
        return Err(Refusal::new(Code::BadHost, item, mend));
    }
    // Catches what only looks like ASCII: labels in Punycode that stand for digits, dots or nothing.
    if !matches!(parsed, Ok(Host::Domain(domain)) if domain == host) {
        return Err(Refusal::new(
            Code::BadHost,
            item,
            "write the name as resolvers know it; its Punycode is not valid",
        ));
    }
    let ends_with =
        |ending: &&str| host.strip_suffix(*ending).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    if !host.contains('.') || NEVER_PUBLIC.iter().any(&ends_with) {
        return Err(Refusal::new(Code::HostNotPublic, item, "declare a name of the public DNS"));
    }
    if LEADS_ANYWHERE.iter().any(ends_with) {
        return Err(Refusal::new(Code::HostNotPublic, item, "declare the name of the service itself"));
    }
    Ok(())
}

fn is_address(host: &str) -> bool {
    let (address, _zone) = host.split_once('%').unwrap_or((host, ""));
    address.parse::<std::net::IpAddr>().is_ok()
}

/// The URL standard takes a host for an IPv4 address when its last part is a number.
fn ends_in_number(host: &str) -> bool {
    let last = host.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    let hex = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
    let all = |text: &str, is: fn(&u8) -> bool| text.as_bytes().iter().all(is);
    !last.is_empty()
        && (all(last, u8::is_ascii_digit) || hex.is_some_and(|hex| all(hex, u8::is_ascii_hexdigit)))
}

fn is_label(label: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&label.len())
        && label.bytes().all(allowed)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_names_stand() {
        let hosts =
            ["api.example.com", "a.b.c.shop.co.uk", "xn--bcher-kva.ch", "0x7f.1.shop.com", "api.example.com"];
        assert_eq!(check_hosts(&hosts).unwrap().len(), 4);
    }

    #[test]
    fn a_port_is_kept_unless_it_goes_without_saying() {
        let hosts = ["a.shop.com:443", "a.shop.com", "a.shop.com:8443", "a.shop.com:65535"];
        assert_eq!(check_hosts(&hosts).unwrap(), ["a.shop.com", "a.shop.com:65535", "a.shop.com:8443"]);
    }

    #[test]
    fn every_refusal_has_its_code() {
        let long = format!("{}.com", "a".repeat(64));
        let longer = format!("{}com", "a.".repeat(126));
        let cases: [(Code, &[&str]); 3] = [
            (
                Code::HostIsAddress,
                &[
                    "127.0.0.1",
                    "127.1",
                    "2130706433",
                    "0x7f000001",
                    "0x7f.1",
                    "0177.0.0.1",
                    "127.0.0.1.",
                    "[::1]",
                    "::1",
                    "fe80::1%eth0",
                    "::ffff:10.0.0.1",
                    "10.0.0.0x1",
                    "8.8.8.8",
                    "a.0x",
                    "169.254.169.254",
                    "[::ffff:7f00:1]",
                    "127。0。0。1",
                    "127.0.0.1:443",
                    "2130706433:80",
                    "[::1]:443",
                ],
            ),
            (
                Code::BadHost,
                &[
                    "",
                    ".",
                    "a..com",
                    "API.example.com",
                    "api.example.com.",
                    "https://shop.com",
                    "shop.com:",
                    "shop.com:0",
                    "shop.com:0443",
                    "shop.com:65536",
                    "shop.com:https",
                    "shop.com:+1",
                    "shop.com/x",
                    "u@shop.com",
                    "*.shop.com",
                    "shop_.com",
                    "-a.com",
                    "a-.com",
                    "bücher.ch",
                    "a b.com",
                    "a\n.com",
                    "xn--.com",
                    "xn--a.com",
                    "%31.com",
                    "①.com",
                    &long,
                    &longer,
                ],
            ),
            (
                Code::HostNotPublic,
                &[
                    "localhost",
                    "localhost:8080",
                    "com",
                    "a.localhost",
                    "printer.local",
                    "metadata.google.internal",
                    "1.0.0.127.in-addr.arpa",
                    "router.lan",
                    "x.onion",
                    "127.0.0.1.nip.io",
                    "localtest.me",
                    "x.home.arpa",
                    "a.test",
                    "intranet",
                ],
            ),
        ];
        for (code, hosts) in cases {
            for host in hosts {
                assert_eq!(check_hosts(&[host]).unwrap_err().code, code, "{host:?}");
            }
        }
        assert_eq!(check_hosts(&["a.com"; MAX_HOSTS + 1]).unwrap_err().code, Code::TooManyHosts);
    }
}
