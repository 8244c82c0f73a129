//! The call's task: does what the core wants done, and tells it what happens.

mod closing;
mod opening;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use audio::{level, vad::Vad};
use carriers::dtmf::{Deduplicator, Path};
use events::{CallEvent, EndReason};
use store::Call;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use turn::{
    CallTime, CallerFrame, CarrierInput, Input, MarkName, OperatorCommand, Output, Recorder, ToolCall, TurnId,
};

use super::answers::Answers;
use super::carrier::{CarrierGone, CarrierReader, CarrierWriter, Said};
use super::context::{Past, assess};
use super::log::CallLog;
use super::recogniser::Recogniser;
use super::recording::Sink;
use super::tool_answers::ToolAnswers;
use super::voices::{Spoken, Voices};
use crate::live::{Place, Wish};
use crate::platform::Platform;
use crate::tools::{Ran, ToolRunner};

/// Bytes of 20 ms of 8 kHz mu-law.
const FRAME_BYTES: usize = 160;

/// One byte of 8 kHz mu-law.
const BYTE: Duration = Duration::from_micros(125);

/// How a socket's part in its call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With the call, or with the line.
    Over,
    /// A newer socket of the same call took over.
    GaveWay,
}

/// Everything one call needs.
pub struct Driver {
    platform: Arc<Platform>,
    call: Recorder<Sink>,
    began: Instant,
    carrier_call_id: String,
    stored: Call,
    briefing: Option<String>,
    reader: CarrierReader,
    writer: CarrierWriter,
    log: CallLog,
    inputs: mpsc::Receiver<Input>,
    at_once: VecDeque<Input>,
    recogniser: Recogniser,
    spoken: mpsc::Receiver<Spoken>,
    voices: Voices,
    answers: Answers,
    past: Past,
    tools: ToolRunner,
    tool_answers: ToolAnswers,
    ran: mpsc::Receiver<Ran>,
    ran_to: mpsc::Sender<Ran>,
    place: Place,
    running: BTreeMap<(TurnId, String), AbortHandle>,
    keys: Deduplicator,
    vad: Vad,
    samples: Vec<i16>,
    hung_up: bool,
    /// To whom the caller is to be handed over.
    transfer_to: Option<String>,
    /// The turn whose audio was written and not yet reported as handed over.
    unreported: Option<TurnId>,
    disconnect_logged: bool,
    superseded: bool,
}

impl Driver {
    /// Runs the call to its end, and gives its place back to whoever has something left to do for it. It is an error
    /// where the log cannot be written or the carrier takes no more messages.
    pub async fn run(mut self) -> (Place, anyhow::Result<Ending>) {
        let mut ended = self.run_until_finished().await;
        self.place.wishes.close();
        if let Err(error) = &ended {
            if error.is::<CarrierGone>() {
                tracing::warn!(error = format!("{error:#}"), "the line is lost");
                self.log_to_the_end(Input::Carrier(CarrierInput::Lost));
                ended = Ok(());
            } else {
                tracing::error!(error = format!("{error:#}"), "a call cannot go on");
                let end = OperatorCommand::End { farewell: None, reason: EndReason::PlatformError };
                self.log_to_the_end(Input::Operator(end));
            }
        }
        if !self.disconnect_logged && !self.superseded {
            self.log.push(CallEvent::MediaDisconnected);
        }
        let logged = self.log.settle().await;
        if let Some(to) = self.transfer_to.take() {
            self.hand_over(&to).await;
        } else if self.hung_up {
            self.end_at_carrier().await;
        }
        self.writer.close().await;
        let (lost, unheard) = (self.reader.lost(), self.recogniser.dropped());
        if lost + unheard > 0 {
            tracing::warn!(lost, unheard, "frames of the caller's audio were lost");
        }
        let ending = if self.superseded { Ending::GaveWay } else { Ending::Over };
        self.call.finish();
        (self.place, ended.and(logged).map(|()| ending))
    }

    async fn run_until_finished(&mut self) -> anyhow::Result<()> {
        self.settle().await?;
        while !self.call.is_finished() {
            let wake = self.call.poll_timeout().map(|at| self.began + at);
            tokio::select! {
                biased;
                message = self.reader.next() => self.on_carrier(message),
                Some(input) = self.inputs.recv() => self.handle(input),
                Some(mut ran) = self.ran.recv() => {
                    self.tool_answers.ran(&mut ran);
                    self.handle(Input::Tool(ran.result));
                }
                Some(spoken) = self.spoken.recv() => {
                    if let Some(input) = self.voices.heard(spoken) {
                        self.handle(input);
                    }
                }
                _ = &mut self.place.superseded => {
                    self.superseded = true;
                    return Ok(());
                }
                Some(wish) = self.place.wishes.recv() => self.on_wish(wish),
                () = sleep_until(wake) => self.call.handle_timeout(self.now()),
            }
            self.settle().await?;
        }
        Ok(())
    }

    fn now(&self) -> CallTime {
        self.began.elapsed()
    }

    fn handle(&mut self, input: Input) {
        let now = self.now();
        self.call.handle_input(now, input);
    }

    fn on_carrier(&mut self, said: Option<Said>) {
        let input = match said {
            None => CarrierInput::Lost,
            Some(Said::Started { stream, call }) if call == self.carrier_call_id => {
                self.writer.start(&stream, self.reader.codec());
                CarrierInput::Started { stream }
            }
            Some(Said::Started { .. }) => {
                tracing::warn!("the media socket carries another call than its token names");
                CarrierInput::Lost
            }
            Some(Said::Audio(payload)) => return self.on_caller_audio(payload),
            Some(Said::Key(digit)) => return self.on_key(digit, Path::Stream),
            Some(Said::Mark(name)) => CarrierInput::Mark(MarkName(name)),
            Some(Said::Stopped) => CarrierInput::Stopped,
        };
        self.handle(Input::Carrier(input));
    }

    /// Carriers that report keys on the socket and by webhook do so for each press.
    fn on_key(&mut self, digit: char, path: Path) {
        if self.keys.report(digit, path, self.now()) {
            self.handle(Input::Carrier(CarrierInput::Dtmf(digit)));
        }
    }

    fn on_wish(&mut self, wish: Wish) {
        match wish {
            Wish::Operator(command) => self.handle(Input::Operator(command)),
            Wish::Key(digit) => self.on_key(digit, Path::Webhook),
        }
    }

    fn on_caller_audio(&mut self, payload: Vec<u8>) {
        for frame in payload.chunks(FRAME_BYTES) {
            self.samples.clear();
            audio::g711::ulaw_decode_into(frame, &mut self.samples);
            let speech = self.vad.push(&self.samples);
            let level = level::rms(&self.samples);
            let duration = BYTE * u32::try_from(frame.len()).unwrap_or_default();
            let now = self.began.elapsed();
            self.call.handle_input(now, Input::CallerAudio(CallerFrame { duration, speech, level }));
        }
        self.recogniser.audio(payload.into());
    }

    /// Does everything that the core wants done.
    async fn settle(&mut self) -> anyhow::Result<()> {
        loop {
            while let Some(output) = self.call.poll_output() {
                self.perform(output).await?;
            }
            if let Some(input) = self.at_once.pop_front() {
                self.handle(input);
                continue;
            }
            self.log.settle().await?;
            self.writer.flush().await?;
            match self.unreported.take() {
                Some(turn) => self.handle(Input::Handed(turn)),
                None => return Ok(()),
            }
        }
    }

    /// Invariant: what is heard or acts waits until the log before it is durable.
    async fn perform(&mut self, output: Output) -> anyhow::Result<()> {
        match output {
            Output::Emit(event) => self.log_event(event),
            Output::SendAudio { turn, payload } => {
                self.log.settle().await?;
                self.writer.audio(&payload).await?;
                self.unreported = Some(turn);
            }
            Output::SendMark(name) => self.writer.mark(&name.0).await?,
            // Whatever delays a clear lets the agent talk over the caller.
            Output::Clear => {
                self.writer.clear().await?;
                self.writer.flush().await?;
            }
            Output::StartLlm { turn, round, attempt, messages } => {
                // Whatever the model says next comes after a wait, in which a synthesiser would
                // close a context that is left open.
                self.voices.pause(turn).await;
                match self.tool_answers.speech_for(turn) {
                    Some(words) => self.answers.say(turn, round, words),
                    None => self.answers.ask(turn, round, attempt, messages),
                }
            }
            Output::Speak { turn, clause, attempt, text } => {
                self.voices.speak(turn, clause, attempt, text).await;
            }
            Output::SpeechEnd { turn } => self.voices.end(turn).await,
            Output::Cancel { turn } => {
                self.answers.cancel(turn);
                self.voices.cancel(turn).await;
            }
            Output::CallTool { turn, call } => {
                self.log.settle().await?;
                self.run_tool(turn, call);
            }
            Output::CancelTool { turn, id } => {
                if let Some(running) = self.running.remove(&(turn, id)) {
                    running.abort();
                }
            }
            Output::AssessSentiment { turn, text, trajectory } => {
                if let Some(mood) = assess(&self.platform.capabilities, &text, &trajectory) {
                    self.at_once.push_back(Input::Sentiment(turn, mood));
                }
            }
            Output::RecallMemory { turn, text } => {
                self.at_once.push_back(Input::Memory(turn, self.past.recall(&text)));
            }
            Output::Transfer { to } => self.transfer_to = Some(to),
            Output::FinalizeStt => self.recogniser.finalize(),
            Output::Hangup { reason } => {
                tracing::debug!(?reason, "hanging up");
                // A caller who is gone needs no ending, and a line that was lost must not get one: the carrier asks
                // what to do next, and the call goes on.
                self.hung_up = !matches!(reason, EndReason::CallerHangup | EndReason::CarrierLost);
            }
        }
        Ok(())
    }

    fn run_tool(&mut self, turn: TurnId, call: ToolCall) {
        let (runner, ran_to) = (self.tools.clone(), self.ran_to.clone());
        let held = self.platform.live.hold();
        let id = call.id.clone();
        // Not aborted with the call: a side effect that was begun is finished and kept.
        let running = tokio::spawn(async move {
            let ran = runner.run(turn, call).await;
            drop(held);
            let _call_over = ran_to.send(ran).await;
        });
        self.running.retain(|_, running| !running.is_finished());
        self.running.insert((turn, id), running.abort_handle());
    }

    fn log_event(&mut self, mut event: CallEvent) {
        self.tool_answers.note(&mut event);
        self.disconnect_logged |= event == CallEvent::MediaDisconnected;
        self.log.push(event);
    }
}

/// Sleeps until then, or for ever.
pub(super) async fn sleep_until(wake: Option<Instant>) {
    match wake {
        Some(wake) => tokio::time::sleep_until(wake).await,
        None => std::future::pending().await,
    }
}
