//! Nobody says anything: the agent asks, then says goodbye, and listens meanwhile.

use events::{CallEvent, EndReason};
use turn::{AgentConfig, Input, OperatorCommand, Output, State, SttInput};

use crate::sim::{Sim, assert_near, ms, secs};

#[test]
fn noises_do_not_hold_the_reprompt_back() {
    let mut sim = Sim::new(AgentConfig::default());
    for n in 0..6 {
        let from = 8.0 * f64::from(n) + 1.0;
        sim.voice(from, from + 0.4);
    }
    sim.run(45.0);
    // The second noise, from 9.0 to 9.4, may have words until 9.8.
    assert_near(sim.entered(State::Thinking, 0), 10.0);
    assert_eq!(sim.finished(1).1, "Are you still there?");
    assert_eq!(sim.call.snapshot().ended, Some(EndReason::Silence));
}

#[test]
fn a_noise_in_progress_delays_the_reprompt_until_its_words_would_be_there() {
    let mut sim = Sim::new(AgentConfig::default());
    sim.voice(9.0, 10.6).run(14.0);
    assert_near(sim.entered(State::Thinking, 0), 11.0);
}

#[test]
fn noises_that_follow_each_other_are_not_waited_for_to_the_last() {
    let mut sim = Sim::new(AgentConfig::default());
    for n in 0..30 {
        let from = f64::from(n) * 1.5;
        sim.voice(from, from + 0.4);
    }
    sim.run(14.0);
    // The noise from 9.0 to 9.4 ends before, the next one begins after.
    assert_near(sim.entered(State::Thinking, 0), 10.0);
}

#[test]
fn words_that_come_late_take_the_place_of_the_reprompt() {
    let mut sim = Sim::new(AgentConfig::default());
    sim.voice(9.0, 9.8).answers("Fine.");
    sim.at(secs(10.25), finally("I am still looking for it.")).run(14.0);
    assert_near(sim.entered(State::Thinking, 0), 10.2);
    let (at, _, heard, interrupted) = sim.finished(1);
    assert_near(at, 10.25);
    assert_eq!((heard.as_str(), interrupted), ("", true));
    assert_eq!(sim.finished(2).2, "Fine.");
}

#[test]
fn a_caller_who_answers_the_goodbye_of_silence_keeps_the_call() {
    let mut sim = Sim::new(AgentConfig::default());
    sim.tts.lengths = [ms(1500), ms(3000)].into();
    sim.says(23.0, 24.0, "Wait, I am here!").answers("Good. What can I do for you?").run(34.0);
    let (at, said, heard, interrupted) = sim.finished(2);
    assert!((23.0..24.3).contains(&at) && interrupted && said.starts_with(&heard), "{at} {heard}");
    assert_eq!(sim.finished(3).2, "Good. What can I do for you?");
    assert!(!sim.call.is_finished());
    // The ladder begins anew with the words.
    sim.run(60.0);
    assert_eq!(sim.finished(4).1, "Are you still there?");
    assert_eq!(sim.call.snapshot().ended, Some(EndReason::Silence));
}

#[test]
fn a_noise_stops_one_goodbye_but_not_the_next() {
    let mut sim = Sim::new(AgentConfig::default());
    sim.tts.lengths = [ms(1500), ms(3000), ms(3000)].into();
    sim.voice(22.5, 24.0).voice(34.5, 36.0).run(50.0);
    assert!(sim.finished(2).3);
    let (_, said, heard, interrupted) = sim.finished(3);
    assert_eq!((heard, interrupted), (said, false));
    assert_eq!(sim.call.snapshot().ended, Some(EndReason::Silence));
    assert!(sim.output_at(0, |output| matches!(output, Output::Hangup { .. })) < 40.0);
}

#[test]
fn another_goodbye_is_heard_to_its_end() {
    let mut sim = Sim::new(AgentConfig::default());
    sim.tts.lengths = [ms(3000)].into();
    let end = OperatorCommand::End { farewell: Some("We are closing.".into()), reason: EndReason::Drained };
    sim.at(secs(8.0), Input::Operator(end)).says(9.0, 10.5, "Wait, I am here!").run(14.0);
    let (_, said, heard, interrupted) = sim.finished(1);
    assert_eq!((heard, interrupted), (said, false));
    assert_eq!(sim.call.snapshot().ended, Some(EndReason::Drained));
    assert!(!sim.events().any(|(_, event)| matches!(event, CallEvent::TurnCommitted { .. })));
}

fn finally(text: &str) -> Input {
    Input::Stt(SttInput::Final { text: text.into(), speech_final: true })
}
