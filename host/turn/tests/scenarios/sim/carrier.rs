//! The carrier: what it plays, and what becomes of its marks.

use std::time::Duration;

use turn::{CallTime, CarrierInput, Input, MarkName, Output, TurnId};

use super::{Event, FRAME, Sim, ms, secs};

/// How the carrier behaves.
#[derive(Clone, Debug)]
pub struct Carrier {
    /// One way.
    pub latency: Duration,
    /// Whether marks come back at a clear, as Twilio's do.
    pub marks_at_clear: bool,
    /// Whether every n-th mark is lost.
    pub loses_every: Option<u32>,
    /// Whether every mark comes twice.
    pub doubles_marks: bool,
    /// How much later than due marks come back.
    pub marks_late_by: Duration,
    /// Whether every second mark is overtaken by the next.
    pub reorders_marks: bool,
}

/// What the carrier plays.
#[derive(Clone, Debug)]
pub(super) struct Played {
    turn: TurnId,
    at: CallTime,
    length: Duration,
    /// Its root mean square, 0 to 1 of full scale.
    level: f32,
}

/// How the carrier plays back what it is sent to the caller's side.
#[derive(Clone, Copy, Debug)]
pub struct Echo {
    /// How loud it comes back, of how loud it was.
    pub gain: f32,
    /// How long it takes.
    pub delay: Duration,
}

impl Sim {
    /// How much of a turn's audio the carrier really played until `until` seconds.
    pub fn really_played(&self, turn: u32, until: f64) -> f64 {
        let until = secs(until);
        let of_turn = self.played.iter().filter(|played| played.turn.0 == turn);
        of_turn.map(|played| until.saturating_sub(played.at).min(played.length).as_secs_f64()).sum()
    }

    /// How often the carrier ran dry within a turn's audio.
    pub fn gaps(&self, turn: u32) -> usize {
        let of_turn: Vec<&Played> = self.played.iter().filter(|played| played.turn.0 == turn).collect();
        of_turn.windows(2).filter(|pair| pair[0].at + pair[0].length < pair[1].at).count()
    }

    /// How loud the agent's voice comes back at `at`.
    pub(super) fn echo_at(&self, at: CallTime) -> f32 {
        let Some(Echo { gain, delay }) = self.echo else { return 0.0 };
        let Some(then) = at.checked_sub(delay) else { return 0.0 };
        let played = self.played.iter().rev().find(|played| played.at <= then);
        played.filter(|played| then < played.at + played.length).map_or(0.0, |played| played.level * gain)
    }

    pub(super) fn carry(&mut self, output: Output) {
        match output {
            Output::SendAudio { turn, payload } => {
                assert_eq!(payload.len() % 160, 0, "whole frames only");
                let length = FRAME * u32::try_from(payload.len() / 160).unwrap();
                let at = self.busy_until.max(self.now);
                self.busy_until = at + length;
                self.greatest_lead = self.greatest_lead.max(self.busy_until - self.now);
                self.played.push(Played { turn, at, length, level: level(&payload) });
            }
            Output::SendMark(name) => {
                let due = self.busy_until.max(self.now);
                self.pending_marks.push((due, name.clone()));
                self.give_back(due, name);
            }
            Output::Clear => self.clear(),
            _ => {}
        }
    }

    pub(super) fn clear(&mut self) {
        let now = self.now;
        for played in &mut self.played {
            played.length = played.length.min(now.saturating_sub(played.at));
        }
        self.busy_until = now;
        let pending: Vec<MarkName> =
            self.pending_marks.drain(..).filter(|(due, _)| *due > now).map(|(_, name)| name).collect();
        self.queue.retain(|_, event| match event {
            Event::Input(Input::Carrier(CarrierInput::Mark(name))) => !pending.contains(name),
            _ => true,
        });
        if self.carrier.marks_at_clear {
            for name in pending {
                self.at(now + self.carrier.latency, Input::Carrier(CarrierInput::Mark(name)));
            }
        }
    }

    pub(super) fn give_back(&mut self, due: CallTime, name: MarkName) {
        self.n_marks += 1;
        if self.carrier.loses_every.is_some_and(|every| self.n_marks.is_multiple_of(every)) {
            return;
        }
        let mut at = due + self.carrier.latency + self.carrier.marks_late_by;
        if self.carrier.reorders_marks && !self.n_marks.is_multiple_of(2) {
            at += OVERTAKEN;
        }
        if self.carrier.doubles_marks {
            self.at(at + ms(1), Input::Carrier(CarrierInput::Mark(name.clone())));
        }
        self.at(at, Input::Carrier(CarrierInput::Mark(name)));
    }
}

/// The root mean square of mu-law audio (ITU-T G.711), 0 to 1 of full scale.
fn level(payload: &[u8]) -> f32 {
    let sample = |byte: &u8| {
        let code = !byte;
        let magnitude = ((u32::from(code & 0x0F) << 3) + 0x84) << ((code & 0x70) >> 4);
        f64::from(magnitude - 0x84) / 32768.0
    };
    let power: f64 = payload.iter().map(|byte| sample(byte).powi(2)).sum();
    (power / payload.len() as f64).sqrt() as f32
}

/// Longer than from one mark to the next.
const OVERTAKEN: Duration = Duration::from_millis(600);
