//! The path of every frame of every call: no allocation.
#![allow(unsafe_code, reason = "an allocator that counts is the only way to see allocations")]
#![allow(clippy::unwrap_used, reason = "tests fail loudly")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

use turn::{
    AgentConfig, Call, CallContext, CallTime, CallerFrame, CarrierInput, Direction, Input, Output, State,
};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: forwards to the system's allocator and counts.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|n| n.set(n.get() + 1));
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_minute_of_silence_and_of_speech_allocates_nothing() {
    let config = AgentConfig { greeting: String::new(), ..AgentConfig::default() };
    let mut call = Call::new(config, CallContext::mulaw("call"), Duration::ZERO);
    let mut now = Duration::ZERO;
    call.handle_input(now, Input::Carrier(CarrierInput::Started { stream: "MZ1".into() }));
    while call.poll_output().is_some() {}

    for (seconds, speech, expected) in [(5, 0.02, State::Listening), (50, 0.95, State::UserSpeaking)] {
        let before = ALLOCATIONS.with(Cell::get);
        for _ in 0..seconds * 50 {
            frame(&mut call, &mut now, speech);
        }
        assert_eq!(ALLOCATIONS.with(Cell::get) - before, 0);
        assert_eq!(call.snapshot().state, expected);
    }
}

#[test]
fn frames_of_a_call_that_is_screened_allocate_nothing() {
    let context = CallContext { direction: Direction::Outbound, ..CallContext::mulaw("call") };
    let mut call = Call::new(AgentConfig::default(), context, Duration::ZERO);
    let mut now = Duration::ZERO;
    call.handle_input(now, Input::Carrier(CarrierInput::Started { stream: "MZ1".into() }));
    while call.poll_output().is_some() {}
    let before = ALLOCATIONS.with(Cell::get);
    for speech in [0.02, 0.95] {
        for _ in 0..100 {
            frame(&mut call, &mut now, speech);
        }
    }
    assert_eq!(ALLOCATIONS.with(Cell::get) - before, 0);
    assert_eq!(call.snapshot().state, State::Screening);
}

#[test]
fn frames_while_the_agent_speaks_allocate_nothing_but_marks() {
    let mut call = Call::new(AgentConfig::default(), CallContext::mulaw("call"), Duration::ZERO);
    let mut now = Duration::ZERO;
    call.handle_input(now, Input::Carrier(CarrierInput::Started { stream: "MZ1".into() }));
    let audio = bytes::Bytes::from(vec![0x55; 80_000]);
    call.handle_input(now, Input::Tts(turn::TurnId(0), turn::TtsInput::Audio(audio)));
    while call.poll_output().is_some() {}
    for _ in 0..50 {
        frame(&mut call, &mut now, 0.02);
    }

    let before = ALLOCATIONS.with(Cell::get);
    let mut marks = 0;
    for _ in 0..400 {
        marks += frame(&mut call, &mut now, 0.02);
    }
    let allocations = ALLOCATIONS.with(Cell::get) - before;
    assert_eq!(call.snapshot().state, State::Greeting);
    assert!(marks >= 15, "{marks}");
    assert!(allocations <= marks * 4, "{allocations} for {marks} marks");
}

#[test]
fn frames_while_an_answer_is_kept_back_allocate_nothing() {
    let config = AgentConfig { greeting: String::new(), ..AgentConfig::default() };
    let mut call = Call::new(config, CallContext::mulaw("call"), Duration::ZERO);
    let mut now = Duration::ZERO;
    call.handle_input(now, Input::Carrier(CarrierInput::Started { stream: "MZ1".into() }));
    for (frames, speech) in [(50, 0.95), (15, 0.02)] {
        for _ in 0..frames {
            frame(&mut call, &mut now, speech);
        }
    }
    // Words that hang in the air are waited for longer than the frames below last.
    let text = "I want Tuesday and".to_owned();
    call.handle_input(now, Input::Stt(turn::SttInput::EagerEndOfTurn { text }));
    let asked = std::iter::from_fn(|| call.poll_output());
    assert_eq!(asked.filter(|output| matches!(output, Output::StartLlm { .. })).count(), 1);

    let before = ALLOCATIONS.with(Cell::get);
    for _ in 0..75 {
        frame(&mut call, &mut now, 0.02);
    }
    assert_eq!(ALLOCATIONS.with(Cell::get) - before, 0);
    assert_eq!(call.snapshot().state, State::EndpointPending);
}

/// The agent's echo sounds like speech and is held back by the guard; a caller is not.
#[test]
fn frames_of_the_agents_echo_allocate_nothing_but_marks() {
    let mut config = AgentConfig::default();
    config.barge_in.protect_greeting = false;
    let mut call = Call::new(config, CallContext::mulaw("call"), Duration::ZERO);
    let mut now = Duration::ZERO;
    call.handle_input(now, Input::Carrier(CarrierInput::Started { stream: "MZ1".into() }));
    let audio = bytes::Bytes::from(vec![0x55; 80_000]);
    call.handle_input(now, Input::Tts(turn::TurnId(0), turn::TtsInput::Audio(audio)));
    while call.poll_output().is_some() {}
    for _ in 0..50 {
        frame_at(&mut call, &mut now, 0.95, ECHO);
    }

    let before = ALLOCATIONS.with(Cell::get);
    let mut marks = 0;
    for _ in 0..350 {
        marks += frame_at(&mut call, &mut now, 0.95, ECHO);
    }
    let allocations = ALLOCATIONS.with(Cell::get) - before;
    assert_eq!(call.snapshot().state, State::Greeting);
    assert!(allocations <= marks * 4, "{allocations} for {marks} marks");

    for _ in 0..12 {
        frame_at(&mut call, &mut now, 0.95, ECHO * 4.0);
    }
    assert_eq!(call.snapshot().state, State::PausedForBargeIn);
}

/// A backchannel is judged when its words come and when its voice has lasted, not with
/// every frame.
#[test]
fn frames_of_a_long_backchannel_allocate_nothing() {
    let mut config = AgentConfig::default();
    config.barge_in.protect_greeting = false;
    let mut call = Call::new(config, CallContext::mulaw("call"), Duration::ZERO);
    let mut now = Duration::ZERO;
    call.handle_input(now, Input::Carrier(CarrierInput::Started { stream: "MZ1".into() }));
    let audio = bytes::Bytes::from(vec![0x55; 80_000]);
    call.handle_input(now, Input::Tts(turn::TurnId(0), turn::TtsInput::Audio(audio)));
    for _ in 0..50 {
        frame(&mut call, &mut now, 0.02);
    }
    for _ in 0..15 {
        frame(&mut call, &mut now, 0.95);
    }
    call.handle_input(now, Input::Stt(turn::SttInput::Interim { text: "uh huh".into() }));
    // By now the first judgement is over, and so is the one at half a second of voice.
    for _ in 0..21 {
        frame(&mut call, &mut now, 0.95);
    }

    let before = ALLOCATIONS.with(Cell::get);
    for _ in 0..12 {
        frame(&mut call, &mut now, 0.95);
    }
    assert_eq!(ALLOCATIONS.with(Cell::get) - before, 0);
    assert_eq!(call.snapshot().state, State::PausedForBargeIn);
    for _ in 0..3 {
        frame(&mut call, &mut now, 0.95);
    }
    assert_eq!(call.snapshot().state, State::UserSpeaking);
}

/// Half the level of the audio that is sent, which is 0.0218; more than the fixed floor.
const ECHO: f32 = 0.0109;

/// One frame at an ordinary level.
fn frame(call: &mut Call, now: &mut CallTime, speech: f32) -> u64 {
    frame_at(call, now, speech, 0.1)
}

/// One frame and what follows from it; returns the number of marks sent.
fn frame_at(call: &mut Call, now: &mut CallTime, speech: f32, level: f32) -> u64 {
    *now += Duration::from_millis(20);
    while call.poll_timeout().is_some_and(|at| at <= *now) {
        call.handle_timeout(call.poll_timeout().unwrap());
    }
    let frame = CallerFrame { duration: Duration::from_millis(20), speech, level };
    call.handle_input(*now, Input::CallerAudio(frame));
    let mut marks = 0;
    while let Some(output) = call.poll_output() {
        marks += u64::from(matches!(output, Output::SendMark(_)));
    }
    marks
}
