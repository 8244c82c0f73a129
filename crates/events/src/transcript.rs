//! The turns of a call, projected from its log.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{CallEvent, EndReason, Latency};

/// A call as its log tells it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Transcript {
    /// The turns in order.
    pub turns: Vec<Turn>,
    /// Why the call ended, once it has.
    pub ended: Option<EndReason>,
}

/// One exchange: what the caller said and what the agent answered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Turn {
    /// Its position in the call, from 0 (the greeting).
    pub turn: u32,
    /// What was understood of the caller; empty for turns the agent began.
    pub caller: String,
    /// All that the agent was going to say.
    pub said: String,
    /// What the caller heard of it.
    pub heard: String,
    /// Whether the caller cut the agent short.
    pub interrupted: bool,
    /// The mood of the caller's words.
    pub sentiment: Option<Sentiment>,
    /// The tools that ran, in order.
    pub tools: Vec<ToolUse>,
    /// What was recalled for the turn.
    pub memories: Vec<String>,
    /// Where the time went.
    pub latency_ms: Option<Latency>,
}

/// The mood of one turn's words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sentiment {
    /// `negative`, `neutral` or `positive`.
    pub label: String,
    /// -1 to 1.
    pub score: f32,
    /// Whether a human should be offered.
    pub escalate: bool,
}

/// One run of a tool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolUse {
    /// The model's id of the tool call.
    pub id: String,
    /// The tool.
    pub name: String,
    /// Its arguments, JSON.
    pub arguments: String,
    /// `success`, `failure`, `timeout`, `fault` or `refused`; `None` while it runs.
    pub outcome: Option<String>,
    /// What the model was told.
    pub text: String,
    /// How long it took.
    pub duration_ms: u64,
}

impl Transcript {
    /// Projects a log. Events of one call, in order.
    pub fn project<'a>(events: impl IntoIterator<Item = &'a CallEvent>) -> Self {
        let mut turns: BTreeMap<u32, Turn> = BTreeMap::new();
        let mut ended = None;
        for event in events {
            apply(&mut turns, &mut ended, event);
        }
        Self { turns: turns.into_values().collect(), ended }
    }
}

fn apply(turns: &mut BTreeMap<u32, Turn>, ended: &mut Option<EndReason>, event: &CallEvent) {
    match event {
        CallEvent::TurnCommitted { turn: number, text } => turn(turns, *number).caller.clone_from(text),
        CallEvent::SentimentAssessed { turn: number, label, score, escalate, .. } => {
            turn(turns, *number).sentiment =
                Some(Sentiment { label: label.clone(), score: *score, escalate: *escalate });
        }
        CallEvent::MemoryRecalled { turn: number, memories } => {
            turn(turns, *number).memories.clone_from(memories)
        }
        CallEvent::ToolCalled { turn: number, id, name, arguments } => {
            turn(turns, *number).tools.push(ToolUse {
                id: id.clone(),
                name: name.clone(),
                arguments: arguments.clone(),
                outcome: None,
                text: String::new(),
                duration_ms: 0,
            })
        }
        CallEvent::ToolFinished { turn: number, id, outcome, text, duration_ms, .. } => {
            if let Some(tool) = turn(turns, *number).tools.iter_mut().find(|tool| tool.id == *id) {
                tool.outcome = Some(outcome.clone());
                tool.text.clone_from(text);
                tool.duration_ms = *duration_ms;
            }
        }
        CallEvent::SpeechQueued { turn: number, text, .. } => append(&mut turn(turns, *number).said, text),
        CallEvent::TurnInterrupted { turn: number, heard } => {
            let turn = turn(turns, *number);
            turn.interrupted = true;
            turn.heard.clone_from(heard);
        }
        CallEvent::TurnFinished { turn: number, said, heard, interrupted, latency } => {
            let turn = turn(turns, *number);
            turn.said.clone_from(said);
            turn.heard.clone_from(heard);
            turn.interrupted = *interrupted;
            turn.latency_ms = *latency;
        }
        CallEvent::Ended { reason } => *ended = Some(*reason),
        _ => {}
    }
}

fn turn(turns: &mut BTreeMap<u32, Turn>, number: u32) -> &mut Turn {
    turns.entry(number).or_insert_with(|| Turn { turn: number, ..Turn::default() })
}

fn append(said: &mut String, clause: &str) {
    if !said.is_empty() && !said.ends_with(char::is_whitespace) {
        said.push(' ');
    }
    said.push_str(clause.trim());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_that_was_cut_tells_what_was_heard() {
        let events = [
            CallEvent::TurnCommitted { turn: 1, text: "Any slots?".into() },
            CallEvent::SpeechQueued { turn: 1, clause: 0, text: "I have Monday,".into() },
            CallEvent::SpeechQueued { turn: 1, clause: 1, text: "Tuesday and Friday.".into() },
            CallEvent::TurnInterrupted { turn: 1, heard: "I have Monday, Tuesday".into() },
            CallEvent::Ended { reason: EndReason::CallerHangup },
        ];
        let transcript = Transcript::project(&events);
        let turn = &transcript.turns[0];
        assert_eq!(turn.caller, "Any slots?");
        assert_eq!(turn.said, "I have Monday, Tuesday and Friday.");
        assert_eq!(turn.heard, "I have Monday, Tuesday");
        assert!(turn.interrupted);
        assert_eq!(transcript.ended, Some(EndReason::CallerHangup));
    }

    #[test]
    fn a_tool_that_never_ended_has_no_outcome() {
        let events =
            [CallEvent::ToolCalled { turn: 2, id: "a".into(), name: "leads".into(), arguments: "{}".into() }];
        assert_eq!(Transcript::project(&events).turns[0].tools[0].outcome, None);
    }
}
