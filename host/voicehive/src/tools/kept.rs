//! Answers of pure tools, given again without a run.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use store::TenantId;

use super::answer::Answer;
use super::lru::{Lru, Room};

/// How long an answer is given again: `voicehive:tool` says so of the effect `pure`.
const KEPT_FOR: Duration = Duration::from_hours(1);

/// How much is kept, over all tenants: an hour of the busiest tools, and no more than a few calls need besides.
const ROOM: Room = Room { entries: 8192, weight: 16 << 20 };

/// What an answer takes up beside its texts and those of its question, in bytes.
const OVERHEAD: usize = 256;

/// What a pure tool was asked. Its answer depends on nothing else.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Question {
    /// Who asks: no tenant gets what another's call has left.
    pub tenant: TenantId,
    /// The version that is asked, by the digest of its bytes.
    pub digest: Arc<str>,
    /// The arguments as canonical JSON.
    pub arguments: String,
}

/// Answers that need not be asked for again.
#[derive(Debug)]
pub struct KeptAnswers {
    answers: Mutex<Lru<Question, (Duration, Answer)>>,
}

impl Default for KeptAnswers {
    fn default() -> Self {
        Self::with_room(ROOM)
    }
}

impl KeptAnswers {
    fn with_room(room: Room) -> Self {
        Self { answers: Mutex::new(Lru::new(room)) }
    }

    /// The answer to a question, if it was given within the last hour. `now` is any time that only grows.
    pub fn get(&self, question: &Question, now: Duration) -> Option<Answer> {
        let mut answers = self.lock();
        let (given, answer) = answers.get(question)?;
        if now.saturating_sub(*given) < KEPT_FOR {
            return Some(answer.clone());
        }
        answers.remove(question);
        None
    }

    /// Keeps an answer that was given at `now`.
    pub fn keep(&self, question: Question, answer: Answer, now: Duration) {
        let weight = OVERHEAD + 2 * question.arguments.len() + answer.bytes();
        self.lock().put(question, (now, answer), weight);
    }

    fn lock(&self) -> MutexGuard<'_, Lru<Question, (Duration, Answer)>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_given_again_for_an_hour() {
        let kept = KeptAnswers::default();
        kept.keep(question("default", "a", "{}"), answer("42"), secs(10));
        assert_eq!(kept.get(&question("default", "a", "{}"), secs(10)), Some(answer("42")));
        assert_eq!(kept.get(&question("default", "a", "{}"), secs(3609)), Some(answer("42")));
        assert_eq!(kept.get(&question("default", "a", "{}"), secs(3610)), None);
        // It is not the last use that counts, and what is too old is forgotten.
        assert_eq!(kept.get(&question("default", "a", "{}"), secs(10)), None);
    }

    #[test]
    fn another_tenant_version_or_argument_is_another_question() {
        let kept = KeptAnswers::default();
        kept.keep(question("default", "a", r#"{"n":1}"#), answer("42"), secs(0));
        for other in [
            question("other", "a", r#"{"n":1}"#),
            question("default", "b", r#"{"n":1}"#),
            question("default", "a", r#"{"n":2}"#),
        ] {
            assert_eq!(kept.get(&other, secs(1)), None, "{other:?}");
        }
    }

    #[test]
    fn large_answers_push_older_ones_out() {
        let kept = KeptAnswers::with_room(Room { entries: 100, weight: 3 * (OVERHEAD + 4 + 1000) });
        for number in 0..4 {
            kept.keep(
                question("default", &number.to_string(), "{}"),
                answer(&"x".repeat(1000)),
                secs(number),
            );
        }
        let found = (0..4)
            .filter(|number| kept.get(&question("default", &number.to_string(), "{}"), secs(5)).is_some());
        assert_eq!(found.collect::<Vec<u64>>(), [1, 2, 3]);
    }

    fn question(tenant: &str, digest: &str, arguments: &str) -> Question {
        Question { tenant: tenant.parse().unwrap(), digest: digest.into(), arguments: arguments.into() }
    }

    fn answer(content: &str) -> Answer {
        Answer { content: content.into(), ..Answer::default() }
    }

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }
}
