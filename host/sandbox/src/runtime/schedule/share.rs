//! One tenant's share of the processors.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Grant, MAX_DEBT, QUANTUM, Ticket};
use crate::runtime::budget::Budget;
use crate::runtime::limits::RuntimeLimits;

/// What a slot costs at least, so that the turn of a tenant whose runs use next to nothing ends as well.
const LEAST: Duration = Duration::from_micros(100);

/// A run that has not begun.
pub(super) struct Queued<J> {
    pub(super) ticket: Ticket,
    pub(super) order: u64,
    pub(super) job: J,
    pub(super) deadline: Duration,
}

/// What one tenant has used and what of it waits.
pub(super) struct Share<J> {
    pub(super) queued: VecDeque<Queued<J>>,
    /// Started runs that want a slot back, with their place in the order of arrival.
    pub(super) resuming: VecDeque<(Ticket, u64)>,
    /// Runs that hold a thread.
    pub(super) started: usize,
    pub(super) in_ring: bool,
    pub(super) budget: Budget,
    /// Runs that hold a slot.
    slots: u32,
    /// Nanoseconds that may be used before the turn passes on.
    balance: i64,
}

impl<J> Default for Share<J> {
    fn default() -> Self {
        Self {
            queued: VecDeque::new(),
            resuming: VecDeque::new(),
            started: 0,
            in_ring: false,
            budget: Budget::default(),
            slots: 0,
            balance: nanos(QUANTUM),
        }
    }
}

impl<J> Share<J> {
    /// Whether something of it could use a slot.
    pub(super) fn has_claim(&self, limits: &RuntimeLimits, free_threads: usize) -> bool {
        !self.resuming.is_empty() || self.may_start(limits, free_threads)
    }

    /// A tenant may hold as many threads as are left free. Tenants who together hold on to all they get
    /// leave some to those who come later: a hundredth tenant can still begin a run.
    fn may_start(&self, limits: &RuntimeLimits, free_threads: usize) -> bool {
        !self.queued.is_empty() && self.started < limits.running_per_tenant.min(free_threads)
    }

    /// The run that has waited longest of those that may go on.
    pub(super) fn take(&mut self, limits: &RuntimeLimits, free_threads: usize) -> Option<Grant<J>> {
        let resuming = self.resuming.front().map(|(_, order)| *order);
        let queued = self.queued.front().map(|queued| queued.order);
        let start = self.may_start(limits, free_threads) && resuming.is_none_or(|order| queued < Some(order));
        if start {
            return self.queued.pop_front().map(|queued| Grant::Start(queued.ticket, queued.job));
        }
        self.resuming.pop_front().map(|(ticket, _)| Grant::Resume(ticket))
    }

    pub(super) fn withdraw(&mut self, ticket: Ticket) -> Option<J> {
        let at = self.queued.iter().position(|queued| queued.ticket == ticket)?;
        self.queued.remove(at).map(|queued| queued.job)
    }

    /// Whether its turn may go on, with a quantum held back for each slot that it has.
    pub(super) fn has_credit(&self) -> bool {
        self.balance > nanos(QUANTUM.saturating_mul(self.slots))
    }

    pub(super) fn add_credit(&mut self) {
        self.balance = self.balance.saturating_add(nanos(QUANTUM));
    }

    pub(super) fn take_slot(&mut self) {
        self.slots = self.slots.saturating_add(1);
    }

    /// A slot comes back that was used for `used`.
    pub(super) fn give_slot_back(&mut self, used: Duration) {
        self.slots = self.slots.saturating_sub(1);
        self.balance = self.balance.saturating_sub(nanos(LEAST.saturating_sub(used)));
    }

    pub(super) fn charge(&mut self, used: Duration, limits: &RuntimeLimits, now: Duration) {
        self.budget.charge(used, limits.window, now);
        let floor = -nanos(QUANTUM.saturating_mul(MAX_DEBT));
        self.balance = self.balance.saturating_sub(nanos(used)).max(floor);
    }

    pub(super) fn is_spent(&self, limits: &RuntimeLimits, now: Duration) -> bool {
        self.budget.is_spent(limits.cpu_per_window, limits.window, now)
    }

    pub(super) fn is_idle(&self) -> bool {
        self.started == 0 && self.queued.is_empty()
    }

    /// What is owed and what was saved is forgotten. No one gains by coming and going: a run that others
    /// wait for uses about a quantum before its turn is over, and who comes stands last.
    pub(super) fn forgive(&mut self) {
        self.balance = nanos(QUANTUM);
    }
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}
