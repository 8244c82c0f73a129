//! The call goes to somebody else: the caller is handed over, or an operator has a word
//! with the agent.

use events::{CallEvent, EndReason};

use crate::answer::Leave;
use crate::call::Call;
use crate::config::is_e164;
use crate::state::State;
use crate::tools::{END_CALL, TRANSFER_CALL};
use crate::{CallTime, ToolCall};

impl Call {
    /// Hands the caller over once `line`, if any, is said. Whatever the agent was saying is
    /// cut, and the caller cannot stop the line: somebody else waits for them.
    pub(crate) fn hand_over(&mut self, now: CallTime, to: String, line: &str) {
        self.leave_with(now, line, Leave::Transfer(to), self.config.timers.close);
    }

    /// A number that is none is refused without effect: no carrier would take it, and the
    /// caller is better off with the agent. So is a second transfer behind the last words.
    pub(crate) fn on_operators_transfer(&mut self, now: CallTime, to: String, line: Option<String>) {
        let leave = self.answer.as_ref().and_then(|answer| answer.leave.as_ref());
        let again = self.state == State::Closing && matches!(leave, Some(Leave::Transfer(_)));
        if is_e164(&to) && !again {
            self.hand_over(now, to, line.as_deref().unwrap_or_default());
        }
    }

    /// An answer to a turn that has been asked for stays as it is: it is better late than
    /// anew. One that was begun on a chance is made with what the operator says.
    pub(crate) fn on_whisper(&mut self, text: &str) {
        if let Some(text) = self.knowledge.whisper(text) {
            self.discard_speculation();
            self.emit(CallEvent::Whispered { text });
        }
    }

    /// Runs a pseudo tool by which the model leaves the call when its words are spoken.
    /// Returns its outcome and result, `None` where `call` is another tool. Of a transfer
    /// and a hang-up in one answer, the caller is to have the transfer.
    pub(crate) fn leave_by_tool(&mut self, call: &ToolCall) -> Option<(&'static str, &'static str)> {
        let answer = self.answer.as_mut()?;
        match call.name.as_str() {
            END_CALL => {
                answer.leave.get_or_insert(Leave::HangUp(EndReason::AgentHangup));
                Some(("success", DONE))
            }
            TRANSFER_CALL => match &self.config.transfer_to {
                Some(to) => {
                    answer.leave = Some(Leave::Transfer(to.clone()));
                    Some(("success", DONE))
                }
                None => Some(("failure", NOBODY)),
            },
            _ => None,
        }
    }
}

pub(crate) const DONE: &str = "ok";
const NOBODY: &str = "There is nobody to hand over to.";
