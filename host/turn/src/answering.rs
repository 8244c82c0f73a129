//! The agent's side: the model, its tools, and its words on their way to speech.

use std::time::Duration;

use events::{CallEvent, Stage};

use crate::answer::{Answer, Leave, Model};
use crate::call::Call;
use crate::history::STILL_RUNNING;
use crate::state::State;
use crate::timers::Timer;
use crate::{Attempt, CallTime, LlmInput, Message, Output, Round, Sentiment, ToolCall, ToolResult, TurnId};

impl Call {
    pub(crate) fn on_sentiment(&mut self, now: CallTime, turn: TurnId, sentiment: Sentiment) {
        let answered = self.answer.as_ref().filter(|answer| answer.turn == turn && answer.reply);
        let late = answered.is_some_and(|answer| answer.model != Model::NotAsked);
        if answered.is_none() && turn != self.next_turn {
            return;
        }
        let known = self.knowledge.mood_of(turn).is_some();
        self.knowledge.feel(turn, sentiment);
        if late && !known {
            self.log_mood(turn);
        }
        self.ask_model_if_ready(now);
    }

    pub(crate) fn on_memory(&mut self, now: CallTime, turn: TurnId, memories: Vec<String>) {
        let at_start = turn == self.first_turn;
        let answered = self.answer.as_ref().filter(|answer| answer.turn == turn && answer.reply);
        let late = answered.is_some_and(|answer| answer.model != Model::NotAsked);
        if !at_start && answered.is_none() && turn != self.next_turn {
            return;
        }
        if at_start && !memories.is_empty() {
            self.emit(CallEvent::MemoryRecalled { turn: turn.0, memories: memories.clone() });
        }
        self.knowledge.remember(turn, at_start, memories);
        if late {
            self.log_memory(turn);
        }
        self.ask_model_if_ready(now);
    }

    /// Asks the model with all that is known so far.
    pub(crate) fn ask_model(&mut self, now: CallTime) {
        self.timers.stop(Timer::Context);
        let Some(turn) = self.answer.as_ref().map(|answer| answer.turn) else { return };
        if self.answer.as_ref().is_some_and(|answer| answer.model == Model::NotAsked) {
            self.log_mood(turn);
            self.log_memory(turn);
        }
        let interrupted = std::mem::take(&mut self.interrupted);
        let content =
            self.knowledge.system_message(&self.config.instructions, self.context.caller_known, interrupted);
        self.knowledge.whispers_told(turn);
        let mut messages = vec![Message::System { content }];
        messages.extend(self.history.messages());
        let Some(answer) = &mut self.answer else { return };
        answer.model = Model::Asked;
        answer.calls.clear();
        answer.cutter.clear();
        answer.round_from = answer.spoken.said().len();
        if answer.spoken.said().ends_with(|c: char| !c.is_whitespace()) {
            answer.cutter.push(" ");
        }
        answer.enter(now, Stage::LlmFirstToken);
        self.timers.set(Timer::Model, now + self.config.timers.model);
        self.outputs.push_back(Output::StartLlm {
            turn,
            round: answer.round,
            attempt: answer.attempt,
            messages,
        });
    }

    pub(crate) fn on_llm(&mut self, now: CallTime, llm: LlmInput) {
        self.timers.set(Timer::Model, now + self.config.timers.model);
        match llm {
            LlmInput::Delta(text) => self.on_delta(now, &text),
            LlmInput::ToolCall(call) => self.on_tool_call(call),
            LlmInput::Finished => self.on_model_done(now),
            LlmInput::Failed { message } => self.on_model_failure(now, &message),
        }
    }

    pub(crate) fn on_model_failure(&mut self, now: CallTime, message: &str) {
        self.timers.stop(Timer::Model);
        self.emit_failure("llm", message);
        let Some(answer) = &mut self.answer else { return };
        answer.calls.clear();
        answer.cutter.clear();
        let silent = answer.spoken.said().len() == answer.round_from;
        if silent && answer.attempt == Attempt(0) {
            answer.attempt = Attempt(1);
            answer.round = Round(answer.round.0 + 1);
            self.ask_model(now);
            return;
        }
        answer.model = Model::Idle;
        self.n_model_failures += 1;
        self.apologise(now);
    }

    pub(crate) fn on_tool(&mut self, now: CallTime, result: &ToolResult) {
        let Some(ended) = self.tools.finish(now, result) else { return };
        self.settle_tool(ended.turn, &ended.call, &result.outcome, &result.text, ended.duration);
        if !ended.late {
            self.go_on_after_tools(now, ended.turn);
        }
    }

    pub(crate) fn on_late_tools(&mut self, now: CallTime) {
        while let Some(ended) = self.tools.give_up(now) {
            self.settle_tool(ended.turn, &ended.call, "timeout", TOOL_TIMEOUT, ended.duration);
            self.go_on_after_tools(now, ended.turn);
        }
        self.watch_tools();
    }

    /// Begins a turn of the agent's own that says `line`.
    pub(crate) fn begin_line(
        &mut self,
        now: CallTime,
        turn: TurnId,
        line: &str,
        state: State,
        protected: bool,
    ) {
        let mut answer = Answer::new(turn, self.pace);
        answer.protected = protected;
        answer.voiced_before = self.vad.voiced();
        self.history.open(turn, String::new());
        self.playout.begin(turn);
        self.answer = Some(answer);
        self.set_state(state);
        self.say(now, line);
        self.end_speech(now);
    }

    /// Speaks words that are not the model's.
    pub(crate) fn say(&mut self, now: CallTime, line: &str) {
        let Some(answer) = &mut self.answer else { return };
        answer.cutter.clear();
        if answer.spoken.said().ends_with(|c: char| !c.is_whitespace()) {
            answer.cutter.push(" ");
        }
        answer.cutter.push(line.trim());
        self.speak_clauses(now, true);
    }

    /// Tells the synthesiser that the turn has no more words.
    pub(crate) fn end_speech(&mut self, now: CallTime) {
        let Some(answer) = &mut self.answer else { return };
        answer.speech_ended = true;
        if answer.spoken.is_empty() {
            self.playout.end_turn();
            return;
        }
        self.outputs.push_back(Output::SpeechEnd { turn: answer.turn });
        if answer.spoken.first_open().is_none() {
            self.on_speech_done(now);
        }
    }

    pub(crate) fn stop_answer_timers(&mut self) {
        self.timers.stop_all(&[Timer::Context, Timer::Model, Timer::Speech, Timer::Pace, Timer::Playback]);
    }

    pub(crate) fn emit_failure(&mut self, stage: &str, message: &str) {
        let message = message.chars().take(MAX_MESSAGE).collect();
        self.emit(CallEvent::VendorFailed { stage: stage.to_owned(), message });
    }

    fn ask_model_if_ready(&mut self, now: CallTime) {
        let waiting = self.answer.as_ref().filter(|answer| answer.model == Model::NotAsked);
        if waiting.is_some_and(|answer| !self.knowledge.awaits(answer.turn)) {
            self.ask_model(now);
        }
    }

    pub(crate) fn ask_memory(&mut self, turn: TurnId, text: &str, certain: bool) {
        if self.knowledge.asks_memory(turn, text, certain) {
            self.outputs.push_back(Output::RecallMemory { turn, text: text.to_owned() });
        }
    }

    fn log_mood(&mut self, turn: TurnId) {
        let Some(mood) = self.knowledge.mood_of(turn).cloned() else { return };
        self.knowledge.record(mood.score);
        self.emit(CallEvent::SentimentAssessed {
            turn: turn.0,
            label: mood.label,
            score: mood.score,
            confidence: mood.confidence,
            tone: mood.tone,
            pace: mood.pace,
            escalate: mood.escalate,
        });
    }

    fn log_memory(&mut self, turn: TurnId) {
        let Some(memories) = self.knowledge.recalled_for(turn).map(<[String]>::to_vec) else { return };
        self.emit(CallEvent::MemoryRecalled { turn: turn.0, memories });
    }

    fn on_delta(&mut self, now: CallTime, text: &str) {
        let Some(answer) = &mut self.answer else { return };
        if answer.stage() == Some(Stage::LlmFirstToken) && !text.trim().is_empty() {
            answer.enter(now, Stage::FirstClause);
        }
        answer.cutter.push(text);
        let too_long = answer.spoken.said().len() + answer.cutter.pending() > MAX_ANSWER;
        self.speak_clauses(now, false);
        if too_long {
            self.on_model_done(now);
        }
    }

    /// Ids are made unique within the turn, so that each result finds its call.
    fn on_tool_call(&mut self, mut call: ToolCall) {
        let Some(answer) = &mut self.answer else { return };
        let given = call.id.clone();
        let mut n = 2;
        while answer.calls.iter().any(|other| other.id == call.id) || self.tools.has(answer.turn, &call.id) {
            call.id = format!("{given}-{n}");
            n += 1;
        }
        if answer.calls.len() < MAX_CALLS {
            answer.calls.push(call);
        }
    }

    fn on_model_done(&mut self, now: CallTime) {
        self.timers.stop(Timer::Model);
        self.speak_clauses(now, true);
        let Some(answer) = &mut self.answer else { return };
        let calls = std::mem::take(&mut answer.calls);
        if !calls.is_empty() {
            answer.model = Model::Idle;
            self.run_tools(now, calls);
        } else if answer.spoken.is_empty() && !answer.keys.any() && answer.leave.is_none() {
            self.on_model_failure(now, "the model answered nothing");
        } else {
            answer.model = Model::Idle;
            self.n_model_failures = 0;
            self.end_answer(now);
        }
    }

    /// Ends the speech of an answer; one that ends the call says goodbye at least.
    fn end_answer(&mut self, now: CallTime) {
        let mute = self.answer.as_ref().is_some_and(|answer| answer.hangs_up() && answer.spoken.is_empty());
        if mute {
            let farewell = self.config.farewell.clone();
            self.say(now, &farewell);
        }
        self.end_speech(now);
    }

    fn run_tools(&mut self, now: CallTime, calls: Vec<ToolCall>) {
        let Some(answer) = &mut self.answer else { return };
        let turn = answer.turn;
        let said = answer.round_from..answer.spoken.said().len();
        self.history.asked(turn, answer.spoken.said(), said, calls.clone());
        answer.n_tool_rounds += 1;
        answer.enter(now, Stage::Tools);
        let too_many = answer.n_tool_rounds > self.config.max_tool_rounds;
        for call in calls {
            self.emit(CallEvent::ToolCalled {
                turn: turn.0,
                id: call.id.clone(),
                name: call.name.clone(),
                arguments: call.arguments.clone(),
            });
            if let Some((outcome, text)) = self.leave_by_tool(&call) {
                self.settle_tool(turn, &call, outcome, text, Duration::ZERO);
            } else if too_many {
                self.settle_tool(turn, &call, "refused", TOO_MANY_ROUNDS, Duration::ZERO);
            } else if let Some((outcome, text)) = self.press_by_tool(&call) {
                self.settle_tool(turn, &call, outcome, text, Duration::ZERO);
            } else if self.tools.is_running_same(&call) {
                self.settle_tool(turn, &call, "refused", STILL_RUNNING, Duration::ZERO);
            } else {
                self.tools.start(now, turn, call.clone(), self.config.timers.tool);
                self.outputs.push_back(Output::CallTool { turn, call });
            }
        }
        self.watch_tools();
        if too_many && self.answer.as_ref().is_some_and(|answer| answer.leave.is_none()) {
            self.apologise(now);
        } else {
            self.go_on_after_tools(now, turn);
        }
    }

    /// Asks the model again when the last tool of its round has ended. A result for a
    /// turn that is over is in the history, and the next turn's model sees it.
    fn go_on_after_tools(&mut self, now: CallTime, turn: TurnId) {
        self.watch_tools();
        let Some(answer) = self.answer.as_mut().filter(|answer| answer.turn == turn) else { return };
        if answer.model != Model::Idle || answer.speech_ended || self.tools.n_running_for(turn) > 0 {
            return;
        }
        if answer.leave.is_some() {
            self.end_answer(now);
            return;
        }
        answer.round = Round(answer.round.0 + 1);
        self.ask_model(now);
    }

    fn settle_tool(&mut self, turn: TurnId, call: &ToolCall, outcome: &str, text: &str, duration: Duration) {
        // What broke inside a tool is for its owner's log, not for the model.
        let text = if outcome == "fault" { TOOL_FAULT } else { text };
        self.history.result(turn, &call.id, text);
        self.emit(CallEvent::ToolFinished {
            turn: turn.0,
            id: call.id.clone(),
            name: call.name.clone(),
            outcome: outcome.to_owned(),
            text: text.to_owned(),
            duration_ms: u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
        });
    }

    fn watch_tools(&mut self) {
        match self.tools.next_deadline() {
            Some(deadline) => self.timers.set(Timer::Tool, deadline),
            None => self.timers.stop(Timer::Tool),
        }
    }

    fn apologise(&mut self, now: CallTime) {
        let Some(answer) = &mut self.answer else { return };
        if self.n_model_failures >= MAX_MODEL_FAILURES {
            answer.leave = Some(Leave::HangUp(events::EndReason::LlmFailed));
        }
        let apology = self.config.apology.clone();
        self.say(now, &apology);
        self.end_speech(now);
    }

    /// Hands clauses to the synthesiser; `all` of the words where no more come.
    fn speak_clauses(&mut self, now: CallTime, all: bool) {
        let Some(answer) = &mut self.answer else { return };
        loop {
            let clause = match answer.cutter.next_clause() {
                None if all => answer.cutter.finish(),
                clause => clause,
            };
            let Some(text) = clause else { return };
            if answer.spoken.is_empty() {
                answer.enter(now, Stage::TtsFirstByte);
            }
            let clause = answer.spoken.push(&text);
            self.timers.set_if_idle(Timer::Speech, now + self.config.timers.speech);
            self.outputs.push_back(Output::Speak { turn: answer.turn, clause, attempt: answer.voice, text });
        }
    }
}

/// Ten minutes of speech; no caller listens longer.
const MAX_ANSWER: usize = 8 * 1024;
/// More tools at once than any conversation needs.
const MAX_CALLS: usize = 16;
/// Turns in a row that the model fails before the call is given up.
const MAX_MODEL_FAILURES: u32 = 2;
/// A vendor's message is for a log line.
const MAX_MESSAGE: usize = 500;

const TOOL_TIMEOUT: &str = "The tool did not answer in time; whether it succeeded is not known.";
const TOOL_FAULT: &str = "The tool failed.";
const TOO_MANY_ROUNDS: &str = "Too many tool calls in one turn; answer with what is known.";
