//! The manifest as the rest of the runner uses it: parsed, checked, with every path resolved.

mod convert;
mod dependency;
mod schema;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

pub(crate) use dependency::{Capability, Dependency, DependencyName, Inherit};

/// What is wrong with a manifest.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is not TOML, has a key that Spin does not know, or a value of the wrong type.
    #[error("{0}")]
    Syntax(String),
    /// `spin_manifest_version` is absent or not 2.
    #[error("`spin_manifest_version` must be 2, found {0}; this runner reads manifests of version 2 only")]
    Version(String),
    /// Something that Spin supports and this runner does not.
    #[error("{what} is not supported by this runner")]
    Unsupported {
        /// The key and where it stands.
        what: String,
    },
    /// A value that is well-formed TOML but means nothing.
    #[error("{place}: {reason}")]
    Invalid {
        /// The key and where it stands.
        place: String,
        /// What is wrong and what would be right.
        reason: String,
    },
}

impl Error {
    fn unsupported(what: impl Into<String>) -> Self {
        Self::Unsupported { what: what.into() }
    }

    fn invalid(place: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Invalid { place: place.into(), reason: reason.into() }
    }
}

/// A checked manifest.
#[derive(Debug)]
pub(crate) struct Manifest {
    pub(crate) name: String,
    pub(crate) version: Option<String>,
    pub(crate) variables: BTreeMap<String, Variable>,
    /// In the order of the manifest.
    pub(crate) triggers: Vec<Trigger>,
    /// Components by id, inline ones included.
    pub(crate) components: BTreeMap<String, Component>,
}

/// An application variable.
#[derive(Debug)]
pub(crate) struct Variable {
    /// `None` means that a value is required.
    pub(crate) default: Option<String>,
    pub(crate) secret: bool,
}

/// An HTTP trigger.
#[derive(Debug)]
pub(crate) struct Trigger {
    pub(crate) id: String,
    pub(crate) route: Route,
    pub(crate) target: Target,
}

/// How a trigger is reached.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Route {
    /// By requests whose path matches.
    Public(String),
    /// By other components only.
    Private,
}

/// What answers a trigger's requests.
#[derive(Debug)]
pub(crate) enum Target {
    Component(String),
    Static(StaticResponse),
}

/// A response that needs no component.
#[derive(Clone, Debug)]
pub(crate) struct StaticResponse {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A component and what it is granted.
#[derive(Debug)]
pub(crate) struct Component {
    pub(crate) source: PathBuf,
    pub(crate) environment: BTreeMap<String, String>,
    /// Templates over application variables.
    pub(crate) variables: BTreeMap<String, String>,
    /// Templates over application variables.
    pub(crate) allowed_outbound_hosts: Vec<String>,
    pub(crate) key_value_stores: Vec<String>,
    pub(crate) sqlite_databases: Vec<String>,
    pub(crate) dependencies: Vec<Dependency>,
}

impl Manifest {
    /// Parses a manifest whose relative paths are relative to `directory`.
    pub(crate) fn parse(text: &str, directory: &Path) -> Result<Self, Error> {
        convert::manifest(schema::parse(text)?, directory)
    }
}

#[cfg(test)]
mod tests;
