//! The model: its answers in order.

use std::time::Duration;

use turn::{Attempt, Input, LlmInput, Round, ToolCall, TurnId};

use super::{Sim, ms, secs};

/// How the model answers one request.
#[derive(Clone, Debug)]
pub struct Reply {
    pub first_token: Duration,
    pub duration: Duration,
    pub text: String,
    pub calls: Vec<ToolCall>,
    pub ending: Ending,
    /// Which try of a request this answers; `None`: any.
    pub attempt: Option<Attempt>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Finished,
    Failed,
    Silent,
}

impl Sim {
    /// The model will answer with `text`, first token after 100 ms, all after 300 ms.
    pub fn answers(&mut self, text: &str) -> &mut Self {
        self.replies.push_back(Reply {
            first_token: ms(100),
            duration: ms(300),
            text: text.into(),
            calls: Vec::new(),
            ending: Ending::Finished,
            attempt: None,
        });
        self
    }

    /// The model will ask for tools.
    pub fn asks(&mut self, text: &str, calls: &[(&str, &str)]) -> &mut Self {
        self.answers(text);
        let calls = calls.iter().map(|(id, name)| ToolCall {
            id: (*id).into(),
            name: (*name).into(),
            arguments: format!("{{\"for\":\"{id}\"}}"),
        });
        self.replies.back_mut().unwrap().calls = calls.collect();
        self
    }

    /// The model's next answer ends so.
    pub fn ending(&mut self, ending: Ending) -> &mut Self {
        self.replies.back_mut().unwrap().ending = ending;
        self
    }

    /// A tool answers so.
    pub fn tool(&mut self, name: &str, delay: f64, outcome: &str, text: &str) -> &mut Self {
        self.tools.insert(name.into(), (secs(delay), outcome.into(), text.into()));
        self
    }

    pub(super) fn reply(&mut self, turn: TurnId, round: Round, attempt: Attempt) {
        let Some(reply) = self.replies.pop_front() else {
            let now = self.now;
            let unanswered = self.unanswered.as_mut();
            unanswered.unwrap_or_else(|| panic!("no answer for turn {turn} at {now:?}")).push((now, turn));
            return;
        };
        if reply.attempt.is_some_and(|wanted| wanted != attempt) {
            self.misplaced.push((self.now, attempt));
        }
        let llm = |input| Input::Llm(turn, round, input);
        if reply.ending == Ending::Silent {
            return;
        }
        if !reply.text.is_empty() {
            self.at(self.now + reply.first_token, llm(LlmInput::Delta(reply.text)));
        }
        for call in reply.calls {
            self.at(self.now + reply.duration, llm(LlmInput::ToolCall(call)));
        }
        let end = match reply.ending {
            Ending::Failed => LlmInput::Failed { message: "overloaded".into() },
            _ => LlmInput::Finished,
        };
        self.at(self.now + reply.duration, llm(end));
    }
}
