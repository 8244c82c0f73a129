//! What `docs/tool-refusals.md` says of codes and limits is what holds.
#![cfg(test)]

use std::collections::BTreeSet;
use std::path::Path;

use gate::{Code, Limits, Quantity};

const CODES: &str = "| code | what is wrong | what to do |";
const SIZES: &str = "| what | in `standard` | in `large` |";
const COUNTS: &str = "| code | what is counted | in `standard` | in `large` |";

#[test]
fn every_code_is_documented_and_no_other() {
    let rows = table(CODES);
    let documented: BTreeSet<&str> = rows.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(documented.len(), rows.len(), "a code has two rows");
    let codes: BTreeSet<&str> = Code::all().map(Code::as_str).collect();
    assert_eq!(documented, codes);
    for row in &rows {
        assert!(row.len() == 3 && row.iter().all(|cell| !cell.is_empty()), "{row:?}");
    }
}

#[test]
fn the_counts_are_those_of_the_tiers() {
    let expected: Vec<[String; 3]> = Quantity::all()
        .map(|quantity| {
            let code = Code::TooMany(quantity).as_str().to_owned();
            let most = |limits: Limits| shown(quantity, limits.counts.get(quantity));
            [code, most(Limits::STANDARD), most(Limits::LARGE)]
        })
        .collect();
    let documented: Vec<[String; 3]> = table(COUNTS).into_iter().map(without_words).collect();
    assert_eq!(documented, expected);
}

#[test]
fn the_sizes_are_those_of_the_tiers() {
    let rows = table(SIZES);
    let sizes = |limits: Limits| {
        [
            ("bytes of the component", format!("{} MiB", limits.component_bytes >> 20)),
            ("bytes of the schema", format!("{} KiB", limits.schema_bytes >> 10)),
            ("levels of objects and arrays in the schema", limits.schema_depth.to_string()),
            (
                "objects and arrays in the schema, as often as references lead to them",
                limits.schema_nodes.to_string(),
            ),
        ]
    };
    for ((what, standard), (_, large)) in sizes(Limits::STANDARD).into_iter().zip(sizes(Limits::LARGE)) {
        let row = [what.to_owned(), standard, large];
        assert!(rows.iter().any(|documented| documented[..] == row), "there should be a row {row:?}");
    }
}

/// A number as the page writes it: bytes in the largest unit that leaves nothing over.
fn shown(quantity: Quantity, number: u64) -> String {
    match number {
        _ if !quantity.name().ends_with("-bytes") => number.to_string(),
        _ if number.is_multiple_of(1 << 20) => format!("{} MiB", number >> 20),
        _ if number.is_multiple_of(1 << 10) => format!("{} KiB", number >> 10),
        _ => format!("{number} bytes"),
    }
}

/// Code and numbers of a row that says between them what is counted.
fn without_words(row: Vec<String>) -> [String; 3] {
    let [code, _, standard, large] = <[String; 4]>::try_from(row).unwrap();
    [code, standard, large]
}

/// The rows of the table with this head, as texts without the marks of code.
fn table(head: &str) -> Vec<Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/tool-refusals.md");
    let page = std::fs::read_to_string(path).unwrap();
    let body = page.lines().skip_while(|line| *line != head).skip(2);
    let rows: Vec<Vec<String>> = body.take_while(|line| line.starts_with('|')).map(cells).collect();
    assert!(!rows.is_empty(), "there is no table with the head {head}");
    rows
}

fn cells(row: &str) -> Vec<String> {
    let inner = row.trim().trim_start_matches('|').trim_end_matches('|');
    inner.split('|').map(|cell| cell.trim().trim_matches('`').to_owned()).collect()
}
