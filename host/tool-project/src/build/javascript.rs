//! JavaScript, built by componentize-js as the project's `build` script says.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::{BuildError, Compiled};
use crate::program;

const HOW_TO_GET_NPM: &str = "install Node.js 22 or later, which brings npm";

/// Where the `build` script puts the component.
const OUTPUT: &str = "dist/tool.wasm";

const COMPILER: &str = "@bytecodealliance/componentize-js";

/// Installs what the project depends on, where that was not done before, and runs its `build` script.
pub(super) fn compile(folder: &Path, progress: &dyn Fn(&str)) -> Result<Compiled, BuildError> {
    if !folder.join("node_modules").is_dir() {
        progress("installing what package.json asks for");
        // Nothing that the compiler needs runs at installation. `npm ci` would refuse a lock file that was written on
        // another system, which lists other optional packages.
        program::run(
            npm(folder).args(["install", "--ignore-scripts", "--no-audit", "--no-fund"]),
            HOW_TO_GET_NPM,
        )?;
    }
    progress("running the script `build` of package.json");
    program::run(npm(folder).args(["run", "build"]), HOW_TO_GET_NPM)?;
    let component = folder.join(OUTPUT);
    if !component.is_file() {
        let message = format!("the script `build` of package.json must write {OUTPUT}");
        return Err(BuildError::NothingBuilt(message));
    }
    Ok(Compiled { component, sdk: sdk(folder) })
}

fn npm(folder: &Path) -> Command {
    let mut npm = Command::new("npm");
    npm.current_dir(folder);
    npm
}

/// The compiler's version as it is installed.
fn sdk(folder: &Path) -> String {
    let manifest = folder.join("node_modules").join(COMPILER).join("package.json");
    let manifest = fs::read(manifest).ok().and_then(|text| serde_json::from_slice::<Value>(&text).ok());
    let version = manifest.and_then(|manifest| Some(manifest.get("version")?.as_str()?.to_owned()));
    version.map_or_else(|| "javascript".to_owned(), |version| format!("componentize-js {version}"))
}
