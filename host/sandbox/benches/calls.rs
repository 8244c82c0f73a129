//! What a call into a component costs, beside the bare runtime on the same bytes.
//!
//! Run with `cargo xtask bench`. Figures and machine are in ARCHITECTURE.md.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark stops where it cannot measure"
)]

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use sandbox::platform::webhook_verification::{Request, Scheme, TwilioKeys};
use sandbox::{
    Admission, Capabilities, CapabilityPaths, Compiler, Context, HotEngine, HttpError, HttpRequest, HttpSent,
    Level, Record, RecordError, Tier, ToolHost,
};
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

fn tool_calls(criterion: &mut Criterion) {
    let engine = HotEngine::new().unwrap();
    let compiler = Compiler::new(env!("CARGO_BIN_EXE_compile-component"), [""; 0]);
    let admission = Admission::new(&engine, compiler);
    let mut group = criterion.benchmark_group("tool, fresh instance");
    for name in ["notifications", "leads"] {
        let bytes =
            std::fs::read(components().join(format!("{name}.wasm"))).expect("run `cargo xtask build` first");
        let tool = admission.admit(&bytes, Tier::Standard).unwrap().tool;
        let host: Arc<dyn ToolHost> = Arc::new(Empty);
        let arguments = match name {
            "leads" => r#"{"interest":"solar panels"}"#,
            _ => r#"{"to":"staff","text":"Call back"}"#,
        };
        group.bench_function(name, |b| {
            b.iter(|| {
                tool.call(&context(), black_box(arguments), host.clone(), Duration::from_secs(1))
                    .outcome
                    .unwrap()
            });
        });
    }
    group.finish();
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

fn context() -> Context {
    Context {
        tenant: "t".into(),
        call_id: "c".into(),
        caller: "+34600000000".into(),
        idempotency_key: "0123456789abcdef".into(),
        time_zone: "UTC".into(),
        confirmed: false,
        now_ms: 1_795_158_000_000,
    }
}

/// Records that are always empty and take everything.
struct Empty;

impl ToolHost for Empty {
    fn get(&self, _: &str) -> Result<Option<Record>, RecordError> {
        Ok(None)
    }
    fn insert(&self, _: &str, _: &[u8]) -> Result<u64, RecordError> {
        Ok(1)
    }
    fn replace(&self, _: &str, _: &[u8], version: u64) -> Result<u64, RecordError> {
        Ok(version + 1)
    }
    fn remove(&self, _: &str, _: u64) -> Result<(), RecordError> {
        Ok(())
    }
    fn list(&self, _: &str, _: Option<&str>, _: u32) -> Result<Vec<Record>, RecordError> {
        Ok(Vec::new())
    }
    fn send(&self, _: HttpRequest, _: Duration) -> HttpSent {
        HttpSent::nothing(HttpError::Denied("no network".into()))
    }
    fn secret(&self, _: &str) -> Option<String> {
        None
    }
    fn log(&self, _: Level, _: &str) {}
}

criterion_group!(benches, bare_runtime, capability_calls, tool_calls);
criterion_main!(benches);
