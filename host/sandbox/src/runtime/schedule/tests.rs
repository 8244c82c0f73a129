//! The schedule under virtual time.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

const FOREVER: Duration = Duration::from_secs(86_400);

fn limits() -> RuntimeLimits {
    RuntimeLimits {
        threads: 16,
        slots: 1,
        running_per_tenant: 4,
        waiting_per_tenant: 8,
        waiting: 64,
        cpu_per_window: FOREVER,
        window: FOREVER,
    }
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn micros(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

/// Processors that run what the schedule grants, each slice as long as `slice` says, for ever.
struct Machine {
    schedule: Schedule<String>,
    now: Duration,
    /// What runs: when its slice ends, whose it is, and what it will have used.
    running: BTreeMap<(Duration, Ticket), (String, Duration)>,
    used: BTreeMap<String, Duration>,
    grants: Vec<String>,
}

impl Machine {
    fn new(limits: RuntimeLimits) -> Self {
        Self {
            schedule: Schedule::new(limits),
            now: Duration::ZERO,
            running: BTreeMap::new(),
            used: BTreeMap::new(),
            grants: Vec::new(),
        }
    }

    fn submit(&mut self, tenant: &str) -> Ticket {
        self.schedule.submit(tenant, tenant.to_owned(), FOREVER, self.now).unwrap()
    }

    fn grant(&mut self, slice: &mut impl FnMut(&str) -> Duration) {
        while let Some(grant) = self.schedule.next() {
            let (ticket, tenant) = match grant {
                Grant::Start(ticket, tenant) => (ticket, tenant),
                Grant::Resume(ticket) => (ticket, self.schedule.runs[&ticket].tenant.to_string()),
            };
            let slice = slice(&tenant);
            self.grants.push(tenant.clone());
            self.running.insert((self.now + slice, ticket), (tenant, slice));
        }
    }

    /// Ends the next slice; the run goes on if `goes_on`, else its tenant submits another.
    fn step(&mut self, goes_on: bool) {
        let Some(((at, ticket), (tenant, slice))) = self.running.pop_first() else { return };
        self.now = at;
        self.schedule.charge(ticket, slice, self.now);
        *self.used.entry(tenant.clone()).or_default() += slice;
        if goes_on {
            self.schedule.leave(ticket);
            self.schedule.want(ticket);
        } else {
            self.schedule.end(ticket);
            self.submit(&tenant);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn tenants_that_always_have_work_get_the_same_processor_time(
        tenants in 2_usize..6,
        slots in 1_usize..3,
        slices in prop::collection::vec((1_u64..=5_500, any::<bool>()), 400..1200),
    ) {
        let mut machine = Machine::new(RuntimeLimits { slots, ..limits() });
        let names: Vec<String> = (0..tenants).map(|tenant| format!("t{tenant}")).collect();
        for name in &names {
            for _ in 0..slots + 1 {
                machine.submit(name);
            }
        }
        for (number, (length, goes_on)) in slices.iter().enumerate() {
            // The first tenant's slices are a tenth of the others'.
            let mut slice = |tenant: &str| {
                let length = length + u64::try_from(number % 7).unwrap() * 100;
                micros(if tenant == "t0" { 100 + length / 10 } else { 100 + length })
            };
            machine.grant(&mut slice);
            machine.step(*goes_on);
        }
        let used = |name: &String| machine.used.get(name).copied().unwrap_or_default();
        let most = names.iter().map(used).max().unwrap();
        let least = names.iter().map(used).min().unwrap();
        let bound = QUANTUM * (3 + 2 * u32::try_from(slots).unwrap());
        prop_assert!(most - least <= bound, "{:?} in {:?}", machine.used, machine.now);
    }

    #[test]
    fn a_newcomer_waits_for_one_turn_of_each_tenant_at_most(
        others in 1_usize..6,
        before in 50_usize..400,
    ) {
        let mut machine = Machine::new(limits());
        for other in 0..others {
            for _ in 0..8 {
                machine.submit(&format!("spinner {other}"));
            }
        }
        let mut slice = |_: &str| QUANTUM;
        for _ in 0..before {
            machine.grant(&mut slice);
            machine.step(true);
        }
        machine.grant(&mut slice);
        machine.submit("newcomer");
        let came = machine.grants.len();
        for _ in 0..=others {
            machine.step(true);
            machine.grant(&mut slice);
        }
        let waited = machine.grants[came..].iter().position(|tenant| tenant == "newcomer");
        prop_assert!(waited.is_some_and(|waited| waited <= others), "{:?}", &machine.grants[came..]);
    }

    #[test]
    fn whatever_happens_no_bound_is_passed_and_no_run_is_lost(
        slots in 1_usize..4,
        threads in 1_usize..12,
        steps in prop::collection::vec((0_u8..8, 0_u64..4, 0_usize..20), 1..400),
    ) {
        let limits = RuntimeLimits {
            slots, threads, running_per_tenant: 3, waiting_per_tenant: 4, waiting: 10,
            cpu_per_window: millis(40), window: millis(200),
        };
        let mut schedule: Schedule<u64> = Schedule::new(limits);
        let mut now = Duration::ZERO;
        let mut waiting = BTreeMap::new();
        let mut phases: BTreeMap<Ticket, (u64, Phase)> = BTreeMap::new();
        let mut number = 0;
        for (action, tenant, which) in steps {
            now += millis(3);
            let nth = |phase: Phase, phases: &BTreeMap<Ticket, (u64, Phase)>| {
                let mut of_phase = phases.iter().filter(|(_, run)| run.1 == phase);
                of_phase.nth(which % 4).map(|(ticket, _)| *ticket)
            };
            match action {
                0 | 1 => {
                    number += 1;
                    match schedule.submit(&format!("t{tenant}"), number, now + millis(60), now) {
                        Ok(ticket) => drop(waiting.insert(ticket, (number, tenant))),
                        Err((job, _)) => prop_assert_eq!(job, number),
                    }
                }
                2 => if let Some(ticket) = waiting.keys().nth(which).copied() {
                    let job = schedule.withdraw(ticket);
                    prop_assert_eq!(job, waiting.remove(&ticket).map(|(job, _)| job));
                },
                3 => if let Some(ticket) = nth(Phase::Running, &phases) {
                    schedule.charge(ticket, millis(which as u64), now);
                    schedule.leave(ticket);
                    phases.entry(ticket).and_modify(|run| run.1 = Phase::Outside);
                },
                4 => if let Some(ticket) = nth(Phase::Outside, &phases) {
                    schedule.want(ticket);
                    phases.entry(ticket).and_modify(|run| run.1 = Phase::Wanting);
                },
                5 | 6 => {
                    let phase = [Phase::Running, Phase::Outside, Phase::Wanting][which % 3];
                    if let Some(ticket) = nth(phase, &phases) {
                        schedule.end(ticket);
                        phases.remove(&ticket);
                    }
                }
                _ => schedule.expire(now),
            }
            for (job, _) in schedule.take_rejected() {
                waiting.retain(|_, (other, _)| *other != job);
            }
            let wanted = schedule.is_contended() && schedule.free_slots > 0;
            let mut granted = false;
            while let Some(grant) = schedule.next() {
                granted = true;
                match grant {
                    Grant::Start(ticket, job) => {
                        let (expected, tenant) = waiting.remove(&ticket).unwrap();
                        prop_assert_eq!(job, expected);
                        phases.insert(ticket, (tenant, Phase::Running));
                    }
                    Grant::Resume(ticket) => {
                        let run = phases.get_mut(&ticket).unwrap();
                        prop_assert_eq!(run.1, Phase::Wanting);
                        run.1 = Phase::Running;
                    }
                }
            }
            prop_assert_eq!(granted, wanted, "a slot is idle while a run could use it");
            let running = phases.values().filter(|run| run.1 == Phase::Running).count();
            prop_assert!(running <= slots && phases.len() <= threads);
            prop_assert_eq!(schedule.free_slots, slots - running);
            prop_assert_eq!(schedule.free_threads, threads - phases.len());
            prop_assert_eq!(schedule.queued, waiting.len());
            prop_assert!(waiting.len() <= 10);
            for tenant in 0..4 {
                prop_assert!(phases.values().filter(|run| run.0 == tenant).count() <= 3);
                prop_assert!(waiting.values().filter(|run| run.1 == tenant).count() <= 4);
            }
            let known: BTreeSet<Ticket> = waiting.keys().chain(phases.keys()).copied().collect();
            prop_assert_eq!(schedule.runs.keys().copied().collect::<BTreeSet<_>>(), known);
        }
    }
}

#[test]
fn short_runs_are_served_in_one_turn_and_do_not_keep_others_out() {
    let mut machine = Machine::new(limits());
    for _ in 0..8 {
        machine.submit("short");
    }
    machine.submit("other");
    let mut slice = |_: &str| Duration::ZERO;
    for _ in 0..100 {
        machine.grant(&mut slice);
        machine.step(false);
    }
    let first = machine.grants.iter().position(|tenant| tenant == "other").unwrap();
    assert_eq!(first, 50, "a turn is fifty slots of the least cost");
}

#[test]
fn free_slots_are_shared_out_before_it_is_known_what_is_used() {
    let mut machine = Machine::new(RuntimeLimits { slots: 4, ..limits() });
    for tenant in ["many", "few"] {
        for _ in 0..4 {
            machine.submit(tenant);
        }
    }
    machine.grant(&mut |_: &str| QUANTUM);
    let of = |name: &str| machine.grants.iter().filter(|tenant| *tenant == name).count();
    assert_eq!((of("many"), of("few")), (2, 2));
}

#[test]
fn what_a_tenant_used_while_alone_is_not_held_against_it_for_long() {
    let mut machine = Machine::new(limits());
    let alone = machine.submit("alone");
    let mut slice = |_: &str| QUANTUM;
    machine.grant(&mut slice);
    machine.schedule.charge(alone, Duration::from_secs(10), Duration::ZERO);
    machine.submit("other");
    machine.submit("other");
    for _ in 0..8 {
        machine.step(true);
        machine.grant(&mut slice);
    }
    assert!(machine.grants[1..].iter().any(|tenant| tenant == "alone"), "{:?}", machine.grants);
}

#[test]
fn who_comes_back_stands_where_a_newcomer_does() {
    let mut machine = Machine::new(limits());
    let long = machine.submit("back");
    let mut slice = |_: &str| QUANTUM;
    machine.grant(&mut slice);
    machine.schedule.charge(long, Duration::from_secs(10), Duration::ZERO);
    machine.schedule.end(long);
    machine.running.clear();
    machine.submit("other");
    machine.submit("other");
    machine.grant(&mut slice);
    machine.submit("back");
    machine.step(true);
    machine.grant(&mut slice);
    assert_eq!(machine.grants, ["back", "other", "back"]);
}

#[test]
fn a_run_that_waits_to_go_on_and_one_that_waits_to_begin_are_served_as_they_came() {
    let mut schedule = Schedule::new(limits());
    let now = Duration::ZERO;
    let first = schedule.submit("t", 1, FOREVER, now).unwrap();
    assert_eq!(schedule.next(), Some(Grant::Start(first, 1)));
    let second = schedule.submit("t", 2, FOREVER, now).unwrap();
    assert_eq!(schedule.next(), None, "there is one slot");
    schedule.leave(first);
    schedule.want(first);
    assert_eq!(schedule.next(), Some(Grant::Start(second, 2)));
    schedule.end(second);
    assert_eq!(schedule.next(), Some(Grant::Resume(first)));
}

#[test]
fn a_tenant_without_processor_time_begins_nothing_until_its_window_ends() {
    let mut schedule =
        Schedule::new(RuntimeLimits { cpu_per_window: millis(20), window: millis(100), ..limits() });
    let running = schedule.submit("t", 1, FOREVER, millis(0)).unwrap();
    assert_eq!(schedule.next(), Some(Grant::Start(running, 1)));
    schedule.submit("t", 2, FOREVER, millis(0)).unwrap();
    schedule.charge(running, millis(20), millis(20));
    assert_eq!(schedule.take_rejected(), [(2, Rejected::OverBudget)]);
    assert_eq!(schedule.submit("t", 3, FOREVER, millis(119)), Err((3, Rejected::OverBudget)));
    assert!(schedule.submit("other", 4, FOREVER, millis(119)).is_ok());
    schedule.leave(running);
    schedule.want(running);
    assert!(
        std::iter::from_fn(|| schedule.next()).any(|grant| grant == Grant::Start(Ticket(3), 4)),
        "other tenants go on"
    );
    assert!(schedule.submit("t", 5, FOREVER, millis(120)).is_ok(), "the window began with the first charge");
}

#[test]
fn a_run_that_did_not_begin_in_time_is_rejected() {
    let mut schedule = Schedule::new(RuntimeLimits { slots: 0, ..limits() });
    schedule.submit("t", 1, millis(10), millis(0)).unwrap();
    schedule.submit("t", 2, millis(30), millis(0)).unwrap();
    assert_eq!(schedule.next_expiry(), Some(millis(10)));
    schedule.expire(millis(10));
    assert_eq!(schedule.take_rejected(), [(1, Rejected::Expired)]);
    assert_eq!(schedule.next_expiry(), Some(millis(30)));
}

#[test]
fn tenants_without_a_claim_are_forgotten() {
    let mut schedule = Schedule::new(RuntimeLimits { slots: 2, ..limits() });
    let long = schedule.submit("in the middle", (), FOREVER, millis(0)).unwrap();
    assert_eq!(schedule.next(), Some(Grant::Start(long, ())));
    for tenant in 0..u64::try_from(4 * REMEMBERED).unwrap() {
        let now = millis(tenant);
        let ticket = schedule.submit(&tenant.to_string(), (), FOREVER, now).unwrap();
        assert_eq!(schedule.next(), Some(Grant::Start(ticket, ())));
        schedule.end(ticket);
    }
    assert!(schedule.shares.len() <= REMEMBERED);
    schedule.end(long);
    assert_eq!(schedule.free_slots, 2, "one in the middle of a run is not forgotten");
}
