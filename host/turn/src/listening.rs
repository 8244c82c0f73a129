//! The caller's side: voice, words, keys, and when they make a turn.

use events::{CallEvent, EndReason};

use crate::answer::{Answer, Ledger, Model};
use crate::call::{AUDIO_IDLE, Call};
use crate::pace::FRAME;
use crate::state::State;
use crate::timers::Timer;
use crate::transcript::Patience;
use crate::vad::Edge;
use crate::{CallTime, CallerFrame, Output, SttInput};

impl Call {
    /// Runs for every frame of every call: no allocation here.
    pub(crate) fn on_caller_audio(&mut self, now: CallTime, frame: &CallerFrame) {
        let audible = self.playout.audible(now);
        let echo = self.echo.floor(now, frame.duration, frame.level, audible);
        let edge = self.vad.push(now, frame, echo);
        self.frames_come = true;
        self.timers.set(Timer::AudioIdle, now + AUDIO_IDLE);
        match edge {
            Some(Edge::Started) => self.on_voice(now),
            Some(Edge::Stopped) => self.on_voice_end(now),
            None => {}
        }
        self.watch_for_barge_in(now);
        self.watch_speculation();
    }

    pub(crate) fn on_audio_idle(&mut self, now: CallTime) {
        self.frames_come = false;
        if self.vad.force_stop().is_some() {
            self.on_voice_end(now);
        } else if self.state == State::EndpointPending {
            self.update_endpoint(now);
        }
    }

    pub(crate) fn on_stt(&mut self, now: CallTime, stt: SttInput) {
        if let SttInput::Failed { message } = stt {
            self.on_stt_failure(now, &message);
            return;
        }
        if matches!(self.state, State::Connecting | State::Closing) {
            return;
        }
        match stt {
            SttInput::Interim { text } => self.on_interim(now, &text),
            SttInput::Final { text, speech_final } => {
                self.n_stt_failures = 0;
                self.transcript.final_words(now, &text, speech_final);
                self.on_words(now, true);
            }
            SttInput::UtteranceEnd => {
                self.transcript.utterance_end(now);
                self.reconsider(now);
            }
            SttInput::EagerEndOfTurn { text } => {
                self.on_interim(now, &text);
                self.on_eager_end(now);
            }
            SttInput::TurnResumed => {
                self.on_turn_resumed();
                self.transcript.resumed(now);
                self.reconsider(now);
            }
            SttInput::EndOfTurn { text } => {
                self.n_stt_failures = 0;
                if !text.trim().is_empty() {
                    self.transcript.final_words(now, &text, true);
                }
                self.transcript.utterance_end(now);
                self.on_words(now, true);
            }
            // The voice is measured here, in media time; a second opinion from afar is late.
            SttInput::SpeechStarted | SttInput::Failed { .. } => {}
        }
    }

    fn on_interim(&mut self, now: CallTime, text: &str) {
        self.n_stt_failures = 0;
        if self.transcript.interim(now, text) {
            self.on_words(now, false);
        }
    }

    fn reconsider(&mut self, now: CallTime) {
        if self.state == State::EndpointPending {
            self.update_endpoint(now);
        }
    }

    /// Goes to where the caller is: speaking, just done, or silent.
    pub(crate) fn await_caller(&mut self, now: CallTime) {
        if self.vad.speaking() {
            self.set_state(State::UserSpeaking);
            self.timers.set_if_idle(Timer::CallerTurn, now + self.config.timers.caller_turn);
        } else if self.transcript.is_empty() {
            self.set_state(State::Listening);
            self.timers.set(Timer::Silence, self.silent_until().max(now));
            self.give_what_is_owed(now);
        } else {
            self.await_endpoint(now);
        }
    }

    pub(crate) fn on_endpoint(&mut self, now: CallTime) {
        if self.vad.audible() {
            // The caller may be beginning again; a few frames will tell.
            self.timers.set(Timer::Endpoint, now + FRAME);
        } else {
            self.decide_turn(now);
        }
    }

    pub(crate) fn decide_turn(&mut self, now: CallTime) {
        if self.agrees_to_wait() {
            self.transcript.drop_words(now);
        }
        if self.transcript.is_empty() {
            self.await_caller(now);
        } else {
            self.commit(now);
        }
    }

    /// Somebody who speaks for a minute, or a television: what was understood is
    /// answered, and the answer is not to be interrupted.
    pub(crate) fn on_endless_caller(&mut self, now: CallTime) {
        self.vad.force_stop();
        self.decide_turn(now);
        if let Some(answer) = &mut self.answer {
            answer.protected = true;
        }
    }

    fn on_voice(&mut self, now: CallTime) {
        self.screen_voice(now);
        if let Some(onset) = self.vad.speaking_since() {
            self.transcript.voice(onset);
        }
        if self.state == State::EndpointPending
            && let (Some(onset), Some(end)) = (self.vad.speaking_since(), self.spoke_until)
        {
            self.learned.voice_again(onset.saturating_sub(end), self.transcript.n_words());
        }
        if matches!(self.state, State::Listening | State::EndpointPending) {
            self.set_state(State::UserSpeaking);
            self.timers.set_if_idle(Timer::CallerTurn, now + self.config.timers.caller_turn);
        }
    }

    fn on_voice_end(&mut self, now: CallTime) {
        self.spoke_until = self.vad.end_of_speech();
        self.screen_voice(now);
        if matches!(self.state, State::Connecting | State::Closing) {
            return;
        }
        self.outputs.push_back(Output::FinalizeStt);
        match self.state {
            State::UserSpeaking => {
                self.await_endpoint(now);
                self.speculate_in_silence(now);
            }
            State::PausedForBargeIn => self.judge(now, false),
            _ => {}
        }
    }

    pub(crate) fn on_words(&mut self, now: CallTime, last: bool) {
        if self.screen_words(now, last) {
            return;
        }
        match self.state {
            State::Listening => {
                // Words without a voice: too quiet for us, or no audio comes in.
                if self.is_late_echo(now) {
                    self.transcript.forget();
                } else if !self.transcript.is_empty() {
                    self.await_endpoint(now);
                }
            }
            State::EndpointPending => self.update_endpoint(now),
            State::Greeting | State::Thinking | State::Speaking => self.on_words_over_answer(now, last),
            State::PausedForBargeIn => self.judge(now, false),
            State::Connecting | State::Screening | State::UserSpeaking | State::Closing | State::Finished => {
            }
        }
        let hearing = State::UserSpeaking == self.state || State::EndpointPending == self.state;
        if hearing && !self.transcript.is_empty() {
            self.silent_since = now;
            if self.learned.awaits_words() {
                self.learned.words(self.transcript.n_words());
            }
            let text = self.transcript.text();
            self.ask_context(&text, last);
            self.review_speculation(now, last);
        }
    }

    fn await_endpoint(&mut self, now: CallTime) {
        self.set_state(State::EndpointPending);
        self.timers.set(Timer::Watchdog, now + self.config.endpointing.watchdog);
        self.update_endpoint(now);
    }

    fn update_endpoint(&mut self, now: CallTime) {
        let end = self.end_of_speech(now);
        let at = self.transcript.commit_at(&self.patience(), end, self.frames_come);
        self.timers.set(Timer::Endpoint, at.unwrap_or_else(|| self.words_by(end)));
    }

    /// Until when a voice that ended at `end` may get words. Somebody whose turn it has been
    /// for long is not waited for again because of a noise.
    fn words_by(&self, end: CallTime) -> CallTime {
        let settings = &self.config.endpointing;
        (end + settings.max_wait).min(self.silent_until().max(end + settings.stt_wait))
    }

    /// When the caller has said nothing for so long that the agent says something.
    pub(crate) fn silent_until(&self) -> CallTime {
        self.silent_since + self.config.timers.silence
    }

    fn patience(&self) -> Patience<'_> {
        Patience { settings: &self.config.endpointing, asked: self.asked, complete: self.learned.wait() }
    }

    /// When the caller's words ended: by voice where it was heard, else by transcript.
    fn end_of_speech(&self, now: CallTime) -> CallTime {
        let recent = |at: &CallTime| now.saturating_sub(*at) <= self.config.endpointing.watchdog;
        self.spoke_until.filter(recent).unwrap_or(self.transcript.changed_at()).min(now)
    }

    fn commit(&mut self, now: CallTime) {
        if self.n_turns >= self.config.max_turns {
            self.say_goodbye(now, EndReason::MaxTurns);
            return;
        }
        let end_of_speech = self.end_of_speech(now);
        let end = end_of_speech.max(self.agent_spoke_until).min(now);
        let ready = self.transcript.ready_at(&self.patience(), end);
        self.learned.committed(now, end_of_speech);
        let text = self.transcript.commit(now);
        // Asked for under the number that the turn is about to have.
        self.ask_context(&text, true);
        let round = self.speculation.next_round();
        let begun = self.adopt_speculation(&text);
        let turn = self.take_turn();
        let mut answer = Answer::new(turn, self.pace);
        answer.reply = true;
        answer.model = Model::NotAsked;
        answer.round = round;
        answer.ledger = Some(Ledger::committed(end, ready, now));
        answer.voiced_before = self.vad.voiced();
        self.n_reprompts = 0;
        self.n_turns += 1;
        self.history.open(turn, text.clone());
        self.playout.begin(turn);
        self.answer = Some(answer);
        self.set_state(State::Thinking);
        self.emit(CallEvent::TurnCommitted { turn: turn.0, text });
        if let Some(begun) = begun {
            self.use_speculation(now, begun);
        } else if self.knowledge.awaits(turn) {
            self.timers.set(Timer::Context, now + self.config.timers.context);
        } else {
            self.ask_model(now);
        }
    }

    fn ask_context(&mut self, text: &str, certain: bool) {
        let turn = self.next_turn;
        if self.knowledge.asks_mood(turn, text, certain) {
            let trajectory = self.knowledge.trajectory();
            self.outputs.push_back(Output::AssessSentiment { turn, text: text.to_owned(), trajectory });
        }
        self.ask_memory(turn, text, certain);
    }
}
