//! A message that a caller has left.

use serde_json::json;
use store::RecordError;
use twiml::Response;

use super::desk::Desk;
use super::fault::Fault;
use super::{documents, form};
use crate::decision;
use crate::service::Platform;

/// Keeps the message for the tenant, once, and thanks.
pub(super) async fn recorded<P: Platform>(desk: &Desk<'_, P>) -> Result<Response, Fault> {
    let Some(recording) = form::recording(desk.proven.form()) else { return Ok(documents::hangup()) };
    let key = format!("notifications/voicemail-{}", desk.fields.call_sid);
    let value = json!({
        "channel": "voicemail",
        "recipient": desk.fields.to,
        "from": desk.fields.from,
        "recording_url": recording.url,
        "duration_s": recording.duration_s,
        "at": desk.now,
        "status": "new",
    });
    match desk.store.insert_record(&desk.number.tenant, &key, value.to_string().as_bytes()).await {
        // A repeated request is thanked like the first.
        Ok(_) | Err(RecordError::Conflict) => Ok(documents::said(decision::THANKS)),
        Err(error) => Err(error.into()),
    }
}
