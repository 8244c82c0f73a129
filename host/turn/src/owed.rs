//! A turn was cut while its tools ran, and the caller had nothing to say after all, or an
//! operator's line came before anything of the answer: the caller still waits for it, and
//! gets it when the tools have ended and the line is said.

use crate::answer::Answer;
use crate::call::Call;
use crate::state::State;
use crate::words::{Interjection, interjection};
use crate::{CallTime, ToolCall, TurnId};

/// The turn that was cut last, as long as nothing else was said.
#[derive(Clone, Debug)]
pub(crate) struct Owed {
    turn: TurnId,
    n_tool_rounds: u32,
    called: Vec<ToolCall>,
}

impl Call {
    /// Notes that the caller has cut `answer`, whose tools may still run.
    pub(crate) fn owe(&mut self, answer: Answer) {
        if self.tools.n_running_for(answer.turn) > 0 {
            let Answer { turn, n_tool_rounds, called, .. } = answer;
            self.owed = Some(Owed { turn, n_tool_rounds, called });
        }
    }

    /// What the caller still waits for once an operator's line has cut the agent's turn: an
    /// answer of which they heard nothing, fillers not counted.
    pub(crate) fn owed_behind_a_line(&mut self, now: CallTime) -> Option<Owed> {
        let heard = self.playout.heard(now);
        let answer = self.answer.as_ref().filter(|answer| answer.reply || answer.owed);
        match answer {
            Some(answer) if !answer.words_are_in(heard) => Some(Owed {
                turn: answer.turn,
                n_tool_rounds: answer.n_tool_rounds,
                called: answer.called.clone(),
            }),
            Some(_) => None,
            None => self.owed.take(),
        }
    }

    /// Gives the answer if its time has come: in a turn of the agent's own, for which the
    /// tools of the turn that was cut count as its own.
    pub(crate) fn give_what_is_owed(&mut self, now: CallTime) {
        let silent = self.state == State::Listening && self.keypad.is_empty();
        let ended = |owed: &mut Owed| self.tools.n_running_for(owed.turn) == 0;
        let Some(owed) = self.owed.take_if(|owed| silent && ended(owed)) else { return };
        let round = self.speculation.next_round();
        let turn = self.take_turn();
        let mut answer = Answer::new(turn, self.pace);
        answer.owed = true;
        answer.round = round;
        answer.n_tool_rounds = owed.n_tool_rounds;
        answer.called = owed.called;
        answer.voiced_before = self.vad.voiced();
        self.interrupted = false;
        // Behind an operator's line, the model is to see last what it is to answer.
        self.history.move_last(owed.turn);
        self.history.open(turn, String::new());
        self.playout.begin(turn);
        self.answer = Some(answer);
        self.set_state(State::Thinking);
        self.ask_model(now);
    }

    /// Whether the caller's words say no more than to go on, to an agent that is about to.
    pub(crate) fn agrees_to_wait(&self) -> bool {
        let backchannel = interjection(&self.transcript.text()) == Interjection::Backchannel;
        self.owed.is_some() && backchannel && !self.asked.closed
    }
}
