//! Pause, decide, resume: what happens when the caller speaks over the agent.

use std::time::Duration;

use events::{CallEvent, EndReason};

use crate::answer::{Leave, Model};
use crate::call::Call;
use crate::own_words::EVIDENT;
use crate::question;
use crate::state::State;
use crate::timers::Timer;
use crate::tools::{END_CALL, TRANSFER_CALL};
use crate::words::{Interjection, interjection, interjection_at_parting};
use crate::{CallTime, Output};

/// The agent holds its breath.
#[derive(Clone, Debug)]
pub(crate) struct Pause {
    /// What the agent was doing.
    from: State,
    /// The call's voiced time before the caller's interjection.
    voiced_before: Duration,
    /// When to judge first.
    decide_at: CallTime,
    /// Whether all of the agent's turn was on its way to the caller by then.
    all_sent: bool,
    /// With how much voice to judge next.
    judge_from: Duration,
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
                let voiced = self.interjected();
                if self.pause.as_ref().is_some_and(|pause| voiced >= pause.judge_from) {
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
        let evident = !self.frames_come || self.voiced_over_answer() >= EVIDENT;
        // The rest of the words that are being answered came late.
        let greets = self.state == State::Greeting;
        let unheard = !greets && !answer.protected && last && !self.playout.started();
        if self.words_are_ours(now) {
            self.transcript.forget();
            return;
        }
        let leaving = self.is_parting();
        let enough = match self.interjection() {
            Interjection::Nothing => return,
            // "Okay?" ends what the caller said, where it does not answer what they heard.
            Interjection::Backchannel if unheard && !leaving => true,
            Interjection::Backchannel => {
                if last && !self.asks(now) {
                    self.transcript.drop_words(now);
                }
                return;
            }
            Interjection::Deliberate => true,
            Interjection::Words(n) => last || n >= self.config.barge_in.min_words,
        };
        if unheard || (self.interruptible() && evident && enough) {
            self.interrupt(now);
        } else if self.interruptible() && evident {
            self.hold_breath(now);
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
                let voiced = self.interjected();
                let settings = &self.config.barge_in;
                if let Some(pause) = self.pause.as_mut().filter(|pause| voiced >= pause.judge_from) {
                    pause.judge_from = settings.confirm_after * PERSISTENT;
                }
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
        if let Some(onset) = self.vad.speaking_since() {
            self.learned.interrupted(onset);
            self.learned.words(self.transcript.n_words());
        }
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
        self.silence_carrier(now);
        self.outputs.push_back(Output::Cancel { turn: answer.turn });
        self.stop_answer_timers();
        let heard = self.keep_heard(&answer, self.playout.heard(now));
        self.interrupted = by_caller && !heard.is_empty();
        if started {
            self.agent_spoke_until = now;
            self.silent_since = now;
        }
        if by_caller && answer.leave.is_some() {
            self.history.undo(answer.turn, &[END_CALL, TRANSFER_CALL], NOT_LEFT);
        }
        if by_caller {
            self.emit(CallEvent::TurnInterrupted { turn: answer.turn.0, heard: heard.clone() });
        }
        self.emit_finished(&mut answer, heard, true);
        if by_caller {
            self.cancel_tools(now, answer.turn);
            self.owe(answer);
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
            all_sent: self.playout.all_sent(),
            voiced_before: self.vad.voiced().saturating_sub(self.vad.burst()),
            decide_at: now + self.config.barge_in.decide,
            judge_from: self.config.barge_in.confirm_after,
        };
        self.timers.set(Timer::Decide, pause.decide_at);
        self.timers.set(Timer::Resume, now + self.config.barge_in.resume);
        self.silence_carrier(now);
        if let Some(ledger) = self.answer.as_mut().and_then(|answer| answer.ledger.as_mut()) {
            ledger.hold(now);
        }
        self.set_state(State::PausedForBargeIn);
        self.pause = Some(pause);
        self.judge(now, false);
    }

    fn verdict(&self, now: CallTime, last: bool, decide_at: CallTime) -> Verdict {
        let settings = &self.config.barge_in;
        let leaving = self.is_parting();
        let words = match self.interjection() {
            // Our own words call for no more than an "uh huh" does.
            _ if self.words_are_ours(now) => Interjection::Backchannel,
            words => words,
        };
        let enough_voice = match words {
            // Whether somebody keeps the agent from leaving, their words must say.
            Interjection::Nothing | Interjection::Backchannel if leaving => Duration::MAX,
            // A long "mm-hmm, okay, right" is still one.
            Interjection::Backchannel => settings.confirm_after * PERSISTENT,
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
            if last && leaving && words == Interjection::Backchannel {
                return Verdict::Resume;
            }
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
        if self.words_are_ours(now) {
            self.transcript.forget();
        } else if self.pause.as_ref().is_some_and(|pause| pause.all_sent) && !self.transcript.is_empty() {
            // "Okay" to what the agent had as good as said.
            if let Some(answer) = &mut self.answer {
                answer.answered = true;
            }
        } else if !self.asks(now) {
            self.transcript.drop_words(now);
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

    /// What the caller's words over the agent's amount to.
    pub(crate) fn interjection(&self) -> Interjection {
        let text = self.transcript.text();
        if self.is_parting() { interjection_at_parting(&text) } else { interjection(&text) }
    }

    /// Whether the agent leaves somebody who knows: not one who may have gone long ago, whose
    /// least sound is wanted.
    fn is_parting(&self) -> bool {
        let leave = self.answer.as_ref().and_then(|answer| answer.leave.as_ref());
        leave.is_some_and(|leave| *leave != Leave::HangUp(EndReason::Silence))
    }

    /// The voiced time of the interjection.
    fn interjected(&self) -> Duration {
        let before = self.pause.as_ref().map_or(self.vad.voiced(), |pause| pause.voiced_before);
        self.vad.voiced().saturating_sub(before)
    }

    /// The voiced time since the turn that is spoken began.
    pub(crate) fn voiced_over_answer(&self) -> Duration {
        let before = self.answer.as_ref().map_or(self.vad.voiced(), |answer| answer.voiced_before);
        self.vad.voiced().saturating_sub(before)
    }

    /// Makes the carrier forget what it holds, and what came of it into the line.
    fn silence_carrier(&mut self, now: CallTime) {
        if self.playout.cut(now) {
            self.echo.cut(now);
            self.outputs.push_back(Output::Clear);
        }
    }

    /// Whether the agent is asking something to which "okay" is an answer.
    pub(crate) fn asks(&self, now: CallTime) -> bool {
        self.answer.as_ref().is_some_and(|answer| {
            let said = answer.spoken.said();
            let heard = answer.spoken.heard_length(self.playout.heard(now));
            let idle = answer.model == Model::Idle;
            let asked = question::closed(said) && heard > question::last_sentence(said);
            answer.answered || (idle && asked)
        })
    }
}

/// How much more voice it takes where the words say that it is no interruption.
const PERSISTENT: u32 = 2;

const NOT_LEFT: &str = "Not done: the caller spoke.";
