//! What tools cost: admitting one, keeping it loaded, and calling it in a fresh instance, beside the bare runtime on
//! the same bytes.
//!
//! `cargo bench -p sandbox --bench tools`, after `cargo xtask build`. Of the built-in tools, and of every `NAME.wasm`
//! in the folder that `VOICEHIVE_BENCH_TOOLS` names, called with the arguments in `NAME.json` beside it. Figures and
//! machine are in ARCHITECTURE.md.

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

mod bare;
mod common;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use common::{compiler, context, no_records};
use sandbox::{Admission, HotEngine, Tier, Tool};

/// Copies of a tool whose memory is measured.
const COPIES: usize = 20;

fn main() {
    // Under `cargo test --benches` it only shows that it works.
    let full = std::env::args().any(|word| word == "--bench");
    let calls = if full { 5000 } else { 3 };
    let cache = tempfile::tempdir().unwrap();
    let engine = HotEngine::new().unwrap().with_cache(cache.path());
    let admission = Admission::new(&engine, compiler());
    println!(
        "{:16} {:>9} {:>8} {:>9} {:>8} {:>9} {:>9} {:>9} {:>9} {:>6} {:>9} {:>8}",
        "tool",
        "bytes",
        "gate",
        "admitted",
        "reload",
        "call p50",
        "p99",
        "bare p50",
        "p99",
        "ratio",
        "loaded",
        "per GB"
    );
    for subject in subjects() {
        measure(&admission, &subject, calls);
    }
}

struct Subject {
    name: String,
    bytes: Vec<u8>,
    arguments: String,
}

fn subjects() -> Vec<Subject> {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/components");
    let mut subjects: Vec<Subject> = [
        ("notifications", r#"{"to":"staff","text":"Call back"}"#),
        ("leads", r#"{"interest":"solar panels"}"#),
    ]
    .into_iter()
    .filter_map(|(name, arguments)| {
        let bytes = std::fs::read(built.join(name).with_extension("wasm")).ok()?;
        Some(Subject { name: name.into(), bytes, arguments: arguments.into() })
    })
    .collect();
    if let Some(folder) = std::env::var_os("VOICEHIVE_BENCH_TOOLS") {
        subjects.extend(others(&PathBuf::from(folder)));
    }
    if subjects.is_empty() {
        println!("there is nothing to measure: run `cargo xtask build` first");
    }
    subjects
}

fn others(folder: &Path) -> Vec<Subject> {
    let files = std::fs::read_dir(folder).expect("the folder can be read").filter_map(Result::ok);
    let mut paths: Vec<PathBuf> = files.map(|file| file.path()).collect();
    paths.sort();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "wasm"));
    paths
        .iter()
        .map(|path| Subject {
            name: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            bytes: std::fs::read(path).expect("a component"),
            arguments: std::fs::read_to_string(path.with_extension("json")).unwrap_or_else(|_| "{}".into()),
        })
        .collect()
}

fn measure(admission: &Admission, subject: &Subject, calls: usize) {
    let Subject { name, bytes, arguments } = subject;
    let fits = gate::check(bytes, &Tier::Standard.gate()).is_ok();
    let tier = if fits { Tier::Standard } else { Tier::Large };
    let gate =
        timed(|| gate::check(bytes, &tier.gate()).map(drop).unwrap_or_else(|refusal| panic!("{refusal}")));
    let mut admitted = None;
    let whole =
        timed(|| admitted = Some(admission.admit(bytes, tier).unwrap_or_else(|refusal| panic!("{refusal}"))));
    let tool = admitted.expect("just admitted").tool;
    // An interpreter takes milliseconds to start, so fewer calls tell as much.
    let first = timed(|| call(&tool, arguments));
    let calls = if first > Duration::from_millis(5) { calls.div_ceil(20) } else { calls };
    let bare = bare::Tool::new(bytes);
    // By turns, so that both meet the same machine.
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..calls {
        ours.push(timed(|| call(&tool, arguments)));
        theirs.push(timed(|| bare.call(arguments)));
    }
    ours.sort_unstable();
    theirs.sort_unstable();
    let before = resident_bytes();
    let mut copies = Vec::new();
    let reload =
        timed(|| copies.push(admission.reload(bytes, tool.digest(), tier).expect("it was admitted")));
    copies
        .extend((1..COPIES).map(|_| admission.reload(bytes, tool.digest(), tier).expect("it was admitted")));
    copies.iter().for_each(|copy| call(copy, arguments));
    let loaded = resident_bytes().saturating_sub(before) / COPIES;
    let (ours_p50, theirs_p50) = (at(&ours, 0.5), at(&theirs, 0.5));
    println!(
        "{name:16} {:>9} {:>8} {:>9} {:>8} {:>9} {:>9} {:>9} {:>9} {:>6.2} {:>9} {:>8}",
        bytes.len(),
        shown(gate),
        shown(whole),
        shown(reload),
        shown(ours_p50),
        shown(at(&ours, 0.99)),
        shown(theirs_p50),
        shown(at(&theirs, 0.99)),
        ours_p50.as_secs_f64() / theirs_p50.as_secs_f64(),
        format!("{} KiB", loaded >> 10),
        (1 << 30) / loaded.max(1),
    );
}

fn call(tool: &Tool, arguments: &str) {
    let finished = tool.call(&context("t"), arguments, no_records(), Duration::from_secs(30));
    assert!(finished.outcome.is_ok(), "{:?}", finished.outcome);
}

fn timed(act: impl FnOnce()) -> Duration {
    let began = Instant::now();
    act();
    began.elapsed()
}

fn at(sorted: &[Duration], share: f64) -> Duration {
    sorted[((sorted.len() - 1) as f64 * share) as usize]
}

fn shown(time: Duration) -> String {
    match time {
        time if time < Duration::from_millis(1) => format!("{:.1} us", time.as_secs_f64() * 1e6),
        time => format!("{:.1} ms", time.as_secs_f64() * 1e3),
    }
}

/// What this process has in memory.
fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line for it");
    let kibibytes: usize = line.trim().trim_end_matches("kB").trim().parse().expect("a number");
    kibibytes << 10
}
