//! Asking the model before the caller is surely done.

use events::CallEvent;
use turn::{
    AgentConfig, CallContext, Input, LlmInput, Message, OperatorCommand, Output, Round, SttInput, TurnId,
};

use crate::sim::{Ending, Sim, assert_near, ms, neutral, secs};

const WORDS: &str = "Tell me a story.";

#[test]
fn an_eager_end_asks_the_model_and_the_commit_uses_its_answer() {
    let mut sim = eager(2.6);
    sim.answers("Once upon a time.").at(secs(2.9), finally(WORDS)).run(8.0);
    let requests = sim.requests();
    assert_eq!(requests.len(), 1);
    assert_near(requests[0].0, 2.6);
    assert_eq!((requests[0].1, requests[0].2), (TurnId(1), Round(0)));
    assert_eq!(requests[0].3[1..], [user(WORDS)]);
    assert_near(committed(&sim)[0].0, 2.9);
    assert_near(sim.output_at(0, is_speech), 2.9);
    assert_eq!(sim.finished(1).2, "Once upon a time.");
    assert_eq!(discarded(&sim), Vec::<String>::new());
    assert_eq!(sim.count(|output| matches!(output, Output::Cancel { .. })), 0);
}

#[test]
fn only_the_time_after_the_commit_counts() {
    let mut sim = eager(2.6);
    sim.answers("Once upon a time.").at(secs(2.9), finally(WORDS)).run(8.0);
    let latency = sim.event(|_, event| match event {
        CallEvent::TurnFinished { turn: 1, latency, .. } => *latency,
        _ => None,
    });
    assert!(latency.closes(), "{latency:?}");
    assert_eq!((latency.llm_first_token, latency.context_wait), (0.0, 0.0));
    assert_near(latency.total / 1000.0, 0.4 + 0.2);

    let mut sim = eager(2.6);
    sim.answers("Once upon a time.").at(secs(2.9), finally(WORDS));
    sim.replies[0].first_token = ms(500);
    sim.replies[0].duration = ms(600);
    sim.run(8.0);
    let latency = sim.event(|_, event| match event {
        CallEvent::TurnFinished { turn: 1, latency, .. } => *latency,
        _ => None,
    });
    assert_near(latency.llm_first_token / 1000.0, 0.2);
    assert!(latency.closes(), "{latency:?}");
}

#[test]
fn an_eager_end_over_the_voice_waits_for_silence() {
    let mut sim = eager(2.45);
    sim.answers("Once upon a time.").at(secs(2.9), finally(WORDS)).run(8.0);
    assert_near(sim.requests()[0].0, 2.7);
    assert_eq!(sim.requests().len(), 1);
}

#[test]
fn a_caller_who_goes_on_is_asked_for_anew() {
    let mut sim = eager(2.6);
    sim.answers("Too soon.").answers("Once upon a time.");
    sim.at(secs(2.65), Input::Stt(SttInput::TurnResumed));
    sim.voice(2.7, 4.0).at(secs(4.1), finally("Tell me a story of bees.")).run(10.0);
    let requests = sim.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!((requests[1].1, requests[1].2), (TurnId(1), Round(1)));
    assert_eq!(discarded(&sim), [WORDS]);
    assert_near(sim.output_at(0, |output| *output == Output::Cancel { turn: TurnId(1) }), 2.65);
    assert_eq!(sim.finished(1).1, "Once upon a time.");
    assert_eq!(sim.call.snapshot().speculations_discarded, 1);
}

#[test]
fn new_words_throw_the_answer_away() {
    let mut sim = eager(2.6);
    sim.answers("Too soon.").answers("Once upon a time.");
    sim.at(secs(2.8), finally("Tell me a story of bees.")).run(8.0);
    assert_eq!(discarded(&sim), [WORDS]);
    let requests = sim.requests();
    assert_eq!(requests[1].2, Round(1));
    assert_eq!(requests[1].3[1..], [user("Tell me a story of bees.")]);
    assert_eq!(sim.finished(1).1, "Once upon a time.");
}

#[test]
fn a_voice_that_goes_on_throws_the_answer_away() {
    for (from, expected) in [(2.62, 2.78), (2.72, 2.88)] {
        let mut sim = eager(2.6);
        sim.answers("Too soon.").answers("Once upon a time.");
        sim.voice(from, 4.0).at(secs(4.1), finally("Tell me a story of bees.")).run(10.0);
        let at = sim.event(|at, event| matches!(event, CallEvent::SpeculationDiscarded { .. }).then_some(at));
        assert_near(at, expected);
        assert_eq!(sim.finished(1).1, "Once upon a time.");
    }
}

#[test]
fn nothing_of_it_is_heard_before_the_turn_is_committed() {
    let mut sim = eager(2.6);
    sim.asks("Let me look.", &[("a", "calendar")]).tool("calendar", 0.1, "success", "free").answers("Yes.");
    sim.at(secs(3.4), Input::Stt(SttInput::Interim { text: WORDS.into() })).run(2.85);
    assert!(committed(&sim).is_empty());
    assert_eq!(sim.count(|output| is_speech(output) || matches!(output, Output::CallTool { .. })), 0);
    assert_eq!(sim.call.snapshot().said, "");
    sim.run(8.0);
    let committed = committed(&sim)[0].0;
    assert_near(sim.output_at(0, |output| matches!(output, Output::CallTool { .. })), committed.max(2.9));
    assert_eq!(sim.finished(1).2, "Let me look. Yes.");
}

#[test]
fn what_a_discarded_answer_still_says_is_dropped() {
    let mut sim = eager(2.6);
    sim.answers("Too soon.").answers("Once upon a time.");
    sim.replies[0].first_token = ms(400);
    sim.replies[0].duration = ms(500);
    sim.at(secs(2.8), finally("Tell me a story of bees.")).run(8.0);
    assert_eq!(sim.finished(1).1, "Once upon a time.");
}

#[test]
fn a_model_that_fails_ahead_of_the_turn_is_asked_anew_with_it() {
    let mut sim = eager(2.6);
    sim.answers("").ending(Ending::Failed).answers("Once upon a time.");
    sim.replies[0].duration = ms(100);
    sim.at(secs(2.9), finally(WORDS)).run(8.0);
    let requests = sim.requests();
    assert_near(requests[1].0, 2.9);
    assert_eq!(discarded(&sim), [WORDS]);
    assert_eq!(sim.events().filter(|(_, event)| matches!(event, CallEvent::VendorFailed { .. })).count(), 0);
    assert_eq!(sim.finished(1).1, "Once upon a time.");
}

#[test]
fn a_model_that_is_silent_ahead_of_the_turn_has_used_up_its_time() {
    let mut sim = eager(2.6);
    sim.answers("").ending(Ending::Silent).answers("Once upon a time.");
    sim.at(secs(2.9), finally(WORDS)).run(14.0);
    let requests = sim.requests();
    assert!((6.75..6.86).contains(&requests[1].0), "{}", requests[1].0);
    assert_eq!(requests[1].2, Round(1));
    assert_eq!(sim.finished(1).1, "One moment, please. Once upon a time.");
}

#[test]
fn a_turn_costs_so_many_requests_and_no_more() {
    let mut config = AgentConfig::default();
    config.speculation.max_per_turn = 2;
    let mut sim = silent_recogniser(config);
    sim.voice(0.5, 2.5);
    for n in 0..4 {
        let at = 2.6 + 0.05 * f64::from(n);
        let words = ["Tell", "Tell me", "Tell me a", "Tell me a story"][n as usize];
        sim.at(secs(at), eager_end(words));
    }
    for answer in ["One.", "Two.", "Three."] {
        sim.answers(answer);
    }
    sim.at(secs(2.9), finally(WORDS)).run(8.0);
    let rounds: Vec<Round> = sim.requests().into_iter().map(|(_, _, round, _)| round).collect();
    assert_eq!(rounds, [Round(0), Round(1), Round(2)]);
    assert_eq!(discarded(&sim), ["Tell", "Tell me"]);
    assert_eq!(sim.finished(1).1, "Three.");
}

#[test]
fn a_final_asks_where_that_is_wanted() {
    for (wanted, expected) in [(true, 2.7), (false, 4.0)] {
        let mut config = AgentConfig::default();
        config.speculation.on_final = wanted;
        let mut sim = Sim::new(config);
        sim.says(0.5, 2.5, "Tell me a story").answers("Once upon a time.").run(8.0);
        assert_near(sim.requests()[0].0, expected);
        assert_near(committed(&sim)[0].0, 4.0);
        assert_eq!(sim.requests().len(), 1);
        assert_eq!(sim.finished(1).2, "Once upon a time.");
    }
}

#[test]
fn an_eager_end_is_only_words_where_asking_ahead_is_off() {
    let mut config = AgentConfig::default();
    config.speculation.on_eager_end = false;
    let mut sim = silent_recogniser(config);
    sim.voice(0.5, 2.5).at(secs(2.6), eager_end(WORDS));
    sim.answers("Once upon a time.").run(8.0);
    assert_near(sim.requests()[0].0, 2.9);
    assert_eq!(committed(&sim)[0].1, WORDS);
}

#[test]
fn an_operators_line_throws_the_answer_away() {
    let mut sim = eager(2.6);
    sim.answers("Too soon.").answers("Once upon a time.");
    sim.at(secs(2.65), Input::Operator(OperatorCommand::Say("A colleague is joining us.".into())));
    sim.run(12.0);
    let cancel = sim.outputs.iter().position(|(_, output)| *output == Output::Cancel { turn: TurnId(1) });
    let line = sim.outputs.iter().position(|(_, output)| is_speech(output));
    assert!(cancel.unwrap() < line.unwrap());
    assert_eq!(sim.finished(1).2, "A colleague is joining us.");
    assert_eq!(sim.finished(2).1, "Once upon a time.");
    assert_eq!((sim.requests()[1].1, sim.requests()[1].2), (TurnId(2), Round(0)));
}

#[test]
fn a_call_that_ends_throws_the_answer_away_first() {
    let mut sim = eager(2.6);
    sim.answers("Too soon.").at(secs(2.65), Input::Carrier(turn::CarrierInput::Stopped)).run(4.0);
    let last: Vec<&Output> = sim.outputs.iter().rev().take(3).map(|(_, output)| output).collect();
    assert!(
        matches!(last[0], Output::Hangup { .. }) && matches!(last[1], Output::Emit(CallEvent::Ended { .. }))
    );
    assert!(matches!(last[2], Output::Emit(CallEvent::SpeculationDiscarded { turn: 1, .. })));
}

#[test]
fn the_model_is_told_of_an_interruption_by_the_request_that_counts() {
    let mut sim = silent_recogniser(AgentConfig::default());
    sim.tts.lengths = [secs(6.0)].into();
    sim.voice(0.5, 2.5).at(secs(2.7), finally(WORDS)).answers("Once upon a time a bee lived here");
    sim.voice(5.0, 6.0).at(secs(6.1), eager_end("Stop")).answers("Too soon.");
    sim.at(secs(6.15), Input::Stt(SttInput::TurnResumed)).at(secs(6.3), finally("Stop it.")).answers("Yes?");
    sim.voice(9.0, 10.0).at(secs(10.2), finally("Go on.")).answers("So the bee flew.").run(14.0);
    let told: Vec<bool> = sim
        .requests()
        .iter()
        .map(|(.., messages)| {
            matches!(&messages[0], Message::System { content } if content.contains("interrupted"))
        })
        .collect();
    assert_eq!(told, [false, true, true, false]);
}

#[test]
fn the_mood_of_the_words_is_logged_once_with_the_turn() {
    let mut sim = eager(2.6);
    sim.sentiment = Some((ms(10), neutral()));
    sim.answers("Once upon a time.").at(secs(2.9), finally(WORDS)).run(8.0);
    let logged: Vec<f64> = sim
        .events()
        .filter(|(_, event)| matches!(event, CallEvent::SentimentAssessed { turn: 1, .. }))
        .map(|(at, _)| at)
        .collect();
    assert_eq!(logged.len(), 1);
    assert_near(logged[0], 2.91);
}

#[test]
fn nothing_is_asked_ahead_over_an_answer() {
    let mut sim = silent_recogniser(AgentConfig::default());
    sim.tts.lengths = [secs(4.0)].into();
    sim.voice(0.5, 2.5).at(secs(2.7), finally(WORDS)).answers("Once upon a time a bee lived here");
    sim.at(secs(4.0), eager_end("mhm")).at(secs(4.1), finally("Mhm.")).run(12.0);
    assert_eq!(sim.requests().len(), 1);
    let late = LlmInput::Delta("More.".into());
    sim.at(secs(12.5), Input::Llm(TurnId(2), Round(0), late)).run(13.0);
    assert_eq!(sim.count(is_speech), 1);
}

#[test]
fn an_answer_that_was_begun_before_a_tool_had_ended_is_not_used() {
    let mut sim = Sim::new(AgentConfig::default());
    sim.stt.flux = true;
    sim.stt.eager = Some(ms(100));
    sim.stt.delay = ms(900);
    sim.says(0.5, 2.5, "Book it, please.").says(4.0, 6.6, "Yes do book it now.");
    sim.tool("booking", 4.0, "success", "booked");
    sim.asks("Let me book that for you now.", &[("a", "booking")]);
    sim.asks("", &[("a", "booking")]).answers("It is booked.").run(14.0);
    assert_eq!(sim.count(|output| matches!(output, Output::CallTool { .. })), 1);
    let last = sim.requests().pop().unwrap();
    assert!(last.3.contains(&Message::Tool { tool_call_id: "a".into(), content: "booked".into() }));
    assert_eq!(sim.finished(2).2, "It is booked.");
}

/// The caller speaks from 0.5 to 2.5, and the recogniser believes at `at` that it heard
/// all of it. It has said nothing before.
fn eager(at: f64) -> Sim {
    let mut sim = silent_recogniser(AgentConfig::default());
    sim.voice(0.5, 2.5).at(secs(at), eager_end(WORDS));
    sim
}

fn silent_recogniser(config: AgentConfig) -> Sim {
    Sim::with(AgentConfig { greeting: String::new(), ..config }, CallContext::mulaw("call"))
}

fn eager_end(text: &str) -> Input {
    Input::Stt(SttInput::EagerEndOfTurn { text: text.into() })
}

fn finally(text: &str) -> Input {
    Input::Stt(SttInput::Final { text: text.into(), speech_final: true })
}

fn committed(sim: &Sim) -> Vec<(f64, String)> {
    let turns = sim.events().filter_map(|(at, event)| match event {
        CallEvent::TurnCommitted { text, .. } => Some((at, text.clone())),
        _ => None,
    });
    turns.collect()
}

fn discarded(sim: &Sim) -> Vec<String> {
    let discarded = sim.events().filter_map(|(_, event)| match event {
        CallEvent::SpeculationDiscarded { turn: 1, text } => Some(text.clone()),
        _ => None,
    });
    discarded.collect()
}

fn is_speech(output: &Output) -> bool {
    matches!(output, Output::Speak { .. })
}

fn user(content: &str) -> Message {
    Message::User { content: content.into() }
}
