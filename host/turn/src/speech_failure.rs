//! The voice fails: another one, then a line that is at hand, then none.

use events::EndReason;

use crate::answer::Model;
use crate::call::Call;
use crate::retries::attempts;
use crate::timers::Timer;
use crate::{Attempt, CallTime, Output};

impl Call {
    /// The next voice says what the caller will not have heard. Where there is none,
    /// the call cannot go on.
    pub(crate) fn on_speech_failure(&mut self, now: CallTime, message: &str) {
        self.emit_failure("tts", message);
        self.timers.stop(Timer::Speech);
        let Some(answer) = &mut self.answer else { return };
        let next = Attempt(answer.voice.0.saturating_add(1));
        if next.0 >= attempts(self.context.voices) {
            self.on_voice_lost(now);
            return;
        }
        answer.voice = next;
        self.playout.truncate(answer.spoken.open_from());
        let (sent, heard) = (self.playout.received(), self.playout.heard(now));
        let Some(first) = answer.spoken.broke_off(sent, heard) else {
            self.on_speech_done(now);
            return;
        };
        // The keys behind the clauses that are done come before the next voice.
        self.press_waiting();
        let sent = self.playout.received();
        let Some(answer) = &mut self.answer else { return };
        answer.spoken.restart_open(sent, heard);
        let turn = answer.turn;
        for (clause, text) in answer.spoken.clauses_from(first) {
            let (attempt, text) = (answer.voice, text.to_owned());
            self.outputs.push_back(Output::Speak { turn, clause, attempt, text });
        }
        if answer.speech_ended {
            self.outputs.push_back(Output::SpeechEnd { turn });
        }
        self.timers.set(Timer::Speech, now + self.config.timers.speech);
    }

    /// No voice is left: the caller hears the apology, or the farewell, if it is at hand
    /// as audio, and the call ends.
    fn on_voice_lost(&mut self, now: CallTime) {
        let all_came = self.answer.as_ref().is_some_and(|answer| {
            answer.speech_ended && answer.spoken.first_open().is_none() && self.playout.received() > 0
        });
        if all_came {
            self.on_speech_done(now);
            return;
        }
        let leave = self.last_resort(EndReason::TtsFailed);
        self.timers.stop_all(&[Timer::Model, Timer::Retry, Timer::Filler, Timer::Context]);
        let Some(answer) = &mut self.answer else { return };
        answer.leave.get_or_insert(leave);
        answer.model = Model::Idle;
        answer.cutter.clear();
        answer.speech_ended = true;
        self.outputs.push_back(Output::Cancel { turn: answer.turn });
        self.playout.truncate(answer.spoken.open_from());
        answer.spoken.give_up_open(self.playout.received(), self.playout.heard(now));
        answer.begin_words(now);
        let seam = answer.seam();
        let lines = [self.config.apology.clone(), self.config.farewell.clone()];
        let _said = lines.iter().any(|line| self.play_line(now, line, seam, ""));
        self.playout.end_turn();
    }
}
