//! Vendors that fail, stall or fall silent.

use events::{CallEvent, EndReason};
use turn::{AgentConfig, ClauseId, Input, LlmInput, Output, Round, State, SttInput, TtsInput, TurnId};

use crate::sim::{Ending, Sim, assert_near, ms, secs};

const APOLOGY: &str = "I'm sorry, something went wrong on my side.";

#[test]
fn a_silent_model_is_asked_once_more() {
    let mut sim = asked();
    sim.answers("").ending(Ending::Silent).answers("Here I am.").run(20.0);
    let requests = sim.requests();
    assert_eq!((requests[0].1, requests[0].2), (TurnId(1), Round(0)));
    assert_eq!((requests[1].1, requests[1].2), (TurnId(1), Round(1)));
    let waited = requests[1].0 - requests[0].0;
    assert!((4.15..=4.25).contains(&waited), "{waited}");
    assert_eq!(requests[0].3, requests[1].3);
    assert_eq!(failures(&sim), ["llm"]);
    assert_eq!(sim.finished(1).2, "One moment, please. Here I am.");
}

#[test]
fn what_an_abandoned_request_still_says_is_dropped() {
    let mut sim = asked();
    sim.answers("").ending(Ending::Silent).answers("Here I am.");
    let late = |llm| Input::Llm(TurnId(1), Round(0), llm);
    sim.at(secs(6.95), late(LlmInput::Delta("Too late. ".into()))).at(secs(6.96), late(LlmInput::Finished));
    sim.run(20.0);
    assert_eq!(sim.finished(1).1, "One moment, please. Here I am.");
}

#[test]
fn a_model_that_was_interrupted_owes_nothing() {
    let mut sim = asked();
    sim.answers("").ending(Ending::Silent).says(3.5, 13.0, "I am still here!").answers("Good.").run(20.0);
    assert_eq!(failures(&sim), Vec::<String>::new());
    assert_eq!(sim.finished(2).2, "Good.");
}

#[test]
fn a_model_that_fails_twice_is_apologised_for_and_the_call_goes_on() {
    let mut sim = asked();
    sim.answers("").ending(Ending::Failed).answers("").ending(Ending::Failed);
    sim.says(8.0, 9.0, "Hello?").answers("Here I am.").run(15.0);
    assert_eq!(sim.finished(1).2, APOLOGY);
    assert_eq!(sim.finished(2).2, "Here I am.");
    assert!(!sim.call.is_finished());
}

#[test]
fn a_model_that_fails_turn_after_turn_ends_the_call_with_an_apology() {
    let mut sim = asked();
    sim.says(8.0, 9.0, "Hello?");
    for _ in 0..4 {
        sim.answers("").ending(Ending::Failed);
    }
    sim.run(20.0);
    assert_eq!(sim.finished(2).2, APOLOGY);
    assert_eq!(ended(&sim), Some(EndReason::LlmFailed));
}

#[test]
fn an_empty_answer_is_a_failure() {
    let mut sim = asked();
    sim.answers("").answers("Here I am.").run(9.0);
    assert_eq!(failures(&sim), ["llm"]);
    assert_eq!(sim.finished(1).2, "Here I am.");
}

#[test]
fn a_model_that_breaks_off_is_apologised_for_behind_what_was_said() {
    let mut sim = asked();
    sim.answers("Well, I could tell you, but").ending(Ending::Failed).run(12.0);
    assert_eq!(sim.finished(1).2, format!("Well, I could tell you, {APOLOGY}"));
    assert_eq!(sim.requests().len(), 1);
}

#[test]
fn a_failed_synthesis_is_asked_for_once_more() {
    let mut sim = asked();
    sim.tts.failures = 1;
    sim.answers("Here I am. What is it?").run(10.0);
    assert_eq!(failures(&sim), ["tts"]);
    let (_, said, heard, _) = sim.finished(1);
    assert_eq!((said.as_str(), heard.as_str()), ("Here I am. What is it?", "Here I am. What is it?"));
    assert!((sim.really_played(1, 10.0) - 21.0 / 15.0).abs() < 0.05);
}

#[test]
fn a_clause_that_breaks_off_is_spoken_again_without_the_rest_of_its_audio() {
    let mut sim = asked();
    sim.tts.silent = true;
    let tts = |tts| Input::Tts(TurnId(1), tts);
    let audio = |ms: usize| tts(TtsInput::Audio(bytes::Bytes::from(vec![0x55; ms * 8])));
    sim.at(secs(3.3), audio(2000)).at(secs(3.5), tts(TtsInput::Failed { message: "socket closed".into() }));
    sim.at(secs(4.0), audio(1000)).at(secs(4.01), tts(TtsInput::ClauseDone(ClauseId(0))));
    sim.answers("Here I am").run(10.0);
    let played = sim.really_played(1, 10.0);
    assert!((1.4..1.6).contains(&played), "half a second was on its way: {played}");
    assert_eq!(sim.finished(1).2, "Here I am");
}

#[test]
fn a_model_that_sends_only_blanks_behind_its_first_word_is_a_silent_one() {
    for blank in ["", " ", "\n"] {
        let mut sim = asked();
        sim.answers("").ending(Ending::Silent).answers("Here I am.");
        sim.at(secs(3.2), Input::Llm(TurnId(1), Round(0), LlmInput::Delta("Well".into())));
        for n in 1_u32..10 {
            let delta = LlmInput::Delta(blank.into());
            sim.at(secs(3.2 + 2.0 * f64::from(n)), Input::Llm(TurnId(1), Round(0), delta));
        }
        sim.run(30.0);
        assert_eq!(failures(&sim), ["llm"], "{blank:?}");
        assert_eq!(sim.finished(1).2, "Here I am.");
    }
}

#[test]
fn empty_audio_is_none() {
    let mut sim = asked();
    sim.tts.silent = true;
    sim.answers("Here I am.");
    for n in 0_u32..30 {
        let empty = TtsInput::Audio(bytes::Bytes::new());
        sim.at(secs(3.3 + f64::from(n)), Input::Tts(TurnId(1), empty));
    }
    sim.run(40.0);
    assert_eq!(failures(&sim), ["tts", "tts"]);
    assert_eq!(ended(&sim), Some(EndReason::TtsFailed));
}

#[test]
fn a_recogniser_that_is_lost_now_and_then_during_a_long_answer_is_none_that_fails() {
    for (pause, lost) in [(10.0, false), (9.9, true)] {
        let mut sim = asked();
        sim.tts.lengths = [secs(60.0)].into();
        sim.answers("This is a very long answer indeed, believe me.");
        for n in 0_u32..4 {
            let failed = SttInput::Failed { message: "closed".into() };
            sim.at(secs(10.0 + pause * f64::from(n)), Input::Stt(failed));
        }
        sim.run(60.0);
        assert_eq!(ended(&sim), lost.then_some(EndReason::SttFailed), "{pause}");
    }
}

#[test]
fn words_that_a_new_stream_repeats_are_no_turn() {
    let mut sim = asked();
    sim.answers("Fine.").at(secs(8.0), Input::Stt(SttInput::Failed { message: "closed".into() }));
    let text = "Are you there?".into();
    let again = SttInput::Final { text, speech_final: true };
    sim.at(secs(9.0), Input::Stt(again)).run(12.0);
    assert_eq!(sim.count(|output| matches!(output, Output::Emit(CallEvent::TurnCommitted { .. }))), 1);
}

#[test]
fn synthesis_that_fails_again_ends_the_call() {
    let mut sim = asked();
    sim.tts.failures = 9;
    sim.answers("Here I am.").run(10.0);
    assert_eq!(failures(&sim), ["tts", "tts"]);
    assert_eq!(sim.finished(1).2, "");
    assert_eq!(ended(&sim), Some(EndReason::TtsFailed));
}

#[test]
fn a_silent_synthesiser_is_a_failed_one() {
    let mut sim = asked();
    sim.tts.silent = true;
    sim.answers("Here I am.").run(30.0);
    assert_eq!(failures(&sim), ["tts", "tts"]);
    assert_near(sim.output_at(0, is_hangup) - sim.requests()[0].0 - 0.3, 10.0);
    assert_eq!(ended(&sim), Some(EndReason::TtsFailed));
}

#[test]
fn a_synthesiser_that_tells_no_clauses_apart_is_as_good() {
    let mut sim = asked();
    sim.tts.tells_clauses = false;
    sim.answers("Here I am. What is it that you want?").run(10.0);
    assert_eq!(sim.finished(1).2, "Here I am. What is it that you want?");
    assert_eq!(failures(&sim), Vec::<String>::new());
}

#[test]
fn a_slow_synthesiser_is_played_as_it_comes() {
    let mut sim = asked();
    sim.tts.speed = 1;
    sim.answers("Here I am. What is it that you want?").run(12.0);
    assert_eq!(sim.finished(1).2, "Here I am. What is it that you want?");
}

#[test]
fn a_lost_recogniser_is_survived_and_the_third_in_a_row_is_not() {
    let mut sim = Sim::new(AgentConfig::default());
    sim.at(secs(1.0), stt_failed()).at(secs(2.0), stt_failed());
    sim.at(secs(3.0), Input::Stt(SttInput::Interim { text: "Hello".into() }));
    sim.answers("Hello.");
    sim.at(secs(6.0), stt_failed()).at(secs(6.5), stt_failed()).run(6.9);
    assert!(!sim.call.is_finished());
    sim.at(secs(7.0), stt_failed()).run(15.0);
    assert_eq!(failures(&sim), ["stt"; 5]);
    assert_eq!(sim.finished(2).2, APOLOGY);
    assert_eq!(ended(&sim), Some(EndReason::SttFailed));
}

#[test]
fn the_words_before_a_lost_recogniser_are_not_lost() {
    let mut sim = Sim::new(AgentConfig::default());
    sim.voice(1.0, 2.0)
        .answers("Fine.")
        .at(secs(1.8), Input::Stt(SttInput::Interim { text: "Tell me".into() }));
    sim.at(secs(1.9), stt_failed())
        .at(secs(2.3), Input::Stt(SttInput::Final { text: "Tell me a story.".into(), speech_final: true }));
    sim.run(6.0);
    let text = sim.event(|_, event| match event {
        CallEvent::TurnCommitted { text, .. } => Some(text.clone()),
        _ => None,
    });
    assert_eq!(text, "Tell me a story.", "the next stream hears the audio since the last final again");
}

#[test]
fn the_words_before_a_lost_recogniser_are_committed_when_the_next_hears_nothing() {
    let mut sim = Sim::new(AgentConfig::default());
    sim.voice(1.0, 2.0).answers("Fine.");
    sim.at(secs(1.8), Input::Stt(SttInput::Interim { text: "Tell me a story".into() }));
    sim.at(secs(1.9), stt_failed()).run(6.0);
    let committed = sim.event(|at, event| match event {
        CallEvent::TurnCommitted { text, .. } => Some((at, text.clone())),
        _ => None,
    });
    assert_near(committed.0, 2.4);
    assert_eq!(committed.1, "Tell me a story");
}

#[test]
fn a_carrier_that_never_returns_a_mark_is_trusted_by_the_clock() {
    let mut sim = asked();
    sim.carrier.loses_every = Some(1);
    sim.tts.lengths = [secs(2.0)].into();
    sim.answers("Here I am").run(12.0);
    let started = sim.entered(State::Speaking, 0);
    let (finished, _, heard, interrupted) = sim.finished(1);
    assert_eq!((heard.as_str(), interrupted), ("Here I am", false));
    assert_near(finished - started, 2.0 + 2.0);
}

#[test]
fn a_slow_stream_of_words_is_spoken_clause_by_clause() {
    let mut sim = asked();
    sim.answers("Sure, let me see what we have. ");
    sim.replies[0].duration = ms(3000);
    sim.run(12.0);
    let latency = sim.event(|_, event| match event {
        CallEvent::TurnFinished { latency, .. } => *latency,
        _ => None,
    });
    assert!(latency.total < 700.0, "speech begins before the model is done: {latency:?}");
    assert!(latency.closes());
}

fn asked() -> Sim {
    let mut sim = Sim::new(AgentConfig::default());
    sim.says(0.5, 2.5, "Are you there?");
    sim
}

fn failures(sim: &Sim) -> Vec<String> {
    let failures = sim.events().filter_map(|(_, event)| match event {
        CallEvent::VendorFailed { stage, .. } => Some(stage.clone()),
        _ => None,
    });
    failures.collect()
}

fn ended(sim: &Sim) -> Option<EndReason> {
    sim.call.snapshot().ended
}

fn is_hangup(output: &Output) -> bool {
    matches!(output, Output::Hangup { .. })
}

fn stt_failed() -> Input {
    Input::Stt(SttInput::Failed { message: "socket closed".into() })
}
