//! The compiler by itself: what [`sandbox::Compiler`] starts where the program that admits tools has no such command.

use std::process::ExitCode;

fn main() -> ExitCode {
    sandbox::compile_child()
}
