//! The fuzzer's corpus as ordinary tests.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests fail loudly"
)]
#![allow(
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    reason = "the corpus is files and a failing one is named; the calls in it have neither"
)]

mod fuzzing;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use fuzzing::run::Run;
use turn::{Output, Snapshot, State};

/// A call that nobody records.
type Unrecorded = fn(&str) -> bool;

/// What a call does, coarsely: its changes of state, which outputs come in which state, and
/// which after which.
type Behaviour = BTreeSet<String>;

fn corpus() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/call"))
}

/// Calls that broke a rule once.
fn found() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/found/call"))
}

/// What the fuzzer has found interesting here, if it ran.
fn working() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/working"))
}

fn files(folder: PathBuf) -> Vec<(PathBuf, Vec<u8>)> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

fn behaviour(data: &[u8]) -> Behaviour {
    let mut seen = Behaviour::new();
    let mut before = State::Connecting;
    let mut last = String::new();
    Run::<Unrecorded, _>::whole(data, |snapshot: &Snapshot, outputs: &[Output]| {
        let state = snapshot.state;
        if before != state {
            seen.insert(format!("{before:?} to {state:?}"));
            before = state;
        }
        for output in outputs {
            let kind = kind(output);
            seen.insert(format!("{state:?}: {kind}"));
            seen.insert(format!("{last} then {kind}"));
            last = kind;
        }
        if let Some(reason) = snapshot.ended {
            seen.insert(format!("ended: {reason:?}"));
        }
    });
    seen
}

fn kind(output: &Output) -> String {
    match output {
        Output::Emit(event) => event.kind().to_owned(),
        other => {
            let name = format!("{other:?}");
            name.split(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default().to_owned()
        }
    }
}

#[test]
fn the_rules_hold_in_every_call_of_the_corpus() {
    let (corpus, found) = (files(corpus()), files(found()));
    assert!(!corpus.is_empty() && !found.is_empty());
    for (path, data) in corpus.into_iter().chain(found) {
        println!("{}", path.display());
        behaviour(&data);
    }
}

#[test]
fn the_corpus_is_small_and_reaches_every_state_and_output() {
    let files = files(corpus());
    assert!(files.len() <= 60, "{} files", files.len());
    assert!(files.iter().map(|(_, data)| data.len()).sum::<usize>() < 40_000);
    let seen: Behaviour = files.iter().flat_map(|(_, data)| behaviour(data)).collect();
    let text = seen.iter().cloned().collect::<Vec<_>>().join("\n");
    for state in [
        State::Screening,
        State::Greeting,
        State::Listening,
        State::UserSpeaking,
        State::EndpointPending,
        State::Thinking,
        State::Speaking,
        State::PausedForBargeIn,
        State::Closing,
        State::Finished,
    ] {
        assert!(text.contains(&format!("to {state:?}")), "{state:?} is not reached");
    }
    for output in [
        "SendAudio",
        "SendMark",
        "Clear",
        "StartLlm",
        "Speak",
        "Cancel",
        "CallTool",
        "CancelTool",
        "FinalizeStt",
        "Hangup",
        "Transfer",
        "call.answered-by",
        "dtmf.sent",
        "speculation.discarded",
    ] {
        assert!(text.contains(&format!(": {output}")), "{output} is not reached");
    }
    assert!(seen.len() >= 250, "{}", seen.len());
}

/// Writes the corpus anew: calls that chance finds, each with a behaviour that those before
/// it have not, cut as short as their behaviour allows. `cargo test -p turn --test corpus --
/// --ignored`, when the core has learnt something new.
#[test]
#[ignore = "writes files of the repository"]
fn grow_the_corpus() {
    let mut random = Random(1);
    let mut known = Behaviour::new();
    let mut pool: Vec<Vec<u8>> = files(corpus()).into_iter().map(|(_, data)| data).collect();
    pool.push(Vec::new());
    if working().exists() {
        pool.extend(files(working()).into_iter().map(|(_, data)| data));
    }
    for data in &pool {
        known.extend(behaviour(data));
    }
    for _ in 0..40_000 {
        let data = mutated(&mut random, &pool);
        let seen = behaviour(&data);
        if !seen.is_subset(&known) {
            known.extend(seen);
            pool.push(data);
        }
    }
    let kept = covering(pool);
    fs::remove_dir_all(corpus()).unwrap();
    fs::create_dir_all(corpus()).unwrap();
    for (n, data) in kept.iter().enumerate() {
        fs::write(corpus().join(format!("{n:02}")), data).unwrap();
    }
    println!("{} behaviours, {} files", known.len(), kept.len());
}

/// The fewest calls that show it all, as a greedy choice finds them, each cut short.
fn covering(pool: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let mut left: Vec<(Vec<u8>, Behaviour)> =
        pool.into_iter().map(|data| (data.clone(), behaviour(&data))).collect();
    let mut known = Behaviour::new();
    let mut kept = Vec::new();
    while kept.len() < 60 {
        let new = |(_, seen): &(Vec<u8>, Behaviour)| seen.difference(&known).count();
        let Some(best) = (0..left.len()).max_by_key(|n| (new(&left[*n]), usize::MAX - left[*n].0.len()))
        else {
            break;
        };
        if new(&left[best]) == 0 {
            break;
        }
        let (data, seen) = left.swap_remove(best);
        let needed: Behaviour = seen.difference(&known).cloned().collect();
        let data = shortened(data, &needed);
        known.extend(behaviour(&data));
        kept.push(data);
    }
    kept
}

fn shortened(mut data: Vec<u8>, needed: &Behaviour) -> Vec<u8> {
    let mut part = data.len() / 2;
    while part > 0 {
        let mut from = 0;
        while from + part <= data.len() {
            let mut without = data.clone();
            without.drain(from..from + part);
            if needed.is_subset(&behaviour(&without)) {
                data = without;
            } else {
                from += part;
            }
        }
        part /= 2;
    }
    data
}

fn mutated(random: &mut Random, pool: &[Vec<u8>]) -> Vec<u8> {
    let mut data = pool[random.below(pool.len())].clone();
    for _ in 0..=random.below(4) {
        let at = random.below(data.len() + 1);
        match random.below(5) {
            0 if at < data.len() => data[at] = random.below(256) as u8,
            1 if at < data.len() => {
                data.remove(at);
            }
            2 => {
                let other = &pool[random.below(pool.len())];
                let from = random.below(other.len() + 1);
                let part: Vec<u8> = other[from..].iter().copied().take(1 + random.below(60)).collect();
                data.splice(at..at, part);
            }
            _ => {
                let part: Vec<u8> = (0..1 + random.below(30)).map(|_| random.below(256) as u8).collect();
                data.splice(at..at, part);
            }
        }
    }
    data.truncate(600);
    data
}

/// Xorshift (Marsaglia 2003).
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }
}
