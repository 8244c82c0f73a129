//! An answer that was cut by a noise, or by an "okay", while its tools ran.

use events::CallEvent;
use turn::{
    AgentConfig, CallContext, Input, Message, OperatorCommand, Output, State, ToolPolicy, ToolResult, TurnId,
};

use crate::sim::{Sim, assert_near, secs};

#[test]
fn a_caller_who_has_only_coughed_gets_the_answer_when_the_tool_ends() {
    let mut sim = booking(8.0);
    sim.voice(4.0, 4.8).answers("It is booked for Monday.").run(16.0);
    assert!(sim.finished(1).3);
    let requests = sim.requests();
    assert_eq!(requests.len(), 2);
    assert_near(requests[1].0, requests[0].0 + 0.3 + 8.0);
    assert_eq!(requests[1].1, TurnId(2));
    let told: Vec<&Message> = requests[1].3.iter().skip(1).collect();
    assert!(matches!(told[1], Message::Assistant { content, tool_calls }
        if tool_calls.len() == 1 && "Let me book that for you.".starts_with(content)));
    assert_eq!(*told[2], tool("a", "booked"));
    assert_eq!(told.len(), 3);
    assert_eq!(sim.finished(2).2, "It is booked for Monday.");
    assert_eq!(committed(&sim), ["Book it."]);
    let latency = sim.event(|_, event| match event {
        CallEvent::TurnFinished { turn: 2, latency, .. } => Some(*latency),
        _ => None,
    });
    assert_eq!(latency, None, "nobody waited since they spoke");
}

#[test]
fn a_result_that_comes_while_words_may_still_come_is_told_after_them() {
    let mut sim = booking(2.0);
    sim.voice(4.0, 4.8).answers("It is booked for Monday.").run(16.0);
    assert_near(sim.requests()[1].0, 4.8 + 3.0);
    assert_eq!(sim.finished(2).2, "It is booked for Monday.");
}

#[test]
fn a_long_okay_is_no_turn_and_the_answer_comes() {
    let mut sim = booking(6.0);
    sim.says(4.0, 5.4, "Okay. All right.").answers("It is booked for Monday.").run(16.0);
    assert!(sim.finished(1).3);
    assert_eq!(committed(&sim), ["Book it."]);
    assert_eq!(sim.finished(2).2, "It is booked for Monday.");
}

#[test]
fn a_caller_who_says_something_else_gets_no_second_answer() {
    let mut sim = booking(8.0);
    sim.says(4.0, 5.0, "What is the weather?").answers("It is sunny.").run(18.0);
    assert_eq!(sim.requests().len(), 2);
    assert_eq!(committed(&sim), ["Book it.", "What is the weather?"]);
    assert!(sim.call.history().contains(&tool("a", "booked")));
}

#[test]
fn a_caller_who_speaks_when_the_tool_ends_is_not_spoken_over() {
    let mut sim = booking(8.0);
    sim.voice(4.0, 4.8).says(10.0, 11.5, "Is it booked?").answers("Yes, it is.").run(18.0);
    assert_eq!(sim.requests().len(), 2);
    assert!(sim.requests()[1].3.contains(&tool("a", "booked")));
    assert_eq!(committed(&sim), ["Book it.", "Is it booked?"]);
}

#[test]
fn keys_that_are_being_pressed_are_words_that_wait() {
    let mut sim = booking(8.0);
    sim.voice(4.0, 4.8).answers("Thank you.");
    sim.at(secs(9.9), Input::Carrier(turn::CarrierInput::Dtmf('1'))).run(18.0);
    assert_eq!(sim.requests().len(), 2);
    assert_eq!(committed(&sim), ["Book it.", "Keypad: 1"]);
}

#[test]
fn the_agents_answer_can_be_interrupted_and_its_tools_are_counted_on() {
    let mut sim = booking(6.0);
    sim.voice(4.0, 4.8);
    for id in ["b", "c", "d"] {
        sim.asks("", &[(id, "booking")]);
    }
    sim.tool("booking", 6.0, "success", "booked").run(40.0);
    let outcomes: Vec<String> = sim
        .events()
        .filter_map(|(_, event)| match event {
            CallEvent::ToolFinished { outcome, .. } => Some(outcome.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(outcomes, ["success", "success", "success", "refused"]);

    let mut sim = booking(6.0);
    sim.voice(4.0, 4.8).answers("It is booked for Monday, and for Tuesday, and for the day after that.");
    sim.says(10.0, 11.0, "Stop!").answers("All right.").run(16.0);
    assert!(sim.finished(2).3);
    assert_eq!(sim.finished(3).2, "All right.");
}

#[test]
fn a_tool_that_was_stopped_with_its_turn_owes_nothing() {
    let mut context = CallContext::mulaw("call");
    context.tools =
        vec![ToolPolicy { name: "booking".into(), cancel_on_interruption: true, limit: None, filler: None }];
    let config = AgentConfig { greeting: String::new(), ..AgentConfig::default() };
    let mut sim = Sim::with(config, context);
    ask(&mut sim, 8.0);
    sim.voice(4.0, 4.8).run(13.0);
    assert_eq!(sim.requests().len(), 1);
    assert_eq!(sim.call.snapshot().state, State::Listening);
}

#[test]
fn the_same_call_is_not_made_again_for_the_answer() {
    let mut sim = booking(6.0);
    sim.voice(4.0, 4.8).asks("", &[("a", "booking")]).answers("It is booked.").run(16.0);
    assert_eq!(sim.count(|output| matches!(output, Output::CallTool { .. })), 1);
    assert_eq!(sim.finished(2).2, "It is booked.");
}

#[test]
fn the_result_is_the_last_of_the_conversation_even_where_a_filler_was_heard() {
    let mut sim = Sim::new(AgentConfig::default());
    sim.says(0.5, 2.5, "Book it.");
    sim.asks("", &[("a", "booking")]).tool("booking", 8.0, "success", "booked");
    sim.voice(6.0, 6.8).answers("It is booked for Monday.").run(18.0);
    let messages = sim.requests()[1].3.clone();
    assert_eq!(messages.last(), Some(&tool("a", "booked")));
    assert!(messages.iter().any(
        |message| matches!(message, Message::Assistant { content, .. } if content.starts_with("One moment"))
    ));
}

#[test]
fn an_operators_line_before_the_answer_only_delays_it() {
    let mut sim = Sim::new(AgentConfig::default());
    sim.says(0.5, 2.5, "Is Monday free?").answers("It is free.").answers("It is free.");
    sim.at(secs(2.9), say("Please hold the line.")).at(secs(3.5), say("Thank you.")).run(20.0);
    let requests = sim.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[1].3.last(), Some(&Message::User { content: "Is Monday free?".into() }));
    assert_eq!(sim.finished(3).2, "Thank you.");
    assert_eq!(sim.finished(4).2, "It is free.");
}

#[test]
fn an_operators_line_while_a_tool_runs_only_delays_the_answer() {
    let mut sim = Sim::new(AgentConfig::default());
    sim.says(0.5, 2.5, "Book it.");
    sim.asks("", &[("a", "booking")]).tool("booking", 3.0, "success", "booked").answers("It is booked.");
    sim.at(secs(4.0), say("Please hold the line.")).run(20.0);
    assert_eq!(sim.requests()[1].3.last(), Some(&tool("a", "booked")));
    assert_eq!(sim.finished(3).2, "It is booked.");
}

#[test]
fn an_operators_line_over_words_of_the_answer_takes_their_place() {
    let mut sim = Sim::new(AgentConfig::default());
    sim.says(0.5, 2.5, "Is Monday free?").answers("Once upon a time a bee lived in a house.");
    sim.at(secs(4.5), say("Please hold the line.")).run(20.0);
    assert!(!sim.finished(1).2.is_empty());
    assert_eq!(sim.requests().len(), 1);
}

#[test]
fn a_late_result_is_only_recorded() {
    let mut config = AgentConfig::default();
    config.timers.tool = secs(8.0);
    let mut sim = Sim::new(config);
    ask(&mut sim, 30.0);
    sim.voice(4.0, 4.8).answers("I do not know whether it is booked.").run(18.0);
    assert_eq!(sim.requests().len(), 2);
    let late = ToolResult { turn: TurnId(1), id: "a".into(), outcome: "success".into(), text: "ok".into() };
    sim.at(secs(19.0), Input::Tool(late)).run(20.0);
    assert_eq!(sim.requests().len(), 2);
    assert!(sim.call.history().contains(&tool("a", "ok")));
}

fn booking(takes: f64) -> Sim {
    let mut sim = Sim::new(AgentConfig::default());
    ask(&mut sim, takes);
    sim
}

fn ask(sim: &mut Sim, takes: f64) {
    sim.says(0.5, 2.5, "Book it.");
    sim.asks("Let me book that for you.", &[("a", "booking")]).tool("booking", takes, "success", "booked");
}

fn say(line: &str) -> Input {
    Input::Operator(OperatorCommand::Say(line.into()))
}

fn committed(sim: &Sim) -> Vec<String> {
    let turns = sim.events().filter_map(|(_, event)| match event {
        CallEvent::TurnCommitted { text, .. } => Some(text.clone()),
        _ => None,
    });
    turns.collect()
}

fn tool(id: &str, content: &str) -> Message {
    Message::Tool { tool_call_id: id.into(), content: content.into() }
}
