//! What a project is called.

use std::fmt;
use std::str::FromStr;

/// The most bytes of a name: as many as the contract allows a tool's.
const MAX_BYTES: usize = 64;

/// The tools that come with the platform, whose names no other tool can have.
const BUILT_IN: [&str; 3] = ["appointments", "leads", "notifications"];

/// The name of a project and of the tool in it: words of lower-case letters and digits, joined by hyphens.
///
/// Cargo, npm and PyPI all take such a name, and so does a language model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectName(String);

/// Not the name of a project.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// It has other characters, or other places for them.
    #[error(
        "`{0}` is no name for a tool: write words of lower-case letters and digits, joined by hyphens, beginning with a letter, such as `order-status`"
    )]
    Form(String),
    /// It is too long.
    #[error("the name has {0} bytes, at most {MAX_BYTES} are allowed")]
    TooLong(usize),
    /// The platform has a tool of this name.
    #[error("`{0}` is the name of a tool that comes with VoiceHive: choose another")]
    BuiltIn(String),
}

impl ProjectName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProjectName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > MAX_BYTES {
            return Err(InvalidName::TooLong(text.len()));
        }
        if !text.starts_with(|first: char| first.is_ascii_lowercase()) || !text.split('-').all(is_word) {
            return Err(InvalidName::Form(text.to_owned()));
        }
        if BUILT_IN.contains(&text) {
            return Err(InvalidName::BuiltIn(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for ProjectName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_joined_by_hyphens_are_a_name() {
        for name in ["a", "order-status", "mp3-player-2", &"a".repeat(64)] {
            assert_eq!(name.parse::<ProjectName>().unwrap().as_str(), name);
        }
    }

    #[test]
    fn what_a_toolchain_or_a_file_system_would_trip_over_is_none() {
        for odd in
            ["", "-a", "a-", "a--b", "A", "1st", "a_b", "a b", "../a", "a/b", ".", "é", "a\n", "{{name}}"]
        {
            assert_eq!(odd.parse::<ProjectName>(), Err(InvalidName::Form(odd.to_owned())));
        }
        assert_eq!("a".repeat(65).parse::<ProjectName>(), Err(InvalidName::TooLong(65)));
    }

    #[test]
    fn a_name_that_is_none_is_told_how_one_begins() {
        let error = "1st".parse::<ProjectName>().unwrap_err().to_string();
        assert!(error.contains("beginning with a letter"), "{error}");
    }

    #[test]
    fn the_names_of_built_in_tools_are_taken() {
        let error = "leads".parse::<ProjectName>().unwrap_err();
        assert_eq!(error, InvalidName::BuiltIn("leads".into()));
    }
}
