//! The caller is handed over.

use events::{CallEvent, EndReason};
use turn::{
    AgentConfig, Call, CallContext, END_CALL, Input, Message, OperatorCommand, Output, State, TRANSFER_CALL,
};

use crate::sim::{Sim, assert_near, ms, secs};

const NUMBER: &str = "+12025550143";

#[test]
fn a_model_that_hands_over_is_heard_to_its_last_word_first() {
    let mut sim = asked();
    sim.asks("I am putting you through to a colleague.", &[("a", TRANSFER_CALL)]).run(12.0);
    let (finished, said, heard, _) = sim.finished(1);
    assert_eq!(heard, said);
    assert_near(sim.output_at(0, is_transfer), finished);
    assert_near(sim.really_played(1, 12.0), said.len() as f64 / 15.0);
    assert_handed_over(&sim);
}

#[test]
fn a_model_that_hands_over_without_a_word_does_so_at_once() {
    let mut sim = asked();
    sim.asks("", &[("a", TRANSFER_CALL)]).run(12.0);
    let asked = sim.requests()[0].0;
    assert_near(sim.output_at(0, is_transfer), asked + 0.3);
    assert_eq!(sim.finished(1).1, "");
    assert_handed_over(&sim);
}

#[test]
fn without_a_number_the_model_is_told_and_the_call_goes_on() {
    let mut sim = Sim::new(AgentConfig::default());
    sim.says(0.5, 2.5, "A human, please.");
    sim.asks("", &[("a", TRANSFER_CALL)]).answers("I am sorry, I am alone here.").run(12.0);
    let told = sim.event(|_, event| match event {
        CallEvent::ToolFinished { outcome, text, .. } => Some((outcome.clone(), text.clone())),
        _ => None,
    });
    assert_eq!(told, ("failure".into(), "There is nobody to hand over to.".into()));
    assert_eq!(sim.finished(1).2, "I am sorry, I am alone here.");
    assert!(!sim.call.is_finished());
}

#[test]
fn a_lost_last_mark_does_not_keep_the_caller() {
    let mut sim = asked();
    sim.carrier.loses_every = Some(1);
    sim.tts.lengths = [secs(2.0)].into();
    sim.asks("One moment", &[("a", TRANSFER_CALL)]).run(12.0);
    let started = sim.output_at(0, |output| matches!(output, Output::SendAudio { .. }));
    assert_near(sim.output_at(0, is_transfer) - started, 2.0 + 1.0);
}

#[test]
fn a_caller_who_interrupts_the_last_words_stays_with_the_agent() {
    let mut sim = asked();
    sim.tts.lengths = [secs(4.0)].into();
    sim.asks("I am putting you through to a colleague", &[("a", TRANSFER_CALL)]);
    sim.says(4.0, 5.0, "No, wait!").answers("Yes?").run(12.0);
    assert!(!sim.call.is_finished());
    assert_eq!(sim.finished(2).2, "Yes?");
    assert_eq!(sim.count(is_transfer), 0);
    let undone = "Not done: the caller spoke.".into();
    assert!(sim.call.history().contains(&Message::Tool { tool_call_id: "a".into(), content: undone }));
}

#[test]
fn a_caller_who_says_thank_you_over_the_last_words_is_handed_over() {
    let mut sim = asked();
    sim.tts.lengths = [secs(3.0)].into();
    sim.asks("Of course, I am putting you through to a colleague right now.", &[("a", TRANSFER_CALL)]);
    sim.says(4.2, 5.0, "Great, thank you so much.").run(12.0);
    assert_eq!(sim.count(|output| matches!(output, Output::Emit(CallEvent::TurnCommitted { .. }))), 1);
    assert_handed_over(&sim);
}

#[test]
fn a_model_that_says_goodbye_as_well_hands_over() {
    for calls in [[("a", END_CALL), ("b", TRANSFER_CALL)], [("a", TRANSFER_CALL), ("b", END_CALL)]] {
        let mut sim = asked();
        sim.asks("Goodbye.", &calls).run(12.0);
        assert_handed_over(&sim);
    }
}

#[test]
fn a_voice_that_fails_keeps_nobody_from_a_human() {
    let mut sim = asked();
    sim.tts.failures = 2;
    sim.asks("I am putting you through.", &[("a", TRANSFER_CALL)]).run(20.0);
    assert_handed_over(&sim);
}

#[test]
fn an_operators_transfer_cuts_the_agent_and_is_not_to_be_interrupted() {
    let mut sim = asked();
    sim.answers("Once upon a time a bee lived in a house. It was small.");
    sim.says(4.7, 6.5, "No, wait, stop!");
    sim.at(secs(4.0), transfer(NUMBER, Some("A colleague takes over, please hold."))).run(15.0);
    assert_near(sim.finished(1).0, 4.0);
    let (spoken, _, heard, interrupted) = sim.finished(2);
    assert_eq!((heard.as_str(), interrupted), ("A colleague takes over, please hold.", false));
    assert_near(sim.output_at(0, is_transfer), spoken);
    assert!(sim.path().contains(&State::Closing));
    assert_handed_over(&sim);
}

#[test]
fn an_operators_transfer_without_a_line_is_at_once_and_tells_what_was_heard() {
    let mut sim = asked();
    sim.answers("Once upon a time a bee lived in a house. It was small.");
    sim.at(secs(4.5), transfer(NUMBER, None)).run(15.0);
    let (at, said, heard, interrupted) = sim.finished(1);
    assert_near(at, 4.5);
    assert!(interrupted && said.starts_with(&heard) && said != heard && !heard.is_empty());
    assert_near(sim.output_at(0, is_transfer), 4.5);
    assert_handed_over(&sim);
}

#[test]
fn nobody_who_is_being_handed_over_is_cut_off_by_the_end_of_the_service() {
    let mut sim = asked();
    sim.answers("Fine.").at(secs(6.0), transfer(NUMBER, Some("I put you through to a colleague now.")));
    let end = OperatorCommand::End { farewell: Some("We are closing.".into()), reason: EndReason::Drained };
    sim.at(secs(6.4), Input::Operator(end)).at(secs(6.8), transfer(NUMBER, Some("Please hold."))).run(20.0);
    assert_eq!(sim.finished(2).2, "I put you through to a colleague now.");
    assert_handed_over(&sim);
}

#[test]
fn a_number_that_is_none_is_refused_without_effect() {
    for to in ["", "911", "+0123456", "+1202555014312345", "+1 202 555 0143", "sip:bob@example.com"] {
        let mut sim = asked();
        sim.answers("Once upon a time a bee lived in a house.");
        sim.at(secs(4.0), transfer(to, Some("Please hold."))).run(9.0);
        assert!(!sim.call.is_finished(), "{to}");
        assert!(!sim.finished(1).3);
        assert_eq!(sim.events().filter(|(_, event)| is_transferred(event)).count(), 0);
    }
}

#[test]
fn a_line_that_cannot_be_spoken_delays_a_transfer_for_so_long_only() {
    let mut sim = asked();
    sim.answers("Fine.").run(6.0);
    sim.tts.silent = true;
    sim.at(secs(7.0), transfer(NUMBER, Some("Please hold."))).run(30.0);
    assert!(sim.output_at(0, is_transfer) <= 17.01);
    assert_handed_over(&sim);
}

#[test]
fn a_transfer_before_the_stream_has_started_is_at_once() {
    let mut call = Call::new(AgentConfig::default(), CallContext::mulaw("call"), ms(0));
    call.handle_input(ms(10), transfer(NUMBER, Some("Please hold.")));
    let outputs: Vec<Output> = std::iter::from_fn(|| call.poll_output()).collect();
    assert_eq!(
        outputs[1..],
        [
            Output::Emit(CallEvent::Transferred { to: NUMBER.into() }),
            Output::Emit(CallEvent::Ended { reason: EndReason::Transferred }),
            Output::Transfer { to: NUMBER.into() },
        ]
    );
}

fn asked() -> Sim {
    let mut sim = Sim::new(AgentConfig { transfer_to: Some(NUMBER.into()), ..AgentConfig::default() });
    sim.says(0.5, 2.5, "A human, please.");
    sim
}

/// The events before the hand-over, and no hang-up: that would end the call for the caller.
#[track_caller]
fn assert_handed_over(sim: &Sim) {
    let last: Vec<&Output> = sim.outputs.iter().rev().take(3).map(|(_, output)| output).collect();
    assert_eq!(*last[0], Output::Transfer { to: NUMBER.into() });
    assert_eq!(*last[1], Output::Emit(CallEvent::Ended { reason: EndReason::Transferred }));
    assert_eq!(*last[2], Output::Emit(CallEvent::Transferred { to: NUMBER.into() }));
    assert_eq!(sim.count(|output| matches!(output, Output::Hangup { .. })), 0);
    assert_eq!(sim.call.snapshot().ended, Some(EndReason::Transferred));
}

fn transfer(to: &str, line: Option<&str>) -> Input {
    Input::Operator(OperatorCommand::Transfer { to: to.into(), line: line.map(Into::into) })
}

fn is_transfer(output: &Output) -> bool {
    matches!(output, Output::Transfer { .. })
}

fn is_transferred(event: &CallEvent) -> bool {
    matches!(event, CallEvent::Transferred { .. })
}
