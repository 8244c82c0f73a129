//! Who answered an outbound call, and what the agent says to them.

use events::{CallEvent, EndReason};
use turn::{AgentConfig, CallContext, Direction, Input, Message, OperatorCommand, Output, State};

use crate::sim::{Sim, assert_near, secs};

const GREETING: &str = "Hello, how can I help you?";
const MESSAGE: &str = "This is Ada from Acme. Please call us back.";

#[test]
fn a_human_is_greeted_half_a_second_after_hello_which_is_no_turn() {
    let mut sim = called();
    sim.says(0.8, 1.4, "Hello?").run(8.0);
    assert_eq!(sim.path()[..3], [State::Connecting, State::Screening, State::Greeting]);
    assert_near(sim.entered(State::Greeting, 0), 1.9);
    assert_eq!(answered_by(&sim), (1.9, "human".into()));
    assert_eq!(sim.finished(0).2, GREETING);
    assert!(sim.requests().is_empty());
    assert_eq!(sim.call.history(), [assistant(GREETING)]);
}

#[test]
fn a_hello_that_is_understood_late_is_no_turn_either() {
    let mut sim = called();
    sim.stt.delay = secs(1.2);
    sim.says(0.8, 1.4, "Hello?").run(8.0);
    assert_near(sim.entered(State::Greeting, 0), 1.9);
    assert!(sim.requests().is_empty());
}

#[test]
fn first_words_that_say_more_are_known_to_the_model_without_being_answered_twice() {
    for delay in [0.2, 1.0] {
        let mut sim = called();
        sim.stt.delay = secs(delay);
        sim.says(0.8, 2.8, "Acme, this is Jane.").run(7.0);
        assert!(sim.requests().is_empty(), "{delay}");
        let said = user("Acme, this is Jane.");
        assert_eq!(sim.call.history(), [said, assistant(GREETING)]);
        let committed = sim.event(|_, event| match event {
            CallEvent::TurnCommitted { turn, text } => Some((*turn, text.clone())),
            _ => None,
        });
        assert_eq!(committed, (0, "Acme, this is Jane.".into()));
    }
}

#[test]
fn a_receptionists_long_sentence_is_a_humans() {
    let mut sim = called();
    sim.says(0.5, 4.5, "Acme Corporation, this is Jane, how may I help you?").run(12.0);
    assert_eq!(answered_by(&sim), (5.0, "human".into()));
    assert_eq!(sim.finished(0).2, GREETING);
}

#[test]
fn a_line_on_which_nobody_speaks_is_greeted() {
    let mut sim = called();
    sim.run(8.0);
    assert_eq!(answered_by(&sim), (4.0, "unknown".into()));
    assert_near(sim.entered(State::Greeting, 0), 4.0);
}

#[test]
fn a_human_is_listened_to_where_the_agent_has_no_greeting() {
    let config = AgentConfig { greeting: String::new(), ..AgentConfig::default() };
    let mut sim = call_of(config);
    sim.says(0.8, 1.4, "Hello?").answers("Hello, this is Ada.").run(8.0);
    assert_eq!(answered_by(&sim).1, "human");
    assert_eq!(sim.finished(1).2, "Hello, this is Ada.");
}

#[test]
fn a_voicemail_gets_its_message_after_its_words_and_to_the_last_one() {
    let mut sim = called();
    sim.says(0.5, 5.0, "You've reached Bob, please leave a message after the beep.").voice(5.6, 5.9);
    // A machine that talks on is not listened to.
    sim.voice(8.0, 12.0).run(20.0);
    assert_eq!(answered_by(&sim), (5.2, "voicemail".into()));
    assert_near(sim.entered(State::Closing, 0), 5.9 + 1.5);
    let (finished, _, heard, interrupted) = sim.finished(1);
    assert_eq!((heard.as_str(), interrupted), (MESSAGE, false));
    assert_near(sim.output_at(0, is_hangup), finished);
    assert_eq!(sim.call.snapshot().ended, Some(EndReason::VoicemailReached));
    assert!(!sim.path().contains(&State::Greeting));
}

#[test]
fn a_voicemail_is_hung_up_on_at_once_where_there_is_no_message() {
    let mut sim = Sim::with(AgentConfig::default(), outbound());
    sim.says(0.5, 5.0, "You've reached Bob, please leave a message after the beep.").run(20.0);
    assert_near(sim.output_at(0, is_hangup), 5.2);
    assert_eq!(sim.count(|output| matches!(output, Output::SendAudio { .. })), 0);
    assert_eq!(sim.call.snapshot().ended, Some(EndReason::VoicemailReached));
}

#[test]
fn a_voicemail_is_known_by_interims_before_it_has_finished() {
    let mut sim = called();
    sim.stt.interims = true;
    sim.says(0.5, 6.5, "Please leave a message after the beep and we will call you.").run(20.0);
    assert!(answered_by(&sim).0 < 3.5);
    assert_near(sim.entered(State::Closing, 0), 6.5 + 1.5);
}

#[test]
fn a_message_longer_than_a_goodbye_is_left_in_full() {
    let mut config = AgentConfig::default();
    let message = "Please call us back about your order. ".repeat(8);
    config.screening.voicemail_message = message.clone();
    let mut sim = call_of(config);
    sim.says(0.5, 5.0, "Please leave a message after the beep.").run(60.0);
    let (_, _, heard, interrupted) = sim.finished(1);
    assert_eq!((heard.as_str(), interrupted), (message.trim(), false));
    assert!(sim.really_played(1, 60.0) > 15.0);
}

#[test]
fn a_menu_is_the_first_turn_and_nobody_is_greeted() {
    let mut sim = called();
    sim.says(0.5, 4.5, "For sales, press 1. For support, press 2.").answers("Sales.").run(12.0);
    assert_eq!(answered_by(&sim).1, "menu");
    assert_eq!(sim.requests()[0].3[1], user("For sales, press 1. For support, press 2."));
    assert!(!sim.path().contains(&State::Greeting));
    assert_eq!(sim.finished(1).2, "Sales.");
}

#[test]
fn a_menus_key_is_pressed_and_who_answers_then_is_talked_to() {
    let mut context = outbound();
    context.tones = [('1', bytes::Bytes::from_static(&[0x31; 1600]))].into();
    let mut sim = Sim::with(AgentConfig::default(), context);
    sim.says(0.5, 4.5, "For sales, press 1. For support, press 2.").asks("", &[("a", turn::PRESS_KEYS)]);
    sim.replies.back_mut().unwrap().calls[0].arguments = r#"{"keys":"1"}"#.into();
    sim.answers("").says(9.0, 10.0, "Sales, hello?").answers("Hello, this is Ada.").run(15.0);
    let pressed = sim.event(|at, event| matches!(event, CallEvent::DtmfSent { .. }).then_some(at));
    assert!(pressed < 7.0);
    assert_eq!(sim.finished(2).2, "Hello, this is Ada.");
}

#[test]
fn a_number_that_leads_nowhere_is_hung_up_on_without_a_word() {
    let mut sim = called();
    sim.says(0.5, 4.5, "The number you have dialed is not in service.").run(12.0);
    assert_eq!(answered_by(&sim), (6.0, "unknown".into()));
    assert_near(sim.output_at(0, is_hangup), 6.0);
    assert_eq!(sim.count(|output| matches!(output, Output::SendAudio { .. })), 0);
    assert_eq!(sim.call.snapshot().ended, Some(EndReason::VoicemailReached));
}

#[test]
fn a_voicemail_that_was_taken_for_a_human_still_gets_its_message() {
    let greeting = "Good morning, this is Ada from Acme, I am calling about the order that you placed.";
    let mut sim = call_of(AgentConfig { greeting: greeting.into(), ..AgentConfig::default() });
    sim.stt.interims = true;
    sim.says(0.5, 1.2, "Hi, Bob here.");
    sim.says(2.2, 7.0, "I can't come to the phone now, leave a message after the beep.").run(25.0);
    assert_eq!(answered_by(&sim), (1.7, "human".into()));
    assert!(sim.finished(0).3, "the greeting is cut");
    assert_near(sim.entered(State::Closing, 0), 7.0 + 1.5);
    assert_eq!(sim.finished(1).2, MESSAGE);
    assert_eq!(sim.call.snapshot().ended, Some(EndReason::VoicemailReached));
    assert!(sim.requests().is_empty());
}

#[test]
fn a_machines_words_in_a_conversation_are_words() {
    let mut sim = called();
    sim.says(0.5, 1.2, "Hello?");
    sim.says(6.0, 9.0, "Did you leave a message?").answers("I did.");
    sim.says(33.0, 36.0, "I found it on my voicemail. You may leave a message again.").answers("Thanks.");
    sim.says(20.0, 21.0, "Good.").answers("Yes.").run(45.0);
    assert!(!sim.call.is_finished());
    assert_eq!(sim.requests().len(), 3);
}

#[test]
fn words_over_the_greeting_are_still_a_turn() {
    let mut sim = called();
    sim.says(0.5, 1.0, "Hello?").says(2.0, 3.2, "Who is this, please?").answers("Ada.").run(9.0);
    assert_eq!(sim.requests()[0].3[2], user("Who is this, please?"));
    assert_eq!(sim.finished(1).2, "Ada.");
}

#[test]
fn an_operator_who_speaks_first_has_decided() {
    let mut sim = called();
    let say = OperatorCommand::Say("One moment please, sir.".into());
    sim.at(secs(2.0), Input::Operator(say)).says(1.8, 2.2, "Hello?").answers("Yes?").run(9.0);
    assert_eq!(sim.finished(1).2, "One moment please, sir.");
    assert_eq!(sim.events().filter(|(_, event)| matches!(event, CallEvent::AnsweredBy { .. })).count(), 0);
}

#[test]
fn a_caller_who_hangs_up_meanwhile_ends_the_call() {
    let mut sim = called();
    sim.at(secs(1.0), Input::Carrier(turn::CarrierInput::Stopped)).run(9.0);
    assert_eq!(sim.call.snapshot().ended, Some(EndReason::CallerHangup));
}

#[test]
fn calls_that_come_in_or_go_on_or_are_not_to_be_screened_are_greeted_at_once() {
    let inbound = CallContext::mulaw("call");
    let mut resumed = outbound();
    resumed.first_turn = 3;
    resumed.history = vec![user("Hello.")];
    let mut unscreened = AgentConfig::default();
    unscreened.screening.enabled = false;
    for (config, context) in
        [(AgentConfig::default(), inbound), (AgentConfig::default(), resumed), (unscreened, outbound())]
    {
        let mut sim = Sim::with(config, context);
        sim.run(1.0);
        assert_eq!(sim.path(), [State::Connecting, State::Greeting]);
    }
}

fn called() -> Sim {
    call_of(AgentConfig::default())
}

fn call_of(mut config: AgentConfig) -> Sim {
    if config.screening == turn::Screening::default() {
        config.screening.voicemail_message = MESSAGE.into();
    }
    Sim::with(config, outbound())
}

fn outbound() -> CallContext {
    CallContext { direction: Direction::Outbound, ..CallContext::mulaw("call") }
}

fn answered_by(sim: &Sim) -> (f64, String) {
    sim.event(|at, event| match event {
        CallEvent::AnsweredBy { who, reason } => {
            assert!(!reason.is_empty());
            Some(((at * 100.0).round() / 100.0, who.clone()))
        }
        _ => None,
    })
}

fn is_hangup(output: &Output) -> bool {
    matches!(output, Output::Hangup { .. })
}

fn user(content: &str) -> Message {
    Message::User { content: content.into() }
}

fn assistant(content: &str) -> Message {
    Message::Assistant { content: content.into(), tool_calls: Vec::new() }
}
