//! How components become tools, and become them again.
#![cfg(test)]

mod common;

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use common::{ADMISSION, compiler};
use sandbox::{Admission, Code, Compiler, Definition, GATE_VERSION, HotEngine, Tier};
use sha2::{Digest as _, Sha256};

/// A tool of the world as it was released first.
const TOOL: &str = include_str!("golden/0.1.0.wat");

fn tool() -> Vec<u8> {
    wat::parse_str(TOOL).unwrap()
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What admits with a cache, and cannot compile where `compiler` is none.
fn caching(folder: &Path, compiler: Compiler) -> Admission {
    Admission::new(&HotEngine::new().unwrap().with_cache(folder), compiler)
}

fn no_compiler() -> Compiler {
    Compiler::new("/nonexistent", [""; 0])
}

#[test]
fn an_admitted_tool_is_described_and_measured() {
    let admitted = ADMISSION.admit(&tool(), Tier::Standard).unwrap();
    assert_eq!(admitted.tool.digest(), digest(&tool()));
    assert_eq!(admitted.report.digest, digest(&tool()));
    assert_eq!(admitted.tool.definition().name, "golden");
    let measured = admitted.measured;
    assert!(measured.compile.is_some() && measured.artefact_bytes > 1_000);
    // Two pages from the start.
    assert!((2 << 16..=Tier::Standard.tool().memory_bytes).contains(&measured.describe_memory_bytes));
}

#[test]
fn what_was_compiled_once_is_not_compiled_again() {
    let folder = tempfile::tempdir().unwrap();
    let first = caching(folder.path(), compiler()).admit(&tool(), Tier::Standard).unwrap();
    assert!(first.measured.compile.is_some());
    let again = caching(folder.path(), no_compiler());
    let second = again.admit(&tool(), Tier::Standard).unwrap();
    assert!(second.measured.compile.is_none());
    assert_eq!(second.measured.artefact_bytes, first.measured.artefact_bytes);
    let reloaded = again.reload(&tool(), &digest(&tool()), Tier::Standard).unwrap();
    assert_eq!(reloaded.definition(), first.tool.definition());
}

#[test]
fn what_is_known_and_compiled_is_not_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let admission = caching(folder.path(), compiler());
    let asked = admission.admit(&tool(), Tier::Standard).unwrap().tool.definition().clone();
    let known = Definition { description: "As it was stored.".into(), ..asked.clone() };
    let reload = |known: &Definition| {
        admission.reload_as(&tool(), &digest(&tool()), Tier::Standard, known.clone()).unwrap()
    };
    let reloaded = reload(&known);
    assert_eq!((reloaded.definition(), reloaded.digest()), (&known, digest(&tool()).as_str()));
    // What has to be compiled again is admitted again, and so says for itself what it is.
    admission.forget(&digest(&tool()));
    assert_eq!(reload(&known).definition(), &asked);
    let refusal = admission.reload_as(&tool(), &digest(b""), Tier::Standard, known).err().unwrap();
    assert_eq!(refusal.code, Code::DigestMismatch);
}

#[test]
fn a_tool_tells_whether_others_hold_copies_of_the_same_holders() {
    let tool = ADMISSION.admit(&tool(), Tier::Standard).unwrap().tool;
    assert!(!tool.is_held_elsewhere());
    let (copy, others) = (tool.clone(), tool.for_holder());
    assert!(tool.is_held_elsewhere() && copy.is_held_elsewhere() && !others.is_held_elsewhere());
    assert_eq!((others.digest(), others.definition()), (tool.digest(), tool.definition()));
    drop(copy);
    assert!(!tool.is_held_elsewhere());
}

#[test]
fn a_compiled_tool_is_weighed_before_it_is_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let admission = caching(folder.path(), compiler());
    assert_eq!(admission.compiled_bytes(&digest(&tool())), None);
    let tool_of_it = admission.admit(&tool(), Tier::Standard).unwrap().tool;
    assert_eq!(admission.compiled_bytes(&digest(&tool())), Some(tool_of_it.image_bytes()));
    admission.forget(&digest(&tool()));
    assert_eq!(admission.compiled_bytes(&digest(&tool())), None);
}

#[test]
fn a_compiled_tool_counts_as_used_when_it_is_noted_to_be() {
    let folder = tempfile::tempdir().unwrap();
    let admission = caching(folder.path(), compiler());
    let noted = SystemTime::UNIX_EPOCH + Duration::from_secs(5);
    admission.note_use(&digest(&tool()), noted).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    admission.admit(&tool(), Tier::Standard).unwrap();
    admission.note_use(&digest(&tool()), noted).unwrap();
    let entry = fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap();
    assert_eq!(entry.metadata().unwrap().modified().unwrap(), noted);
}

#[test]
fn a_damaged_or_forgotten_artefact_is_compiled_again() {
    let folder = tempfile::tempdir().unwrap();
    let admission = caching(folder.path(), compiler());
    admission.admit(&tool(), Tier::Standard).unwrap();
    let entry = fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
    let mut content = fs::read(&entry).unwrap();
    *content.last_mut().unwrap() ^= 1;
    fs::write(&entry, content).unwrap();
    let without = caching(folder.path(), no_compiler());
    let refusal = without.reload(&tool(), &digest(&tool()), Tier::Standard).err().unwrap();
    assert_eq!(refusal.code, Code::CompilerUnavailable);
    assert!(admission.reload(&tool(), &digest(&tool()), Tier::Standard).is_ok());
    assert!(without.reload(&tool(), &digest(&tool()), Tier::Standard).is_ok());
    admission.forget(&digest(&tool()));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn other_bytes_than_those_of_the_digest_are_never_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let admission = caching(folder.path(), compiler());
    admission.admit(&tool(), Tier::Standard).unwrap();
    let mut other = tool();
    *other.last_mut().unwrap() ^= 1;
    for (bytes, known_as) in [(other, digest(&tool())), (tool(), digest(b"")), (tool(), String::new())] {
        let refusal = admission.reload(&bytes, &known_as, Tier::Standard).err().unwrap();
        assert_eq!(refusal.code, Code::DigestMismatch);
        assert!(refusal.code.is_platform_fault());
    }
}

#[test]
fn an_engine_that_counts_fuel_has_artefacts_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let (plain, metered) = (HotEngine::new().unwrap(), HotEngine::metered().unwrap());
    assert_ne!(plain.compatibility(), metered.compatibility());
    caching(folder.path(), compiler()).admit(&tool(), Tier::Standard).unwrap();
    let admission = Admission::new(&metered.with_cache(folder.path()), compiler());
    let admitted = admission.admit(&tool(), Tier::Standard).unwrap();
    assert!(admitted.measured.compile.is_some());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn what_the_gate_refuses_is_never_compiled() {
    let admission = Admission::new(&HotEngine::new().unwrap(), no_compiler());
    for (text, code) in [
        ("(component)", Code::ExportMissing),
        ("(module)", Code::CoreModule),
        ("(component (core module (memory i64 1)))", Code::FeatureOff),
    ] {
        let refusal = admission.admit(&wat::parse_str(text).unwrap(), Tier::Large).err().unwrap();
        assert_eq!(refusal.code, code, "{text}");
    }
    let refusal = admission.admit(&tool(), Tier::Large).err().unwrap();
    assert_eq!(refusal.code, Code::CompilerUnavailable);
}

#[test]
fn a_definition_that_is_different_the_second_time_is_refused() {
    // The timeout depends on the time, which the platform moves between its two questions.
    let body = "(i32.store (i32.const 36) (i32.wrap_i64 (i64.shr_u (call $now) (i64.const 36))))";
    let unstable = changed("(func (export \"describe\") (result i32)", body);
    let refusal = ADMISSION.admit(&unstable, Tier::Standard).err().unwrap();
    assert_eq!(refusal.code, Code::DescribeUnstable, "{refusal}");
    assert!(refusal.item.contains("timeout-ms"), "{refusal}");
}

#[test]
fn a_definition_that_never_comes_is_refused() {
    for (body, why) in [("(loop $l (br $l))", "processor"), ("(unreachable)", "unreachable")] {
        let bytes = changed("(func (export \"describe\") (result i32)", body);
        let refusal = ADMISSION.admit(&bytes, Tier::Standard).err().unwrap();
        assert_eq!(refusal.code, Code::DescribeFailed, "{refusal}");
        assert!(refusal.item.contains(why), "{refusal}");
    }
}

/// The names of this process's threads and how far they give way, as `/proc/self/task/*/stat` has them.
#[cfg(target_os = "linux")]
fn threads() -> Vec<(String, i64)> {
    let read = |entry: std::io::Result<fs::DirEntry>| {
        // A thread may be gone by now.
        let stat = fs::read_to_string(entry.ok()?.path().join("stat")).ok()?;
        let (before, after) = stat.rsplit_once(')')?;
        let (_, name) = before.split_once('(')?;
        // The 19th field; the first after the name is the third.
        let niceness = after.split_whitespace().nth(16)?.parse().ok()?;
        Some((name.to_owned(), niceness))
    };
    fs::read_dir("/proc/self/task").unwrap().filter_map(read).collect()
}

#[test]
#[cfg(target_os = "linux")]
fn a_tool_describes_itself_on_a_thread_that_gives_way() {
    // It works until its processor time is over, so its thread is there for as long as that.
    let bytes = changed("(func (export \"describe\") (result i32)", "(loop $l (br $l))");
    let own = threads().iter().map(|(_, niceness)| *niceness).min().unwrap();
    std::thread::scope(|scope| {
        let admitting = scope.spawn(|| ADMISSION.admit(&bytes, Tier::Standard).err());
        let mut seen = Vec::new();
        while !admitting.is_finished() {
            seen.extend(threads().into_iter().filter(|(name, _)| name == "tool-admission"));
        }
        assert_eq!(admitting.join().unwrap().unwrap().code, Code::DescribeFailed);
        let lowest = seen.iter().map(|(_, niceness)| *niceness).max().expect("it has a thread of its own");
        assert!(lowest > own || own == 19, "{lowest} and {own}");
    });
}

#[test]
fn versions_name_the_rules_and_the_engine() {
    assert_eq!(GATE_VERSION.len(), 16);
    assert_eq!(HotEngine::new().unwrap().compatibility(), HotEngine::new().unwrap().compatibility());
    assert_eq!(HotEngine::new().unwrap().compatibility().len(), 64);
}

/// The tool with `body` at the start of the function that `signature` begins.
fn changed(signature: &str, body: &str) -> Vec<u8> {
    assert!(TOOL.contains(signature));
    wat::parse_str(TOOL.replace(signature, &format!("{signature} {body}"))).unwrap()
}
