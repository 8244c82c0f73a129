//! Tenants' tools: immutable versions of components, and which of them calls get.
//!
//! The bytes of a version are not in the database but in a file named by its digest (`native::Artifacts`), one for all
//! tenants. A component of an interpreted language has tens of megabytes, and there is one writer, on which the events
//! of live calls wait; nor do the databases share a type for bytes, or lend a guest that much memory. The file is
//! written first, so that a version that is known has its bytes, and is verified whenever it is read.
//!
//! Which version an alias names is decided by [`ToolEvent`]s alone, of which none is ever changed: the aliases are kept
//! beside them only to be found faster.

mod aliases;
mod deletion;
mod errors;
mod history;
mod names;
mod quarantine;
mod refusals;
mod runs;
mod secrets;
mod tiers;
mod verdict;
mod versions;

pub use aliases::{Aliased, RolledBack};
pub use errors::{RunError, TOOL_ERRORS_MAX};
pub use history::{ToolAction, ToolEvent};
pub use names::{Act, ParseToolError, ToolAlias, ToolDigest, ToolName, ToolReference};
pub use quarantine::{ToolQuarantine, ToolRelease};
pub use refusals::{TOOL_REFUSALS_MAX, ToolRefusal};
pub use runs::{RUN_WINDOW, RUNS_KEPT, Runs};
pub use secrets::{SECRET_BYTES_MAX, SecretHandle, SecretValue};
pub use verdict::{RollBackReason, Thresholds, Verdict};
pub use versions::{
    GateCheck, NewVersion, Outdated, REFUSED_KEPT, Tool, ToolVersion, Uploaded, VersionState,
};

use crate::{DbError, StoreError};

/// How much of everything one tenant may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToolQuota {
    /// Tools that are not deleted.
    pub tools: u32,
    /// Accepted versions of one tool that are not deleted.
    pub versions: u32,
    /// Bytes of all accepted versions that are not deleted, as they were uploaded and as they were compiled.
    pub bytes: u64,
    /// Secrets of one tool.
    pub secrets: u32,
}

impl Default for ToolQuota {
    /// Room for what a team writes by hand in a year, with a few interpreters among it.
    fn default() -> Self {
        Self { tools: 100, versions: 200, bytes: 4 * 1024 * 1024 * 1024, secrets: 50 }
    }
}

/// Why a tool was not read or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ToolError {
    /// It makes no sense; the text says what would.
    #[error("{0}")]
    Invalid(&'static str),
    /// The tenant has no such tool.
    #[error("there is no such tool")]
    NoSuchTool,
    /// The tool has no such version.
    #[error("the tool has no such version")]
    NoSuchVersion,
    /// The gate refused the version.
    #[error("the version was refused by the gate")]
    Refused,
    /// Nobody may run these bytes.
    #[error("the version is quarantined")]
    Quarantined,
    /// An alias names the version.
    #[error("an alias names the version: switch it first")]
    InUse,
    /// The tenant has no room for it.
    #[error("the tenant has no room for more {0}")]
    QuotaExceeded(&'static str),
    /// The store did not answer.
    #[error("the store did not answer")]
    Store(#[from] StoreError),
}

impl From<DbError> for ToolError {
    fn from(error: DbError) -> Self {
        Self::Store(error.into())
    }
}
