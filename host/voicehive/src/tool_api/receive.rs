//! An upload's bytes: from the socket to a file without a name, counted and hashed on the way.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use http_body_util::BodyExt as _;
use sha2::{Digest as _, Sha256};
use store::ToolDigest;
use tokio::io::AsyncWriteExt as _;

use super::Refused;

/// How much of a body that is refused is read and forgotten: a client that is still sending would miss the answer.
const FORGOTTEN_BYTES_MAX: usize = 16 << 20;

/// How long that may take.
const FORGETTING: Duration = Duration::from_secs(3);

/// Bytes that have arrived.
pub struct Received {
    file: std::fs::File,
    /// What they are known by.
    pub digest: ToolDigest,
    /// How many they are.
    pub bytes: usize,
}

/// Receives a body of at most `most` bytes within `patience`, into a file in `folder` that goes with its handle, whatever
/// becomes of this process.
///
/// # Errors
/// When there are more, they are late or break off, or the file cannot be written.
pub async fn receive(
    mut body: Body,
    folder: &Path,
    most: usize,
    patience: Duration,
) -> Result<Received, Refused> {
    if body.size_hint().lower() > u64::try_from(most).unwrap_or(u64::MAX) {
        forget(body).await;
        return Err(Refused::BodyTooLarge(most));
    }
    let file = tempfile::tempfile_in(folder).map_err(|error| broken(&error))?;
    let file = tokio::fs::File::from_std(file);
    match tokio::time::timeout(patience, write(&mut body, file, most)).await {
        Ok(Ok(received)) => Ok(received),
        Ok(Err(refused)) => {
            forget(body).await;
            Err(refused)
        }
        Err(_) => Err(Refused::BodyTooSlow(patience)),
    }
}

async fn write(body: &mut Body, mut file: tokio::fs::File, most: usize) -> Result<Received, Refused> {
    let (mut hash, mut bytes) = (Sha256::new(), 0_usize);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Refused::BrokenBody)?.into_data() else { continue };
        bytes = bytes.saturating_add(data.len());
        if bytes > most {
            return Err(Refused::BodyTooLarge(most));
        }
        hash.update(&data);
        file.write_all(&data).await.map_err(|error| broken(&error))?;
    }
    file.flush().await.map_err(|error| broken(&error))?;
    let digest: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let digest = digest.parse().map_err(|_| Refused::Internal)?;
    Ok(Received { file: file.into_std().await, digest, bytes })
}

/// Reads on for a while, without keeping anything.
pub async fn forget(mut body: Body) {
    let reading = async {
        let mut bytes = 0_usize;
        while let Some(Ok(frame)) = body.frame().await {
            bytes = bytes.saturating_add(frame.data_ref().map_or(0, |data| data.len()));
            if bytes > FORGOTTEN_BYTES_MAX {
                return;
            }
        }
    };
    // Whoever sends more, or more slowly, has an answer to look for anyway.
    let _ = tokio::time::timeout(FORGETTING, reading).await;
}

impl Received {
    /// All of them. Blocks.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(mut self) -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(self.bytes);
        self.file.seek(SeekFrom::Start(0))?;
        self.file.read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

fn broken(error: &std::io::Error) -> Refused {
    tracing::error!(%error, "an upload cannot be written to a file");
    Refused::Internal
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures::stream;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    async fn code(body: Body, most: usize) -> Result<Vec<u8>, &'static str> {
        let folder = tempfile::tempdir().unwrap();
        let received = receive(body, folder.path(), most, PATIENCE).await;
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "the file has no name");
        let received = received.map_err(|refused| refused.code().0)?;
        let digest = received.digest.clone();
        let bytes = received.read().unwrap();
        assert_eq!(digest, ToolDigest::of(&bytes));
        Ok(bytes)
    }

    fn chunks(sizes: &[usize]) -> Body {
        let chunks: Vec<_> = sizes.iter().map(|size| Ok::<_, std::io::Error>(vec![b'x'; *size])).collect();
        Body::from_stream(stream::iter(chunks))
    }

    #[tokio::test]
    async fn what_fits_arrives_whole() {
        assert_eq!(code(Body::from("component"), 9).await.unwrap(), b"component");
        assert_eq!(code(chunks(&[3, 0, 4]), 7).await.unwrap(), [b'x'; 7]);
        assert_eq!(code(Body::empty(), 7).await.unwrap(), b"");
    }

    #[tokio::test]
    async fn one_byte_more_is_too_much_whether_announced_or_not() {
        assert_eq!(code(Body::from("component"), 8).await, Err("body-too-large"));
        assert_eq!(code(chunks(&[3, 0, 5]), 7).await, Err("body-too-large"));
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_none() {
        let error = std::io::Error::other("gone");
        let body = stream::iter([Ok(Bytes::from_static(b"half")), Err(error)]);
        assert_eq!(code(Body::from_stream(body), 99).await, Err("broken-body"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_come_is_not_waited_for() {
        let body = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
        assert_eq!(code(body, 99).await, Err("body-too-slow"));
    }
}
