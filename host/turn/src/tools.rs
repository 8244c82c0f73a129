//! Tool runs: started by a turn, but not ended with it.

use std::time::Duration;

use serde_json::Value;

use crate::{CallTime, ToolCall, ToolPolicy, ToolResult, TurnId};

/// The pseudo tool by which a model ends the call. The core runs it itself.
pub const END_CALL: &str = "end_call";

/// The pseudo tool by which a model hands the caller over to the agent's `transfer_to`.
/// Its arguments are `{}`. The core runs it itself; it need not be offered to the model
/// where there is no such number.
pub const TRANSFER_CALL: &str = "transfer_call";

/// The pseudo tool by which a model presses keys. Its arguments are `{"keys": "1234#"}`,
/// up to 32 of `0` to `9`, `*`, `#` and `A` to `D`. The core runs it itself; it is to be
/// offered to the model only where [`CallContext::tones`](crate::CallContext::tones) is not
/// empty.
pub const PRESS_KEYS: &str = "press_keys";

/// The tool runs of a call that are not settled.
#[derive(Clone, Debug, Default)]
pub(crate) struct ToolRuns {
    runs: Vec<Run>,
}

#[derive(Clone, Debug)]
struct Run {
    turn: TurnId,
    call: ToolCall,
    started: CallTime,
    deadline: Option<CallTime>,
}

/// A run that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) turn: TurnId,
    pub(crate) call: ToolCall,
    pub(crate) duration: Duration,
    /// Whether it had been given up before.
    pub(crate) late: bool,
}

impl ToolRuns {
    /// Starts a run.
    pub(crate) fn start(&mut self, now: CallTime, turn: TurnId, call: ToolCall, limit: Duration) {
        self.runs.retain(|run| run.deadline.is_some() || now < run.started + FORGET_AFTER);
        self.runs.push(Run { turn, call, started: now, deadline: Some(now + limit) });
    }

    /// Whether the very same call is running, for whatever turn: a tool that acts
    /// must not act twice because the caller interrupted.
    pub(crate) fn is_running_same(&self, call: &ToolCall) -> bool {
        self.runs.iter().any(|run| is_same(&run.call, call))
    }

    /// The names of the tools that run for a turn.
    pub(crate) fn names_for(&self, turn: TurnId) -> impl Iterator<Item = &str> {
        let runs = self.runs.iter().filter(move |run| run.turn == turn && run.deadline.is_some());
        runs.map(|run| run.call.name.as_str())
    }

    /// Forgets the next run of a turn that may be stopped. Nothing of it is taken later.
    pub(crate) fn cancel(&mut self, now: CallTime, turn: TurnId, policies: &[ToolPolicy]) -> Option<Ended> {
        let stops =
            |name: &str| policies.iter().any(|policy| policy.name == name && policy.cancel_on_interruption);
        let at = self
            .runs
            .iter()
            .position(|run| run.turn == turn && run.deadline.is_some() && stops(&run.call.name))?;
        Some(self.runs.remove(at).ended(now))
    }

    /// Whether a call of a turn has this id.
    pub(crate) fn has(&self, turn: TurnId, id: &str) -> bool {
        self.runs.iter().any(|run| run.turn == turn && run.call.id == id)
    }

    /// How many run for a turn, those that were given up not counted.
    pub(crate) fn n_running_for(&self, turn: TurnId) -> usize {
        self.runs.iter().filter(|run| run.turn == turn && run.deadline.is_some()).count()
    }

    /// How many run.
    pub(crate) fn n_running(&self) -> usize {
        self.runs.iter().filter(|run| run.deadline.is_some()).count()
    }

    /// The earliest deadline.
    pub(crate) fn next_deadline(&self) -> Option<CallTime> {
        self.runs.iter().filter_map(|run| run.deadline).min()
    }

    /// Takes a result; `None` where no such run is known.
    pub(crate) fn finish(&mut self, now: CallTime, result: &ToolResult) -> Option<Ended> {
        let at = self.runs.iter().position(|run| run.turn == result.turn && run.call.id == result.id)?;
        let run = self.runs.remove(at);
        Some(run.ended(now))
    }

    /// Gives up the next run whose deadline has passed. Its result may still come.
    pub(crate) fn give_up(&mut self, now: CallTime) -> Option<Ended> {
        let run = self.runs.iter_mut().find(|run| run.deadline.is_some_and(|deadline| deadline <= now))?;
        let ended = run.clone().ended(now);
        run.deadline = None;
        Some(ended)
    }
}

impl Run {
    fn ended(self, now: CallTime) -> Ended {
        Ended {
            turn: self.turn,
            call: self.call,
            duration: now.saturating_sub(self.started),
            late: self.deadline.is_none(),
        }
    }
}

/// Whether two calls ask for the same. Models write the same arguments with other white
/// space and in another order.
pub(crate) fn is_same(one: &ToolCall, other: &ToolCall) -> bool {
    one.name == other.name
        && (one.arguments == other.arguments
            || arguments(&one.arguments)
                .is_some_and(|value| arguments(&other.arguments).is_some_and(|other| value == other)))
}

/// The arguments of a call, where they are an object. Some models write nothing at all
/// for a tool without any.
pub(crate) fn arguments(text: &str) -> Option<Value> {
    let text = if text.trim().is_empty() { "{}" } else { text };
    serde_json::from_str(text).ok().filter(Value::is_object)
}

/// A result that comes later than this is not worth its memory.
const FORGET_AFTER: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_ends_its_run_once() {
        let mut runs = ToolRuns::default();
        runs.start(secs(1), TurnId(1), call("a"), secs(12));
        let ended = runs.finish(secs(3), &result(1, "a")).unwrap();
        assert_eq!((ended.duration, ended.late), (secs(2), false));
        assert_eq!(runs.finish(secs(4), &result(1, "a")), None);
    }

    #[test]
    fn a_result_of_another_turn_is_a_stranger() {
        let mut runs = ToolRuns::default();
        runs.start(secs(1), TurnId(1), call("a"), secs(12));
        assert_eq!(runs.finish(secs(3), &result(2, "a")), None);
        assert_eq!(runs.n_running_for(TurnId(1)), 1);
    }

    #[test]
    fn a_run_that_was_given_up_can_still_end_late() {
        let mut runs = ToolRuns::default();
        runs.start(secs(1), TurnId(1), call("a"), secs(12));
        assert_eq!(runs.give_up(secs(12)), None);
        assert!(runs.give_up(secs(13)).is_some());
        assert_eq!(runs.give_up(secs(13)), None);
        assert_eq!((runs.n_running(), runs.next_deadline()), (0, None));
        assert!(runs.finish(secs(20), &result(1, "a")).unwrap().late);
    }

    #[test]
    fn the_same_arguments_are_the_same_call_however_they_are_written() {
        let with = |arguments: &str| ToolCall { arguments: arguments.into(), ..call("a") };
        let first = with(r#"{"day": "Monday", "at": 10}"#);
        assert!(is_same(&first, &with(r#"{"at":10,"day":"Monday"}"#)));
        assert!(!is_same(&first, &with(r#"{"at":11,"day":"Monday"}"#)));
        assert!(is_same(&with(""), &with(" {} ")));
        let other = ToolCall { name: "crm".into(), ..first.clone() };
        assert!(!is_same(&first, &other));
    }

    #[test]
    fn only_an_object_is_arguments() {
        for text in ["[1]", "1", "null", "{", "{} {}", "day=Monday"] {
            assert_eq!(arguments(text), None, "{text}");
        }
        assert!(arguments("").is_some() && arguments(r#"{"a":1}"#).is_some());
    }

    #[test]
    fn a_run_that_may_be_stopped_is_stopped_and_forgotten() {
        let policies = [policy("appointments", true), policy("booking", false)];
        let mut runs = ToolRuns::default();
        runs.start(secs(1), TurnId(1), call("a"), secs(12));
        runs.start(secs(1), TurnId(1), ToolCall { name: "booking".into(), ..call("b") }, secs(12));
        runs.start(secs(1), TurnId(2), call("c"), secs(12));
        assert_eq!(runs.cancel(secs(3), TurnId(1), &policies).map(|ended| ended.call.id), Some("a".into()));
        assert_eq!(runs.cancel(secs(3), TurnId(1), &policies), None);
        assert_eq!(runs.finish(secs(4), &result(1, "a")), None);
        assert_eq!(runs.names_for(TurnId(1)).collect::<Vec<_>>(), ["booking"]);
    }

    fn policy(name: &str, cancel_on_interruption: bool) -> ToolPolicy {
        ToolPolicy { name: name.into(), cancel_on_interruption, limit: None, filler: None }
    }

    fn call(id: &str) -> ToolCall {
        ToolCall { id: id.into(), name: "appointments".into(), arguments: "{}".into() }
    }

    fn result(turn: u32, id: &str) -> ToolResult {
        ToolResult { turn: TurnId(turn), id: id.into(), outcome: "success".into(), text: "ok".into() }
    }

    fn secs(n: u64) -> Duration {
        Duration::from_secs(n)
    }
}
