//! The languages that there are templates for.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// A language that tools are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Rust, built by cargo for `wasm32-wasip2`.
    Rust,
    /// JavaScript, built by componentize-js from npm.
    JavaScript,
    /// Python, built by componentize-py from PyPI.
    Python,
}

/// Not a language that there is a template for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not among the languages: rust, javascript, python")]
pub struct UnknownLanguage(String);

impl Language {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Rust, Self::JavaScript, Self::Python];

    /// The language as it is written on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::JavaScript => "javascript",
            Self::Python => "python",
        }
    }

    /// The file at the top of every project of this language, and of no other's.
    pub fn manifest(self) -> &'static str {
        match self {
            Self::Rust => "Cargo.toml",
            Self::JavaScript => "package.json",
            Self::Python => "pyproject.toml",
        }
    }

    /// The languages whose manifest is in `folder`: exactly one in a project of ours.
    pub(crate) fn found_in(folder: &Path) -> Vec<Self> {
        Self::ALL.into_iter().filter(|language| folder.join(language.manifest()).is_file()).collect()
    }
}

impl FromStr for Language {
    type Err = UnknownLanguage;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = |language: &Self| language.as_str() == text;
        Self::ALL.into_iter().find(named).ok_or_else(|| UnknownLanguage(text.to_owned()))
    }
}

impl fmt::Display for Language {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
