//! Other vendors, the same ones again, and what is left when none answers.

use bytes::Bytes;
use events::{CallEvent, EndReason};
use turn::{AgentConfig, Attempt, CallContext, ClauseId, Input, LlmInput, Output, Round, TtsInput, TurnId};

use crate::sim::{Ending, Sim, assert_near, ms, secs};

const APOLOGY: &str = "I'm sorry, something went wrong on my side.";
const FAREWELL: &str = "Thank you for calling. Goodbye.";

#[test]
fn another_vendor_is_asked_at_once() {
    let mut sim = asked(|context| context.models = 2);
    sim.answers("").ending(Ending::Failed).answers("Here I am.").run(8.0);
    let asked = asked_of(&sim);
    assert_eq!(attempts(&asked), [Attempt(0), Attempt(1)]);
    assert_near(asked[1].0 - asked[0].0, 0.3);
    assert_eq!(sim.finished(1).1, "Here I am.");
}

#[test]
fn the_same_vendor_is_given_a_pause() {
    let mut sim = asked(|_| ());
    sim.answers("").ending(Ending::Failed).answers("Here I am.").run(8.0);
    let asked = asked_of(&sim);
    let pause = asked[1].0 - asked[0].0 - 0.3;
    assert!((0.15..=0.25).contains(&pause), "{pause}");
    assert_eq!(sim.finished(1).1, "Here I am.");
}

#[test]
fn a_turn_stays_with_the_vendor_that_answers_it_and_the_next_begins_with_the_first() {
    let mut sim = asked(|context| context.models = 3);
    sim.answers("").ending(Ending::Failed).asks("", &[("a", "calendar")]).answers("Yes.");
    sim.tool("calendar", 0.1, "success", "free").says(8.0, 9.0, "Good.").answers("Bye.").run(14.0);
    assert_eq!(attempts(&asked_of(&sim)), [0, 1, 1, 0].map(Attempt));
}

#[test]
fn nothing_is_asked_of_a_model_while_it_is_given_a_pause() {
    let mut sim = asked(|_| ());
    sim.answers("").ending(Ending::Failed).answers("Here I am.");
    sim.at(secs(3.1), Input::Llm(TurnId(1), Round(0), LlmInput::Delta("Late. ".into())));
    sim.at(secs(3.1), Input::Llm(TurnId(1), Round(1), LlmInput::Delta("Early. ".into()))).run(8.0);
    assert_eq!(sim.finished(1).1, "Here I am.");
}

#[test]
fn every_vendor_is_given_its_time_to_the_first_token_and_then_the_agent_apologises() {
    let mut sim = asked(|context| context.models = 3);
    for _ in 0..3 {
        sim.answers("").ending(Ending::Silent);
    }
    sim.run(25.0);
    let asked = asked_of(&sim);
    assert_eq!(attempts(&asked), [Attempt(0), Attempt(1), Attempt(2)]);
    assert_near(asked[1].0 - asked[0].0, 4.0);
    assert_near(asked[2].0 - asked[1].0, 4.0);
    assert_eq!(sim.finished(1).1, format!("One moment, please. {APOLOGY}"));
    assert!(!sim.call.is_finished());
}

#[test]
fn a_model_that_has_begun_has_longer_and_is_asked_anew_while_nothing_is_spoken() {
    let mut sim = asked(|context| context.models = 2);
    sim.answers("").ending(Ending::Silent).answers("Here I am.");
    sim.at(secs(3.0), Input::Llm(TurnId(1), Round(0), LlmInput::Delta("Well".into()))).run(16.0);
    let asked = asked_of(&sim);
    assert_near(asked[1].0, 3.0 + 8.0);
    assert_eq!(sim.finished(1).1, "Here I am.");
}

#[test]
fn an_empty_delta_is_no_token() {
    let mut sim = asked(|context| context.models = 2);
    sim.answers("").ending(Ending::Silent).answers("Here I am.");
    sim.at(secs(3.0), Input::Llm(TurnId(1), Round(0), LlmInput::Delta(String::new()))).run(16.0);
    let asked = asked_of(&sim);
    assert_near(asked[1].0 - asked[0].0, 4.0);
}

#[test]
fn an_interruption_ends_the_pause_before_a_vendor_is_asked_again() {
    let mut config = AgentConfig::default();
    config.timers.retry = secs(3.0);
    let mut sim = asked_with(config, |_| ());
    sim.answers("").ending(Ending::Failed);
    sim.says(3.5, 4.5, "Hello?").answers("Here I am.").run(12.0);
    assert_eq!(asked_of(&sim).len(), 2);
    assert_eq!(sim.finished(2).1, "Here I am.");
}

#[test]
fn the_second_turn_that_fails_hands_the_caller_over() {
    let mut sim = asked_with(with_transfer(), |_| ());
    sim.says(8.0, 9.0, "Hello?");
    for _ in 0..4 {
        sim.answers("").ending(Ending::Failed);
    }
    sim.run(20.0);
    assert_eq!(sim.finished(2).2, APOLOGY);
    assert_transferred(&sim);
}

#[test]
fn every_voice_is_asked_in_turn() {
    let mut sim = asked(|context| context.voices = 3);
    sim.tts.failures = 2;
    sim.answers("Here I am. What is it?").run(10.0);
    let spoken = spoken(&sim);
    let voices: Vec<(Attempt, ClauseId)> =
        spoken.iter().map(|(attempt, clause, _)| (*attempt, *clause)).collect();
    assert_eq!(
        voices,
        (0..3).flat_map(|n| [0, 1].map(|clause| (Attempt(n), ClauseId(clause)))).collect::<Vec<_>>()
    );
    assert_eq!(sim.finished(1).2, "Here I am. What is it?");
}

#[test]
fn the_next_voice_does_not_repeat_clauses_that_were_heard() {
    let mut sim = asked(|_| ());
    sim.tts.silent = true;
    sim.answers("Here I am. What is it that you want of me today?");
    let tts = |tts| Input::Tts(TurnId(1), tts);
    let audio = |ms: usize| tts(TtsInput::Audio(Bytes::from(vec![0x55; ms * 8])));
    // The first clause is not told to be done; four seconds of speech hold it for sure.
    sim.at(secs(3.3), audio(6000)).at(secs(5.0), tts(TtsInput::Failed { message: "socket closed".into() }));
    sim.at(secs(6.0), audio(2500)).at(secs(6.01), tts(TtsInput::ClauseDone(ClauseId(1)))).run(12.0);
    let again: Vec<(Attempt, ClauseId, String)> = spoken(&sim).into_iter().skip(2).collect();
    assert_eq!(again, [(Attempt(1), ClauseId(1), "What is it that you want of me today?".into())]);
    assert_eq!(sim.finished(1).2, "Here I am. What is it that you want of me today?");
}

#[test]
fn without_a_voice_the_apology_that_is_at_hand_is_played() {
    let mut sim = asked(|context| {
        context.prerecorded.insert(APOLOGY.into(), audio(0x11, 1500));
        context.prerecorded.insert(FAREWELL.into(), audio(0x22, 1500));
    });
    sim.tts.failures = 9;
    sim.answers("Here I am.").run(12.0);
    assert_eq!(sim.finished(1).2, APOLOGY);
    assert_eq!(sim.call.snapshot().ended, Some(EndReason::TtsFailed));
    assert_near(sim.really_played(1, 12.0), 1.5);
    assert_eq!(played(&sim), [0x11]);
}

#[test]
fn without_a_voice_and_an_apology_the_farewell_that_is_at_hand_is_played() {
    let mut sim = asked(|context| {
        context.prerecorded.insert(FAREWELL.into(), audio(0x22, 1500));
    });
    sim.tts.failures = 9;
    sim.answers("Here I am.").run(12.0);
    assert_eq!(sim.finished(1).2, FAREWELL);
    assert_eq!(sim.call.snapshot().ended, Some(EndReason::TtsFailed));
}

#[test]
fn a_voice_that_is_lost_in_the_middle_is_followed_by_the_apology() {
    let mut sim = asked(|context| {
        context.prerecorded.insert(APOLOGY.into(), audio(0x11, 1500));
    });
    sim.tts.silent = true;
    sim.answers("I have Monday at ten and Tuesday at eleven");
    let tts = |tts| Input::Tts(TurnId(1), tts);
    sim.at(secs(3.3), tts(TtsInput::Audio(audio(0x55, 1000))));
    for at in [4.5, 4.6] {
        sim.at(secs(at), tts(TtsInput::Failed { message: "socket closed".into() }));
    }
    sim.run(12.0);
    let (_, said, heard, _) = sim.finished(1);
    assert_eq!(said, format!("I have {APOLOGY}"));
    assert_eq!(heard, said);
    assert_eq!(played(&sim), [0x55, 0x11]);
    let logged: Vec<String> = sim
        .events()
        .filter_map(|(_, event)| match event {
            CallEvent::SpeechQueued { text, .. } => Some(text.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(logged, ["I have Monday at ten and Tuesday at eleven".to_owned(), format!(" {APOLOGY}")]);
}

#[test]
fn a_caller_whom_no_voice_can_speak_to_is_handed_over() {
    let mut sim = asked_with(with_transfer(), |context| {
        context.prerecorded.insert(APOLOGY.into(), audio(0x11, 1500));
    });
    sim.tts.failures = 9;
    sim.answers("Here I am.").run(12.0);
    assert_eq!(sim.finished(1).2, APOLOGY);
    assert_transferred(&sim);
}

#[test]
fn the_last_of_many_turns_is_answered_before_the_goodbye() {
    let config = AgentConfig { max_turns: 2, ..AgentConfig::default() };
    let mut sim = asked_with(config, |_| ());
    sim.answers("Yes.").says(6.0, 7.0, "Still there?").answers("Yes, I am.").run(16.0);
    assert_eq!(sim.finished(2).2, "Yes, I am.");
    assert_eq!(sim.finished(3).2, FAREWELL);
    assert_eq!(sim.call.snapshot().ended, Some(EndReason::MaxTurns));
}

#[test]
fn a_caller_who_interrupts_the_last_answer_hears_the_goodbye() {
    let config = AgentConfig { max_turns: 1, ..AgentConfig::default() };
    let mut sim = asked_with(config, |_| ());
    sim.tts.lengths = [secs(5.0)].into();
    sim.answers("Yes, of course I am").says(4.0, 5.0, "Stop!").run(16.0);
    assert!(sim.finished(1).3);
    assert_eq!(sim.finished(2).2, FAREWELL);
    assert_eq!(sim.call.snapshot().ended, Some(EndReason::MaxTurns));
    assert_eq!(sim.requests().len(), 1);
}

fn asked(known: impl FnOnce(&mut CallContext)) -> Sim {
    asked_with(AgentConfig::default(), known)
}

/// The turn is committed, and the model asked, at 2.75.
fn asked_with(config: AgentConfig, known: impl FnOnce(&mut CallContext)) -> Sim {
    let mut context = CallContext::mulaw("call");
    known(&mut context);
    let mut sim = Sim::with(AgentConfig { greeting: String::new(), ..config }, context);
    sim.says(0.5, 2.5, "Are you there?");
    sim
}

fn with_transfer() -> AgentConfig {
    AgentConfig { transfer_to: Some("+12025550143".into()), ..AgentConfig::default() }
}

#[track_caller]
fn assert_transferred(sim: &Sim) {
    let to = sim.event(|_, event| match event {
        CallEvent::Transferred { to } => Some(to.clone()),
        _ => None,
    });
    assert_eq!(to, "+12025550143");
    assert_eq!(sim.outputs.last().unwrap().1, Output::Transfer { to });
    assert_eq!(sim.call.snapshot().ended, Some(EndReason::Transferred));
    assert_eq!(sim.count(|output| matches!(output, Output::Hangup { .. })), 0);
}

fn asked_of(sim: &Sim) -> Vec<(f64, Attempt)> {
    let asked = sim.outputs.iter().filter_map(|(at, output)| match output {
        Output::StartLlm { attempt, .. } => Some((at.as_secs_f64(), *attempt)),
        _ => None,
    });
    asked.collect()
}

fn attempts(asked: &[(f64, Attempt)]) -> Vec<Attempt> {
    asked.iter().map(|(_, attempt)| *attempt).collect()
}

fn spoken(sim: &Sim) -> Vec<(Attempt, ClauseId, String)> {
    let spoken = sim.outputs.iter().filter_map(|(_, output)| match output {
        Output::Speak { attempt, clause, text, .. } => Some((*attempt, *clause, text.clone())),
        _ => None,
    });
    spoken.collect()
}

fn audio(byte: u8, length: u64) -> Bytes {
    Bytes::from(vec![byte; usize::try_from(ms(length).as_micros() / 125).unwrap()])
}

/// Of which bytes the audio was, in order.
fn played(sim: &Sim) -> Vec<u8> {
    let mut bytes: Vec<u8> = sim
        .outputs
        .iter()
        .filter_map(|(_, output)| match output {
            Output::SendAudio { payload, .. } => Some(payload.to_vec()),
            _ => None,
        })
        .flatten()
        .filter(|byte| *byte != 0xFF)
        .collect();
    bytes.dedup();
    bytes
}
