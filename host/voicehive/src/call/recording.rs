//! Writes down what a call was told, so that it can be replayed.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use store::CallId;
use tokio::io::{AsyncWriteExt as _, BufWriter};
use tokio::sync::mpsc;

/// How many lines may wait for the disk: some seconds of a call.
const LINES: usize = 1_024;

/// Bytes that are gathered before the disk is asked: a second of a call that is spoken in.
const BUFFER: usize = 64 << 10;

/// How often a call may be resumed in a file of its own.
const MAX_FILES: u32 = 100;

/// Takes the lines of a recording.
pub type Sink = Box<dyn FnMut(&str) -> bool + Send>;

/// Begins a recording of a call in `folder`. Both are their owner's alone: they hold what
/// callers say. A disk that does not keep up costs the recording lines, never the call its
/// time.
///
/// # Errors
/// Where the folder or the file cannot be made.
pub fn begin(folder: &Path, call: &CallId) -> io::Result<Sink> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mut file = BufWriter::with_capacity(BUFFER, tokio::fs::File::from_std(create(folder, call)?));
    let (lines, mut written) = mpsc::channel::<String>(LINES);
    tokio::spawn(async move {
        let recorded = async {
            while let Some(line) = written.recv().await {
                file.write_all(line.as_bytes()).await?;
                file.write_all(b"\n").await?;
            }
            file.flush().await
        };
        if let Err(error) = recorded.await {
            tracing::warn!(%error, "a recording cannot be written");
        }
    });
    Ok(Box::new(move |line| lines.try_send(line.to_owned()).is_ok()))
}

/// A new file; a call that goes on after its socket was lost gets another one.
fn create(folder: &Path, call: &CallId) -> io::Result<File> {
    for n in 1..MAX_FILES {
        let name = if n == 1 { format!("{call}.jsonl") } else { format!("{call}-{n}.jsonl") };
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(folder.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => return made,
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_resumed_call_has_a_file_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let call: CallId = "call-1".parse().unwrap();
        let mut first = begin(folder.path(), &call).unwrap();
        assert!(first("{}"));
        let _second = begin(folder.path(), &call).unwrap();
        let mut names: Vec<String> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["call-1-2.jsonl", "call-1.jsonl"]);
    }
}
