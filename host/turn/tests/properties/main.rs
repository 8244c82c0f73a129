//! What must hold whatever happens: random inputs at random times, most of them
//! about the turn at hand, some of them late, lost, doubled or out of order.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests fail loudly"
)]

mod observed;
mod rules;
mod steps;

use std::time::Duration;

use proptest::prelude::*;
use turn::{CarrierInput, Input, MarkName, Output};

use crate::observed::Observed;
use crate::steps::{Step, config, context, step};

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// No panic, no audio after the hang-up, no audio of a cut turn, one model at a
    /// time, one commit and one end per turn, heard text a monotone prefix of whole
    /// words, no wake-up in the past, ledgers that close: see `Observed`. And from
    /// wherever the call is left alone, it ends by its timers within its duration.
    #[test]
    fn the_rules_hold_and_every_call_ends(
        config in config(),
        context in context(),
        steps in proptest::collection::vec(step(), 0..120),
    ) {
        let mut observed = Observed::new(config, context);
        for step in steps {
            observed.take(step);
        }
        let mut n_wakes = 0;
        while !observed.call.is_finished() {
            observed.timeout();
            n_wakes += 1;
            prop_assert!(n_wakes < 20_000, "{:?}", observed.call);
        }
        prop_assert_eq!(observed.n_ended, 1);
        prop_assert!(observed.hung_up);
        let unfinished: Vec<&u32> = observed.committed.difference(&observed.finished).collect();
        prop_assert!(unfinished.is_empty(), "{unfinished:?}");
    }

    #[test]
    fn a_call_that_is_left_alone_ends_within_its_duration(
        config in config(),
        context in context(),
        steps in proptest::collection::vec(step(), 0..40),
    ) {
        let limit = config.timers.max_duration;
        let mut observed = Observed::new(config, context);
        for step in steps {
            if observed.now > Duration::from_secs(60) {
                break;
            }
            observed.take(step);
        }
        while !observed.call.is_finished() {
            observed.timeout();
        }
        prop_assert!(observed.now <= limit, "{:?}", observed.now);
    }

    #[test]
    fn the_same_inputs_give_the_same_outputs(
        config in config(),
        context in context(),
        steps in proptest::collection::vec(step(), 0..60),
    ) {
        let run = |steps: Vec<Step>| {
            let mut observed = Observed::new(config.clone(), context.clone());
            for step in steps {
                observed.take(step);
            }
            observed.outputs
        };
        prop_assert_eq!(format!("{:?}", run(steps.clone())), format!("{:?}", run(steps)));
    }

    /// Looking at a call, or at the marks of a cleared buffer, changes nothing.
    #[test]
    fn marks_after_a_clear_change_nothing(
        config in config(),
        context in context(),
        steps in proptest::collection::vec(step(), 0..60),
    ) {
        let mut observed = Observed::new(config, context);
        for step in steps {
            let n = observed.outputs.len();
            observed.take(step);
            if observed.outputs[n..].contains(&Output::Clear) {
                let cleared = observed.outputs[n..].iter().rposition(|output| *output == Output::Clear).unwrap();
                let fresh: Vec<MarkName> = observed.outputs[n + cleared..].iter().filter_map(|output| match output {
                    Output::SendMark(name) => Some(name.clone()),
                    _ => None,
                }).collect();
                let stale: Vec<MarkName> = observed.marks.iter().filter(|name| !fresh.contains(name)).cloned().collect();
                observed.catch_up();
                let before = observed.call.snapshot();
                for name in stale {
                    observed.input(Input::Carrier(CarrierInput::Mark(name)));
                }
                prop_assert_eq!(observed.call.snapshot(), before);
            }
        }
    }
}
