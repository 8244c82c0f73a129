//! Fetching a recording into a file: as it comes, never all of it in memory, and there only once it is whole.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use reqwest::{RequestBuilder, Response};
use sha2::{Digest as _, Sha256};
use tokio::fs::{self, File};
use tokio::io::AsyncWriteExt as _;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use crate::wire::{Answer, open, read, retry_after};
use crate::{Cause, Fault};

/// A recording that is in its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Its length in bytes.
    pub bytes: u64,
    /// The SHA-256 of those bytes, in lower-case hexadecimal.
    pub sha256: String,
}

/// Why a recording is not in its file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The carrier did not deliver it.
    #[error(transparent)]
    Carrier(#[from] Fault),
    /// It is longer than was allowed, by what the carrier says or by what came.
    #[error("the recording is longer than {limit} bytes")]
    TooLong {
        /// The limit.
        limit: u64,
    },
    /// The file cannot be written.
    #[error("the recording's file cannot be written")]
    File(#[from] std::io::Error),
}

/// Sends `request` and writes the answer's body to `file`, whose folder is made if it is not there. `refusal` reads an
/// answer that is no success.
pub(crate) async fn to_file(
    request: RequestBuilder,
    timeout: Duration,
    file: &Path,
    limit: u64,
    refusal: fn(Answer) -> Fault,
) -> Result<Fetched, Error> {
    let deadline = Instant::now() + timeout;
    let response = open(request, deadline).await?;
    let status = response.status().as_u16();
    if status != 200 {
        let retry_after = retry_after(&response);
        let body = read(response, deadline).await.unwrap_or_default();
        return Err(refusal(Answer { status, retry_after, body }).into());
    }
    let announced = response.content_length();
    if announced.is_some_and(|announced| announced > limit) {
        return Err(Error::TooLong { limit });
    }
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).await?;
    }
    if let Some(before) = SystemTime::now().checked_sub(LEFT_FOR) {
        clear_leftovers(file, Some(before)).await;
    }
    let part = Part::beside(file);
    let fetched = write(response, deadline, &part.0, limit).await?;
    fs::rename(&part.0, file).await?;
    // No attempt follows that would do it later. Whoever is still at it has the file here already.
    clear_leftovers(file, None).await;
    Ok(fetched)
}

async fn write(mut response: Response, deadline: Instant, part: &Path, limit: u64) -> Result<Fetched, Error> {
    let lost = |cause| Error::Carrier(Fault::Unknown { cause });
    let mut file = File::create(part).await?;
    let mut hash = Sha256::new();
    let mut bytes = 0;
    loop {
        // A body shorter than its announced length is an error of the connection here, so a torso is never kept.
        let chunk = timeout_at(deadline, response.chunk()).await.map_err(|_| lost(Cause::TimedOut))?;
        let Some(chunk) = chunk.map_err(|_| lost(Cause::Lost))? else { break };
        bytes += chunk.len() as u64;
        if bytes > limit {
            return Err(Error::TooLong { limit });
        }
        hash.update(&chunk);
        file.write_all(&chunk).await?;
    }
    file.sync_all().await?;
    Ok(Fetched { bytes, sha256: hex(&hash.finalize()) })
}

/// What there is of a file so far: beside it, so that renaming does not copy, and one attempt's alone. Another process
/// may be fetching the same.
struct Part(PathBuf);

impl Part {
    fn beside(file: &Path) -> Self {
        let mut name = file.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.part", Uuid::new_v4().simple()));
        Self(file.with_file_name(name))
    }
}

/// However an attempt ends, also where it is broken off: no later one would clear this name away.
impl Drop for Part {
    fn drop(&mut self) {
        // Best effort, and what was renamed is here no more.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Removes what attempts at `file` left lying that was last written `before`: nobody else knows those names, where a
/// process was killed. `None`: whenever it was written. Best effort.
async fn clear_leftovers(file: &Path, before: Option<SystemTime>) {
    let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else { return };
    let Ok(mut entries) = fs::read_dir(folder).await else { return };
    for _ in 0..LOOKED_THROUGH {
        let Ok(Some(entry)) = entries.next_entry().await else { return };
        if !is_part_of(name, &entry.file_name()) {
            continue;
        }
        if let Some(before) = before {
            let written = entry.metadata().await.and_then(|known| known.modified());
            if !written.is_ok_and(|written| written < before) {
                continue;
            }
        }
        let _ = fs::remove_file(entry.path()).await;
    }
}

/// Whether `name` is that of an attempt at `file`, as [`Part::beside`] makes it.
fn is_part_of(file: &OsStr, name: &OsStr) -> bool {
    let (Some(file), Some(name)) = (file.to_str(), name.to_str()) else { return false };
    let rest = name.strip_prefix(file).and_then(|rest| rest.strip_prefix('.'));
    let attempt = rest.and_then(|rest| rest.strip_suffix(".part"));
    attempt.is_some_and(|attempt| !attempt.is_empty() && attempt.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Far above what an attempt takes: what was not written to for so long belongs to none that is under way.
const LEFT_FOR: Duration = Duration::from_secs(60 * 60);

/// How many files of a call's folder are looked at before an attempt. It has as many as the call has recordings.
const LOOKED_THROUGH: usize = 1024;

/// The SHA-256 of some bytes, in lower-case hexadecimal.
pub(crate) fn hex_of(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_attempts_write_to_one_file() {
        let file = Path::new("/recordings/t/c/RE1.wav");
        let (one, other) = (Part::beside(file), Part::beside(file));
        assert_ne!(one.0, other.0);
        assert_eq!((one.0.parent(), other.0.parent()), (file.parent(), file.parent()));
    }

    #[test]
    fn an_attempt_that_is_broken_off_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (Part::beside(&folder.path().join("a")), Part::beside(&folder.path().join("a")));
        for part in [&one, &other] {
            std::fs::write(&part.0, "torso").unwrap();
        }
        drop(one);
        assert!(other.0.exists());
        drop(other);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn what_a_killed_process_left_of_a_file_is_cleared_away_in_time_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("RE1.wav");
        let at = |hours: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(hours * 3600);
        let laid = |name: &Path, hours| {
            let written = std::fs::File::create(folder.path().join(name)).unwrap();
            written.set_modified(at(hours)).unwrap();
        };
        let (old, young, others) =
            (Part::beside(&file), Part::beside(&file), Part::beside(&folder.path().join("RE1.wav2")));
        laid(&old.0, 1);
        laid(&young.0, 3);
        let kept =
            [&*young.0, &*others.0, &*file, Path::new("RE1.wav.part"), Path::new("RE1.wav.notes.part")];
        for name in kept.into_iter().skip(1) {
            laid(name, 1);
        }
        clear_leftovers(&file, Some(at(2))).await;
        assert!(!old.0.exists());
        for name in kept {
            assert!(folder.path().join(name).exists(), "{}", name.display());
        }
        clear_leftovers(&file, None).await;
        assert!(!young.0.exists() && others.0.exists() && file.exists());
    }
}
