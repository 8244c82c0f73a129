//! The platform's own tools go through the same gate.
#![cfg(test)]

mod common;

use std::path::Path;

use common::stamp;
use gate::{Limits, StampRule, check};

/// The built-in tools where they were built, as `cargo xtask test` does before; else a tool made from the contract.
fn tools() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/components");
    let built: Vec<(String, Vec<u8>)> = ["appointments", "leads", "notifications"]
        .iter()
        .filter_map(|name| {
            Some(((*name).to_owned(), std::fs::read(folder.join(format!("{name}.wasm"))).ok()?))
        })
        .collect();
    if built.is_empty() { vec![("from the contract".into(), common::good())] } else { built }
}

#[test]
fn they_are_accepted_and_with_a_stamp_where_one_is_asked_for() {
    let stamped = Limits { stamp: StampRule::Required, ..Limits::STANDARD };
    for (name, bytes) in tools() {
        let report = check(&bytes, &Limits::STANDARD).unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
        assert!(check(&stamp().append(&bytes), &stamped).is_ok(), "{name}");
        let counts: Vec<String> =
            report.counts.iter().map(|(what, count)| format!("{} {count}", what.name())).collect();
        println!("{name}: {} bytes, {}", report.bytes, counts.join(", "));
    }
}
