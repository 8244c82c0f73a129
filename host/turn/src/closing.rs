//! How a call ends: silence, a goodbye, a lost line.

use std::time::Duration;

use events::{CallEvent, EndReason};

use crate::answer::Leave;
use crate::call::Call;
use crate::pace::FRAME;
use crate::state::State;
use crate::timers::{Timer, TimerTable};
use crate::{CallTime, OperatorCommand, Output};

/// How much longer than its audio a goodbye may take.
pub(crate) const CLOSE_MARGIN: Duration = Duration::from_secs(1);

impl Call {
    pub(crate) fn on_silence(&mut self, now: CallTime) {
        if self.vad.audible() {
            // The caller may be beginning at last; a few frames will tell.
            self.timers.set(Timer::Silence, now + FRAME);
            return;
        }
        self.silent_since = now;
        self.n_reprompts += 1;
        if self.n_reprompts > 1 {
            self.say_goodbye_to_nobody(now);
            return;
        }
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
        self.transcript.stream_lost(now);
        let lasted = self.stt_failed_at.map_or(Duration::MAX, |at| now.saturating_sub(at));
        self.n_stt_failures = if lasted >= STT_WORKED { 1 } else { self.n_stt_failures + 1 };
        self.stt_failed_at = Some(now);
        if self.n_stt_failures >= MAX_STT_FAILURES && self.state != State::Closing {
            let apology = self.config.apology.clone();
            self.close_with(now, &apology, EndReason::SttFailed);
        }
    }

    pub(crate) fn on_operator(&mut self, now: CallTime, command: OperatorCommand) {
        match command {
            OperatorCommand::Say(line) => {
                if line.trim().is_empty() || self.is_leaving() {
                    return;
                }
                if self.state == State::Connecting {
                    self.opening = line;
                    return;
                }
                let owed = self.owed_behind_a_line(now);
                self.cut(now, false);
                let turn = self.take_turn();
                self.begin_line(now, turn, &line, State::Thinking, true);
                self.owed = owed;
            }
            OperatorCommand::Whisper(text) => self.on_whisper(&text),
            OperatorCommand::Transfer { to, line } => self.on_operators_transfer(now, to, line),
            // The last words are on their way and bounded: a second order must neither begin
            // them again nor keep the caller from a human.
            OperatorCommand::End { .. } if self.state == State::Closing => {}
            OperatorCommand::End { farewell, reason } => {
                self.close_with(now, farewell.as_deref().unwrap_or_default(), reason);
            }
        }
    }

    /// Whether the call is left with the words that are being made or spoken.
    pub(crate) fn is_leaving(&self) -> bool {
        self.state == State::Closing || self.answer.as_ref().is_some_and(|answer| answer.leave.is_some())
    }

    pub(crate) fn say_goodbye(&mut self, now: CallTime, reason: EndReason) {
        if self.state == State::Closing {
            return;
        }
        let farewell = self.config.farewell.clone();
        self.close_with(now, &farewell, reason);
    }

    /// Says goodbye to somebody who may be there after all: who answers it keeps the call. A
    /// noise does that once, until there are words again.
    fn say_goodbye_to_nobody(&mut self, now: CallTime) {
        let farewell = self.config.farewell.clone();
        if self.n_reprompts > MAX_REPROMPTS {
            self.close_with(now, &farewell, EndReason::Silence);
        } else {
            let leave = Leave::HangUp(EndReason::Silence);
            self.part(now, &farewell, leave, self.config.timers.close, State::Thinking);
        }
    }

    pub(crate) fn disconnected(&mut self, now: CallTime, reason: EndReason) {
        self.emit(CallEvent::MediaDisconnected);
        self.finish(now, reason);
    }

    pub(crate) fn on_close(&mut self, now: CallTime) {
        let leave = self.answer.as_mut().and_then(|answer| answer.leave.take());
        self.leave(now, leave.unwrap_or(Leave::HangUp(EndReason::PlatformError)));
    }

    /// Ends the call.
    pub(crate) fn finish(&mut self, now: CallTime, reason: EndReason) {
        self.leave(now, Leave::HangUp(reason));
    }

    /// Leaves the call: an unfinished turn first, then the events, then the line.
    pub(crate) fn leave(&mut self, now: CallTime, leave: Leave) {
        if self.ended.is_some() {
            return;
        }
        self.discard_speculation();
        if let Some(mut answer) = self.answer.take() {
            let heard = self.playout.heard(now);
            self.playout.cut(now);
            self.outputs.push_back(Output::Cancel { turn: answer.turn });
            let heard = self.keep_heard(&answer, heard);
            let interrupted = answer.spoken.said().trim() != heard;
            self.emit_finished(&mut answer, heard, interrupted);
        }
        let (reason, last) = match leave {
            Leave::HangUp(reason) => (reason, Output::Hangup { reason }),
            Leave::Transfer(to) => {
                self.emit(CallEvent::Transferred { to: to.clone() });
                (EndReason::Transferred, Output::Transfer { to })
            }
        };
        self.ended = Some(reason);
        self.emit(CallEvent::Ended { reason });
        self.outputs.push_back(last);
        self.set_state(State::Finished);
        self.timers = TimerTable::default();
    }

    /// Says the last words, if any, and ends the call with them.
    fn close_with(&mut self, now: CallTime, line: &str, reason: EndReason) {
        self.leave_with(now, line, Leave::HangUp(reason), self.config.timers.close);
    }

    /// Says the last words, if any, for at most `limit`, and leaves the call with them. The
    /// caller cannot stop them.
    pub(crate) fn leave_with(&mut self, now: CallTime, line: &str, leave: Leave, limit: Duration) {
        self.part(now, line, leave, limit, State::Closing);
    }

    fn part(&mut self, now: CallTime, line: &str, leave: Leave, limit: Duration, state: State) {
        if line.trim().is_empty() || self.state == State::Connecting {
            self.leave(now, leave);
            return;
        }
        self.cut(now, false);
        let turn = self.take_turn();
        self.timers.set(Timer::Close, now + limit);
        self.begin_line(now, turn, line, state, state == State::Closing);
        if let Some(answer) = &mut self.answer {
            answer.leave = Some(leave);
        }
    }
}

/// A stream to the recogniser that lasted for so long has worked, though nobody spoke.
const STT_WORKED: Duration = Duration::from_secs(10);
/// Streams to the recogniser that may be lost in a row, without a word between.
const MAX_STT_FAILURES: u32 = 3;
/// The reprompt and the goodbye that a noise may stop.
const MAX_REPROMPTS: u32 = 2;
