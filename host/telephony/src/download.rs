//! Fetching a recording into a file: as it comes, never all of it in memory, and there only once it is whole.

use std::path::{Path, PathBuf};
use std::time::Duration;

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
    let part = Part::beside(file);
    let fetched = write(response, deadline, &part.0, limit).await?;
    fs::rename(&part.0, file).await?;
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
}
