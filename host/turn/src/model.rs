//! The model: asked, listened to, and its words on their way to speech.

use events::Stage;

use crate::answer::Model;
use crate::call::Call;
use crate::timers::Timer;
use crate::{CallTime, LlmInput, Message, Output, ToolCall};

impl Call {
    /// Asks the model with all that is known so far.
    pub(crate) fn ask_model(&mut self, now: CallTime) {
        self.timers.stop_all(&[Timer::Context, Timer::Retry]);
        let Some(answer) = &mut self.answer else { return };
        let turn = answer.turn;
        if answer.model == Model::NotAsked {
            answer.interrupted = std::mem::take(&mut self.interrupted);
            self.log_context(turn);
        }
        let told = self.answer.as_ref().is_some_and(|answer| answer.interrupted && answer.n_tool_rounds == 0);
        let mut messages = vec![self.system_message(told)];
        self.knowledge.whispers_told(turn);
        messages.extend(self.history.messages());
        let Some(answer) = &mut self.answer else { return };
        answer.model = Model::Asked;
        answer.model_began = false;
        answer.calls.clear();
        answer.cutter.clear();
        answer.cutter.push(answer.seam());
        answer.enter(now, Stage::LlmFirstToken);
        self.outputs.push_back(Output::StartLlm {
            turn,
            round: answer.round,
            attempt: answer.attempt,
            messages,
        });
        self.timers.set(Timer::Model, now + self.config.timers.first_token);
        self.await_filler(now);
    }

    pub(crate) fn system_message(&self, interrupted: bool) -> Message {
        let (instructions, known) = (&self.config.instructions, self.context.caller_known);
        Message::System { content: self.knowledge.system_message(instructions, known, interrupted) }
    }

    pub(crate) fn on_llm(&mut self, now: CallTime, llm: LlmInput) {
        let Some(answer) = &mut self.answer else { return };
        // A blank delta, with which some vendors begin or keep a stream alive, is no token.
        let token = match &llm {
            LlmInput::Delta(text) => !text.trim().is_empty(),
            LlmInput::ToolCall(_) => true,
            LlmInput::Finished | LlmInput::Failed { .. } => false,
        };
        let first = token && !answer.model_began;
        answer.model_began |= token;
        // Until there is a clause to speak, nobody hears that tokens come.
        if first || (token && (answer.round_spoke || !answer.calls.is_empty())) {
            self.await_tokens(now);
        }
        match llm {
            LlmInput::Delta(text) => self.on_delta(now, &text),
            LlmInput::ToolCall(call) => self.on_tool_call(call),
            LlmInput::Finished => self.on_model_done(now),
            LlmInput::Failed { message } => self.on_model_failure(now, &message),
        }
    }

    fn on_delta(&mut self, now: CallTime, text: &str) {
        let Some(answer) = &mut self.answer else { return };
        let had_spoken = answer.round_spoke;
        if answer.stage() == Some(Stage::LlmFirstToken) && !text.trim().is_empty() {
            answer.enter(now, Stage::FirstClause);
        }
        answer.cutter.push(text);
        let too_long = answer.spoken.said().len() + answer.cutter.pending() > MAX_ANSWER;
        self.speak_model(now, false);
        if !had_spoken && self.answer.as_ref().is_some_and(|answer| answer.round_spoke) {
            self.await_tokens(now);
        }
        if too_long {
            self.on_model_done(now);
        }
    }

    fn await_tokens(&mut self, now: CallTime) {
        self.timers.set(Timer::Model, now + self.config.timers.model);
    }

    fn speak_model(&mut self, now: CallTime, all: bool) {
        let before = self.answer.as_ref().map_or(0, |answer| answer.spoken.said().len());
        self.speak_clauses(now, all);
        let Some(answer) = &mut self.answer else { return };
        if answer.spoken.said().len() > before {
            answer.model_from.get_or_insert(before);
        }
    }

    /// Ids are made unique within the turn, so that each result finds its call.
    fn on_tool_call(&mut self, mut call: ToolCall) {
        let Some(answer) = &mut self.answer else { return };
        let given = call.id.clone();
        let mut n = 2;
        let taken = |id: &str| answer.calls.iter().chain(&answer.called).any(|other| other.id == id);
        while taken(&call.id) || self.tools.has(answer.turn, &call.id) {
            call.id = format!("{given}-{n}");
            n += 1;
        }
        if answer.calls.len() < MAX_CALLS {
            answer.calls.push(call);
        }
    }

    fn on_model_done(&mut self, now: CallTime) {
        self.timers.stop(Timer::Model);
        self.speak_model(now, true);
        let Some(answer) = &mut self.answer else { return };
        let calls = std::mem::take(&mut answer.calls);
        if !calls.is_empty() {
            answer.model = Model::Idle;
            self.run_tools(now, calls);
        } else if answer.words_from.is_none() && !answer.keys.any() && answer.leave.is_none() {
            self.on_model_failure(now, "the model answered nothing");
        } else {
            answer.model = Model::Idle;
            self.n_model_failures = 0;
            self.end_answer(now);
        }
    }
}

/// Ten minutes of speech; no caller listens longer.
pub(crate) const MAX_ANSWER: usize = 8 * 1024;
/// More tools at once than any conversation needs.
pub(crate) const MAX_CALLS: usize = 16;
