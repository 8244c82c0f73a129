//! Which memories are recalled.

#![cfg(test)]

use memory::{
    bindings::exports::voicehive::platform::memory::{Error, Kind, Query, Ranked, Snapshot},
    embedding::embed,
    ranking::{FLOOR, rank},
};
use proptest::prelude::*;

const DAY: u64 = 24 * 60 * 60 * 1000;
const NOW: u64 = 20_000 * DAY;

#[test]
fn the_memory_that_the_words_are_about_comes_first() {
    let candidates = [
        snapshot("bill", Kind::Problem, "The caller reported: \"my invoice is wrong\"", NOW - 3 * DAY),
        snapshot(
            "visit",
            Kind::Appointment,
            "Booked: Tuesday 24 November 2026 at 15:00, reference A-7K2",
            NOW - 5 * DAY,
        ),
        snapshot(
            "mornings",
            Kind::Preference,
            "The caller said how they like things: \"I prefer mornings\"",
            NOW - DAY,
        ),
    ];
    let first = |text: &str| rank(&query(text), &candidates).unwrap()[0].id.clone();
    assert_eq!(first("there is still an error on my bill"), "bill");
    assert_eq!(first("can I move my booking on Tuesday the 24th"), "visit");
    assert_eq!(first("do you have something in the morning"), "mornings");
}

#[test]
fn recency_halves_every_thirty_days_and_the_future_counts_as_present() {
    let at = |at: u64| rank(&query("router"), &[snapshot("a", Kind::Fact, "router", at)]).unwrap()[0].recency;
    assert_eq!(at(NOW), 1.0);
    assert_eq!(at(NOW + DAY), 1.0);
    assert_eq!(at(NOW - 30 * DAY), 0.5);
    assert_eq!(at(NOW - 60 * DAY), 0.25);
}

#[test]
fn the_score_is_made_of_its_documented_shares() {
    let ranked = rank(&query("router"), &[snapshot("a", Kind::Summary, "router", NOW - 30 * DAY)]).unwrap();
    assert!((ranked[0].similarity - 1.0).abs() < 1e-6);
    assert!((ranked[0].score - (0.60 + 0.25 * 0.5 + 0.15 * 0.5)).abs() < 1e-6, "{}", ranked[0].score);
}

#[test]
fn before_a_word_is_said_the_newest_facts_are_recalled() {
    let candidates = [
        snapshot("summary", Kind::Summary, "On Monday the caller asked for prices", NOW - DAY),
        snapshot("name", Kind::Fact, "The caller's name is Dana.", NOW - DAY),
        snapshot("old", Kind::Fact, "The caller's name is Diana.", NOW - 200 * DAY),
    ];
    assert_eq!(ids(&rank(&query(""), &candidates).unwrap()), ["name", "summary"]);
}

#[test]
fn what_is_old_and_unrelated_is_left_out() {
    let old =
        snapshot("old", Kind::Problem, "The caller reported: \"the parcel never arrived\"", NOW - 365 * DAY);
    assert_eq!(rank(&query("book a haircut"), std::slice::from_ref(&old)).unwrap(), []);
    assert_eq!(ids(&rank(&query("my parcel never arrived"), &[old]).unwrap()), ["old"]);
}

#[test]
fn ties_go_to_the_newer_and_then_to_the_smaller_id() {
    let future = |id: &str, at: u64| snapshot(id, Kind::Fact, "router", at);
    // Both lie in the future and so have the same recency.
    let candidates = [future("c", NOW + 1), future("b", NOW + 1), future("d", NOW + 2), future("a", NOW)];
    assert_eq!(ids(&rank(&query("router"), &candidates).unwrap()), ["d", "b", "c", "a"]);
}

#[test]
fn a_vendors_embedding_outranks_the_text_of_the_query() {
    let mut asked = query("words that are not looked at");
    asked.embedding = Some(vec![1.0, 0.0]);
    let mut near = snapshot("near", Kind::Fact, "", NOW);
    near.embedding = vec![2.0, 0.1];
    let mut opposite = snapshot("opposite", Kind::Fact, "", NOW);
    opposite.embedding = vec![-3.0, 0.0];
    let ranked = rank(&asked, &[opposite, near]).unwrap();
    assert_eq!(ids(&ranked), ["near", "opposite"]);
    assert_eq!(ranked[1].similarity, -1.0);
    assert!((ranked[1].score - 0.40).abs() < 1e-6, "an opposite is no worse than an unrelated one");
}

#[test]
fn unusable_input_is_refused_by_name() {
    let good = snapshot("good", Kind::Fact, "router", NOW);
    let mut short = snapshot("short", Kind::Fact, "router", NOW);
    short.embedding.pop();
    let mut infinite = snapshot("infinite", Kind::Fact, "router", NOW);
    infinite.embedding[3] = f32::INFINITY;
    let with = |embedding: Vec<f32>| Query { embedding: Some(embedding), ..query("router") };
    assert_eq!(rank(&query("router"), &[good.clone(), short]), Err(Error::DimensionMismatch("short".into())));
    assert_eq!(rank(&query("router"), &[good.clone(), infinite]), Err(Error::NotFinite("infinite".into())));
    assert_eq!(
        rank(&with(vec![f32::NAN; 768]), std::slice::from_ref(&good)),
        Err(Error::NotFinite(String::new()))
    );
    assert!(matches!(rank(&with(vec![]), &[]), Err(Error::Invalid(text)) if text.contains("no dimensions")));
    for limit in [0, 101] {
        let refused = rank(&Query { limit, ..query("router") }, std::slice::from_ref(&good));
        assert!(
            matches!(refused, Err(Error::Invalid(text)) if text.contains(&limit.to_string()) && text.contains("1 to 100"))
        );
    }
}

proptest! {
    #[test]
    fn ranking_is_ordered_bounded_and_blind_to_the_order_of_candidates(
        text in "[a-z ]{0,30}",
        candidates in proptest::collection::vec(("[a-d]{1,3}", 0usize..5, "[a-z ]{0,30}", 0u64..NOW * 2), 0..20),
        limit in 1u32..=100,
    ) {
        let mut candidates: Vec<Snapshot> = candidates
            .iter()
            .enumerate()
            .map(|(at, (id, kind, text, when))| snapshot(&format!("{id}{at}"), KINDS[*kind], text, *when))
            .collect();
        let asked = Query { limit, ..query(&text) };
        let ranked = rank(&asked, &candidates).unwrap();
        prop_assert!(ranked.len() <= limit as usize);
        prop_assert!(ranked.is_sorted_by(|a, b| a.score >= b.score));
        for one in &ranked {
            prop_assert!((FLOOR as f32..=1.0).contains(&one.score));
            prop_assert!((-1.0..=1.0).contains(&one.similarity) && (0.0..=1.0).contains(&one.recency));
        }
        candidates.reverse();
        prop_assert_eq!(rank(&asked, &candidates).unwrap(), ranked);
    }
}

const KINDS: [Kind; 5] = [Kind::Fact, Kind::Preference, Kind::Appointment, Kind::Problem, Kind::Summary];

fn query(text: &str) -> Query {
    Query { text: text.to_owned(), embedding: None, now: NOW, limit: 10 }
}

fn snapshot(id: &str, kind: Kind, text: &str, at: u64) -> Snapshot {
    Snapshot { id: id.to_owned(), kind, text: text.to_owned(), embedding: embed(text), at }
}

fn ids(ranked: &[Ranked]) -> Vec<&str> {
    ranked.iter().map(|ranked| ranked.id.as_str()).collect()
}
