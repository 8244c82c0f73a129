//! What the call core costs: time and allocations per frame of audio, and memory per call.
//!
//! `cargo bench -p turn --bench core`. Allocations and bytes are exact; of the times the
//! median of many batches is given, and the fastest. It needs no benchmark library: half of
//! it counts and does not time.
#![allow(missing_docs, reason = "a program and not a library")]
#![allow(unsafe_code, reason = "an allocator that counts is the only way to see allocations")]
#![allow(
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a benchmark has a terminal and a clock"
)]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark stops where it cannot measure"
)]

mod allocations;

use std::hint::black_box;
use std::time::{Duration, Instant};

use allocations::{allocations, held_bytes, state_bytes};
use bytes::Bytes;
use turn::{
    AgentConfig, Call, CallContext, CallTime, CallerFrame, CarrierInput, ClauseId, Input, LlmInput, MarkName,
    Output, Round, State, SttInput, TtsInput, TurnId,
};

const FRAME: Duration = Duration::from_millis(20);

/// Frames of a batch: less time than after which a silent caller is asked.
const FRAMES: u32 = 400;

fn main() {
    // Under `cargo test --benches` it only shows that it works.
    let n_batches = if std::env::args().any(|word| word == "--bench") { 2000 } else { 5 };
    println!("{:32} {:>12} {:>12} {:>14}", "", "median", "fastest", "allocations");
    measure("frame in, both silent", n_batches, listening, State::Listening, |call, now| {
        frames(call, now, 0.02);
    });
    measure("frame in, the caller speaks", n_batches, listening, State::UserSpeaking, |call, now| {
        frames(call, now, 0.95);
    });
    measure("frame in, the agent speaks", n_batches, speaking, State::Greeting, |call, now| {
        frames(call, now, 0.02);
    });
    measure("frame out", n_batches, speaking, State::Greeting, audio_out);
    println!();
    memory();
}

/// Prints what a frame costs in `batch`, which takes [`FRAMES`] of them.
fn measure(
    name: &str,
    n_batches: usize,
    make: fn() -> (Call, CallTime),
    state: State,
    batch: impl Fn(&mut Call, CallTime),
) {
    // Counted in a call as it is: a copy lacks the reserves of its queues.
    let (mut call, now) = make();
    let template = call.clone();
    let n = allocations(|| batch(&mut call, now));
    assert_eq!(call.snapshot().state, state);
    let mut times: Vec<u128> = (0..n_batches)
        .map(|_| {
            let mut call = template.clone();
            let began = Instant::now();
            batch(&mut call, now);
            black_box(&call);
            began.elapsed().as_nanos()
        })
        .collect();
    times.sort_unstable();
    let per_frame = |nanos: u128| format!("{:.0} ns", nanos as f64 / f64::from(FRAMES));
    let each = n as f64 / f64::from(FRAMES);
    println!("{name:32} {:>12} {:>12} {each:>14.3}", per_frame(times[times.len() / 2]), per_frame(times[0]));
}

/// A call in which nobody speaks.
fn listening() -> (Call, CallTime) {
    let config = AgentConfig { greeting: String::new(), ..AgentConfig::default() };
    let mut call = Call::new(config, CallContext::mulaw("bench"), Duration::ZERO);
    start(&mut call);
    (call, Duration::ZERO)
}

/// A call whose agent has half a minute to speak and has begun.
fn speaking() -> (Call, CallTime) {
    let mut call = Call::new(AgentConfig::default(), CallContext::mulaw("bench"), Duration::ZERO);
    start(&mut call);
    let audio = Bytes::from(vec![0x55; 30 * 8000]);
    for tts in [TtsInput::Audio(audio), TtsInput::ClauseDone(ClauseId(0)), TtsInput::Done] {
        call.handle_input(Duration::ZERO, Input::Tts(TurnId(0), tts));
    }
    frames(&mut call, Duration::ZERO, 0.02);
    (call, FRAME * FRAMES)
}

fn start(call: &mut Call) {
    call.handle_input(Duration::ZERO, Input::Carrier(CarrierInput::Started { stream: "MZ1".into() }));
    while call.poll_output().is_some() {}
}

/// The caller's frames, with all that the driver does for each.
fn frames(call: &mut Call, mut now: CallTime, speech: f32) {
    for _ in 0..FRAMES {
        now += FRAME;
        wake(call, now);
        call.handle_input(now, Input::CallerAudio(CallerFrame { duration: FRAME, speech, level: 0.1 }));
        while let Some(output) = call.poll_output() {
            black_box(&output);
        }
        black_box(call.poll_timeout());
    }
}

/// As much of the agent's audio, and no frames of the caller's.
fn audio_out(call: &mut Call, now: CallTime) {
    wake(call, now + FRAME * FRAMES);
}

fn wake(call: &mut Call, until: CallTime) {
    while let Some(at) = call.poll_timeout().filter(|at| *at <= until) {
        call.handle_timeout(at);
        while let Some(output) = call.poll_output() {
            black_box(&output);
        }
    }
}

fn memory() {
    let mut fresh = Call::new(AgentConfig::default(), CallContext::mulaw("bench"), Duration::ZERO);
    start(&mut fresh);
    println!("{:32} {:>12}", "a call on the stack", format!("{} B", size_of::<Call>()));
    tell("a call after its start", fresh);
    for minutes in [1, 10, 50] {
        let call = conversation(Duration::from_secs(60 * minutes));
        tell(&format!("after {minutes} minutes, {} messages", call.history().len()), call);
    }
}

fn tell(name: &str, call: Call) {
    let used = state_bytes(&call);
    println!("{name:32} {:>12} held, {used} B used", format!("{} B", size_of::<Call>() + held_bytes(call)));
}

/// A conversation in which somebody always speaks: a question of two seconds and an answer
/// of four.
fn conversation(length: Duration) -> Call {
    let (mut call, _) = listening();
    let mut now = Duration::ZERO;
    while now < length {
        line(&mut call, &mut now, 100, 0.95);
        let text = "What does a table by the window cost on Friday?".into();
        let mut outputs = Vec::new();
        step(&mut call, now, Input::Stt(SttInput::Final { text, speech_final: true }), &mut outputs);
        for _ in 0..50 {
            now += FRAME;
            wake_into(&mut call, now, &mut outputs);
            let frame = CallerFrame { duration: FRAME, speech: 0.02, level: 0.001 };
            step(&mut call, now, Input::CallerAudio(frame), &mut outputs);
        }
        let asked = outputs.iter().rev().find_map(|output| match output {
            Output::StartLlm { turn, .. } => Some(*turn),
            _ => None,
        });
        if let Some(turn) = asked {
            answer(&mut call, now, turn);
        }
        line(&mut call, &mut now, 250, 0.02);
    }
    assert!(!call.is_finished() && call.history().len() as u64 > length.as_secs() / 10, "no conversation");
    call
}

fn answer(call: &mut Call, now: CallTime, turn: TurnId) {
    let mut outputs = Vec::new();
    let text = "A table by the window costs nothing more, only on Fridays it is five euros.".into();
    step(call, now, Input::Llm(turn, Round(0), LlmInput::Delta(text)), &mut outputs);
    step(call, now, Input::Llm(turn, Round(0), LlmInput::Finished), &mut outputs);
    let audio = Bytes::from_static(&[0x55; 4 * 8000]);
    step(call, now, Input::Tts(turn, TtsInput::Audio(audio)), &mut outputs);
    for clause in 0..2 {
        step(call, now, Input::Tts(turn, TtsInput::ClauseDone(ClauseId(clause))), &mut outputs);
    }
    step(call, now, Input::Tts(turn, TtsInput::Done), &mut outputs);
}

/// So many frames, while marks come back when they should.
fn line(call: &mut Call, now: &mut CallTime, n: u32, speech: f32) {
    let mut outputs = Vec::new();
    let mut marks: Vec<(CallTime, MarkName)> = Vec::new();
    for _ in 0..n {
        *now += FRAME;
        wake_into(call, *now, &mut outputs);
        step(
            call,
            *now,
            Input::CallerAudio(CallerFrame { duration: FRAME, speech, level: 0.1 }),
            &mut outputs,
        );
        for output in outputs.drain(..) {
            if let Output::SendMark(name) = output {
                marks.push((*now + Duration::from_millis(300), name));
            }
        }
        while marks.first().is_some_and(|(at, _)| *at <= *now) {
            let (_, name) = marks.remove(0);
            step(call, *now, Input::Carrier(CarrierInput::Mark(name)), &mut outputs);
        }
    }
}

fn step(call: &mut Call, now: CallTime, input: Input, outputs: &mut Vec<Output>) {
    call.handle_input(now, input);
    outputs.extend(std::iter::from_fn(|| call.poll_output()));
}

fn wake_into(call: &mut Call, until: CallTime, outputs: &mut Vec<Output>) {
    while let Some(at) = call.poll_timeout().filter(|at| *at <= until) {
        call.handle_timeout(at);
        outputs.extend(std::iter::from_fn(|| call.poll_output()));
    }
}
