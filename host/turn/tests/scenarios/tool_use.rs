//! Tools: in order, bounded, never run twice, never forgotten.

use events::{CallEvent, EndReason};
use turn::{AgentConfig, END_CALL, Input, Message, Output, State, ToolResult, TurnId};

use crate::sim::{Sim, assert_near, secs};

#[test]
fn tools_run_in_order_and_the_model_goes_on_after_the_last() {
    let mut sim = asked();
    sim.asks("", &[("a", "calendar"), ("b", "crm")]);
    sim.tool("calendar", 1.0, "success", "free")
        .tool("crm", 0.2, "success", "known")
        .answers("Yes.")
        .run(9.0);
    let called: Vec<String> = sim
        .outputs
        .iter()
        .filter_map(|(_, output)| match output {
            Output::Emit(CallEvent::ToolCalled { id, .. }) => Some(format!("log {id}")),
            Output::CallTool { call, .. } => Some(format!("run {}", call.id)),
            _ => None,
        })
        .collect();
    assert_eq!(called, ["log a", "run a", "log b", "run b"]);
    let requests = sim.requests();
    assert_near(requests[1].0 - requests[0].0, 0.3 + 1.0);
    let results: Vec<&Message> = requests[1].3.iter().rev().take(2).collect();
    assert_eq!(results, [&tool("b", "known"), &tool("a", "free")]);
    let latency = latency(&sim);
    assert_near(latency.tools / 1000.0, 1.0);
    assert!(latency.closes());
}

#[test]
fn words_before_a_tool_are_spoken_while_it_runs() {
    let mut sim = asked();
    sim.asks("Let me check that.", &[("a", "calendar")])
        .tool("calendar", 3.0, "success", "free")
        .answers("Yes.");
    sim.run(12.0);
    let spoken = sim.entered(State::Speaking, 0);
    let done = sim.event(|at, event| matches!(event, CallEvent::ToolFinished { .. }).then_some(at));
    assert!(spoken < done - 2.0);
    assert_eq!(
        sim.call.history()[1],
        Message::Assistant { content: "Let me check that.".into(), tool_calls: vec![call_of(&sim, "a")] }
    );
}

#[test]
fn a_tool_that_does_not_answer_times_out_and_its_late_result_is_only_noted() {
    let mut sim = asked();
    sim.asks("", &[("a", "calendar")]).answers("It takes long.").run(16.0);
    let requests = sim.requests();
    assert_near(requests[1].0 - requests[0].0, 0.3 + 12.0);
    assert_eq!(outcomes(&sim), ["timeout"]);
    let result =
        ToolResult { turn: TurnId(1), id: "a".into(), outcome: "success".into(), text: "booked".into() };
    sim.at(secs(18.0), Input::Tool(result.clone())).at(secs(18.5), Input::Tool(result)).run(20.0);
    assert_eq!(outcomes(&sim), ["timeout", "success"]);
    assert_eq!(sim.requests().len(), 2);
    assert!(sim.call.history().contains(&tool("a", "booked")));
}

#[test]
fn an_interruption_cancels_no_tool_and_the_next_turn_sees_its_result() {
    let mut sim = asked();
    sim.asks("Let me book that for you right away.", &[("a", "calendar")])
        .tool("calendar", 5.0, "success", "booked");
    sim.says(3.5, 4.5, "Hurry up!")
        .answers("I am on it.")
        .says(10.0, 11.0, "And?")
        .answers("Booked.")
        .run(15.0);
    assert!(sim.finished(1).3);
    assert!(
        sim.requests()[1].3.iter().any(|message| matches!(message,
        Message::Tool { tool_call_id, content } if tool_call_id == "a" && content.contains("still running")))
    );
    assert!(sim.requests()[2].3.contains(&tool("a", "booked")));
    assert_eq!(outcomes(&sim), ["success"]);
    assert_eq!(sim.finished(2).2, "I am on it.");
}

#[test]
fn the_same_call_is_not_run_twice_while_it_runs() {
    let mut sim = asked();
    sim.asks("", &[("a", "calendar")]).tool("calendar", 5.0, "success", "booked");
    sim.says(3.5, 4.5, "Hurry up!").asks("", &[("a", "calendar")]).answers("I am on it.").run(12.0);
    assert_eq!(sim.count(|output| matches!(output, Output::CallTool { .. })), 1);
    assert_eq!(outcomes(&sim), ["refused", "success"]);
}

#[test]
fn calls_with_the_same_id_each_get_their_result() {
    let mut sim = asked();
    sim.asks("", &[("", "calendar"), ("", "crm")]);
    sim.tool("calendar", 1.0, "success", "free")
        .tool("crm", 0.2, "success", "known")
        .answers("Yes.")
        .run(9.0);
    let results: Vec<Message> = sim.requests()[1].3.iter().rev().take(2).rev().cloned().collect();
    assert_eq!(results, [tool("", "free"), tool("-2", "known")]);
}

#[test]
fn rounds_of_tools_are_limited() {
    let mut sim = asked();
    for id in ["a", "b", "c", "d"] {
        sim.asks("", &[(id, "calendar")]);
    }
    sim.tool("calendar", 0.1, "success", "free").run(15.0);
    assert_eq!(outcomes(&sim), ["success", "success", "success", "refused"]);
    assert_eq!(sim.requests().len(), 4);
    assert_eq!(sim.finished(1).2, "One moment, please. I'm sorry, something went wrong on my side.");
    assert!(!sim.call.is_finished());
}

#[test]
fn a_model_that_ends_the_call_is_heard_to_its_last_word_first() {
    let mut sim = asked();
    sim.asks("It was a pleasure, goodbye!", &[("a", END_CALL)]).run(12.0);
    let (finished, said, heard, _) = sim.finished(1);
    assert_eq!((said.as_str(), heard.as_str()), ("It was a pleasure, goodbye!", said.as_str()));
    assert_near(sim.output_at(0, is_hangup), finished);
    assert_near(sim.really_played(1, 12.0), (said.len() - 1) as f64 / 15.0);
    assert_eq!(sim.call.snapshot().ended, Some(EndReason::AgentHangup));
    assert_eq!(sim.count(|output| matches!(output, Output::CallTool { .. })), 0);
    assert!(sim.path().contains(&State::Closing));
}

#[test]
fn a_model_that_ends_the_call_without_a_word_says_the_farewell() {
    let mut sim = asked();
    sim.asks("", &[("a", END_CALL)]).run(12.0);
    assert_eq!(sim.finished(1).2, "Thank you for calling. Goodbye.");
    assert_eq!(sim.call.snapshot().ended, Some(EndReason::AgentHangup));
}

#[test]
fn the_last_mark_is_waited_for_but_not_for_ever() {
    let mut sim = asked();
    sim.carrier.loses_every = Some(1);
    sim.tts.lengths = [secs(2.0)].into();
    sim.asks("Bye now", &[("a", END_CALL)]).run(12.0);
    let started = sim.output_at(0, |output| matches!(output, Output::SendAudio { .. }));
    assert_near(sim.output_at(0, is_hangup) - started, 2.0 + 1.0);
}

#[test]
fn a_caller_who_interrupts_the_goodbye_keeps_the_call() {
    let mut sim = asked();
    sim.tts.lengths = [secs(3.0)].into();
    sim.asks("It was a pleasure talking to you", &[("a", END_CALL)]);
    sim.says(4.0, 5.0, "Wait!").answers("Yes?").run(12.0);
    assert!(!sim.call.is_finished());
    assert_eq!(sim.finished(2).2, "Yes?");
}

#[test]
fn the_call_ends_after_the_other_tools_of_its_round() {
    let mut sim = asked();
    sim.asks("Let me note that, goodbye.", &[("a", "crm"), ("b", END_CALL)])
        .tool("crm", 4.0, "success", "noted");
    sim.run(14.0);
    assert_eq!(outcomes(&sim), ["success", "success"]);
    assert_eq!(sim.call.snapshot().ended, Some(EndReason::AgentHangup));
    assert!(sim.output_at(0, is_hangup) > 6.5);
}

fn asked() -> Sim {
    let mut sim = Sim::new(AgentConfig::default());
    sim.says(0.5, 2.5, "Is Tuesday free?");
    sim
}

fn outcomes(sim: &Sim) -> Vec<String> {
    let outcomes = sim.events().filter_map(|(_, event)| match event {
        CallEvent::ToolFinished { outcome, .. } => Some(outcome.clone()),
        _ => None,
    });
    outcomes.collect()
}

fn latency(sim: &Sim) -> events::Latency {
    sim.event(|_, event| match event {
        CallEvent::TurnFinished { latency, .. } => *latency,
        _ => None,
    })
}

fn call_of(sim: &Sim, id: &str) -> turn::ToolCall {
    let calls = sim.outputs.iter().find_map(|(_, output)| match output {
        Output::CallTool { call, .. } if call.id == id => Some(call.clone()),
        _ => None,
    });
    calls.unwrap()
}

fn tool(id: &str, content: &str) -> Message {
    Message::Tool { tool_call_id: id.into(), content: content.into() }
}

fn is_hangup(output: &Output) -> bool {
    matches!(output, Output::Hangup { .. })
}
