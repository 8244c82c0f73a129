use proptest::prelude::*;

use super::*;

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn breaker() -> Breaker {
    Breaker::new(BreakerConfig { jitter: 0.0, ..BreakerConfig::default() }, 7)
}

fn opened(now: Duration) -> Breaker {
    let mut breaker = breaker();
    for _ in 0..5 {
        breaker.failed(now);
    }
    breaker
}

#[test]
fn it_opens_at_half_of_the_requests_and_not_before_five() {
    let mut breaker = breaker();
    for second in 0..4 {
        breaker.failed(at(second));
        assert_eq!(breaker.state(at(second)), BreakerState::Closed);
    }
    breaker.failed(at(4));
    assert_eq!(breaker.state(at(4)), BreakerState::Open { until: at(14) });
    assert!(!breaker.permits(at(13)));
    assert!(breaker.permits(at(14)));
}

#[test]
fn fewer_failures_than_half_keep_it_closed() {
    let mut breaker = breaker();
    for second in 0..100 {
        breaker.succeeded(at(second));
        breaker.succeeded(at(second));
        breaker.failed(at(second));
        assert_eq!(breaker.state(at(second)), BreakerState::Closed);
    }
}

#[test]
fn old_failures_do_not_count() {
    let mut breaker = breaker();
    for _ in 0..4 {
        breaker.failed(at(0));
    }
    breaker.failed(at(120));
    assert_eq!(breaker.state(at(120)), BreakerState::Closed);
}

#[test]
fn only_the_latest_requests_count() {
    let mut breaker = breaker();
    for _ in 0..1000 {
        breaker.succeeded(at(1));
    }
    for _ in 0..50 {
        assert_eq!(breaker.state(at(2)), BreakerState::Closed);
        breaker.failed(at(2));
    }
    assert!(matches!(breaker.state(at(2)), BreakerState::Open { .. }));
}

#[test]
fn two_probes_one_after_the_other_close_it() {
    let mut breaker = opened(at(0));
    assert!(breaker.permits(at(10)));
    assert!(!breaker.permits(at(11)), "one probe at a time");
    breaker.succeeded(at(12));
    assert_eq!(breaker.state(at(12)), BreakerState::HalfOpen { probing_until: None });
    assert!(breaker.permits(at(12)));
    breaker.succeeded(at(13));
    assert_eq!(breaker.state(at(13)), BreakerState::Closed);
}

#[test]
fn each_failed_probe_doubles_the_cool_down_up_to_its_cap() {
    let mut breaker = opened(at(0));
    let mut cool_downs = Vec::new();
    for _ in 0..7 {
        let now = breaker.permits_from(Duration::ZERO);
        assert!(breaker.permits(now));
        breaker.failed(now);
        cool_downs.push((breaker.permits_from(now) - now).as_secs());
    }
    assert_eq!(cool_downs, [20, 40, 80, 160, 300, 300, 300]);
}

#[test]
fn once_closed_it_begins_with_the_first_cool_down() {
    let mut breaker = opened(at(0));
    assert!(breaker.permits(at(10)));
    breaker.failed(at(10));
    for _ in 0..2 {
        assert!(breaker.permits(at(30)));
        breaker.succeeded(at(30));
    }
    for _ in 0..5 {
        breaker.failed(at(40));
    }
    assert_eq!(breaker.state(at(40)), BreakerState::Open { until: at(50) });
}

#[test]
fn an_abandoned_probe_makes_room_and_shows_nothing() {
    let mut breaker = opened(at(0));
    assert!(breaker.permits(at(10)));
    breaker.abandoned(at(11));
    assert_eq!(breaker.state(at(11)), BreakerState::HalfOpen { probing_until: None });
}

#[test]
fn a_probe_that_nobody_ends_is_given_up() {
    let mut breaker = opened(at(0));
    assert!(breaker.permits(at(10)));
    assert!(!breaker.permits(at(39)));
    assert!(breaker.permits(at(40)));
}

#[test]
fn late_ends_of_requests_from_before_change_nothing() {
    let mut breaker = opened(at(0));
    breaker.succeeded(at(1));
    breaker.failed(at(2));
    assert_eq!(breaker.state(at(2)), BreakerState::Open { until: at(10) });
    breaker.failed(at(11));
    assert_eq!(breaker.state(at(11)), BreakerState::HalfOpen { probing_until: None });
}

#[test]
fn the_jitter_is_the_seeds() {
    let until = |seed| {
        let mut breaker = Breaker::new(BreakerConfig::default(), seed);
        for _ in 0..5 {
            breaker.failed(at(0));
        }
        breaker.permits_from(at(0))
    };
    assert_eq!(until(1), until(1));
    let all: std::collections::BTreeSet<Duration> = (0..100).map(until).collect();
    assert!(all.len() > 90, "{}", all.len());
    assert!(all.iter().all(|until| (7500..=10_000).contains(&until.as_millis())), "{all:?}");
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Ask,
    Succeed,
    Fail,
    Abandon,
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => Just(Step::Ask),
        2 => Just(Step::Succeed),
        3 => Just(Step::Fail),
        1 => Just(Step::Abandon),
        2 => (0u64..60_000).prop_map(Step::Wait),
    ];
    proptest::collection::vec(step, 0..200)
}

proptest! {
    /// Never a second probe while one is out and in time, never open without five
    /// requests of which half failed, never longer than the cap, and a vendor that is well
    /// again is asked again.
    #[test]
    fn one_probe_at_a_time_enough_evidence_and_a_way_back(seed in any::<u64>(), steps in steps()) {
        let config = BreakerConfig::default();
        let mut breaker = Breaker::new(config.clone(), seed);
        let mut now = Duration::ZERO;
        let mut probe: Option<Duration> = None;
        let mut seen: Vec<(Duration, bool)> = Vec::new();
        for step in steps {
            let before = breaker.state(now);
            if before == BreakerState::Closed {
                probe = None;
            }
            match step {
                Step::Wait(ms) => now += Duration::from_millis(ms),
                Step::Ask => {
                    let soon = breaker.permits_from(now) <= now;
                    let permitted = breaker.permits(now);
                    prop_assert_eq!(soon, permitted);
                    if permitted && before != BreakerState::Closed {
                        prop_assert!(probe.is_none_or(|until| until <= now), "two probes");
                        probe = Some(now + config.probe_limit);
                    }
                }
                Step::Succeed | Step::Fail => {
                    let failed = matches!(step, Step::Fail);
                    if failed { breaker.failed(now) } else { breaker.succeeded(now) }
                    probe = None;
                    if before == BreakerState::Closed {
                        seen.push((now, failed));
                        seen.retain(|(at, _)| now - *at < config.window);
                    } else {
                        seen.clear();
                    }
                }
                Step::Abandon => {
                    breaker.abandoned(now);
                    probe = None;
                }
            }
            if let (BreakerState::Closed, BreakerState::Open { .. }) = (before, breaker.state(now)) {
                let failed = seen.iter().filter(|(_, failed)| *failed).count();
                prop_assert!(seen.len() >= 5 && failed * 2 >= seen.len(), "{seen:?}");
            }
            prop_assert!(breaker.permits_from(now) <= now + config.max_cool_down);
        }
        let mut asked = 0;
        while breaker.state(now) != BreakerState::Closed {
            now = breaker.permits_from(now);
            prop_assert!(breaker.permits(now));
            breaker.succeeded(now);
            asked += 1;
            prop_assert!(asked <= config.probes);
        }
    }
}
