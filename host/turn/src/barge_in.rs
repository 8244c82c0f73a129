//! Pause, decide, resume: what happens when the caller speaks over the agent.

use events::CallEvent;

use crate::answer::Model;
use crate::call::Call;
use crate::state::State;
use crate::timers::Timer;
use crate::words::{Interjection, interjection};
use crate::{CallTime, Output};

/// The agent holds its breath.
#[derive(Clone, Debug)]
pub(crate) struct Pause {
    /// What the agent was doing.
    from: State,
    /// The call's voiced time before the caller's interjection.
    voiced_before: std::time::Duration,
    /// When to judge first.
    decide_at: CallTime,
}

enum Verdict {
    Interrupt,
    Resume,
    Wait,
}

impl Call {
    /// Whether the caller's voice can stop the agent's.
    pub(crate) fn interruptible(&self) -> bool {
        let speaking = matches!(
            self.state,
            State::Greeting | State::Thinking | State::Speaking | State::PausedForBargeIn
        );
        speaking
            && self.config.barge_in.enabled
            && self.answer.as_ref().is_some_and(|answer| !answer.protected)
    }

    /// Looks at the voice after each frame.
    pub(crate) fn watch_for_barge_in(&mut self, now: CallTime) {
        if !self.interruptible() {
            return;
        }
        match self.state {
            State::PausedForBargeIn => {
                if self.interjected() >= self.config.barge_in.confirm_after {
                    self.judge(now, false);
                }
            }
            _ => {
                if self.vad.burst() >= self.config.barge_in.pause_after {
                    self.hold_breath(now);
                }
            }
        }
    }

    /// Words arrive while the agent speaks and no voice has stopped it.
    pub(crate) fn on_words_over_answer(&mut self, now: CallTime, last: bool) {
        let Some(answer) = &self.answer else { return };
        let voiced = self.vad.voiced().saturating_sub(answer.voiced_before);
        let evident = !self.frames_come || voiced >= EVIDENT;
        // The rest of the words that are being answered came late.
        let unheard = answer.reply && !answer.protected && last && !self.playout.started();
        let enough = match interjection(&self.transcript.text()) {
            Interjection::Nothing => return,
            Interjection::Backchannel => {
                if last && !self.asks() {
                    self.transcript.drop_words();
                }
                return;
            }
            Interjection::Deliberate => true,
            Interjection::Words(n) => last || n >= self.config.barge_in.min_words,
        };
        if unheard || (self.interruptible() && evident && enough) {
            self.interrupt(now);
        }
    }

    /// Decides about a pause. At the `last` judgement something is decided.
    pub(crate) fn judge(&mut self, now: CallTime, last: bool) {
        let Some(pause) = &self.pause else { return };
        let decide_at = pause.decide_at;
        match self.verdict(now, last, decide_at) {
            Verdict::Interrupt => self.interrupt(now),
            Verdict::Resume => self.resume(now),
            Verdict::Wait => {
                if !self.vad.speaking() {
                    let words_by = self.spoke_until.unwrap_or(now) + self.config.endpointing.stt_wait;
                    let at = decide_at.max(words_by);
                    if at > now {
                        self.timers.set(Timer::Decide, at);
                    }
                }
            }
        }
    }

    /// The caller takes over: nothing of the turn may be heard from here on.
    pub(crate) fn interrupt(&mut self, now: CallTime) {
        self.cut(now, true);
        self.await_caller(now);
    }

    /// Ends the turn before its end. The order matters: the turn is gone before its
    /// marks are, its marks before the carrier is cleared, and only then is anything
    /// told to others.
    pub(crate) fn cut(&mut self, now: CallTime, by_caller: bool) {
        self.discard_speculation();
        let Some(mut answer) = self.answer.take() else { return };
        let started = self.playout.started();
        if self.playout.cut(now) {
            self.outputs.push_back(Output::Clear);
        }
        self.outputs.push_back(Output::Cancel { turn: answer.turn });
        self.stop_answer_timers();
        let heard_bytes = self.playout.heard(now);
        let heard_length = answer.spoken.heard_length(heard_bytes);
        self.history.close(answer.turn, answer.spoken.said(), heard_length);
        let heard = answer.spoken.heard(heard_bytes).to_owned();
        if !heard.is_empty() {
            self.knowledge.whispers_used(answer.turn);
        }
        self.interrupted = by_caller && !heard.is_empty();
        if started {
            self.agent_spoke_until = now;
        }
        if by_caller {
            self.emit(CallEvent::TurnInterrupted { turn: answer.turn.0, heard: heard.clone() });
        }
        self.emit(CallEvent::TurnFinished {
            turn: answer.turn.0,
            said: answer.spoken.said().trim().to_owned(),
            heard,
            interrupted: true,
            latency: answer.latency(self.playout.heard_since()),
        });
        if by_caller {
            self.cancel_tools(now, answer.turn);
        }
    }

    fn hold_breath(&mut self, now: CallTime) {
        if self.playout.all_sent() && self.playout.heard(now) >= self.playout.received() {
            // All of it was heard: this is no interruption, it is the caller's turn.
            self.playout.assume_played();
            return;
        }
        let pause = Pause {
            from: self.state,
            voiced_before: self.vad.voiced().saturating_sub(self.vad.burst()),
            decide_at: now + self.config.barge_in.decide,
        };
        self.timers.set(Timer::Decide, pause.decide_at);
        self.timers.set(Timer::Resume, now + self.config.barge_in.resume);
        if self.playout.cut(now) {
            self.outputs.push_back(Output::Clear);
        }
        if let Some(ledger) = self.answer.as_mut().and_then(|answer| answer.ledger.as_mut()) {
            ledger.hold(now);
        }
        self.set_state(State::PausedForBargeIn);
        self.pause = Some(pause);
        self.judge(now, false);
    }

    fn verdict(&self, now: CallTime, last: bool, decide_at: CallTime) -> Verdict {
        let settings = &self.config.barge_in;
        let words = interjection(&self.transcript.text());
        let enough_voice = match words {
            // A long "mm-hmm, okay, right" is still one.
            Interjection::Backchannel => settings.confirm_after * 2,
            _ => settings.confirm_after,
        };
        let enough_words = match words {
            Interjection::Nothing | Interjection::Backchannel => false,
            Interjection::Deliberate => true,
            Interjection::Words(n) => n >= settings.min_words || self.transcript.has_finals(),
        };
        if enough_words || self.interjected() >= enough_voice {
            return Verdict::Interrupt;
        }
        if self.vad.speaking() {
            return if last { Verdict::Interrupt } else { Verdict::Wait };
        }
        let words_by = self.spoke_until.unwrap_or(now) + self.config.endpointing.stt_wait;
        match words {
            Interjection::Words(_) if last => Verdict::Interrupt,
            Interjection::Words(_) => Verdict::Wait,
            _ if last || now >= decide_at.max(words_by) => Verdict::Resume,
            _ => Verdict::Wait,
        }
    }

    fn resume(&mut self, now: CallTime) {
        let from = self.pause.as_ref().map_or(State::Thinking, |pause| pause.from);
        if !self.asks() {
            self.transcript.drop_words();
        }
        let heard = self.playout.heard(now);
        if let Some(answer) = &mut self.answer {
            self.playout.resume(answer.spoken.first_unheard(heard));
            if let Some(ledger) = &mut answer.ledger {
                ledger.release(now);
            }
        }
        // The first audio makes it Speaking again.
        self.set_state(if from == State::Greeting { State::Greeting } else { State::Thinking });
    }

    /// The voiced time of the interjection.
    fn interjected(&self) -> std::time::Duration {
        let before = self.pause.as_ref().map_or(self.vad.voiced(), |pause| pause.voiced_before);
        self.vad.voiced().saturating_sub(before)
    }

    /// Whether the agent's words end in a question, to which "okay" is an answer.
    fn asks(&self) -> bool {
        self.answer.as_ref().is_some_and(|answer| {
            answer.model == Model::Idle && answer.spoken.said().trim_end().ends_with('?')
        })
    }
}

/// Voice that makes words over the agent credible: without any they are late words,
/// or the agent's own.
pub(crate) const EVIDENT: std::time::Duration = std::time::Duration::from_millis(80);
