//! Copies of webhooks that were handled already.

use std::time::Duration;

use http::{Response, StatusCode};
use store::{Db, Store, StoreError, Timestamp};

use crate::journal;
use crate::message;
use crate::proof::Proven;
use crate::refusal::Refused;
use crate::service::Platform;

/// One delivery, and how it is to be noted in the set of those that were handled.
pub(crate) struct Delivery<'a, D> {
    store: Store<D>,
    set: String,
    key: &'a str,
    forget_at: Timestamp,
}

/// What is known of a delivery before it is handled.
pub(crate) enum Seen<'a, D> {
    /// No copy of it was handled so far.
    First(Delivery<'a, D>),
    /// A copy of it was handled.
    Before,
    /// Its scheme cannot tell copies, so its handler must bear them.
    CannotTell,
}

/// Looks for a proven request in the set. It enters the set once it is handled: whoever dies in between has promised the
/// sender nothing, and its next attempt is let in. Of copies that come at once more than one may be handled, which
/// handlers bear, since what a carrier says is kept once.
pub(crate) async fn look<'a, P: Platform>(
    platform: &P,
    proven: &'a Proven<'_>,
    now: Timestamp,
) -> Result<Seen<'a, P::Db>, Refused> {
    let Some((set, guard)) = proven.replay() else { return Ok(Seen::CannotTell) };
    let unavailable = |fault: StoreError| {
        proven.log(platform, "error", "delivery-not-looked-up", &journal::chain(&fault));
        Refused::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "not-stored",
            "the webhook was not stored; send it again",
        )
    };
    let store = platform.open_store().await.map_err(StoreError::from).map_err(unavailable)?;
    match store.was_delivered(&set, &guard.key, now).await {
        Ok(true) => Ok(Seen::Before),
        Ok(false) => {
            let forget_at = now.plus(Duration::from_secs(guard.remember_seconds.into()));
            Ok(Seen::First(Delivery { store, set, key: &guard.key, forget_at }))
        }
        Err(fault) => Err(unavailable(fault)),
    }
}

impl<D: Db> Delivery<'_, D> {
    /// Notes it, unless it failed: then the sender's next attempt is let in.
    pub(crate) async fn settle<P: Platform>(
        self,
        platform: &P,
        proven: &Proven<'_>,
        response: &Response<String>,
        now: Timestamp,
    ) {
        if response.status().is_server_error() {
            return;
        }
        if let Err(fault) = self.store.first_delivery(&self.set, self.key, self.forget_at, now).await {
            proven.log(platform, "error", "delivery-not-noted", &journal::chain(&fault));
        }
    }
}

/// The answer to a copy.
pub(crate) fn noted() -> Response<String> {
    message::respond(StatusCode::OK, "application/json", "{}".to_owned())
}
