//! The agent hears itself: its voice, and its words.

use turn::{AgentConfig, CallerFrame, Input, Message, Output, State, SttInput};

use crate::sim::{FRAME, Sim, assert_near, secs};

const LONG: &str =
    "I have Monday at ten, Tuesday at eleven, Wednesday at noon, and Friday in the late afternoon.";

/// The level of the simulated agent's audio.
const AGENT: f32 = 0.0218;

/// When the agent is heard.
const FROM: f64 = 2.95;
const TO: f64 = 9.6;

#[test]
fn an_echo_at_half_the_agents_level_stops_nothing() {
    let mut sim = Sim::new(AgentConfig::default());
    line(&mut sim, &[(0.5, 2.5, 0.1), (FROM, TO, AGENT * 0.5)]);
    asks(&mut sim);
    sim.run(16.0);
    let (_, _, heard, interrupted) = sim.finished(1);
    assert_eq!((heard.as_str(), interrupted), (LONG, false));
    assert_eq!(sim.count(|output| *output == Output::Clear), 0);
    assert_eq!(sim.requests().len(), 1);
}

#[test]
fn the_same_echo_stops_an_agent_whose_guard_is_off() {
    let mut config = AgentConfig::default();
    config.endpointing.echo_margin = 0.0;
    let mut sim = Sim::new(config);
    line(&mut sim, &[(0.5, 2.5, 0.1), (FROM, TO, AGENT * 0.5)]);
    asks(&mut sim);
    sim.run(5.0);
    assert!(sim.count(|output| *output == Output::Clear) > 0);
}

#[test]
fn a_caller_as_loud_as_the_agent_gets_through_with_and_without_echo() {
    for echo in [0.0, 0.1] {
        let mut sim = Sim::new(AgentConfig::default());
        line(&mut sim, &[(0.5, 2.5, 0.1), (FROM, TO, AGENT * echo), (5.0, 6.0, AGENT)]);
        asks(&mut sim);
        sim.at(secs(6.2), finally("Stop!")).answers("Yes?").run(16.0);
        let (at, _, _, interrupted) = sim.finished(1);
        assert!(interrupted, "{echo}");
        assert_near(at, 5.5);
    }
}

#[test]
fn the_rest_of_the_echo_behind_a_cough_is_no_voice() {
    let mut sim = Sim::new(AgentConfig::default());
    line(&mut sim, &[(0.5, 2.5, 0.1), (FROM, 5.5, AGENT * 0.3), (5.0, 5.2, 0.1)]);
    asks(&mut sim);
    sim.run(16.0);
    assert_near(sim.entered(State::PausedForBargeIn, 0), 5.2);
    untouched(&sim);
}

#[test]
fn the_agents_words_without_a_voice_are_nobodys() {
    let mut sim = talking();
    sim.at(secs(4.6), interim("have Monday at")).at(secs(5.0), interim("have Monday at ten tuesday"));
    sim.at(secs(5.6), finally("Have Monday at ten, Tuesday at eleven.")).run(16.0);
    untouched(&sim);
    assert_eq!(sim.count(|output| *output == Output::Clear), 0);
}

#[test]
fn the_agents_words_with_a_little_voice_pause_it_at_most() {
    let mut sim = talking();
    sim.voice(5.0, 5.4).at(secs(5.3), interim("Monday at ten")).at(secs(5.6), finally("Monday at ten."));
    sim.run(16.0);
    assert_near(sim.entered(State::PausedForBargeIn, 0), 5.2);
    untouched(&sim);
}

#[test]
fn many_of_the_agents_words_are_its_own_whatever_the_voice() {
    let mut sim = talking();
    sim.voice(5.0, 5.8).at(secs(5.3), interim("I have Monday at ten"));
    sim.at(secs(5.9), finally("I have Monday at ten")).run(16.0);
    untouched(&sim);
}

#[test]
fn a_caller_who_takes_up_an_offer_in_the_agents_words_is_heard() {
    let mut sim = talking();
    sim.says(6.2, 7.0, "Tuesday at eleven.").answers("Done.").run(16.0);
    assert!(sim.finished(1).3);
    assert_eq!(sim.requests()[1].3.last(), Some(&user("Tuesday at eleven.")));
}

#[test]
fn the_agents_last_words_that_are_recognised_late_open_no_turn() {
    let mut sim = talking();
    sim.at(secs(9.9), interim("late afternoon")).at(secs(10.2), finally("In the late afternoon.")).run(16.0);
    assert!(sim.finished(1).0 < 9.9);
    untouched(&sim);
}

#[test]
fn the_same_words_by_the_caller_are_a_turn() {
    let mut sim = talking();
    sim.says(10.0, 11.0, "In the late afternoon.").answers("Done.").run(16.0);
    assert_eq!(sim.requests()[1].3.last(), Some(&user("In the late afternoon.")));
}

#[test]
fn a_caller_who_cannot_interrupt_is_believed_to_have_said_the_agents_words() {
    let mut config = AgentConfig::default();
    config.barge_in.enabled = false;
    let end = talking().run(16.0).finished(1).0;
    for (final_at, text) in [(end - 0.1, "Tuesday at eleven."), (end + 0.1, "In the late afternoon.")] {
        let mut sim = talking_with(config.clone());
        sim.voice(end - 1.2, end - 0.4).at(secs(final_at), finally(text)).answers("Done.").run(16.0);
        assert!(!sim.finished(1).3);
        assert_eq!(sim.requests()[1].3.last(), Some(&user(text)));
    }
}

#[test]
fn words_that_nobody_was_heard_to_say_are_dropped_while_the_agent_speaks() {
    let mut sim = talking();
    sim.at(secs(7.0), interim("and now the weather"))
        .at(secs(7.5), finally("And now the weather."))
        .run(16.0);
    untouched(&sim);
}

fn untouched(sim: &Sim) {
    let (_, _, heard, interrupted) = sim.finished(1);
    assert_eq!((heard.as_str(), interrupted), (LONG, false));
    assert_eq!(sim.requests().len(), 1);
    assert_eq!(sim.call.snapshot().hearing, "");
}

/// Frames of a line on which these levels are heard, all of which sound like speech.
fn line(sim: &mut Sim, parts: &[(f64, f64, f32)]) {
    sim.frames_until = FRAME;
    for n in 2..800 {
        let at = FRAME * n;
        let heard = parts.iter().filter(|(from, to, _)| secs(*from) < at && at <= secs(*to));
        let level = heard.map(|(.., level)| *level).fold(0.0, f32::max);
        let speech = if level > 0.0 { 0.95 } else { 0.02 };
        sim.at(at, Input::CallerAudio(CallerFrame { duration: FRAME, speech, level }));
    }
}

fn asks(sim: &mut Sim) {
    sim.at(secs(2.7), finally("When are you free?")).answers(LONG);
}

fn talking() -> Sim {
    talking_with(AgentConfig::default())
}

fn talking_with(config: AgentConfig) -> Sim {
    let mut sim = Sim::new(config);
    sim.says(0.5, 2.5, "When are you free?").answers(LONG);
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
