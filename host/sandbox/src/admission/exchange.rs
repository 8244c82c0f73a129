//! Giving a process its input and taking what it writes, within bounds.

use std::io::{self, ErrorKind, Read, Write};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::ioctl_fionbio;

/// The most bytes of standard error that are kept; what comes after them is read and dropped.
const MAX_STDERR_BYTES: usize = 4 << 10;

/// The most bytes that are moved at once.
const CHUNK_BYTES: usize = 64 << 10;

/// What a process wrote, and how it ended.
pub(super) struct Written {
    pub(super) output: Vec<u8>,
    pub(super) error: String,
    pub(super) status: ExitStatus,
}

/// Why a process was ended, or never began.
#[derive(Debug)]
pub(super) enum Ended {
    /// It was not done in time.
    Late,
    /// It wrote more than it may.
    TooMuch,
    /// It could not be started or listened to.
    Broken(io::Error),
}

/// Runs `command` to its end, gives it `input`, and takes at most `most` bytes of its output, until `deadline`.
///
/// Whatever happens, the process is gone and waited for when this returns or unwinds.
pub(super) fn run(
    command: &mut Command,
    input: &[u8],
    most: usize,
    deadline: Instant,
) -> Result<Written, Ended> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = Process(command.spawn().map_err(Ended::Broken)?);
    let mut pipes = Pipes::of(&mut process.0, input, most).map_err(Ended::Broken)?;
    while !pipes.are_done() {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Ended::Late);
        }
        pipes.wait(left).map_err(Ended::Broken)?;
        pipes.move_bytes()?;
    }
    // Both ends are closed, so it has ended or has nothing more to say.
    let status = process.end().map_err(Ended::Broken)?;
    let error = String::from_utf8_lossy(&pipes.error_bytes).trim().to_owned();
    Ok(Written { output: pipes.output_bytes, error, status })
}

/// A process that does not outlive this value.
struct Process(Child);

impl Process {
    fn end(&mut self) -> io::Result<ExitStatus> {
        // One that has ended already keeps the status it ended with.
        self.0.kill()?;
        self.0.wait()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            tracing::error!(%error, pid = self.0.id(), "a compiler's process could not be ended");
        }
    }
}

/// This side of the process's standard streams, none of which blocks.
struct Pipes<'a> {
    input: Option<ChildStdin>,
    input_left: &'a [u8],
    output: Option<ChildStdout>,
    output_bytes: Vec<u8>,
    output_most: usize,
    error: Option<ChildStderr>,
    error_bytes: Vec<u8>,
    chunk: Vec<u8>,
}

impl<'a> Pipes<'a> {
    fn of(child: &mut Child, input: &'a [u8], output_most: usize) -> io::Result<Self> {
        let pipes = Self {
            input: child.stdin.take(),
            input_left: input,
            output: child.stdout.take(),
            output_bytes: Vec::new(),
            output_most,
            error: child.stderr.take(),
            error_bytes: Vec::new(),
            chunk: vec![0; CHUNK_BYTES],
        };
        pipes.input.as_ref().map_or(Ok(()), |pipe| ioctl_fionbio(pipe, true))?;
        pipes.output.as_ref().map_or(Ok(()), |pipe| ioctl_fionbio(pipe, true))?;
        pipes.error.as_ref().map_or(Ok(()), |pipe| ioctl_fionbio(pipe, true))?;
        Ok(pipes)
    }

    fn are_done(&self) -> bool {
        self.output.is_none() && self.error.is_none()
    }

    /// Waits until one of the streams can go on, for `longest` at most.
    fn wait(&self, longest: Duration) -> io::Result<()> {
        let mut waiting = Vec::with_capacity(3);
        waiting.extend(self.input.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::OUT)));
        waiting.extend(self.output.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::IN)));
        waiting.extend(self.error.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::IN)));
        let longest = Timespec::try_from(longest).unwrap_or(Timespec { tv_sec: 1, tv_nsec: 0 });
        match poll(&mut waiting, Some(&longest)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn move_bytes(&mut self) -> Result<(), Ended> {
        write(&mut self.input, &mut self.input_left).map_err(Ended::Broken)?;
        let read_now = read(&mut self.output, &mut self.chunk).map_err(Ended::Broken)?;
        if self.output_bytes.len() + read_now.len() > self.output_most {
            return Err(Ended::TooMuch);
        }
        self.output_bytes.extend_from_slice(read_now);
        let read_now = read(&mut self.error, &mut self.chunk).map_err(Ended::Broken)?;
        let room = MAX_STDERR_BYTES.saturating_sub(self.error_bytes.len());
        self.error_bytes.extend(read_now.iter().take(room));
        Ok(())
    }
}

/// Writes what can be written without waiting; closes the pipe after the last byte, or where nobody reads any more.
fn write(pipe: &mut Option<impl Write>, left: &mut &[u8]) -> io::Result<()> {
    let Some(open) = pipe else { return Ok(()) };
    let now = left.get(..CHUNK_BYTES).unwrap_or(left);
    match open.write(now) {
        Ok(written) => *left = left.get(written..).unwrap_or_default(),
        Err(error) if again(&error) => {}
        Err(error) if error.kind() == ErrorKind::BrokenPipe => *left = &[],
        Err(error) => return Err(error),
    }
    if left.is_empty() {
        *pipe = None;
    }
    Ok(())
}

/// Reads what can be read without waiting; closes the pipe at its end.
fn read<'a>(pipe: &mut Option<impl Read>, chunk: &'a mut [u8]) -> io::Result<&'a [u8]> {
    let Some(open) = pipe else { return Ok(&[]) };
    match open.read(chunk) {
        Ok(0) => *pipe = None,
        Ok(length) => return Ok(chunk.get(..length).unwrap_or_default()),
        Err(error) if again(&error) => {}
        Err(error) => return Err(error),
    }
    Ok(&[])
}

fn again(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::path::Path;

    use super::*;

    fn shell(script: &str, input: &[u8], most: usize, longest: Duration) -> Result<Written, Ended> {
        run(Command::new("/bin/sh").args(["-c", script]), input, most, Instant::now() + longest)
    }

    #[test]
    fn more_goes_through_than_pipes_hold() {
        let input: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).take(3 << 20).collect();
        let written = shell("exec cat", &input, input.len(), Duration::from_secs(60)).unwrap();
        assert!(written.status.success() && written.output == input);
    }

    #[test]
    fn what_it_says_of_its_end_is_kept_and_cut() {
        let script = "exec <&-; yes oh | head -c 100000 >&2; printf out; exit 7";
        let written = shell(script, &[1; 1 << 20], 3, Duration::from_secs(60)).unwrap();
        assert_eq!((written.output.as_slice(), written.status.code()), (&b"out"[..], Some(7)));
        assert!(written.error.starts_with("oh") && written.error.len() <= MAX_STDERR_BYTES);
    }

    #[test]
    fn a_byte_too_many_or_a_moment_too_long_ends_it() {
        assert!(matches!(shell("printf abcd", b"", 3, Duration::from_secs(60)), Err(Ended::TooMuch)));
        assert!(matches!(shell("exec sleep 1000", b"", 3, Duration::from_millis(20)), Err(Ended::Late)));
        let absent = run(&mut Command::new("/nonexistent"), b"", 3, Instant::now());
        assert!(matches!(absent, Err(Ended::Broken(error)) if error.kind() == ErrorKind::NotFound));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn it_is_gone_when_whoever_waits_for_it_unwinds() {
        let mut folder = String::new();
        let unwound = catch_unwind(AssertUnwindSafe(|| {
            let process = Process(Command::new("sleep").arg("1000").spawn().unwrap());
            folder = format!("/proc/{}", process.0.id());
            assert!(Path::new(&folder).exists());
            panic!("as whoever waits may");
        }));
        assert!(unwound.is_err() && !Path::new(&folder).exists());
    }
}
