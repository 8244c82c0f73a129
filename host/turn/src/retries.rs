//! The model fails: another vendor, the same one again, or an apology.

use std::time::Duration;

use crate::answer::{Leave, Model};
use crate::call::Call;
use crate::timers::Timer;
use crate::{Attempt, CallTime, TurnId};
use events::EndReason;

impl Call {
    /// Asks the next vendor, or the same one after a pause, as long as the caller has
    /// heard nothing of this answer. One that broke off is not asked to go on: no model
    /// is sure to continue what another began, most begin again.
    pub(crate) fn on_model_failure(&mut self, now: CallTime, message: &str) {
        self.timers.stop(Timer::Model);
        self.emit_failure("llm", message);
        let Some(answer) = &mut self.answer else { return };
        answer.calls.clear();
        answer.cutter.clear();
        let next = Attempt(answer.attempt.0.saturating_add(1));
        if answer.round_spoke || next.0 >= attempts(self.context.models) {
            answer.model = Model::Idle;
            self.n_model_failures += 1;
            self.apologise(now);
            return;
        }
        answer.attempt = next;
        answer.round.0 = answer.round.0.saturating_add(1);
        let Some(again) = next.0.checked_sub(self.context.models.max(1)) else {
            self.ask_model(now);
            return;
        };
        answer.model = Model::Resting;
        let pause = pause(self.config.timers.retry, again, seed(&self.context.call, answer.turn, next));
        self.timers.set(Timer::Retry, now + pause);
    }

    /// Says that no answer could be made, and leaves where that was not the first time.
    pub(crate) fn apologise(&mut self, now: CallTime) {
        if self.n_model_failures >= MAX_MODEL_FAILURES {
            let leave = self.last_resort(EndReason::LlmFailed);
            if let Some(answer) = &mut self.answer {
                answer.leave = Some(leave);
            }
        }
        let apology = self.config.apology.clone();
        self.say(now, &apology);
        self.end_speech(now);
    }

    /// How a call ends that the agent cannot go on with: with a human, if there is one.
    pub(crate) fn last_resort(&self, reason: EndReason) -> Leave {
        match &self.config.transfer_to {
            Some(to) => Leave::Transfer(to.clone()),
            None => Leave::HangUp(reason),
        }
    }
}

/// How many times a request is made that `vendors` can answer.
pub(crate) fn attempts(vendors: u32) -> u32 {
    vendors.max(2)
}

/// The pause before the same vendor is asked for the `again`-th time, from 0. Calls that
/// failed together must not come back together.
fn pause(base: Duration, again: u32, seed: u64) -> Duration {
    let doubled = base.saturating_mul(1 << again.min(MAX_DOUBLINGS));
    // From 750 to 1250 of a thousand.
    let spread = 750 + u32::try_from(seed % 501).unwrap_or(250);
    doubled.saturating_mul(spread) / 1000
}

/// FNV-1a: the same for the same request, and another for any other.
fn seed(call: &str, turn: TurnId, attempt: Attempt) -> u64 {
    let numbers = turn.0.to_le_bytes().into_iter().chain(attempt.0.to_le_bytes());
    call.bytes().chain(numbers).fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Turns in a row that the model fails before the call is given up.
const MAX_MODEL_FAILURES: u32 = 2;
/// 64 times the first pause.
const MAX_DOUBLINGS: u32 = 6;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_pause_doubles_and_is_spread_by_a_quarter() {
        for n in 0..200 {
            let seed = seed(&format!("call-{n}"), TurnId(n), Attempt(1));
            for (again, doubled) in [(0, 200), (1, 400), (3, 1600)] {
                let pause = pause(Duration::from_millis(200), again, seed).as_millis();
                assert!((doubled * 3 / 4..=doubled * 5 / 4).contains(&pause), "{pause} for {doubled}");
            }
        }
    }

    #[test]
    fn calls_that_fail_together_come_back_apart() {
        let pauses: BTreeSet<Duration> = (0..100)
            .map(|n| pause(Duration::from_millis(200), 0, seed(&format!("call-{n}"), TurnId(1), Attempt(1))))
            .collect();
        assert!(pauses.len() > 50, "{}", pauses.len());
    }

    #[test]
    fn the_same_request_always_waits_as_long() {
        let seed = |call| seed(call, TurnId(3), Attempt(1));
        assert_eq!(seed("call"), seed("call"));
        assert_ne!(seed("call"), seed("call2"));
    }

    #[test]
    fn a_single_vendor_is_asked_twice_and_of_several_each_once() {
        assert_eq!([0, 1, 2, 3].map(attempts), [2, 2, 2, 3]);
    }
}
