//! Plays a recording to a call of today.

use std::collections::VecDeque;
use std::io::{BufRead, Read as _};

use serde_json::Value;

use super::line::{self, Header, Kind, Line, Outputs};
use super::report::{Difference, ReplayError, Report};
use super::{MAX_LINE_BYTES, RECORDING_FORMAT, RECORDING_VERSION};
use crate::{Call, CallTime, Input, Output};

/// How many outputs before a difference are told.
const BEFORE: usize = 5;

/// One step that was replayed.
#[derive(Clone, Copy, Debug)]
pub struct Replayed<'a> {
    /// Its line in the recording, from 1.
    pub line: u64,
    /// Its time.
    pub at: CallTime,
    /// Whether it was a frame of the caller's audio.
    pub frame: bool,
    /// What went in and what came out now, as a line of a recording.
    pub text: &'a str,
    /// What came out now.
    pub outputs: &'a [Output],
}

/// Plays a recording to a new call and compares what comes out, byte for byte, up to the
/// first difference. The recording is read line by line.
///
/// # Errors
/// Where the file is no recording, or none that can be compared; see [`ReplayError`]. A
/// last line that is cut off is no error.
pub fn replay(recording: impl BufRead) -> Result<Report, ReplayError> {
    replay_with(recording, |_| {})
}

/// The same; `watch` sees every step once it was taken and before it is compared.
///
/// # Errors
/// As [`replay`].
pub fn replay_with(
    recording: impl BufRead,
    mut watch: impl FnMut(&Replayed<'_>),
) -> Result<Report, ReplayError> {
    let mut lines = Lines { from: recording, text: Vec::new(), number: 0, cut_off: false };
    lines.next()?;
    let mut player = Player::new(&lines.text)?;
    while player.report.difference.is_none() && lines.next()? {
        let number = lines.number;
        match Line::read(&lines.text) {
            Ok(Line::Step { at, input }) => player.step(number, at, input, &lines.text, &mut watch)?,
            Ok(Line::Lost(lost)) => return Err(ReplayError::Lost { line: number, lost }),
            Err(_) if lines.cut_off => player.report.truncated = true,
            Err(source) => return Err(ReplayError::Broken { line: number, source }),
        }
    }
    player.report.ended = player.call.snapshot().ended;
    Ok(player.report)
}

struct Player {
    call: Call,
    began: CallTime,
    report: Report,
    outputs: Vec<Output>,
    line: String,
    before: VecDeque<(CallTime, Output)>,
}

impl Player {
    fn new(first: &[u8]) -> Result<Self, ReplayError> {
        let header = header(first)?;
        let began = header.began();
        let Header { core, config, context, out, .. } = header;
        config.validate()?;
        let report = Report {
            call: context.call.clone(),
            recorded_by: core,
            replayed_by: env!("CARGO_PKG_VERSION").into(),
            steps: 0,
            frames: 0,
            audio: std::time::Duration::ZERO,
            outputs: 0,
            length: std::time::Duration::ZERO,
            ended: None,
            truncated: false,
            difference: None,
        };
        let mut player = Self {
            call: Call::new(config, context, began),
            began,
            report,
            outputs: Vec::new(),
            line: String::new(),
            before: VecDeque::with_capacity(BEFORE),
        };
        player.drain();
        player.compare(1, began, &out).map_err(ReplayError::Header)?;
        player.keep(began);
        Ok(player)
    }

    fn step(
        &mut self,
        number: u64,
        at: CallTime,
        input: Option<Input>,
        recorded: &[u8],
        watch: &mut impl FnMut(&Replayed<'_>),
    ) -> Result<(), ReplayError> {
        let broken = |source| ReplayError::Broken { line: number, source };
        line::begin(&mut self.line, at, input.as_ref()).map_err(broken)?;
        self.report.steps += 1;
        self.report.length = at.saturating_sub(self.began);
        let frame = if let Some(Input::CallerAudio(frame)) = &input {
            self.report.frames += 1;
            self.report.audio = self.report.audio.saturating_add(frame.duration);
            true
        } else {
            false
        };
        match input {
            Some(input) => self.call.handle_input(at, input),
            None => self.call.handle_timeout(at),
        }
        self.drain();
        line::finish(&mut self.line, self.outputs.iter()).map_err(broken)?;
        watch(&Replayed { line: number, at, frame, text: &self.line, outputs: &self.outputs });
        // The same bytes need no second look, and that is nearly every line.
        if recorded == self.line.as_bytes() {
            self.report.outputs += self.outputs.len() as u64;
        } else {
            let expected: Outputs = serde_json::from_slice(recorded).map_err(broken)?;
            self.compare(number, at, &expected.out).map_err(broken)?;
        }
        self.keep(at);
        Ok(())
    }

    fn drain(&mut self) {
        self.outputs.clear();
        while let Some(output) = self.call.poll_output() {
            self.outputs.push(output);
        }
    }

    /// Compares the outputs of a step with the recorded ones.
    fn compare(&mut self, line: u64, at: CallTime, expected: &[Value]) -> Result<(), serde_json::Error> {
        for nth in 0..expected.len().max(self.outputs.len()) {
            let got = self.outputs.get(nth).map(as_recorded).transpose()?;
            if expected.get(nth) == got.as_ref() {
                self.report.outputs += 1;
                continue;
            }
            let same_step = self.outputs.iter().take(nth).map(|output| (at, output));
            let before: Vec<_> =
                self.before.iter().map(|(at, output)| (*at, output)).chain(same_step).collect();
            let before = before.iter().skip(before.len().saturating_sub(BEFORE));
            self.report.difference = Some(Difference {
                line,
                at,
                nth,
                expected: expected.get(nth).map(Value::to_string),
                got: got.map(|got| got.to_string()),
                before: before
                    .map(|(at, output)| Ok((*at, as_recorded(output)?.to_string())))
                    .collect::<Result<_, serde_json::Error>>()?,
            });
            return Ok(());
        }
        Ok(())
    }

    /// Remembers the last outputs, in case that the next one differs.
    fn keep(&mut self, at: CallTime) {
        for output in self.outputs.drain(..) {
            if self.before.len() == BEFORE {
                self.before.pop_front();
            }
            self.before.push_back((at, output));
        }
    }
}

/// An output as a recording has it: a number is what its digits say.
fn as_recorded(output: &Output) -> Result<Value, serde_json::Error> {
    serde_json::from_str(&serde_json::to_string(output)?)
}

fn header(first: &[u8]) -> Result<Header, ReplayError> {
    let not = |reason: String| ReplayError::NotARecording { reason };
    if first.is_empty() {
        return Err(not("it is empty".into()));
    }
    let kind: Kind = serde_json::from_slice(first).map_err(|error| not(error.to_string()))?;
    if kind.format != RECORDING_FORMAT {
        return Err(not("its first line names another format".into()));
    }
    if kind.version != RECORDING_VERSION {
        return Err(ReplayError::OtherVersion { found: kind.version });
    }
    serde_json::from_slice(first).map_err(ReplayError::Header)
}

/// Lines of bounded length.
struct Lines<R> {
    from: R,
    text: Vec<u8>,
    number: u64,
    /// Whether the recording ends within this line.
    cut_off: bool,
}

impl<R: BufRead> Lines<R> {
    /// Reads the next line into `text`, without its end; whether there is one.
    fn next(&mut self) -> Result<bool, ReplayError> {
        self.text.clear();
        self.number += 1;
        let limit = MAX_LINE_BYTES as u64 + 1;
        let n = self.from.by_ref().take(limit).read_until(b'\n', &mut self.text)?;
        if n as u64 == limit && self.text.last() != Some(&b'\n') {
            return Err(ReplayError::TooLong { line: self.number });
        }
        self.cut_off = self.text.pop_if(|byte| *byte == b'\n').is_none();
        self.text.pop_if(|byte| *byte == b'\r');
        Ok(n > 0)
    }
}
