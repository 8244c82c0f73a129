//! What is known of a call, such that the order in which it is learned does not matter.

use serde::{Deserialize, Serialize};

use crate::{CarrierEvent, Moment};

/// Where an event stands among all others of its leg: the carrier's numbering decides, then its clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Place {
    sequence: Option<u32>,
    occurred_at: Option<Moment>,
}

impl Place {
    pub(crate) fn of(event: &CarrierEvent) -> Self {
        Self { sequence: event.sequence, occurred_at: event.occurred_at }
    }
}

/// A value that carriers may correct: the one that was said last is true. Of two that were said at the same place, the
/// greater one is, so that it does not matter which arrived first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fact<T> {
    place: Place,
    value: T,
}

impl<T: Ord> Fact<T> {
    /// Learns `value`; whether what is known changed by that.
    pub(crate) fn learn(known: &mut Option<Self>, place: Place, value: T) -> bool {
        if known.as_ref().is_some_and(|known| (known.place, &known.value) >= (place, &value)) {
            return false;
        }
        let changed = known.as_ref().is_none_or(|known| known.value != value);
        *known = Some(Self { place, value });
        changed
    }
}

/// The value, where one is known.
pub(crate) fn value<T>(fact: &Option<Fact<T>>) -> Option<&T> {
    fact.as_ref().map(|fact| &fact.value)
}

/// When something happened for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Stamp {
    /// Whether the time is only that of receipt: the carrier's clock is preferred.
    received: bool,
    at: Moment,
}

impl Stamp {
    /// Learns that it happened when `event` says.
    pub(crate) fn learn(known: &mut Option<Self>, event: &CarrierEvent) {
        let stamp = Self {
            received: event.occurred_at.is_none(),
            at: event.occurred_at.unwrap_or(event.received_at),
        };
        *known = Some(known.map_or(stamp, |known| known.min(stamp)));
    }

    pub(crate) fn at(self) -> Moment {
        self.at
    }
}
