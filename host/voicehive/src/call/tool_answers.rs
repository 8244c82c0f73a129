//! What tools give beside what the model is told: words to be said as they are, and data for the log.
//!
//! The call core knows neither. It is told a tool's result, logs its end and asks the model again; here the data joins the
//! logged event, and the words take the place of the model's answer.

use events::CallEvent;
use turn::TurnId;

use crate::tools::{Confirmations, Ran};

/// What is pending of one call's tools.
#[derive(Debug)]
pub struct ToolAnswers {
    confirmations: Confirmations,
    /// The turn whose tool was called last, and how many it has called.
    called: (TurnId, u32),
    /// What that turn is to say.
    speech: Option<String>,
    /// Of the run whose end the core is told: its turn, its id and its data.
    data: Option<(TurnId, String, String)>,
}

impl ToolAnswers {
    /// Nothing yet. What the caller says answers the tools' questions among `confirmations`.
    pub fn new(confirmations: Confirmations) -> Self {
        Self { confirmations, called: (TurnId::default(), 0), speech: None, data: None }
    }

    /// A run has ended, and the core will be told next.
    pub fn ran(&mut self, ran: &mut Ran) {
        let turn = ran.result.turn;
        self.data = ran.data.take().map(|data| (turn, ran.result.id.clone(), data));
        if self.called.0 == turn {
            self.speech = ran.speech.take();
        }
    }

    /// Completes an event before it is logged, and learns from it how the call goes on.
    pub fn note(&mut self, event: &mut CallEvent) {
        match event {
            CallEvent::TurnCommitted { turn, .. } => self.confirmations.caller_spoke(TurnId(*turn)),
            CallEvent::ToolCalled { turn, .. } => self.count(TurnId(*turn)),
            CallEvent::ToolFinished { turn, id, data, .. } => {
                let this = |(of, run, _): &mut (TurnId, String, String)| of.0 == *turn && run == id;
                *data = self.data.take_if(this).map(|(_, _, text)| as_json(text));
            }
            _ => {}
        }
    }

    /// What a tool wants said, where the model would be asked: only if no other tool of the turn has a result, for then the
    /// model has more to tell.
    pub fn speech_for(&mut self, turn: TurnId) -> Option<String> {
        if self.called == (turn, 1) { self.speech.take() } else { None }
    }

    fn count(&mut self, turn: TurnId) {
        if self.called.0 != turn {
            (self.called, self.speech) = ((turn, 0), None);
        }
        self.called.1 = self.called.1.saturating_add(1);
    }
}

/// The contract says that it is JSON; what is not is kept all the same, as text.
pub fn as_json(data: String) -> serde_json::Value {
    serde_json::from_str(&data).unwrap_or(serde_json::Value::String(data))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use turn::ToolResult;

    use super::*;

    #[test]
    fn the_only_tool_of_a_turn_has_its_words_said_once() {
        let mut answers = answers();
        answers.note(&mut called(3, "a"));
        answers.ran(&mut ran(3, "a", Some("Booked."), None));
        assert_eq!(answers.speech_for(TurnId(4)), None, "another turn");
        assert_eq!(answers.speech_for(TurnId(3)).as_deref(), Some("Booked."));
        assert_eq!(answers.speech_for(TurnId(3)), None, "once");
    }

    #[test]
    fn of_several_tools_the_model_tells() {
        let mut answers = answers();
        answers.note(&mut called(3, "a"));
        answers.note(&mut called(3, "b"));
        answers.ran(&mut ran(3, "a", Some("Booked."), None));
        assert_eq!(answers.speech_for(TurnId(3)), None);
        // So it does where the second is called later in the turn.
        answers.note(&mut called(4, "c"));
        answers.ran(&mut ran(4, "c", None, None));
        assert_eq!(answers.speech_for(TurnId(4)), None);
        answers.note(&mut called(4, "d"));
        answers.ran(&mut ran(4, "d", Some("Booked."), None));
        assert_eq!(answers.speech_for(TurnId(4)), None);
    }

    #[test]
    fn words_for_a_turn_that_is_over_are_not_said_in_the_next() {
        let mut answers = answers();
        answers.note(&mut called(3, "a"));
        answers.note(&mut called(4, "b"));
        answers.ran(&mut ran(3, "a", Some("Too late."), None));
        answers.ran(&mut ran(4, "b", None, None));
        assert_eq!(answers.speech_for(TurnId(4)), None);
    }

    #[test]
    fn data_joins_the_end_of_its_own_run() {
        let mut answers = answers();
        answers.ran(&mut ran(3, "a", None, Some(r#"{"order":7}"#)));
        let mut other = finished(3, "b");
        answers.note(&mut other);
        assert_eq!(other, finished(3, "b"));
        let mut own = finished(3, "a");
        answers.note(&mut own);
        assert!(
            matches!(&own, CallEvent::ToolFinished { data: Some(data), .. } if *data == json!({"order": 7}))
        );
        let mut again = finished(3, "a");
        answers.note(&mut again);
        assert_eq!(again, finished(3, "a"));
    }

    #[test]
    fn data_that_is_no_json_is_text() {
        assert_eq!(as_json("order 7".into()), json!("order 7"));
    }

    #[test]
    fn the_callers_words_answer_a_tools_question() {
        let confirmations = Confirmations::default();
        let wish = crate::tools::Wish { digest: "a".into(), arguments: "{}".into() };
        let mut answers = ToolAnswers::new(confirmations.clone());
        answers.note(&mut CallEvent::TurnCommitted { turn: 1, text: "Cancel it".into() });
        confirmations.ask(wish.clone(), TurnId(1));
        assert!(confirmations.take(&wish, TurnId(2)).is_none());
        answers.note(&mut CallEvent::TurnCommitted { turn: 2, text: "Yes".into() });
        assert!(confirmations.take(&wish, TurnId(2)).is_some());
    }

    fn answers() -> ToolAnswers {
        ToolAnswers::new(Confirmations::default())
    }

    fn called(turn: u32, id: &str) -> CallEvent {
        CallEvent::ToolCalled { turn, id: id.into(), name: "orders".into(), arguments: "{}".into() }
    }

    fn finished(turn: u32, id: &str) -> CallEvent {
        CallEvent::ToolFinished {
            turn,
            id: id.into(),
            name: "orders".into(),
            outcome: "success".into(),
            text: "Done.".into(),
            duration_ms: 5,
            data: None,
        }
    }

    fn ran(turn: u32, id: &str, speech: Option<&str>, data: Option<&str>) -> Ran {
        let result =
            ToolResult { turn: TurnId(turn), id: id.into(), outcome: "success".into(), text: "Done.".into() };
        Ran { result, speech: speech.map(str::to_owned), data: data.map(str::to_owned) }
    }
}
