//! Who may use a processor next: deficit round robin among tenants, by the processor time that their
//! runs have used.
//!
//! Pure: no clock, thread or lock. A run is queued, then it is started and holds a thread until its end.
//! While started it holds a slot (it uses a processor), is outside (it waits for the host) or wants a
//! slot back. Slots are handed out by [`Schedule::next`], whether to begin a run or to go on with one.
//!
//! A tenant's balance grows by [`QUANTUM`] when its turn comes and it has nothing left, and shrinks by
//! what its runs use. What a run will use is unknown when it gets a slot, so one quantum is held back
//! until it is known: a tenant with many short runs does not get all slots at once.

mod share;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::limits::RuntimeLimits;
use share::{Queued, Share};

/// The processor time of one turn: as long as a guest runs before it gives way to others.
pub(crate) const QUANTUM: Duration = crate::engine::EPOCH_TICK;

/// Turns that a tenant may owe. It owes more than one only for what it used while no one else waited.
const MAX_DEBT: u32 = 4;

/// How many tenants may be remembered before those without a claim to it are forgotten.
const REMEMBERED: usize = 256;

/// One run, from its submission to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Ticket(u64);

/// Why a run does not begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rejected {
    /// Too many wait, of this tenant or of all.
    Full,
    /// The tenant's processor time of this window is used up.
    OverBudget,
    /// It waited until its deadline.
    Expired,
}

/// A slot, given away.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Grant<J> {
    /// Begin this run, on a thread that is free.
    Start(Ticket, J),
    /// Go on with this run.
    Resume(Ticket),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Queued,
    Running,
    Outside,
    Wanting,
}

struct Run {
    tenant: Arc<str>,
    phase: Phase,
    /// What was used since the run got its slot.
    used: Duration,
}

/// All runs that wait or are in the middle.
pub(crate) struct Schedule<J> {
    limits: RuntimeLimits,
    shares: HashMap<Arc<str>, Share<J>>,
    /// Tenants of whom something waits, in the order of their turns.
    ring: VecDeque<Arc<str>>,
    runs: HashMap<Ticket, Run>,
    free_slots: usize,
    free_threads: usize,
    queued: usize,
    next_ticket: u64,
    rejected: Vec<(J, Rejected)>,
}

impl<J> Schedule<J> {
    pub(crate) fn new(limits: RuntimeLimits) -> Self {
        Self {
            limits,
            shares: HashMap::new(),
            ring: VecDeque::new(),
            runs: HashMap::new(),
            free_slots: limits.slots,
            free_threads: limits.threads,
            queued: 0,
            next_ticket: 0,
            rejected: Vec::new(),
        }
    }

    /// Queues a run that must begin before `deadline`.
    ///
    /// # Errors
    /// The run and why it cannot wait.
    pub(crate) fn submit(
        &mut self,
        tenant: &str,
        job: J,
        deadline: Duration,
        now: Duration,
    ) -> Result<Ticket, (J, Rejected)> {
        let share = self.shares.get(tenant);
        if share.is_some_and(|share| share.is_spent(&self.limits, now)) {
            return Err((job, Rejected::OverBudget));
        }
        let waiting = share.map_or(0, |share| share.queued.len());
        if self.queued >= self.limits.waiting || waiting >= self.limits.waiting_per_tenant {
            return Err((job, Rejected::Full));
        }
        let ticket = self.ticket();
        let tenant = self.tenant(tenant, now);
        if let Some(share) = self.shares.get_mut(&tenant) {
            share.queued.push_back(Queued { ticket, order: ticket.0, job, deadline });
        }
        self.queued += 1;
        self.enter_ring(&tenant);
        self.runs.insert(ticket, Run { tenant, phase: Phase::Queued, used: Duration::ZERO });
        Ok(ticket)
    }

    /// Takes a run that has not begun out of the queue.
    pub(crate) fn withdraw(&mut self, ticket: Ticket) -> Option<J> {
        let run = self.runs.get(&ticket).filter(|run| run.phase == Phase::Queued)?;
        let tenant = run.tenant.clone();
        let job = self.shares.get_mut(&tenant)?.withdraw(ticket)?;
        self.runs.remove(&ticket);
        self.queued -= 1;
        self.settle(&tenant);
        Some(job)
    }

    /// Rejects the queued runs whose deadline has passed.
    pub(crate) fn expire(&mut self, now: Duration) {
        let late: Vec<Ticket> =
            self.queued().filter(|queued| queued.deadline <= now).map(|queued| queued.ticket).collect();
        for ticket in late {
            let job = self.withdraw(ticket);
            self.rejected.extend(job.map(|job| (job, Rejected::Expired)));
        }
    }

    /// Whether a run has not begun yet.
    pub(crate) fn is_queued(&self, ticket: Ticket) -> bool {
        self.runs.get(&ticket).is_some_and(|run| run.phase == Phase::Queued)
    }

    /// When the next queued run expires.
    pub(crate) fn next_expiry(&self) -> Option<Duration> {
        self.queued().map(|queued| queued.deadline).min()
    }

    /// The runs that were rejected after they were queued.
    pub(crate) fn take_rejected(&mut self) -> Vec<(J, Rejected)> {
        std::mem::take(&mut self.rejected)
    }

    /// Gives a free slot to the tenant whose turn it is.
    pub(crate) fn next(&mut self) -> Option<Grant<J>> {
        if self.free_slots == 0 || !self.is_contended() {
            return None;
        }
        // Whoever can be served has a positive balance after this many rounds.
        let holds = u32::try_from(self.limits.slots).unwrap_or(u32::MAX);
        let rounds = usize::try_from(MAX_DEBT.saturating_add(holds)).unwrap_or(usize::MAX).saturating_add(2);
        for _ in 0..self.ring.len().saturating_mul(rounds) {
            let tenant = self.ring.front()?.clone();
            let share = self.shares.get_mut(&tenant)?;
            if share.has_claim(&self.limits, self.free_threads) {
                if share.has_credit() {
                    return self.serve(&tenant);
                }
                share.add_credit();
            }
            self.ring.rotate_left(1);
        }
        None
    }

    /// Whether a run waits that could use a slot.
    pub(crate) fn is_contended(&self) -> bool {
        let shares = self.ring.iter().filter_map(|tenant| self.shares.get(tenant));
        shares.into_iter().any(|share| share.has_claim(&self.limits, self.free_threads))
    }

    /// Counts the processor time that a started run has used since it was last counted.
    pub(crate) fn charge(&mut self, ticket: Ticket, used: Duration, now: Duration) {
        let Some(run) = self.runs.get_mut(&ticket) else { return };
        run.used = run.used.saturating_add(used);
        let tenant = run.tenant.clone();
        let Some(share) = self.shares.get_mut(&tenant) else { return };
        share.charge(used, &self.limits, now);
        if !share.is_spent(&self.limits, now) {
            return;
        }
        for queued in std::mem::take(&mut share.queued) {
            self.queued -= 1;
            self.runs.remove(&queued.ticket);
            self.rejected.push((queued.job, Rejected::OverBudget));
        }
        self.settle(&tenant);
    }

    /// A run gives its slot back while it waits for the host, or to give way.
    pub(crate) fn leave(&mut self, ticket: Ticket) {
        let used = self.runs.get_mut(&ticket).map(|run| std::mem::take(&mut run.used));
        self.change(ticket, Phase::Running, Phase::Outside, |share| {
            share.give_slot_back(used.unwrap_or_default());
            1
        });
    }

    /// A run that left wants a slot again.
    pub(crate) fn want(&mut self, ticket: Ticket) {
        let order = self.ticket().0;
        self.change(ticket, Phase::Outside, Phase::Wanting, |share| {
            share.resuming.push_back((ticket, order));
            0
        });
        if let Some(tenant) = self.runs.get(&ticket).map(|run| run.tenant.clone()) {
            self.enter_ring(&tenant);
        }
    }

    /// A started run is over: its thread is free, and its slot if it held one.
    pub(crate) fn end(&mut self, ticket: Ticket) {
        self.leave(ticket);
        self.change(ticket, Phase::Wanting, Phase::Outside, |share| {
            share.resuming.retain(|(other, _)| *other != ticket);
            0
        });
        let started = self.runs.get(&ticket).is_some_and(|run| run.phase == Phase::Outside);
        if !started {
            return;
        }
        if let Some(run) = self.runs.remove(&ticket) {
            self.free_threads += 1;
            if let Some(share) = self.shares.get_mut(&run.tenant) {
                share.started -= 1;
            }
            self.settle(&run.tenant);
        }
    }

    /// The front of the ring gets a slot: for its run that has waited longest of those that may go on.
    fn serve(&mut self, tenant: &Arc<str>) -> Option<Grant<J>> {
        let share = self.shares.get_mut(tenant)?;
        let grant = share.take(&self.limits, self.free_threads)?;
        share.take_slot();
        self.free_slots -= 1;
        let ticket = match &grant {
            Grant::Start(ticket, _) => {
                share.started += 1;
                self.free_threads -= 1;
                self.queued -= 1;
                *ticket
            }
            Grant::Resume(ticket) => *ticket,
        };
        if let Some(run) = self.runs.get_mut(&ticket) {
            run.phase = Phase::Running;
            run.used = Duration::ZERO;
        }
        self.settle(tenant);
        Some(grant)
    }

    /// Moves a run from one phase to another; `act` says how many slots become free.
    fn change(&mut self, ticket: Ticket, from: Phase, to: Phase, act: impl FnOnce(&mut Share<J>) -> usize) {
        let Some(run) = self.runs.get_mut(&ticket).filter(|run| run.phase == from) else { return };
        run.phase = to;
        if let Some(share) = self.shares.get_mut(&run.tenant) {
            self.free_slots += act(share);
        }
    }

    fn queued(&self) -> impl Iterator<Item = &Queued<J>> {
        self.ring.iter().filter_map(|tenant| self.shares.get(tenant)).flat_map(|share| &share.queued)
    }

    fn ticket(&mut self) -> Ticket {
        self.next_ticket += 1;
        Ticket(self.next_ticket)
    }

    /// The tenant's name as it is kept, with a share.
    fn tenant(&mut self, tenant: &str, now: Duration) -> Arc<str> {
        if let Some((name, _)) = self.shares.get_key_value(tenant) {
            return name.clone();
        }
        if self.shares.len() >= REMEMBERED {
            let window = self.limits.window;
            self.shares.retain(|_, share| !share.is_idle() || !share.budget.is_over(window, now));
        }
        let name: Arc<str> = tenant.into();
        self.shares.insert(name.clone(), Share::default());
        name
    }

    fn enter_ring(&mut self, tenant: &Arc<str>) {
        if let Some(share) = self.shares.get_mut(tenant).filter(|share| !share.in_ring) {
            share.in_ring = true;
            self.ring.push_back(tenant.clone());
        }
    }

    /// Takes a tenant of whom nothing waits out of the ring; one of whom nothing is left starts anew.
    fn settle(&mut self, tenant: &Arc<str>) {
        let Some(share) = self.shares.get_mut(tenant) else { return };
        if share.in_ring && share.queued.is_empty() && share.resuming.is_empty() {
            share.in_ring = false;
            self.ring.retain(|other| other != tenant);
        }
        if share.is_idle() {
            share.forgive();
        }
    }
}
