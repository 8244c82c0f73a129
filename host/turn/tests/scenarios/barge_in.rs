//! What happens when the caller speaks over the agent.

use bytes::Bytes;
use events::CallEvent;
use turn::{
    AgentConfig, CallContext, Input, LlmInput, MarkName, Message, Output, Round, State, TtsInput, TurnId,
};

use crate::sim::{Sim, assert_near, ms, secs};

const LONG: &str =
    "I have Monday at ten, Tuesday at eleven, Wednesday at noon, and Friday in the late afternoon.";

#[test]
fn a_cough_pauses_the_agent_who_goes_on_with_the_first_unheard_word() {
    let mut sim = talking();
    sim.says(5.0, 5.3, "").run(20.0);
    assert_near(sim.entered(State::PausedForBargeIn, 0), 5.2);
    assert_near(sim.output_at(0, |output| *output == Output::Clear), 5.2);
    assert_near(sim.entered(State::Speaking, 1), 5.7);
    let (_, said, heard, interrupted) = sim.finished(1);
    assert_eq!((heard.as_str(), interrupted), (said.as_str(), false));
    let length = spoken_until(&said);
    let repeated = sim.really_played(1, 20.0) - length;
    assert!((0.0..0.7).contains(&repeated), "at most a word is said twice: {repeated}");
    assert_eq!(sim.requests().len(), 1);
}

#[test]
fn a_backchannel_is_no_turn() {
    let mut sim = talking();
    sim.stt.interims = true;
    sim.says(5.0, 5.45, "uh huh").run(20.0);
    assert_near(sim.entered(State::PausedForBargeIn, 0), 5.2);
    assert_eq!(sim.finished(1).2, LONG);
    assert_eq!(sim.requests().len(), 1);
    assert_eq!(sim.call.snapshot().hearing, "");
}

#[test]
fn a_long_backchannel_is_still_one() {
    let mut sim = talking();
    sim.stt.interims = true;
    sim.says(5.0, 5.7, "okay right yeah").run(20.0);
    let (_, _, heard, interrupted) = sim.finished(1);
    assert_eq!((heard.as_str(), interrupted), (LONG, false));
}

#[test]
fn yeah_to_a_question_is_an_answer() {
    let mut sim = Sim::new(AgentConfig::default());
    sim.says(0.5, 2.5, "Book it.").answers("Shall I book Tuesday at eleven in the morning for you?");
    sim.answers("Done.").says(5.5, 5.9, "Yeah.").run(20.0);
    assert!(!sim.finished(1).3);
    assert_eq!(sim.requests()[1].3.last(), Some(&user("Yeah.")));
}

#[test]
fn half_a_second_of_voice_is_an_interruption() {
    let mut sim = talking();
    sim.says(5.0, 6.0, "Actually").answers("Yes?").run(20.0);
    let (at, _, _, interrupted) = sim.finished(1);
    assert!(interrupted);
    assert_near(at, 5.5);
}

#[test]
fn a_deliberate_word_interrupts_sooner() {
    let mut config = AgentConfig::default();
    config.barge_in.confirm_after = ms(2000);
    let mut sim = talking_with(config);
    sim.at(secs(5.3), interim("um stop")).voice(5.0, 6.0).answers("Yes?").run(20.0);
    assert_near(sim.finished(1).0, 5.3);
}

#[test]
fn so_many_words_of_an_interim_interrupt() {
    let mut config = AgentConfig::default();
    config.barge_in.confirm_after = ms(2000);
    let mut sim = talking_with(config);
    sim.at(secs(5.25), interim("yeah Thursday")).at(secs(5.4), interim("yeah Thursday please"));
    sim.voice(5.0, 6.0).answers("Yes?").run(20.0);
    assert_near(sim.finished(1).0, 5.4);
}

#[test]
fn one_final_word_that_is_no_backchannel_interrupts() {
    let mut sim = talking();
    sim.says(5.0, 5.3, "Thursday.").answers("Yes?").run(20.0);
    assert_near(sim.finished(1).0, 5.5);
    assert_eq!(sim.requests()[1].3.last(), Some(&user("Thursday.")));
}

#[test]
fn words_that_stay_interim_are_waited_for_and_then_believed() {
    let mut sim = talking();
    sim.at(secs(5.3), interim("Thursday")).voice(5.0, 5.3).answers("Yes?").run(20.0);
    assert_near(sim.finished(1).0, 7.2);
}

#[test]
fn a_protected_greeting_is_not_interrupted() {
    let mut sim = Sim::with(AgentConfig::default(), CallContext::mulaw("call"));
    sim.says(0.5, 1.5, "Stop!").answers("Yes?").run(10.0);
    assert!(!sim.finished(0).3);
}

#[test]
fn an_unprotected_greeting_is_interrupted() {
    let mut config = AgentConfig::default();
    config.barge_in.protect_greeting = false;
    let mut sim = Sim::with(config, CallContext::mulaw("call"));
    sim.says(0.5, 1.5, "Stop!").answers("Yes?").run(10.0);
    assert!(sim.finished(0).3);
}

#[test]
fn an_agent_that_cannot_be_interrupted_speaks_on_and_answers_then() {
    let mut config = AgentConfig::default();
    config.barge_in.enabled = false;
    let mut sim = talking_with(config);
    sim.says(5.0, 6.0, "Stop!").answers("Yes?").run(20.0);
    let (at, _, heard, interrupted) = sim.finished(1);
    assert_eq!((heard.as_str(), interrupted), (LONG, false));
    let (second, ..) = sim.requests()[1];
    assert_near(second, at);
}

#[test]
fn the_order_of_an_interruption_is_clear_cancel_log() {
    let mut sim = talking();
    sim.says(5.0, 6.0, "Stop!").answers("Yes?").run(20.0);
    let at =
        |wanted: &dyn Fn(&Output) -> bool| sim.outputs.iter().position(|(_, output)| wanted(output)).unwrap();
    let clear = at(&|output| *output == Output::Clear);
    let cancel = at(&|output| *output == Output::Cancel { turn: TurnId(1) });
    let interrupted =
        at(&|output| matches!(output, Output::Emit(CallEvent::TurnInterrupted { turn: 1, .. })));
    let finished = at(&|output| matches!(output, Output::Emit(CallEvent::TurnFinished { turn: 1, .. })));
    let last_audio = sim.outputs.iter().rposition(|(_, output)| audio_of(output) == Some(TurnId(1))).unwrap();
    assert!(last_audio < clear && clear < cancel && cancel < interrupted && interrupted < finished);
    assert_eq!(sim.count(|output| *output == Output::Clear), 1);
}

#[test]
fn what_comes_late_of_an_interrupted_turn_is_dropped() {
    let mut sim = talking();
    sim.says(5.0, 6.0, "Stop!").answers("Yes?");
    for at in [5.6, 6.3, 7.0] {
        sim.at(secs(at), Input::Tts(TurnId(1), TtsInput::Audio(Bytes::from(vec![1; 1600]))));
        sim.at(secs(at), Input::Tts(TurnId(1), TtsInput::Done));
        sim.at(secs(at), Input::Llm(TurnId(1), Round(0), LlmInput::Delta("More. ".into())));
        sim.at(secs(at), Input::Llm(TurnId(1), Round(0), LlmInput::Finished));
        sim.at(secs(at), Input::Carrier(turn::CarrierInput::Mark(MarkName("t1-3".into()))));
    }
    sim.run(20.0);
    let after =
        sim.outputs.iter().filter(|(at, output)| *at > secs(5.2) && audio_of(output) == Some(TurnId(1)));
    assert_eq!(after.count(), 0);
    assert_eq!(sim.finished(2).1, "Yes?");
}

#[test]
fn speech_after_the_last_word_was_heard_is_no_interruption() {
    let mut sim = Sim::new(AgentConfig::default());
    sim.carrier.loses_every = Some(1);
    sim.tts.lengths = [secs(1.0)].into();
    sim.says(0.5, 2.5, "Tell me a story.").answers("It is short").says(4.6, 6.0, "Why?").answers("Because.");
    sim.run(20.0);
    let (_, _, heard, interrupted) = sim.finished(1);
    assert_eq!((heard.as_str(), interrupted), ("It is short", false));
}

#[test]
fn the_model_is_told_once_that_it_was_interrupted() {
    let mut sim = talking();
    sim.says(5.0, 6.0, "Stop!").answers("Yes?").says(9.0, 10.0, "Never mind.").answers("Fine.").run(20.0);
    let told: Vec<bool> =
        sim.requests().iter().map(|(.., messages)| system(messages).contains("interrupted")).collect();
    assert_eq!(told, [false, true, false]);
}

/// Whatever the carrier does to the marks, what is taken for heard was played, and
/// not much of what was played is missing.
#[test]
fn what_is_taken_for_heard_was_really_played() {
    for latency in [0, 40, 120] {
        for (loses_every, doubles, at_clear) in [
            (None, false, true),
            (None, false, false),
            (Some(2), false, true),
            (None, true, true),
            (Some(1), true, true),
        ] {
            for from in [3.4, 3.8, 4.3, 5.05, 6.66, 8.0] {
                let mut sim = talking();
                sim.tts.words = true;
                sim.carrier.latency = ms(latency);
                sim.carrier.loses_every = loses_every;
                sim.carrier.doubles_marks = doubles;
                sim.carrier.marks_at_clear = at_clear;
                sim.says(from, from + 1.0, "Stop!").answers("Yes?").run(20.0);
                let (_, _, heard, interrupted) = sim.finished(1);
                assert!(interrupted && LONG.starts_with(&heard));
                let played = sim.really_played(1, 20.0);
                let claimed = spoken_until(&heard);
                let case =
                    format!("{latency} {loses_every:?} {doubles} {at_clear} {from}: {heard:?} of {played}");
                assert!(claimed <= played + 0.02, "{case}");
                assert!(played - claimed < 1.0, "{case}");
            }
        }
    }
}

/// When the last of the heard words ends in the simulated speech: each clause takes
/// its length at 15 characters a second, and its words equal shares of it.
fn spoken_until(heard: &str) -> f64 {
    let n_heard = heard.split_whitespace().count();
    let mut n = 0;
    let mut at = 0.0;
    for clause in ["I have Monday at ten, ", LONG.strip_prefix("I have Monday at ten, ").unwrap()] {
        let words = clause.split_whitespace().count();
        let length = clause.trim().len() as f64 / 15.0;
        let of_clause = n_heard.saturating_sub(n).min(words);
        at += length * of_clause as f64 / words as f64;
        n += words;
    }
    at
}

/// The agent begins to speak at 2.95 or so and has about six seconds to say.
fn talking() -> Sim {
    talking_with(AgentConfig::default())
}

fn talking_with(config: AgentConfig) -> Sim {
    let mut sim = Sim::new(config);
    sim.says(0.5, 2.5, "When are you free?").answers(LONG);
    sim
}

fn audio_of(output: &Output) -> Option<TurnId> {
    match output {
        Output::SendAudio { turn, .. } => Some(*turn),
        _ => None,
    }
}

fn interim(text: &str) -> Input {
    Input::Stt(turn::SttInput::Interim { text: text.into() })
}

fn user(content: &str) -> Message {
    Message::User { content: content.into() }
}

fn system(messages: &[Message]) -> &str {
    match &messages[0] {
        Message::System { content } => content,
        other => panic!("{other:?}"),
    }
}
