//! What the lexical embedding likens and what it keeps apart.

#![cfg(test)]

use memory::embedding::{DIMENSIONS, embed};
use proptest::prelude::*;

#[test]
fn what_means_much_the_same_is_nearer_than_what_does_not() {
    for (text, near, far) in [
        ("move my appointment", "reschedule the booking", "what does it cost"),
        (
            "I want to cancel my appointment",
            "please cancel the booking for Friday",
            "the parcel never arrived",
        ),
        ("how much is a cleaning", "what are your prices for cleaning", "where are you located"),
        ("my router does not work", "the router has stopped working", "I prefer mornings"),
        (
            "I prefer mornings",
            "The caller said how they like things: \"I prefer mornings\"",
            "The caller's name is Dana.",
        ),
        ("my invoice is wrong", "there is an error on the bill", "can I bring my dog"),
        ("toothache on the left side", "the tooth on the left hurts", "opening hours on Sunday"),
        (
            "I'd like a table for four on Saturday",
            "reservation for four people on Saturday",
            "my password is not accepted",
        ),
        ("is the delivery on its way", "when will my parcel be delivered", "book a haircut"),
        ("reshcedule my appointment", "reschedule my appointment", "cancel my subscription"),
    ] {
        let (to_near, to_far) = (cosine(&embed(text), &embed(near)), cosine(&embed(text), &embed(far)));
        assert!(to_near > to_far + 0.1, "{text:?}: {near:?} {to_near:.3}, {far:?} {to_far:.3}");
    }
}

#[test]
fn the_very_words_are_nearer_than_their_synonyms() {
    let text = embed("move my appointment");
    assert!(
        cosine(&text, &embed("move my appointment please")) > cosine(&text, &embed("reschedule my booking"))
    );
}

#[test]
fn capitals_apostrophes_and_punctuation_make_no_difference() {
    assert_eq!(embed("Don\u{2019}t MOVE it!"), embed("don't, move it"));
}

#[test]
fn text_without_a_word_embeds_as_zero() {
    for text in ["", "  ...!? -- ", "\u{1f600}", "''"] {
        assert!(embed(text).iter().all(|value| *value == 0.0), "{text:?}");
    }
}

#[test]
fn what_stands_past_the_limit_is_not_read() {
    let text = "word ".repeat(memory::embedding::MAX_TEXT / 5 + 1);
    assert_eq!(embed(&text), embed(&format!("{text} something else entirely")));
}

proptest! {
    #[test]
    fn any_text_embeds_alike_every_time_and_to_unit_length(text in any::<String>()) {
        let embedding = embed(&text);
        prop_assert_eq!(embedding.len(), DIMENSIONS);
        let norm: f64 = embedding.iter().map(|value| f64::from(*value) * f64::from(*value)).sum::<f64>().sqrt();
        let has_word = text.chars().any(char::is_alphanumeric);
        prop_assert!((norm - if has_word { 1.0 } else { 0.0 }).abs() < 1e-5, "{}", norm);
        prop_assert_eq!(embed(&text), embedding);
    }
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
