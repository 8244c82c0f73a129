//! Golden timelines of the field, to within one frame. Base script: the caller says
//! "Tell me a story." from 0.5 to 2.5, the final transcript takes 0.2, the endpoint
//! window is 0.5, first speech takes 0.2.

use events::CallEvent;
use turn::{AgentConfig, Message, Output, State};

use crate::sim::{Sim, assert_near, ms, secs};

#[test]
fn a_plain_turn() {
    let mut sim = story(2.0);
    sim.run(2.0);
    assert_near(sim.call.snapshot().caller_speaks_since.unwrap().as_secs_f64(), 0.5);
    sim.run(8.0);

    assert_near(sim.entered(State::Thinking, 0), 3.0);
    assert_near(sim.entered(State::Speaking, 0), 3.5);
    assert_near(sim.entered(State::Listening, 1), 5.5);
    let (committed, text) = sim.event(|at, event| match event {
        CallEvent::TurnCommitted { turn: 1, text } => Some((at, text.clone())),
        _ => None,
    });
    assert_near(committed, 3.0);
    assert_eq!(text, "Tell me a story.");
    let (finished, said, heard, interrupted) = sim.finished(1);
    assert_near(finished, 5.5);
    assert_eq!((heard.as_str(), interrupted), (said.as_str(), false));
    assert_eq!(said, STORY);

    let latency = sim.event(|_, event| match event {
        CallEvent::TurnFinished { latency, .. } => Some(latency.unwrap()),
        _ => None,
    });
    assert_near(latency.endpoint_wait / 1000.0, 0.5);
    assert_near(latency.stt_tail, 0.0);
    assert_near(latency.llm_first_token / 1000.0, 0.1);
    assert_near(latency.first_clause / 1000.0, 0.2);
    assert_near(latency.tts_first_byte / 1000.0, 0.2);
    assert_near(latency.host_overhead, 0.0);
    assert_near(latency.total / 1000.0, 1.0);
    assert!(latency.closes(), "{latency:?}");
    assert_near(sim.really_played(1, 8.0), 2.0);
    assert_eq!(
        sim.call.history(),
        [user("Tell me a story."), Message::Assistant { content: STORY.into(), tool_calls: vec![] }]
    );
}

#[test]
fn b_interruption_while_speaking() {
    let mut sim = story(10.0);
    sim.says(5.0, 6.0, "Stop!").answers("All right.").run(12.0);

    assert_near(sim.entered(State::UserSpeaking, 1), 5.5);
    assert_near(sim.really_played(1, 12.0), 2.0);
    let (finished, _, heard, interrupted) = sim.finished(1);
    assert_near(finished, 5.5);
    assert!(interrupted);
    assert!(STORY.starts_with(&heard) && !heard.is_empty() && heard != STORY, "{heard}");
    assert_near(sim.entered(State::Thinking, 1), 6.5);
    assert_eq!(
        sim.requests()[1].3[1..],
        [user("Tell me a story."), Message::Assistant { content: heard, tool_calls: vec![] }, user("Stop!"),]
    );
}

#[test]
fn b_with_a_pause_before_the_decision() {
    let mut config = config();
    config.barge_in.pause_after = ms(200);
    let mut sim = story_with(config, 10.0);
    sim.says(5.0, 6.0, "Stop!").answers("All right.").run(12.0);

    assert_near(sim.entered(State::PausedForBargeIn, 0), 5.2);
    assert_near(sim.output_at(0, |output| *output == Output::Clear), 5.2);
    assert_near(sim.entered(State::UserSpeaking, 1), 5.5);
    assert_near(sim.really_played(1, 12.0), 1.7);
    assert_eq!(sim.count(|output| *output == Output::Clear), 1);
}

#[test]
fn e_interruption_while_thinking() {
    let mut sim = story(2.0);
    sim.replies[0].duration = ms(1000);
    sim.says(3.0, 4.0, "Stop!").answers("All right.").run(4.6);

    assert_near(sim.entered(State::Thinking, 0), 3.0);
    assert_near(sim.entered(State::UserSpeaking, 1), 3.5);
    assert_eq!(sim.count(|output| matches!(output, Output::SendAudio { .. })), 0);
    assert_eq!(sim.count(|output| *output == Output::Clear), 0);
    assert_eq!(sim.finished(1), (sim.entered(State::UserSpeaking, 1), String::new(), String::new(), true));
    assert_eq!(sim.requests()[1].3[1..], [user("Tell me a story. Stop!")]);
}

#[test]
fn j_a_tool_call_inside_the_turn() {
    let mut sim = Sim::new(config());
    sim.says(0.5, 2.5, "Is Tuesday free?").asks("Let me check.", &[("c1", "calendar")]);
    sim.tool("calendar", 3.0, "success", "free").answers("Yes, it is.").run(12.0);

    let path: Vec<State> = sim.path().into_iter().skip_while(|state| *state != State::Thinking).collect();
    assert_eq!(path, [State::Thinking, State::Speaking, State::Thinking, State::Speaking, State::Listening]);
    let (_, said, heard, interrupted) = sim.finished(1);
    assert_eq!(said, "Let me check. Yes, it is.");
    assert_eq!((heard, interrupted), (said, false));
}

#[test]
fn k_errors_of_tools_reach_the_model_and_internal_ones_say_nothing_of_the_inside() {
    for (outcome, text, told) in [
        ("refused", "unknown tool: oracle", "unknown tool: oracle"),
        ("refused", "`day` is missing", "`day` is missing"),
        ("failure", "no such customer", "no such customer"),
        ("fault", "wasm trap at 0x3f: unreachable", "The tool failed."),
    ] {
        let mut sim = Sim::new(config());
        sim.says(0.5, 2.5, "Is Tuesday free?").asks("", &[("c1", "oracle")]);
        sim.tool("oracle", 0.1, outcome, text).answers("Sorry, I cannot say.").run(8.0);
        let requests = sim.requests();
        let Some(Message::Tool { tool_call_id, content }) = requests[1].3.last() else {
            panic!("{requests:?}")
        };
        assert_eq!((tool_call_id.as_str(), content.as_str()), ("c1", told));
        let logged = sim.event(|_, event| match event {
            CallEvent::ToolFinished { outcome, text, duration_ms, .. } => {
                Some((outcome.clone(), text.clone(), *duration_ms))
            }
            _ => None,
        });
        assert_eq!(logged, (outcome.into(), told.into(), 100));
    }
}

const STORY: &str = "Once upon a time a bee lived in a very small house by the sea";

/// The field's usual settings: an endpoint window of 0.5, and an interruption after
/// 0.5 of voice without a pause before it.
fn config() -> AgentConfig {
    let mut config = AgentConfig::default();
    config.endpointing.complete = ms(500);
    config.barge_in.pause_after = ms(500);
    config
}

fn story(length: f64) -> Sim {
    story_with(config(), length)
}

fn story_with(config: AgentConfig, length: f64) -> Sim {
    let mut sim = Sim::new(config);
    sim.tts.lengths = [secs(length)].into();
    sim.says(0.5, 2.5, "Tell me a story.").answers(STORY);
    sim
}

fn user(content: &str) -> Message {
    Message::User { content: content.into() }
}
