//! What the call does about who answered it.

use std::time::Duration;

use events::{CallEvent, EndReason};

use crate::CallTime;
use crate::answer::Leave;
use crate::call::Call;
use crate::config::Direction;
use crate::own_words::EVIDENT;
use crate::screening::{Screen, Step, Who, is_hello};
use crate::state::State;
use crate::timers::Timer;

impl Call {
    /// A call that goes on after its socket was lost was answered long ago.
    pub(crate) fn is_to_be_screened(&self) -> bool {
        self.context.direction == Direction::Outbound
            && self.config.screening.enabled
            && self.first_turn.0 == 0
            && self.history.messages().is_empty()
    }

    pub(crate) fn begin_screening(&mut self, now: CallTime) {
        self.screen = Some(Screen::new(&self.config.screening, now));
        self.set_state(State::Screening);
        self.screen(now);
    }

    /// The voice began or ended. Runs between frames: nothing here allocates unless it is
    /// decided something.
    pub(crate) fn screen_voice(&mut self, now: CallTime) {
        let Some(screen) = &mut self.screen else { return };
        match (self.vad.speaking_since(), self.vad.end_of_speech()) {
            (Some(since), _) => screen.voice(since),
            (None, Some(end)) => screen.silence(end),
            (None, None) => {}
        }
        self.screen(now);
    }

    /// Words came. Returns whether they are dealt with.
    pub(crate) fn screen_words(&mut self, now: CallTime, last: bool) -> bool {
        let text = if self.screen.is_some() { self.transcript.text() } else { return false };
        let Some(screen) = &mut self.screen else { return false };
        if screen.is_over(now) {
            self.screen = None;
            return false;
        }
        screen.words(now, &text, last);
        self.screen(now);
        if self.is_finished() || self.state == State::Screening {
            return true;
        }
        self.keep_first_words(now, last)
    }

    /// Looks at what is known by now.
    pub(crate) fn screen(&mut self, now: CallTime) {
        if self.state == State::Closing {
            return;
        }
        let Some(screen) = &mut self.screen else { return };
        let was_watching = screen.is_watching();
        match screen.poll(now) {
            Some(Step::Decided(who, reason)) => {
                if !was_watching {
                    self.log_answered_by(who, reason);
                }
                self.go_on_with(now, who);
            }
            Some(Step::Speak) => self.leave_message(now),
            None => {}
        }
        if self.is_finished() {
            return;
        }
        if let Some(at) = self.screen.as_ref().and_then(|screen| screen.next_poll(now)) {
            self.timers.set(Timer::Screen, at);
        }
    }

    fn log_answered_by(&mut self, who: Who, reason: &str) {
        let who = match who {
            Who::Human => "human",
            Who::Voicemail => "voicemail",
            Who::Menu => "menu",
            Who::Unreachable | Who::Unknown => "unknown",
        };
        self.emit(CallEvent::AnsweredBy { who: who.to_owned(), reason: reason.to_owned() });
    }

    fn go_on_with(&mut self, now: CallTime, who: Who) {
        match who {
            Who::Human | Who::Unknown => self.greet_whoever_answered(now),
            Who::Menu => {
                // What it offers is the first turn, and there is nobody to greet.
                self.opening.clear();
                self.await_caller(now);
            }
            Who::Voicemail if !self.config.screening.voicemail_message.trim().is_empty() => {
                self.cut(now, false);
                self.transcript.drop_words(now);
                self.set_state(State::Screening);
            }
            Who::Voicemail | Who::Unreachable => self.finish(now, EndReason::VoicemailReached),
        }
    }

    fn leave_message(&mut self, now: CallTime) {
        self.screen = None;
        let message = self.config.screening.voicemail_message.clone();
        let length = u32::try_from(message.chars().count()).unwrap_or(u32::MAX);
        let limit = self.config.timers.close + SLOWEST_CHARACTER.saturating_mul(length);
        self.leave_with(now, &message, Leave::HangUp(EndReason::VoicemailReached), limit);
    }

    fn greet_whoever_answered(&mut self, now: CallTime) {
        if self.opening.trim().is_empty() {
            // Then their first words are the first turn.
            self.await_caller(now);
            return;
        }
        self.greet(now);
        self.keep_first_words(now, true);
    }

    /// The words with which the call was answered are no turn: the greeting answers them.
    /// A bare "hello" is forgotten; what says more ("Acme, this is Jane") is in the
    /// conversation before the greeting, for the model to know. Returns whether the words
    /// at hand are such.
    fn keep_first_words(&mut self, now: CallTime, last: bool) -> bool {
        let turn = self.first_turn;
        let greeting = self.answer.as_ref().filter(|answer| answer.turn == turn);
        // A voice since the greeting began is a voice over it.
        let is_first =
            greeting.is_some_and(|answer| self.vad.voiced().saturating_sub(answer.voiced_before) < EVIDENT);
        if !is_first || self.screen.is_none() {
            return false;
        }
        if last {
            let text = self.transcript.commit(now);
            if !is_hello(&text) {
                let is_known = self.history.has_words(turn);
                self.history.add_words(turn, &text);
                if !is_known {
                    self.emit(CallEvent::TurnCommitted { turn: turn.0, text });
                }
            }
        }
        true
    }
}

/// A voicemail's message is bounded by its length: ten characters a second are slow speech.
const SLOWEST_CHARACTER: Duration = Duration::from_millis(100);
