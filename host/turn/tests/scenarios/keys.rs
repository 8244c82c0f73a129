//! The keypad, both ways.

use std::time::Duration;

use bytes::Bytes;
use events::CallEvent;
use turn::{AgentConfig, CallContext, CarrierInput, ClauseId, Input, Output, PRESS_KEYS, TtsInput, TurnId};

use crate::sim::{Sim, assert_near, ms, secs};

#[test]
fn keys_over_a_protected_line_are_taken_when_it_is_spoken() {
    let mut sim = Sim::with(AgentConfig::default(), CallContext::mulaw("call"));
    sim.answers("Thank you.");
    for (at, key) in [(0.5, '4'), (0.7, '*'), (0.9, '2'), (1.1, '#')] {
        sim.at(secs(at), pressed(key));
    }
    sim.run(7.0);
    let (greeted, _, heard, interrupted) = sim.finished(0);
    assert_eq!((heard.as_str(), interrupted), ("Hello, how can I help you?", false));
    let (at, entry) = committed(&sim).remove(0);
    assert_near(at, greeted);
    assert_eq!(entry, "Keypad: 4*2#");
}

#[test]
fn of_too_many_keys_the_first_are_kept() {
    let mut sim = Sim::new(AgentConfig::default());
    sim.answers("Thank you.");
    for n in 0..70 {
        sim.at(secs(1.0) + ms(20) * n, pressed(if n < 64 { '1' } else { '2' }));
    }
    sim.run(7.0);
    assert_eq!(committed(&sim), [(sim.requests()[0].0, format!("Keypad: {}", "1".repeat(64)))]);
}

#[test]
fn what_is_no_key_is_ignored() {
    let mut sim = Sim::new(AgentConfig::default());
    sim.at(secs(1.0), pressed('x')).at(secs(1.1), pressed('a')).run(7.0);
    assert_eq!(sim.count(|output| matches!(output, Output::Emit(CallEvent::DtmfReceived { .. }))), 0);
    assert!(sim.requests().is_empty());
}

#[test]
fn an_answer_by_keys_alone_sends_their_tones_and_ends() {
    let mut sim = asked();
    press(&mut sim, "", r#"{"keys":"12#"}"#).answers("").run(9.0);
    let asked = sim.requests()[0].0;
    let sent = sim.event(|at, event| match event {
        CallEvent::DtmfSent { digits } => Some((at, digits.clone())),
        _ => None,
    });
    assert_eq!(sent.1, "12#");
    assert_near(sent.0, asked + 0.3);
    let event = position(&sim, |output| matches!(output, Output::Emit(CallEvent::DtmfSent { .. })));
    assert!(event < position(&sim, |output| matches!(output, Output::SendAudio { .. })));
    assert_eq!(audio(&sim, 1), ["1", "2", "#"].map(|key| tone_of(key).to_vec()).concat());
    assert_eq!(told(&sim), [("success".to_owned(), "ok".to_owned())]);
    let (_, said, heard, interrupted) = sim.finished(1);
    assert_eq!((said.as_str(), heard.as_str(), interrupted), ("", "", false));
    // The synthesiser had nothing to do, and the line is open.
    assert_eq!(sim.count(|output| matches!(output, Output::Speak { .. } | Output::SpeechEnd { .. })), 0);
    assert!(!sim.call.is_finished());
}

#[test]
fn tones_lie_between_the_words_before_and_after_them() {
    for words in [false, true] {
        let mut sim = asked();
        sim.tts.words = words;
        sim.tts.lengths = [secs(1.0), secs(1.0)].into();
        press(&mut sim, "I am typing it in.", r#"{"keys":"1"}"#).answers("That is done.").run(9.0);
        let sent = audio(&sim, 1);
        let tone = tone_of("1");
        assert_eq!(sent[8_000..8_000 + tone.len()], *tone);
        assert!(sent[..8_000].iter().chain(&sent[8_000 + tone.len()..]).all(|byte| *byte == 0x55));
        let (_, said, heard, _) = sim.finished(1);
        assert_eq!((said.as_str(), heard), ("I am typing it in. That is done.", said.clone()));
    }
}

#[test]
fn what_was_heard_before_the_tones_is_no_more_while_they_play() {
    let mut sim = asked();
    sim.tts.words = true;
    sim.tts.lengths = [secs(1.0), secs(1.0)].into();
    press(&mut sim, "I am typing it in.", r#"{"keys":"1111111111"}"#).answers("That is done.").run(3.4);
    let began = sim.output_at(0, |output| matches!(output, Output::SendAudio { .. }));
    // A second of words, two of tones.
    sim.run(began + 2.5);
    assert_eq!(sim.call.snapshot().heard, "I am typing it in.");
    sim.run(began + 3.7);
    let heard = sim.call.snapshot().heard;
    assert!(heard.starts_with("I am typing it in. That") && !heard.ends_with("done."), "{heard}");
}

#[test]
fn tones_stay_in_their_place_when_the_voice_behind_them_is_another() {
    let mut sim = asked();
    sim.tts.silent = true;
    press(&mut sim, "I type.", r#"{"keys":"1"}"#).answers("That is done for you now, anything else?");
    let tts = |tts| Input::Tts(TurnId(1), tts);
    let voice = |byte, ms: usize| tts(TtsInput::Audio(Bytes::from(vec![byte; ms * 8])));
    // The first clause is not told to be done; two seconds of speech hold it for sure.
    sim.at(secs(3.7), voice(1, 2000)).at(secs(6.0), tts(TtsInput::Failed { message: "closed".into() }));
    sim.at(secs(6.5), voice(2, 2500)).at(secs(6.6), tts(TtsInput::ClauseDone(ClauseId(1)))).run(14.0);
    let mut sent = audio(&sim, 1);
    sent.dedup();
    assert_eq!(sent, [1, b'1', 2]);
    assert_eq!(sim.finished(1).2, "I type. That is done for you now, anything else?");
}

#[test]
fn an_interruption_stops_the_tones() {
    let mut sim = asked();
    press(&mut sim, "", r#"{"keys":"11111111112222222222"}"#).answers("");
    sim.says(4.0, 5.5, "Stop, that is wrong!").answers("Sorry.").run(12.0);
    let (at, _, heard, interrupted) = sim.finished(1);
    assert!(interrupted && heard.is_empty());
    let played = sim.really_played(1, 12.0);
    let began = sim.output_at(0, |output| matches!(output, Output::SendAudio { .. }));
    assert!(played < 2.0 && at < began + 2.0, "{played}");
    assert_eq!(sim.finished(2).2, "Sorry.");
}

#[test]
fn a_pause_within_a_tone_does_not_press_its_key_twice() {
    let mut sim = asked();
    press(&mut sim, "", r#"{"keys":"12121212121212121212"}"#).answers("");
    // A cough while the tones are sent.
    sim.voice(4.0, 4.3).run(12.0);
    assert!(!sim.finished(1).3);
    let cleared = position(&sim, |output| *output == Output::Clear);
    // From the beginning of a key on, not from the middle of one.
    let before: usize = sim.outputs[..cleared].iter().map(|(_, output)| audio_length(output)).sum();
    let after: usize = sim.outputs[cleared..].iter().map(|(_, output)| audio_length(output)).sum();
    assert!(before + after >= 20 * 1600 && after.is_multiple_of(1600));
}

#[test]
fn keys_that_are_none_are_refused_in_plain_words() {
    for (arguments, expected) in [
        ("{}", "Give the keys as a text of 0 to 9, *, # and A to D."),
        (r#"{"keys":""}"#, "Give the keys as a text of 0 to 9, *, # and A to D."),
        (r#"{"keys":"12x"}"#, "Give the keys as a text of 0 to 9, *, # and A to D."),
        (r#"{"keys":7}"#, "Give the keys as a text of 0 to 9, *, # and A to D."),
        (r#"{"keys":"111111111122222222221111111111222"}"#, "At most 32 keys can be pressed at once."),
        (r#"{"keys":"A"}"#, "These keys cannot be pressed on this call."),
    ] {
        let mut sim = asked();
        press(&mut sim, "", arguments).answers("I cannot.").run(9.0);
        assert_eq!(told(&sim), [("failure".to_owned(), expected.to_owned())], "{arguments}");
        assert_eq!(sim.finished(1).2, "I cannot.");
    }
}

#[test]
fn without_tones_no_key_can_be_pressed() {
    let mut sim = Sim::new(AgentConfig::default());
    sim.says(0.5, 2.5, "For sales, press 1.");
    press(&mut sim, "", r#"{"keys":"1"}"#).answers("I cannot.").run(9.0);
    assert_eq!(told(&sim)[0].1, "These keys cannot be pressed on this call.");
}

fn asked() -> Sim {
    let mut context = CallContext::mulaw("call");
    context.tones = ["1", "2", "#"].map(|key| (key.chars().next().unwrap(), tone_of(key))).into();
    let mut sim = Sim::with(AgentConfig { greeting: String::new(), ..AgentConfig::default() }, context);
    sim.says(0.5, 2.5, "For sales, press 1.");
    sim
}

fn press<'a>(sim: &'a mut Sim, text: &str, arguments: &str) -> &'a mut Sim {
    sim.asks(text, &[("a", PRESS_KEYS)]);
    sim.replies.back_mut().unwrap().calls[0].arguments = arguments.into();
    sim
}

/// 200 ms of the key's own name.
fn tone_of(key: &str) -> Bytes {
    Bytes::from(key.repeat(1600))
}

fn pressed(key: char) -> Input {
    Input::Carrier(CarrierInput::Dtmf(key))
}

fn committed(sim: &Sim) -> Vec<(f64, String)> {
    let committed = sim.events().filter_map(|(at, event)| match event {
        CallEvent::TurnCommitted { text, .. } => Some((at, text.clone())),
        _ => None,
    });
    committed.collect()
}

fn told(sim: &Sim) -> Vec<(String, String)> {
    let told = sim.events().filter_map(|(_, event)| match event {
        CallEvent::ToolFinished { outcome, text, .. } => Some((outcome.clone(), text.clone())),
        _ => None,
    });
    told.collect()
}

fn audio(sim: &Sim, wanted: u32) -> Vec<u8> {
    let payloads = sim.outputs.iter().filter_map(|(_, output)| match output {
        Output::SendAudio { turn, payload } if *turn == TurnId(wanted) => Some(payload.to_vec()),
        _ => None,
    });
    payloads.flatten().collect()
}

fn audio_length(output: &Output) -> usize {
    match output {
        Output::SendAudio { payload, .. } => payload.len(),
        _ => 0,
    }
}

fn position(sim: &Sim, wanted: impl Fn(&Output) -> bool) -> usize {
    sim.outputs.iter().position(|(_, output)| wanted(output)).unwrap()
}

/// A turn by keypad begins to be late at its last key, whatever is waited for behind it.
#[test]
fn a_turn_by_keypad_is_late_from_its_last_key_on() {
    let mut sim = Sim::new(AgentConfig::default());
    sim.at(secs(1.0), pressed('1')).at(secs(1.5), pressed('2')).answers("Thank you.").run(8.0);
    let total = sim.event(|_, event| match event {
        CallEvent::TurnFinished { latency, .. } => latency.map(|latency| latency.total),
        _ => None,
    });
    let audio = sim.output_at(0, |output| matches!(output, Output::SendAudio { .. }));
    assert_near(total / 1000.0, audio - Duration::from_millis(1500).as_secs_f64());
}
