//! How a call ends: silence, a goodbye, a lost line.

use std::time::Duration;

use events::{CallEvent, EndReason};

use crate::answer::Leave;
use crate::call::Call;
use crate::state::State;
use crate::timers::{Timer, TimerTable};
use crate::{CallTime, OperatorCommand, Output};

/// How much longer than its audio a goodbye may take.
pub(crate) const CLOSE_MARGIN: Duration = Duration::from_secs(1);

impl Call {
    pub(crate) fn on_silence(&mut self, now: CallTime) {
        if self.n_reprompts > 0 {
            self.say_goodbye(now, EndReason::Silence);
            return;
        }
        self.n_reprompts += 1;
        let reprompt = self.config.reprompt.clone();
        if reprompt.trim().is_empty() {
            self.await_caller(now);
        } else {
            let turn = self.take_turn();
            self.begin_line(now, turn, &reprompt, State::Thinking, false);
        }
    }

    pub(crate) fn on_stt_failure(&mut self, now: CallTime, message: &str) {
        self.emit_failure("stt", message);
        self.transcript.stream_lost();
        self.n_stt_failures += 1;
        if self.n_stt_failures >= MAX_STT_FAILURES && self.state != State::Closing {
            let apology = self.config.apology.clone();
            self.close_with(now, &apology, EndReason::SttFailed);
        }
    }

    pub(crate) fn on_operator(&mut self, now: CallTime, command: OperatorCommand) {
        match command {
            OperatorCommand::Say(line) => {
                if line.trim().is_empty() || self.state == State::Closing {
                    return;
                }
                if self.state == State::Connecting {
                    self.opening = line;
                    return;
                }
                self.cut(now, false);
                let turn = self.take_turn();
                self.begin_line(now, turn, &line, State::Thinking, true);
            }
            OperatorCommand::Whisper(_) | OperatorCommand::Transfer { .. } => {}
            OperatorCommand::End { farewell, reason } => {
                self.close_with(now, farewell.as_deref().unwrap_or_default(), reason);
            }
        }
    }

    pub(crate) fn say_goodbye(&mut self, now: CallTime, reason: EndReason) {
        if self.state == State::Closing {
            return;
        }
        let farewell = self.config.farewell.clone();
        self.close_with(now, &farewell, reason);
    }

    pub(crate) fn disconnected(&mut self, now: CallTime, reason: EndReason) {
        self.emit(CallEvent::MediaDisconnected);
        self.finish(now, reason);
    }

    pub(crate) fn on_close(&mut self, now: CallTime) {
        let leave = self.answer.as_ref().and_then(|answer| answer.leave.clone());
        self.leave(now, leave.unwrap_or(Leave::HangUp(EndReason::PlatformError)));
    }

    /// Ends the call as it was to end.
    pub(crate) fn leave(&mut self, now: CallTime, leave: Leave) {
        match leave {
            Leave::HangUp(reason) => self.finish(now, reason),
            Leave::Transfer(to) => {
                self.emit(CallEvent::Transferred { to: to.clone() });
                self.finish_with(now, EndReason::Transferred, Output::Transfer { to });
            }
        }
    }

    /// Ends the call: an unfinished turn first, then the event, then the line.
    pub(crate) fn finish(&mut self, now: CallTime, reason: EndReason) {
        self.finish_with(now, reason, Output::Hangup { reason });
    }

    fn finish_with(&mut self, now: CallTime, reason: EndReason, last: Output) {
        if self.ended.is_some() {
            return;
        }
        self.ended = Some(reason);
        self.discard_speculation();
        if let Some(mut answer) = self.answer.take() {
            let heard_bytes = self.playout.heard(now);
            self.playout.cut(now);
            self.outputs.push_back(Output::Cancel { turn: answer.turn });
            let heard_length = answer.spoken.heard_length(heard_bytes);
            self.history.close(answer.turn, answer.spoken.said(), heard_length);
            let said = answer.spoken.said().trim().to_owned();
            let heard = answer.spoken.heard(heard_bytes).to_owned();
            let interrupted = said != heard;
            let latency = answer.latency();
            self.emit(CallEvent::TurnFinished { turn: answer.turn.0, said, heard, interrupted, latency });
        }
        self.emit(CallEvent::Ended { reason });
        self.outputs.push_back(last);
        self.set_state(State::Finished);
        self.timers = TimerTable::default();
    }

    /// Says the last words, if any, and ends the call with them.
    fn close_with(&mut self, now: CallTime, line: &str, reason: EndReason) {
        if line.trim().is_empty() || self.state == State::Connecting {
            self.finish(now, reason);
            return;
        }
        self.cut(now, false);
        let turn = self.take_turn();
        self.timers.set(Timer::Close, now + self.config.timers.close);
        self.begin_line(now, turn, line, State::Closing, true);
        if let Some(answer) = &mut self.answer {
            answer.leave = Some(Leave::HangUp(reason));
        }
    }
}

/// Streams to the recogniser that may be lost in a row, without a word between.
const MAX_STT_FAILURES: u32 = 3;
