//! How a run of a tool ended, and what it used.

use std::time::Duration;

use wasmtime::{OutOfMemory, PoolConcurrencyLimitError, Trap};

use crate::reply::{Failure, Reply};
use crate::runtime::Ended;

/// A run of a tool that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// What came of it: the tool's own answer or refusal, or why there is neither.
    pub outcome: Result<Result<Reply, Failure>, RunError>,
    /// What it used, also where nothing came of it.
    pub spent: Spent,
}

/// What a run used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Waiting for a thread and a processor.
    pub waited: Duration,
    /// Processor time of the tool. On systems other than Linux, the time it had a processor or was ready for one.
    pub guest: Duration,
    /// Waiting for the host: records and HTTP.
    pub host: Duration,
    /// Linear memory at its largest, over all memories.
    pub memory_bytes: usize,
    /// Instructions, on a metered engine only, and of no run that was interrupted: where it was is not counted.
    pub fuel: Option<u64>,
    /// HTTP requests.
    pub http_requests: u32,
    /// Bytes of HTTP on the wire, both directions.
    pub egress_bytes: u64,
    /// Bytes of log lines kept.
    pub log_bytes: usize,
}

/// Why a run of a tool came to nothing. It ends that run only.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// The arguments are larger than allowed.
    #[error("the arguments have {size} bytes, at most {limit} are allowed")]
    ArgumentsTooLarge {
        /// How many bytes there were.
        size: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// It did not begin: too many runs wait, or it waited until its time was over. Nothing was done.
    #[error("too many tools are waiting to run; try again later")]
    Busy,
    /// It did not begin: the tenant's tools have used their processor time of this window. Nothing was done.
    #[error("the tenant's tools have used up their processor time; try again in a minute")]
    OverBudget,
    /// It took too long, most of it by its own processor time and HTTP, and was ended.
    #[error("the tool took longer than {0:?}")]
    Timeout(Duration),
    /// Its time was over after it had waited for most of it: for its turn, or for records. It was ended.
    #[error("the tool was kept waiting for most of its {0:?}")]
    Delayed(Duration),
    /// It did not begin: checking its arguments used too much processor time. Nothing was done.
    #[error("checking the arguments took longer than {0:?}; make the schema of the parameters simpler")]
    SchemaTooSlow(Duration),
    /// It used more processor time than a run may, and was ended.
    #[error("the tool used more than {0:?} of processor time; do less work in one call")]
    CpuExhausted(Duration),
    /// No one waited for it any more, and it was ended.
    #[error("no one waits for the tool any more")]
    Abandoned,
    /// It broke after it was refused memory or table elements.
    #[error("the tool needs more memory than its {limit} bytes, or more table elements than it may have")]
    MemoryExhausted {
        /// How many bytes it may have.
        limit: usize,
    },
    /// It nested calls too deeply.
    #[error("the tool ran out of stack; recurse less deeply")]
    StackExhausted,
    /// It handed the host more in one call than allowed.
    #[error("the tool handed over more than {limit} bytes in one call")]
    HostCallTooLarge {
        /// How many bytes are allowed.
        limit: usize,
    },
    /// A part of the result is larger than allowed.
    #[error("`{part}` has {size} bytes, at most {limit} are allowed")]
    ResultTooLarge {
        /// Which part: `content`, `speech`, `data`, `confirm` or `failure`.
        part: &'static str,
        /// How many bytes there were.
        size: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// A part of the result is not what the interface says.
    #[error("{0}")]
    BadReply(String),
    /// The tool broke a rule of the machine: it trapped, panicked, or used what is not there.
    #[error("the tool broke: {0}")]
    Trap(String),
    /// The host's side of it broke. It is not the tool's fault.
    #[error("the host broke in the middle of the run")]
    HostBroke,
}

impl RunError {
    /// A stable code.
    ///
    /// | code | when | begun | whose fault |
    /// | --- | --- | --- | --- |
    /// | `arguments-too-large` | the arguments are larger than allowed | no | the caller's |
    /// | `busy` | too many runs wait, or it waited until its time was over | no | no one's |
    /// | `over-budget` | the tenant's processor time of this window is used up | no | the tenant's |
    /// | `timeout` | its time was over, most of it used by itself or its HTTP | yes | the tool's |
    /// | `delayed` | its time was over, most of it waited for a turn or for records | yes | no one's |
    /// | `schema-too-slow` | checking its arguments used too much processor time | no | the tool's |
    /// | `cpu-exhausted` | its processor time was used up | yes | the tool's |
    /// | `abandoned` | the caller went away | yes | no one's |
    /// | `memory-exhausted` | it broke after it was refused memory or table elements | yes | the tool's |
    /// | `stack-exhausted` | calls were nested too deeply | yes | the tool's |
    /// | `host-call-too-large` | more was handed to the host in one call than allowed | yes | the tool's |
    /// | `result-too-large` | a part of the result is larger than allowed | yes | the tool's |
    /// | `bad-reply` | a part of the result is not what the interface says | yes | the tool's |
    /// | `trap` | it broke a rule of the machine | yes | the tool's |
    /// | `host-broke` | the host's side broke | yes | ours |
    pub fn code(&self) -> &'static str {
        match self {
            Self::ArgumentsTooLarge { .. } => "arguments-too-large",
            Self::Busy => "busy",
            Self::OverBudget => "over-budget",
            Self::Timeout(_) => "timeout",
            Self::Delayed(_) => "delayed",
            Self::SchemaTooSlow(_) => "schema-too-slow",
            Self::CpuExhausted(_) => "cpu-exhausted",
            Self::Abandoned => "abandoned",
            Self::MemoryExhausted { .. } => "memory-exhausted",
            Self::StackExhausted => "stack-exhausted",
            Self::HostCallTooLarge { .. } => "host-call-too-large",
            Self::ResultTooLarge { .. } => "result-too-large",
            Self::BadReply(_) => "bad-reply",
            Self::Trap(_) => "trap",
            Self::HostBroke => "host-broke",
        }
    }

    /// Whether the tool is to blame: what a version is judged by.
    pub fn is_tools_fault(&self) -> bool {
        match self {
            Self::Timeout(_)
            | Self::SchemaTooSlow(_)
            | Self::CpuExhausted(_)
            | Self::MemoryExhausted { .. }
            | Self::StackExhausted
            | Self::HostCallTooLarge { .. }
            | Self::ResultTooLarge { .. }
            | Self::BadReply(_)
            | Self::Trap(_) => true,
            Self::ArgumentsTooLarge { .. }
            | Self::Busy
            | Self::OverBudget
            | Self::Delayed(_)
            | Self::Abandoned
            | Self::HostBroke => false,
        }
    }
}

impl Finished {
    /// A run that did not begin.
    pub(crate) fn rejected(error: RunError, waited: Duration) -> Self {
        Self { outcome: Err(error), spent: Spent { waited, ..Spent::default() } }
    }
}

/// What a run was allowed, for the error that says it used more.
pub(crate) struct Allowed {
    pub(crate) timeout: Duration,
    pub(crate) cpu: Duration,
    pub(crate) memory_bytes: usize,
    pub(crate) host_call_bytes: usize,
    /// Whether memory or table elements were refused.
    pub(crate) was_refused_memory: bool,
}

/// Why the engine ended a run.
pub(crate) fn run_error(error: &wasmtime::Error, allowed: &Allowed) -> RunError {
    if let Some(ended) = error.downcast_ref::<Ended>() {
        return match ended {
            Ended::Deadline => RunError::Timeout(allowed.timeout),
            Ended::Delayed => RunError::Delayed(allowed.timeout),
            Ended::Processor => RunError::CpuExhausted(allowed.cpu),
            Ended::Abandoned => RunError::Abandoned,
        };
    }
    if error.is::<PoolConcurrencyLimitError>() {
        return RunError::Busy;
    }
    if is_hosts_lack(error) {
        tracing::error!(error = format!("{error:#}"), "this machine lacks what a run of a tool takes");
        return RunError::HostBroke;
    }
    if error.downcast_ref::<Trap>() == Some(&Trap::StackOverflow) {
        return RunError::StackExhausted;
    }
    let cause = error.root_cause().to_string();
    // The engine keeps this error's type to itself.
    if cause.contains("fuel allocated for hostcalls has been exhausted") {
        return RunError::HostCallTooLarge { limit: allowed.host_call_bytes };
    }
    if allowed.was_refused_memory {
        return RunError::MemoryExhausted { limit: allowed.memory_bytes };
    }
    RunError::Trap(trap(cause))
}

/// Whether the engine did not get what it asked the system for, or has no place left: nothing that a tool is to blame for. A
/// tool that breaks a rule ends in a trap, or in an error that the engine words itself.
pub(crate) fn is_hosts_lack(error: &wasmtime::Error) -> bool {
    error.is::<PoolConcurrencyLimitError>()
        || error.is::<OutOfMemory>()
        || error.is::<rustix::io::Errno>()
        || error.is::<std::io::Error>()
}

/// A trap in words for the tool's author. Imports that are linked so that a component links at all have nothing behind
/// them, and that is what the engine says of them.
fn trap(cause: String) -> String {
    let import =
        cause.strip_prefix("unknown import: `").and_then(|rest| rest.strip_suffix("` has not been defined"));
    match import {
        Some(import) if import.starts_with("wasi:") => {
            // The first thing that Rust's standard library does in a panic is to look for RUST_BACKTRACE.
            let panic = if import.starts_with("wasi:cli/environment") {
                "; a Rust tool does so when it panics"
            } else {
                ""
            };
            format!("it used `{import}`, which a tool does not get{panic}")
        }
        _ => cause,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_does_not_give_the_engine_is_not_the_tools_fault() {
        let allowed = Allowed {
            timeout: Duration::from_secs(1),
            cpu: Duration::from_secs(1),
            memory_bytes: 1,
            host_call_bytes: 1,
            was_refused_memory: true,
        };
        let ended = |error: wasmtime::Error| run_error(&error, &allowed);
        let no_memory = || wasmtime::Error::new(rustix::io::Errno::NOMEM);
        assert_eq!(ended(no_memory()), RunError::HostBroke);
        assert_eq!(ended(no_memory().context("a memory cannot be made")), RunError::HostBroke);
        assert_eq!(ended(wasmtime::Error::new(std::io::Error::other("no"))), RunError::HostBroke);
        assert!(!RunError::HostBroke.is_tools_fault());
        let exhausted = ended(wasmtime::Error::new(Trap::UnreachableCodeReached));
        assert_eq!(exhausted, RunError::MemoryExhausted { limit: 1 });
    }

    #[test]
    fn what_a_tool_does_not_get_is_named_for_what_it_is() {
        let said = |import: &str| trap(format!("unknown import: `{import}` has not been defined"));
        assert_eq!(
            said("wasi:cli/environment@0.2.6#get-environment"),
            "it used `wasi:cli/environment@0.2.6#get-environment`, which a tool does not get; \
             a Rust tool does so when it panics"
        );
        assert_eq!(
            said("wasi:filesystem/preopens@0.2.0#get-directories"),
            "it used `wasi:filesystem/preopens@0.2.0#get-directories`, which a tool does not get"
        );
        for other in ["wasm `unreachable` instruction executed", "unknown import: `a` has not been defined"] {
            assert_eq!(trap(other.to_owned()), other);
        }
    }
}
