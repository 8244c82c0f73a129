//! Fetching what was recorded.

use std::path::Path;

use url::Url;

use super::{Rest, body_of};
use crate::download::{self, Fetched};
use crate::wire::Answer;
use crate::{Cause, Fault};

impl Rest {
    /// Fetches a recording from the pre-signed address that `call.recording.saved` brought. The address holds for ten
    /// minutes, and the key does not go there: it is a file store's. Nothing is
    /// fetched from our own network, whatever the address's name leads to, unless the API itself is there.
    ///
    /// # Errors
    /// As [`Fault`] says; asking again does no harm. Refused with 403 once the address is too old.
    pub async fn fetch_recording(
        &self,
        url: &str,
        file: &Path,
        limit: u64,
    ) -> Result<Fetched, download::Error> {
        let url = Url::parse(url).ok().filter(|url| self.base.may_fetch(url));
        let Some(url) = url else { return Err(Fault::unfit("not_a_recordings_address").into()) };
        let request = self.files.client().get(url);
        download::to_file(request, self.files.timeouts.recording, file, limit, refusal).await
    }
}

fn refusal(answer: Answer) -> Fault {
    body_of(answer).err().unwrap_or(Fault::Unknown { cause: Cause::Unreadable })
}
