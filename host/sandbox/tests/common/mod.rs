//! What the tests of tools share.
#![cfg(test)]
#![allow(dead_code, reason = "each test target uses a part")]

use std::sync::LazyLock;

use sandbox::{Admission, Compiler, HotEngine, Refusal, Tier, Tool};

/// Admits tools as the platform does, for all tests of a target.
pub static ADMISSION: LazyLock<Admission> =
    LazyLock::new(|| Admission::new(&HotEngine::new().unwrap(), compiler()));

/// The compiler as a program of its own: the tests' program is none.
pub fn compiler() -> Compiler {
    Compiler::new(env!("CARGO_BIN_EXE_compile-component"), [""; 0])
}

/// The tool whose text `source` is.
pub fn load(source: &str) -> Result<Tool, Refusal> {
    let bytes = wat::parse_str(source).expect("the test's own component is well-formed text");
    ADMISSION.admit(&bytes, Tier::Standard).map(|admitted| admitted.tool)
}
