//! The fuzzer's corpus, and what is like it, as ordinary tests.
#![cfg(test)]

mod fuzzing;

use std::collections::BTreeSet;
use std::path::Path;

use carrier_webhooks::bindings;
use fuzzing::mutation::{self, Random, mutated};
use fuzzing::run::run;

/// Every webhook's path. One that is missing here or in the corpus is a webhook that nobody tried.
const PATHS: [&str; 15] = [
    "/webhooks/telnyx/call",
    "/webhooks/telnyx/texml/answered-by",
    "/webhooks/telnyx/texml/dial",
    "/webhooks/telnyx/texml/gather",
    "/webhooks/telnyx/texml/recording",
    "/webhooks/telnyx/texml/status",
    "/webhooks/telnyx/texml/voice",
    "/webhooks/twilio/answered-by",
    "/webhooks/twilio/conference",
    "/webhooks/twilio/dial",
    "/webhooks/twilio/gather",
    "/webhooks/twilio/recording",
    "/webhooks/twilio/status",
    "/webhooks/twilio/voice",
    "/webhooks/vapi",
];

#[test]
fn the_service_keeps_its_promises_for_every_sample() {
    let (corpus, found) = (samples("corpus"), samples("found"));
    assert!(!corpus.is_empty());
    for (name, data) in corpus.into_iter().chain(found) {
        println!("{name}");
        run(&data);
    }
}

#[test]
fn the_corpus_is_small_and_reaches_every_webhook_and_its_refusals() {
    let corpus = samples("corpus");
    assert!(corpus.iter().map(|(_, data)| data.len()).sum::<usize>() < 32_000);
    let seen: BTreeSet<String> = corpus.iter().flat_map(|(_, data)| run(data)).collect();
    for path in PATHS {
        let well = [200, 204].iter().any(|status| seen.contains(&format!("{path} {status}")));
        assert!(well, "{path} is never answered well: {seen:?}");
        let own = path.replace("/webhooks/", "/webhooks/tenants/default/");
        assert!(seen.iter().any(|one| one.starts_with(&format!("{own} 20"))), "{own} is never answered well");
    }
    for status in ["400", "403", "404", "405", "413", "415", "503"] {
        assert!(seen.iter().any(|one| one.ends_with(status)), "nothing is answered with {status}: {seen:?}");
    }
}

#[test]
fn the_service_keeps_its_promises_for_whatever_is_like_a_sample() {
    let pool = pool();
    for seed in 0..80 {
        let data = mutated(&mut Random::new(seed), &pool);
        println!("{seed}: {} bytes", data.len());
        run(&data);
    }
}

#[test]
fn nothing_and_a_megabyte_of_anything_are_answered_at_every_webhook() {
    for path in PATHS {
        let most = if path.ends_with("vapi") { 1 << 20 } else { 64 << 10 };
        let own = path.replace("/webhooks/", "/webhooks/tenants/default/");
        let word = if path.ends_with("vapi") { "hj" } else { "u" };
        for head in [format!("s {path}"), format!("{word} {path}"), format!("sj {own}")] {
            let mut requests = vec![format!("{head}\n\n")];
            for filler in ["\0", "a=b&", "[", "{\"a\":", "%"] {
                let body = filler.repeat(most / filler.len());
                requests.push(format!("{head}\n\n{body}"));
            }
            requests.push(format!("{head}\n\n{}", "x".repeat((1 << 20) + 1)));
            run(requests.join("\n===\n").as_bytes());
        }
    }
}

/// Tries for as long as `FUZZ_SECONDS` says, and names the seed that breaks a promise. `cargo test --release -p
/// carrier-webhooks --test corpus -- --ignored --nocapture`
#[test]
#[ignore = "runs for minutes"]
fn try_for_long() {
    mutation::for_long(&pool(), |data| drop(run(data)));
}

fn pool() -> Vec<Vec<u8>> {
    samples("corpus").into_iter().map(|(_, data)| data).collect()
}

fn samples(folder: &str) -> Vec<(String, Vec<u8>)> {
    mutation::files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(folder).join("webhooks"))
}
