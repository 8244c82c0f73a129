//! Hosts that a tool declares.

use std::fmt;

/// The port of `https`.
const HTTPS_PORT: u16 = 443;
/// The longest name in text form (RFC 1035, section 2.3.4, less the root and the length octets).
const MAX_NAME_BYTES: usize = 253;
/// The longest label of a name (RFC 1035, section 2.3.4).
const MAX_LABEL_BYTES: usize = 63;
/// Names that are not, or must not be, looked up in the public DNS (RFC 6761, 6762, 7686, 8375, 9476; `internal` by ICANN
/// resolution 2024.07.29.06; the others are common on private networks).
const LOCAL_DOMAINS: [&str; 15] = [
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
    "onion",
    "private",
    "test",
];

/// A host that a tool may send requests to: a public DNS name and a port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Host {
    name: String,
    port: u16,
}

/// Why a text is no [`Host`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidHost {
    /// Not a name of two labels or more in the letters, digits and hyphens of DNS.
    #[error("a host is a DNS name such as `api.example.com`, internationalised names in their `xn--` form")]
    Name,
    /// An address, or what some resolver could take for one.
    #[error("a host is a name, not an address")]
    Address,
    /// A name of private networks.
    #[error("a host is a public name; `.local`, `.internal` and the like are not")]
    Local,
    /// Not a port from 1 to 65535, written plainly.
    #[error("a port is a number from 1 to 65535")]
    Port,
}

impl Host {
    /// Reads `name` or `name:port`. Case does not matter; nothing else is tolerated.
    ///
    /// # Errors
    /// Whatever is not a public DNS name, literal addresses in any notation among it.
    pub fn parse(text: &str) -> Result<Self, InvalidHost> {
        let (name, port) = match text.split_once(':') {
            _ if text.starts_with('[') => return Err(InvalidHost::Address),
            Some((_, rest)) if rest.contains(':') => return Err(InvalidHost::Address),
            Some((name, port)) => (name, parse_port(port)?),
            None => (text, HTTPS_PORT),
        };
        let name = name.to_ascii_lowercase();
        check_name(&name)?;
        Ok(Self { name, port })
    }

    /// The name, in lower case.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The port, 443 unless declared otherwise.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            HTTPS_PORT => f.write_str(&self.name),
            port => write!(f, "{}:{port}", self.name),
        }
    }
}

fn parse_port(text: &str) -> Result<u16, InvalidHost> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|_| plain).ok_or(InvalidHost::Port)
}

fn check_name(name: &str) -> Result<(), InvalidHost> {
    let labels: Vec<&str> = name.split('.').collect();
    let [.., _, last] = labels.as_slice() else {
        // `2130706433` is an address to inet_aton, `localhost` a name to nobody but this machine.
        return Err(match name {
            "localhost" => InvalidHost::Local,
            _ if is_number(name) => InvalidHost::Address,
            _ => InvalidHost::Name,
        });
    };
    if name.len() > MAX_NAME_BYTES || !labels.iter().all(|label| is_label(label)) {
        return Err(InvalidHost::Name);
    }
    // Where the last label is a number, URL parsers and inet_aton read an address (URL standard, "ends in a number").
    if is_number(last) {
        return Err(InvalidHost::Address);
    }
    match LOCAL_DOMAINS.contains(last) {
        true => Err(InvalidHost::Local),
        false => Ok(()),
    }
}

fn is_label(label: &str) -> bool {
    (1..=MAX_LABEL_BYTES).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// Decimal, octal or hexadecimal, as inet_aton reads them.
fn is_number(label: &str) -> bool {
    match label.strip_prefix("0x") {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_digit()),
    }
}
