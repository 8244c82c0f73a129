//! What to do next about an order to place a call: a decision without I/O, clock or chance.
//!
//! ```text
//!             Place           taken                    Step
//!  Queued ───────────► asked ──────────────────────► Placed
//!    ▲  │ too late            refused
//!    │  └──► Failed ◄──────────────────────┤
//!    │ Again                  certainly not done (at most four times)
//!    ├─────────────────────────────────────┤
//!    │                        nobody knows │
//!    │  not there                          ▼         found, or named by a webhook
//!    └────────────── look up, or ask ── Uncertain ──────────────────────────────► Placed
//!                    by the same name
//! ```
//!
//! A carrier that knows requests by their name ([`Rules::is_idempotent`]) is asked again by the same name as long as it
//! remembers; one that does not is asked which calls there are. What died in the middle (`Placing`, with nobody at it) is
//! treated as what was asked and not answered. Only what certainly placed nothing is begun anew.

use std::time::Duration;

use call_state::{EndReason, Ids};
use store::{Order, OrderState, Timestamp};

use crate::backoff::Backoff;
use crate::hours::InvalidHours;
use crate::{Fault, Refusal};

/// What holds for a carrier's orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Whether the carrier ignores a request of the same name as one before.
    pub is_idempotent: bool,
    /// For how long it surely does. Default 50 s: Telnyx documents 60 s, and a request takes up to 10 s.
    pub remembers: Duration,
    /// How long after an attempt a call that it placed is sure to be in the carrier's list. Default 15 s.
    pub listed_after: Duration,
    /// How long after an attempt it is given up to find out. Default 10 min.
    pub give_up_after: Duration,
    /// How many times a call is attempted. Default 4.
    pub attempts: u32,
    /// The pauses between attempts. Default 2 s, doubled up to 60 s.
    pub backoff: Backoff,
}

impl Rules {
    /// The rules for Telnyx, which knows requests by their `command_id`.
    #[must_use]
    pub fn telnyx() -> Self {
        Self { is_idempotent: true, ..Self::twilio() }
    }

    /// The rules for Twilio, which lists calls.
    #[must_use]
    pub fn twilio() -> Self {
        Self {
            is_idempotent: false,
            remembers: Duration::from_secs(50),
            listed_after: Duration::from_secs(15),
            give_up_after: Duration::from_secs(600),
            attempts: 4,
            backoff: Backoff { first: Duration::from_secs(2), most: Duration::from_secs(60) },
        }
    }
}

/// What is known that was not known before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The order is due. It may be placed from then on: `None` where no hour of the coming weeks permits it.
    Due {
        /// The first permitted moment, from now or from the order's begin on.
        open_from: Result<Option<Timestamp>, InvalidHours>,
    },
    /// The carrier placed the call, and calls it so.
    Placed(Ids),
    /// It did not say that it did.
    Faulty {
        /// What it said.
        fault: Fault,
        /// Whether this was the first request of the attempt. Otherwise an earlier one may have placed the call.
        is_first: bool,
    },
    /// The call was looked for and is there.
    Found(Ids),
    /// The call was looked for and is not there.
    Absent {
        /// What the carrier said when it was asked again by the same name.
        refused: Option<Refusal>,
    },
    /// It could not be looked for.
    NotLooked,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing: the order is settled.
    Leave,
    /// Ask the carrier, as soon as the attempt is written down.
    Place,
    /// Ask the carrier by the name of the attempt.
    PlaceAgain,
    /// Look for the call.
    LookUp {
        /// To be handed on to [`Outcome::Absent`].
        refused: Option<Refusal>,
    },
    /// Write down that it is placed.
    Placed(Ids),
    /// Write down that it is due later, and was not attempted.
    Postpone {
        /// When.
        at: Timestamp,
    },
    /// Write down that nothing was placed, and begin anew later.
    Again {
        /// When.
        at: Timestamp,
        /// Why.
        why: String,
    },
    /// Write down that it may be placed, and find out later.
    Uncertain {
        /// When.
        at: Timestamp,
        /// Why.
        why: String,
    },
    /// Write down that it will not be placed.
    Fail {
        /// How its call ends.
        reason: EndReason,
        /// Why.
        why: String,
    },
}

/// What to do next about `order`, as it stands in the store. `share`, from 0 up to 1, is a random number.
#[must_use]
pub fn next(order: &Order, outcome: Outcome, rules: &Rules, now: Timestamp, share: f64) -> Step {
    let decision = Decision { order, rules, now, share };
    match outcome {
        Outcome::Due { open_from } => decision.due(open_from),
        Outcome::Placed(ids) | Outcome::Found(ids) => Step::Placed(ids),
        Outcome::Faulty { fault, is_first: true } => decision.after_first(fault),
        Outcome::Faulty { fault, is_first: false } => decision.after_another(fault),
        Outcome::Absent { refused } => decision.absent(refused),
        Outcome::NotLooked => decision.not_looked(),
    }
}

struct Decision<'a> {
    order: &'a Order,
    rules: &'a Rules,
    now: Timestamp,
    share: f64,
}

impl Decision<'_> {
    fn due(&self, open_from: Result<Option<Timestamp>, InvalidHours>) -> Step {
        match self.order.state {
            OrderState::Queued => self.queued(open_from),
            OrderState::Placing | OrderState::Uncertain => self.uncertain(open_from),
            OrderState::Placed | OrderState::Failed | OrderState::Cancelled => Step::Leave,
        }
    }

    fn queued(&self, open_from: Result<Option<Timestamp>, InvalidHours>) -> Step {
        if self.order.not_after < self.now {
            return expired("it is too late");
        }
        match open_from {
            Err(invalid) => Step::Fail { reason: EndReason::PlatformError, why: invalid.to_string() },
            Ok(Some(at)) if at <= self.now => Step::Place,
            Ok(Some(at)) if at <= self.order.not_after => Step::Postpone { at },
            Ok(_) => expired("the calling hours do not permit it in time"),
        }
    }

    fn uncertain(&self, open_from: Result<Option<Timestamp>, InvalidHours>) -> Step {
        let Some(elapsed) = self.elapsed() else { return unknown() };
        if self.rules.is_idempotent {
            // What is asked for again may be placed only now, so it must still be permitted.
            let is_open = open_from.is_ok_and(|from| from.is_some_and(|from| from <= self.now));
            let may_ask = is_open && self.now <= self.order.not_after && self.order.attempt_id.is_some();
            if may_ask && elapsed < self.rules.remembers {
                return Step::PlaceAgain;
            }
        } else if elapsed < self.rules.listed_after {
            return self.look_later("it was asked for and not answered");
        }
        Step::LookUp { refused: None }
    }

    fn after_first(&self, fault: Fault) -> Step {
        match fault {
            Fault::Refused { refusal } => refused(&refusal),
            Fault::NotDone { cause, retry_after } => self.again(retry_after, &cause),
            Fault::Unknown { cause } if self.rules.is_idempotent => {
                Step::Uncertain { at: self.ask_again_at(None), why: cause.to_string() }
            }
            Fault::Unknown { cause } => self.look_later(&cause.to_string()),
        }
    }

    /// Whatever is said now of a request by the same name, the first one may have been carried out.
    fn after_another(&self, fault: Fault) -> Step {
        match fault {
            Fault::Refused { refusal } => Step::LookUp { refused: Some(refusal) },
            Fault::NotDone { cause, retry_after } => {
                Step::Uncertain { at: self.ask_again_at(retry_after), why: cause.to_string() }
            }
            Fault::Unknown { cause } => {
                Step::Uncertain { at: self.ask_again_at(None), why: cause.to_string() }
            }
        }
    }

    fn absent(&self, refused_before: Option<Refusal>) -> Step {
        match refused_before {
            Some(refusal) => refused(&refusal),
            // Such a carrier's list holds calls that go on. One that began and ended meanwhile is not in it, so that
            // the call is not there does not show that it never was.
            None if self.rules.is_idempotent => unknown(),
            None => self.again(None, &"it was asked for, not answered and not placed"),
        }
    }

    fn not_looked(&self) -> Step {
        let Some(elapsed) = self.elapsed().filter(|elapsed| *elapsed < self.rules.give_up_after) else {
            return unknown();
        };
        let pause = (elapsed / 2).clamp(MIN_LOOK, MAX_LOOK);
        let at = self.now.plus(pause.mul_f64(0.5 + self.share / 2.0));
        Step::Uncertain { at, why: "it could not be looked for".to_owned() }
    }

    fn again(&self, retry_after: Option<Duration>, why: &dyn std::fmt::Display) -> Step {
        let why = why.to_string();
        let pause = self.rules.backoff.pause(self.order.attempts, self.share);
        let at = self.now.plus(pause.max(retry_after.unwrap_or_default()));
        if self.rules.attempts <= self.order.attempts || self.order.not_after < at {
            return Step::Fail { reason: EndReason::CarrierUnavailable, why };
        }
        Step::Again { at, why }
    }

    /// When to look for a call of which nobody knows: not before it must be listed, nor at once after a request that
    /// lasted long.
    fn look_later(&self, why: &str) -> Step {
        let listed = self.order.attempted_at.unwrap_or(self.now).plus(self.rules.listed_after);
        let rested = match self.order.state {
            OrderState::Placing => self.now.plus(MIN_LOOK),
            _ => self.now,
        };
        Step::Uncertain { at: listed.max(rested), why: why.to_owned() }
    }

    fn ask_again_at(&self, retry_after: Option<Duration>) -> Timestamp {
        let pause = ASK_AGAIN.mul_f64(1.0 + self.share);
        self.now.plus(pause.max(retry_after.unwrap_or_default()))
    }

    /// How long ago the attempt was. A clock that was set back makes it recent, which means more waiting and no second
    /// call.
    fn elapsed(&self) -> Option<Duration> {
        let elapsed = self.now.0.saturating_sub(self.order.attempted_at?.0);
        Some(Duration::from_millis(u64::try_from(elapsed).unwrap_or_default()))
    }
}

fn refused(refusal: &Refusal) -> Step {
    Step::Fail { reason: refusal.reason, why: refusal.to_string() }
}

fn expired(why: &str) -> Step {
    Step::Fail { reason: EndReason::RegistrationExpired, why: why.to_owned() }
}

/// Who does not know whether a call was placed does not place another.
fn unknown() -> Step {
    let why = "nobody knows whether it was placed".to_owned();
    Step::Fail { reason: EndReason::CarrierUnavailable, why }
}

/// The shortest pause before the same request is sent again: Telnyx's advice for commands that were not answered.
const ASK_AGAIN: Duration = Duration::from_millis(500);
const MIN_LOOK: Duration = Duration::from_secs(5);
const MAX_LOOK: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests;
