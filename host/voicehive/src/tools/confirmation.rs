//! What waits for the caller's word before a tool does it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use store::{CallId, TenantId};
use turn::TurnId;

use super::lru::{Lru, Room};

/// How many questions may wait in one phone call: more than a caller keeps in mind.
const WAITING: usize = 16;

/// How many phone calls are remembered; live ones are used, and so are not forgotten.
const CALLS: usize = 4096;

/// What a tool wants to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// The version, by the digest of its bytes: another one's question is another question.
    pub digest: Arc<str>,
    /// The arguments as canonical JSON.
    pub arguments: String,
}

/// The questions of one phone call.
///
/// A question is answered when the caller has spoken since the tool asked it, in a later turn; what was said is for the model
/// to judge. A turn that was already under way when a late tool asked does not count.
#[derive(Clone, Debug, Default)]
pub struct Confirmations {
    shared: Arc<Mutex<Questions>>,
}

#[derive(Debug, Default)]
struct Questions {
    waiting: VecDeque<Asked>,
    /// The last turn that the caller began.
    spoken: TurnId,
}

/// A question that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    wish: Wish,
    turn: TurnId,
    /// The caller's last turn when it was asked.
    spoken: TurnId,
}

impl Confirmations {
    /// The caller has begun `turn`.
    pub fn caller_spoke(&self, turn: TurnId) {
        let mut questions = self.lock();
        questions.spoken = questions.spoken.max(turn);
    }

    /// A run for `turn` wants its wish confirmed. Asking again begins anew.
    pub fn ask(&self, wish: Wish, turn: TurnId) {
        let mut questions = self.lock();
        let spoken = questions.spoken;
        questions.put(Asked { wish, turn, spoken });
    }

    /// Takes the answer to an earlier question about `wish`, for a run of `turn`. There is one answer to a question.
    pub fn take(&self, wish: &Wish, turn: TurnId) -> Option<Asked> {
        let mut questions = self.lock();
        let spoken = questions.spoken;
        let answered = |asked: &Asked| asked.wish == *wish && asked.turn < turn && asked.spoken < spoken;
        let at = questions.waiting.iter().position(answered)?;
        questions.waiting.remove(at)
    }

    /// Gives an answer back that was taken for a run that did not begin.
    pub fn give_back(&self, asked: Asked) {
        self.lock().put(asked);
    }

    fn lock(&self) -> MutexGuard<'_, Questions> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Questions {
    fn put(&mut self, asked: Asked) {
        self.waiting.retain(|other| other.wish != asked.wish);
        if self.waiting.len() >= WAITING {
            self.waiting.pop_front();
        }
        self.waiting.push_back(asked);
    }
}

/// The questions of all phone calls, so that one whose socket is lost, or that another platform holds, keeps its own.
#[derive(Debug)]
pub struct ConfirmationsOfCalls {
    calls: Mutex<Lru<(TenantId, CallId), Confirmations>>,
}

impl Default for ConfirmationsOfCalls {
    fn default() -> Self {
        Self { calls: Mutex::new(Lru::new(Room { entries: CALLS, weight: usize::MAX })) }
    }
}

impl ConfirmationsOfCalls {
    /// Those of one phone call.
    pub fn of(&self, tenant: &TenantId, call: &CallId) -> Confirmations {
        let key = (tenant.clone(), call.clone());
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = calls.get(&key) {
            return known.clone();
        }
        let new = Confirmations::default();
        calls.put(key, new.clone(), 1);
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_is_confirmed_once_the_caller_has_spoken_in_a_later_turn() {
        let call = Confirmations::default();
        call.caller_spoke(TurnId(3));
        call.ask(wish("a", "{}"), TurnId(3));
        assert_eq!(call.take(&wish("a", "{}"), TurnId(3)), None, "the caller was not asked yet");
        assert_eq!(call.take(&wish("a", "{}"), TurnId(4)), None, "a turn of the agent's own");
        call.caller_spoke(TurnId(5));
        assert!(call.take(&wish("a", "{}"), TurnId(5)).is_some());
        assert_eq!(call.take(&wish("a", "{}"), TurnId(6)), None, "one answer to a question");
    }

    #[test]
    fn words_that_came_before_the_question_do_not_answer_it() {
        let call = Confirmations::default();
        call.caller_spoke(TurnId(3));
        // The caller interrupts while the tool of turn 3 runs, and then it asks.
        call.caller_spoke(TurnId(4));
        call.ask(wish("a", "{}"), TurnId(3));
        assert_eq!(call.take(&wish("a", "{}"), TurnId(4)), None);
        call.caller_spoke(TurnId(5));
        assert!(call.take(&wish("a", "{}"), TurnId(5)).is_some());
    }

    #[test]
    fn other_arguments_or_another_version_were_not_asked_about() {
        let call = Confirmations::default();
        call.ask(wish("a", r#"{"n":1}"#), TurnId(1));
        call.caller_spoke(TurnId(2));
        assert_eq!(call.take(&wish("a", r#"{"n":2}"#), TurnId(2)), None);
        assert_eq!(call.take(&wish("b", r#"{"n":1}"#), TurnId(2)), None);
        assert!(call.take(&wish("a", r#"{"n":1}"#), TurnId(2)).is_some());
    }

    #[test]
    fn a_question_that_is_asked_again_waits_again() {
        let call = Confirmations::default();
        call.ask(wish("a", "{}"), TurnId(1));
        call.caller_spoke(TurnId(2));
        call.ask(wish("a", "{}"), TurnId(2));
        assert_eq!(call.take(&wish("a", "{}"), TurnId(2)), None);
        call.caller_spoke(TurnId(3));
        assert!(call.take(&wish("a", "{}"), TurnId(3)).is_some());
        assert_eq!(call.take(&wish("a", "{}"), TurnId(3)), None);
    }

    #[test]
    fn an_answer_that_was_given_back_is_still_one() {
        let call = Confirmations::default();
        call.ask(wish("a", "{}"), TurnId(1));
        call.caller_spoke(TurnId(2));
        let taken = call.take(&wish("a", "{}"), TurnId(2)).unwrap();
        call.give_back(taken);
        assert!(call.take(&wish("a", "{}"), TurnId(2)).is_some());
    }

    #[test]
    fn only_the_last_questions_wait() {
        let call = Confirmations::default();
        for number in 0..=WAITING {
            call.ask(wish("a", &number.to_string()), TurnId(1));
        }
        call.caller_spoke(TurnId(2));
        assert_eq!(call.take(&wish("a", "0"), TurnId(2)), None);
        let left =
            (1..=WAITING).filter(|number| call.take(&wish("a", &number.to_string()), TurnId(2)).is_some());
        assert_eq!(left.count(), WAITING);
    }

    #[test]
    fn the_questions_of_a_call_are_its_own_and_outlive_its_socket() {
        let calls = ConfirmationsOfCalls::default();
        let of = |tenant: &str, call: &str| calls.of(&tenant.parse().unwrap(), &call.parse().unwrap());
        of("default", "one").ask(wish("a", "{}"), TurnId(1));
        for (tenant, call, confirmed) in
            [("default", "two", false), ("other", "one", false), ("default", "one", true)]
        {
            of(tenant, call).caller_spoke(TurnId(2));
            assert_eq!(
                of(tenant, call).take(&wish("a", "{}"), TurnId(2)).is_some(),
                confirmed,
                "{tenant} {call}"
            );
        }
    }

    fn wish(digest: &str, arguments: &str) -> Wish {
        Wish { digest: digest.into(), arguments: arguments.into() }
    }
}
