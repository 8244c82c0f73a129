//! What the compiler's process may do, and that it does not outlive its use.
#![cfg(test)]
#![cfg(target_os = "linux")]

mod common;

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sandbox::{Admission, Code, CompileLimits, Compiler, HotEngine, Refusal, Tier};

/// The compiler's program.
const PROGRAM: &str = env!("CARGO_BIN_EXE_compile-component");

/// What it writes once it is jailed.
const JAILED: &str = "vhcomp01";

/// A component of the tool's world.
const TOOL: &str = include_str!("golden/0.1.0.wat");

/// A process that does not outlive the test.
struct Jailed(Child);

impl Drop for Jailed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Jailed {
    /// Starts the compiler with something open that it should not have, and waits until it is jailed; it then waits for
    /// its component.
    fn start() -> Self {
        let script = format!("exec 7</dev/null 9</; exec env -i {PROGRAM} 8 false 5 60 268435456 1000");
        let mut command = Command::new("/bin/sh");
        command.args(["-c", &script]).env_clear();
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut said = [0; JAILED.len()];
        child.stdout.as_mut().unwrap().read_exact(&mut said).unwrap();
        assert_eq!(said, JAILED.as_bytes());
        Self(child)
    }

    fn proc(&self, name: &str) -> String {
        format!("/proc/{}/{name}", self.0.id())
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.proc(name)).unwrap()
    }
}

#[test]
fn the_compiler_has_no_environment_no_files_and_no_way_to_more_rights() {
    let jailed = Jailed::start();
    assert_eq!(jailed.read("environ"), "");
    assert_eq!(fs::read_link(jailed.proc("cwd")).unwrap(), Path::new("/"));
    let mut open: Vec<_> =
        fs::read_dir(jailed.proc("fd")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    open.sort();
    assert_eq!(open, ["0", "1", "2"]);
    assert!(jailed.read("status").lines().any(|line| line.split_whitespace().eq(["NoNewPrivs:", "1"])));
}

#[test]
fn the_compiler_can_take_no_more_than_its_limits() {
    let jailed = Jailed::start();
    let limits = jailed.read("limits");
    let limit = |name: &str| {
        let line = limits.lines().find(|line| line.starts_with(name)).unwrap();
        line[name.len()..].split_whitespace().take(2).map(str::to_owned).collect::<Vec<_>>()
    };
    for (name, most) in [
        ("Max file size", "0"),
        ("Max core file size", "0"),
        ("Max processes", "0"),
        ("Max open files", "0"),
        ("Max address space", "268435456"),
    ] {
        assert_eq!(limit(name), [most, most], "{name}");
    }
    // At the first it is told to end, by a signal that means nothing else; at the second it is ended.
    assert_eq!(limit("Max cpu time"), ["5", "10"]);
    assert_eq!(jailed.read("oom_score_adj").trim(), "1000", "it goes first where memory ends");
}

#[test]
fn the_compiler_does_not_begin_with_an_environment() {
    let mut command = Command::new(PROGRAM);
    command.args(["0", "false", "5", "60", "268435456", "1000"]).env_clear().env("API_KEY", "x");
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.stdout.is_empty());
    assert!(String::from_utf8(output.stderr).unwrap().contains("environment"));
    assert_eq!(output.status.code(), Some(71));
}

#[test]
fn the_compiler_ends_with_the_program_that_started_it() {
    // The shell starts the compiler and says which process that is; both write to the same pipe.
    let script = format!("exec 3<&0; env -i {PROGRAM} 8 false 5 60 268435456 1000 <&3 & echo $!; wait");
    let mut command = Command::new("/bin/sh");
    let mut shell =
        command.args(["-c", &script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut said, mut output) = (String::new(), shell.stdout.take().unwrap());
    while !(said.contains(JAILED) && said.contains('\n')) {
        let mut byte = [0];
        output.read_exact(&mut byte).unwrap();
        said.push(byte[0].into());
    }
    let status = format!("/proc/{}/status", said.replace(JAILED, "").trim());
    assert!(fs::read_to_string(&status).unwrap().contains("compile-compone"));
    shell.kill().unwrap();
    shell.wait().unwrap();
    // Whoever inherits it may not have waited for it yet.
    let is_gone = |text: String| text.contains("(zombie)") || text.contains("(dead)");
    let deadline = Instant::now() + Duration::from_secs(60);
    while fs::read_to_string(&status).is_ok_and(|text| !is_gone(text)) {
        assert!(Instant::now() < deadline, "it goes on without a parent");
        std::thread::yield_now();
    }
}

#[test]
fn a_compiler_that_is_not_done_in_time_is_gone_and_that_is_no_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let (refusal, process) = with_script("while :; do :; done", folder.path());
    assert_eq!(refusal.code, Code::CompilerUnavailable, "{refusal}");
    assert!(!Path::new(&format!("/proc/{process}")).exists());
}

#[test]
fn a_component_whose_result_is_too_large_is_refused_and_its_process_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let (refusal, process) = with_script("while :; do echo 0123456789abcdef; done", folder.path());
    assert_eq!(refusal.code, Code::CompileTooCostly, "{refusal}");
    assert!(!Path::new(&format!("/proc/{process}")).exists());
}

#[test]
fn a_process_that_neither_reads_nor_stops_talking_does_not_hold_anyone_up() {
    let folder = tempfile::tempdir().unwrap();
    let (refusal, process) = with_script("exec <&-; while :; do echo no >&2; done", folder.path());
    assert_eq!(refusal.code, Code::CompilerUnavailable, "{refusal}");
    assert!(refusal.to_string().len() < 1_000);
    assert!(!Path::new(&format!("/proc/{process}")).exists());
}

#[test]
fn what_is_no_compiler_is_the_platforms_fault() {
    let folder = tempfile::tempdir().unwrap();
    for script in ["exit 0", "exit 3", "echo vhcomp00; cat", "printf vhcomp01"] {
        let (refusal, _) = with_script(script, folder.path());
        assert_eq!(refusal.code, Code::CompilerUnavailable, "{script}: {refusal}");
        assert!(refusal.code.is_platform_fault());
    }
    let absent = admit_with(Compiler::new("/nonexistent", [""; 0]));
    assert_eq!(absent.code, Code::CompilerUnavailable);
}

#[test]
fn a_compiler_that_the_system_ends_is_no_verdict_unless_it_is_at_a_limit() {
    let folder = tempfile::tempdir().unwrap();
    for (signal, code) in [
        ("KILL", Code::CompilerUnavailable),
        ("TERM", Code::CompilerUnavailable),
        ("XCPU", Code::CompileTooCostly),
        ("ABRT", Code::CompileTooCostly),
    ] {
        let (refusal, _) = with_script(&format!("printf vhcomp01; kill -{signal} $$"), folder.path());
        assert_eq!(refusal.code, code, "{signal}: {refusal}");
    }
}

#[test]
fn a_compiler_that_breaks_refuses_the_component() {
    let folder = tempfile::tempdir().unwrap();
    let (refusal, _) = with_script("printf vhcomp01; kill -SEGV $$", folder.path());
    assert_eq!(refusal.code, Code::CompileFailed, "{refusal}");
    let (refusal, _) = with_script("printf vhcomp01; echo it is odd >&2; exit 65", folder.path());
    assert_eq!(refusal.code, Code::CompileFailed);
    assert!(refusal.item.contains("it is odd"));
}

#[test]
fn memory_and_processor_time_are_bounded() {
    // Less than the program itself has, so that the next allocation fails.
    let memory = limits(Duration::from_secs(60), 16 << 20);
    let refusal = admit_with(common::compiler().with_limits(memory));
    assert_eq!(refusal.code, Code::CompileTooCostly, "{refusal}");
    // A function of every size that the gate lets through, until the compiler has worked for a second.
    let function = format!(
        "(func (param i32) (result i32) (local.get 0) {})",
        "(i32.add (i32.popcnt (i32.const 7)))".repeat(12_000)
    );
    let source =
        TOOL.replacen("(core module", &format!("(core module {}) (core module", function.repeat(40)), 1);
    let bytes = wat::parse_str(source).unwrap();
    let processor = CompileLimits { cpu: Duration::from_secs(1), ..Tier::Standard.compile() };
    let admission = Admission::new(&HotEngine::new().unwrap(), common::compiler().with_limits(processor));
    let refusal = admission.admit(&bytes, Tier::Standard).err().unwrap();
    assert_eq!(refusal.code, Code::CompileTooCostly, "{refusal}");
}

fn limits(wall: Duration, memory_bytes: u64) -> CompileLimits {
    CompileLimits { wall, memory_bytes, artefact_bytes: 100_000, ..Tier::Standard.compile() }
}

fn admit_with(compiler: Compiler) -> Refusal {
    let admission = Admission::new(&HotEngine::new().unwrap(), compiler);
    admission.admit(&wat::parse_str(TOOL).unwrap(), Tier::Standard).err().unwrap()
}

/// The refusal where `script` stands in for the compiler for half a second, and the process that it ran in.
fn with_script(script: &str, folder: &Path) -> (Refusal, String) {
    let note = folder.join("process");
    let script = format!("echo $$ >{}; {script}", note.display());
    let compiler = Compiler::new("/bin/sh", ["-c", &script]);
    let refusal = admit_with(compiler.with_limits(limits(Duration::from_millis(500), 1 << 30)));
    (refusal, fs::read_to_string(&note).unwrap().trim().to_owned())
}
