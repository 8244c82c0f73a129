//! Which compiler builds the components, and setting it up where there is none.
//!
//! In order: the toolchain's own `wasm32-wasip2`; `rustup target add`, which fails where rustup cannot
//! download; Debian's packages, with which the toolchain's cargo and linker drive Debian's rustc and build
//! the standard library from source. `toolchain_choice` decides; this module looks and acts.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};

use crate::process::{self, Outcome};
use crate::progress;
use crate::toolchain_choice::{Apt, Facts, Step, Toolchain, next_step, restricted};
use crate::workspace::Workspace;

/// The target that components are built for.
pub const TARGET: &str = "wasm32-wasip2";

/// How to run cargo so that it builds components.
#[derive(Debug)]
pub struct GuestCargo {
    /// Arguments that go before the others of `cargo build`.
    pub args: Vec<&'static str>,
    /// Variables to set.
    pub set: Vec<(&'static str, OsString)>,
    /// Inherited variables to leave out.
    pub remove: Vec<OsString>,
}

/// Remembers that the toolchain of this directory needed another way, so that it is not tried again.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    target_libdir: PathBuf,
    toolchain: Toolchain,
}

const DEBIAN_PACKAGES: [&str; 3] = ["rustc-web", "rust-web-src", "wasi-libc"];
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_LIBC_FLAGS: &str = "-L\u{1f}native=/usr/lib/wasm32-wasi";

/// A download of about 20 MB.
const RUSTUP_LIMIT: Duration = Duration::from_secs(120);
/// Downloads of about 150 MB and their installation.
const APT_LIMIT: Duration = Duration::from_secs(600);

const HOW_TO_SET_UP: &str = "nothing here can build components: run `rustup target add wasm32-wasip2`, or, where rustup \
    cannot download, install Debian's packages rustc-web, rust-web-src and wasi-libc beside a Rust toolchain \
    from rustup";

/// Finds a toolchain for components, or sets one up, and says which in one line. `forced` leaves no choice.
pub fn set_up(workspace: &Workspace, forced: Option<Toolchain>) -> anyhow::Result<GuestCargo> {
    let stamp_path = workspace.guests_dir().join("toolchain.toml");
    let target_libdir = PathBuf::from(rustc_says(&["--print", "target-libdir", "--target", TARGET])?);
    let host_bin = host_bin_dir(&target_libdir)?;
    let remembered = read_stamp(&stamp_path).is_some_and(|stamp| stamp.target_libdir == target_libdir);

    let mut facts = probe(&target_libdir, &host_bin, remembered, forced);
    loop {
        match next_step(restricted(facts, forced)) {
            Step::Use(toolchain) => {
                progress::note(format_args!("components are built with {}", description(toolchain)));
                if toolchain == Toolchain::Debian && forced.is_none() {
                    write_stamp(&stamp_path, &Stamp { target_libdir, toolchain })?;
                }
                return guest_cargo(toolchain, &host_bin);
            }
            Step::AddTarget => {
                add_target()?;
                facts.target_installed = has_std(&target_libdir);
                facts.rustup_failed = !facts.target_installed;
            }
            Step::InstallPackages(apt) => {
                install_packages(apt)?;
                facts.debian_installed = debian_installed();
                facts.apt_failed = !facts.debian_installed;
            }
            Step::GiveUp => bail!(HOW_TO_SET_UP),
        }
    }
}

fn probe(target_libdir: &Path, host_bin: &Path, rustup_failed: bool, forced: Option<Toolchain>) -> Facts {
    let target_installed = has_std(target_libdir);
    let debian_installed = debian_installed();
    let done = debian_installed || target_installed && forced != Some(Toolchain::Debian);
    Facts {
        target_installed,
        rustup: process::on_path("rustup"),
        rustup_failed,
        component_linker: host_bin.join("wasm-component-ld").is_file(),
        debian_installed,
        // Asking sudo takes a moment and leaves a line in its log.
        apt: if done { None } else { usable_apt() },
        apt_failed: false,
    }
}

fn has_std(target_libdir: &Path) -> bool {
    let is_std = |name: &str| name.starts_with("libstd-") && name.ends_with(".rlib");
    target_libdir.read_dir().is_ok_and(|entries| {
        entries.filter_map(Result::ok).any(|entry| entry.file_name().to_str().is_some_and(is_std))
    })
}

/// Debian's ordinary `rustc` puts an older compiler in the same place, so the packages are asked for by name.
fn debian_installed() -> bool {
    let mut command = Command::new("dpkg-query");
    command.args(["--show", "--showformat", "${db:Status-Status}\n"]).args(DEBIAN_PACKAGES);
    let output = command.stderr(Stdio::null()).output();
    output.is_ok_and(|output| all_installed(&String::from_utf8_lossy(&output.stdout)))
}

/// Whether this says of each package that it is installed: `dpkg-query` leaves out those it does not know.
fn all_installed(statuses: &str) -> bool {
    statuses.lines().filter(|status| *status == "installed").count() == DEBIAN_PACKAGES.len()
}

fn usable_apt() -> Option<Apt> {
    if !process::on_path("apt-get") {
        return None;
    }
    let id = process::output_of(Command::new("id").arg("-u")).ok()?;
    if id.trim() == "0" {
        return Some(Apt::AsRoot);
    }
    let mut sudo = Command::new("sudo");
    sudo.args(["-n", "true"]).stdout(Stdio::null()).stderr(Stdio::null());
    sudo.status().is_ok_and(|status| status.success()).then_some(Apt::ThroughSudo)
}

fn add_target() -> anyhow::Result<()> {
    progress::step(format_args!("rustup target add {TARGET} (at most {})", progress::duration(RUSTUP_LIMIT)));
    let mut command = Command::new("rustup");
    command.args(["target", "add", TARGET]).stdout(Stdio::null());
    if process::run_bounded(&mut command, RUSTUP_LIMIT)? != Outcome::Succeeded {
        progress::note("rustup could not add the target; Debian's packages are next");
    }
    Ok(())
}

fn install_packages(apt: Apt) -> anyhow::Result<()> {
    progress::step(format_args!("apt-get install {}", DEBIAN_PACKAGES.join(" ")));
    // An index that is out of date or partly unreachable may still have the packages, so only the packages
    // themselves decide.
    process::run_bounded(apt_get(apt).args(["-q", "update"]), APT_LIMIT)?;
    let install = ["-q", "install", "--yes", "--no-install-recommends"];
    process::run_bounded(apt_get(apt).args(install).args(DEBIAN_PACKAGES), APT_LIMIT)?;
    Ok(())
}

fn apt_get(apt: Apt) -> Command {
    let mut command = match apt {
        Apt::AsRoot => Command::new("env"),
        Apt::ThroughSudo => {
            let mut sudo = Command::new("sudo");
            sudo.args(["-n", "env"]);
            sudo
        }
    };
    command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]).stdin(Stdio::null());
    // What a task says goes to stderr.
    command.stdout(std::io::stderr());
    command
}

fn description(toolchain: Toolchain) -> &'static str {
    match toolchain {
        Toolchain::Rustup => "the active Rust toolchain's wasm32-wasip2",
        Toolchain::Debian => "Debian's rustc-web, the standard library from source",
    }
}

fn guest_cargo(toolchain: Toolchain, host_bin: &Path) -> anyhow::Result<GuestCargo> {
    let remove =
        std::env::vars_os().map(|(name, _)| name).filter(|name| changes_code(&name.to_string_lossy()));
    let remove = remove.collect();
    // The encoded form wins over RUSTFLAGS and over every configuration file, also when it is empty.
    let flags = |flags: &str| ("CARGO_ENCODED_RUSTFLAGS", OsString::from(flags));
    match toolchain {
        Toolchain::Rustup => Ok(GuestCargo { args: Vec::new(), set: vec![flags("")], remove }),
        Toolchain::Debian => {
            let path = std::env::var_os("PATH").unwrap_or_default();
            let linkers = [host_bin.to_owned(), host_bin.join("gcc-ld")];
            let path = std::env::join_paths(linkers.into_iter().chain(std::env::split_paths(&path)))
                .context("putting the component linker on PATH")?;
            let set = vec![
                flags(DEBIAN_LIBC_FLAGS),
                ("RUSTC", DEBIAN_RUSTC.into()),
                ("RUSTC_BOOTSTRAP", "1".into()),
                ("PATH", path),
            ];
            Ok(GuestCargo { args: vec!["-Zbuild-std=std,panic_abort"], set, remove })
        }
    }
}

/// Whether an inherited variable changes what cargo compiles, or where to. Those are meant for the host's
/// build. `RUSTUP_TOOLCHAIN` stays: it names the toolchain that was found to have the target.
fn changes_code(name: &str) -> bool {
    const NAMES: [&str; 10] = [
        "CARGO_BUILD_RUSTC",
        "CARGO_BUILD_RUSTFLAGS",
        "CARGO_BUILD_TARGET",
        "CARGO_BUILD_TARGET_DIR",
        "CARGO_ENCODED_RUSTFLAGS",
        "CARGO_TARGET_DIR",
        "RUSTC",
        "RUSTC_BOOTSTRAP",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTFLAGS",
    ];
    const PREFIXES: [&str; 4] =
        ["CARGO_PROFILE_GUEST_", "CARGO_PROFILE_RELEASE_", "CARGO_TARGET_WASM32_WASIP2_", "CARGO_UNSTABLE_"];
    NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Where the toolchain keeps programs for the machine that it runs on, its linkers among them. Both
/// directories are below `lib/rustlib`: `TARGET/lib` and `HOST/bin`.
fn host_bin_dir(target_libdir: &Path) -> anyhow::Result<PathBuf> {
    let version = rustc_says(&["-vV"])?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.context("finding the host in what `rustc -vV` says")?;
    let rustlib = target_libdir.ancestors().nth(2).context("finding rustc's library directory")?;
    Ok(rustlib.join(host).join("bin"))
}

fn rustc_says(args: &[&str]) -> anyhow::Result<String> {
    Ok(process::output_of(Command::new("rustc").args(args))?.trim_end().to_owned())
}

fn read_stamp(path: &Path) -> Option<Stamp> {
    toml::from_str(&std::fs::read_to_string(path).ok()?).ok()
}

fn write_stamp(path: &Path, stamp: &Stamp) -> anyhow::Result<()> {
    if read_stamp(path).as_ref() == Some(stamp) {
        return Ok(());
    }
    let writing = || format!("writing {}", path.display());
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory).with_context(writing)?;
    }
    std::fs::write(path, toml::to_string(stamp)?).with_context(writing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_for_the_host_build_do_not_reach_the_guests() {
        for name in ["RUSTFLAGS", "RUSTC", "CARGO_BUILD_TARGET", "CARGO_PROFILE_RELEASE_DEBUG"] {
            assert!(changes_code(name), "{name}");
        }
        for name in ["PATH", "CARGO_HOME", "RUSTUP_TOOLCHAIN", "RUSTC_WRAPPER", "CARGO_NET_OFFLINE"] {
            assert!(!changes_code(name), "{name}");
        }
    }

    #[test]
    fn a_libdir_without_std_is_not_an_installed_target() {
        let libdir = tempfile::tempdir().unwrap();
        assert!(!has_std(&libdir.path().join("absent")));
        std::fs::write(libdir.path().join("libcore-0123.rlib"), "").unwrap();
        assert!(!has_std(libdir.path()));
        std::fs::write(libdir.path().join("libstd-0123.rlib"), "").unwrap();
        assert!(has_std(libdir.path()));
    }

    #[test]
    fn a_package_that_is_absent_or_only_half_there_counts_as_missing() {
        assert!(all_installed("installed\ninstalled\ninstalled\n"));
        assert!(!all_installed("installed\ninstalled\n"));
        assert!(!all_installed("installed\nconfig-files\ninstalled\n"));
        assert!(!all_installed(""));
    }

    #[test]
    fn a_stamp_is_read_back_and_a_broken_one_is_no_stamp() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("guests/toolchain.toml");
        let stamp = Stamp { target_libdir: "/opt/rust/lib".into(), toolchain: Toolchain::Debian };
        assert_eq!(read_stamp(&path), None);
        write_stamp(&path, &stamp).unwrap();
        assert_eq!(read_stamp(&path), Some(stamp));
        std::fs::write(&path, "toolchain = 7").unwrap();
        assert_eq!(read_stamp(&path), None);
    }
}
