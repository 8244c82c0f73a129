//! Why an application could not be loaded.

use std::path::PathBuf;

use crate::{compose, hosts, manifest, routes, variables};

/// Why an application could not be loaded. Each text says what is wrong and where.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// A file could not be read.
    #[error("cannot read {what} {}", path.display())]
    Read {
        /// What the file is.
        what: String,
        /// Where it was looked for.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The manifest is not valid, or asks for something that this runner does not do.
    #[error("manifest {}: {source}", path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// What is wrong with it.
        source: manifest::Error,
    },
    /// A variable has no value, or a template names one that does not exist.
    #[error(transparent)]
    Variables(#[from] variables::Error),
    /// A route is not valid.
    #[error(transparent)]
    Routes(#[from] routes::Error),
    /// An entry of `allowed_outbound_hosts` is not valid.
    #[error("component `{component}`: {source}")]
    Hosts {
        /// The component.
        component: String,
        /// What is wrong with the entry.
        source: hosts::Error,
    },
    /// A component and its dependencies do not fit together.
    #[error(transparent)]
    Compose(Box<compose::Error>),
    /// A component asks for a store that does not exist.
    #[error(
        "component `{component}` uses the {kind} `{label}`, which is not configured; configured: {known}"
    )]
    UnknownLabel {
        /// The component.
        component: String,
        /// `SQLite database` or `key-value store`.
        kind: &'static str,
        /// The label in the manifest.
        label: String,
        /// The labels that exist.
        known: String,
    },
    /// A component exports no HTTP handler, or more than one.
    #[error(
        "component `{component}` must export exactly one of `wasi:http/handler@0.3` and `wasi:http/incoming-handler@0.2`, but exports {found}"
    )]
    Handler {
        /// The component.
        component: String,
        /// What it exports instead.
        found: String,
    },
    /// A component imports something that this runner does not provide.
    #[error("component `{component}` cannot be linked: {reason}")]
    Link {
        /// The component.
        component: String,
        /// What is missing or does not fit.
        reason: String,
    },
    /// A component is not valid WebAssembly, or uses a feature that is switched off.
    #[error("component `{component}` cannot be compiled: {reason}")]
    Compile {
        /// The component.
        component: String,
        /// What the compiler said.
        reason: String,
    },
    /// A database file cannot be used.
    #[error("cannot open {what} {}: {reason}", path.display())]
    Storage {
        /// What the file is for.
        what: String,
        /// The file.
        path: PathBuf,
        /// What SQLite or the system said.
        reason: String,
    },
    /// The WebAssembly engine cannot be set up on this machine.
    #[error("cannot set up the WebAssembly engine: {0}")]
    Engine(String),
}

impl From<compose::Error> for LoadError {
    fn from(error: compose::Error) -> Self {
        Self::Compose(Box::new(error))
    }
}
