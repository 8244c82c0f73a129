//! The corpus of generated and changed components, and what is like it, as ordinary tests.
#![cfg(test)]

mod common;
mod fuzzing;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use common::ADMISSION;
use fuzzing::component::{Kind, made_of_seed, of_seed};
use fuzzing::promise::gated;
use fuzzing::start::admitted;
use gate::Quantity;

/// Every kind of answer, by kind and seed.
const CASES: &str = include_str!("../fuzz/corpus/cases.txt");

/// Seeds of each kind that are tried in every run.
const SEEDS: u64 = 300;

/// Of those, the components that pass the gate and are compiled and started as well.
const STARTED: usize = 12;

/// The platform's answer, or none where the seed makes no component. Compiles where `also_starts`.
fn answer(kind: Kind, seed: u64, also_starts: bool) -> Option<&'static str> {
    let bytes = of_seed(kind, seed)?;
    Some(match gated(&bytes) {
        Err(code) => code.as_str(),
        Ok(()) if also_starts => admitted(&ADMISSION, kind, &bytes),
        Ok(()) => "passes",
    })
}

#[test]
fn the_corpus_is_answered_as_it_was() {
    let mut replayed = 0;
    for line in CASES.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split_whitespace();
        let (kind, seed, expected) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
        let kind = Kind::ALL.into_iter().find(|known| known.name() == kind).unwrap();
        assert_eq!(answer(kind, seed.parse().unwrap(), true), Some(expected), "{line}");
        replayed += 1;
    }
    assert!(replayed >= 20, "{replayed}");
}

#[test]
fn whatever_is_generated_is_answered_and_what_passes_starts() {
    for kind in Kind::ALL {
        let (mut answers, mut passed) = (0, 0);
        for seed in 0..SEEDS {
            let Some(answer) = answer(kind, seed, false) else { continue };
            answers += 1;
            if answer == "passes" {
                passed += 1;
                if passed <= STARTED {
                    admitted(&ADMISSION, kind, &of_seed(kind, seed).unwrap());
                }
            }
        }
        assert!(answers > SEEDS / 3, "{}: {answers}", kind.name());
        let can_pass = !matches!(kind, Kind::Generated);
        assert_eq!(passed > 0, can_pass, "{}: {passed}", kind.name());
    }
}

#[test]
fn what_is_instantiated_is_counted_as_whoever_composed_it_counts() {
    let limits = gate::Limits::LARGE;
    let mut counted = 0;
    for seed in 0..SEEDS {
        let Ok(report) = gate::check(&of_seed(Kind::Composed, seed).unwrap(), &limits) else { continue };
        let made = made_of_seed(seed);
        let counts = [Quantity::Modules, Quantity::Instances].map(|quantity| report.counts.get(quantity));
        assert!(counts[0] >= made.modules && counts[1] >= made.instances, "{seed}: {counts:?} {made:?}");
        counted += 1;
    }
    assert!(counted > SEEDS / 5, "{counted}");
}

/// Tries for as long as `FUZZ_SECONDS` says, from the seed `FUZZ_SEED`; every `FUZZ_START`th component that passes is
/// compiled and started as well. With `FUZZ_MORE`, hostile and built-in tools are changed too.
/// `cargo test -p sandbox --test corpus -- --ignored try_for_long --nocapture`
#[test]
#[ignore = "runs for minutes"]
fn try_for_long() {
    let number = |name: &str, otherwise| {
        std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok()).unwrap_or(otherwise)
    };
    let (first, every) = (number("FUZZ_SEED", 1), number("FUZZ_START", 50));
    let end = Instant::now() + Duration::from_secs(number("FUZZ_SECONDS", 60));
    let (mut seed, mut failed, mut passed) = (first, 0, 0);
    let mut slowest = (Duration::ZERO, Kind::Generated, first);
    let mut answers: BTreeMap<(Kind, &str), u64> = BTreeMap::new();
    while Instant::now() < end && failed < 20 {
        for kind in Kind::ALL {
            let Some(bytes) = of_seed(kind, seed) else { continue };
            let began = cpu_time();
            let answered = catch_unwind(AssertUnwindSafe(|| match gated(&bytes) {
                Err(code) => code.as_str(),
                Ok(()) => "passes",
            }));
            slowest = slowest.max((cpu_time().saturating_sub(began), kind, seed));
            let also_starts = matches!(answered, Ok("passes")) && {
                passed += 1;
                passed % every == 0
            };
            let answered = match also_starts {
                true => catch_unwind(AssertUnwindSafe(|| admitted(&ADMISSION, kind, &bytes))),
                false => answered,
            };
            match answered {
                Ok(answer) => *answers.entry((kind, answer)).or_default() += 1,
                Err(_) => {
                    failed += 1;
                    println!("{} {seed} breaks a promise", kind.name());
                }
            }
        }
        seed += 1;
    }
    for ((kind, answer), count) in &answers {
        println!("{:17} {answer:28} {count:8}", kind.name());
    }
    let total: u64 = answers.values().sum();
    println!(
        "{total} components, seeds {first} to {}, {passed} passed, slowest {slowest:?}, {failed} failed",
        seed - 1
    );
    assert_eq!(failed, 0);
}

/// The processor time of this thread; elsewhere than on Linux, the time that has passed.
fn cpu_time() -> Duration {
    #[cfg(target_os = "linux")]
    let id = rustix::time::ClockId::ThreadCPUTime;
    #[cfg(not(target_os = "linux"))]
    let id = rustix::time::ClockId::Monotonic;
    Duration::try_from(rustix::time::clock_gettime(id)).unwrap()
}

/// Writes the corpus anew: for each kind, the first seeds that are answered in each way.
/// `cargo test -p sandbox --test corpus -- --ignored write_the_corpus`
#[test]
#[ignore = "writes the corpus"]
fn write_the_corpus() {
    let mut cases: BTreeMap<(Kind, &str), Vec<u64>> = BTreeMap::new();
    for kind in Kind::ALL {
        for seed in 0..6_000 {
            let Some(mut answer) = answer(kind, seed, false) else { continue };
            if answer == "passes" {
                // Most that pass are admitted: enough of them, and whatever else is among the first.
                if seed > 200 {
                    continue;
                }
                answer = admitted(&ADMISSION, kind, &of_seed(kind, seed).unwrap());
            }
            let seeds = cases.entry((kind, answer)).or_default();
            if seeds.len() < 2 {
                seeds.push(seed);
            }
        }
    }
    let mut text = String::from("# kind, seed, answer: the first seeds that are answered in each way\n");
    for ((kind, answer), seeds) in cases {
        for seed in seeds {
            writeln!(text, "{} {seed} {answer}", kind.name()).unwrap();
        }
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/cases.txt");
    fs::write(path, text).unwrap();
}
