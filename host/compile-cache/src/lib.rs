//! Compiled components on disk, so that a start does not compile what an earlier one has compiled.
//!
//! An entry is named after the digest of the component and the engine's settings, and carries the digest of its own content.
//! The directory must be out of reach of others: whoever can write there can run code in this process.

mod room;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, OpenOptions};
use std::hash::{Hash, Hasher};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

/// The start of every entry; changes with the layout.
const MAGIC: &[u8; 8] = b"edgecw01";
const DIGEST_LENGTH: usize = 32;

/// Where compiled components are kept.
#[derive(Clone, Debug)]
pub struct Cache {
    /// `None` if the directory cannot be trusted: everything is compiled afresh.
    directory: Option<PathBuf>,
    /// The bytes that are kept at most, if there is a bound.
    room: Option<u64>,
    /// The entries that stay where there is no room; one set for all clones.
    pinned: Arc<Mutex<BTreeSet<PathBuf>>>,
}

/// Where a compiled component came from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Found {
    /// On disk.
    Cached,
    /// Compiled just now.
    Compiled,
}

impl Cache {
    /// Opens the cache, creating its directory if need be.
    pub fn open(directory: &Path) -> Self {
        match prepare(directory) {
            Ok(()) => Self { directory: Some(directory.to_owned()), ..Self::none() },
            Err(error) => {
                tracing::warn!(directory = %directory.display(), %error, "compiled components will not be cached");
                Self::none()
            }
        }
    }

    /// A cache that keeps nothing.
    pub fn none() -> Self {
        Self { directory: None, room: None, pinned: Arc::default() }
    }

    /// Keeps no more than so many bytes: whenever an entry is stored, those go that were not used for longest, which is to load
    /// them, or [`Cache::note_use`]. The one that was stored stays, however large it is, and so do those of [`Cache::pin`].
    #[must_use]
    pub fn with_room(mut self, bytes: u64) -> Self {
        self.room = Some(bytes);
        self
    }

    /// The compiled form of a component. Takes as long as compiling does: call it on a blocking thread.
    ///
    /// # Errors
    /// Where the bytes are no component that the engine accepts.
    pub fn load(&self, engine: &Engine, wasm: &[u8]) -> wasmtime::Result<(Component, Found)> {
        self.load_with(engine, wasm, || engine.precompile_component(wasm))
    }

    /// As [`Cache::load`], where `compile` is what compiles: in this process or in another that this program started.
    /// What it returns becomes code of this process, so it must be what [`Engine::precompile_component`] made of `wasm`.
    /// What this engine cannot use is neither kept nor run. What it can is kept, also where the caller goes on to refuse the
    /// component: then [`Cache::forget`] is the caller's to call.
    ///
    /// # Errors
    /// What `compile` fails with, or where its result does not fit the engine.
    pub fn load_with<E: From<wasmtime::Error>>(
        &self,
        engine: &Engine,
        wasm: &[u8],
        compile: impl FnOnce() -> Result<Vec<u8>, E>,
    ) -> Result<(Component, Found), E> {
        if let Some(component) = self.find(engine, wasm) {
            return Ok((component, Found::Cached));
        }
        let artefact = compile()?;
        let component = deserialize(engine, &artefact)?;
        self.keep(engine, wasm, &artefact);
        Ok((component, Found::Compiled))
    }

    /// The compiled form of a component, where it is kept and fits the engine.
    pub fn find(&self, engine: &Engine, wasm: &[u8]) -> Option<Component> {
        load_entry(engine, &self.path(engine, wasm)?)
    }

    /// Bytes of the compiled form of the component with this SHA-256 (lower-case hex), where it is kept for the engine.
    pub fn artefact_bytes(&self, engine: &Engine, digest: &str) -> Option<usize> {
        let path = self.directory.as_ref()?.join(entry_name(engine, digest));
        let length = usize::try_from(fs::symlink_metadata(path).ok()?.len()).ok()?;
        length.checked_sub(MAGIC.len() + DIGEST_LENGTH)
    }

    /// From now on this cache and its clones remove the compiled form of this component for want of room no more, nor once it
    /// is stored; [`Cache::forget`] does still. For the few that every start needs: they take from the room of all others.
    pub fn pin(&self, engine: &Engine, wasm: &[u8]) {
        if let Some(path) = self.path(engine, wasm) {
            self.pinned.lock().unwrap_or_else(PoisonError::into_inner).insert(path);
        }
    }

    /// Notes that the compiled form of the component with this SHA-256 (lower-case hex) is in use at `now`, also where it was
    /// loaded long ago. Where none is kept, there is nothing to note.
    ///
    /// # Errors
    /// Where the entry's time cannot be changed: it only goes the sooner where there is no room.
    pub fn note_use(&self, engine: &Engine, digest: &str, now: SystemTime) -> io::Result<()> {
        let Some(directory) = &self.directory else { return Ok(()) };
        match room::note_use(&directory.join(entry_name(engine, digest)), now) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn path(&self, engine: &Engine, wasm: &[u8]) -> Option<PathBuf> {
        Some(self.directory.as_ref()?.join(entry_name(engine, &hex(&Sha256::digest(wasm)))))
    }

    fn keep(&self, engine: &Engine, wasm: &[u8], artefact: &[u8]) {
        let Some(path) = self.path(engine, wasm) else { return };
        if let Err(error) = store_entry(&path, artefact) {
            tracing::warn!(path = %path.display(), %error, "a compiled component could not be cached");
            return;
        }
        if let (Some(directory), Some(room)) = (&self.directory, self.room)
            && let Err(error) = self.make_room(directory, room, &path)
        {
            tracing::warn!(directory = %directory.display(), %error, "not all compiled components that there is no room for could be removed");
        }
    }

    fn make_room(&self, directory: &Path, room: u64, newest: &Path) -> io::Result<()> {
        let pinned = self.pinned.lock().unwrap_or_else(PoisonError::into_inner).clone();
        room::make(directory, room, SystemTime::now(), |path| path == newest || pinned.contains(path))
    }

    /// Removes what was compiled of the component with this SHA-256 (lower-case hex), for whichever engine.
    pub fn forget(&self, digest: &str) {
        let Some(directory) = &self.directory else { return };
        if let Err(error) = remove_entries(directory, digest) {
            tracing::warn!(directory = %directory.display(), %error, "a compiled component could not be removed");
        }
    }
}

/// What a compiled component must have been compiled for to run on `engine`: the version of the compiler and the
/// settings that its output depends on, as lower-case hex. Two engines with the same text can share artefacts.
pub fn compatibility(engine: &Engine) -> String {
    let mut settings = DigestHasher(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut settings);
    hex(&settings.0.finalize())
}

/// Creates the directory and checks that no one else can write to it.
fn prepare(directory: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let metadata = fs::symlink_metadata(directory)?;
    if !metadata.is_dir() {
        return Err(io::Error::other("it is not a directory"));
    }
    if metadata.mode() & 0o022 != 0 {
        return Err(io::Error::other("others can write to it; run `chmod 700` on it"));
    }
    if metadata.uid() != this_user() {
        return Err(io::Error::other("it belongs to another user; choose another directory"));
    }
    Ok(())
}

fn this_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

fn remove_entries(directory: &Path, digest: &str) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let of_digest = name
            .to_str()
            .and_then(|name| name.strip_prefix(digest))
            .is_some_and(|rest| rest.starts_with('-'));
        if of_digest {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn entry_name(engine: &Engine, digest: &str) -> String {
    let settings = compatibility(engine);
    format!("{digest}-{}.cwasm", settings.get(..16).unwrap_or(&settings))
}

fn load_entry(engine: &Engine, path: &Path) -> Option<Component> {
    let content = match read_entry(path) {
        Ok(content) => content,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "a cached component could not be read");
            return None;
        }
    };
    let Some(artefact) = verified(&content) else {
        tracing::warn!(path = %path.display(), "a cached component is damaged and will be compiled again");
        return None;
    };
    let component = deserialize(engine, artefact)
        .inspect_err(|error| tracing::warn!(path = %path.display(), %error, "a cached component does not fit this engine"))
        .ok()?;
    // Else it only goes the sooner where there is no room.
    let _ = room::note_use(path, SystemTime::now());
    Some(component)
}

/// The entry's content, if it is a plain file of this user that no one else can write to. A link is none: it leads to
/// where others may write.
fn read_entry(path: &Path) -> io::Result<Vec<u8>> {
    let metadata = fs::symlink_metadata(path)?;
    if !metadata.is_file() || metadata.mode() & 0o022 != 0 || metadata.uid() != this_user() {
        return Err(io::Error::other("it is not a file that only this user can write to"));
    }
    fs::read(path)
}

/// What follows the header, if it is what the header says.
fn verified(content: &[u8]) -> Option<&[u8]> {
    let (digest, artefact) = content.strip_prefix(MAGIC)?.split_at_checked(DIGEST_LENGTH)?;
    (Sha256::digest(artefact).as_slice() == digest).then_some(artefact)
}

/// Writes beside the entry and renames, so that no reader ever meets half an entry.
fn store_entry(path: &Path, artefact: &[u8]) -> io::Result<()> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let unique = COUNT.fetch_add(1, Ordering::Relaxed);
    let temporary = path.with_extension(format!("{}-{unique}.tmp", std::process::id()));
    let written = write_all(&temporary, artefact).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn write_all(path: &Path, artefact: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(MAGIC)?;
    file.write_all(&Sha256::digest(artefact))?;
    file.write_all(artefact)?;
    file.sync_all()
}

#[expect(
    unsafe_code,
    reason = "loading compiled code is unsafe by nature; wasmtime offers no other way to load it"
)]
fn deserialize(engine: &Engine, artefact: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: the bytes are what `Engine::precompile_component` returned. Either a moment ago: in this process, or in a
    // process of this same program, over a pipe that only the two hold. Or earlier, and they were read from a directory
    // and a file that only this user can write to, with the digest they were written with. Tenants write to neither.
    // That they fit this engine, its version and this processor, `deserialize` checks itself.
    unsafe { Component::deserialize(engine, artefact) }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Feeds what is hashed to SHA-256: the names must be the same in every process.
struct DigestHasher(Sha256);

impl Hasher for DigestHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let digest = self.0.clone().finalize();
        digest.iter().take(8).fold(0, |value, byte| (value << 8) | u64::from(*byte))
    }
}
