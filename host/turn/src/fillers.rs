//! A word to the caller who has waited for long enough.

use std::time::Duration;

use crate::CallTime;
use crate::answer::Model;
use crate::call::Call;
use crate::state::State;
use crate::timers::Timer;

impl Call {
    /// The caller waits from `now` on, if they do not already.
    pub(crate) fn await_filler(&mut self, now: CallTime) {
        if self.may_fill() {
            self.timers.set_if_idle(Timer::Filler, now + self.config.timers.filler);
        }
    }

    pub(crate) fn on_filler(&mut self, now: CallTime) {
        if !self.may_fill() {
            return;
        }
        if let Some(from) = self.waits_later(now) {
            self.timers.set(Timer::Filler, from + self.config.timers.filler.max(LEAST_WAIT));
            return;
        }
        let Some(line) = self.choose_filler() else { return };
        if let Some(answer) = &mut self.answer {
            answer.n_fillers += 1;
            answer.filled = true;
        }
        self.say_aside(now, &line);
    }

    /// Whether the turn is one in which the caller waits for an answer, and its present
    /// wait has had neither words nor a filler.
    fn may_fill(&self) -> bool {
        !self.config.timers.filler.is_zero()
            && self.answer.as_ref().is_some_and(|answer| {
                let works = matches!(answer.model, Model::Asked | Model::Resting)
                    || self.tools.n_running_for(answer.turn) > 0;
                let silent = !answer.round_spoke && answer.cutter.is_blank();
                let more = !answer.filled && answer.n_fillers < MAX_FILLERS;
                answer.reply && works && silent && more && !answer.speech_ended && answer.leave.is_none()
            })
    }

    /// From when on the caller waits, where that is not yet so: they speak themselves, or
    /// are still being spoken to.
    fn waits_later(&self, now: CallTime) -> Option<CallTime> {
        if self.state == State::PausedForBargeIn || self.vad.audible() {
            return Some(now);
        }
        let open = self.answer.as_ref().is_some_and(|answer| answer.spoken.first_open().is_some());
        (open || !self.playout.all_played()).then(|| self.playout.ends_at(now))
    }

    /// The line of a tool that runs, else the next of the agent's.
    fn choose_filler(&mut self) -> Option<String> {
        let turn = self.answer.as_ref()?.turn;
        let of_tool = self.tools.names_for(turn).find_map(|name| self.policy(name)?.filler.clone());
        if let Some(line) = of_tool.filter(|line| !line.trim().is_empty()) {
            return Some(line);
        }
        let fillers = &self.config.fillers;
        let line = fillers.get(self.n_fillers.checked_rem(fillers.len())?).cloned();
        self.n_fillers = self.n_fillers.wrapping_add(1);
        line.filter(|line| !line.trim().is_empty())
    }
}

/// A turn with more would be all fillers.
const MAX_FILLERS: u32 = 2;
/// How soon to look again whether the caller waits, whatever the setting.
const LEAST_WAIT: Duration = Duration::from_millis(100);
