//! Calling others and joining them with the caller.

use std::sync::Arc;
use std::time::Duration;

use super::call::{Moment, Next, Run, moment};
use super::desk;
use super::leg::{Direction, Known, Subscription};
use super::line::Command;
use super::outbound::{First, Outbound};
use super::recordings::{Order, Recording, Source};
use super::room::{Manner, Room};
use super::shared::End;
use super::twiml::{Dial, Dialled, Person};
use super::verbs::fields;

/// What came of a dialling.
struct Outcome {
    /// Who was joined; where nobody was, who was called last.
    leg: Option<Known>,
    /// From the joining, where somebody was joined.
    joined_at: Option<Duration>,
    recording: Option<Arc<Recording>>,
    /// What ended it from outside.
    outside: Option<Next>,
}

impl Run {
    pub(super) async fn dial(&mut self, dial: Dial) -> Next {
        match dial.to.clone() {
            Dialled::Conference(seat) => {
                self.confer(seat, dial.action, dial.time_limit, dial.hang_up_on_star).await
            }
            Dialled::People(people) => self.dial_people(&people, dial).await,
        }
    }

    async fn dial_people(&mut self, people: &[Person], dial: Dial) -> Next {
        let room = Arc::new(Room::default());
        let first = people.first().map(|person| person.to.clone());
        self.shared.change(|state| state.dialled = first);
        room.enter(&self.leg.sid, Manner::default());
        let legs: Vec<Known> = people.iter().map(|person| self.ring_up(person, &dial, &room)).collect();
        let outcome = self.bridge(&legs, &dial, &room).await;
        let ended_at = self.line.now();
        room.close();
        self.line.playback.clear();
        hang_up(&legs);
        if let Some(recording) = &outcome.recording {
            self.finish_recording(recording).await;
        }
        self.after_dial(outcome, dial, ended_at).await
    }

    fn ring_up(&self, person: &Person, dial: &Dial, room: &Arc<Room>) -> Known {
        let first = self.callback(person.document.as_ref()).map_or(First::Room, First::Url);
        let outbound = Outbound {
            timeout: dial.timeout,
            send_digits: person.send_digits.clone(),
            room: Some(Arc::clone(room)),
            ..Outbound::new(first)
        };
        let subscription =
            Subscription { callback: self.callback(person.status.as_ref()), events: person.events.clone() };
        self.desk.place(desk::Order {
            from: dial.caller_id.clone().unwrap_or_else(|| self.leg.from.clone()),
            to: person.to.clone(),
            direction: Direction::OutboundDial,
            parent: Some(self.leg.sid.clone()),
            subscription,
            outbound,
        })
    }

    /// Waits for one of the legs, and lets the two talk.
    async fn bridge(&mut self, legs: &[Known], dial: &Dial, room: &Room) -> Outcome {
        let mut outcome = Outcome { leg: None, joined_at: None, recording: None, outside: None };
        loop {
            match &outcome.leg {
                Some(leg) if !room.has(&leg.leg.sid) => return outcome,
                Some(_) => {}
                None => {
                    outcome.leg = legs.iter().find(|leg| room.has(&leg.leg.sid)).cloned();
                    if let Some(joined) = &outcome.leg {
                        outcome.joined_at = Some(self.line.now());
                        let others = legs.iter().filter(|leg| leg.number != joined.number);
                        hang_up(others);
                        outcome.recording = self.record_dial(dial).await;
                    } else if legs.iter().all(|leg| leg.leg.shared.lock().is_over()) {
                        outcome.leg = legs.last().cloned();
                        return outcome;
                    }
                }
            }
            let talked = outcome.joined_at.map(|at| self.line.now() - at);
            if dial.time_limit.is_some_and(|limit| talked >= Some(limit)) {
                return outcome;
            }
            match moment(&mut self.line).await {
                Moment::Over(next) => {
                    outcome.outside = Some(next);
                    outcome.leg = outcome.leg.or_else(|| legs.last().cloned());
                    return outcome;
                }
                Moment::Key('*') if dial.hang_up_on_star && talked.is_some() => return outcome,
                Moment::Key(_) => {}
                Moment::Step(frame) => {
                    if let Some(heard) = room.exchange(&self.leg.sid, &frame.sent) {
                        self.line.playback.add_audio(&heard);
                    }
                }
            }
        }
    }

    async fn record_dial(&self, dial: &Dial) -> Option<Arc<Recording>> {
        let channels = dial.record?;
        let order = Order {
            dual: channels == 2,
            callback: self.callback(dial.recorded.as_ref()),
            events: dial.recorded_events.clone(),
            ..Order::new(Source::Dial)
        };
        Some(self.start_recording(order).await)
    }

    async fn after_dial(&mut self, outcome: Outcome, dial: Dial, ended_at: Duration) -> Next {
        let status = match &outcome.leg {
            _ if outcome.joined_at.is_some() => "completed",
            // Given up while it rang.
            _ if outcome.outside.is_some() => "canceled",
            Some(leg) => leg.leg.shared.lock().status,
            None => "failed",
        };
        let mut more = fields([("DialCallStatus", status.to_owned())]);
        if let Some(leg) = &outcome.leg {
            more.extend(fields([("DialCallSid", leg.leg.sid.clone())]));
        }
        if let Some(joined_at) = outcome.joined_at {
            let length = ended_at.saturating_sub(joined_at).as_secs().to_string();
            more.extend(fields([("DialCallDuration", length)]));
        }
        if let Some(recording) = &outcome.recording {
            more.extend(fields([("RecordingUrl", self.desk.recording_url(recording))]));
        }
        match (outcome.outside, dial.action) {
            (Some(Next::End(end)), Some(action)) => {
                self.tell_action(self.action(Some(action), more)).await;
                Next::End(end)
            }
            (Some(next), _) => next,
            (None, Some(action)) => Next::Fetch(self.action(Some(action), more)),
            (None, None) => Next::Verb,
        }
    }

    /// A leg that was dialled meets the one that dialled it.
    pub(super) async fn meet(&mut self, room: &Room) -> Next {
        let gone = Next::End(End::PlatformHungUp);
        if room.enter(&self.leg.sid, Manner::default()).is_none() {
            return gone;
        }
        let outside = self.sit(room, None, false).await;
        room.leave(&self.leg.sid);
        outside.unwrap_or(gone)
    }

    /// Sits in a room until the seat is gone, or the line is needed for something else.
    pub(super) async fn sit(&mut self, room: &Room, limit: Option<Duration>, star: bool) -> Option<Next> {
        let began = self.line.now();
        loop {
            if limit.is_some_and(|limit| self.line.now() - began >= limit) {
                return None;
            }
            match moment(&mut self.line).await {
                Moment::Over(next) => {
                    self.line.playback.clear();
                    return Some(next);
                }
                Moment::Key('*') if star => return None,
                Moment::Key(_) => {}
                Moment::Step(frame) => match room.exchange(&self.leg.sid, &frame.sent) {
                    Some(heard) => self.line.playback.add_audio(&heard),
                    None => {
                        self.line.playback.clear();
                        return None;
                    }
                },
            }
        }
    }
}

fn hang_up<'a>(legs: impl IntoIterator<Item = &'a Known>) {
    for leg in legs {
        // A leg that is over takes no commands; one whose inbox is full leaves with the room.
        let _sent = leg.commands.try_send(Command::Complete);
    }
}
