//! What a call is told next: decided from what was stored of it and from the event at hand, never from memory.
//!
//! Telnyx runs no documents. Each of its events is answered with at most one command, and the next event comes of that.
//! What has happened already is in the call's record, so that any order and number of deliveries leads to the same
//! commands, each once.

use std::collections::BTreeSet;

use call_state::{
    AnsweredBy, Applied, CallState, CarrierEvent, Direction, EventKind, Phase, Recorded, Streaming,
};
use store::Call;

use crate::bindings::voicehive::platform::call_routing::{Decision, Forwarding, Rejection};
use crate::decision;

/// How often a media socket that failed is tried again. The first try is not one of them.
pub(super) const STREAM_RETRIES_MAX: usize = 2;

/// What was decided on a call.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Course {
    /// An agent talks.
    Agent,
    /// Anything else.
    Decided(Decision),
}

impl Course {
    /// What was decided on a stored call. Without an agent and a decision that can be read there is an apology.
    pub(super) fn of(call: &Call) -> Self {
        if call.agent.is_some() {
            return Self::Agent;
        }
        let stored = call.decision.as_ref().and_then(decision::of_stored);
        Self::Decided(stored.unwrap_or_else(|| Decision::Message(decision::APOLOGY.to_owned())))
    }

    /// What a call is about as it stands. Where nobody takes a call that was handed over, its caller may leave a message.
    pub(super) fn resolved(&self, state: &CallState) -> Self {
        match self {
            Self::Decided(Decision::Forward(_)) if is_left_alone(state) => {
                Self::Decided(Decision::Voicemail(decision::plain_voicemail()))
            }
            course => course.clone(),
        }
    }

    /// What was just decided.
    pub(super) fn decided(decision: Decision) -> Self {
        match decision {
            Decision::Connect(_) => Self::Agent,
            decision => Self::Decided(decision),
        }
    }
}

/// One command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Take the call, and connect it with a media socket.
    AnswerForAgent,
    /// Take the call, and say something next.
    Answer,
    /// Connect the answered call with a media socket, for the how-manieth time.
    Stream {
        /// How many tries failed before.
        failed: usize,
    },
    /// Say what was decided on.
    Say(String),
    /// Say that something is broken.
    Apologise,
    /// Say thanks for a message.
    Thank,
    /// Record a message.
    Record {
        /// The longest one, in seconds.
        max_seconds: u16,
    },
    /// Hand the call over.
    Forward {
        /// A number or a SIP address.
        to: String,
        /// How long it may ring there.
        ring_seconds: u16,
    },
    /// Turn the call down unanswered.
    TurnDown {
        /// Whether the line is said to be busy.
        busy: bool,
    },
    /// End the call.
    HangUp,
}

/// What follows from `event`, which is about to be kept, for a call of which `before` is known.
pub(super) fn next(course: &Course, before: &CallState, event: &CarrierEvent) -> Option<Step> {
    let mut after = before.clone();
    let applied = after.apply(event);
    if !applied.is_kept() || after.facts().phase() == Phase::Ended {
        return None;
    }
    let story = Story { decided: course, course: &course.resolved(&after), before, after: &after };
    let first_leg = is_first_leg(before, event);
    match &event.kind {
        EventKind::Initiated if first_leg => story.offered(),
        EventKind::Answered { .. } if first_leg => story.answered(),
        // Nothing was ordered yet of which this could have come.
        _ if !story.begun() => None,
        EventKind::Ended(_) if !first_leg => story.left_alone(),
        _ if !first_leg => None,
        EventKind::Spoken { .. } => story.spoken(),
        EventKind::AnsweredBy { .. } => story.found_out(),
        EventKind::StreamFailed { .. } | EventKind::StreamStopped
            if story.streams().has_counted(event, applied) =>
        {
            None
        }
        EventKind::StreamFailed { .. } => story.stream_failed(),
        EventKind::StreamStopped => story.stream_stopped(),
        EventKind::RecordingSaved(_) => story.recorded(Step::Thank),
        EventKind::RecordingFailed { .. } => story.recorded(Step::Apologise),
        _ => None,
    }
}

/// A call before and after an event.
struct Story<'a> {
    /// What was decided.
    decided: &'a Course,
    /// What the call is about after it.
    course: &'a Course,
    before: &'a CallState,
    after: &'a CallState,
}

impl Story<'_> {
    /// The carrier offers a call, or says that the one that we place exists.
    fn offered(&self) -> Option<Step> {
        if self.begun() || self.after.facts().direction() == Direction::Outbound {
            return None;
        }
        Some(match self.course {
            Course::Agent => Step::AnswerForAgent,
            Course::Decided(Decision::Forward(forwarding)) => forward(forwarding),
            Course::Decided(Decision::Reject(rejection)) => {
                Step::TurnDown { busy: *rejection == Rejection::Busy }
            }
            Course::Decided(Decision::Connect(_) | Decision::Message(_) | Decision::Voicemail(_)) => {
                Step::Answer
            }
        })
    }

    /// Somebody picked up: we did, or who was called. If we did not order it, nothing was ordered yet.
    fn answered(&self) -> Option<Step> {
        if self.has(is_answered) {
            return None;
        }
        let ordered = self.after.facts().direction() == Direction::Inbound
            && self.has(|kind| matches!(kind, EventKind::Initiated));
        match self.course {
            Course::Decided(Decision::Message(text)) => Some(Step::Say(text.clone())),
            Course::Decided(Decision::Voicemail(voicemail)) => Some(Step::Say(voicemail.greeting.clone())),
            Course::Decided(Decision::Connect(_)) => Some(Step::Apologise),
            _ if ordered => None,
            Course::Agent if self.is_fax() => (!self.has(is_spoken)).then_some(Step::HangUp),
            Course::Agent => (!is_left_alone(self.before)).then_some(Step::Stream { failed: 0 }),
            Course::Decided(Decision::Forward(forwarding)) => Some(forward(forwarding)),
            Course::Decided(Decision::Reject(_)) => Some(Step::HangUp),
        }
    }

    /// It was found out who picked up. A fax is left alone; with a machine the agent deals.
    fn found_out(&self) -> Option<Step> {
        let talks = *self.course == Course::Agent && self.has(is_answered);
        let hung_up = self.has(is_fax) || self.has(is_spoken);
        (talks && self.is_fax() && !hung_up).then_some(Step::HangUp)
    }

    fn is_fax(&self) -> bool {
        let facts = self.after.facts();
        facts.direction() == Direction::Outbound && facts.first_leg().answered_by() == Some(AnsweredBy::Fax)
    }

    /// A text was said. Only a greeting is followed by anything but the end.
    fn spoken(&self) -> Option<Step> {
        let before = self.count(is_spoken);
        match self.course {
            Course::Agent => {
                let given_up = self.streams().lost > STREAM_RETRIES_MAX || is_left_alone(self.before);
                (given_up && !self.has(is_fax) && before == 0).then_some(Step::HangUp)
            }
            Course::Decided(Decision::Voicemail(_)) if self.was_recorded() => {
                self.nothing_said_since_recorded().then_some(Step::HangUp)
            }
            Course::Decided(Decision::Voicemail(voicemail)) => {
                (before == 0).then_some(Step::Record { max_seconds: voicemail.max_seconds })
            }
            // Nothing was said to who was turned down or handed over.
            Course::Decided(Decision::Reject(_) | Decision::Forward(_)) => None,
            Course::Decided(_) => (before == 0).then_some(Step::HangUp),
        }
    }

    /// The media socket could not be had, or broke.
    fn stream_failed(&self) -> Option<Step> {
        let leg = self.after.facts().first_leg();
        let handed_over = leg.bridged_at().is_some() || leg.forwarding_at().is_some();
        let overcome = leg.streaming() == Some(Streaming::Started);
        if *self.course != Course::Agent || handed_over || overcome || is_left_alone(self.before) {
            return None;
        }
        match self.streams().lost + 1 {
            failed if failed <= STREAM_RETRIES_MAX => Some(Step::Stream { failed }),
            failed if failed == STREAM_RETRIES_MAX + 1 => Some(Step::Apologise),
            _ => None,
        }
    }

    /// The media socket was closed, which nobody ordered.
    fn stream_stopped(&self) -> Option<Step> {
        let handing_over = !self.after.facts().further_legs().is_empty();
        if handing_over || self.is_fax() {
            return None;
        }
        self.stream_failed()
    }

    /// A message was left, or could not be.
    fn recorded(&self, words: Step) -> Option<Step> {
        let voicemail = matches!(self.course, Course::Decided(Decision::Voicemail(_)));
        (voicemail && !self.was_recorded()).then_some(words)
    }

    /// The leg that a call was handed over to ended unanswered: the first leg would wait for ever.
    fn left_alone(&self) -> Option<Step> {
        if *self.course == Course::Agent {
            let newly = is_left_alone(self.after) && !is_left_alone(self.before);
            return newly.then(|| Step::Say(decision::NOBODY_ANSWERED.to_owned()));
        }
        let Course::Decided(Decision::Voicemail(voicemail)) = self.course else { return None };
        if self.course == self.decided || is_left_alone(self.before) {
            return None;
        }
        let answered = self.after.facts().first_leg().was_answered();
        Some(if answered { Step::Say(voicemail.greeting.clone()) } else { Step::Answer })
    }

    /// Whether the call was offered, or answered.
    fn begun(&self) -> bool {
        self.has(|kind| matches!(kind, EventKind::Initiated | EventKind::Answered { .. }))
    }

    fn was_recorded(&self) -> bool {
        self.has(is_recorded)
    }

    fn nothing_said_since_recorded(&self) -> bool {
        let kinds = self.before.record().iter().map(|recorded| &recorded.event.kind);
        let mut since = kinds.skip_while(|kind| !is_recorded(kind));
        !since.any(is_spoken)
    }

    /// What became of the media sockets, in the order in which it was told.
    fn streams(&self) -> Streams<'_> {
        let ours = self.before.record().iter();
        let ours = ours.filter(|recorded| is_first_leg(self.before, &recorded.event));
        ours.fold(Streams::default(), Streams::with)
    }

    fn has(&self, wanted: impl Fn(&EventKind) -> bool) -> bool {
        self.count(wanted) > 0
    }

    /// Events of the first leg that were kept before.
    fn count(&self, wanted: impl Fn(&EventKind) -> bool) -> usize {
        let ours = |event: &&CarrierEvent| is_first_leg(self.before, event) && wanted(&event.kind);
        self.before.record().iter().map(|recorded| &recorded.event).filter(ours).count()
    }
}

/// The media sockets that a call had.
#[derive(Default)]
struct Streams<'a> {
    /// How many failed or stopped.
    lost: usize,
    /// Whether that is the last that was told of them.
    down: bool,
    /// The names of those of the lost that have one.
    gone: BTreeSet<&'a str>,
}

impl<'a> Streams<'a> {
    /// These, and what was told next.
    fn with(mut self, recorded: &'a Recorded) -> Self {
        let Recorded { event, applied } = recorded;
        let belated = is_belated(event, *applied);
        match event.kind {
            EventKind::StreamStarted => self.down &= belated,
            EventKind::StreamFailed { .. } | EventKind::StreamStopped
                if !self.has_counted(event, *applied) =>
            {
                self.lost += 1;
                self.down |= !belated;
                self.gone.extend(event.ids.stream.as_deref());
            }
            _ => {}
        }
        self
    }

    /// Whether a loss is not to be counted again: carriers may tell one as `stopped` and as `failed`, in either order.
    /// Of sockets without names only what came in time counts, and nothing stops that is down.
    fn has_counted(&self, event: &CarrierEvent, applied: Applied) -> bool {
        match event.ids.stream.as_deref() {
            Some(name) => self.gone.contains(name),
            None => is_belated(event, applied) || (self.down && event.kind == EventKind::StreamStopped),
        }
    }
}

/// Whether something that happened later was told before. Where nobody says when it happened, the order in which it was
/// told is all there is.
fn is_belated(event: &CarrierEvent, applied: Applied) -> bool {
    applied == Applied::Stale && event.occurred_at.is_some()
}

fn forward(forwarding: &Forwarding) -> Step {
    Step::Forward { to: forwarding.to.clone(), ring_seconds: forwarding.ring_seconds }
}

fn is_answered(kind: &EventKind) -> bool {
    matches!(kind, EventKind::Answered { .. })
}

fn is_fax(kind: &EventKind) -> bool {
    matches!(kind, EventKind::AnsweredBy { who: AnsweredBy::Fax })
}

fn is_spoken(kind: &EventKind) -> bool {
    matches!(kind, EventKind::Spoken { .. })
}

/// Whether the message that was asked for was left, or could not be.
fn is_recorded(kind: &EventKind) -> bool {
    matches!(kind, EventKind::RecordingSaved(_) | EventKind::RecordingFailed { .. })
}

/// Whether a call was handed over, and nobody took it.
fn is_left_alone(state: &CallState) -> bool {
    let mut legs = state.facts().further_legs().values();
    let unanswered = legs.any(|leg| leg.phase() == Phase::Ended && !leg.was_answered());
    unanswered && state.facts().first_leg().bridged_at().is_none()
}

/// What names no leg is said of the whole call.
fn is_first_leg(state: &CallState, event: &CarrierEvent) -> bool {
    event.ids.leg.is_none() || event.ids.leg == state.ids().leg
}

#[cfg(test)]
mod tests;
