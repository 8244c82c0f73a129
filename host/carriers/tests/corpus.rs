//! The fuzzer's corpus, and what is like it, as ordinary tests.
#![cfg(test)]

mod fuzzing;

use std::collections::BTreeSet;
use std::path::Path;

use fuzzing::mutation::{Random, mutated};
use fuzzing::socket;

#[test]
fn the_codecs_keep_their_promises_for_every_sample() {
    let (corpus, found) = (samples("corpus"), samples("found"));
    assert!(!corpus.is_empty());
    for (name, data) in corpus.into_iter().chain(found) {
        println!("{name}");
        socket::run(&data);
    }
}

#[test]
fn the_corpus_is_small_and_holds_every_message_and_every_refusal() {
    let corpus = samples("corpus");
    assert!(corpus.iter().map(|(_, data)| data.len()).sum::<usize>() < 20_000);
    let seen: BTreeSet<String> = corpus.iter().flat_map(|(_, data)| socket::run(data).0).collect();
    for carrier in ["twilio", "telnyx"] {
        let both =
            ["connected", "start", "media", "dtmf", "mark", "stop", "other", "malformed", "missing_field"];
        let order = ["event_before_start", "second_start", "event_after_stop", "foreign_stream"];
        for what in both.into_iter().chain(order).chain(["payload_encoding", "bad_digit"]) {
            assert!(seen.contains(&format!("{carrier} {what}")), "{carrier} {what} is not there: {seen:?}");
        }
        for what in ["media", "mark", "clear", "unsupported_event", "payload_encoding"] {
            assert!(seen.contains(&format!("to {carrier} {what}")), "to {carrier} {what} is not there");
        }
    }
    for what in [
        "twilio unsupported_format",
        "telnyx unsupported_codec",
        "telnyx error",
        "window Duplicate",
        "window Late",
    ] {
        assert!(seen.contains(what), "{what} is not there");
    }
}

#[test]
fn the_codecs_keep_their_promises_for_whatever_is_like_a_sample() {
    let pool: Vec<Vec<u8>> = samples("corpus").into_iter().map(|(_, data)| data).collect();
    for seed in 0..3_000 {
        let data = mutated(&mut Random::new(seed), &pool);
        println!("{seed}: {} bytes", data.len());
        socket::run(&data);
    }
}

#[test]
fn nothing_and_a_megabyte_of_anything_are_refused() {
    let media = r#"{"event":"media","media":{"track":"inbound","chunk":"1","payload":""#;
    for filler in ["", "\0", "\n", "[", "{\"event\":", "/", "{\"event\":\"stop\"}\n", "\u{fffd}"] {
        socket::run(filler.repeat((1 << 20) / filler.len().max(1)).as_bytes());
        socket::run(format!("{media}{}\"}}}}", filler.repeat((1 << 20) / filler.len().max(1))).as_bytes());
    }
}

/// Tries for as long as `FUZZ_SECONDS` says, and names the seed that breaks a promise. `cargo test --release -p carriers
/// --test corpus -- --ignored --nocapture`
#[test]
#[ignore = "runs for minutes"]
fn try_for_long() {
    let pool: Vec<Vec<u8>> = samples("corpus").into_iter().map(|(_, data)| data).collect();
    fuzzing::mutation::for_long(&pool, |data| drop(socket::run(data)));
}

fn samples(folder: &str) -> Vec<(String, Vec<u8>)> {
    fuzzing::mutation::files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(folder).join("media"))
}
