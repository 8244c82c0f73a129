//! What requests leave on the disk, and who tidies it up.

use store::{Timestamp, ToolDigest};
use tracing::Instrument as _;

use super::{Refused, ToolApi};

/// Does `work` to its end, also where the client hangs up meanwhile: else whoever hangs up in time fills the disk.
pub async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, Refused>> + Send + 'static,
) -> Result<T, Refused> {
    tokio::spawn(work.in_current_span()).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a request about a tool broke");
        Err(Refused::Internal)
    })
}

impl ToolApi {
    /// Removes the bytes of `digest` and what was compiled of them, unless a version of any tenant's needs them at `now`. What
    /// cannot be removed then stays until the worker looks for bytes that nobody needs.
    pub(super) async fn forget_unless_needed(&self, digest: &ToolDigest, now: Timestamp) {
        // No upload is between keeping its bytes and its row while this is held.
        let alone = self.keeping.clone().write_owned().await;
        match self.store.needs_tool_bytes(digest, now).await {
            Ok(false) => {}
            Ok(true) => return,
            Err(error) => {
                tracing::warn!(%error, %digest, "bytes that nobody may need stay for now");
                return;
            }
        }
        let (artifacts, workshop, gone) = (self.artifacts.clone(), self.workshop.clone(), digest.clone());
        let removing = tokio::task::spawn_blocking(move || {
            let _alone = alone;
            workshop.forget(gone.as_str());
            artifacts.remove(&gone)
        });
        match removing.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, %digest, "bytes that nobody needs stay for now"),
            Err(error) => tracing::error!(%error, %digest, "removing bytes that nobody needs broke"),
        }
    }
}
