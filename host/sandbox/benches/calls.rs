//! What a call into a capability costs, beside the bare runtime on the same bytes.
//!
//! Run with `cargo xtask bench`. Figures and machine are in ARCHITECTURE.md.

#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark stops where it cannot measure")]

use std::hint::black_box;
use std::path::{Path, PathBuf};

use criterion::{Criterion, criterion_group, criterion_main};
use sandbox::platform::webhook_verification::{Request, Scheme, TwilioKeys};
use sandbox::{Capabilities, CapabilityPaths, HotEngine};
use wasmtime::component::{Component, Linker};

fn components() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/components")
}

fn capability_calls(criterion: &mut Criterion) {
    let engine = HotEngine::new().unwrap();
    let capabilities = Capabilities::load(&engine, &CapabilityPaths::new(components())).unwrap();
    let mut group = criterion.benchmark_group("capability");
    // The shortest way through a component: no words, so an embedding of zeros.
    group.bench_function("sentiment of nothing", |b| {
        b.iter(|| capabilities.assess_sentiment(black_box(""), &[]).unwrap());
    });
    group.bench_function("embedding of nothing", |b| b.iter(|| capabilities.embed(black_box("")).unwrap()));
    let sentence = "I am really not happy, I have been waiting for two weeks and nobody called me back.";
    group.bench_function("sentiment of a sentence", |b| {
        b.iter(|| capabilities.assess_sentiment(black_box(sentence), &[-0.2, -0.4]).unwrap());
    });
    group.bench_function("embedding of a sentence", |b| {
        b.iter(|| capabilities.embed(black_box(sentence)).unwrap());
    });
    let request = webhook();
    let scheme = Scheme::Twilio(TwilioKeys { auth_tokens: vec!["0123456789abcdef0123456789abcdef".into()] });
    group.bench_function("signature of a voice webhook", |b| {
        b.iter(|| capabilities.verify_webhook(black_box(&request), &scheme).unwrap());
    });
    group.finish();
}

/// The same bytes and the same call without any of ours: no pool of instances, no
/// deadline, no limits.
fn bare_runtime(criterion: &mut Criterion) {
    let mut config = wasmtime::Config::new();
    config.concurrency_support(false);
    let engine = wasmtime::Engine::new(&config).unwrap();
    let component = Component::from_file(&engine, components().join("memory.wasm")).unwrap();
    let mut linker = Linker::new(&engine);
    linker.define_unknown_imports_as_traps(&component).unwrap();
    let mut store = wasmtime::Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &component).unwrap();
    let memory = instance.get_export_index(&mut store, None, "voicehive:platform/memory@0.1.0").unwrap();
    let embed = instance.get_export_index(&mut store, Some(&memory), "embed").unwrap();
    let embed = instance.get_typed_func::<(&str,), (Vec<f32>,)>(&mut store, embed).unwrap();
    criterion.bench_function("bare wasmtime/embedding of nothing", |b| {
        b.iter(|| embed.call(&mut store, (black_box(""),)).unwrap());
    });
}

fn webhook() -> Request {
    let fields = [
        "AccountSid=AC00000000000000000000000000000000",
        "ApiVersion=2010-04-01",
        "CallSid=CA00000000000000000000000000000000",
        "CallStatus=ringing",
        "Called=%2B34910000000",
        "Caller=%2B34600000000",
        "Direction=inbound",
        "From=%2B34600000000",
        "To=%2B34910000000",
    ];
    Request {
        method: "POST".into(),
        url: "https://voice.example.com/webhooks/twilio/voice".into(),
        headers: vec![
            ("Content-Type".into(), "application/x-www-form-urlencoded".into()),
            // Well formed and wrong, so that every candidate is tried: the longest way.
            ("X-Twilio-Signature".into(), "RSOYDt4T1cUTdK1PDd93/VVr8B8=".into()),
        ],
        body: fields.join("&").into_bytes(),
    }
}

criterion_group!(benches, bare_runtime, capability_calls);
criterion_main!(benches);
