//! What the compiler's process does.
//!
//! It is told its limits on the command line, reads the component on standard input until that ends, and writes what it
//! compiled to standard output, after a head by which the parent knows it. Standard error says what was wrong.

use std::ffi::OsString;
use std::io::{self, Read as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use compile_cache::compatibility;
use sha2::{Digest as _, Sha256};

use super::jail;
use super::tier::CompileLimits;
use crate::engine;

/// What the compiler writes once it is jailed, before it reads.
pub(super) const JAILED: &[u8; 8] = b"vhcomp01";

/// Bytes of the compatibility that follows, in lower-case hex.
pub(super) const COMPATIBILITY_BYTES: usize = 64;

/// Bytes of the artefact's SHA-256, which follows that; then comes the artefact.
pub(super) const DIGEST_BYTES: usize = 32;

/// The exit code where the component does not compile (EX_DATAERR of `sysexits.h`).
pub(super) const NOT_COMPILED: u8 = 65;

/// The exit code where the process or its caller is at fault: mostly where it could not even begin (EX_OSERR of
/// `sysexits.h`).
pub(super) const NOT_DONE: u8 = 71;

/// What the compiler is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Order {
    /// Bytes of the component.
    pub(super) input_bytes: usize,
    /// Whether its code is to count fuel.
    pub(super) metered: bool,
    pub(super) limits: CompileLimits,
}

impl Order {
    /// The order as the last words of a command line.
    pub(super) fn words(&self) -> [String; 6] {
        [
            self.input_bytes.to_string(),
            self.metered.to_string(),
            self.limits.cpu.as_secs().to_string(),
            self.limits.wall.as_secs().to_string(),
            self.limits.memory_bytes.to_string(),
            self.limits.artefact_bytes.to_string(),
        ]
    }

    fn read(words: impl IntoIterator<Item = OsString>) -> Option<Self> {
        let words: Vec<String> =
            words.into_iter().map(|word| word.into_string().ok()).collect::<Option<_>>()?;
        let (_, last) = words.split_at_checked(words.len().checked_sub(6)?)?;
        let [input, metered, cpu, wall, memory, artefact] = last else { return None };
        Some(Self {
            input_bytes: input.parse().ok()?,
            metered: metered.parse().ok()?,
            limits: CompileLimits {
                cpu: Duration::from_secs(cpu.parse().ok()?),
                wall: Duration::from_secs(wall.parse().ok()?),
                memory_bytes: memory.parse().ok()?,
                artefact_bytes: artefact.parse().ok()?,
            },
        })
    }
}

/// Why there is no artefact.
enum Fault {
    /// The component is at fault.
    Component(String),
    /// The process or its caller is.
    Platform(String),
}

/// The whole of the compiler's process: jails itself, compiles the component that standard input holds, and writes the
/// artefact to standard output. Meant for [`Compiler`](super::Compiler), which starts it.
///
/// It must be the first thing that a process does. Nothing may have been opened and no thread started, because whatever
/// is open is closed.
pub fn compile_child() -> ExitCode {
    let (code, message) = match compile() {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Fault::Component(message)) => (NOT_COMPILED, message),
        Err(Fault::Platform(message)) => (NOT_DONE, message),
    };
    // Without a reader there is nobody to tell.
    let _ = writeln!(io::stderr(), "{message}");
    ExitCode::from(code)
}

fn compile() -> Result<(), Fault> {
    let order = Order::read(std::env::args_os())
        .ok_or_else(|| Fault::Platform("this command is for the platform's own use".into()))?;
    jail::enter(&order.limits)
        .map_err(|error| Fault::Platform(format!("the compiler is not jailed: {error}")))?;
    let broken = |error: io::Error| Fault::Platform(format!("the platform does not listen: {error}"));
    let mut output = io::stdout().lock();
    output.write_all(JAILED).and_then(|()| output.flush()).map_err(broken)?;
    let wasm = read_component(order.input_bytes).map_err(broken)?;
    let engine = engine::compiling(order.metered)
        .map_err(|error| Fault::Platform(format!("there is no compiler: {error:#}")))?;
    let artefact =
        engine.precompile_component(&wasm).map_err(|error| Fault::Component(format!("{error:#}")))?;
    output.write_all(compatibility(&engine).as_bytes()).map_err(broken)?;
    output.write_all(&Sha256::digest(&artefact)).map_err(broken)?;
    output.write_all(&artefact).and_then(|()| output.flush()).map_err(broken)
}

fn read_component(length: usize) -> io::Result<Vec<u8>> {
    let mut wasm = Vec::with_capacity(length);
    let most = u64::try_from(length).unwrap_or(u64::MAX).saturating_add(1);
    io::stdin().lock().take(most).read_to_end(&mut wasm)?;
    if wasm.len() == length {
        return Ok(wasm);
    }
    Err(io::Error::other(format!("{} bytes came instead of {length}", wasm.len())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tier;

    #[test]
    fn an_order_is_read_back_from_the_end_of_a_command_line() {
        let order = Order { input_bytes: 7, metered: true, limits: Tier::Large.compile() };
        let before = ["voicehive".to_owned(), "compile-component".to_owned()];
        let words = before.into_iter().chain(order.words()).map(OsString::from);
        assert_eq!(Order::read(words), Some(order));
    }

    #[test]
    fn what_is_no_order_is_not_one() {
        let words = |text: &str| text.split_whitespace().map(OsString::from).collect::<Vec<_>>();
        for text in ["", "voicehive compile-component", "1 true 1 1 1", "1 maybe 1 1 1 1", "-1 true 1 1 1 1"]
        {
            assert_eq!(Order::read(words(text)), None, "{text}");
        }
    }
}
