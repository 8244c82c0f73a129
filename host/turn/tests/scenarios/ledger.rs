//! Where the time of a turn went, and since when it was heard.

use events::{CallEvent, Latency};
use turn::{AgentConfig, CallContext, Input, OperatorCommand, Output};

use crate::sim::{Sim, assert_near, ms, secs};

#[test]
fn the_heard_start_is_the_first_audio_and_the_way_of_its_mark() {
    for latency in [0, 30, 90] {
        let mut sim = asked();
        sim.carrier.latency = ms(latency);
        sim.answers("Yes, it is. At ten?").run(9.0);
        let ledger = latency_of(&sim, 1).unwrap();
        let way = 2.0 * latency as f64;
        assert!((ledger.heard_start.unwrap() - ledger.total - way).abs() < 0.01, "{ledger:?}");
    }
}

#[test]
fn a_mark_that_is_lost_is_made_up_for_by_the_next() {
    let mut sim = asked();
    sim.carrier.latency = ms(40);
    sim.answers("Yes.").says(6.0, 7.0, "And the other day?");
    sim.answers("Once upon a time there was a bee.").run(5.5);
    // The first of the next answer.
    sim.carrier.loses_every = Some(u32::try_from(sim.count(is_mark)).unwrap() + 1);
    sim.run(12.0);
    let second = latency_of(&sim, 2).unwrap();
    assert!((second.heard_start.unwrap() - second.total - 80.0).abs() < 0.01, "{second:?}");
}

#[test]
fn without_marks_nobody_knows_when_the_answer_was_heard() {
    let mut sim = asked();
    sim.carrier.loses_every = Some(1);
    sim.answers("Yes.").run(9.0);
    let ledger = latency_of(&sim, 1).unwrap();
    assert!(ledger.heard_start.is_none() && ledger.closes() && ledger.total > 0.0);
}

#[test]
fn an_answer_that_was_cut_before_its_first_mark_was_not_heard() {
    let mut sim = asked();
    sim.carrier.latency = ms(90);
    sim.answers("Once upon a time there was a bee.").answers("It lived in a house.");
    let end = OperatorCommand::Say("A colleague is joining us.".into());
    sim.at(secs(3.35), Input::Operator(end)).run(9.0);
    let sent = sim.output_at(0, |output| matches!(output, Output::SendAudio { .. }));
    assert!(sent < 3.35);
    let ledger = latency_of(&sim, 1).unwrap();
    assert!(ledger.heard_start.is_none(), "{ledger:?}");
}

#[test]
fn lines_that_the_agent_begins_have_no_latency() {
    let mut sim = Sim::with(AgentConfig::default(), CallContext::mulaw("call"));
    let say = OperatorCommand::Say("A colleague is joining us.".into());
    sim.at(secs(4.0), Input::Operator(say)).run(40.0);
    let turns = sim.events().filter_map(|(_, event)| match event {
        CallEvent::TurnFinished { turn, latency, .. } => Some((*turn, *latency)),
        _ => None,
    });
    // The greeting, the operator's line, "are you still there?" and the goodbye.
    assert_eq!(turns.collect::<Vec<_>>(), [(0, None), (1, None), (2, None), (3, None)]);
}

#[test]
fn an_interrupted_turn_has_its_own_ledger_only() {
    let mut sim = asked();
    sim.answers("Once upon a time a bee lived in a house. It was small. Then it was winter.");
    sim.says(4.5, 6.0, "Stop, please. Is Monday free?").answers("Yes.").run(12.0);
    assert!(sim.finished(1).3);
    let (first, second) = (latency_of(&sim, 1).unwrap(), latency_of(&sim, 2).unwrap());
    assert!(first.closes() && second.closes());
    let audio_of = |wanted: u32| {
        sim.output_at(0, |output| matches!(output, Output::SendAudio { turn, .. } if turn.0 == wanted))
    };
    assert_near(first.total / 1000.0, audio_of(1) - 2.5);
    assert_near(second.total / 1000.0, audio_of(2) - 6.0);
    assert_near(second.heard_start.unwrap() / 1000.0, audio_of(2) - 6.0);
}

#[test]
fn a_caller_who_went_on_is_waited_for_since_they_were_done() {
    let mut sim = asked();
    sim.answers("Yes.").says(2.9, 4.0, "On the first of May, I mean.").answers("Yes, it is.").run(9.0);
    assert!(latency_of(&sim, 1).is_none(), "nothing of it was sent");
    let audio = sim.output_at(0, |output| matches!(output, Output::SendAudio { .. }));
    let ledger = latency_of(&sim, 2).unwrap();
    assert_near(ledger.total / 1000.0, audio - 4.0);
    assert!(ledger.closes());
}

#[test]
fn a_voice_under_the_greeting_does_not_make_the_answer_late() {
    let mut sim = Sim::with(AgentConfig::default(), CallContext::mulaw("call"));
    sim.says(0.5, 1.2, "Is Tuesday free?").answers("Yes.").run(8.0);
    let greeted = sim.finished(0).0;
    let audio = sim.output_at(0, |output| matches!(output, Output::SendAudio { turn, .. } if turn.0 == 1));
    assert_near(latency_of(&sim, 1).unwrap().total / 1000.0, audio - greeted);
}

fn asked() -> Sim {
    let mut sim = Sim::new(AgentConfig::default());
    sim.says(0.5, 2.5, "Is Tuesday free?");
    sim
}

fn latency_of(sim: &Sim, wanted: u32) -> Option<Latency> {
    sim.event(|_, event| match event {
        CallEvent::TurnFinished { turn, latency, .. } if *turn == wanted => Some(*latency),
        _ => None,
    })
}

fn is_mark(output: &Output) -> bool {
    matches!(output, Output::SendMark(_))
}
