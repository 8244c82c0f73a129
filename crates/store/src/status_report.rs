//! A carrier's status reports in their old form, taken in as its events.

use call_state::{Applied, CarrierEvent, EndReason, Ending, EventKind, Ids, Moment};

use crate::carrier_events::carrier;
use crate::{CallStatus, Db, Store, StoreError, TenantId, Timestamp};

/// A carrier's word on a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusReport {
    /// The status.
    pub status: CallStatus,
    /// The carrier's number of the report, where it numbers them.
    pub sequence: Option<u32>,
    /// When it became so, by the carrier's clock where it says.
    pub at: Timestamp,
    /// How long the call took, where the carrier says.
    pub duration_s: Option<u32>,
}

/// What a report did to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusChange {
    /// The call has this status.
    Applied,
    /// It was kept, but a later one is known already.
    Late,
    /// It had been received before; nothing was done.
    Duplicate,
    /// No call of the tenant has this id; nothing was done.
    UnknownCall,
}

impl<D: Db> Store<D> {
    /// Takes a carrier's report on a call: as [`Store::hear_carrier`], which replaces it.
    ///
    /// # Errors
    /// When the database fails; then nothing is stored and the report may come again.
    pub async fn apply_status(
        &self,
        tenant: &TenantId,
        carrier: &str,
        carrier_call_id: &str,
        report: &StatusReport,
        now: Timestamp,
    ) -> Result<StatusChange, StoreError> {
        let Some(call) = self.call_by_carrier_id(tenant, carrier, carrier_call_id).await? else {
            return Ok(StatusChange::UnknownCall);
        };
        let event = event(carrier, carrier_call_id, report, now)?;
        Ok(match self.hear_carrier(tenant, &call.id, &event, &[], now).await? {
            None => StatusChange::UnknownCall,
            Some(told) => match told.applied {
                Applied::Duplicate | Applied::Foreign | Applied::Full => StatusChange::Duplicate,
                Applied::Changed => StatusChange::Applied,
                _ => StatusChange::Late,
            },
        })
    }
}

fn event(
    name: &str,
    carrier_call_id: &str,
    report: &StatusReport,
    now: Timestamp,
) -> Result<CarrierEvent, StoreError> {
    let ended = |reason| {
        let duration = report.duration_s.map(|seconds| std::time::Duration::from_secs(seconds.into()));
        EventKind::Ended(Ending { duration, ..Ending::new(reason) })
    };
    let kind = match report.status {
        CallStatus::Queued => EventKind::Queued,
        CallStatus::Initiated => EventKind::Initiated,
        CallStatus::Ringing => EventKind::Ringing,
        CallStatus::InProgress => EventKind::Answered { by: None },
        CallStatus::Completed => ended(EndReason::Completed),
        CallStatus::Busy => ended(EndReason::Busy),
        CallStatus::Failed => ended(EndReason::DialFailed),
        CallStatus::NoAnswer => ended(EndReason::NoAnswer),
        CallStatus::Canceled => ended(EndReason::CallerCancelled),
    };
    let sequence = report.sequence.map_or_else(String::new, |number| number.to_string());
    Ok(CarrierEvent {
        carrier: carrier(name)?,
        id: format!("{carrier_call_id}/{sequence}/{}", report.status),
        ids: Ids { leg: Some(carrier_call_id.to_owned()), ..Ids::default() },
        direction: None,
        kind,
        sequence: report.sequence,
        occurred_at: Some(Moment::from_millis(report.at.0)),
        received_at: Moment::from_millis(now.0),
    })
}
