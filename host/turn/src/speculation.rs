//! Asking the model before the caller is surely done. What it says is kept back: the
//! turn's commit uses it when the words are still the same, and nobody hears of it else.

use std::time::Duration;

use events::{CallEvent, Stage};

use crate::answer::Model;
use crate::call::Call;
use crate::model::{MAX_ANSWER, MAX_CALLS};
use crate::state::State;
use crate::timers::Timer;
use crate::words::words;
use crate::{Attempt, CallTime, LlmInput, Message, Output, Round, ToolCall, TurnId};

/// The answer that was begun for the turn to come, and what that turn has cost so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Speculating {
    begun: Option<Begun>,
    /// Requests made for the turn to come; the number of the next.
    n_asked: u32,
    /// Whether the recogniser believes that the caller is done, by the words so far.
    eager: bool,
    /// How many answers were thrown away in this call.
    pub(crate) n_discarded: u32,
}

/// An answer that was begun.
#[derive(Clone, Debug)]
pub(crate) struct Begun {
    turn: TurnId,
    round: Round,
    asked_at: CallTime,
    text: String,
    words: Vec<String>,
    /// The call's voiced time when it was begun.
    voiced: Duration,
    kept: Kept,
}

/// What the model has said of it. The order of words and tool calls does not matter:
/// calls take effect at the end.
#[derive(Clone, Debug, Default)]
struct Kept {
    text: String,
    calls: Vec<ToolCall>,
    finished: bool,
    failed: bool,
}

impl Speculating {
    /// Takes what the model says, where it is about the answer that was begun.
    pub(crate) fn keep(&mut self, turn: TurnId, round: Round, llm: LlmInput) {
        let begun = self.begun.as_mut().filter(|begun| begun.turn == turn && begun.round == round);
        if let Some(begun) = begun {
            begun.kept.take(llm);
        }
    }

    /// Begins the count for the next turn.
    pub(crate) fn begin_turn(&mut self) {
        self.n_asked = 0;
        self.eager = false;
    }

    /// The number of the turn's next request.
    pub(crate) fn next_round(&self) -> Round {
        Round(self.n_asked)
    }
}

impl Kept {
    fn take(&mut self, llm: LlmInput) {
        if self.finished || self.failed {
            return;
        }
        match llm {
            // What is longer is cut off when it takes effect.
            LlmInput::Delta(text) if self.text.len() <= MAX_ANSWER => self.text.push_str(&text),
            LlmInput::ToolCall(call) if self.calls.len() < MAX_CALLS => self.calls.push(call),
            LlmInput::Delta(_) | LlmInput::ToolCall(_) => {}
            LlmInput::Finished => self.finished = true,
            LlmInput::Failed { .. } => self.failed = true,
        }
    }

    fn into_inputs(self) -> impl Iterator<Item = LlmInput> {
        let text = (!self.text.is_empty()).then_some(LlmInput::Delta(self.text));
        let calls = self.calls.into_iter().map(LlmInput::ToolCall);
        text.into_iter().chain(calls).chain(self.finished.then_some(LlmInput::Finished))
    }
}

impl Call {
    /// The recogniser believes that the caller is done.
    pub(crate) fn on_eager_end(&mut self, now: CallTime) {
        if self.config.speculation.on_eager_end && self.hears() {
            self.speculation.eager = true;
            self.speculate(now);
        }
    }

    /// The recogniser takes that back.
    pub(crate) fn on_turn_resumed(&mut self) {
        self.speculation.eager = false;
        self.discard_speculation();
    }

    /// The words may be others now, or final.
    pub(crate) fn review_speculation(&mut self, now: CallTime, last: bool) {
        let Some(begun) = &self.speculation.begun else {
            self.speculation.eager = false;
            if last && self.config.speculation.on_final && self.state == State::EndpointPending {
                self.speculate(now);
            }
            return;
        };
        if !begun.is_about(&self.transcript.text()) {
            self.speculation.eager = false;
            self.discard_speculation();
        }
    }

    /// The voice has stopped.
    pub(crate) fn speculate_in_silence(&mut self, now: CallTime) {
        let on_final = self.config.speculation.on_final && self.transcript.has_finals();
        if self.speculation.eager || on_final {
            self.speculate(now);
        }
    }

    /// Runs for every frame: only a voice that goes on allocates here.
    pub(crate) fn watch_speculation(&mut self) {
        let Some(begun) = &self.speculation.begun else { return };
        let since = self.vad.voiced().saturating_sub(begun.voiced);
        if since >= self.config.endpointing.vad_start {
            self.discard_speculation();
        }
    }

    /// Throws the answer away that was begun, if one was.
    pub(crate) fn discard_speculation(&mut self) {
        let Some(Begun { turn, text, .. }) = self.speculation.begun.take() else { return };
        self.speculation.n_discarded = self.speculation.n_discarded.saturating_add(1);
        self.outputs.push_back(Output::Cancel { turn });
        self.emit(CallEvent::SpeculationDiscarded { turn: turn.0, text });
    }

    /// The answer that was begun, if it is one to `text`.
    pub(crate) fn adopt_speculation(&mut self, text: &str) -> Option<Begun> {
        let fits =
            self.speculation.begun.as_ref().is_some_and(|begun| {
                begun.turn == self.next_turn && !begun.kept.failed && begun.is_about(text)
            });
        if fits {
            return self.speculation.begun.take();
        }
        self.discard_speculation();
        None
    }

    /// What the model has said takes effect as if it came now.
    pub(crate) fn use_speculation(&mut self, now: CallTime, begun: Begun) {
        let Begun { turn, round, asked_at, kept, .. } = begun;
        self.log_context(turn);
        let interrupted = std::mem::take(&mut self.interrupted);
        let Some(answer) = &mut self.answer else { return };
        answer.interrupted = interrupted;
        answer.model = Model::Asked;
        answer.round = round;
        answer.enter(now, Stage::LlmFirstToken);
        self.timers.set(Timer::Model, (asked_at + self.config.timers.first_token).max(now));
        self.await_filler(now);
        for llm in kept.into_inputs() {
            if self.answer.as_ref().is_some_and(|answer| answer.expects_model(turn, round)) {
                self.on_llm(now, llm);
            }
        }
    }

    fn speculate(&mut self, now: CallTime) {
        let text = self.transcript.text();
        let same = self.speculation.begun.as_ref().is_some_and(|begun| begun.is_about(&text));
        let spent = self.speculation.n_asked >= self.config.speculation.max_per_turn
            || self.n_turns >= self.config.max_turns;
        let idle = self.answer.is_none() && self.hears() && self.keypad.is_empty();
        let words: Vec<String> = words(&text).collect();
        if same || spent || !idle || words.is_empty() || self.is_voiced(now) {
            return;
        }
        self.discard_speculation();
        let (turn, round) = (self.next_turn, self.speculation.next_round());
        self.speculation.n_asked += 1;
        let mut messages: Vec<Message> = vec![self.system_message(self.interrupted)];
        self.knowledge.whispers_told(turn);
        messages.extend(self.history.messages_with(&text));
        let (voiced, kept) = (self.vad.voiced(), Kept::default());
        self.speculation.begun = Some(Begun { turn, round, asked_at: now, text, words, voiced, kept });
        self.outputs.push_back(Output::StartLlm { turn, round, attempt: Attempt::default(), messages });
    }

    /// Whether the caller's words are being heard, and not over the agent's.
    fn hears(&self) -> bool {
        matches!(self.state, State::UserSpeaking | State::EndpointPending)
    }

    /// Whether the caller's voice was there a moment ago.
    fn is_voiced(&self, now: CallTime) -> bool {
        let end = self.vad.end_of_speech().filter(|_| self.frames_come);
        end.is_some_and(|end| now.saturating_sub(end) < QUIET)
    }
}

impl Begun {
    fn is_about(&self, text: &str) -> bool {
        words(text).eq(self.words.iter().cloned())
    }
}

/// A gap of three frames is more than that between two syllables.
const QUIET: Duration = Duration::from_millis(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_comes_out_as_it_went_in() {
        let mut kept = Kept::default();
        for llm in [delta("Once "), delta("upon"), call("a"), LlmInput::Finished, delta(" a time")] {
            kept.take(llm);
        }
        let inputs: Vec<LlmInput> = kept.into_inputs().collect();
        assert_eq!(inputs, [delta("Once upon"), call("a"), LlmInput::Finished]);
    }

    #[test]
    fn a_model_that_never_ends_is_kept_within_bounds() {
        let mut kept = Kept::default();
        for _ in 0..10_000 {
            kept.take(delta("on and on "));
            kept.take(call("a"));
        }
        assert!(kept.text.len() <= MAX_ANSWER + 10);
        assert_eq!(kept.calls.len(), MAX_CALLS);
    }

    #[test]
    fn only_the_request_that_was_made_is_listened_to() {
        let mut speculating = Speculating { begun: Some(begun("Tell me.")), ..Speculating::default() };
        speculating.keep(TurnId(1), Round(0), delta("stale"));
        speculating.keep(TurnId(2), Round(1), delta("stale"));
        speculating.keep(TurnId(1), Round(1), delta("fresh"));
        assert_eq!(speculating.begun.map(|begun| begun.kept.text), Some("fresh".into()));
    }

    #[test]
    fn punctuation_and_case_make_no_other_words() {
        let begun = begun("tell me a story");
        assert!(begun.is_about("Tell me, a story."));
        assert!(!begun.is_about("Tell me a story now."));
        assert!(!begun.is_about("Tell me a"));
    }

    fn begun(text: &str) -> Begun {
        Begun {
            turn: TurnId(1),
            round: Round(1),
            asked_at: Duration::ZERO,
            text: text.into(),
            words: words(text).collect(),
            voiced: Duration::ZERO,
            kept: Kept::default(),
        }
    }

    fn delta(text: &str) -> LlmInput {
        LlmInput::Delta(text.into())
    }

    fn call(id: &str) -> LlmInput {
        LlmInput::ToolCall(ToolCall { id: id.into(), name: "calendar".into(), arguments: "{}".into() })
    }
}
