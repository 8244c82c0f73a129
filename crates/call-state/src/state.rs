//! A call, from what its carriers say of it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::leg::{Effect, Leg, Phase};
use crate::{Carrier, CarrierEvent, Cost, Direction, EndReason, EventKind, Fault, Ids, Moment, Recording};

/// Events that a call keeps. An hour of keys pressed once a second is less.
pub const EVENTS_MAX: usize = 4096;

/// Room in [`EVENTS_MAX`] that key presses cannot take from what moves the call.
const RESERVED: usize = 256;

/// Legs dialled from a call. Whoever hands a call over more often than this rings numbers in a circle.
pub const LEGS_MAX: usize = 32;

/// What an event did to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Applied {
    /// The call stands otherwise than before, or more is known of it.
    Changed,
    /// It was kept; the call stands as before. So it is with a key press.
    Noted,
    /// It was kept; the call had gone further. When it happened is known now.
    Stale,
    /// It was kept; the call, or its leg, was over and stays as it was.
    Late,
    /// It was kept; it cannot be true together with what was said before, which stands.
    Contradiction,
    /// The carrier had sent it before. It was not kept again.
    Duplicate,
    /// It is about another call. It was not kept.
    Foreign,
    /// The call keeps [`EVENTS_MAX`] events or has [`LEGS_MAX`] legs. It was not kept.
    Full,
}

impl Applied {
    /// Whether the event is in the call's record.
    #[must_use]
    pub fn is_kept(self) -> bool {
        !matches!(self, Self::Duplicate | Self::Foreign | Self::Full)
    }
}

/// An event in a call's record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// The event.
    pub event: CarrierEvent,
    /// What it did.
    pub applied: Applied,
}

/// What is known of a call.
///
/// Two calls that were told the same events know the same, in whatever order they were told, with one exception: of two
/// ends that say as much as each other ([`crate::Detail`]) but not the same, and more than every other, the one that
/// came first stands. The other is kept as a contradiction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    #[serde(default)]
    direction: Option<Direction>,
    a: Leg,
    b: BTreeMap<String, Leg>,
    recordings: BTreeSet<Recording>,
}

/// Why a call ended, seen from us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended<'a> {
    /// Why.
    pub reason: EndReason,
    /// Whose doing it was.
    pub fault: Fault,
    /// When.
    pub at: Option<Moment>,
    /// The SIP status, where one was told.
    pub sip_status: Option<u16>,
    /// The carrier's own word.
    pub cause: Option<&'a str>,
    /// Who said so.
    pub carrier: Carrier,
}

/// One call: what is known of it, and the record of all that was said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallState {
    carrier: Carrier,
    ids: Ids,
    facts: Facts,
    record: Vec<Recorded>,
}

impl CallState {
    /// A call of which nothing was said. `ids` are those of its first leg; what names none of them is another call's.
    /// Give the session too where the carrier has one: the legs that are dialled later are known by it.
    #[must_use]
    pub fn new(carrier: Carrier, ids: Ids) -> Self {
        Self { carrier, ids, facts: Facts::default(), record: Vec::new() }
    }

    /// The same call, of which we know which way it runs. Then no carrier has to say so: a call that we placed is
    /// outbound, also where only its end was told.
    #[must_use]
    pub fn running(mut self, direction: Direction) -> Self {
        self.facts.direction = Some(direction);
        self
    }

    /// The call that was told these events, in this order. Of a call's own [`Self::record`], it is that call.
    pub fn replay<'a>(
        carrier: Carrier,
        ids: Ids,
        events: impl IntoIterator<Item = &'a CarrierEvent>,
    ) -> Self {
        let mut state = Self::new(carrier, ids);
        for event in events {
            state.apply(event);
        }
        state
    }

    /// Takes in one event, in whatever order and however often it comes.
    pub fn apply(&mut self, event: &CarrierEvent) -> Applied {
        if !self.concerns(event) {
            return Applied::Foreign;
        }
        if self.record.iter().any(|known| known.event.carrier == event.carrier && known.event.id == event.id)
        {
            return Applied::Duplicate;
        }
        let reserved = if matches!(event.kind, EventKind::Key { .. }) { RESERVED } else { 0 };
        if self.record.len() + reserved >= EVENTS_MAX {
            return Applied::Full;
        }
        let Some(applied) = self.facts.learn(event, self.is_first_leg(event)) else {
            return Applied::Full;
        };
        self.record.push(Recorded { event: event.clone(), applied });
        applied
    }

    /// What is known.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// All that was said, in the order in which it arrived.
    #[must_use]
    pub fn record(&self) -> &[Recorded] {
        &self.record
    }

    /// What was said and cannot be true together with what was said before.
    pub fn contradictions(&self) -> impl Iterator<Item = &CarrierEvent> {
        let contradicts = |recorded: &&Recorded| recorded.applied == Applied::Contradiction;
        self.record.iter().filter(contradicts).map(|recorded| &recorded.event)
    }

    /// The carrier's names of its first leg.
    #[must_use]
    pub fn ids(&self) -> &Ids {
        &self.ids
    }

    /// The carrier that holds it.
    #[must_use]
    pub fn carrier(&self) -> Carrier {
        self.carrier
    }

    fn concerns(&self, event: &CarrierEvent) -> bool {
        let named = |ours: &Option<String>, theirs: &Option<String>| ours.is_some() && ours == theirs;
        let carrier = event.carrier == self.carrier || event.carrier == Carrier::Platform;
        let ids = &event.ids;
        carrier
            && (named(&self.ids.leg, &ids.leg)
                || named(&self.ids.leg, &ids.parent)
                || named(&self.ids.alias, &ids.alias)
                || named(&self.ids.session, &ids.session))
    }

    /// What names no leg at all is said of the whole call, which is as long as its first leg.
    fn is_first_leg(&self, event: &CarrierEvent) -> bool {
        event.ids.leg.is_none() || event.ids.leg == self.ids.leg
    }
}

impl Facts {
    /// How far the call has come, which is how far its first leg has.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.a.phase()
    }

    /// Which way it runs: as we know it, or else as a carrier said; inbound where nobody did.
    #[must_use]
    pub fn direction(&self) -> Direction {
        self.direction.or(self.a.direction()).unwrap_or(Direction::Inbound)
    }

    /// The leg of whoever called us, or was called by us.
    #[must_use]
    pub fn first_leg(&self) -> &Leg {
        &self.a
    }

    /// The legs that were dialled from it, by the carrier's id.
    #[must_use]
    pub fn further_legs(&self) -> &BTreeMap<String, Leg> {
        &self.b
    }

    /// Its recordings.
    #[must_use]
    pub fn recordings(&self) -> &BTreeSet<Recording> {
        &self.recordings
    }

    /// What its legs cost together, in one currency: that of the first leg of which a carrier said.
    #[must_use]
    pub fn cost(&self) -> Option<Cost> {
        let mut costs = std::iter::once(&self.a).chain(self.b.values()).filter_map(Leg::cost);
        let first = costs.next()?.clone();
        let alike = costs.filter(|cost| cost.currency == first.currency);
        Some(Cost { micros: alike.fold(first.micros, |sum, cost| sum.saturating_add(cost.micros)), ..first })
    }

    /// Why it ended, where it did, as whoever said most has it.
    #[must_use]
    pub fn end(&self) -> Option<Ended<'_>> {
        let end = self.a.end()?;
        let handed_over = self.a.bridged_at().is_some() || self.a.forwarding_at().is_some();
        let reason = end.reason.seen_from(self.direction(), handed_over);
        Some(Ended {
            reason,
            fault: reason.fault(self.direction()),
            at: self.a.ended_at(),
            sip_status: end.sip_status,
            cause: end.cause.as_deref(),
            carrier: end.carrier,
        })
    }

    /// The word that carriers share for where it stands, which is also the store's: `queued`, `initiated`, `ringing`,
    /// `in-progress`, `completed`, `busy`, `failed`, `no-answer` or `canceled`. A call that broke is `failed` until it is
    /// known that it had been answered, and then `completed`.
    #[must_use]
    pub fn status(&self) -> &'static str {
        match self.phase() {
            Phase::Queued => "queued",
            Phase::Initiated => "initiated",
            Phase::Ringing => "ringing",
            Phase::Answered => "in-progress",
            Phase::Ended => self.final_status(),
        }
    }

    fn final_status(&self) -> &'static str {
        match self.a.end().map_or(EndReason::Unknown, |end| end.reason) {
            EndReason::Busy | EndReason::Declined | EndReason::Rejected => "busy",
            EndReason::NoAnswer => "no-answer",
            EndReason::CallerCancelled => "canceled",
            reason if reason.is_unanswered() => "failed",
            _ if self.a.was_answered() => "completed",
            _ => "failed",
        }
    }

    /// `None` where there are too many legs.
    fn learn(&mut self, event: &CarrierEvent, first_leg: bool) -> Option<Applied> {
        let leg = match &event.ids.leg {
            Some(id) if !first_leg => {
                if !self.b.contains_key(id) && self.b.len() >= LEGS_MAX {
                    return None;
                }
                self.b.entry(id.clone()).or_default()
            }
            _ => &mut self.a,
        };
        let was_over = leg.phase() == Phase::Ended;
        let mut effect = leg.learn(event);
        let recording = match &event.kind {
            EventKind::RecordingSaved(recording) => Some(recording),
            EventKind::Ended(ending) => ending.recording.as_ref(),
            _ => None,
        };
        if let Some(recording) = recording {
            effect.changed |= self.recordings.insert(recording.clone());
        }
        Some(effect.applied(was_over))
    }
}

impl Effect {
    fn applied(self, was_over: bool) -> Applied {
        match self {
            Self { contradicts: true, .. } => Applied::Contradiction,
            Self { changed: true, .. } => Applied::Changed,
            _ if was_over => Applied::Late,
            Self { overtaken: true, .. } => Applied::Stale,
            _ => Applied::Noted,
        }
    }
}

#[cfg(test)]
mod tests;
