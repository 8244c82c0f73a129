//! A word to the caller who waits, and no more than that.

use std::time::Duration;

use events::CallEvent;
use turn::{AgentConfig, CallContext, Message, Output, State, ToolPolicy};

use crate::sim::{Ending, Sim, assert_near, ms, secs};

#[test]
fn a_slow_model_is_covered_by_one_filler_which_its_answer_follows() {
    let mut sim = asked();
    slow_answer(&mut sim, 3.5);
    sim.run(12.0);
    assert_eq!(spoken(&sim), [(4.25, "One moment, please. ".into()), (6.25, "Here I am.".into())]);
    let (_, said, heard, interrupted) = sim.finished(1);
    assert_eq!((said.as_str(), interrupted), ("One moment, please. Here I am.", false));
    assert_eq!(heard, said);
    assert_eq!(sim.requests().len(), 1);
}

#[test]
fn fillers_take_turns_over_the_call() {
    let mut sim = asked();
    slow_answer(&mut sim, 3.0);
    sim.says(9.0, 10.0, "And now?");
    slow_answer(&mut sim, 3.0);
    sim.run(18.0);
    assert_eq!(sim.finished(1).1, "One moment, please. Here I am.");
    assert_eq!(sim.finished(2).1, "Just a second. Here I am.");
}

#[test]
fn a_tool_has_a_filler_of_its_own() {
    let mut sim = with_tools();
    sim.asks("", &[("a", "calendar")]).tool("calendar", 3.0, "success", "free").answers("Yes.").run(12.0);
    assert_eq!(sim.finished(1).1, "Let me look. Yes.");
}

#[test]
fn a_wait_has_one_filler_and_a_turn_two() {
    let mut sim = with_tools();
    sim.asks("", &[("a", "crm")]).asks("", &[("b", "crm")]).asks("", &[("c", "crm")]).answers("Yes.");
    sim.tool("crm", 9.0, "success", "known").run(40.0);
    let fillers: Vec<String> = spoken(&sim).into_iter().map(|(_, text)| text).collect();
    assert_eq!(fillers, ["One moment, please. ", "Just a second. ", "Yes."]);
}

#[test]
fn the_silence_counts_from_the_request_through_the_tool() {
    let mut sim = with_tools();
    sim.asks("", &[("a", "calendar")]).tool("calendar", 3.0, "success", "free").answers("Yes.");
    sim.replies[0].duration = ms(1000);
    sim.run(12.0);
    assert_eq!(spoken(&sim)[0], (4.25, "Let me look. ".into()));
}

#[test]
fn words_before_a_tool_need_no_filler() {
    let mut sim = with_tools();
    sim.asks("I will check that.", &[("a", "calendar")])
        .tool("calendar", 5.0, "success", "free")
        .answers("Yes.");
    sim.run(14.0);
    assert_eq!(sim.finished(1).1, "I will check that. Yes.");
}

#[test]
fn who_is_still_being_spoken_to_does_not_wait() {
    let mut sim = with_tools();
    sim.tts.lengths = [secs(4.0)].into();
    sim.asks("I will check that.", &[("a", "crm")]).tool("crm", 0.1, "success", "known");
    slow_answer(&mut sim, 7.0);
    sim.run(20.0);
    let played_until = sim.output_at(0, is_audio) + 4.0;
    let filler = spoken(&sim).into_iter().find(|(_, text)| text.trim() == "One moment, please.");
    assert_near(filler.unwrap().0, played_until + 1.5);
}

#[test]
fn no_filler_is_said_where_none_is_wanted() {
    for silence in [true, false] {
        let mut config = AgentConfig::default();
        if silence {
            config.timers.filler = Duration::ZERO;
        } else {
            config.fillers.clear();
        }
        let mut sim = asked_with(config, CallContext::mulaw("call"));
        slow_answer(&mut sim, 3.0);
        sim.run(12.0);
        assert_eq!(sim.finished(1).1, "Here I am.");
    }
}

#[test]
fn no_filler_is_said_over_the_caller() {
    let mut config = AgentConfig::default();
    config.barge_in.enabled = false;
    let mut sim = asked_with(config, CallContext::mulaw("call"));
    slow_answer(&mut sim, 3.9);
    sim.voice(4.0, 5.0).run(12.0);
    let (at, text) = spoken(&sim).remove(0);
    assert_eq!(text, "One moment, please. ");
    assert!((5.2..6.65).contains(&at), "{at}");
}

#[test]
fn no_filler_is_said_while_an_interruption_is_judged() {
    let mut sim = asked();
    slow_answer(&mut sim, 3.9);
    sim.says(3.9, 4.2, "").run(12.0);
    let paused = sim.entered(State::PausedForBargeIn, 0);
    let resumed = sim.entered(State::Thinking, 1);
    assert!(paused < 4.25 && resumed > 4.25, "{paused} to {resumed}");
    let (at, text) = spoken(&sim).remove(0);
    assert_eq!(text, "One moment, please. ");
    assert!(at > resumed, "{at}");
}

#[test]
fn a_filler_is_interrupted_as_any_words_and_remembered_as_heard() {
    let mut sim = asked();
    sim.tts.lengths = [secs(2.0)].into();
    sim.answers("").ending(Ending::Silent);
    sim.says(5.0, 6.0, "Stop!").answers("Yes?").run(12.0);
    let (at, said, heard, interrupted) = sim.finished(1);
    assert!(interrupted && at < 6.0);
    assert_eq!((said.as_str(), heard.as_str()), ("One moment, please.", "One"));
    let assistant = Message::Assistant { content: heard, tool_calls: vec![] };
    assert_eq!(sim.requests()[1].3[1..], [user("Are you there?"), assistant, user("Stop!")]);
}

#[test]
fn a_model_that_fails_behind_a_filler_is_asked_again() {
    for ending in [Ending::Failed, Ending::Finished] {
        let mut sim = asked();
        sim.answers("").ending(ending).answers("Here I am.");
        sim.replies[0].duration = ms(2500);
        sim.run(12.0);
        assert_eq!(sim.requests().len(), 2);
        assert_eq!(sim.finished(1).1, "One moment, please. Here I am.");
    }
}

#[test]
fn a_filler_during_a_tool_is_part_of_what_is_said_behind_its_result() {
    let mut sim = with_tools();
    sim.asks("", &[("a", "calendar")]).tool("calendar", 3.0, "success", "free").answers("Yes.");
    sim.says(10.0, 11.0, "Good.").answers("Bye.").run(14.0);
    let messages = &sim.requests()[2].3;
    assert_eq!(messages[1], user("Are you there?"));
    assert!(
        matches!(&messages[2], Message::Assistant { content, tool_calls } if content.is_empty() && tool_calls.len() == 1)
    );
    assert!(matches!(&messages[3], Message::Tool { .. }));
    assert_eq!(messages[4], Message::Assistant { content: "Let me look. Yes.".into(), tool_calls: vec![] });
}

#[test]
fn the_latency_of_a_turn_ends_with_the_answer_and_not_with_a_filler() {
    for tells_clauses in [true, false] {
        let mut sim = asked();
        sim.tts.tells_clauses = tells_clauses;
        slow_answer(&mut sim, 3.0);
        sim.run(12.0);
        let latency = sim.event(|_, event| match event {
            CallEvent::TurnFinished { latency, .. } => *latency,
            _ => None,
        });
        assert!(latency.closes(), "{latency:?}");
        assert_near(latency.llm_first_token / 1000.0, 3.0);
        assert!(latency.total >= 250.0 + 3000.0 + 200.0, "{latency:?}");
        assert_near(latency.host_overhead, 0.0);
    }
}

#[test]
fn a_filler_does_not_end_the_wait_for_the_model() {
    let mut sim = asked();
    sim.answers("").ending(Ending::Silent).answers("Here I am.").run(14.0);
    let requests = sim.requests();
    let waited = requests[1].0 - requests[0].0;
    assert!((4.15..=4.25).contains(&waited), "{waited}");
}

fn asked() -> Sim {
    asked_with(AgentConfig::default(), CallContext::mulaw("call"))
}

fn with_tools() -> Sim {
    let mut context = CallContext::mulaw("call");
    let policy = |name: &str, filler: Option<&str>| ToolPolicy {
        name: name.into(),
        cancel_on_interruption: false,
        limit: None,
        filler: filler.map(Into::into),
    };
    context.tools = vec![policy("calendar", Some("Let me look.")), policy("crm", None)];
    let mut config = AgentConfig::default();
    config.timers.first_token = secs(10.0);
    asked_with(config, context)
}

/// The turn is committed, and the model asked, at 2.75.
fn asked_with(config: AgentConfig, context: CallContext) -> Sim {
    let mut sim = Sim::with(AgentConfig { greeting: String::new(), ..config }, context);
    sim.says(0.5, 2.5, "Are you there?");
    sim
}

fn slow_answer(sim: &mut Sim, first_token: f64) {
    sim.answers("Here I am.");
    let reply = sim.replies.back_mut().unwrap();
    reply.first_token = secs(first_token);
    reply.duration = secs(first_token);
}

fn spoken(sim: &Sim) -> Vec<(f64, String)> {
    let spoken = sim.outputs.iter().filter_map(|(at, output)| match output {
        Output::Speak { text, .. } => Some((at.as_secs_f64(), text.clone())),
        _ => None,
    });
    spoken.collect()
}

fn is_audio(output: &Output) -> bool {
    matches!(output, Output::SendAudio { .. })
}

fn user(content: &str) -> Message {
    Message::User { content: content.into() }
}
