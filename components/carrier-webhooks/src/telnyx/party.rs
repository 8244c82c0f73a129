//! Who is concerned by an event: which tenant, and which of its calls.

use call_state::telnyx::Webhook;
use call_state::{CarrierEvent, Direction};
use store::{CallId, Db, E164, NumberRoute, Store, StoreError};
use telnyx::ClientState;

use crate::twilio::form::is_withheld;

/// What a webhook about a call that the store does not know is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Party {
    /// A call that we place, and know by our own name only.
    Placed(CallId),
    /// A call that the carrier offers us.
    Offered {
        /// The calling number; empty when withheld.
        from: String,
        /// The called number.
        to: String,
    },
    /// Neither: another leg, or one that we did not place.
    Foreign,
}

impl Party {
    /// Reads whom the webhook is about. Which way the leg runs is not said in all events, but a leg that carries our
    /// state was placed by us or answered by us.
    pub(super) fn of(webhook: &Webhook, event: &CarrierEvent) -> Self {
        if event.ids.leg.is_none() {
            return Self::Foreign;
        }
        let state = webhook.client_state().and_then(ClientState::read);
        match (state, event.direction) {
            (Some(state), Some(Direction::Outbound) | None) if state.leg().is_none() => {
                state.call().parse().map_or(Self::Foreign, Self::Placed)
            }
            (Some(_), Some(Direction::Outbound) | None) | (None, Some(Direction::Outbound)) => Self::Foreign,
            (_, Some(Direction::Inbound)) | (None, None) => match webhook.to() {
                Some(to) => Self::Offered {
                    from: webhook.from().filter(|from| !is_withheld(from)).unwrap_or_default().to_owned(),
                    to: to.to_owned(),
                },
                None => Self::Foreign,
            },
        }
    }
}

/// Whether what the event calls itself, its leg and its session are names: Telnyx's have about 60 characters.
pub(super) fn are_names(event: &CarrierEvent) -> bool {
    const BYTES_MAX: usize = 256;
    let ids = [&event.ids.leg, &event.ids.alias, &event.ids.session];
    let names = ids.into_iter().flatten().chain([&event.id]);
    names.into_iter().all(|name| name.len() <= BYTES_MAX && name.bytes().all(|byte| byte.is_ascii_graphic()))
}

/// The number on our side of the webhook's call, and whose it is.
pub(super) async fn number<D: Db>(
    store: &Store<D>,
    own: Option<&str>,
) -> Result<Option<NumberRoute>, StoreError> {
    match own.and_then(|own| own.parse::<E164>().ok()) {
        Some(own) => store.resolve_number(&own).await,
        None => Ok(None),
    }
}
