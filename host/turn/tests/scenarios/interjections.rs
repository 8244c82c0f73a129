//! Words over the agent's: which of them are meant to interrupt.

use turn::{AgentConfig, Input, Message, Output, State, SttInput};

use crate::sim::{Sim, assert_near, ms, secs};

const LONG: &str =
    "I have Monday at ten, Tuesday at eleven, Wednesday at noon, and Friday in the late afternoon.";

#[test]
fn a_word_pauses_the_agent_sooner_than_the_voice_does() {
    let mut sim = talking(LONG);
    sim.voice(5.0, 5.7).at(secs(5.12), interim("Thursday")).answers("Yes?");
    sim.at(secs(5.9), finally("Thursday.")).run(20.0);
    assert_near(sim.entered(State::PausedForBargeIn, 0), 5.12);
    assert!(sim.finished(1).3);
    assert_eq!(sim.requests()[1].3.last(), Some(&user("Thursday.")));
}

#[test]
fn a_word_that_is_taken_back_resumes_the_agent() {
    let mut sim = talking(LONG);
    sim.voice(5.0, 5.14).at(secs(5.13), interim("Thursday")).at(secs(5.4), finally("")).run(20.0);
    assert_near(sim.entered(State::PausedForBargeIn, 0), 5.13);
    let (_, _, heard, interrupted) = sim.finished(1);
    assert_eq!((heard.as_str(), interrupted), (LONG, false));
    assert_eq!(sim.requests().len(), 1);
}

#[test]
fn a_polite_no_does_not_interrupt() {
    let mut config = AgentConfig::default();
    config.barge_in.confirm_after = ms(2000);
    config.barge_in.min_words = 10;
    let mut sim = talking_with(config.clone(), LONG);
    sim.voice(5.0, 5.5).at(secs(5.4), interim("no problem")).run(20.0);
    assert!(!sim.finished(1).3);

    let mut sim = talking_with(config.clone(), LONG);
    sim.voice(5.0, 6.5).at(secs(5.4), interim("that is no trouble at all")).answers("Yes?").run(5.9);
    assert_eq!(sim.call.snapshot().state, State::PausedForBargeIn, "not at once");

    let mut sim = talking_with(config, LONG);
    sim.voice(5.0, 6.5).at(secs(5.4), interim("no no")).answers("Yes?").run(20.0);
    assert_near(sim.finished(1).0, 5.4);
}

#[test]
fn okay_is_an_answer_only_to_a_closed_question_that_is_being_asked() {
    for (said, answers) in [
        ("I can do that for you. Shall I book Tuesday at eleven in the morning for you?", true),
        ("I can do that for you. What day and what time would suit you best in the end?", false),
        ("I can do that for you and for your family, but it takes a while. Shall I?", false),
    ] {
        let mut sim = talking(said);
        sim.says(5.6, 5.9, "Okay.").answers("Done.").answers("Done.").run(20.0);
        assert!(!sim.finished(1).3, "{said}");
        assert_eq!(sim.requests().len(), if answers { 2 } else { 1 }, "{said}");
    }
}

#[test]
fn okay_after_the_agent_is_a_turn_of_its_own() {
    let mut sim = talking("Tuesday it is.");
    sim.says(6.0, 6.4, "Okay.").answers("Goodbye.").run(20.0);
    assert_eq!(sim.requests().len(), 2);
}

#[test]
fn an_end_of_turn_over_the_agent_is_an_interruption_that_is_answered_at_once() {
    let mut sim = talking(LONG);
    sim.voice(5.0, 5.4).answers("Yes?");
    sim.at(secs(5.7), Input::Stt(SttInput::EndOfTurn { text: "I want Tuesday and".into() })).run(20.0);
    assert_near(sim.finished(1).0, 5.7);
    assert_near(sim.requests()[1].0, 5.7);
}

#[test]
fn where_barge_in_is_off_words_wait_for_their_turn() {
    let mut config = AgentConfig::default();
    config.barge_in.enabled = false;
    let mut sim = talking_with(config, LONG);
    sim.voice(5.0, 5.6).at(secs(5.4), interim("Wait a moment")).at(secs(5.8), finally("Wait a moment."));
    sim.answers("Yes?").run(20.0);
    assert!(!sim.finished(1).3);
    assert_eq!(sim.count(|output| *output == Output::Clear), 0);
    assert_eq!(sim.requests()[1].3.last(), Some(&user("Wait a moment.")));
}

/// The agent begins to speak at 2.95 or so.
fn talking(said: &str) -> Sim {
    talking_with(AgentConfig::default(), said)
}

fn talking_with(config: AgentConfig, said: &str) -> Sim {
    let mut sim = Sim::new(config);
    sim.says(0.5, 2.5, "When are you free?").answers(said);
    sim
}

fn interim(text: &str) -> Input {
    Input::Stt(SttInput::Interim { text: text.into() })
}

fn finally(text: &str) -> Input {
    Input::Stt(SttInput::Final { text: text.into(), speech_final: true })
}

fn user(content: &str) -> Message {
    Message::User { content: content.into() }
}

#[test]
fn an_okay_behind_the_last_of_the_agents_words_is_an_answer() {
    for said in ["Tell me when you are ready.", "I will book it unless you say no."] {
        let mut sim = Sim::new(AgentConfig::default());
        sim.says(0.5, 2.5, "Tell me about it, please.");
        sim.tts.lengths = [secs(2.0)].into();
        sim.answers(said).answers("Good.").says(4.75, 5.15, "Okay.").run(12.0);
        assert_eq!(sim.finished(2).2, "Good.", "{said}");
    }
}
