//! Beginnings and ends.

use std::time::Duration;

use events::{CallEvent, EndReason};
use turn::{
    AgentConfig, Call, CallContext, CarrierInput, Input, Message, OperatorCommand, Output, State, TurnId,
};

use crate::sim::{Sim, assert_near, ms, secs};

#[test]
fn a_stream_that_never_starts_ends_the_call() {
    let mut call = Call::new(AgentConfig::default(), CallContext::mulaw("call"), Duration::ZERO);
    assert_eq!(call.poll_timeout(), Some(secs(5.0)));
    call.handle_timeout(secs(5.0));
    let outputs: Vec<Output> = std::iter::from_fn(|| call.poll_output()).collect();
    assert_eq!(
        outputs[1..],
        [
            Output::Emit(CallEvent::Ended { reason: EndReason::CarrierLost }),
            Output::Hangup { reason: EndReason::CarrierLost },
        ]
    );
    assert_eq!(call.poll_timeout(), None);
}

#[test]
fn the_greeting_is_spoken_and_then_the_agent_listens() {
    let mut sim = greeted();
    sim.run(5.0);
    assert_eq!(sim.path(), [State::Connecting, State::Greeting, State::Listening]);
    let (_, _, heard, interrupted) = sim.finished(0);
    assert_eq!((heard.as_str(), interrupted), ("Hello, how can I help you?", false));
    assert_eq!(sim.call.history(), [Message::Assistant { content: heard, tool_calls: vec![] }]);
}

#[test]
fn a_spoken_clause_is_in_the_log_before_it_is_sent() {
    let mut sim = greeted();
    sim.says(3.0, 4.0, "Any slots?").answers("I have Monday, Tuesday and Friday. Which one?").run(12.0);
    let mut logged: Vec<u32> = Vec::new();
    for (_, output) in &sim.outputs {
        match output {
            Output::Emit(CallEvent::SpeechQueued { turn, .. }) => logged.push(*turn),
            Output::SendAudio { turn, .. } => assert!(logged.contains(&turn.0)),
            _ => {}
        }
    }
    let said: Vec<String> = sim
        .events()
        .filter_map(|(_, event)| match event {
            CallEvent::SpeechQueued { turn: 1, text, .. } => Some(text.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(said.concat(), "I have Monday, Tuesday and Friday. Which one?");
}

#[test]
fn silence_is_asked_about_once_and_then_ends_the_call() {
    let mut sim = Sim::new(AgentConfig::default());
    sim.run(40.0);
    let (reprompted, said, ..) = sim.finished(1);
    assert_eq!(said, "Are you still there?");
    assert_near(sim.entered(State::Thinking, 0), 10.0);
    assert_near(sim.entered(State::Thinking, 1), reprompted + 10.0);
    assert_eq!(sim.finished(2).2, "Thank you for calling. Goodbye.");
    assert_eq!(sim.call.snapshot().ended, Some(EndReason::Silence));
}

#[test]
fn a_word_resets_the_ladder_of_silence() {
    let mut sim = Sim::new(AgentConfig::default());
    sim.says(13.0, 14.0, "Yes, I am.").answers("Good.").run(28.0);
    assert!(!sim.call.is_finished());
    assert_eq!(sim.finished(3).1, "Are you still there?");
}

#[test]
fn the_longest_call_says_goodbye_in_time() {
    let mut config = AgentConfig::default();
    config.timers.max_duration = secs(60.0);
    let mut sim = Sim::new(config);
    for n in 0..7 {
        let from = 3.0 + 8.0 * f64::from(n);
        sim.says(from, from + 1.0, "Go on.").answers("And then the bee flew on to the next flower.");
    }
    sim.run(70.0);
    assert_near(sim.entered(State::Closing, 0), 50.0);
    assert!(sim.output_at(0, is_hangup) <= 60.0);
    assert_eq!(sim.call.snapshot().ended, Some(EndReason::MaxDuration));
}

#[test]
fn a_caller_who_hangs_up_has_heard_what_was_played() {
    let mut sim = Sim::new(AgentConfig::default());
    sim.says(0.5, 2.5, "Tell me a story.").answers("Once upon a time a bee lived in a house. It was small.");
    sim.at(secs(4.5), Input::Carrier(CarrierInput::Stopped)).run(20.0);
    let (finished, said, heard, interrupted) = sim.finished(1);
    assert_near(finished, 4.5);
    assert!(interrupted && said.starts_with(&heard) && !heard.is_empty() && heard != said, "{heard}");
    let last: Vec<&Output> = sim.outputs.iter().rev().take(3).map(|(_, output)| output).collect();
    assert_eq!(*last[0], Output::Hangup { reason: EndReason::CallerHangup });
    assert_eq!(*last[1], Output::Emit(CallEvent::Ended { reason: EndReason::CallerHangup }));
    assert!(matches!(last[2], Output::Emit(CallEvent::TurnFinished { turn: 1, .. })));
}

#[test]
fn a_broken_socket_is_told_from_a_hang_up() {
    let mut sim = greeted();
    sim.at(secs(0.6), Input::Carrier(CarrierInput::Lost)).run(3.0);
    assert_eq!(sim.call.snapshot().ended, Some(EndReason::CarrierLost));
    sim.event(|_, event| matches!(event, CallEvent::MediaDisconnected).then_some(()));
}

#[test]
fn nothing_happens_after_the_end() {
    let mut sim = greeted();
    sim.at(secs(0.6), Input::Carrier(CarrierInput::Stopped)).run(1.0);
    let n = sim.outputs.len();
    sim.at(secs(1.1), Input::Carrier(CarrierInput::Stopped));
    sim.at(secs(1.2), Input::Operator(OperatorCommand::Say("Hello?".into())));
    sim.says(1.0, 3.0, "Hello?").run(90.0);
    assert_eq!(sim.outputs.len(), n);
}

#[test]
fn an_operators_line_is_said_at_once_and_in_full() {
    let mut sim = Sim::new(AgentConfig::default());
    sim.says(0.5, 2.5, "Tell me a story.").answers("Once upon a time a bee lived in a house. It was small.");
    sim.says(4.6, 5.5, "What?").answers("Nothing.");
    sim.at(secs(4.0), Input::Operator(OperatorCommand::Say("A colleague is joining us.".into()))).run(12.0);
    let (cut, _, _, interrupted) = sim.finished(1);
    assert_near(cut, 4.0);
    assert!(interrupted);
    assert_eq!(
        sim.events().filter(|(_, event)| matches!(event, CallEvent::TurnInterrupted { .. })).count(),
        0
    );
    let (_, _, heard, interrupted) = sim.finished(2);
    assert_eq!((heard.as_str(), interrupted), ("A colleague is joining us.", false));
    let clear = sim.outputs.iter().position(|(_, output)| *output == Output::Clear).unwrap();
    let audio = sim.outputs.iter().position(|(_, output)| audio_of(output) == Some(TurnId(2))).unwrap();
    assert!(clear < audio);
}

#[test]
fn an_operators_end_says_the_last_words_first() {
    let mut sim = greeted();
    let end = OperatorCommand::End { farewell: Some("We are closing.".into()), reason: EndReason::Drained };
    sim.at(secs(0.8), Input::Operator(end)).run(9.0);
    assert_eq!(sim.finished(1).2, "We are closing.");
    assert_eq!(sim.call.snapshot().ended, Some(EndReason::Drained));
}

#[test]
fn an_operators_end_without_words_is_at_once() {
    let mut sim = greeted();
    let end = OperatorCommand::End { farewell: None, reason: EndReason::PlatformError };
    sim.at(secs(0.8), Input::Operator(end)).run(9.0);
    assert_near(sim.output_at(0, is_hangup), 0.8);
}

#[test]
fn an_operator_who_ends_the_call_again_and_again_only_ends_it() {
    let mut sim = greeted();
    for n in 0_u32..40 {
        sim.at(secs(6.0 + 0.5 * f64::from(n)), end("We are closing now."));
    }
    sim.run(20.0);
    assert!(sim.call.is_finished());
    assert_eq!(
        sim.count(|output| matches!(output, Output::Speak { text, .. } if text.contains("closing"))),
        1
    );
}

#[test]
fn an_operators_line_does_not_keep_an_agent_that_has_said_goodbye() {
    let mut sim = Sim::new(AgentConfig::default());
    sim.tts.lengths = [secs(2.0)].into();
    sim.says(0.5, 2.5, "That is all.").asks("Goodbye then.", &[("a", turn::END_CALL)]);
    sim.at(secs(3.8), Input::Operator(OperatorCommand::Say("One more thing.".into()))).run(9.0);
    assert_eq!(sim.finished(1).2, "Goodbye then.");
    assert_eq!(sim.call.snapshot().ended, Some(EndReason::AgentHangup));
}

#[test]
fn a_goodbye_is_answered_without_being_taken_back() {
    let mut sim = Sim::new(AgentConfig::default());
    sim.tts.lengths = [secs(3.0)].into();
    sim.says(0.5, 2.5, "That is all.");
    sim.asks("You are all set then, have a nice day, goodbye.", &[("a", turn::END_CALL)]);
    sim.says(4.4, 5.2, "Thanks, bye bye.").run(12.0);
    assert_eq!(sim.call.snapshot().ended, Some(EndReason::AgentHangup));
}

#[test]
fn a_goodbye_that_cannot_be_spoken_ends_by_a_timer() {
    let mut sim = greeted();
    sim.run(3.0);
    sim.tts.silent = true;
    let end = OperatorCommand::End { farewell: Some("We are closing.".into()), reason: EndReason::Drained };
    sim.at(secs(4.0), Input::Operator(end)).run(20.0);
    assert!(sim.output_at(0, is_hangup) <= 14.01);
    assert_eq!(sim.call.snapshot().ended, Some(EndReason::Drained));
}

#[test]
fn a_call_that_was_cut_off_goes_on_where_it_was() {
    let mut context = CallContext::mulaw("call");
    context.first_turn = 4;
    context.history = vec![
        Message::User { content: "My name is Ada.".into() },
        Message::Assistant { content: "Hello, Ada.".into(), tool_calls: vec![] },
    ];
    let mut sim = Sim::with(AgentConfig::default(), context);
    sim.says(4.0, 5.0, "What is my name?").answers("Ada.").run(9.0);
    assert_eq!(sim.finished(4).2, "Sorry, we were cut off. Where were we?");
    let (_, turn, _, messages) = sim.requests().remove(0);
    assert_eq!(turn, TurnId(5));
    assert_eq!(messages[1], Message::User { content: "My name is Ada.".into() });
    assert_eq!(messages[4], Message::User { content: "What is my name?".into() });
    let mark = sim.outputs.iter().find_map(|(_, output)| match output {
        Output::SendMark(name) => Some(name.0.clone()),
        _ => None,
    });
    assert_eq!(mark.as_deref(), Some("t4-0"));
}

#[test]
fn the_same_inputs_give_the_same_outputs() {
    let run = || {
        let mut sim = greeted();
        sim.stt.interims = true;
        sim.says(3.0, 4.0, "Any slots?").answers("I have Monday, Tuesday and Friday. Which one?");
        sim.says(6.0, 7.0, "Tuesday please.").asks("", &[("a", "calendar")]).answers("Booked.");
        sim.tool("calendar", 0.5, "success", "ok").memory = Some((ms(30), vec!["Regular.".into()]));
        sim.run(20.0);
        sim.outputs
    };
    assert_eq!(run(), run());
}

fn greeted() -> Sim {
    Sim::with(AgentConfig::default(), CallContext::mulaw("call"))
}

fn end(farewell: &str) -> Input {
    let reason = EndReason::Drained;
    Input::Operator(OperatorCommand::End { farewell: Some(farewell.into()), reason })
}

fn audio_of(output: &Output) -> Option<TurnId> {
    match output {
        Output::SendAudio { turn, .. } => Some(*turn),
        _ => None,
    }
}

fn is_hangup(output: &Output) -> bool {
    matches!(output, Output::Hangup { .. })
}
