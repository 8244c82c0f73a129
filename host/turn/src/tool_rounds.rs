//! Tools within a turn: which calls are run, and what becomes of their results.

use std::time::Duration;

use events::{CallEvent, Stage};

use crate::answer::Model;
use crate::call::Call;
use crate::history::STILL_RUNNING;
use crate::timers::Timer;
use crate::tools::{arguments, is_same};
use crate::{CallTime, Output, ToolCall, ToolPolicy, ToolResult, TurnId};

impl Call {
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

    /// Stops the tools of a turn that the caller cut, those that only read: nobody waits
    /// for them. The others go on, for what they do is done once.
    pub(crate) fn cancel_tools(&mut self, now: CallTime, turn: TurnId) {
        while let Some(ended) = self.tools.cancel(now, turn, &self.context.tools) {
            self.outputs.push_back(Output::CancelTool { turn, id: ended.call.id.clone() });
            self.settle_tool(turn, &ended.call, "cancelled", TOOL_CANCELLED, ended.duration);
        }
        self.watch_tools();
    }

    pub(crate) fn policy(&self, name: &str) -> Option<&ToolPolicy> {
        self.context.tools.iter().find(|policy| policy.name == name)
    }

    pub(crate) fn run_tools(&mut self, now: CallTime, calls: Vec<ToolCall>) {
        let Some(answer) = &mut self.answer else { return };
        let turn = answer.turn;
        let end = answer.spoken.said().len();
        let said = std::mem::replace(&mut answer.recorded_to, end)..end;
        self.history.asked(turn, answer.spoken.said(), said, calls.clone());
        answer.n_tool_rounds += 1;
        answer.filled = false;
        answer.enter(now, Stage::Tools);
        for call in calls {
            self.emit(CallEvent::ToolCalled {
                turn: turn.0,
                id: call.id.clone(),
                name: call.name.clone(),
                arguments: call.arguments.clone(),
            });
            self.run_tool(now, turn, call);
        }
        self.watch_tools();
        let last = self.answer.as_ref().filter(|answer| answer.n_tool_rounds > self.config.max_tool_rounds);
        if last.is_some_and(|answer| answer.leave.is_none()) {
            self.apologise(now);
        } else {
            self.await_filler(now);
            self.go_on_after_tools(now, turn);
        }
    }

    fn run_tool(&mut self, now: CallTime, turn: TurnId, mut call: ToolCall) {
        if let Some((outcome, text)) = self.leave_by_tool(&call) {
            self.settle_tool(turn, &call, outcome, text, Duration::ZERO);
            return;
        }
        if self.answer.as_ref().is_some_and(|answer| answer.n_tool_rounds > self.config.max_tool_rounds) {
            self.settle_tool(turn, &call, "refused", TOO_MANY_ROUNDS, Duration::ZERO);
            return;
        }
        if let Some((outcome, text)) = self.press_by_tool(&call) {
            self.settle_tool(turn, &call, outcome, text, Duration::ZERO);
            return;
        }
        if let Some(why) = self.refusal(&call) {
            self.settle_tool(turn, &call, "refused", &why, Duration::ZERO);
            return;
        }
        if call.arguments.trim().is_empty() {
            call.arguments = "{}".into();
        }
        if let Some(answer) = &mut self.answer {
            answer.called.push(call.clone());
        }
        let limit = self.policy(&call.name).and_then(|policy| policy.limit);
        self.tools.start(now, turn, call.clone(), limit.unwrap_or(self.config.timers.tool));
        self.outputs.push_back(Output::CallTool { turn, call });
    }

    /// Why a call is not run, in words for the model.
    fn refusal(&self, call: &ToolCall) -> Option<String> {
        let answer = self.answer.as_ref()?;
        if !self.context.tools.is_empty() && self.policy(&call.name).is_none() {
            let names: Vec<&str> = self.context.tools.iter().map(|policy| policy.name.as_str()).collect();
            return Some(format!("There is no tool of this name; there are: {}.", names.join(", ")));
        }
        if arguments(&call.arguments).is_none() {
            return Some(NO_ARGUMENTS.into());
        }
        if self.tools.is_running_same(call) {
            return Some(STILL_RUNNING.into());
        }
        answer.called.iter().any(|other| is_same(other, call)).then(|| CALLED_BEFORE.into())
    }

    /// Asks the model again when the last tool of its round has ended. A result for a
    /// turn that is over is in the history, and the next turn's model sees it; that turn is
    /// the agent's where the caller cut the one that asked and said nothing.
    fn go_on_after_tools(&mut self, now: CallTime, turn: TurnId) {
        self.watch_tools();
        let Some(answer) = self.answer.as_mut().filter(|answer| answer.turn == turn) else {
            self.give_what_is_owed(now);
            return;
        };
        if answer.model != Model::Idle || answer.speech_ended || self.tools.n_running_for(turn) > 0 {
            return;
        }
        if answer.leave.is_some() {
            self.end_answer(now);
            return;
        }
        answer.next_round();
        self.ask_model(now);
    }

    fn settle_tool(&mut self, turn: TurnId, call: &ToolCall, outcome: &str, text: &str, duration: Duration) {
        // What broke inside a tool is for its owner's log, not for the model.
        let text = if outcome == "fault" { TOOL_FAULT } else { text };
        // An answer that was begun on a chance was told that the tool still runs, and might
        // run it again.
        self.discard_speculation();
        self.history.result(turn, &call.id, text);
        self.emit(CallEvent::ToolFinished {
            turn: turn.0,
            id: call.id.clone(),
            name: call.name.clone(),
            outcome: outcome.to_owned(),
            text: text.to_owned(),
            duration_ms: u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
            // What a tool leaves for the tenant does not come through the core.
            data: None,
        });
    }

    fn watch_tools(&mut self) {
        match self.tools.next_deadline() {
            Some(deadline) => self.timers.set(Timer::Tool, deadline),
            None => self.timers.stop(Timer::Tool),
        }
    }
}

const TOOL_TIMEOUT: &str = "The tool did not answer in time; whether it succeeded is not known.";
const TOOL_FAULT: &str = "The tool failed.";
const TOOL_CANCELLED: &str = "The caller interrupted, and the tool was stopped; it has no result.";
const TOO_MANY_ROUNDS: &str = "Too many tool calls in one turn; answer with what is known.";
const NO_ARGUMENTS: &str = "The arguments are not a JSON object; nothing was done.";
const CALLED_BEFORE: &str = "The same call was made before in this turn; its result stands.";
