//! Recording a call, and fetching what was recorded.

use std::fmt;
use std::path::Path;

use serde::Deserialize;

use super::answer::{body_of, parsed};
use super::{Rest, checked, is_sid};
use crate::download::{self, Fetched};
use crate::wire::Answer;
use crate::{Cause, Fault};

/// A recording's SID: `RE` and 32 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingId(String);

impl RecordingId {
    /// Reads a SID; `None` where it is none.
    #[must_use]
    pub fn parse(sid: &str) -> Option<Self> {
        is_sid(sid, "RE").then(|| Self(sid.to_owned()))
    }
}

impl fmt::Display for RecordingId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Rest {
    /// Records a call that is in progress, each side in a channel of its own; `callback` is told when the recording can
    /// be fetched.
    ///
    /// # Errors
    /// As [`Fault`] says. After [`Fault::Unknown`] it may be recording, and asking again may make a second recording:
    /// [`Rest::recordings`] says.
    pub async fn start_recording(&self, call_sid: &str, callback: &str) -> Result<RecordingId, Fault> {
        let form = [
            ("RecordingChannels", "dual"),
            ("RecordingStatusCallback", callback),
            ("RecordingStatusCallbackMethod", "POST"),
            ("RecordingStatusCallbackEvent", "completed absent"),
        ];
        checked(call_sid, "CA")?;
        let body = self.post(&["Calls", call_sid, "Recordings.json"], &form).await?;
        let Wire { sid } = parsed(&body)?;
        RecordingId::parse(&sid).ok_or(Fault::Unknown { cause: Cause::Unreadable })
    }

    /// Stops whatever records a call. A call that is not being recorded, or is over, is a success.
    ///
    /// # Errors
    /// As [`Fault`] says; asking again does no harm.
    pub async fn stop_recording(&self, call_sid: &str) -> Result<(), Fault> {
        checked(call_sid, "CA")?;
        // Twilio's name for the one recording that goes on.
        let path = ["Calls", call_sid, "Recordings", "Twilio.CURRENT.json"];
        match self.post(&path, &[("Status", "stopped")]).await {
            Err(fault) if super::has_ended(&fault) => Ok(()),
            other => other.map(|_| ()),
        }
    }

    /// The recordings of a call, at most a page of fifty.
    ///
    /// # Errors
    /// As [`Fault`] says; asking again does no harm.
    pub async fn recordings(&self, call_sid: &str) -> Result<Vec<RecordingId>, Fault> {
        #[derive(Deserialize)]
        struct Page {
            recordings: Vec<Wire>,
        }

        checked(call_sid, "CA")?;
        let body = self.get(self.url(&["Calls", call_sid, "Recordings.json"])).await?;
        let page: Page = parsed(&body)?;
        Ok(page.recordings.iter().filter_map(|wire| RecordingId::parse(&wire.sid)).collect())
    }

    /// Fetches a recording as a WAV file. It is asked for by its SID, never at an address from a webhook, because the
    /// account's credentials go with the request.
    ///
    /// # Errors
    /// As [`Fault`] says; asking again does no harm. A recording that was announced a moment ago may not be there yet:
    /// it is refused with 404 until it is.
    pub async fn fetch_recording(
        &self,
        recording: &RecordingId,
        file: &Path,
        limit: u64,
    ) -> Result<Fetched, download::Error> {
        let url = self.url(&["Recordings", &format!("{recording}.wav")]);
        let request = self.signed(self.wire.client().get(url));
        download::to_file(request, self.wire.timeouts.recording, file, limit, refusal).await
    }
}

fn refusal(answer: Answer) -> Fault {
    body_of(answer).err().unwrap_or(Fault::Unknown { cause: Cause::Unreadable })
}

#[derive(Deserialize)]
struct Wire {
    sid: String,
}
