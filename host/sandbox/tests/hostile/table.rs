//! The table of all hostile tools in `README.md`.

use std::fmt::Write as _;
use std::fs;

use crate::source::{Source, folder};

/// The modules that hold the tests.
const TESTS: [&str; 5] = [
    include_str!("attempts.rs"),
    include_str!("bytes.rs"),
    include_str!("calls.rs"),
    include_str!("definitions.rs"),
    include_str!("edges.rs"),
];

#[test]
fn the_table_says_what_the_sources_say() {
    let mut table = String::from("| tool | what it does | ends with |\n| --- | --- | --- |\n");
    for source in Source::all() {
        writeln!(table, "| `{}` | {} | `{}` |", source.name, source.tries, source.ends).unwrap();
    }
    let readme = fs::read_to_string(folder().join("README.md")).unwrap();
    assert!(readme.ends_with(&table), "README.md should end with this table:\n{table}");
}

#[test]
fn every_tool_has_its_test() {
    let sources = Source::all();
    assert!(sources.len() >= 40, "{} tools", sources.len());
    for Source { name, .. } in sources {
        let of_the_list = format!("    {} => ", name.replace('-', "_"));
        let of_its_own = format!("\"{name}\"");
        let tested = TESTS.iter().any(|tests| tests.contains(&of_the_list) || tests.contains(&of_its_own));
        assert!(tested, "{name} has no test");
    }
}
