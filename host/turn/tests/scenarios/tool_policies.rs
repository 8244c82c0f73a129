//! What may be run, how long, how often, and what an interruption stops.

use events::CallEvent;
use turn::{AgentConfig, CallContext, Input, Message, OperatorCommand, Output, ToolCall, ToolPolicy, TurnId};

use crate::sim::{Sim, assert_near, secs};

#[test]
fn a_tool_that_only_reads_is_stopped_by_an_interruption_and_its_late_result_dropped() {
    let mut sim = asked();
    sim.asks("Let me look that up for you.", &[("a", "search"), ("b", "booking")]);
    sim.tool("search", 6.0, "success", "found").tool("booking", 6.0, "success", "booked");
    sim.says(3.5, 4.5, "Stop!").answers("Yes?").says(12.0, 13.0, "And?").answers("Booked.").run(16.0);
    assert!(sim.finished(1).3);
    let cancelled: Vec<&Output> = sim
        .outputs
        .iter()
        .map(|(_, output)| output)
        .filter(|output| matches!(output, Output::CancelTool { .. }))
        .collect();
    assert_eq!(cancelled, [&Output::CancelTool { turn: TurnId(1), id: "a".into() }]);
    assert_eq!(outcomes(&sim), ["search cancelled", "booking success"]);
    let requests = sim.requests();
    assert!(result_of(&requests[1].3, "a").contains("stopped"));
    assert!(result_of(&requests[1].3, "b").contains("still running"));
    assert_eq!(result_of(&requests[2].3, "b"), "booked");
    assert!(result_of(&requests[2].3, "a").contains("stopped"));
}

#[test]
fn a_stopped_tool_may_be_called_again() {
    let mut sim = asked();
    sim.asks("Let me look that up for you.", &[("a", "search")]).tool("search", 3.0, "success", "found");
    sim.says(3.5, 4.5, "Hurry up!").asks("", &[("a", "search")]).answers("Found.").run(12.0);
    assert_eq!(outcomes(&sim), ["search cancelled", "search success"]);
    assert_eq!(sim.finished(2).1, "One moment, please. Found.");
}

#[test]
fn an_operators_line_stops_no_tool() {
    let mut sim = asked();
    sim.asks("", &[("a", "search")]).tool("search", 3.0, "success", "found").answers("It is found.");
    sim.at(secs(4.0), Input::Operator(OperatorCommand::Say("One moment.".into()))).run(10.0);
    assert_eq!(outcomes(&sim), ["search success"]);
}

#[test]
fn a_tool_has_a_limit_of_its_own() {
    let mut sim = asked();
    sim.asks("", &[("a", "slow")]).answers("It takes long.").run(16.0);
    let finished = sim.event(|at, event| match event {
        CallEvent::ToolFinished { outcome, duration_ms, .. } => Some((at, outcome.clone(), *duration_ms)),
        _ => None,
    });
    assert_eq!((finished.1.as_str(), finished.2), ("timeout", 2000));
    assert_near(finished.0, 2.75 + 0.3 + 2.0);
}

#[test]
fn the_same_call_is_refused_for_the_rest_of_the_turn_however_it_is_written() {
    let mut sim = asked();
    sim.asks("", &[("a", "booking")]).asks("", &[("b", "booking")]).answers("Booked.");
    sim.tool("booking", 0.5, "success", "booked");
    sim.replies[0].calls[0].arguments = r#"{"day": "Monday", "at": 10}"#.into();
    sim.replies[1].calls[0].arguments = r#"{"at":10,"day":"Monday"}"#.into();
    sim.run(10.0);
    assert_eq!(outcomes(&sim), ["booking success", "booking refused"]);
    assert_eq!(sim.count(|output| matches!(output, Output::CallTool { .. })), 1);
    assert_eq!(sim.requests().len(), 3);
}

#[test]
fn the_same_call_twice_in_one_answer_is_run_once() {
    let mut sim = asked();
    sim.asks("", &[("a", "booking"), ("b", "booking")]).answers("Booked.");
    sim.tool("booking", 0.5, "success", "booked");
    for call in &mut sim.replies[0].calls {
        call.arguments = "{}".into();
    }
    sim.run(10.0);
    assert_eq!(outcomes(&sim), ["booking refused", "booking success"]);
    assert_eq!(sim.requests().len(), 2);
}

#[test]
fn a_later_turn_may_make_the_same_call() {
    let mut sim = asked();
    sim.asks("", &[("a", "booking")]).answers("Booked.");
    sim.says(8.0, 9.0, "Another one.").asks("", &[("a", "booking")]).answers("Booked again.");
    sim.tool("booking", 0.5, "success", "booked").run(16.0);
    assert_eq!(outcomes(&sim), ["booking success", "booking success"]);
}

#[test]
fn a_tool_that_there_is_not_is_answered_with_those_that_there_are() {
    let mut sim = asked();
    sim.asks("", &[("a", "oracle")]).answers("I cannot do that.").run(8.0);
    assert_eq!(outcomes(&sim), ["oracle refused"]);
    assert_eq!(
        result_of(&sim.requests()[1].3, "a"),
        "There is no tool of this name; there are: search, booking, slow."
    );
    assert_eq!(sim.count(|output| matches!(output, Output::CallTool { .. })), 0);
}

#[test]
fn arguments_that_are_no_object_are_answered_and_nothing_is_run() {
    for arguments in ["[1]", "{\"day\": ", "Monday", "null"] {
        let mut sim = asked();
        sim.asks("", &[("a", "booking")]).answers("Which day?");
        sim.replies[0].calls[0].arguments = arguments.into();
        sim.run(8.0);
        assert_eq!(outcomes(&sim), ["booking refused"]);
        assert!(result_of(&sim.requests()[1].3, "a").contains("not a JSON object"), "{arguments}");
        assert_eq!(sim.count(|output| matches!(output, Output::CallTool { .. })), 0);
    }
}

#[test]
fn no_arguments_at_all_are_an_empty_object() {
    let mut sim = asked();
    sim.asks("", &[("a", "booking")]).answers("Done.").tool("booking", 0.1, "success", "ok");
    sim.replies[0].calls[0].arguments = String::new();
    sim.run(8.0);
    let run: Vec<ToolCall> = sim
        .outputs
        .iter()
        .filter_map(|(_, output)| match output {
            Output::CallTool { call, .. } => Some(call.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(run.iter().map(|call| call.arguments.as_str()).collect::<Vec<_>>(), ["{}"]);
}

#[test]
fn without_a_list_of_tools_every_name_is_tried() {
    let mut sim = Sim::new(AgentConfig::default());
    sim.says(0.5, 2.5, "Is Tuesday free?").asks("", &[("a", "oracle")]).answers("Yes.");
    sim.tool("oracle", 0.1, "success", "yes").run(8.0);
    assert_eq!(outcomes(&sim), ["oracle success"]);
}

/// The turn is committed, and the model asked, at 2.75.
fn asked() -> Sim {
    let policy = |name: &str, cancel_on_interruption, limit: Option<f64>| ToolPolicy {
        name: name.into(),
        cancel_on_interruption,
        limit: limit.map(secs),
        filler: None,
    };
    let mut context = CallContext::mulaw("call");
    context.tools =
        vec![policy("search", true, None), policy("booking", false, None), policy("slow", false, Some(2.0))];
    let mut sim = Sim::with(AgentConfig { greeting: String::new(), ..AgentConfig::default() }, context);
    sim.says(0.5, 2.5, "Is Tuesday free?");
    sim
}

fn outcomes(sim: &Sim) -> Vec<String> {
    let outcomes = sim.events().filter_map(|(_, event)| match event {
        CallEvent::ToolFinished { name, outcome, .. } => Some(format!("{name} {outcome}")),
        _ => None,
    });
    outcomes.collect()
}

fn result_of<'a>(messages: &'a [Message], id: &str) -> &'a str {
    let result = messages.iter().find_map(|message| match message {
        Message::Tool { tool_call_id, content } if tool_call_id == id => Some(content.as_str()),
        _ => None,
    });
    result.unwrap()
}
