//! Python, built by componentize-py in an environment of the project's own.

use std::path::Path;
use std::process::Command;

use super::{BuildError, Compiled};
use crate::program;

const HOW_TO_GET_PYTHON: &str = "install Python 3.10 or later";
const HOW_TO_GET_COMPILER: &str =
    "add componentize-py to requirements.txt, delete the folder .venv, and build again";

/// The component, which nothing but this build reads.
const OUTPUT: &str = "dist/tool.wasm";

/// Makes the project's environment, where that was not done before, and compiles the module `app`.
pub(super) fn compile(folder: &Path, progress: &dyn Fn(&str)) -> Result<Compiled, BuildError> {
    let programs = folder.join(".venv").join("bin");
    if !programs.join("componentize-py").is_file() {
        progress("installing what requirements.txt asks for");
        let mut python = Command::new("python3");
        program::run(python.current_dir(folder).args(["-m", "venv", ".venv"]), HOW_TO_GET_PYTHON)?;
        let mut pip = in_folder(folder, ".venv/bin/python");
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "-r",
            "requirements.txt",
        ]);
        program::run(&mut pip, HOW_TO_GET_PYTHON)?;
    }
    let output = folder.join(OUTPUT);
    if let Some(parent) = output.parent() {
        std::fs::create_dir_all(parent).map_err(|source| BuildError::Io {
            doing: "making",
            path: parent.to_owned(),
            source,
        })?;
    }
    progress("compiling app.py with componentize-py");
    let mut compiler = in_folder(folder, ".venv/bin/componentize-py");
    // Without stubs it imports sockets, which no tool gets.
    compiler.args([
        "--wit-path",
        "wit",
        "--world",
        "tool-component",
        "componentize",
        "--stub-wasi",
        "app",
        "-o",
        OUTPUT,
    ]);
    program::run(&mut compiler, HOW_TO_GET_COMPILER)?;
    let mut version = in_folder(folder, ".venv/bin/componentize-py");
    let version = program::output_of(version.arg("--version"), HOW_TO_GET_COMPILER)?;
    Ok(Compiled { component: output, sdk: version.trim().to_owned() })
}

/// A program of the project's own, run in the project.
fn in_folder(folder: &Path, program: &str) -> Command {
    // A relative program is looked for from the child's folder on some systems and from ours on others.
    let program = std::path::absolute(folder.join(program)).unwrap_or_else(|_| folder.join(program));
    let mut command = Command::new(program);
    // componentize-py looks for packages in the environment that is named here; another that is active is not the project's.
    let environment = std::path::absolute(folder.join(".venv")).unwrap_or_else(|_| folder.join(".venv"));
    command.current_dir(folder).env("VIRTUAL_ENV", environment).env_remove("PYTHONHOME");
    command
}
