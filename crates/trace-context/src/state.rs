//! `tracestate`: what tracing systems say of a trace, each under a key of its own.

/// The members of a valid list, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct State(Vec<(String, String)>);

impl State {
    /// Reads the values of all `tracestate` headers as one list. `None` where any part of it is
    /// invalid: the whole list is worth nothing then (W3C Trace Context, section 3.3).
    pub(crate) fn parse<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Option<Self> {
        let mut members: Vec<(String, String)> = Vec::new();
        for value in values {
            for member in std::str::from_utf8(value).ok()?.split(',') {
                let member = member.trim_matches([' ', '\t']);
                if member.is_empty() {
                    continue;
                }
                let (key, value) = member.split_once('=')?;
                let repeated = members.iter().any(|(known, _)| known == key);
                if repeated || members.len() == MEMBERS_MAX || !is_key(key) || !is_value(value) {
                    return None;
                }
                members.push((key.to_owned(), value.to_owned()));
            }
        }
        Some(Self(members))
    }

    /// The members as one header's value; `None` where there are none. Those at the end, which are
    /// the oldest, go first where the value would be longer than [`BYTES_MAX`].
    pub(crate) fn to_text(&self) -> Option<String> {
        let mut text = String::new();
        for (key, value) in &self.0 {
            let separator = usize::from(!text.is_empty());
            if text.len() + separator + key.len() + 1 + value.len() > BYTES_MAX {
                break;
            }
            if separator == 1 {
                text.push(',');
            }
            text.push_str(key);
            text.push('=');
            text.push_str(value);
        }
        (!text.is_empty()).then_some(text)
    }

    /// The members.
    #[cfg(test)]
    pub(crate) fn members(&self) -> &[(String, String)] {
        &self.0
    }
}

/// The longest list (section 3.3.1.1).
const MEMBERS_MAX: usize = 32;

/// What is passed on: the least that everybody must pass on is 512 (section 3.3.1.5); one member
/// alone may be of 513.
const BYTES_MAX: usize = 1024;

/// The longest key, and the longest value.
const PART_BYTES_MAX: usize = 256;

/// The longest name of a tenant and of its system in a key of both.
const TENANT_BYTES_MAX: usize = 241;
const SYSTEM_BYTES_MAX: usize = 14;

/// A key of one system, or `tenant@system`. Level 2 lets both begin with a digit, save a system
/// that has tenants.
fn is_key(key: &str) -> bool {
    match key.split_once('@') {
        None => is_name(key, PART_BYTES_MAX),
        Some((tenant, system)) => {
            is_name(tenant, TENANT_BYTES_MAX)
                && is_name(system, SYSTEM_BYTES_MAX)
                && system.starts_with(|first: char| first.is_ascii_lowercase())
        }
    }
}

fn is_name(name: &str, bytes_max: usize) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let allowed = |byte: u8| is_letter(byte) || matches!(byte, b'_' | b'-' | b'*' | b'/');
    name.len() <= bytes_max && name.bytes().next().is_some_and(is_letter) && name.bytes().all(allowed)
}

/// Printable, without a comma or an equals sign; spaces at its end were taken for the list's.
fn is_value(value: &str) -> bool {
    let allowed = |byte: u8| matches!(byte, b' '..=b'~') && byte != b',' && byte != b'=';
    (1..=PART_BYTES_MAX).contains(&value.len()) && value.bytes().all(allowed)
}
