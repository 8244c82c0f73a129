//! What one 20 ms frame of a caller costs, from the carrier's message to the call core.
//!
//! Run with `cargo xtask bench`. Figures and machine are in ARCHITECTURE.md.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark stops where it cannot measure"
)]

use std::hint::black_box;
use std::time::Duration;

use audio::{g711, level, vad::Vad};
use carriers::twilio::{Format, Message, Session, Start, Track};
use criterion::{Criterion, criterion_group, criterion_main};
use turn::{AgentConfig, Call, CallContext, CallerFrame, CarrierInput, Input};

const FRAME: Duration = Duration::from_millis(20);

/// A frame all the way: JSON, base64, mu-law, voice activity, call core.
fn media_frame(criterion: &mut Criterion) {
    let start = Start {
        stream_sid: "MZ00000000000000000000000000000000".into(),
        call_sid: "CA00000000000000000000000000000000".into(),
        account_sid: "AC00000000000000000000000000000000".into(),
        tracks: vec![Track::Inbound],
        format: Format { encoding: "audio/x-mulaw".into(), sample_rate: 8000, channels: 1 },
        custom_parameters: Default::default(),
    };
    let mut session = Session::new();
    session.handle(&Message::Start(start.clone()).encode(1, &start)).unwrap();
    let frames: Vec<String> = (0..50)
        .map(|n| {
            let payload = murmur(n);
            let media =
                Message::Media { track: Track::Inbound, chunk: n + 1, timestamp: FRAME * n as u32, payload };
            media.encode(n + 2, &start)
        })
        .collect();

    let mut vad = Vad::new();
    let mut samples = Vec::with_capacity(160);
    let mut call = Call::new(AgentConfig::default(), CallContext::mulaw("bench"), Duration::ZERO);
    call.handle_input(FRAME, Input::Carrier(CarrierInput::Started { stream: start.stream_sid.clone() }));
    let mut now = FRAME;
    let mut next = frames.iter().cycle();
    criterion.bench_function("media frame through codec, VAD and core", |b| {
        b.iter(|| {
            let text = next.next().unwrap();
            let Ok(Message::Media { payload, .. }) = session.handle(black_box(text)) else {
                panic!("a frame")
            };
            samples.clear();
            g711::ulaw_decode_into(&payload, &mut samples);
            let frame =
                CallerFrame { duration: FRAME, speech: vad.push(&samples), level: level::rms(&samples) };
            session.recycle(payload);
            // A call lasts an hour at most; the next one begins where it ends.
            if call.is_finished() {
                call = Call::new(AgentConfig::default(), CallContext::mulaw("bench"), Duration::ZERO);
                now = Duration::ZERO;
            }
            now += FRAME;
            call.handle_input(now, Input::CallerAudio(frame));
            while let Some(output) = call.poll_output() {
                black_box(output);
            }
            black_box(call.poll_timeout())
        });
    });
}

/// Voice-like sound: a pitch and some harmonics, never the same frame twice in a row.
fn murmur(frame: u64) -> Vec<u8> {
    let sample = |n: u64| {
        let time = (frame * 160 + n) as f32 / 8000.0;
        let tone = |harmonic: f32| (time * 125.0 * harmonic * std::f32::consts::TAU).sin() / harmonic;
        let voice = tone(1.0) + tone(2.0) + tone(4.0) + tone(7.0) + tone(11.0);
        g711::ulaw_encode((voice * 5000.0) as i16)
    };
    (0..160).map(sample).collect()
}

criterion_group!(benches, media_frame);
criterion_main!(benches);
