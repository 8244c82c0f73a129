//! What is written down of a turn that is over.

use events::CallEvent;

use crate::answer::Answer;
use crate::call::Call;

impl Call {
    /// Keeps of a turn what the caller has heard, up to `bytes` of its audio: in the
    /// conversation, and for what the caller says next. Returns the words.
    pub(crate) fn keep_heard(&mut self, answer: &Answer, bytes: u64) -> String {
        let (said, heard) = (answer.spoken.said(), answer.spoken.heard(bytes).to_owned());
        let length = answer.spoken.heard_length(bytes);
        self.history.close(answer.turn, said, length);
        // A filler or an apology is not made with what an operator told the model.
        if answer.model_from.is_some_and(|from| length > from) || answer.keys.any() {
            self.knowledge.whispers_used(answer.turn);
        }
        self.note_heard(answer, &heard);
        heard
    }

    pub(crate) fn emit_finished(&mut self, answer: &mut Answer, heard: String, interrupted: bool) {
        self.emit(CallEvent::TurnFinished {
            turn: answer.turn.0,
            said: answer.spoken.said().trim().to_owned(),
            heard,
            interrupted,
            latency: answer.latency(self.playout.heard_since()),
        });
    }
}
