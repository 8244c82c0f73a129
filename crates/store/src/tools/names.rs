//! What tools, versions and aliases are called, and who does something to them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::tenants::hex;
use crate::{Timestamp, ToolError, Value};

/// A text that names no tool, digest or alias.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParseToolError(&'static str);

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident, $allowed:expr, $form:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Its text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = ParseToolError;

            fn from_str(text: &str) -> Result<Self, ParseToolError> {
                let allowed: fn(&str) -> bool = $allowed;
                allowed(text).then(|| Self(text.to_owned())).ok_or(ParseToolError($form))
            }
        }

        impl TryFrom<String> for $name {
            type Error = ParseToolError;

            fn try_from(text: String) -> Result<Self, ParseToolError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl From<&$name> for Value {
            fn from(name: &$name) -> Self {
                Self::Text(name.0.clone())
            }
        }
    )*};
}

texts! {
    /// The name of a tool, unique within its tenant; a model knows it by that, so it has the form of a function's name.
    ToolName, is_name, "a tool's name is 1 to 64 letters, digits, `_` and `-`, the first a letter";
    /// What a version is known by: the SHA-256 of its bytes, in hex and small letters.
    ToolDigest, is_digest, "a digest is 64 digits of 0 to 9 and a to f";
}

fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    (1..=64).contains(&text.len())
        && text.bytes().all(allowed)
        && text.starts_with(|first: char| first.is_ascii_alphabetic())
}

fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

impl ToolDigest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(hex(&Sha256::digest(bytes)))
    }
}

/// What an agent asks for a tool by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ToolAlias {
    /// What calls get.
    Live,
    /// What a share of the calls gets, to try it out.
    Canary,
}

impl ToolAlias {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Canary => "canary",
        }
    }
}

impl FromStr for ToolAlias {
    type Err = ParseToolError;

    fn from_str(text: &str) -> Result<Self, ParseToolError> {
        let found = [Self::Live, Self::Canary].into_iter().find(|alias| alias.as_str() == text);
        found.ok_or(ParseToolError("an alias is `live` or `canary`"))
    }
}

impl From<ToolAlias> for Value {
    fn from(alias: ToolAlias) -> Self {
        alias.as_str().into()
    }
}

/// A tool as an agent lists it: `name` for what calls get, or `name@live`, `name@canary`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ToolReference {
    /// The tool.
    pub name: ToolName,
    /// By which alias; `live` where the text names none.
    pub alias: ToolAlias,
}

impl FromStr for ToolReference {
    type Err = ParseToolError;

    fn from_str(text: &str) -> Result<Self, ParseToolError> {
        match text.split_once('@') {
            None => Ok(Self { name: text.parse()?, alias: ToolAlias::Live }),
            Some((name, alias)) => Ok(Self { name: name.parse()?, alias: alias.parse()? }),
        }
    }
}

impl fmt::Display for ToolReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.alias {
            ToolAlias::Live => write!(formatter, "{}", self.name),
            alias => write!(formatter, "{}@{}", self.name, alias.as_str()),
        }
    }
}

/// Who does something, why and when: the part of it that history keeps.
#[derive(Clone, Copy, Debug)]
pub struct Act<'a> {
    /// Who, for example the name of an API key.
    pub by: &'a str,
    /// Why, in a sentence; may be empty.
    pub why: &'a str,
    /// When.
    pub at: Timestamp,
}

impl Act<'_> {
    /// History is kept for ever, so nobody may write a book into it.
    pub(super) fn check(&self) -> Result<(), ToolError> {
        if self.by.is_empty() || self.by.len() > 200 {
            return Err(ToolError::Invalid("whoever acts has a name of 1 to 200 bytes"));
        }
        if self.why.len() > 1000 {
            return Err(ToolError::Invalid("a reason has at most 1000 bytes"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tools_name_is_one_that_a_model_can_call() {
        for good in ["a", "book_appointment", "Order-status2", &"x".repeat(64)] {
            assert!(good.parse::<ToolName>().is_ok(), "{good}");
        }
        for bad in ["", "2fast", "_a", "a b", "a/b", "a.b", "ä", &"x".repeat(65)] {
            assert!(bad.parse::<ToolName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_agent_lists_a_tool_by_its_name_and_perhaps_an_alias() {
        for (text, shown, alias) in [
            ("quote", "quote", ToolAlias::Live),
            ("quote@live", "quote", ToolAlias::Live),
            ("quote@canary", "quote@canary", ToolAlias::Canary),
        ] {
            let read: ToolReference = text.parse().unwrap();
            assert_eq!((read.to_string().as_str(), read.alias), (shown, alias), "{text}");
        }
        for bad in ["", "@live", "quote@", "quote@Live", "quote@live@canary", "2fast@live", "quote@7f"] {
            assert!(bad.parse::<ToolReference>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_digest_can_be_nothing_but_a_file_name() {
        // The SHA-256 of nothing, FIPS 180-4.
        let nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(ToolDigest::of(b"").as_str(), nothing);
        assert!(nothing.parse::<ToolDigest>().is_ok());
        let slashes = "/".repeat(64);
        for bad in ["", "..", nothing.to_uppercase().as_str(), &nothing[1..], slashes.as_str()] {
            assert!(bad.parse::<ToolDigest>().is_err(), "{bad}");
        }
    }
}
