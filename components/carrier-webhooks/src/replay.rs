//! Copies of webhooks that were handled already.

use std::time::Duration;

use http::{Response, StatusCode};
use store::{Db, Store, StoreError, Timestamp};

use crate::journal;
use crate::message;
use crate::proof::Proven;
use crate::refusal::Refused;
use crate::service::Platform;

/// The place of one delivery in the set of those that were seen.
pub(crate) struct Delivery<'a, D> {
    store: Store<D>,
    set: String,
    key: &'a str,
}

/// What is known of a delivery before it is handled.
pub(crate) enum Seen<'a, D> {
    /// It is the first, and was put into the set.
    First(Delivery<'a, D>),
    /// It is a copy.
    Before,
    /// Its scheme cannot tell copies, so its handler must bear them.
    CannotTell,
}

/// Puts a proven request into the set.
pub(crate) async fn look<'a, P: Platform>(
    platform: &P,
    proven: &'a Proven<'_>,
    now: Timestamp,
) -> Result<Seen<'a, P::Db>, Refused> {
    let Some((set, guard)) = proven.replay() else { return Ok(Seen::CannotTell) };
    let unavailable = |fault: StoreError| {
        proven.log(platform, "error", "delivery-not-noted", &journal::chain(&fault));
        Refused::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "not-stored",
            "the webhook was not stored; send it again",
        )
    };
    let store = platform.open_store().await.map_err(StoreError::from).map_err(unavailable)?;
    let forget_at = now.plus(Duration::from_secs(guard.remember_seconds.into()));
    match store.first_delivery(&set, &guard.key, forget_at, now).await {
        Ok(true) => Ok(Seen::First(Delivery { store, set, key: &guard.key })),
        Ok(false) => Ok(Seen::Before),
        Err(fault) => Err(unavailable(fault)),
    }
}

impl<D: Db> Delivery<'_, D> {
    /// Lets the sender's next attempt in where this one failed.
    pub(crate) async fn settle<P: Platform>(
        self,
        platform: &P,
        proven: &Proven<'_>,
        response: &Response<String>,
    ) {
        if !response.status().is_server_error() {
            return;
        }
        if let Err(fault) = self.store.forget_delivery(&self.set, self.key).await {
            proven.log(platform, "error", "delivery-not-forgotten", &journal::chain(&fault));
        }
    }
}

/// The answer to a copy.
pub(crate) fn noted() -> Response<String> {
    message::respond(StatusCode::OK, "application/json", "{}".to_owned())
}
