//! One leg of a call.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::fact::{Fact, Place, Stamp, value};
use crate::{AnsweredBy, Carrier, CarrierEvent, Cost, Direction, EndReason, Ending, EventKind, Moment};

/// How far a leg has come. It only ever goes on, and may skip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// It waits to be placed, or nothing was said of it.
    #[default]
    Queued,
    /// It exists.
    Initiated,
    /// It rings.
    Ringing,
    /// It was answered.
    Answered,
    /// It is over, for good.
    Ended,
}

/// Whether media flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Streaming {
    /// It does.
    Started,
    /// It did.
    Stopped,
    /// It could not.
    Failed,
}

/// One leg of a call, as it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leg {
    phase: Phase,
    answered: bool,
    end: Option<End>,
    initiated_at: Option<Stamp>,
    ringing_at: Option<Stamp>,
    answered_at: Option<Stamp>,
    forwarding_at: Option<Stamp>,
    bridged_at: Option<Stamp>,
    greeting_ended_at: Option<Stamp>,
    ended_at: Option<Stamp>,
    direction: Option<Fact<Direction>>,
    answered_by: Option<Fact<AnsweredBy>>,
    streaming: Option<Fact<Streaming>>,
    duration: Option<Fact<Duration>>,
    cost: Option<Fact<Cost>>,
}

/// Why a leg ended, in the words of whoever said most.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct End {
    pub(crate) reason: EndReason,
    place: Place,
    pub(crate) sip_status: Option<u16>,
    pub(crate) cause: Option<String>,
    pub(crate) carrier: Carrier,
}

/// What an event did to a leg.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Effect {
    /// The leg is another than before, apart from when it came where it is.
    pub(crate) changed: bool,
    /// The event belongs to a phase that the leg had left.
    pub(crate) overtaken: bool,
    /// It cannot be true together with what was said before.
    pub(crate) contradicts: bool,
}

impl Leg {
    /// How far it has come.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether it was ever answered: a carrier said so, or said that it ended as only an answered leg can.
    #[must_use]
    pub fn was_answered(&self) -> bool {
        self.answered
    }

    /// Which way it runs, where a carrier said.
    #[must_use]
    pub fn direction(&self) -> Option<Direction> {
        value(&self.direction).copied()
    }

    /// Who answered, where a carrier found out.
    #[must_use]
    pub fn answered_by(&self) -> Option<AnsweredBy> {
        value(&self.answered_by).copied()
    }

    /// Whether media flows, where a carrier said.
    #[must_use]
    pub fn streaming(&self) -> Option<Streaming> {
        value(&self.streaming).copied()
    }

    /// What it costs, where a carrier said.
    #[must_use]
    pub fn cost(&self) -> Option<&Cost> {
        value(&self.cost)
    }

    /// How long it lasted: as the carrier says, otherwise from the answer to the end.
    #[must_use]
    pub fn duration(&self) -> Option<Duration> {
        value(&self.duration).copied().or_else(|| {
            let micros = self.ended_at()?.as_micros().checked_sub(self.answered_at()?.as_micros())?;
            Some(Duration::from_micros(u64::try_from(micros).ok()?))
        })
    }

    /// When it came to exist. Of this time and the following ones, the carrier's clock is preferred to ours.
    #[must_use]
    pub fn initiated_at(&self) -> Option<Moment> {
        self.initiated_at.map(Stamp::at)
    }

    /// When it began to ring.
    #[must_use]
    pub fn ringing_at(&self) -> Option<Moment> {
        self.ringing_at.map(Stamp::at)
    }

    /// When it was answered.
    #[must_use]
    pub fn answered_at(&self) -> Option<Moment> {
        self.answered_at.map(Stamp::at)
    }

    /// When its handover began.
    #[must_use]
    pub fn forwarding_at(&self) -> Option<Moment> {
        self.forwarding_at.map(Stamp::at)
    }

    /// When it began to hear another leg.
    #[must_use]
    pub fn bridged_at(&self) -> Option<Moment> {
        self.bridged_at.map(Stamp::at)
    }

    /// When the greeting of the machine that answered was over.
    #[must_use]
    pub fn greeting_ended_at(&self) -> Option<Moment> {
        self.greeting_ended_at.map(Stamp::at)
    }

    /// When it ended.
    #[must_use]
    pub fn ended_at(&self) -> Option<Moment> {
        self.ended_at.map(Stamp::at)
    }

    pub(crate) fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// Takes in what an event says. All that is kept is joined such that the order of events does not matter, except for
    /// ends that say as much as each other but not the same.
    pub(crate) fn learn(&mut self, event: &CarrierEvent) -> Effect {
        let place = Place::of(event);
        let mut effect = Effect::default();
        if let Some(direction) = event.direction {
            effect.changed |= Fact::learn(&mut self.direction, place, direction);
        }
        match &event.kind {
            EventKind::Queued => effect.advance(self, Phase::Queued),
            EventKind::Initiated => {
                Stamp::learn(&mut self.initiated_at, event);
                effect.advance(self, Phase::Initiated);
            }
            EventKind::Ringing => {
                Stamp::learn(&mut self.ringing_at, event);
                effect.advance(self, Phase::Ringing);
            }
            EventKind::Answered { by } => {
                Stamp::learn(&mut self.answered_at, event);
                effect.answer(self);
                if let Some(who) = by {
                    effect.changed |= Fact::learn(&mut self.answered_by, place, *who);
                }
            }
            EventKind::Forwarding => {
                effect.changed |= self.forwarding_at.is_none();
                Stamp::learn(&mut self.forwarding_at, event);
                effect.answer(self);
            }
            EventKind::Bridged => {
                effect.changed |= self.bridged_at.is_none();
                Stamp::learn(&mut self.bridged_at, event);
                effect.answer(self);
            }
            EventKind::Ended(ending) => effect.finish(self, event, ending),
            EventKind::AnsweredBy { who } => {
                effect.changed |= Fact::learn(&mut self.answered_by, place, *who);
            }
            EventKind::GreetingEnded { .. } => {
                effect.changed |= self.greeting_ended_at.is_none();
                Stamp::learn(&mut self.greeting_ended_at, event);
                effect.changed |= Fact::learn(&mut self.answered_by, place, AnsweredBy::Machine);
            }
            EventKind::StreamStarted => effect.stream(self, place, Streaming::Started),
            EventKind::StreamStopped => effect.stream(self, place, Streaming::Stopped),
            EventKind::StreamFailed { .. } => effect.stream(self, place, Streaming::Failed),
            EventKind::Billed { cost, duration } => {
                effect.changed |= Fact::learn(&mut self.cost, place, cost.clone());
                if let Some(duration) = duration {
                    effect.changed |= Fact::learn(&mut self.duration, place, *duration);
                }
            }
            EventKind::Key { .. }
            | EventKind::RecordingSaved(_)
            | EventKind::RecordingFailed { .. }
            | EventKind::Spoken { .. } => {}
        }
        effect
    }
}

impl Effect {
    fn advance(&mut self, leg: &mut Leg, phase: Phase) {
        self.overtaken = phase < leg.phase;
        self.changed |= phase > leg.phase;
        leg.phase = leg.phase.max(phase);
    }

    fn answer(&mut self, leg: &mut Leg) {
        self.imply_answer(leg);
        self.advance(leg, Phase::Answered);
    }

    fn imply_answer(&mut self, leg: &mut Leg) {
        let first = !leg.answered;
        leg.answered = true;
        self.changed |= first;
        self.contradicts |= first && leg.end.as_ref().is_some_and(|end| end.reason.is_unanswered());
    }

    fn stream(&mut self, leg: &mut Leg, place: Place, streaming: Streaming) {
        let changed = Fact::learn(&mut leg.streaming, place, streaming);
        self.changed |= changed;
        self.overtaken = !changed && value(&leg.streaming) != Some(&streaming);
    }

    fn finish(&mut self, leg: &mut Leg, event: &CarrierEvent, ending: &Ending) {
        let place = Place::of(event);
        Stamp::learn(&mut leg.ended_at, event);
        self.advance(leg, Phase::Ended);
        if let Some(duration) = ending.duration {
            self.changed |= Fact::learn(&mut leg.duration, place, duration);
        }
        if let Some(cost) = &ending.cost {
            self.changed |= Fact::learn(&mut leg.cost, place, cost.clone());
        }
        let end = End {
            reason: ending.reason,
            place,
            sip_status: ending.sip_status,
            cause: ending.cause.clone(),
            carrier: event.carrier,
        };
        self.contradicts |= leg.answered && end.reason.is_unanswered();
        if end.reason.is_answered() {
            self.imply_answer(leg);
        }
        let Some(known) = leg.end.as_mut() else {
            leg.end = Some(end);
            return;
        };
        let (said, says) = (known.reason.detail(), end.reason.detail());
        if known.reason == end.reason {
            // The same reason in other words: the last ones, as of every fact.
            if end > *known {
                self.changed |= (known.sip_status, &known.cause) != (end.sip_status, &end.cause);
                *known = end;
            }
        } else if says > said {
            *known = end;
            self.changed = true;
        } else if says == said {
            self.contradicts = true;
        }
    }
}
