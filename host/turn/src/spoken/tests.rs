use std::time::Duration;

use proptest::prelude::*;

use super::*;

#[test]
fn a_done_clause_is_heard_by_share_in_whole_words() {
    let mut spoken = Spoken::new(pace());
    spoken.push("I have Monday, ");
    spoken.push("Tuesday and Friday.");
    spoken.done(ClauseId(0), secs(1), 0);
    spoken.done(ClauseId(1), secs(3), 0);
    assert_eq!(spoken.heard(0), "");
    assert_eq!(spoken.heard(secs(1) / 2), "I have");
    assert_eq!(spoken.heard(secs(1)), "I have Monday,");
    assert_eq!(spoken.heard(secs(2)), "I have Monday, Tuesday");
    assert_eq!(spoken.heard(secs(3) - 1), "I have Monday, Tuesday and");
    assert_eq!(spoken.heard(secs(3)), "I have Monday, Tuesday and Friday.");
}

#[test]
fn an_open_clause_is_credited_as_slow_speech() {
    let mut spoken = Spoken::new(pace());
    spoken.push("I have Monday and Tuesday for you.");
    assert_eq!(spoken.heard(secs(1) / 2), "I");
    assert_eq!(spoken.heard(secs(1)), "I have");
    assert_eq!(spoken.heard(secs(2)), "I have Monday and");
}

#[test]
fn word_times_decide_where_they_are_known() {
    let mut spoken = Spoken::new(pace());
    spoken.push("I have Monday at 3.30, ok?");
    spoken.place(&[word("I", 0, 100), word("have", 100, 900), word("Monday", 900, 1500)], 0);
    spoken.done(ClauseId(0), secs(3), 0);
    assert_eq!(spoken.heard(secs(1) / 2), "I");
    assert_eq!(spoken.heard(secs(1)), "I have");
    assert_eq!(spoken.first_unheard(secs(1)), 900 * 8);
}

#[test]
fn words_that_are_written_differently_are_skipped() {
    let mut spoken = Spoken::new(pace());
    spoken.push("At 3.30 or later?");
    spoken.place(
        &[word("at", 0, 100), word("three", 100, 300), word("thirty", 300, 500), word("or", 500, 600)],
        0,
    );
    spoken.done(ClauseId(0), secs(1), 0);
    assert_eq!(spoken.heard(200 * 8), "At");
    assert_eq!(spoken.heard(600 * 8), "At 3.30 or");
}

#[test]
fn a_repeat_begins_with_the_first_unheard_word() {
    let mut spoken = Spoken::new(pace());
    spoken.push("Tuesday and Friday. ");
    spoken.done(ClauseId(0), secs(2), 0);
    let heard = secs(2) / 2;
    assert_eq!(spoken.heard(heard), "Tuesday");
    let from = spoken.first_unheard(heard);
    assert!(from <= heard && from >= secs(2) * 7 / 20, "{from}");
    assert_eq!(spoken.first_unheard(0), 0);
}

#[test]
fn a_clause_that_is_spoken_anew_is_not_heard_by_its_lost_audio() {
    let mut spoken = Spoken::new(pace());
    spoken.push("First one. ");
    spoken.push("Second one.");
    spoken.done(ClauseId(0), secs(1), 0);
    spoken.restart_open(secs(1) + secs(1) / 2, 0);
    assert_eq!(spoken.heard(secs(1) + secs(1) / 2), "First one.");
    spoken.all_done(secs(3), 0);
    assert_eq!(spoken.heard(secs(3)), "First one. Second one.");
}

#[test]
fn clauses_that_are_not_told_apart_share_their_audio() {
    let mut spoken = Spoken::new(pace());
    spoken.push("Ten chars, ");
    spoken.push("ten again, ");
    spoken.all_done(secs(2), 0);
    assert_eq!(spoken.heard(secs(1)), "Ten chars,");
}

#[test]
fn a_tone_has_no_words_and_moves_those_behind_it() {
    let mut spoken = Spoken::new(pace());
    spoken.push("One moment. ");
    spoken.place(&[word("One", 0, 400), word("moment", 400, 1000)], 0);
    spoken.done(ClauseId(0), secs(1), 0);
    spoken.insert_tone(secs(1)..secs(2));
    spoken.push("It is done.");
    spoken.place(&[word("It", 1000, 1300), word("is", 1300, 1600), word("done", 1600, 2000)], 0);
    for (heard, expected) in
        [(secs(1), "One moment."), (secs(2), "One moment."), (secs(2) + 1300, "One moment.")]
    {
        assert_eq!(spoken.heard(heard), expected);
    }
    assert_eq!(spoken.heard(secs(2) + 300 * 8), "One moment. It");
    spoken.all_done(secs(3), 0);
    assert_eq!(spoken.heard(secs(2) + 600 * 8), "One moment. It is");
    assert_eq!(spoken.heard(secs(3)), "One moment. It is done.");
}

#[test]
fn a_repeat_within_a_tone_begins_with_the_next_key_where_the_first_was_recognised() {
    let mut spoken = Spoken::new(pace());
    spoken.insert_tone(0..1600);
    spoken.insert_tone(1600..3200);
    assert_eq!(spoken.first_unheard(1600 + 39 * 8), 1600);
    assert_eq!(spoken.first_unheard(1600 + 40 * 8), 3200);
    assert_eq!(spoken.first_unheard(1600), 1600);
}

#[test]
fn word_times_count_from_the_synthesisers_audio() {
    let mut spoken = Spoken::new(pace());
    spoken.push("One moment. ");
    spoken.inserted(0, secs(2), 0);
    spoken.push("Yes. ");
    spoken.place(&[word("Yes.", 0, 1000)], 0);
    spoken.done(ClauseId(1), secs(3), 0);
    spoken.push("Hold on. ");
    spoken.inserted(secs(3), secs(7), 0);
    spoken.push("It is free.");
    spoken.place(&[word("It", 1000, 1500), word("is", 1500, 2000), word("free", 2000, 3000)], 0);
    assert_eq!(spoken.heard(secs(3) - 1), "One moment.");
    assert_eq!(spoken.heard(secs(3)), "One moment. Yes.");
    assert_eq!(spoken.heard(secs(8) - 1), "One moment. Yes. Hold on. It");
    assert_eq!(spoken.heard(secs(9) - 1), "One moment. Yes. Hold on. It is");
    assert_eq!(spoken.heard(secs(9)), "One moment. Yes. Hold on. It is free.");
    assert_eq!(spoken.first_unheard(secs(8)), secs(8));
}

#[test]
fn a_broken_off_clause_is_open_and_those_before_it_that_are_out_are_not() {
    let mut spoken = Spoken::new(pace());
    spoken.push("Here I am. ");
    spoken.push("What is it that you want?");
    assert_eq!(spoken.clone().broke_off(secs(1) / 2, 0), Some(0));
    assert_eq!(spoken.broke_off(secs(2), 0), Some(1));
    spoken.restart_open(secs(2), 0);
    assert_eq!(spoken.heard(secs(2)), "Here I am.");
    spoken.all_done(secs(4), 0);
    assert_eq!(spoken.heard(secs(4)), "Here I am. What is it that you want?");
}

#[test]
fn words_that_will_not_be_spoken_are_not_said() {
    let mut spoken = Spoken::new(pace());
    spoken.push("I have Monday at ten, ");
    spoken.push("and Tuesday.");
    spoken.give_up_open(secs(1), 0);
    assert_eq!(spoken.said(), "I have");
    assert_eq!(spoken.first_open(), None);
    spoken.push(" Sorry.");
    spoken.inserted(secs(1), secs(2), 0);
    assert_eq!(spoken.heard(secs(1)), "I have");
    assert_eq!(spoken.heard(secs(2)), "I have Sorry.");
    assert_eq!(spoken.clauses_from(1).map(|(_, text)| text).collect::<Vec<_>>(), ["", " Sorry."]);
}

proptest! {
    #[test]
    fn heard_is_a_monotone_prefix_of_whole_words(
        clauses in proptest::collection::vec("[a-zé]{1,8}( [a-z,]{1,8}){0,6}[.?] ?", 1..6),
        steps in proptest::collection::vec((0u8..5, 0u64..12_000, 0u64..4_000), 1..60),
    ) {
        let mut spoken = Spoken::new(pace());
        let mut pending = clauses.into_iter();
        let (mut received, mut heard, mut before) = (0, 0, 0);
        let mut tone_ends = Vec::new();
        for (what, audio, play) in steps {
            match what {
                0 => { if let Some(clause) = pending.next() { spoken.push(&clause); } }
                1 => received += audio,
                2 => if let Some(open) = spoken.first_open() {
                    spoken.done(ClauseId(u32::try_from(open).unwrap()), received, heard);
                },
                3 => if spoken.first_open().is_none() || spoken.open_from() == received {
                    spoken.insert_tone(received..received + audio);
                    received += audio;
                    tone_ends.push(received);
                },
                _ => spoken.place(&[word("a", 0, audio / 8)], heard),
            }
            heard = (heard + play).min(received);
            let length = spoken.heard_length(heard);
            prop_assert!(length >= before);
            let from = spoken.first_unheard(heard);
            prop_assert!(from <= heard || tone_ends.contains(&from));
            let text = spoken.heard(heard);
            prop_assert!(spoken.said().trim_start().starts_with(text));
            let next = spoken.said().get(length..).and_then(|rest| rest.chars().next());
            let last = text.chars().next_back();
            let cut_word = next.is_some_and(char::is_alphanumeric) && last.is_some_and(char::is_alphanumeric);
            prop_assert!(!cut_word, "{text:?} of {:?}", spoken.said());
            before = length;
        }
    }
}

fn word(word: &str, start: u64, end: u64) -> SpokenWord {
    SpokenWord { word: word.into(), start: Duration::from_millis(start), end: Duration::from_millis(end) }
}

fn secs(n: u64) -> u64 {
    n * 8_000
}

fn pace() -> Pace {
    Pace {
        frame_bytes: 160,
        silence: 0xFF,
        lead: Duration::from_millis(300),
        mark_every: Duration::from_millis(500),
    }
}
