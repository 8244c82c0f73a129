//! The call's task: does what the core wants done, and tells it what happens.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use audio::{level, vad::Vad};
use axum::extract::ws::WebSocket;
use carriers::dtmf::{Deduplicator, Path};
use events::{CallEvent, EndReason};
use speech::{SttOptions, TtsOptions};
use store::Call;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use turn::{
    CallTime, CallerFrame, CarrierInput, Input, MarkName, OperatorCommand, Output, Recorder, ToolCall, TurnId,
};

use super::Admitted;
use super::answers::Answers;
use super::carrier::{CarrierGone, CarrierReader, CarrierWriter, Said, split};
use super::context::{Past, assess};
use super::log::CallLog;
use super::model_tools;
use super::recogniser::Recogniser;
use super::recording::{self, Sink};
use super::setup;
use super::tool_answers::ToolAnswers;
use super::voices::{Spoken, Voices};
use crate::carriers::HandOver;
use crate::live::{Place, Wish};
use crate::platform::Platform;
use crate::tools::{Ran, ToolRunner};

/// How many vendor events may wait for the call.
const INPUTS: usize = 512;

/// Bytes of 20 ms of 8 kHz mu-law.
const FRAME_BYTES: usize = 160;

/// One byte of 8 kHz mu-law.
const BYTE: Duration = Duration::from_micros(125);

/// How long the carrier may take to close the socket of a call that it has ended.
const CARRIER_CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

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
    /// Reads what the call needs and opens the streams to the vendors.
    ///
    /// # Errors
    /// Where the agent's configuration does not fit or the database fails.
    pub async fn start(
        platform: Arc<Platform>,
        admitted: Admitted,
        socket: WebSocket,
    ) -> anyhow::Result<Self> {
        let began = Instant::now();
        let carrier_call_id = admitted.call.carrier_call_id.clone();
        let (tenant, call_id) = (admitted.tenant.id.clone(), admitted.call.id.clone());
        let stored = platform.store.events(&tenant, &call_id, 0).await.context("reading the call's log")?;
        let events: Vec<CallEvent> = stored.iter().filter_map(store::StoredEvent::event).collect();
        let past =
            Past::of_caller(&platform.store, platform.capabilities.clone(), &tenant, admitted.person())
                .await?;
        let mut config = setup::config_of_call(&admitted, jiff::Timestamp::now())?;
        if !platform.carriers.can_hand_over(&admitted.call.carrier) && config.transfer_to.take().is_some() {
            let carrier = &admitted.call.carrier;
            tracing::warn!(carrier, "calls cannot be handed over without the carrier's credentials");
        }
        let briefing = config.transfer_briefing.clone();
        let names = &admitted.agent.tools;
        let allowed = Arc::new(platform.tools.library.for_call(&tenant, &call_id, names).await);
        let confirmations = platform.tools.confirmations.of(&tenant, &call_id);
        let mut context = setup::call_context(&admitted, &events, past.recall(""));
        context.models = platform.llm.count();
        context.voices = platform.tts.count();
        context.tools = allowed.values().map(model_tools::policy).collect();
        context.prerecorded = platform.lines.at_hand(&config);
        platform.lines.prepare(&config, &platform.tts);
        let definitions = model_tools::definitions(&allowed, &config);
        let recording = platform.config.recordings.as_ref().and_then(|folder| {
            let begun = recording::begin(folder, &call_id);
            begun.inspect_err(|error| tracing::warn!(%error, "the call is not recorded")).ok()
        });
        let (answer_to, inputs) = mpsc::channel(INPUTS);
        let (speak_to, spoken) = mpsc::channel(INPUTS);
        let (ran_to, ran) = mpsc::channel(INPUTS);
        let (reader, writer) = split(socket, admitted.dialect);
        Ok(Self {
            call: Recorder::new(config, context, Duration::ZERO, recording),
            began,
            carrier_call_id: carrier_call_id.context("the carrier has not named the call yet")?,
            briefing,
            stored: admitted.call.clone(),
            reader,
            writer,
            log: CallLog::new(platform.store.clone(), tenant.clone(), call_id.clone()),
            inputs,
            at_once: VecDeque::new(),
            recogniser: Recogniser::start(platform.stt.clone(), SttOptions::default(), answer_to.clone()),
            spoken,
            voices: Voices::start(platform.tts.clone(), TtsOptions::default(), speak_to),
            answers: Answers::new(platform.llm.clone(), definitions, answer_to),
            past,
            tool_answers: ToolAnswers::new(confirmations.clone()),
            ran,
            ran_to,
            tools: ToolRunner {
                tools: platform.tools.clone(),
                allowed,
                confirmations,
                tenant,
                key_scope: call_id.to_string(),
                call: call_id,
                caller: admitted.person().to_owned(),
                time_zone: admitted.tenant.time_zone.clone(),
            },
            place: admitted.place,
            running: BTreeMap::new(),
            keys: Deduplicator::default(),
            vad: Vad::new(),
            samples: Vec::with_capacity(FRAME_BYTES),
            hung_up: false,
            transfer_to: None,
            unreported: None,
            disconnect_logged: false,
            superseded: false,
            platform,
        })
    }

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

    /// Ends a call whose effects can no longer be carried out; what is to be logged of it is.
    fn log_to_the_end(&mut self, last: Input) {
        self.handle(last);
        while let Some(output) = self.call.poll_output() {
            if let Output::Emit(event) = output {
                self.log_event(event);
            }
        }
    }

    fn log_event(&mut self, mut event: CallEvent) {
        self.tool_answers.note(&mut event);
        self.disconnect_logged |= event == CallEvent::MediaDisconnected;
        self.log.push(event);
    }

    /// Closing the socket makes Twilio go on with its TwiML, which asks us again and is told to hang up, and Telnyx not
    /// do anything; so the call is ended by REST. Then the carrier closes the socket: were ours the first to close, it might go
    /// on all the same.
    async fn end_at_carrier(&mut self) {
        if self.platform.carriers.end_surely(&self.platform.store, &self.stored).await {
            self.await_close().await;
        }
    }

    /// The carrier dials; our socket is closed by it. A caller who cannot be handed over is
    /// not left in silence: the call ends.
    async fn hand_over(&mut self, to: &str) {
        let over = HandOver { to, briefing: self.briefing.clone() };
        if let Err(error) = self.platform.carriers.hand_over(&self.stored, &over).await {
            tracing::error!(%error, "the call could not be handed over");
            let message = format!("the caller could not be handed over: {error}");
            self.log.push(CallEvent::VendorFailed { stage: "carrier".into(), message });
            if let Err(error) = self.log.settle().await {
                tracing::error!(error = format!("{error:#}"), "a failed transfer could not be logged");
            }
            self.end_at_carrier().await;
            return;
        }
        self.await_close().await;
    }

    async fn await_close(&mut self) {
        let closed = async { while self.reader.next().await.is_some() {} };
        if tokio::time::timeout(CARRIER_CLOSE_TIMEOUT, closed).await.is_err() {
            tracing::debug!("the carrier took the call back and left its socket open");
        }
    }
}

/// Sleeps until then, or for ever.
pub(super) async fn sleep_until(wake: Option<Instant>) {
    match wake {
        Some(wake) => tokio::time::sleep_until(wake).await,
        None => std::future::pending().await,
    }
}
