//! `cargo xtask build`: the components, compiled and put where `spin.toml`, the host and the tests find them.

use std::path::Path;

use anyhow::{Context as _, bail};

use crate::guest_toolchain::{self, TARGET};
use crate::toolchain_choice::Toolchain;
use crate::workspace::{Guest, Workspace};
use crate::{process, progress};

/// Builds the packages under components/ for wasm32-wasip2 and puts each at
/// target/components/NAME.wasm.
///
/// The compiler for WebAssembly is found, or set up, by itself: the Rust toolchain's own wasm32-wasip2,
/// else `rustup target add`, else Debian's packages. A file is only replaced when its bytes change, so
/// compiled components stay cached.
#[derive(clap::Args, Default)]
#[command(after_help = "Examples:\n  \
    cargo xtask build                          all components\n  \
    cargo xtask build --component sentiment    only one\n  \
    cargo xtask build --toolchain debian       without rustup's wasm32-wasip2, even if it is there")]
pub struct Args {
    /// Build only this component
    #[arg(long, value_name = "NAME")]
    pub component: Option<String>,
    /// Use this compiler instead of the first that works
    #[arg(long, value_name = "TOOLCHAIN")]
    pub toolchain: Option<Toolchain>,
    /// Fail when Cargo.lock is out of date
    #[arg(long)]
    pub locked: bool,
}

/// What became of one component.
#[derive(Debug, PartialEq, Eq)]
pub enum Placed {
    /// It was there already.
    Unchanged,
    /// It is new, or another than before.
    Updated,
}

/// The profile in the top Cargo.toml, and so the directory that cargo puts guests in.
const PROFILE: &str = "guest";

pub fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<()> {
    let guests = selected(workspace.guests()?, args.component.as_deref())?;
    progress::step(format_args!("building {} for {TARGET}", counted(guests.len())));
    compile(workspace, &guests, args)?;
    place_all(workspace, &guests, &workspace.components_dir())
}

fn selected(guests: Vec<Guest>, component: Option<&str>) -> anyhow::Result<Vec<Guest>> {
    let Some(name) = component else { return Ok(guests) };
    let names = guests.iter().map(|guest| guest.name.clone()).collect::<Vec<_>>().join(", ");
    let chosen: Vec<Guest> = guests.into_iter().filter(|guest| guest.name == name).collect();
    if chosen.is_empty() {
        bail!("no component is named `{name}`; there are {names}");
    }
    Ok(chosen)
}

/// Compiles `guests`, without placing them.
pub fn compile(workspace: &Workspace, guests: &[Guest], args: &Args) -> anyhow::Result<()> {
    let guest_cargo = guest_toolchain::set_up(workspace, args.toolchain)?;
    let mut command = process::cargo(workspace);
    for name in &guest_cargo.remove {
        command.env_remove(name);
    }
    command.envs(guest_cargo.set);
    command.arg("build").args(&guest_cargo.args);
    command
        .args(["--lib", "--target", TARGET, "--profile", PROFILE, "--target-dir"])
        .arg(workspace.guests_dir());
    if args.locked {
        command.arg("--locked");
    }
    for guest in guests {
        command.args(["--package", &guest.name]);
    }
    process::run(&mut command)
}

/// Puts what was compiled of `guests` into `directory`.
pub fn place_all(workspace: &Workspace, guests: &[Guest], directory: &Path) -> anyhow::Result<()> {
    let built_dir = workspace.guests_dir().join(TARGET).join(PROFILE);
    let creating = || format!("creating {}", directory.display());
    std::fs::create_dir_all(directory).with_context(creating)?;

    let mut updated = 0;
    for guest in guests {
        let wasm = std::fs::read(built_dir.join(&guest.library).with_extension("wasm"))
            .with_context(|| format!("reading what cargo built of {}", guest.name))?;
        let placed = place(&wasm, &directory.join(&guest.name).with_extension("wasm"))?;
        if placed == Placed::Updated {
            updated += 1;
            progress::note(format_args!("{:<22} {:>8}", guest.name, progress::size(wasm.len() as u64)));
        }
    }
    let shown = directory.strip_prefix(&workspace.root).unwrap_or(directory).display();
    progress::note(format_args!("{} in {shown}, {updated} of them new", counted(guests.len())));
    Ok(())
}

/// Puts `wasm` at `path` unless it is there already, so that its modification time means something. A
/// running host never reads half a file.
pub fn place(wasm: &[u8], path: &Path) -> anyhow::Result<Placed> {
    if std::fs::read(path).is_ok_and(|present| present == wasm) {
        return Ok(Placed::Unchanged);
    }
    let writing = || format!("writing {}", path.display());
    let partial = path.with_extension(format!("wasm.{}", std::process::id()));
    std::fs::write(&partial, wasm).with_context(writing)?;
    std::fs::rename(&partial, path).with_context(writing)?;
    Ok(Placed::Updated)
}

fn counted(n_components: usize) -> String {
    if n_components == 1 { "1 component".to_owned() } else { format!("{n_components} components") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_bytes_are_not_written_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("tool-calls.wasm");
        assert_eq!(place(b"one", &path).unwrap(), Placed::Updated);
        let before = std::fs::metadata(&path).unwrap().modified().unwrap();
        assert_eq!(place(b"one", &path).unwrap(), Placed::Unchanged);
        assert_eq!(std::fs::metadata(&path).unwrap().modified().unwrap(), before);
        assert_eq!(place(b"two", &path).unwrap(), Placed::Updated);
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(directory.path().read_dir().unwrap().count(), 1, "no partial file stays");
    }

    #[test]
    fn an_unknown_component_is_answered_with_the_known_ones() {
        let error = selected(vec![guest("memory"), guest("sentiment")], Some("mood")).unwrap_err();
        assert_eq!(error.to_string(), "no component is named `mood`; there are memory, sentiment");
        let chosen = selected(vec![guest("memory"), guest("sentiment")], Some("sentiment")).unwrap();
        assert_eq!(chosen, [guest("sentiment")]);
    }

    fn guest(name: &str) -> Guest {
        Guest { name: name.to_owned(), library: name.replace('-', "_") }
    }
}
