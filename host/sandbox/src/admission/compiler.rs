//! Compiling tenants' components in a process that can be lost.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::time::{Duration, Instant};

use gate::{Code, Refusal};
use sha2::{Digest as _, Sha256};

use super::child::{COMPATIBILITY_BYTES, DIGEST_BYTES, JAILED, NOT_COMPILED, NOT_DONE, Order};
use super::exchange::{Ended, Written, run};
use super::jail::Confined;
use super::slots::Slots;
use super::tier::CompileLimits;
use crate::engine::HotEngine;

/// How many components are compiled at once, by all who share a [`Compiler`]. Each may take its tier's memory.
const MAX_AT_ONCE: usize = 3;

/// How many of these places are not for uploads, however many there are: a call may wait for a tool that has to be compiled
/// again.
const FOR_LOADS: usize = 1;

/// How long a component waits for others to be compiled.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// What compiles, in a process of its own for each component: a program whose body is [`compile_child`]. Clones share
/// the bound on how many run at once.
///
/// The process has no environment and no children, opens no file and no socket, and reaches them in no other way as far
/// as the system can forbid it ([`confined`]); its processor time, memory and output are bounded; and it is ended when its
/// time is over, and when whoever waits for it is gone.
///
/// That bounds what compiling can take and reach. What it returns is code, and trusted as the compiler is: a component that
/// could make the compiler write other code than it says would run it here. The digest and the engine's compatibility
/// that come with it show damage and mistakes, not malice.
///
/// [`compile_child`]: super::compile_child
/// [`confined`]: super::confined
#[derive(Clone, Debug)]
pub struct Compiler {
    program: PathBuf,
    arguments: Vec<OsString>,
    limits: Option<CompileLimits>,
    slots: Arc<Slots>,
}

impl Compiler {
    /// The first argument by which the running program knows that it is to be the compiler.
    pub const COMMAND: &str = "compile-component";

    /// `program`, called with `arguments` and, after them, what it is to do.
    pub fn new<A: Into<OsString>>(
        program: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        Self {
            program: program.into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
            limits: None,
            slots: Arc::new(Slots::new(MAX_AT_ONCE)),
        }
    }

    /// The running program, called with [`Compiler::COMMAND`].
    pub fn this_program() -> Self {
        // By this name Linux finds the program also where its file has been replaced meanwhile, by a newer version with
        // another compiler.
        let program = if cfg!(target_os = "linux") { Some("/proc/self/exe".into()) } else { None };
        let program = program.or_else(|| std::env::current_exe().ok()).unwrap_or_default();
        if super::confined() == Confined::ByLimits {
            tracing::warn!(
                "this kernel has no Landlock: only limits keep the compiler of tenants' tools from files and network"
            );
        }
        Self::new(program, [Self::COMMAND])
    }

    /// Holds every component to `limits` instead of its tier's.
    #[must_use]
    pub fn with_limits(mut self, limits: CompileLimits) -> Self {
        self.limits = Some(limits);
        self
    }

    /// Compiles `wasm` for `engine`. The gate must have let it through. `is_load` where it was admitted before.
    pub(super) fn compile(
        &self,
        engine: &HotEngine,
        wasm: &[u8],
        limits: CompileLimits,
        is_load: bool,
    ) -> Result<Vec<u8>, Refusal> {
        let limits = self.limits.unwrap_or(limits);
        let order = Order { input_bytes: wasm.len(), metered: engine.is_metered(), limits };
        let left_free = if is_load { 0 } else { FOR_LOADS };
        let Some(_slot) = self.slots.take(MAX_WAIT, left_free) else {
            return Err(unavailable("others' components keep it busy", format_args!("for {MAX_WAIT:?}")));
        };
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).args(order.words()).env_clear().current_dir("/");
        let most = JAILED.len() + COMPATIBILITY_BYTES + DIGEST_BYTES + limits.artefact_bytes;
        match run(&mut command, wasm, most, Instant::now() + limits.wall) {
            Ok(written) => artefact(written, &engine.compatibility(), &limits),
            // It never waits for anything, so it was kept waiting: else it had come to the end of its processor time first.
            Err(Ended::Late) => {
                Err(unavailable("the machine is too busy", format_args!("not done in {:?}", limits.wall)))
            }
            Err(Ended::TooMuch) => {
                Err(too_costly(format!("the result has more than {} bytes", limits.artefact_bytes)))
            }
            Err(Ended::Broken(error)) => Err(unavailable("its process cannot be run", error)),
        }
    }
}

/// The artefact, if the process wrote one, whole and for this engine.
fn artefact(written: Written, compatibility: &str, limits: &CompileLimits) -> Result<Vec<u8>, Refusal> {
    if !written.status.success() {
        return Err(failed(&written, limits));
    }
    let mut head = written.output;
    let artefact = head.split_off((JAILED.len() + COMPATIBILITY_BYTES + DIGEST_BYTES).min(head.len()));
    let whole = head
        .strip_prefix(JAILED)
        .and_then(|rest| rest.split_at_checked(COMPATIBILITY_BYTES))
        .filter(|(_, digest)| Sha256::digest(&artefact).as_slice() == *digest);
    match whole {
        Some((made_for, _)) if made_for == compatibility.as_bytes() => Ok(artefact),
        Some(_) => Err(unavailable("it compiles for another engine than this", "the programs differ")),
        None => Err(unavailable("what it wrote is damaged", "is the program a compiler?")),
    }
}

fn failed(written: &Written, limits: &CompileLimits) -> Refusal {
    // What a process that ended badly wrote of its reasons is for the operator; it may hold pieces of the component.
    tracing::warn!(status = %written.status, error = written.error, "a component was not compiled");
    if written.status.code() == Some(NOT_COMPILED.into()) {
        let mend = "build it with the platform's tools and without experimental features";
        return Refusal::new(Code::CompileFailed, format!("the compiler says: {}", written.error), mend);
    }
    if !written.output.starts_with(JAILED) {
        return unavailable("its process did not begin", written.status);
    }
    match cause(written.status) {
        Cause::Limit => {
            let (cpu, memory) = (limits.cpu, limits.memory_bytes >> 20);
            too_costly(format!("it takes more than {cpu:?} of processor time, or {memory} MiB of memory"))
        }
        Cause::Platform => unavailable("its process was ended", written.status),
        Cause::Breaking => {
            let mend = "build it in another way: with another optimisation level, or in smaller functions";
            Refusal::new(Code::CompileFailed, format!("the compiler broke ({})", written.status), mend)
        }
    }
}

/// Why a process that was jailed ended without an artefact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// Its own limits: the component is at fault.
    Limit,
    /// The compiler broke at the component.
    Breaking,
    /// Something that has nothing to do with the component.
    Platform,
}

/// Which it was. At the limit on processor time `SIGXCPU` comes seconds before `SIGKILL`, and ends the process: nothing in
/// it handles signals. Without address space a Rust program aborts. So `SIGKILL` is what a machine without memory sends, or
/// whoever stops the platform, as are the signals that ask a process to end; of these none says anything of the component.
fn cause(status: ExitStatus) -> Cause {
    use rustix::process::Signal;
    const LIMITS: [Signal; 2] = [Signal::XCPU, Signal::ABORT];
    const FROM_OUTSIDE: [Signal; 5] = [Signal::KILL, Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT];
    let ended_by = |signals: &[Signal]| {
        status.signal().is_some_and(|number| signals.iter().any(|signal| signal.as_raw() == number))
    };
    if ended_by(&LIMITS) {
        Cause::Limit
    } else if ended_by(&FROM_OUTSIDE) || status.code() == Some(NOT_DONE.into()) {
        Cause::Platform
    } else {
        Cause::Breaking
    }
}

fn too_costly(why: String) -> Refusal {
    let mend = "make it smaller: optimise for size, and split functions that are very large";
    Refusal::new(Code::CompileTooCostly, format!("compiling it: {why}"), mend)
}

fn unavailable(what: &str, why: impl std::fmt::Display) -> Refusal {
    tracing::error!(what, %why, "the compiler of tenants' components is not available");
    let item = format!("the platform's compiler: {what} ({why})");
    Refusal::new(Code::CompilerUnavailable, item, "nothing is wrong with the component; try again later")
}

#[cfg(test)]
mod tests {
    use rustix::process::Signal;

    use super::*;

    fn signalled(signal: Signal) -> ExitStatus {
        ExitStatus::from_raw(signal.as_raw())
    }

    fn exited(code: u8) -> ExitStatus {
        ExitStatus::from_raw(i32::from(code) << 8)
    }

    #[test]
    fn only_its_own_limits_and_its_own_breaking_are_the_components_fault() {
        for signal in [Signal::XCPU, Signal::ABORT] {
            assert_eq!(cause(signalled(signal)), Cause::Limit, "{signal:?}");
        }
        for signal in [Signal::KILL, Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT] {
            assert_eq!(cause(signalled(signal)), Cause::Platform, "{signal:?}");
        }
        for signal in [Signal::SEGV, Signal::BUS, Signal::ILL, Signal::FPE, Signal::TRAP] {
            assert_eq!(cause(signalled(signal)), Cause::Breaking, "{signal:?}");
        }
        assert_eq!(cause(exited(NOT_DONE)), Cause::Platform);
        for code in [1, 101] {
            assert_eq!(cause(exited(code)), Cause::Breaking, "{code}");
        }
    }

    #[test]
    fn a_machine_without_memory_is_no_verdict_on_a_component() {
        let refused = |status| {
            let written = Written { output: JAILED.to_vec(), error: String::new(), status };
            artefact(written, "", &crate::Tier::Standard.compile()).err().unwrap().code
        };
        assert_eq!(refused(signalled(Signal::KILL)), Code::CompilerUnavailable);
        assert_eq!(refused(signalled(Signal::XCPU)), Code::CompileTooCostly);
        assert_eq!(refused(signalled(Signal::ABORT)), Code::CompileTooCostly);
        assert_eq!(refused(signalled(Signal::SEGV)), Code::CompileFailed);
        assert_eq!(refused(exited(NOT_COMPILED)), Code::CompileFailed);
        assert_eq!(refused(exited(NOT_DONE)), Code::CompilerUnavailable);
    }
}
