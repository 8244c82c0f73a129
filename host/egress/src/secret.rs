//! Secrets that a tool names and never sees.

use std::fmt;

use http::HeaderValue;
use memchr::memmem::Finder;

use crate::host::Host;
use crate::send::Error;

/// How a tool writes a secret into a header field: this, the name, and [`CLOSE`].
const OPEN: &str = "{{secret:";
const CLOSE: &str = "}}";
/// What stands in a response where the host repeated a secret. No longer than the shortest secret, so that a body does not
/// grow.
const MASK: &[u8] = b"[secret]";
/// The lengths of a secret. Shorter ones cannot be told from ordinary text in a response.
const VALUE_BYTES: std::ops::RangeInclusive<usize> = 8..=4096;
/// The longest name of a secret.
const MAX_NAME_BYTES: usize = 64;

/// A value that goes to one host, in header fields.
#[derive(Clone)]
pub struct Secret {
    name: String,
    host: Host,
    value: String,
}

/// Why a value cannot be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSecret {
    /// The name is not 1 to 64 bytes of `[a-z0-9_-]`.
    #[error("a secret's name is 1 to 64 bytes of `[a-z0-9_-]`")]
    Name,
    /// The value is not 8 to 4096 bytes of printable ASCII.
    #[error("a secret's value is 8 to 4096 bytes of printable ASCII")]
    Value,
}

impl Secret {
    /// The secret `name`, for `host` only.
    ///
    /// # Errors
    /// When the name or the value is not as [`InvalidSecret`] says.
    pub fn new(name: &str, host: Host, value: &str) -> Result<Self, InvalidSecret> {
        if !is_name(name) {
            return Err(InvalidSecret::Name);
        }
        let printable = value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && value.trim() == value;
        match printable && VALUE_BYTES.contains(&value.len()) {
            true => Ok(Self { name: name.to_owned(), host, value: value.to_owned() }),
            false => Err(InvalidSecret::Value),
        }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What stands for it in a header field's value.
    pub fn handle(&self) -> String {
        [OPEN, &self.name, CLOSE].concat()
    }

    /// The only host it is sent to.
    pub fn host(&self) -> &Host {
        &self.host
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").field("name", &self.name).field("host", &self.host).finish_non_exhaustive()
    }
}

fn is_name(text: &str) -> bool {
    (1..=MAX_NAME_BYTES).contains(&text.len())
        && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
}

/// Fills the secrets for `host` into a header field's value, once: what a secret contains is not looked at again.
pub(crate) fn fill(value: &str, secrets: &[Secret], host: &Host) -> Result<HeaderValue, Error> {
    let mut filled = String::with_capacity(value.len());
    let mut rest = value;
    let mut secret_inside = false;
    while let Some((before, after)) = rest.split_once(OPEN) {
        let (name, after) = after.split_once(CLOSE).filter(|(name, _)| is_name(name)).ok_or_else(|| {
            Error::Invalid("a secret in a header field is written `{{secret:name}}`".to_owned())
        })?;
        let secret = secrets.iter().find(|secret| secret.name == name && secret.host == *host);
        let secret = secret
            .ok_or_else(|| Error::Denied(format!("there is no secret `{name}` declared for `{host}`")))?;
        filled.push_str(before);
        filled.push_str(&secret.value);
        (rest, secret_inside) = (after, true);
    }
    filled.push_str(rest);
    let malformed = || Error::Invalid("a header field's value is printable ASCII".to_owned());
    // The HTTP library would send other bytes too, and what they mean is for each server to guess.
    if !filled.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~')) {
        return Err(malformed());
    }
    let mut filled = HeaderValue::try_from(filled).map_err(|_| malformed())?;
    filled.set_sensitive(secret_inside);
    Ok(filled)
}

/// The secrets of one host, to be taken out of its responses. A search takes time in proportion to the text, whatever the secret.
pub(crate) struct Mask(Vec<Finder<'static>>);

impl Mask {
    pub(crate) fn new(secrets: &[Secret], host: &Host) -> Self {
        let mut values: Vec<&str> = secrets
            .iter()
            .filter(|secret| secret.host == *host)
            .map(|secret| secret.value.as_str())
            .collect();
        // One secret may contain another; what the shorter leaves of the longer would be readable.
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        Self(values.into_iter().map(|value| Finder::new(value).into_owned()).collect())
    }

    /// The text without the secrets. A host that repeats a secret in another encoding is not noticed.
    pub(crate) fn apply(&self, text: Vec<u8>) -> Vec<u8> {
        self.0.iter().fold(text, replace)
    }
}

fn replace(text: Vec<u8>, secret: &Finder<'_>) -> Vec<u8> {
    let (mut kept, mut end) = (Vec::new(), 0);
    for at in secret.find_iter(&text) {
        kept.extend_from_slice(text.get(end..at).unwrap_or_default());
        kept.extend_from_slice(MASK);
        end = at.saturating_add(secret.needle().len());
    }
    if end == 0 {
        return text;
    }
    kept.extend_from_slice(text.get(end..).unwrap_or_default());
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mask(values: &[String]) -> Mask {
        let host = Host::parse("api.example.com").unwrap();
        let secrets: Vec<Secret> = values
            .iter()
            .enumerate()
            .map(|(index, value)| Secret::new(&format!("s{index}"), host.clone(), value).unwrap())
            .collect();
        Mask::new(&secrets, &host)
    }

    #[test]
    fn secrets_at_the_ends_and_side_by_side_are_masked() {
        let mask = mask(&["12345678".to_owned()]);
        assert_eq!(
            mask.apply(b"12345678-12345678 1234567812345678".to_vec()),
            b"[secret]-[secret] [secret][secret]"
        );
        assert_eq!(mask.apply(b"1234567".to_vec()), b"1234567");
        assert_eq!(mask.apply(Vec::new()), b"");
    }

    proptest! {
        #[test]
        fn no_secret_is_left_in_a_text(
            values in prop::collection::vec("[ab]{8,12}", 1..4),
            pieces in prop::collection::vec("[abc]{0,20}", 0..8),
            which in prop::collection::vec(any::<prop::sample::Index>(), 8),
        ) {
            let text: String =
                pieces.iter().zip(&which).flat_map(|(piece, index)| [piece.as_str(), index.get(&values).as_str()]).collect();
            let masked = String::from_utf8(mask(&values).apply(text.into_bytes())).unwrap();
            prop_assert!(values.iter().all(|value| !masked.contains(value.as_str())), "{masked}");
        }
    }
}
