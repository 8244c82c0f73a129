//! What a tenant whose tool loops for ever does to the audio and the tools of all others.
//!
//! A hundred calls handle a frame of 20 ms each as a live call does, from the carrier's message to the carrier's
//! message, each in a task of its own. Ten of their tenants run a small tool ten times a second. The abuser keeps as
//! many loops running as it may, for ever: its budget of processor time, which would end that, is lifted. Printed is
//! how late frames were done, how long the others' tools took, and what the abuser used of the processors, without and
//! with the abuser, and both again on one processor, where `taskset` is there to pin to
//! it.
//!
//! `cargo bench -p sandbox --bench neighbours`. Figures and machine are in ARCHITECTURE.md.

#![allow(
    missing_docs,
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark has a terminal and a clock, and stops where it cannot measure"
)]

mod common;

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use audio::vad::Vad;
use audio::{g711, level};
use bytes::Bytes;
use carriers::twilio::{Format, Message, Session, Start, Track, encode_media_into};
use common::{admission, context, no_records};
use sandbox::{Admission, Run, Runtime, RuntimeLimits, Tier, Tool, ToolLimits};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use turn::{
    AgentConfig, Call, CallContext, CallerFrame, CarrierInput, ClauseId, Input, Output, TtsInput, TurnId,
};

const FRAME: Duration = Duration::from_millis(20);
const CALLS: u32 = 100;
const TOOL_USERS: u32 = 10;
const BETWEEN_TOOLS: Duration = Duration::from_millis(100);
/// More than may run and less than may wait.
const LOOPS: u32 = 16;
/// The processor time of one loop: the abuser's runs begin and end as well.
const LOOP: Duration = Duration::from_millis(500);
/// Says that this process is pinned already.
const PINNED: &str = "--pinned";

fn main() {
    // Under `cargo test --benches` it only shows that it works.
    let full = std::env::args().any(|word| word == "--bench");
    let length = Duration::from_secs(if full { 20 } else { 1 });
    let pinned = std::env::args().any(|word| word == PINNED);
    if !pinned {
        println!(
            "{:22} {:>8} {:>9} {:>9} {:>9} {:>9}   {:>9} {:>9} {:>9}   {:>7}",
            "", "frames", "p50", "p99", "p99.9", "max", "tool p50", "p99", "max", "abuser"
        );
    }
    let processors = if pinned { "one processor" } else { "all processors" };
    let admission = admission();
    for abused in [false, true] {
        let name = format!("{processors}, {}", if abused { "abused" } else { "quiet" });
        measure(&name, &admission, length, abused);
    }
    if full && !pinned {
        again_on_one_processor();
    }
}

fn again_on_one_processor() {
    let program = std::env::current_exe().expect("this program has a path");
    let run = Command::new("taskset").args(["-c", "0"]).arg(program).args(["--bench", PINNED]).status();
    if !run.is_ok_and(|status| status.success()) {
        println!("one processor: not measured, `taskset` could not be run");
    }
}

fn measure(name: &str, admission: &Admission, length: Duration, abused: bool) {
    let limits = RuntimeLimits { cpu_per_window: Duration::MAX, ..RuntimeLimits::default() };
    let runtime = Arc::new(Runtime::new(limits).expect("threads"));
    let quick = tool(admission, "(i32.const 4096)");
    let endless = tool(admission, "(loop $for-ever (br $for-ever)) (i32.const 4096)");
    let endless = endless.clone().with_limits(ToolLimits { cpu: LOOP, ..*endless.limits() });
    let stop = Arc::new(AtomicBool::new(false));
    let used = Arc::new(AtomicU64::new(0));
    let executor = tokio::runtime::Builder::new_multi_thread().enable_time().build().expect("threads");
    let (mut frames, mut tools) = executor.block_on(async {
        let mut abuser = JoinSet::new();
        for _ in 0..if abused { LOOPS } else { 0 } {
            abuser.spawn(abuse(runtime.clone(), endless.clone(), stop.clone(), used.clone()));
        }
        let begin = Instant::now() + Duration::from_millis(200);
        let mut calls = JoinSet::new();
        for number in 0..CALLS {
            calls.spawn(live_call(begin + FRAME * number / CALLS, length));
        }
        let mut users = JoinSet::new();
        for number in 0..TOOL_USERS {
            let begin = begin + BETWEEN_TOOLS * number / TOOL_USERS;
            users.spawn(use_tools(runtime.clone(), quick.clone(), number, begin, length));
        }
        let frames: Vec<Duration> = calls.join_all().await.concat();
        let tools: Vec<Duration> = users.join_all().await.concat();
        stop.store(true, Ordering::Relaxed);
        abuser.abort_all();
        (frames, tools)
    });
    frames.sort_unstable();
    tools.sort_unstable();
    let at = |times: &[Duration], share: f64| {
        let index = ((times.len() - 1) as f64 * share) as usize;
        format!("{:.2} ms", times[index].as_secs_f64() * 1000.0)
    };
    println!(
        "{name:22} {:>8} {:>9} {:>9} {:>9} {:>9}   {:>9} {:>9} {:>9}   {:>7}",
        frames.len(),
        at(&frames, 0.5),
        at(&frames, 0.99),
        at(&frames, 0.999),
        at(&frames, 1.0),
        at(&tools, 0.5),
        at(&tools, 0.99),
        at(&tools, 1.0),
        format!("{:.1} s", Duration::from_nanos(used.load(Ordering::Relaxed)).as_secs_f64()),
    );
}

fn tool(admission: &Admission, body: &str) -> Tool {
    admission.admit(&common::tool(body), Tier::Standard).unwrap_or_else(|refusal| panic!("{refusal}")).tool
}

fn run(tool: &Tool, tenant: &str) -> Run {
    Run {
        tool: tool.clone(),
        context: context(tenant),
        arguments: "{}".into(),
        host: no_records(),
        timeout: Duration::from_secs(30),
    }
}

/// Loops until its processor time is used up, and again.
async fn abuse(runtime: Arc<Runtime>, tool: Tool, stop: Arc<AtomicBool>, used: Arc<AtomicU64>) {
    while !stop.load(Ordering::Relaxed) {
        let finished = runtime.run(run(&tool, "abuser")).await;
        assert!(finished.outcome.is_err());
        let guest = u64::try_from(finished.spent.guest.as_nanos()).expect("seconds");
        used.fetch_add(guest, Ordering::Relaxed);
    }
}

/// How long each run of a small tool took, from asking to its answer.
async fn use_tools(
    runtime: Arc<Runtime>,
    tool: Tool,
    number: u32,
    begin: Instant,
    length: Duration,
) -> Vec<Duration> {
    let tenant = format!("tenant {number}");
    let mut times = Vec::new();
    let mut due = begin;
    while due < begin + length {
        sleep_until(due).await;
        let asked = Instant::now();
        let finished = runtime.run(run(&tool, &tenant)).await;
        assert!(finished.outcome.is_ok(), "{:?}", finished.outcome);
        times.push(asked.elapsed());
        due += BETWEEN_TOOLS;
    }
    times
}

/// How late each frame of a call was done, after the moment at which it came.
async fn live_call(begin: Instant, length: Duration) -> Vec<Duration> {
    let mut line = Line::new();
    let frames = length.as_millis() / FRAME.as_millis();
    let mut late = Vec::with_capacity(usize::try_from(frames).expect("seconds"));
    let mut due = begin;
    for number in 0..u64::try_from(frames).expect("seconds") {
        sleep_until(due).await;
        line.frame(number);
        late.push(due.elapsed());
        due += FRAME;
    }
    late
}

/// One call whose agent speaks all the time, as its driver sees it.
struct Line {
    start: Start,
    session: Session,
    incoming: Vec<String>,
    vad: Vad,
    samples: Vec<i16>,
    call: Call,
    outgoing: String,
}

impl Line {
    fn new() -> Self {
        let start = Start {
            stream_sid: "MZ00000000000000000000000000000000".into(),
            call_sid: "CA00000000000000000000000000000000".into(),
            account_sid: "AC00000000000000000000000000000000".into(),
            tracks: vec![Track::Inbound],
            format: Format { encoding: "audio/x-mulaw".into(), sample_rate: 8000, channels: 1 },
            custom_parameters: Default::default(),
        };
        let mut session = Session::new();
        session.handle(&Message::Start(start.clone()).encode(1, &start)).expect("a good start");
        let incoming = (0..50_u64)
            .map(|number| {
                let timestamp = FRAME * u32::try_from(number).expect("fifty");
                let payload = hum(number);
                Message::Media { track: Track::Inbound, chunk: number + 1, timestamp, payload }
                    .encode(number + 2, &start)
            })
            .collect();
        let mut call = Call::new(AgentConfig::default(), CallContext::mulaw("bench"), Duration::ZERO);
        let started = CarrierInput::Started { stream: start.stream_sid.clone() };
        call.handle_input(Duration::ZERO, Input::Carrier(started));
        let audio = Bytes::from(vec![0x55; 60 * 8000]);
        for tts in [TtsInput::Audio(audio), TtsInput::ClauseDone(ClauseId(0)), TtsInput::Done] {
            call.handle_input(Duration::ZERO, Input::Tts(TurnId(0), tts));
        }
        Self {
            start,
            session,
            incoming,
            vad: Vad::new(),
            samples: Vec::with_capacity(160),
            call,
            outgoing: String::with_capacity(1024),
        }
    }

    /// The carrier's message, decoded; voice activity; the call core; what it sends, encoded.
    fn frame(&mut self, number: u64) {
        let now = FRAME * u32::try_from(number + 1).expect("seconds");
        let text = &self.incoming[usize::try_from(number % 50).expect("fifty")];
        let Ok(Message::Media { payload, .. }) = self.session.handle(text) else { panic!("a frame") };
        self.samples.clear();
        g711::ulaw_decode_into(&payload, &mut self.samples);
        let speech = self.vad.push(&self.samples);
        let level = level::rms(&self.samples);
        self.session.recycle(payload);
        self.call.handle_input(now, Input::CallerAudio(CallerFrame { duration: FRAME, speech, level }));
        self.send();
        while let Some(at) = self.call.poll_timeout().filter(|at| *at <= now) {
            self.call.handle_timeout(at);
            self.send();
        }
    }

    fn send(&mut self) {
        while let Some(output) = self.call.poll_output() {
            if let Output::SendAudio { payload, .. } = output {
                self.outgoing.clear();
                encode_media_into(&self.start.stream_sid, &payload, &mut self.outgoing);
                std::hint::black_box(&self.outgoing);
            }
        }
    }
}

/// A quiet sound that is no speech, so that no one interrupts.
fn hum(frame: u64) -> Vec<u8> {
    let sample = |n: u64| {
        let time = (frame * 160 + n) as f32 / 8000.0;
        g711::ulaw_encode(((time * 60.0 * std::f32::consts::TAU).sin() * 100.0) as i16)
    };
    (0..160).map(sample).collect()
}
