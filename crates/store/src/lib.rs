//! The records of the platform and the SQL behind them, over one small database trait.
//!
//! [`Store`] is the typed surface; it speaks portable SQL to a [`Db`]. The
//! guests at the edge bring `SpinDb`, native processes `NativeDb`;
//! both work on the same file. The schema is versioned in [`migrations`] and
//! changed by native processes only.
//!
//! Every query names its tenant, save those that find out which tenant it is, those of workers who serve all tenants,
//! and those that concern none:
//!
//! * [`Store::resolve_number`], [`Store::tenant_by_api_key`], [`Store::locate_call`];
//! * [`Store::lease_commands`], [`Store::lease_orders`], [`Store::recordings_due`];
//! * [`Store::admit`], [`Store::first_delivery`], [`Store::was_delivered`], [`Store::sweep`],
//!   [`Store::schema_version`];
//! * [`Store::quarantine_tool`], [`Store::release_tool`], [`Store::is_quarantined`], [`Store::needs_tool_bytes`],
//!   [`Store::outdated_tool_tenants`], [`Store::aliased_tool_digests`].

mod accounts;
mod calls;
mod carrier_accounts;
mod carrier_events;
mod commands;
mod customers;
mod db;
mod deliveries;
mod event_log;
mod id;
mod idempotency;
mod limits;
pub mod migrations;
mod naming;
#[cfg(feature = "native")]
pub mod native;
mod orders;
pub mod projections;
mod receiving;
mod recording_queue;
mod recordings;
#[cfg(feature = "spin")]
pub mod spin;
mod status;
mod tenants;
mod tool_records;
mod tools;
mod webhook_keys;

pub use calls::{Call, CallFilter, CallPage, Cursor, Direction, ParseCursorError};
pub use carrier_accounts::{CallAccount, CarrierAccount, KnownCarrierAccount, NewCarrierAccount, OfferedBy};
pub use carrier_events::{TRIES, Told};
pub use commands::{Command, NewCommand};
pub use customers::{Customer, Memory, NewMemory};
pub use db::{Batch, Db, DbError, Row, Rows, Statement, Value};
pub use deliveries::SWEEP_MAX;
pub use event_log::{Appended, StoredEvent, StoredTurn};
pub use id::{
    AgentId, CallId, CustomerId, E164, MemoryId, ParseE164Error, ParseIdError, TenantId, Timestamp,
};
pub use idempotency::Claim;
pub use limits::{Admission, Rate};
pub use naming::Named;
#[cfg(feature = "native")]
pub use native::NativeDb;
pub use orders::{Attempt, Cancelled, KnownOrder, NewOrder, Order, OrderState, Ordered};
pub use receiving::{Created, LIVE_MAX, Limit, NewCall, Receipt, Received};
pub use recording_queue::DueRecording;
pub use recordings::{Recording, RecordingState};
#[cfg(feature = "spin")]
pub use spin::SpinDb;
pub use status::{CallStatus, ParseCallStatusError};
pub use tenants::{Agent, ApiKeyHash, NumberRoute, Seed, Tenant};
pub use tool_records::{
    RECORD_BYTES_MAX, RECORD_LIST_MAX, RecordError, TENANT_RECORD_BYTES_MAX, TENANT_RECORDS_MAX, ToolRecord,
};
pub use tools::{
    Act, Aliased, GateCheck, NewVersion, Outdated, ParseToolError, REFUSED_KEPT, RUN_WINDOW, RUNS_KEPT,
    RollBackReason, RolledBack, RunError, Runs, SECRET_BYTES_MAX, SecretHandle, SecretValue, TOOL_ERRORS_MAX,
    TOOL_REFUSALS_MAX, Thresholds, Tool, ToolAction, ToolAlias, ToolDigest, ToolError, ToolEvent, ToolName,
    ToolQuarantine, ToolQuota, ToolReference, ToolRefusal, ToolRelease, ToolVersion, Uploaded, Verdict,
    VersionState,
};
pub use webhook_keys::{KeyRemoval, WebhookKey};

/// The platform's records in one database.
#[derive(Clone, Debug)]
pub struct Store<D> {
    db: D,
}

/// Why a record was not read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database did not do what was asked.
    #[error("the database failed")]
    Db(#[from] DbError),
    /// A stored value is not what the schema says; the text names it.
    #[error("a stored record is unreadable: {0}")]
    Unreadable(String),
    /// The event cannot be written as JSON.
    #[error("an event cannot be stored")]
    Event(#[source] serde_json::Error),
    /// It makes no sense; nothing was done.
    #[error("refused: {0}")]
    Refused(&'static str),
    /// The call does not exist.
    #[error("there is no such call")]
    NoSuchCall,
}

impl<D: Db> Store<D> {
    /// The records in `db`.
    pub fn new(db: D) -> Self {
        Self { db }
    }

    /// The database behind the records.
    pub fn db(&self) -> &D {
        &self.db
    }

    /// The newest migration in the database, or `None` where none ever ran. The
    /// code needs [`migrations::LATEST`].
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn schema_version(&self) -> Result<Option<u32>, StoreError> {
        let sql = "SELECT MAX(version) AS version FROM schema_migrations";
        match self.db.query(Statement::new(sql, [])).await {
            Ok(rows) => Ok(rows
                .first()
                .and_then(|row| row.optional_integer("version").transpose())
                .transpose()?
                .and_then(|version| u32::try_from(version).ok())),
            // No table: nothing ever ran.
            Err(DbError::Rejected(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
