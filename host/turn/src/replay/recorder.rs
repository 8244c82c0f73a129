//! Writes a call down while it runs.

use std::collections::VecDeque;
use std::fmt;

use super::line::{self, NewHeader};
use super::{RECORDING_FORMAT, RECORDING_VERSION};
use crate::{AgentConfig, Call, CallContext, CallTime, Input, Output, Snapshot};

/// A [`Call`] that is written down. It is driven like the call itself.
///
/// The sink gets one line at a time, without its line feed, and says whether it took it.
/// It must not wait: a call goes on whether it is recorded or not. Lines that it refuses
/// are counted, and the recording says how many are missing and where.
///
/// ```
/// use std::time::Duration;
/// use turn::{AgentConfig, CallContext, CarrierInput, Input, Recorder};
///
/// let mut recording = String::new();
/// let sink = |line: &str| {
///     recording.push_str(line);
///     recording.push('\n');
///     true
/// };
/// let context = CallContext::mulaw("call-1");
/// let mut call = Recorder::new(AgentConfig::default(), context, Duration::ZERO, Some(sink));
/// call.handle_input(Duration::from_millis(40), Input::Carrier(CarrierInput::Stopped));
/// while call.poll_output().is_some() {}
/// drop(call);
///
/// let report = turn::replay(recording.as_bytes())?;
/// assert!(report.identical());
/// # Ok::<(), turn::ReplayError>(())
/// ```
pub struct Recorder<S> {
    call: Call,
    recording: Option<Recording<S>>,
}

struct Recording<S> {
    sink: S,
    line: String,
    /// What came out of steps that are written and was not asked for yet.
    outputs: VecDeque<Output>,
    lost: u64,
}

/// Says where the call stands and nothing of what is said in it.
impl<S> fmt::Debug for Recorder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder")
            .field("call", &self.call)
            .field("lost", &self.recording.as_ref().map(|recording| recording.lost))
            .finish_non_exhaustive()
    }
}

impl<S: FnMut(&str) -> bool> Recorder<S> {
    /// A call whose media socket was accepted at `now`, as [`Call::new`]. Without a sink it
    /// is not written down and costs what the call costs.
    pub fn new(config: AgentConfig, context: CallContext, now: CallTime, sink: Option<S>) -> Self {
        let Some(sink) = sink else { return Self { call: Call::new(config, context, now), recording: None } };
        let mut call = Call::new(config.clone(), context.clone(), now);
        let mut outputs = VecDeque::with_capacity(32);
        while let Some(output) = call.poll_output() {
            outputs.push_back(output);
        }
        let (t, ns) = line::parts(now);
        let header = NewHeader {
            format: RECORDING_FORMAT,
            version: RECORDING_VERSION,
            core: env!("CARGO_PKG_VERSION"),
            t,
            ns,
            config: &config,
            context: &context,
            out: outputs.iter().collect(),
        };
        let header = serde_json::to_string(&header);
        let mut recording = Recording { sink, line: String::with_capacity(512), outputs, lost: 0 };
        recording.write(header.ok().as_deref());
        Self { call, recording: Some(recording) }
    }

    /// See [`Call::handle_input`].
    pub fn handle_input(&mut self, now: CallTime, input: Input) {
        let Some(recording) = &mut self.recording else { return self.call.handle_input(now, input) };
        let begun = line::begin(&mut recording.line, now, Some(&input)).is_ok();
        self.call.handle_input(now, input);
        recording.step(&mut self.call, begun);
    }

    /// See [`Call::handle_timeout`].
    pub fn handle_timeout(&mut self, now: CallTime) {
        let Some(recording) = &mut self.recording else { return self.call.handle_timeout(now) };
        let begun = line::begin(&mut recording.line, now, None).is_ok();
        self.call.handle_timeout(now);
        recording.step(&mut self.call, begun);
    }

    /// See [`Call::poll_output`].
    pub fn poll_output(&mut self) -> Option<Output> {
        match &mut self.recording {
            Some(recording) => recording.outputs.pop_front(),
            None => self.call.poll_output(),
        }
    }

    /// See [`Call::poll_timeout`].
    pub fn poll_timeout(&self) -> Option<CallTime> {
        self.call.poll_timeout()
    }

    /// See [`Call::is_finished`].
    pub fn is_finished(&self) -> bool {
        self.call.is_finished()
    }

    /// See [`Call::snapshot`].
    pub fn snapshot(&self) -> Snapshot {
        self.call.snapshot()
    }

    /// The call itself, for what only reads.
    pub fn call(&self) -> &Call {
        &self.call
    }

    /// Says at the end how many lines are missing, if the sink takes that, and gives the
    /// call back; its outputs must have been taken.
    pub fn finish(mut self) -> Call {
        if let Some(recording) = &mut self.recording {
            recording.tell_lost();
        }
        self.call
    }
}

impl<S: FnMut(&str) -> bool> Recording<S> {
    /// Writes the step that was just taken, and keeps what came of it.
    fn step(&mut self, call: &mut Call, begun: bool) {
        let waiting = self.outputs.len();
        while let Some(output) = call.poll_output() {
            self.outputs.push_back(output);
        }
        let mut line = std::mem::take(&mut self.line);
        let whole = begun && line::finish(&mut line, self.outputs.range(waiting..)).is_ok();
        self.write(whole.then_some(line.as_str()));
        self.line = line;
    }

    fn write(&mut self, line: Option<&str>) {
        let taken = self.tell_lost() && line.is_some_and(|line| (self.sink)(line));
        self.lost += u64::from(!taken);
    }

    /// Whether nothing is missing that the recording does not tell.
    fn tell_lost(&mut self) -> bool {
        if self.lost > 0 && (self.sink)(&line::gap(self.lost)) {
            self.lost = 0;
        }
        self.lost == 0
    }
}
