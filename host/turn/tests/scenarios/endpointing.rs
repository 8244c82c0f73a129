//! What the recogniser says of the end of a turn, and what the words say.

use events::CallEvent;
use turn::{AgentConfig, Input, SttInput};

use crate::sim::{Sim, assert_near, secs};

#[test]
fn an_end_of_turn_commits_as_soon_as_the_voice_is_known_to_be_silent() {
    for (at, expected) in [(1.95, 2.2), (2.1, 2.2), (2.6, 2.6)] {
        let mut sim = Sim::new(AgentConfig::default());
        sim.voice(1.0, 2.0).answers("Fine.").at(secs(at), end_of_turn("I want Tuesday and")).run(6.0);
        let turns = committed(&sim);
        assert_eq!(turns.len(), 1);
        assert_eq!(turns[0].1, "I want Tuesday and");
        assert_near(turns[0].0, expected);
    }
}

#[test]
fn an_end_of_turn_commits_nothing_while_the_caller_speaks_on() {
    let mut sim = Sim::new(AgentConfig::default());
    sim.voice(1.0, 4.0).answers("Fine.");
    sim.at(secs(2.0), end_of_turn("I want Tuesday.")).at(secs(4.3), finally("And Friday.", true)).run(8.0);
    let turns = committed(&sim);
    assert_eq!(turns.len(), 1, "{turns:?}");
    assert_eq!(turns[0].1, "I want Tuesday. And Friday.");
    assert_near(turns[0].0, 4.3);
}

#[test]
fn an_end_of_turn_that_is_older_than_an_interim_commits_nothing() {
    let mut sim = Sim::new(AgentConfig::default());
    sim.voice(1.0, 2.0).answers("Fine.");
    sim.at(secs(1.9), end_of_turn("I want Tuesday")).at(secs(2.1), interim("and")).run(6.0);
    let turns = committed(&sim);
    assert_eq!(turns.len(), 1);
    assert_eq!(turns[0].1, "I want Tuesday and");
    assert_near(turns[0].0, 4.5);
}

#[test]
fn an_eager_end_of_turn_brings_words_and_its_end_of_turn_no_second_turn() {
    for (end_at, expected) in [(2.3, 2.3), (2.9, 2.4)] {
        let mut sim = Sim::new(AgentConfig::default());
        sim.voice(1.0, 2.0).answers("Once upon a time.").at(secs(2.15), eager("Tell me a story"));
        sim.at(secs(end_at), end_of_turn("Tell me a story.")).run(8.0);
        let turns = committed(&sim);
        assert_eq!(turns.len(), 1, "{turns:?}");
        assert_near(turns[0].0, expected);
        assert!(!sim.finished(1).3);
    }
}

#[test]
fn a_resumed_turn_is_not_committed_before_its_words() {
    let mut sim = Sim::new(AgentConfig::default());
    sim.voice(1.0, 2.0).voice(2.9, 3.6).answers("Fine.").answers("Fine.");
    sim.at(secs(2.1), eager("I want Tuesday")).at(secs(2.35), Input::Stt(SttInput::TurnResumed));
    sim.at(secs(2.7), interim("I want Tuesday and")).at(secs(3.7), end_of_turn("I want Tuesday and Friday."));
    sim.run(8.0);
    let turns = committed(&sim);
    assert_eq!(turns.len(), 1, "{turns:?}");
    assert_eq!(turns[0].1, "I want Tuesday and Friday.");
    assert_near(turns[0].0, 3.8);
}

#[test]
fn a_resumed_turn_takes_an_end_back() {
    let mut sim = Sim::new(AgentConfig::default());
    sim.voice(1.0, 2.0).answers("Fine.").at(secs(2.05), finally("I want Tuesday and", true));
    sim.at(secs(2.1), Input::Stt(SttInput::UtteranceEnd)).at(secs(2.15), Input::Stt(SttInput::TurnResumed));
    sim.run(6.0);
    assert_near(committed(&sim)[0].0, 4.5);
}

#[test]
fn a_final_without_an_end_of_speech_waits_for_the_rest() {
    for (speech_final, expected) in [(true, 2.25), (false, 2.4)] {
        let mut sim = Sim::new(AgentConfig::default());
        sim.voice(1.0, 2.0)
            .answers("Fine.")
            .at(secs(2.1), finally("Tell me a story.", speech_final))
            .run(6.0);
        assert_near(committed(&sim)[0].0, expected);
    }
}

#[test]
fn a_recogniser_that_notices_speech_changes_nothing() {
    let mut sim = Sim::new(AgentConfig::default());
    sim.says(1.0, 2.0, "Tell me a story.").answers("Fine.");
    sim.at(secs(2.22), Input::Stt(SttInput::SpeechStarted)).run(6.0);
    assert_near(committed(&sim)[0].0, 2.25);
}

#[test]
fn what_is_dictated_is_waited_for_until_it_is_whole() {
    for (text, expected) in [
        ("j o h n", 3.5),
        ("John dot smith", 3.5),
        ("john dot smith at", 4.5),
        ("john dot smith at example dot com", 2.25),
        ("It's john@example.com.", 2.25),
        ("double u", 3.5),
        ("zero one seven", 3.5),
        ("plus one", 3.5),
        ("It is 555.", 3.5),
        ("It is 555 123 4567.", 2.25),
        ("at ten thirty", 2.25),
        ("three hundred dollars", 2.25),
        ("on May 5th", 2.25),
    ] {
        let mut sim = Sim::new(AgentConfig::default());
        sim.says(1.0, 2.0, text).answers("Fine.").run(6.0);
        let (at, heard) = committed(&sim).remove(0);
        assert_eq!(heard, text);
        assert!((at - expected).abs() < 0.021, "{text}: {at} is not {expected}");
    }
}

#[test]
fn a_number_in_groups_with_full_stops_is_one_turn() {
    let mut sim = Sim::new(AgentConfig::default());
    sim.says(1.0, 2.0, "It is 555.").says(3.2, 4.0, "123.").says(5.2, 6.0, "4567.").answers("Thank you.");
    sim.run(9.0);
    let turns = committed(&sim);
    assert_eq!(turns.len(), 1, "{turns:?}");
    assert_eq!(turns[0].1, "It is 555. 123. 4567.");
    assert!(turns[0].0 < 6.5, "complete by its length: {turns:?}");
}

#[test]
fn a_number_that_was_asked_for_has_longer_pauses() {
    let mut sim = asked("What is your phone number?");
    sim.says(5.0, 5.5, "Five.").says(7.7, 8.7, "Five five one two three.").answers("Thank you.").run(14.0);
    let turns = committed(&sim);
    assert_eq!(turns.len(), 2, "{turns:?}");
    assert_eq!(turns[1].1, "Five. Five five one two three.");
}

#[test]
fn yes_to_a_closed_question_is_answered_at_once_and_yes_but_is_not() {
    for (question, text, expected) in [
        ("Is Tuesday fine?", "Yes.", 6.2),
        ("You want Tuesday, right?", "Yeah, sure.", 6.2),
        ("What day?", "Yes.", 6.25),
        ("Could you tell me your name?", "Yes.", 6.25),
        ("Is Tuesday fine?", "Tuesday.", 6.25),
        ("Is Tuesday fine?", "yes, but", 8.5),
    ] {
        let mut sim = asked(question);
        sim.stt.delay = secs(0.1);
        sim.says(5.0, 6.0, text).answers("Done.").run(12.0);
        let at = committed(&sim)[1].0;
        assert!((at - expected).abs() < 0.021, "{question} {text} {at} is not {expected}");
    }
}

#[test]
fn a_yes_to_a_request_for_a_number_waits_for_the_number() {
    let mut sim = asked("Could you give me your phone number?");
    sim.says(5.0, 5.5, "Sure.").says(7.5, 9.5, "It's 555 123 4567.").answers("Thank you.").run(14.0);
    let turns = committed(&sim);
    assert_eq!(turns.len(), 2, "{turns:?}");
    assert_eq!(turns[1].1, "Sure. It's 555 123 4567.");
    assert!(turns[1].0 < 10.3, "complete by its length: {turns:?}");
}

#[test]
fn a_number_is_still_asked_for_after_a_reminder() {
    let mut config = AgentConfig::default();
    config.timers.silence = secs(4.0);
    let mut sim = asked_with(config, "What is your phone number?");
    sim.says(10.5, 11.0, "Five.")
        .says(13.2, 14.0, "Five five one two three.")
        .answers("Thank you.")
        .run(20.0);
    let turns = committed(&sim);
    assert_eq!(turns.len(), 2, "{turns:?}");
    assert_eq!(turns[1].1, "Five. Five five one two three.");
}

/// The agent has asked `question` by 4.8 at the latest.
fn asked(question: &str) -> Sim {
    asked_with(AgentConfig::default(), question)
}

fn asked_with(config: AgentConfig, question: &str) -> Sim {
    let mut sim = Sim::new(config);
    sim.tts.lengths = [secs(1.0)].into();
    sim.says(0.5, 2.5, "Book a table, please.").answers(question);
    sim
}

fn committed(sim: &Sim) -> Vec<(f64, String)> {
    let turns = sim.events().filter_map(|(at, event)| match event {
        CallEvent::TurnCommitted { text, .. } => Some((at, text.clone())),
        _ => None,
    });
    turns.collect()
}

fn finally(text: &str, speech_final: bool) -> Input {
    Input::Stt(SttInput::Final { text: text.into(), speech_final })
}

fn interim(text: &str) -> Input {
    Input::Stt(SttInput::Interim { text: text.into() })
}

fn eager(text: &str) -> Input {
    Input::Stt(SttInput::EagerEndOfTurn { text: text.into() })
}

fn end_of_turn(text: &str) -> Input {
    Input::Stt(SttInput::EndOfTurn { text: text.into() })
}
