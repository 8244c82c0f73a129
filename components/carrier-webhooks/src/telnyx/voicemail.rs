//! Messages that callers leave.

use call_state::Recording;
use serde_json::json;
use store::{Call, RecordError};

use super::call::{Fault, Hearing};
use super::chain::Course;
use crate::bindings::voicehive::platform::call_routing::Decision;
use crate::service::Platform;

/// Notes a message for whoever it was left for, once however often it is told. The recording itself is fetched by the
/// host, from the call's list of recordings, before its address dies.
pub(super) async fn note<P: Platform>(
    hearing: &Hearing<'_, P>,
    call: &Call,
    course: &Course,
    recording: &Recording,
) -> Result<(), Fault> {
    let Course::Decided(Decision::Voicemail(_)) = course else { return Ok(()) };
    let key = format!("notifications/voicemail-{}", call.id);
    let value = json!({
        "channel": "voicemail",
        "recipient": call.to,
        "from": call.from,
        "call": call.id.as_str(),
        "recording": recording.id,
        "recording_url": recording.url,
        "duration_s": recording.duration.map(|duration| duration.as_secs()),
        "at": hearing.now,
        "status": "new",
    });
    match hearing.store.insert_record(&call.tenant, &key, value.to_string().as_bytes()).await {
        Ok(_) | Err(RecordError::Conflict) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
