use std::collections::VecDeque;
use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use store::{Admission, Rate, Timestamp};

use crate::contract;
use crate::fixture::{Fixture, NOW, after};

contract! {
    a_burst_is_admitted_and_then_one_after_the_other,
    whoever_waits_as_told_is_admitted,
    keys_and_scopes_do_not_share_a_limit,
    who_is_refused_is_not_counted,
    a_rate_of_nothing_admits_nothing,
    of_many_at_once_the_burst_is_admitted,
    a_clock_that_ran_ahead_keeps_nobody_out,
    no_window_holds_more_than_twice_the_rate,
    what_is_forgotten_is_as_if_it_never_came,
}

const RATE: Rate = Rate { count: 30, per: Duration::from_secs(60) };

async fn admit(store: &Fixture, rate: Rate, now: Timestamp) -> Admission {
    store.admit("webhook", "+15551230000", rate, now).await.unwrap()
}

fn over(seconds: u64) -> Admission {
    Admission::Over { retry_after: Duration::from_secs(seconds) }
}

async fn a_burst_is_admitted_and_then_one_after_the_other(store: &Fixture) {
    for _ in 0..30 {
        assert_eq!(admit(store, RATE, NOW).await, Admission::Admitted);
    }
    assert_eq!(admit(store, RATE, NOW).await, over(2));
    assert_eq!(admit(store, RATE, after(1)).await, over(1));
    assert_eq!(admit(store, RATE, after(2)).await, Admission::Admitted);
    assert_eq!(admit(store, RATE, after(2)).await, over(2));
    for _ in 0..30 {
        assert_eq!(admit(store, RATE, after(62)).await, Admission::Admitted);
    }
    assert_eq!(admit(store, RATE, after(62)).await, over(2));
}

async fn whoever_waits_as_told_is_admitted(store: &Fixture) {
    // A third of a second and more has no end in any unit of time.
    let rate = Rate { count: 3, per: Duration::from_millis(1000) };
    let mut now = NOW;
    let mut refused = 0;
    for _ in 0..50 {
        if let Admission::Over { retry_after } = admit(store, rate, now).await {
            refused += 1;
            let almost = now.plus(retry_after).minus(Duration::from_millis(1));
            assert!(matches!(admit(store, rate, almost).await, Admission::Over { .. }), "{retry_after:?}");
            now = now.plus(retry_after);
            assert_eq!(admit(store, rate, now).await, Admission::Admitted);
        }
    }
    assert!(refused > 40);
}

async fn keys_and_scopes_do_not_share_a_limit(store: &Fixture) {
    let once = Rate { count: 1, per: Duration::from_secs(60) };
    for (scope, key) in [("webhook", "a"), ("webhook", "b"), ("api", "a")] {
        assert_eq!(store.admit(scope, key, once, NOW).await.unwrap(), Admission::Admitted);
        assert_eq!(store.admit(scope, key, once, NOW).await.unwrap(), over(60));
    }
}

async fn who_is_refused_is_not_counted(store: &Fixture) {
    let once = Rate { count: 1, per: Duration::from_secs(60) };
    assert_eq!(admit(store, once, NOW).await, Admission::Admitted);
    for seconds in 1..60 {
        assert_eq!(admit(store, once, after(seconds)).await, over(60 - seconds));
    }
    assert_eq!(admit(store, once, after(60)).await, Admission::Admitted);
}

async fn a_rate_of_nothing_admits_nothing(store: &Fixture) {
    let nothing = Rate { count: 0, per: Duration::from_secs(60) };
    for seconds in [0, 100] {
        assert_eq!(admit(store, nothing, after(seconds)).await, over(60));
    }
    // Rates that no clock can tell from none at all do not overflow.
    for rate in [
        Rate { count: u32::MAX, per: Duration::from_nanos(1) },
        Rate { count: 1, per: Duration::MAX },
        Rate { count: u32::MAX, per: Duration::MAX },
    ] {
        assert_eq!(
            store.admit("extreme", &format!("{rate:?}"), rate, NOW).await.unwrap(),
            Admission::Admitted
        );
    }
}

async fn of_many_at_once_the_burst_is_admitted(store: &Fixture) {
    let tasks = (0..60).map(|_| {
        let store = store.store.clone();
        tokio::spawn(async move { store.admit("webhook", "a", RATE, NOW).await.unwrap() })
    });
    let mut admitted = 0;
    for task in tasks.collect::<Vec<_>>() {
        admitted += u32::from(task.await.unwrap() == Admission::Admitted);
    }
    assert_eq!(admitted, RATE.count);
}

async fn a_clock_that_ran_ahead_keeps_nobody_out(store: &Fixture) {
    let year = Duration::from_secs(365 * 24 * 60 * 60);
    assert_eq!(admit(store, RATE, NOW.plus(year)).await, Admission::Admitted);
    for _ in 0..30 {
        assert_eq!(admit(store, RATE, NOW).await, Admission::Admitted);
    }
    assert_eq!(admit(store, RATE, NOW).await, over(2));
}

/// The algorithm allows a full burst and, in the same time, as many again as become free.
async fn no_window_holds_more_than_twice_the_rate(store: &Fixture) {
    let rate = Rate { count: 5, per: Duration::from_secs(10) };
    let waits = proptest::collection::vec(0_u64..3000, 60);
    let mut runner = TestRunner::deterministic();
    for case in 0..10 {
        let key = case.to_string();
        let (mut now, mut window) = (NOW, VecDeque::new());
        // A bucket of 5, filled again at one each 2 seconds: the same rule, by other arithmetic, in milliseconds.
        let (mut tokens, mut filled_at) = (10_000_i64, NOW);
        for wait in waits.new_tree(&mut runner).unwrap().current() {
            now = now.plus(Duration::from_millis(wait));
            tokens = (tokens + now.0 - filled_at.0).min(10_000);
            filled_at = now;
            let expected = tokens >= 2000;
            let admitted = store.admit("window", &key, rate, now).await.unwrap() == Admission::Admitted;
            assert_eq!(admitted, expected, "{now:?}");
            if admitted {
                tokens -= 2000;
                window.push_back(now);
            }
            window.retain(|at: &Timestamp| at.0 > now.0 - 10_000);
            assert!(window.len() <= 10);
        }
    }
}

async fn what_is_forgotten_is_as_if_it_never_came(store: &Fixture) {
    for _ in 0..15 {
        admit(store, RATE, NOW).await;
    }
    assert_eq!(store.sweep(after(29)).await.unwrap(), 0);
    assert_eq!(store.sweep(after(30)).await.unwrap(), 1);
    for _ in 0..30 {
        assert_eq!(admit(store, RATE, after(30)).await, Admission::Admitted);
    }
    assert_eq!(admit(store, RATE, after(30)).await, over(2));
}
