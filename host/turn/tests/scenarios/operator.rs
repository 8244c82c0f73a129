//! An operator has a word with the agent.

use events::CallEvent;
use turn::{AgentConfig, Input, Message, OperatorCommand, Output};

use crate::sim::{Ending, Sim, ms, secs};

const SECRET: &str = "Offer ten percent.";
const TOLD: &str = "An operator tells you, unheard by the caller: ";

#[test]
fn a_whisper_is_in_the_next_request_and_in_no_later_one() {
    let mut sim = asked();
    sim.at(secs(1.0), whisper(SECRET));
    sim.answers("Fine.").says(6.0, 7.0, "And now?").answers("Well.").run(10.0);
    assert!(system(&sim, 0).contains(&format!("{TOLD}{SECRET}")), "{}", system(&sim, 0));
    assert!(!system(&sim, 1).contains(TOLD));
    let whispered = sim.event(|at, event| match event {
        CallEvent::Whispered { text } => Some((at, text.clone())),
        _ => None,
    });
    assert_eq!(whispered, (1.0, SECRET.into()));
}

#[test]
fn nobody_hears_a_whisper() {
    let mut sim = asked();
    sim.at(secs(1.0), whisper(SECRET)).answers("Fine.").run(6.0);
    let spoken = |output: &Output| matches!(output, Output::Speak { text, .. } if text.contains("percent"));
    assert_eq!(sim.count(spoken), 0);
    assert!(!sim.call.history().iter().any(|message| format!("{message:?}").contains("percent")));
}

#[test]
fn an_answer_that_is_asked_for_stays_as_it_is() {
    let mut sim = asked();
    sim.answers("Fine.").says(6.0, 7.0, "And now?").answers("Well.");
    let asked = 3.1;
    sim.at(secs(asked), whisper(SECRET)).run(10.0);
    assert!(sim.requests()[0].0 < asked && sim.requests().len() == 2);
    assert!(!system(&sim, 0).contains(TOLD));
    assert!(system(&sim, 1).contains(SECRET));
    assert_eq!(sim.finished(1).2, "Fine.");
}

#[test]
fn an_answer_that_was_begun_before_a_whisper_is_not_used() {
    let mut sim = Sim::new(AgentConfig::default());
    sim.stt.flux = true;
    sim.stt.eager = Some(ms(100));
    sim.stt.delay = ms(500);
    sim.says(0.5, 2.5, "Is it cheap?").at(secs(2.7), whisper(SECRET));
    sim.answers("No.").answers("Ten percent off.").run(8.0);
    let requests = sim.requests();
    assert!(requests.len() == 2 && requests[0].0 < 2.7, "{requests:?}");
    assert!(!system(&sim, 0).contains(TOLD) && system(&sim, 1).contains(SECRET));
    assert_eq!(sim.finished(1).2, "Ten percent off.");
}

#[test]
fn a_whisper_lasts_through_the_tools_of_its_turn() {
    let mut sim = asked();
    sim.at(secs(1.0), whisper(SECRET));
    sim.asks("", &[("a", "calendar")]).tool("calendar", 0.5, "success", "free").answers("Fine.").run(9.0);
    assert!(system(&sim, 0).contains(SECRET) && system(&sim, 1).contains(SECRET));
}

#[test]
fn a_whisper_to_an_answer_that_nobody_heard_is_told_again() {
    let mut sim = asked();
    sim.at(secs(1.0), whisper(SECRET));
    sim.answers("Fine.").says(2.9, 4.0, "On Tuesday, I mean.").answers("Fine.").run(9.0);
    assert_eq!(sim.finished(1).2, "");
    assert!(system(&sim, 1).contains(SECRET));
}

#[test]
fn a_whisper_to_an_answer_that_failed_is_told_again() {
    let mut sim = asked();
    sim.at(secs(1.0), whisper(SECRET));
    sim.answers("").ending(Ending::Failed).answers("").ending(Ending::Failed);
    sim.says(9.0, 10.0, "Once more, please.").answers("Fine.").run(14.0);
    assert_eq!(sim.finished(1).2, AgentConfig::default().apology);
    assert!(system(&sim, 2).contains(SECRET));
}

#[test]
fn a_whisper_to_an_answer_of_which_only_the_filler_was_heard_is_told_again() {
    let mut sim = asked();
    sim.at(secs(1.0), whisper(SECRET)).answers("").ending(Ending::Silent);
    sim.says(5.2, 7.0, "Hello, are you there?").answers("Fine.").run(14.0);
    assert!(!sim.finished(1).2.is_empty() && sim.finished(1).3);
    assert!(system(&sim, 1).contains(SECRET));
}

#[test]
fn whispers_are_bounded() {
    let mut sim = asked();
    for n in 0..6 {
        sim.at(secs(0.5 + 0.1 * f64::from(n)), whisper(&format!("Note {n}. {}", "é".repeat(600))));
    }
    sim.at(secs(1.5), whisper("   "));
    sim.answers("Fine.").run(6.0);
    let system = system(&sim, 0);
    assert_eq!(system.matches(TOLD).count(), 4);
    assert!(!system.contains("Note 1.") && system.contains("Note 2.") && system.contains("Note 5."));
    for (_, event) in sim.events() {
        if let CallEvent::Whispered { text } = event {
            assert_eq!(text.chars().count(), 500);
        }
    }
}

fn asked() -> Sim {
    let mut sim = Sim::new(AgentConfig::default());
    sim.says(0.5, 2.5, "Is Tuesday free?");
    sim
}

fn whisper(text: &str) -> Input {
    Input::Operator(OperatorCommand::Whisper(text.into()))
}

fn system(sim: &Sim, request: usize) -> String {
    match &sim.requests()[request].3[0] {
        Message::System { content } => content.clone(),
        other => panic!("{other:?}"),
    }
}
