//! The turns of a call, projected from its log.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::latency::Summary;
use crate::{CallEvent, EndReason, Latency};

/// A call as its log tells it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Transcript {
    /// The turns in order.
    pub turns: Vec<Turn>,
    /// Who answered, where we called and it was found out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_by: Option<AnsweredBy>,
    /// To what number the caller was handed over, E.164.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transferred_to: Option<String>,
    /// Why the call ended, once it has.
    pub ended: Option<EndReason>,
}

/// Who answered an outbound call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnsweredBy {
    /// `human`, `voicemail`, `menu` or `unknown`.
    pub who: String,
    /// What showed it, in plain words.
    pub reason: String,
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
    /// The keys that the agent pressed, in order.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub keys_sent: String,
    /// What an operator told the agent during the turn, unheard by the caller.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub whispers: Vec<String>,
    /// How many answers were begun for the turn and thrown away, because the caller went on.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub speculations_discarded: u32,
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
    /// `success`, `confirm`, `failure`, `timeout`, `fault`, `refused` or `cancelled`; `None` while it runs.
    pub outcome: Option<String>,
    /// What the model was told.
    pub text: String,
    /// How long it took.
    pub duration_ms: u64,
}

impl Transcript {
    /// Projects a log. Events of one call, in order.
    pub fn project<'a>(events: impl IntoIterator<Item = &'a CallEvent>) -> Self {
        let mut projection = Projection::default();
        for event in events {
            projection.apply(event);
        }
        projection.call.turns = projection.turns.into_values().collect();
        projection.call
    }

    /// The call's figures of one latency: `of` picks it from a turn's. `None` where no turn
    /// has one.
    pub fn summary(&self, of: impl Fn(&Latency) -> Option<f64>) -> Option<Summary> {
        Summary::of(self.turns.iter().filter_map(|turn| turn.latency_ms.as_ref().and_then(&of)))
    }
}

#[derive(Default)]
struct Projection {
    call: Transcript,
    turns: BTreeMap<u32, Turn>,
    /// The turn of the last event that has one, for those that have none.
    current: u32,
}

impl Projection {
    fn apply(&mut self, event: &CallEvent) {
        match event {
            CallEvent::TurnCommitted { turn, text } => self.turn(*turn).caller.clone_from(text),
            CallEvent::SentimentAssessed { turn, label, score, escalate, .. } => {
                let (label, score, escalate) = (label.clone(), *score, *escalate);
                self.turn(*turn).sentiment = Some(Sentiment { label, score, escalate });
            }
            CallEvent::MemoryRecalled { turn, memories } => self.turn(*turn).memories.clone_from(memories),
            CallEvent::ToolCalled { turn, id, name, arguments } => self.turn(*turn).tools.push(ToolUse {
                id: id.clone(),
                name: name.clone(),
                arguments: arguments.clone(),
                outcome: None,
                text: String::new(),
                duration_ms: 0,
            }),
            CallEvent::ToolFinished { turn, id, outcome, text, duration_ms, .. } => {
                if let Some(tool) = self.turn(*turn).tools.iter_mut().find(|tool| tool.id == *id) {
                    tool.outcome = Some(outcome.clone());
                    tool.text.clone_from(text);
                    tool.duration_ms = *duration_ms;
                }
            }
            CallEvent::SpeechQueued { turn, text, .. } => append(&mut self.turn(*turn).said, text),
            CallEvent::TurnInterrupted { turn, heard } => {
                let turn = self.turn(*turn);
                turn.interrupted = true;
                turn.heard.clone_from(heard);
            }
            CallEvent::TurnFinished { turn, said, heard, interrupted, latency } => {
                let turn = self.turn(*turn);
                turn.said.clone_from(said);
                turn.heard.clone_from(heard);
                turn.interrupted = *interrupted;
                turn.latency_ms = *latency;
            }
            CallEvent::SpeculationDiscarded { turn, .. } => self.turn(*turn).speculations_discarded += 1,
            CallEvent::DtmfSent { digits } => self.turn(self.current).keys_sent.push_str(digits),
            CallEvent::Whispered { text } => self.turn(self.current).whispers.push(text.clone()),
            CallEvent::AnsweredBy { who, reason } => {
                self.call.answered_by = Some(AnsweredBy { who: who.clone(), reason: reason.clone() });
            }
            CallEvent::Transferred { to } => self.call.transferred_to = Some(to.clone()),
            CallEvent::Ended { reason } => self.call.ended = Some(*reason),
            _ => {}
        }
    }

    fn turn(&mut self, number: u32) -> &mut Turn {
        self.current = number;
        self.turns.entry(number).or_insert_with(|| Turn { turn: number, ..Turn::default() })
    }
}

fn is_zero(n: &u32) -> bool {
    *n == 0
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
    fn a_call_that_we_made_tells_who_answered_what_was_pressed_and_where_it_went() {
        let events = [
            CallEvent::AnsweredBy { who: "menu".into(), reason: "keys were offered".into() },
            CallEvent::SpeculationDiscarded { turn: 1, text: "For sales".into() },
            CallEvent::TurnCommitted { turn: 1, text: "For sales, press 1.".into() },
            CallEvent::DtmfSent { digits: "1".into() },
            CallEvent::DtmfSent { digits: "2#".into() },
            CallEvent::TurnCommitted { turn: 2, text: "Sales.".into() },
            CallEvent::Whispered { text: "Be brief.".into() },
            CallEvent::Transferred { to: "+12025550143".into() },
            CallEvent::Ended { reason: EndReason::Transferred },
        ];
        let transcript = Transcript::project(&events);
        assert_eq!(transcript.answered_by.as_ref().map(|by| by.who.as_str()), Some("menu"));
        assert_eq!(transcript.transferred_to.as_deref(), Some("+12025550143"));
        let [first, second] = &transcript.turns[..] else { panic!("{transcript:?}") };
        assert_eq!((first.keys_sent.as_str(), first.speculations_discarded), ("12#", 1));
        assert_eq!(second.whispers, ["Be brief."]);
    }

    #[test]
    fn a_transcript_of_before_these_fields_can_be_read() {
        let old = r#"{"turns":[{"turn":0,"caller":"","said":"Hi.","heard":"Hi.","interrupted":false,
            "sentiment":null,"tools":[],"memories":[],"latency_ms":null}],"ended":null}"#;
        let transcript: Transcript = serde_json::from_str(old).unwrap();
        assert_eq!((transcript.turns[0].keys_sent.as_str(), transcript.answered_by), ("", None));
    }

    #[test]
    fn the_latencies_of_a_call_are_summed_up() {
        let finished = |turn, total: Option<f64>| CallEvent::TurnFinished {
            turn,
            said: "Yes.".into(),
            heard: "Yes.".into(),
            interrupted: false,
            latency: total.map(|total| Latency { total, ..Latency::default() }),
        };
        let events = [finished(0, None), finished(1, Some(500.0)), finished(2, Some(700.0))];
        let transcript = Transcript::project(&events);
        let total = transcript.summary(|latency| Some(latency.total)).unwrap();
        assert_eq!((total.num, total.min, total.max), (2, 500.0, 700.0));
        assert_eq!(transcript.summary(|latency| latency.heard_start), None);
    }

    #[test]
    fn a_tool_that_never_ended_has_no_outcome() {
        let events =
            [CallEvent::ToolCalled { turn: 2, id: "a".into(), name: "leads".into(), arguments: "{}".into() }];
        assert_eq!(Transcript::project(&events).turns[0].tools[0].outcome, None);
    }
}
