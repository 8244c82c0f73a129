//! From a project to a component that can be uploaded.

mod javascript;
mod python;
mod rust;
mod rust_toolchain;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use gate::{Limits, Refusal, Report, Stamp, StampRule};

use crate::language::Language;
use crate::name::{InvalidName, ProjectName};
use crate::program::ProgramError;

/// The oldest platform that serves the contract that the templates are written against.
const HOST: &str = env!("CARGO_PKG_VERSION");

/// What a build makes.
#[derive(Debug)]
pub struct Built {
    /// The finished component: `NAME.wasm` in the project.
    pub component: PathBuf,
    /// The language it was written in.
    pub language: Language,
    /// What the gate measured, the stamp included.
    pub report: Report,
    /// The smallest tier that takes it: the name of one of the gate's.
    pub tier: &'static str,
}

/// Why nothing was built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// There is no project in the folder.
    #[error(
        "{} holds no project: there is no Cargo.toml, package.json or pyproject.toml; begin one with `voicehive tool new`", .0.display()
    )]
    NoProject(PathBuf),
    /// It holds several.
    #[error("{} holds both {first} and {second}: a project has one of them", folder.display())]
    TwoProjects {
        /// The folder.
        folder: PathBuf,
        /// One manifest.
        first: &'static str,
        /// Another.
        second: &'static str,
    },
    /// The manifest says too little.
    #[error("{manifest}: {message}")]
    Manifest {
        /// The manifest's file name.
        manifest: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// The name in the manifest is no tool's.
    #[error("{manifest}: {source}")]
    Name {
        /// The manifest's file name.
        manifest: &'static str,
        /// What is wrong with the name.
        source: InvalidName,
    },
    /// The toolchain is not there.
    #[error("{0}")]
    Toolchain(&'static str),
    /// The toolchain failed.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// It ran, and no component came of it.
    #[error("the build ended well, but made no component: {0}")]
    NothingBuilt(String),
    /// No platform would take what was built.
    #[error("it was built, but the platform would refuse it: {0}")]
    Refused(Refusal),
    /// The file system refused.
    #[error("{doing} {}", path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// What a language's toolchain made.
struct Compiled {
    component: PathBuf,
    /// What it was built with, for the stamp.
    sdk: String,
}

/// Builds the project in `folder`, and says what it does to `progress`, a line at a time. The toolchain's own words
/// go to stderr.
///
/// # Errors
/// Where the toolchain is missing or fails, or where no platform would take what it makes.
pub fn build(folder: &Path, progress: &dyn Fn(&str)) -> Result<Built, BuildError> {
    let language = language_of(folder)?;
    let name = name_of(folder, language)?;
    progress(&format!("building {name}, written in {language}"));
    let compiled = match language {
        Language::Rust => rust::compile(folder, progress)?,
        Language::JavaScript => javascript::compile(folder, progress)?,
        Language::Python => python::compile(folder, progress)?,
    };
    let bytes = read(&compiled.component)?;
    let (bytes, report, tier) = stamped(&bytes, &compiled.sdk).map_err(BuildError::Refused)?;
    let file = Path::new(name.as_str()).with_extension("wasm");
    // The usual folder needs no mention.
    let component = if folder == Path::new(".") { file } else { folder.join(file) };
    replace(&component, &bytes)?;
    Ok(Built { component, language, report, tier })
}

fn language_of(folder: &Path) -> Result<Language, BuildError> {
    match *Language::found_in(folder) {
        [] => Err(BuildError::NoProject(folder.to_owned())),
        [language] => Ok(language),
        [one, other, ..] => Err(BuildError::TwoProjects {
            folder: folder.to_owned(),
            first: one.manifest(),
            second: other.manifest(),
        }),
    }
}

fn name_of(folder: &Path, language: Language) -> Result<ProjectName, BuildError> {
    let manifest = language.manifest();
    let path = folder.join(manifest);
    let text =
        fs::read_to_string(&path).map_err(|source| BuildError::Io { doing: "reading", path, source })?;
    let wrong = |message: String| BuildError::Manifest { manifest, message };
    let named = match language {
        Language::Rust => toml_name(&text, "package"),
        Language::JavaScript => serde_json::from_str::<serde_json::Value>(&text)
            .map_err(|error| error.to_string())
            .map(|value| value.get("name").and_then(|name| name.as_str()).map(str::to_owned)),
        Language::Python => toml_name(&text, "project"),
    };
    let name = named.map_err(wrong)?.ok_or_else(|| wrong("it does not say the project's name".into()))?;
    name.parse().map_err(|source| BuildError::Name { manifest, source })
}

fn toml_name(text: &str, table: &str) -> Result<Option<String>, String> {
    let manifest: toml::Table = text.parse().map_err(|error: toml::de::Error| error.message().to_owned())?;
    let name = manifest.get(table).and_then(|table| table.get("name")).and_then(|name| name.as_str());
    Ok(name.map(str::to_owned))
}

/// The component with its stamp, what the gate says of it, and the smallest tier that takes it.
fn stamped(component: &[u8], sdk: &str) -> Result<(Vec<u8>, Report, &'static str), Refusal> {
    let bare = Limits { stamp: StampRule::Optional, ..Limits::LARGE };
    let report = gate::check(component, &bare)?;
    let bytes = match HOST.parse() {
        Ok(host) if report.stamp.is_none() => {
            Stamp { contract: report.contract, host, sdk: sdk.to_owned() }.append(component)
        }
        _ => component.to_vec(),
    };
    match gate::check(&bytes, &Limits::STANDARD) {
        Ok(report) => Ok((bytes, report, Limits::STANDARD.tier)),
        Err(_) => gate::check(&bytes, &Limits::LARGE).map(|report| (bytes, report, Limits::LARGE.tier)),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, BuildError> {
    fs::read(path).map_err(|source| BuildError::Io { doing: "reading", path: path.to_owned(), source })
}

/// Puts `bytes` at `path` in one step: who reads it meanwhile has the old file or the new one, whole.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), BuildError> {
    let partial = path.with_extension(format!("wasm.{}", std::process::id()));
    let failed = |source| BuildError::Io { doing: "writing", path: path.to_owned(), source };
    fs::write(&partial, bytes).map_err(failed)?;
    fs::rename(&partial, path).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_is_told_by_its_manifest() {
        let folder = tempfile::tempdir().unwrap();
        let refused = |folder: &Path| build(folder, &|_| ()).unwrap_err();
        assert!(matches!(refused(folder.path()), BuildError::NoProject(_)));
        fs::write(folder.path().join("Cargo.toml"), "[package]\nname = \"x\"\n").unwrap();
        assert_eq!(language_of(folder.path()).unwrap(), Language::Rust);
        fs::write(folder.path().join("package.json"), "{}").unwrap();
        assert!(matches!(refused(folder.path()), BuildError::TwoProjects { .. }));
    }

    #[test]
    fn the_name_is_read_from_the_manifest_and_must_be_a_tools() {
        let folder = tempfile::tempdir().unwrap();
        let named = |language: Language, text: &str| {
            fs::write(folder.path().join(language.manifest()), text).unwrap();
            name_of(folder.path(), language).map(|name| name.to_string()).map_err(|error| error.to_string())
        };
        assert_eq!(named(Language::Rust, "[package]\nname = \"one\"\n").unwrap(), "one");
        assert_eq!(named(Language::JavaScript, r#"{"name": "two"}"#).unwrap(), "two");
        assert_eq!(named(Language::Python, "[project]\nname = \"three\"\n").unwrap(), "three");
        let error = named(Language::Python, "[project]\n").unwrap_err();
        assert_eq!(error, "pyproject.toml: it does not say the project's name");
        let error = named(Language::JavaScript, r#"{"name": "@me/two"}"#).unwrap_err();
        assert!(error.starts_with("package.json: `@me/two` is no name for a tool"), "{error}");
        assert!(named(Language::Rust, "[package").unwrap_err().starts_with("Cargo.toml: "));
    }

    #[test]
    fn what_no_platform_takes_is_no_build() {
        let refusal = stamped(b"\0asm\x01\0\0\0", "none").unwrap_err();
        assert_eq!(refusal.code, gate::Code::CoreModule);
    }
}
