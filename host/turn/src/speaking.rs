//! The agent's voice: from the synthesiser through the playout to the carrier.

use events::{CallEvent, EndReason, Stage};

use crate::call::Call;
use crate::closing::CLOSE_MARGIN;
use crate::playout::Transmit;
use crate::state::State;
use crate::timers::Timer;
use crate::{CallTime, Output, TtsInput, TurnId};

impl Call {
    pub(crate) fn on_tts(&mut self, now: CallTime, tts: TtsInput) {
        let Some(answer) = &mut self.answer else { return };
        let heard = self.playout.heard(now);
        match tts {
            // Some vendors end a context with it; it must not keep a turn waiting.
            TtsInput::Audio(audio) if audio.is_empty() => {}
            TtsInput::Audio(audio) => {
                // Behind a filler, words wait for it and not for us.
                let next = answer.owes_words() && self.playout.sent() == self.playout.received();
                if answer.stage() == Some(Stage::TtsFirstByte) && next {
                    answer.enter(now, Stage::HostOverhead);
                }
                self.playout.push(audio);
                self.await_speech(now);
            }
            TtsInput::Words(words) => answer.spoken.place(&words, heard),
            TtsInput::ClauseDone(clause) => {
                answer.spoken.done(clause, self.playout.received(), heard);
                self.playout.end_clause();
                self.press_waiting();
                self.await_speech(now);
            }
            TtsInput::Done => self.on_speech_done(now),
            TtsInput::Failed { message } => self.on_speech_failure(now, &message),
        }
    }

    /// All audio of the words so far has come.
    pub(crate) fn on_speech_done(&mut self, now: CallTime) {
        let Some(answer) = &mut self.answer else { return };
        if self.playout.received() == 0 && !answer.spoken.is_empty() {
            self.on_speech_failure(now, "no audio came for the words");
            return;
        }
        answer.spoken.all_done(self.playout.received(), self.playout.heard(now));
        self.playout.end_clause();
        self.press_waiting();
        self.timers.stop(Timer::Speech);
        if self.answer.as_ref().is_some_and(|answer| answer.speech_ended) {
            self.playout.end_turn();
        }
    }

    pub(crate) fn on_speech_silence(&mut self, now: CallTime) {
        let Some(answer) = &self.answer else { return };
        let received = self.playout.received();
        if answer.spoken.first_open().is_none() || answer.spoken.open_may_be_done(received) {
            // A synthesiser that does not say when it is done.
            self.on_speech_done(now);
        } else {
            self.on_speech_failure(now, "the synthesiser was silent for too long");
        }
    }

    /// Moves what can be moved: audio and marks out, and the turn on when all of it
    /// is played.
    pub(crate) fn pump(&mut self, now: CallTime) {
        if self.answer.is_none() {
            return;
        }
        while let Some(transmit) = self.playout.poll(now) {
            match transmit {
                Transmit::Audio(payload) => self.send(now, payload),
                Transmit::Mark(name) => self.outputs.push_back(Output::SendMark(name)),
            }
        }
        self.schedule_playout(now);
        if self.playout.held() || !self.playout.all_played() {
            return;
        }
        if self.playout.all_sent() {
            self.conclude(now);
        } else if self.state == State::Speaking {
            // All that there was is played; the model or a tool is at work.
            self.set_state(State::Thinking);
        }
    }

    fn send(&mut self, now: CallTime, payload: bytes::Bytes) {
        let Some(answer) = &mut self.answer else { return };
        while let Some(digits) = answer.keys.going_out(self.playout.sent()) {
            self.outputs.push_back(Output::Emit(CallEvent::DtmfSent { digits }));
        }
        for (clause, text) in answer.spoken.clauses_from(answer.n_logged) {
            answer.n_logged += 1;
            if text.is_empty() {
                // Given up before it was spoken.
                continue;
            }
            self.outputs.push_back(Output::Emit(CallEvent::SpeechQueued {
                turn: answer.turn.0,
                clause: clause.0,
                text: text.to_owned(),
            }));
        }
        if answer.words_are_in(self.playout.sent()) && answer.sent(now) {
            self.playout.words_begin(answer.words_at());
        }
        let played_from = self.playout.dry_at().saturating_sub(self.pace.time(payload.len() as u64));
        self.echo.played(played_from, &payload);
        self.outputs.push_back(Output::SendAudio { turn: answer.turn, payload });
        if self.state == State::Thinking {
            self.set_state(State::Speaking);
        }
    }

    /// The first audio of a turn is on the carrier's socket: its latency ends here.
    pub(crate) fn on_handed(&mut self, now: CallTime, turn: TurnId) {
        if let Some(answer) = self.answer.as_mut().filter(|answer| answer.turn == turn) {
            answer.handed(now);
        }
    }

    fn schedule_playout(&mut self, now: CallTime) {
        let wake = self.playout.wake_at();
        match wake {
            Some(at) => self.timers.set(Timer::Pace, at),
            None => self.timers.stop(Timer::Pace),
        }
        if wake.is_none() && self.playout.in_carrier() && !self.playout.all_played() {
            self.timers.set(Timer::Playback, self.playout.dry_at() + self.config.timers.playback);
        } else {
            self.timers.stop(Timer::Playback);
        }
        let leaving = self.answer.as_ref().is_some_and(|answer| answer.leave.is_some());
        if leaving && self.playout.all_sent() && !self.playout.held() {
            let limit = (self.playout.dry_at().max(now) + CLOSE_MARGIN).min(now + self.config.timers.close);
            self.timers.set_no_later(Timer::Close, limit);
            self.set_state(State::Closing);
        }
    }

    /// The turn was spoken to its end.
    fn conclude(&mut self, now: CallTime) {
        self.drop_words_of_ours(now);
        let Some(mut answer) = self.answer.take() else { return };
        self.stop_answer_timers();
        self.playout.assume_played();
        self.agent_spoke_until = now;
        self.silent_since = now;
        let heard = self.keep_heard(&answer, self.playout.received());
        self.emit_finished(&mut answer, heard, false);
        match answer.leave {
            Some(leave) => self.leave(now, leave),
            None if answer.reply && self.n_turns >= self.config.max_turns => {
                self.say_goodbye(now, EndReason::MaxTurns);
            }
            None => self.await_caller(now),
        }
    }

    /// Waits for audio as long as some is owed.
    fn await_speech(&mut self, now: CallTime) {
        let Some(answer) = &self.answer else { return };
        if answer.spoken.first_open().is_some() {
            self.timers.set(Timer::Speech, now + self.config.timers.speech);
        } else if answer.speech_ended {
            self.on_speech_done(now);
        } else {
            self.timers.stop(Timer::Speech);
        }
    }
}
