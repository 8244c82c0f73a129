//! Cost of one 20 ms frame of caller audio: companding, resampling, voice activity, keypad tones.
#![allow(missing_docs, reason = "criterion's macros define public items")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};

use audio::{FRAME_SAMPLES, dtmf, g711, level, resample, vad};

fn frame(criterion: &mut Criterion) {
    let linear: Vec<i16> = (0..FRAME_SAMPLES)
        .map(|n| (9_000.0 * (0.3 * n as f64).sin() + 700.0 * (1.9 * n as f64).cos()) as i16)
        .collect();
    let mut coded = Vec::new();
    g711::ulaw_encode_into(&linear, &mut coded);
    let mut samples = Vec::with_capacity(4 * FRAME_SAMPLES);
    let mut bytes = Vec::with_capacity(FRAME_SAMPLES);

    criterion.bench_function("ulaw_decode", |bench| {
        bench.iter(|| {
            samples.clear();
            g711::ulaw_decode_into(black_box(&coded), &mut samples);
            black_box(samples.len())
        })
    });
    criterion.bench_function("ulaw_encode", |bench| {
        bench.iter(|| {
            bytes.clear();
            g711::ulaw_encode_into(black_box(&linear), &mut bytes);
            black_box(bytes.len())
        })
    });
    let mut doubler = resample::Doubler::new();
    criterion.bench_function("double_8k_to_16k", |bench| {
        bench.iter(|| {
            samples.clear();
            doubler.process(black_box(&linear), &mut samples);
            black_box(samples.len())
        })
    });
    let wide: Vec<i16> = linear.iter().flat_map(|sample| [*sample; 3]).collect();
    let mut third = resample::third();
    criterion.bench_function("third_24k_to_8k", |bench| {
        bench.iter(|| {
            samples.clear();
            third.process(black_box(&wide), &mut samples);
            black_box(samples.len())
        })
    });
    criterion.bench_function("level", |bench| bench.iter(|| level::dbfs(black_box(&linear))));
    let mut detector = dtmf::Detector::new();
    criterion.bench_function("dtmf", |bench| {
        bench.iter(|| {
            detector.push(black_box(&linear), |digit| {
                black_box(digit);
            })
        })
    });
    let mut voice = vad::Vad::new();
    criterion.bench_function("vad", |bench| bench.iter(|| voice.push(black_box(&linear))));
    let mut idle = vad::Vad::new();
    criterion.bench_function("vad_on_a_quiet_line", |bench| {
        bench.iter(|| idle.push(black_box(&[0; FRAME_SAMPLES])))
    });
    criterion.bench_function("decode_and_vad", |bench| {
        bench.iter(|| {
            samples.clear();
            g711::ulaw_decode_into(black_box(&coded), &mut samples);
            voice.push(&samples)
        })
    });
}

criterion_group!(benches, frame);
criterion_main!(benches);
