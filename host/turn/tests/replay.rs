//! What was recorded is replayed, and what is not the same is found.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests fail loudly"
)]

mod fuzzing;

use std::time::Duration;

use bytes::Bytes;
use fuzzing::decode;
use fuzzing::run::{Run, unwatched};
use proptest::prelude::*;
use turn::{
    AgentConfig, CallContext, CallerFrame, CarrierInput, ClauseId, Input, Recorder, ReplayError, Sentiment,
    SttInput, TtsInput, TurnId, replay, replay_with,
};

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A greeting, a question of the caller's, and the caller hangs up at 7.04 s. Its times have
/// nanoseconds, as a clock's have.
fn conversation(mut sink: impl FnMut(&str) -> bool) {
    let context = CallContext::mulaw("call-1");
    let mut call = Recorder::new(AgentConfig::default(), context, Duration::ZERO, Some(&mut sink));
    let mut inputs = vec![
        (ms(40), Input::Carrier(CarrierInput::Started { stream: "MZ1".into() })),
        (ms(300), audio(16_000)),
    ];
    inputs.push((ms(310), Input::Tts(TurnId(0), TtsInput::ClauseDone(ClauseId(0)))));
    inputs.push((ms(320), Input::Tts(TurnId(0), TtsInput::Done)));
    for n in 0..300 {
        let speech = if (180..230).contains(&n) { 0.97 } else { 0.013 };
        let frame = CallerFrame { duration: ms(20), speech, level: 0.123_456_79 };
        inputs.push((ms(1000 + 20 * n) + Duration::from_nanos(137), Input::CallerAudio(frame)));
    }
    let text = "Tell me a story.".into();
    inputs.push((ms(5650), Input::Stt(SttInput::Final { text, speech_final: true })));
    inputs.push((ms(7040), Input::Carrier(CarrierInput::Stopped)));
    inputs.sort_by_key(|(at, _)| *at);
    for (at, input) in inputs {
        while let Some(due) = call.poll_timeout().filter(|due| *due <= at) {
            call.handle_timeout(due);
        }
        call.handle_input(at, input);
    }
    while call.poll_output().is_some() {}
    call.finish();
}

fn audio(bytes: usize) -> Input {
    Input::Tts(TurnId(0), TtsInput::Audio(Bytes::from(vec![0x55; bytes])))
}

fn recorded() -> String {
    let mut recording = String::new();
    conversation(|line| {
        recording.push_str(line);
        recording.push('\n');
        true
    });
    recording
}

#[test]
fn a_recorded_conversation_is_replayed_to_its_end() {
    let report = replay(recorded().as_bytes()).unwrap();
    assert_eq!(report.difference, None);
    assert!(report.identical() && !report.truncated);
    assert_eq!((report.frames, report.audio), (300, Duration::from_secs(6)));
    assert_eq!(report.length, ms(7040));
    assert_eq!(report.ended, Some(events::EndReason::CallerHangup));
    assert!(report.outputs > 20, "{report}");
    assert!(report.to_string().ends_with("identical"), "{report}");
}

#[test]
fn a_frame_is_a_short_line() {
    let recording = recorded();
    let frames: Vec<&str> = recording.lines().filter(|line| line.contains("\"f\":")).collect();
    assert_eq!(frames.len(), 300);
    let mean = frames.iter().map(|line| line.len()).sum::<usize>() / frames.len();
    assert!(mean < 110, "{mean}");
}

#[test]
fn another_configuration_is_found_where_it_first_matters() {
    let recording = recorded();
    let changed = recording.replacen("\"complete_ms\":250", "\"complete_ms\":400", 1);
    assert_ne!(changed, recording);
    let difference = replay(changed.as_bytes()).unwrap().difference.unwrap();
    // The voice ends at 5.6 s; the turn was committed at the next step after 250 ms.
    assert!((ms(5800)..ms(5900)).contains(&difference.at), "{difference}");
    assert!(difference.expected.unwrap().contains("Tell me a story."));
    assert_eq!(difference.got, None);
    assert!(!difference.before.is_empty());
}

#[test]
fn a_tampered_output_is_found() {
    let recording = recorded();
    let (n, line) = recording.lines().enumerate().find(|(_, line)| line.contains("turn.committed")).unwrap();
    let tampered = recording.replace(line, &line.replacen("a story", "a lie", 1));
    let difference = replay(tampered.as_bytes()).unwrap().difference.unwrap();
    assert_eq!(difference.line, n as u64 + 1);
    assert!(difference.expected.as_ref().unwrap().contains("a lie"), "{difference}");
    assert!(difference.got.as_ref().unwrap().contains("a story"), "{difference}");
    assert!(difference.to_string().contains(&format!("line {}", n + 1)));
}

#[test]
fn an_output_too_many_in_the_first_line_is_found() {
    let tampered = recorded().replacen("\"out\":[", "\"out\":[\"clear\",", 1);
    let difference = replay(tampered.as_bytes()).unwrap().difference.unwrap();
    assert_eq!((difference.line, difference.nth, difference.at), (1, 0, Duration::ZERO));
    assert_eq!(difference.expected.as_deref(), Some("\"clear\""));
}

#[test]
fn another_spelling_of_the_same_outputs_is_the_same() {
    let spaced = recorded().replace("\"out\":[", "\"out\" : [ ").replace('\n', "\r\n");
    assert_eq!(replay(spaced.as_bytes()).unwrap().difference, None);
}

#[test]
fn a_recording_that_is_cut_off_is_replayed_as_far_as_it_goes() {
    let recording = recorded();
    let half = &recording[..recording.rfind("\"f\"").unwrap()];
    assert!(!half.ends_with('\n'));
    let report = replay(half.as_bytes()).unwrap();
    assert!(report.truncated && report.identical() && report.ended.is_none());
    assert!(report.steps > 100);
    assert!(report.to_string().contains("cut off"), "{report}");
}

#[test]
fn what_is_no_recording_is_refused() {
    for text in ["", "\n", "hello", "{}", "[1,2]", "{\"format\":\"other\",\"version\":1}"] {
        let error = replay(text.as_bytes()).unwrap_err();
        assert!(matches!(error, ReplayError::NotARecording { .. }), "{text:?}: {error}");
        assert!(!error.hint().is_empty());
    }
    assert!(matches!(replay(&[0xFF, 0xFE, 0x0A][..]).unwrap_err(), ReplayError::NotARecording { .. }));
}

#[test]
fn another_version_and_another_agent_are_refused() {
    let other = recorded().replacen("\"version\":1", "\"version\":2", 1);
    assert!(matches!(replay(other.as_bytes()), Err(ReplayError::OtherVersion { found: 2 })));
    let unknown = recorded().replacen("\"instructions\"", "\"commandments\"", 1);
    assert!(matches!(replay(unknown.as_bytes()), Err(ReplayError::Header(_))));
    let invalid = recorded().replacen("\"max_turns\":200", "\"max_turns\":0", 1);
    assert!(matches!(replay(invalid.as_bytes()), Err(ReplayError::Config(_))));
}

#[test]
fn a_broken_line_is_named() {
    for garbage in
        ["{\"t\":1,", "{}", "{\"t\":1}", "{\"t\":1,\"in\":null,\"lost\":1}", "{\"t\":1,\"in\":null,\"u\":1}"]
    {
        let recording = recorded();
        let mut lines: Vec<&str> = recording.lines().collect();
        lines.insert(9, garbage);
        let error = replay((lines.join("\n") + "\n").as_bytes()).unwrap_err();
        assert!(matches!(error, ReplayError::Broken { line: 10, .. }), "{garbage}: {error:?}");
    }
}

#[test]
fn a_line_without_end_is_refused_in_bounded_memory() {
    let endless = std::io::BufReader::new(std::io::repeat(b'x'));
    assert!(matches!(replay(endless), Err(ReplayError::TooLong { line: 1 })));
}

#[test]
fn lost_lines_are_told_and_stop_the_replay() {
    let mut recording = String::new();
    let mut n = 0;
    conversation(|line| {
        n += 1;
        let taken = !(50..53).contains(&n);
        if taken {
            recording.push_str(line);
            recording.push('\n');
        }
        taken
    });
    // The sink refused a line and then twice the word of it.
    let gap = recording.lines().position(|line| line == "{\"lost\":3}").unwrap() as u64 + 1;
    assert_eq!(gap, 50);
    let error = replay(recording.as_bytes()).unwrap_err();
    assert!(matches!(error, ReplayError::Lost { line: 50, lost: 3 }), "{error}");
}

#[test]
fn the_last_lines_lost_are_told_when_the_call_is_over() {
    let mut recording = Vec::new();
    let mut full = false;
    let mut call = Recorder::new(
        AgentConfig::default(),
        CallContext::mulaw("call-1"),
        Duration::ZERO,
        Some(|line: &str| {
            recording.push(line.to_owned());
            full = !full;
            full
        }),
    );
    call.handle_input(ms(1), Input::Carrier(CarrierInput::Stopped));
    while call.poll_output().is_some() {}
    call.finish();
    assert_eq!(recording.last().unwrap(), "{\"lost\":1}");
}

#[test]
fn numbers_that_json_has_no_word_for_survive() {
    let mut recording = String::new();
    let sink = |line: &str| {
        recording.push_str(line);
        recording.push('\n');
        true
    };
    let mut call = Recorder::new(AgentConfig::default(), CallContext::mulaw("c"), ms(3), Some(sink));
    let floats = [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.0, 1e-45, f32::MAX, 0.1];
    for (n, float) in floats.into_iter().enumerate() {
        let duration = Duration::from_nanos(20_000_001);
        let frame = CallerFrame { duration, speech: float, level: -float };
        call.handle_input(ms(10 + n as u64), Input::CallerAudio(frame));
        let (label, tone, pace) = ("neutral".into(), "even".into(), "normal".into());
        let mood = Sentiment { label, score: float, confidence: 0.5, tone, pace, escalate: false };
        call.handle_input(ms(10 + n as u64), Input::Sentiment(TurnId(1), mood));
    }
    drop(call);
    // The replayed steps are written again: they are the recorded ones, bit for bit.
    let mut again = String::new();
    let report = replay_with(recording.as_bytes(), |step| {
        again.push_str(step.text);
        again.push('\n');
    });
    assert!(report.unwrap().identical());
    assert!(recording.ends_with(&again) && again.lines().count() == 2 * floats.len());
    assert!(again.contains("\"7fc00000\"") && again.contains("\"ffc00000\"") && again.contains("-0.0"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_call_is_replayed_as_it_was(data in proptest::collection::vec(any::<u8>(), 0..400)) {
        let mut recording = String::new();
        let sink = |line: &str| {
            recording.push_str(line);
            recording.push('\n');
            true
        };
        let (config, context, steps) = decode::call(&data);
        let mut run = Run::new(config, context, Some(sink), unwatched);
        for step in steps {
            run.take(step);
        }
        run.leave_alone();
        let ended = run.call.snapshot().ended;
        drop(run);
        let report = replay(recording.as_bytes()).unwrap();
        prop_assert!(report.identical(), "{report}");
        prop_assert_eq!(report.ended, ended);
        prop_assert_eq!(report.steps + 1, recording.lines().count() as u64);
    }

    #[test]
    fn every_number_survives(bits in any::<u32>(), nanos in 0u64..100_000_000_000) {
        let frame = CallerFrame { duration: ms(20), speech: f32::from_bits(bits), level: f32::from_bits(!bits) };
        let at = Duration::from_nanos(nanos);
        let mut recording = String::new();
        let sink = |line: &str| {
            recording.push_str(line);
            recording.push('\n');
            true
        };
        let mut call = Recorder::new(AgentConfig::default(), CallContext::mulaw("c"), at, Some(sink));
        call.handle_input(at, Input::CallerAudio(frame));
        drop(call);
        let last = recording.lines().last().unwrap().to_owned();
        let mut again = None;
        replay_with(recording.as_bytes(), |step| again = Some((step.text.to_owned(), step.at))).unwrap();
        prop_assert_eq!(again, Some((last, at)));
    }
}
