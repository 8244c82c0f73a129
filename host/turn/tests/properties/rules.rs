//! What must hold for every output.
#![cfg(test)]

use std::time::Duration;

use events::CallEvent;
use turn::{Message, Output, Round, TurnId};

use crate::observed::Observed;

impl Observed {
    pub fn check(&mut self, output: &Output) {
        assert!(!self.hung_up, "after the hang-up: {output:?}");
        match output {
            Output::SendAudio { turn, payload } => {
                assert_eq!(self.ahead, None, "audio of {turn} while an answer is kept back");
                assert!(!payload.is_empty() && payload.len() % 160 == 0);
                assert!(!self.dead.contains(turn), "audio of a dead turn {turn}");
                assert!(
                    !self.uncleared || self.dry_at <= self.now + Duration::from_millis(20),
                    "audio before the carrier was cleared"
                );
                self.uncleared = false;
                self.sending = Some(*turn);
                let length = Duration::from_millis(payload.len() as u64 / 8);
                self.dry_at = self.dry_at.max(self.now) + length;
                assert!(self.dry_at <= self.now + Duration::from_millis(300), "more than the lead");
            }
            Output::SendMark(name) => {
                assert!(self.all_marks.insert(name.clone()), "{name:?} twice");
                self.marks.push(name.clone());
            }
            Output::Clear => {
                self.uncleared = false;
                self.sending = None;
                self.dry_at = self.now;
            }
            Output::StartLlm { turn, round, attempt, messages } => {
                let before = self.rounds.insert(*turn, *round);
                assert!(before.is_none_or(|before| before < *round), "round {round:?} after {before:?}");
                assert!(attempt.0 < self.context.models.max(2), "{attempt:?}");
                let after_tools = matches!(messages.last(), Some(Message::Tool { .. }));
                if (after_tools || self.own == Some(*turn)) && !self.committed.contains(&turn.0) {
                    self.told.insert(turn.0);
                }
                if !self.answers(*turn) {
                    assert_eq!(self.ahead.replace(*turn), None);
                }
                assert!(self.live_model.is_none_or(|live| live == *turn), "two models at once");
                assert!(!self.dead.contains(turn));
                assert!(matches!(messages[0], turn::Message::System { .. }));
                check_tool_messages(messages);
                self.live_model = Some(*turn);
                self.turn = *turn;
                self.round = *round;
            }
            Output::Speak { turn, clause, attempt, text } => {
                assert!(!self.dead.contains(turn));
                assert_eq!(self.ahead, None, "{text:?} while an answer is kept back");
                assert!(attempt.0 < self.context.voices.max(2), "{attempt:?}");
                let asked = self.rounds.contains_key(turn);
                assert!(!asked || self.answers(*turn) || self.discarded.contains_key(&turn.0));
                if self.turn != *turn || clause.0 == 0 {
                    self.clauses.clear();
                }
                self.clauses.push(*clause);
                if self.turn != *turn {
                    self.turn = *turn;
                    self.round = Round(0);
                }
            }
            Output::Cancel { turn } => {
                self.live_model = self.live_model.filter(|live| live != turn);
                self.ahead = self.ahead.filter(|ahead| ahead != turn);
            }
            Output::CallTool { turn, call } => {
                assert!(self.answers(*turn), "a tool of a turn that is none");
                let tools = &self.context.tools;
                assert!(tools.is_empty() || tools.iter().any(|tool| tool.name == call.name), "{call:?}");
                assert!(call.arguments.starts_with('{'), "{call:?}");
                self.tools.push((*turn, call.id.clone()));
            }
            Output::CancelTool { turn, id } => {
                let run = (*turn, id.clone());
                assert!(self.tools.contains(&run) && self.stopped.insert(run));
            }
            Output::Hangup { .. } | Output::Transfer { .. } => {
                assert_eq!(self.n_ended, 1, "ended before the hang-up");
                self.hung_up = true;
            }
            Output::Emit(event) => self.check_event(event),
            _ => {}
        }
    }

    /// Whether the model may be heard in a turn.
    fn answers(&self, turn: TurnId) -> bool {
        self.committed.contains(&turn.0) || self.told.contains(&turn.0)
    }

    fn check_event(&mut self, event: &CallEvent) {
        event.data().expect("every event can be stored");
        match event {
            CallEvent::TurnCommitted { turn, text } => {
                assert!(self.committed.insert(*turn), "turn {turn} committed twice");
                assert!(!self.told.contains(turn), "turn {turn} is the agent's own");
                assert!(!text.trim().is_empty());
                assert!(self.call.snapshot().caller_speaks_since.is_none(), "committed while speaking");
                // What a human says on answering our call is turn 0, and no turn of theirs.
                let n_turns = self.committed.iter().filter(|turn| **turn > 0).count();
                assert!(n_turns <= self.config.max_turns as usize);
                self.ahead = None;
            }
            CallEvent::SpeculationDiscarded { turn, .. } => {
                assert!(!self.answers(TurnId(*turn)), "turn {turn} was committed");
                let n = self.discarded.entry(*turn).or_default();
                *n += 1;
                assert!(*n <= self.config.speculation.max_per_turn);
            }
            CallEvent::SpeechQueued { turn, text, .. } => {
                let mut fillers = self.config.fillers.iter().map(String::as_str).chain(["Let me look."]);
                if fillers.any(|filler| filler == text.trim()) {
                    let n = self.fillers.entry(*turn).or_default();
                    *n += 1;
                    assert!(*n <= 2 && !self.config.timers.filler.is_zero());
                    assert!(self.committed.contains(turn), "a filler of no answer");
                }
            }
            CallEvent::ToolFinished { turn, id, outcome, .. } => {
                let stopped = self.stopped.contains(&(TurnId(*turn), id.clone()));
                assert_eq!(stopped, outcome == "cancelled", "{id} {outcome}");
            }
            CallEvent::TurnInterrupted { turn, .. } => {
                self.dead.insert(TurnId(*turn));
            }
            CallEvent::TurnFinished { turn, said, heard, latency, interrupted } => {
                self.uncleared |= *interrupted && self.sending == Some(TurnId(*turn));
                assert!(self.finished.insert(*turn), "turn {turn} finished twice");
                assert!(said.starts_with(heard.as_str()), "{heard:?} of {said:?}");
                assert!(latency.is_none_or(|latency| latency.closes()), "{latency:?}");
                let since = latency.and_then(|latency| latency.heard_start);
                assert!(since.is_none_or(|ms| ms.is_finite() && ms >= 0.0), "{latency:?}");
                self.dead.insert(TurnId(*turn));
                if self.live_model == Some(TurnId(*turn)) {
                    self.live_model = None;
                }
            }
            CallEvent::Ended { .. } => self.n_ended += 1,
            _ => {}
        }
    }
}

/// Every tool call is answered right behind its message, and nothing else is.
fn check_tool_messages(messages: &[Message]) {
    let mut open: Vec<&str> = Vec::new();
    for message in messages {
        match message {
            Message::Tool { tool_call_id, .. } => {
                assert_eq!(open.first(), Some(&tool_call_id.as_str()), "{messages:?}");
                open.remove(0);
            }
            Message::Assistant { tool_calls, .. } => {
                assert!(open.is_empty(), "{messages:?}");
                open = tool_calls.iter().map(|call| call.id.as_str()).collect();
            }
            _ => assert!(open.is_empty(), "{messages:?}"),
        }
    }
    assert!(open.is_empty(), "{messages:?}");
}
