//! Keys that cannot be printed by accident.

use std::fmt;

use http::HeaderValue;

use crate::{Error, Kind, Stage};

/// An API key. Neither `Debug` nor any error shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a key. Surrounding white space, as it comes from files, is removed.
    #[must_use]
    pub fn new(key: impl AsRef<str>) -> Self {
        Self(key.as_ref().trim().to_owned())
    }

    /// The header value `prefix` + key, marked as sensitive.
    pub(crate) fn header(&self, vendor: &'static str, prefix: &str) -> Result<HeaderValue, Error> {
        let unusable = |code| Error::new(vendor, Stage::Configure, Kind::Auth).with_code(code);
        if self.0.is_empty() {
            return Err(unusable("empty_key"));
        }
        let mut value = HeaderValue::from_str(&format!("{prefix}{}", self.0))
            .map_err(|_| unusable("key_not_printable_ascii"))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.0.is_empty() { "Secret(empty)" } else { "Secret(***)" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_shows_neither_in_debug_output_nor_in_its_header() {
        let secret = Secret::new(" sk-visible\n");
        assert_eq!(format!("{secret:?}"), "Secret(***)");
        let header = secret.header("test", "Bearer ").unwrap();
        assert_eq!(format!("{header:?}"), "Sensitive");
        assert_eq!(header.as_bytes(), b"Bearer sk-visible");
    }

    #[test]
    fn an_empty_key_and_one_that_would_split_the_header_are_refused() {
        assert_eq!(Secret::new("").header("test", "").unwrap_err().kind(), &Kind::Auth);
        let error = Secret::new("a\r\nX-Other: b").header("test", "").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("X-Other"));
    }
}
