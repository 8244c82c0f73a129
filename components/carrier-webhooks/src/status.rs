//! `POST /webhooks/twilio/status`: what the carrier reports of a call.

use store::{DbError, StatusChange, StoreError, Timestamp};

use crate::form::{self, CallFields};
use crate::service::{Platform, Proven};
use crate::voice::CARRIER;

/// What became of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// The call has it, or had it.
    Change(StatusChange),
    /// It is about a number that nobody has.
    UnknownNumber,
    /// It is a status that this code does not know.
    UnknownStatus,
}

/// Why a report was not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("the form cannot be used")]
    Form(#[from] form::Fault),
    #[error("the database cannot be opened")]
    Database(#[from] DbError),
    #[error("the report cannot be stored")]
    Store(#[from] StoreError),
}

impl Taken {
    /// A stable word for the log.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Change(StatusChange::Applied) => "status-applied",
            Self::Change(StatusChange::Late) => "status-late",
            Self::Change(StatusChange::Duplicate) => "status-duplicate",
            Self::Change(StatusChange::UnknownCall) => "unknown-call",
            Self::UnknownNumber => "unknown-number",
            Self::UnknownStatus => "unknown-status",
        }
    }
}

/// Stores the report in a proven form.
pub(crate) async fn take<P: Platform>(
    platform: &P,
    proven: &Proven<'_>,
    now: Timestamp,
) -> Result<Taken, Fault> {
    let fields = CallFields::read(&proven.form)?;
    let Some(report) = form::status_report(&proven.form, &fields, now)? else {
        return Ok(Taken::UnknownStatus);
    };
    let Some(own) = fields.own_number() else {
        return Ok(Taken::UnknownNumber);
    };
    let store = platform.open_store().await?;
    let Some(number) = store.resolve_number(&own).await? else {
        return Ok(Taken::UnknownNumber);
    };
    let change = store.apply_status(&number.tenant, CARRIER, &fields.call_sid, &report, now).await?;
    Ok(Taken::Change(change))
}
