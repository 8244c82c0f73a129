//! Lines whose audio is at hand.

use bytes::Bytes;
use events::CallEvent;
use turn::{AgentConfig, CallContext, Input, OperatorCommand, Output, State};

use crate::sim::{Ending, Sim, assert_near, ms, secs};

const GREETING: &str = "Hello, how can I help you?";
const FILLER: &str = "One moment, please.";
const LONG: &str = "I have Monday at ten and Tuesday at eleven and Friday in the late afternoon";

#[test]
fn a_greeting_that_is_at_hand_needs_no_synthesis() {
    let mut sim = Sim::with(AgentConfig::default(), knowing(GREETING, 2000));
    sim.tts.silent = true;
    sim.run(5.0);
    assert_eq!(sim.count(is_synthesis), 0);
    assert_near(sim.output_at(0, is_audio), 0.0);
    assert_eq!(sim.path(), [State::Connecting, State::Greeting, State::Listening]);
    let (at, said, heard, interrupted) = sim.finished(0);
    assert_eq!((said.as_str(), heard.as_str(), interrupted), (GREETING, GREETING, false));
    assert_near(at, 2.0);
    let logged = sim.event(|_, event| match event {
        CallEvent::SpeechQueued { text, .. } => Some(text.clone()),
        _ => None,
    });
    assert_eq!(logged, GREETING);
}

#[test]
fn white_space_around_a_line_does_not_matter() {
    let config = AgentConfig { greeting: format!("  {GREETING} "), ..AgentConfig::default() };
    let mut sim = Sim::with(config, knowing(GREETING, 2000));
    sim.run(5.0);
    assert_eq!(sim.count(is_synthesis), 0);
}

#[test]
fn what_was_heard_of_it_is_counted_by_share() {
    let mut config = AgentConfig::default();
    config.barge_in.protect_greeting = false;
    let mut sim = Sim::with(config, knowing(GREETING, 2000));
    sim.says(0.8, 2.0, "Stop!").answers("Yes?").run(8.0);
    let (_, _, heard, interrupted) = sim.finished(0);
    assert!(interrupted);
    // Half of it was out when the agent held its breath at 1.0.
    assert_eq!(heard, "Hello, how");
}

#[test]
fn an_operators_line_and_a_goodbye_are_played_as_well() {
    let config = AgentConfig { greeting: String::new(), ..AgentConfig::default() };
    let mut context = knowing("A colleague is joining us.", 1500);
    context.prerecorded.insert("Goodbye.".into(), audio(0x22, 800));
    let mut sim = Sim::with(config, context);
    sim.at(secs(1.0), Input::Operator(OperatorCommand::Say("A colleague is joining us.".into())));
    let reason = events::EndReason::Drained;
    sim.at(secs(4.0), Input::Operator(OperatorCommand::End { farewell: Some("Goodbye.".into()), reason }));
    sim.run(8.0);
    assert_eq!(sim.count(is_synthesis), 0);
    assert_eq!(sim.finished(1).2, "A colleague is joining us.");
    assert_eq!(sim.finished(2).2, "Goodbye.");
    assert_near(sim.output_at(0, |output| matches!(output, Output::Hangup { .. })), 4.8);
}

#[test]
fn a_filler_at_hand_is_heard_before_the_answer() {
    let mut sim = slow(knowing(FILLER, 1000));
    sim.run(14.0);
    assert_near(sim.output_at(0, is_audio), 4.25);
    assert_eq!(sim.finished(1).2, format!("{FILLER} {LONG}"));
    assert_eq!(played(&sim), [0x11, 0x55]);
    assert_near(sim.really_played(1, 14.0), 1.0 + 5.0);
}

/// The synthesiser counts its own audio only.
#[test]
fn word_times_are_shifted_by_what_was_played_before() {
    for from in [7.0, 7.5, 8.0, 9.0] {
        let mut sim = slow(knowing(FILLER, 2000));
        sim.tts.words = true;
        sim.says(from, from + 1.0, "Stop!").answers("Yes?").run(14.0);
        let (_, _, heard, interrupted) = sim.finished(1);
        assert!(interrupted);
        let words = heard.strip_prefix(FILLER).unwrap().split_whitespace().count();
        let claimed = 2.0 + 5.0 * words as f64 / LONG.split_whitespace().count() as f64;
        let played = sim.really_played(1, 14.0);
        assert!(claimed <= played + 0.02, "{from}: {heard:?} of {played}");
        assert!(played - claimed < 0.8, "{from}: {heard:?} of {played}");
    }
}

#[test]
fn a_line_does_not_overtake_words_that_are_on_their_way() {
    let config = AgentConfig { greeting: String::new(), ..AgentConfig::default() };
    let apology = config.apology.clone();
    let mut sim = Sim::with(config, knowing(&apology, 1000));
    sim.tts.first_byte = ms(1000);
    sim.says(0.5, 2.5, "Are you there?").answers("Well, I could tell you, but").ending(Ending::Failed);
    sim.run(12.0);
    assert_eq!(sim.finished(1).2, format!("Well, I could tell you, {apology}"));
    assert_eq!(played(&sim), [0x55]);
}

#[test]
fn a_line_behind_words_that_were_spoken_is_played() {
    let config = AgentConfig { greeting: String::new(), ..AgentConfig::default() };
    let apology = config.apology.clone();
    let mut sim = Sim::with(config, knowing(&apology, 1000));
    sim.says(0.5, 2.5, "Are you there?").answers("Well, I could tell you, but").ending(Ending::Failed);
    sim.replies[0].duration = ms(1000);
    sim.run(12.0);
    assert_eq!(sim.finished(1).2, format!("Well, I could tell you, {apology}"));
    assert_eq!(played(&sim), [0x55, 0x11]);
}

fn slow(context: CallContext) -> Sim {
    let config = AgentConfig { greeting: String::new(), ..AgentConfig::default() };
    let mut sim = Sim::with(config, context);
    sim.tts.lengths = [secs(5.0)].into();
    sim.says(0.5, 2.5, "Are you there?").answers(LONG);
    sim.replies[0].first_token = ms(2000);
    sim.replies[0].duration = ms(2100);
    sim
}

fn knowing(line: &str, length: u64) -> CallContext {
    let mut context = CallContext::mulaw("call");
    context.prerecorded.insert(line.into(), audio(0x11, length));
    context
}

fn audio(byte: u8, length: u64) -> Bytes {
    Bytes::from(vec![byte; usize::try_from(ms(length).as_micros() / 125).unwrap()])
}

fn is_synthesis(output: &Output) -> bool {
    matches!(output, Output::Speak { .. } | Output::SpeechEnd { .. })
}

fn is_audio(output: &Output) -> bool {
    matches!(output, Output::SendAudio { .. })
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
