use super::*;
use crate::spelling::Dictation;

#[test]
fn interims_replace_and_finals_append() {
    let mut words = transcript();
    words.interim(ms(1), "tell");
    words.interim(ms(2), "tell me");
    words.final_words(ms(3), "Tell me a story.", true);
    words.interim(ms(4), "of");
    assert_eq!(words.text(), "Tell me a story. of");
    words.final_words(ms(5), "Of bees.", true);
    assert_eq!(words.text(), "Tell me a story. Of bees.");
}

#[test]
fn an_empty_final_opens_no_turn() {
    let mut words = transcript();
    assert!(!words.final_words(ms(1), "  ", true));
    assert!(words.is_empty());
    assert_eq!(words.commit_at(&patience(), ms(0), true), None);
}

#[test]
fn a_complete_final_is_committed_soon_after_the_end_of_speech() {
    assert_eq!(due("Tell me a story.", ""), Some(ms(1250)));
}

#[test]
fn an_unfinished_final_waits_and_a_trailing_one_waits_longer() {
    assert_eq!(due("tell me a story", ""), Some(ms(2500)));
    assert_eq!(due("tell me a story and", ""), Some(ms(3500)));
}

#[test]
fn an_interim_waits_for_its_final() {
    assert_eq!(due("", "tell me a story"), Some(ms(1400)));
    assert_eq!(due("", "tell me a story and"), Some(ms(3500)));
}

#[test]
fn an_utterance_end_commits_at_once_unless_a_newer_interim_came() {
    let mut words = transcript();
    words.final_words(ms(1100), "tell me a story and", true);
    words.utterance_end(ms(1150));
    assert_eq!(words.commit_at(&patience(), ms(1000), true), Some(ms(1200)));
    words.interim(ms(1300), "another one please");
    assert_eq!(words.commit_at(&patience(), ms(1000), true), Some(ms(1400)));
}

#[test]
fn without_frames_quiet_after_the_transcript_decides() {
    let mut words = transcript();
    words.interim(ms(1700), "tell me");
    assert_eq!(words.commit_at(&patience(), ms(1000), false), Some(ms(2300)));
}

#[test]
fn the_final_of_a_committed_interim_brings_only_its_new_words() {
    let mut words = transcript();
    words.interim(ms(1), "book a table");
    assert_eq!(words.commit(ms(1)), "book a table");
    assert!(!words.interim(ms(2), "book a table"));
    assert!(words.interim(ms(3), "book a table for"));
    assert_eq!(words.text(), "for");
    assert!(words.final_words(ms(4), "Book a table for two.", true));
    assert_eq!(words.text(), "for two.");
    assert!(words.final_words(ms(5), "Book a table.", true));
    assert_eq!(words.text(), "for two. Book a table.");
}

#[test]
fn a_corrected_repetition_is_left_out_and_new_words_are_not() {
    let mut words = transcript();
    words.interim(ms(1), "book a cable");
    words.commit(ms(1));
    assert!(words.interim(ms(2), "book a table - for two"));
    assert_eq!(words.text(), "- for two");
    assert!(words.interim(ms(3), "what else is there"));
    assert_eq!(words.text(), "what else is there");
}

#[test]
fn a_final_that_repeats_a_committed_interim_opens_no_turn() {
    let mut words = transcript();
    words.interim(ms(1), "book a table");
    words.commit(ms(1));
    assert!(!words.final_words(ms(2), "Book a table.", true));
    assert!(words.is_empty());
}

#[test]
fn an_end_that_was_heard_long_before_the_voice_ended_is_none() {
    let mut words = transcript();
    words.final_words(ms(500), "Tell me a story.", true);
    words.utterance_end(ms(800));
    assert_eq!(words.commit_at(&patience(), ms(1000), true), Some(ms(1200)));
    assert_eq!(words.commit_at(&patience(), ms(1001), true), Some(ms(1401)), "words are owed");
}

#[test]
fn a_turn_that_is_resumed_waits_for_its_words() {
    let mut words = transcript();
    words.final_words(ms(900), "Tell me a story.", true);
    words.utterance_end(ms(1100));
    words.resumed(ms(1150));
    assert_eq!(words.commit_at(&patience(), ms(1000), true), Some(ms(1550)));
    words.interim(ms(1200), "about bees");
    assert_eq!(words.commit_at(&patience(), ms(1000), true), Some(ms(1400)));
}

#[test]
fn a_final_without_an_end_waits_for_the_rest() {
    let mut words = transcript();
    words.final_words(ms(900), "Tell me a story.", false);
    assert_eq!(words.commit_at(&patience(), ms(1000), true), Some(ms(1400)));
    words.final_words(ms(1050), "", true);
    assert_eq!(words.commit_at(&patience(), ms(1000), true), Some(ms(1250)));
}

#[test]
fn an_interim_of_a_lost_stream_is_replaced_or_committed() {
    let mut words = transcript();
    words.interim(ms(900), "tell me");
    words.stream_lost(ms(901));
    assert_eq!(words.commit_at(&patience(), ms(1000), true), Some(ms(1400)));
    words.final_words(ms(1100), "Tell me a story.", true);
    assert_eq!(words.text(), "Tell me a story.");
}

#[test]
fn an_interim_that_was_committed_is_left_out_of_the_next_stream() {
    let mut words = transcript();
    words.interim(ms(900), "tell me");
    words.commit(ms(901));
    words.stream_lost(ms(902));
    words.final_words(ms(1100), "Tell me a story.", true);
    assert_eq!(words.text(), "a story.");
}

#[test]
fn an_answer_to_a_closed_question_is_taken_at_once() {
    let asked = Asked { closed: true, dictation: None };
    let mut words = transcript();
    words.final_words(ms(1100), "Yes.", true);
    assert_eq!(words.commit_at(&Patience { asked, ..patience() }, ms(1000), true), Some(ms(1200)));
    assert_eq!(words.commit_at(&patience(), ms(1000), true), Some(ms(1250)));
}

#[test]
fn digits_are_waited_for_even_as_an_interim_and_longer_where_asked_for() {
    assert_eq!(due("", "my number is five five five"), Some(ms(2500)));
    assert_eq!(due("It is 555.", ""), Some(ms(2500)));
    let asked = Asked { closed: false, dictation: Some(Dictation::Number { digits: 10 }) };
    let mut words = transcript();
    words.final_words(ms(1100), "It is 555.", true);
    assert_eq!(words.commit_at(&Patience { asked, ..patience() }, ms(1000), true), Some(ms(3500)));
}

#[test]
fn a_learned_pause_is_the_wait_for_a_whole_sentence() {
    let patience = Patience { complete: ms(600), ..patience() };
    let mut words = transcript();
    words.final_words(ms(1100), "Tell me a story.", true);
    assert_eq!(words.commit_at(&patience, ms(1000), true), Some(ms(1600)));
}

fn transcript() -> Transcript {
    Transcript::new(&Endpointing::default())
}

fn due(finals: &str, interim: &str) -> Option<CallTime> {
    let mut words = transcript();
    words.final_words(ms(900), finals, true);
    words.interim(ms(950), interim);
    words.commit_at(&patience(), ms(1000), true)
}

fn patience() -> Patience<'static> {
    static SETTINGS: std::sync::LazyLock<Endpointing> = std::sync::LazyLock::new(Endpointing::default);
    Patience { settings: &SETTINGS, asked: Asked::default(), complete: SETTINGS.complete }
}

fn ms(ms: u64) -> CallTime {
    Duration::from_millis(ms)
}
