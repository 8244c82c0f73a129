//! Which Rust compiler makes components here.
//!
//! The toolchain's own `wasm32-wasip2` where it is installed. Where it is not, because rustup cannot download, Debian's
//! packages may be: then the toolchain's cargo and linker drive Debian's compiler, and the standard library is built
//! from source. Nothing is installed here; what to install is said.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::BuildError;
use crate::program;

/// The target that components are built for.
pub(super) const TARGET: &str = "wasm32-wasip2";

const HOW_TO_GET_RUSTC: &str = "install Rust with rustup";
const HOW_TO_GET_THE_TARGET: &str = "Rust's target for components is not installed: run `rustup target add wasm32-wasip2` \
    (where rustup cannot download, Debian's packages rustc-web, rust-web-src and wasi-libc do as well)";

const DEBIAN_PACKAGES: [&str; 3] = ["rustc-web", "rust-web-src", "wasi-libc"];
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
/// One flag, in cargo's encoded form.
const DEBIAN_FLAGS: &str = "-L\u{1f}native=/usr/lib/wasm32-wasi";

/// A compiler that makes components.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Toolchain {
    /// The active one.
    Active,
    /// Debian's, with the linkers in this folder.
    Debian(PathBuf),
}

impl Toolchain {
    /// The one that is active in `folder`, where the project may ask for a toolchain of its own.
    pub(super) fn find(folder: &Path) -> Result<Self, BuildError> {
        let libraries = rustc_says(folder, &["--print", "target-libdir", "--target", TARGET])?;
        let libraries = PathBuf::from(libraries.trim());
        if has_std(&libraries) {
            return Ok(Self::Active);
        }
        let version = rustc_says(folder, &["-vV"])?;
        let linkers = version
            .lines()
            .find_map(|line| line.strip_prefix("host: "))
            .and_then(|host| Some(libraries.ancestors().nth(2)?.join(host).join("bin")));
        match linkers {
            Some(linkers) if debian_installed() => Ok(Self::Debian(linkers)),
            _ => Err(BuildError::Toolchain(HOW_TO_GET_THE_TARGET)),
        }
    }

    /// Arguments for `cargo build`.
    pub(super) fn arguments(&self) -> &'static [&'static str] {
        match self {
            Self::Active => &[],
            Self::Debian(_) => &["-Zbuild-std=std,panic_abort"],
        }
    }

    /// Variables for cargo.
    pub(super) fn variables(&self) -> Result<Vec<(&'static str, OsString)>, BuildError> {
        // The encoded form wins over RUSTFLAGS and over every configuration file, also when it is empty.
        let flags = |flags: &str| ("CARGO_ENCODED_RUSTFLAGS", OsString::from(flags));
        let Self::Debian(linkers) = self else { return Ok(vec![flags("")]) };
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = [linkers.clone(), linkers.join("gcc-ld")];
        let path = std::env::join_paths(folders.into_iter().chain(std::env::split_paths(&path)))
            .map_err(|_| BuildError::Toolchain("the toolchain's folder has a colon in its name"))?;
        let rustc = [("RUSTC", DEBIAN_RUSTC.into()), ("RUSTC_BOOTSTRAP", "1".into()), ("PATH", path)];
        Ok(rustc.into_iter().chain([flags(DEBIAN_FLAGS)]).collect())
    }
}

impl fmt::Display for Toolchain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Active => "the active Rust toolchain",
            Self::Debian(_) => "Debian's Rust, the standard library from source",
        })
    }
}

/// Keeps settings that are meant for this machine's programs from a build for another.
pub(super) fn forget_host_settings(cargo: &mut Command) {
    const OF_THE_HOST: [&str; 5] =
        ["CARGO_BUILD_RUSTFLAGS", "CARGO_BUILD_TARGET", "RUSTC", "RUSTC_BOOTSTRAP", "RUSTFLAGS"];
    for name in OF_THE_HOST {
        cargo.env_remove(name);
    }
}

fn rustc_says(folder: &Path, arguments: &[&str]) -> Result<String, BuildError> {
    Ok(program::output_of(Command::new("rustc").current_dir(folder).args(arguments), HOW_TO_GET_RUSTC)?)
}

fn has_std(libraries: &Path) -> bool {
    let is_std = |name: &str| name.starts_with("libstd-") && name.ends_with(".rlib");
    libraries.read_dir().is_ok_and(|entries| {
        entries.filter_map(Result::ok).any(|entry| entry.file_name().to_str().is_some_and(is_std))
    })
}

/// Debian's ordinary `rustc` puts an older compiler in the same place, so the packages are asked for by name.
fn debian_installed() -> bool {
    let mut query = Command::new("dpkg-query");
    query.args(["--show", "--showformat", "${db:Status-Status}\n"]).args(DEBIAN_PACKAGES);
    let output = query.stderr(Stdio::null()).output();
    output.is_ok_and(|output| {
        let statuses = String::from_utf8_lossy(&output.stdout).into_owned();
        statuses.lines().filter(|status| *status == "installed").count() == DEBIAN_PACKAGES.len()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_folder_without_std_is_no_installed_target() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!has_std(&folder.path().join("absent")));
        std::fs::write(folder.path().join("libcore-0123.rlib"), "").unwrap();
        assert!(!has_std(folder.path()));
        std::fs::write(folder.path().join("libstd-0123.rlib"), "").unwrap();
        assert!(has_std(folder.path()));
    }

    #[test]
    fn flags_for_this_machine_do_not_reach_a_component() {
        let variables = Toolchain::Active.variables().unwrap();
        assert_eq!(variables, [("CARGO_ENCODED_RUSTFLAGS", OsString::new())]);
        let mut cargo = Command::new("cargo");
        forget_host_settings(&mut cargo);
        assert!(cargo.get_envs().any(|(name, value)| name == "RUSTFLAGS" && value.is_none()));
    }

    #[test]
    fn debians_compiler_is_led_to_the_linkers_of_the_toolchain() {
        let variables = Toolchain::Debian("/linkers".into()).variables().unwrap();
        let value = |wanted: &str| variables.iter().find(|(name, _)| *name == wanted).unwrap().1.clone();
        let path = value("PATH").into_string().unwrap();
        assert!(path.starts_with("/linkers:/linkers/gcc-ld:"), "{path}");
        assert_eq!(value("RUSTC"), DEBIAN_RUSTC);
    }
}
