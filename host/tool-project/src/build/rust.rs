//! Rust, built by cargo.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::rust_toolchain::{self, TARGET, Toolchain};
use super::{BuildError, Compiled};
use crate::program;

const HOW_TO_GET_CARGO: &str = "install Rust with rustup";

/// The crate whose version says what a component was built with.
const BINDINGS: &str = "wit-bindgen";

/// Builds the package in `folder` as a component.
pub(super) fn compile(folder: &Path, progress: &dyn Fn(&str)) -> Result<Compiled, BuildError> {
    let toolchain = Toolchain::find(folder)?;
    progress(&format!("compiling with {toolchain}"));
    let mut cargo = Command::new("cargo");
    cargo.current_dir(folder).arg("build").args(toolchain.arguments());
    cargo.args(["--lib", "--release", "--target", TARGET, "--message-format", "json-render-diagnostics"]);
    rust_toolchain::forget_host_settings(&mut cargo);
    cargo.envs(toolchain.variables()?);
    let messages = program::output_of(&mut cargo, HOW_TO_GET_CARGO)?;
    let manifest = folder.join("Cargo.toml").canonicalize().map_err(|source| BuildError::Io {
        doing: "looking at",
        path: folder.join("Cargo.toml"),
        source,
    })?;
    let component = component_in(&messages, &manifest).ok_or_else(|| {
        BuildError::NothingBuilt("Cargo.toml needs `crate-type = [\"cdylib\"]` under `[lib]`".into())
    })?;
    Ok(Compiled { component, sdk: bindings_in(&messages) })
}

/// The component that cargo says it made of the package with this manifest.
fn component_in(messages: &str, manifest: &Path) -> Option<PathBuf> {
    let own = artefacts(messages).filter(|artefact| {
        let path = artefact.get("manifest_path").and_then(Value::as_str);
        path.is_some_and(|path| Path::new(path) == manifest)
    });
    let files = own.filter_map(|artefact| artefact.get("filenames")?.as_array().cloned()).flatten();
    let mut paths = files.filter_map(|file| file.as_str().map(PathBuf::from));
    paths.find(|path| path.extension().is_some_and(|extension| extension == "wasm"))
}

/// What the component was built with, from cargo's own words.
fn bindings_in(messages: &str) -> String {
    let mut packages = artefacts(messages)
        .filter_map(|artefact| artefact.get("package_id").and_then(Value::as_str).map(str::to_owned));
    // `registry+address#wit-bindgen@0.61.1`
    let version = packages.find_map(|package| {
        let (name, version) = package.rsplit_once('#')?.1.split_once('@')?;
        (name == BINDINGS).then(|| version.to_owned())
    });
    version.map_or_else(|| "rust".to_owned(), |version| format!("{BINDINGS} {version}"))
}

fn artefacts(messages: &str) -> impl Iterator<Item = Value> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    messages.filter(|message| message.get("reason").is_some_and(|reason| reason == "compiler-artifact"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGES: &str = r#"
{"reason":"compiler-artifact","package_id":"registry+https://example.com#wit-bindgen@1.2.3","manifest_path":"/r/Cargo.toml","filenames":["/t/libwit_bindgen.rlib"]}
a line of a build script's
{"reason":"compiler-artifact","package_id":"path+file:///p#0.1.0","manifest_path":"/p/Cargo.toml","filenames":["/t/tool.wasm"]}
{"reason":"build-finished","success":true}
"#;

    #[test]
    fn the_component_is_where_cargo_says() {
        assert_eq!(component_in(MESSAGES, Path::new("/p/Cargo.toml")), Some("/t/tool.wasm".into()));
        assert_eq!(component_in(MESSAGES, Path::new("/r/Cargo.toml")), None);
    }

    #[test]
    fn the_stamp_names_the_bindings_that_were_used() {
        assert_eq!(bindings_in(MESSAGES), "wit-bindgen 1.2.3");
        assert_eq!(bindings_in(""), "rust");
    }
}
