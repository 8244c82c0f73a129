//! Keeps a stream to a recogniser open for as long as the call lasts.

use std::sync::Arc;

use bytes::Bytes;
use speech::{SpeechToText, SttCommand, SttEvent, SttOptions, SttSession, Word};
use tokio::sync::mpsc;
use tokio::time::Instant;
use turn::{Attempt, Input, Order, SttInput};

use super::reopening::Reopening;
use super::unfinished::Unfinished;
use crate::ranked::Ranked;

/// Five seconds of frames: what may wait while a stream is opened.
const COMMANDS: usize = 256;

/// The caller's end of the recogniser.
pub struct Recogniser {
    commands: mpsc::Sender<SttCommand>,
    dropped: u64,
}

impl Recogniser {
    /// Opens a stream in the background, to the best vendor that works. What it says goes
    /// to `inputs`.
    pub fn start(
        vendors: Arc<Ranked<dyn SpeechToText>>,
        options: SttOptions,
        inputs: mpsc::Sender<Input>,
    ) -> Self {
        let (commands, receiver) = mpsc::channel(COMMANDS);
        tokio::spawn(keep_open(vendors, options, receiver, inputs));
        Self { commands, dropped: 0 }
    }

    /// Sends audio, or drops it where the recogniser does not keep up: late audio
    /// would make every later turn late.
    pub fn audio(&mut self, payload: Bytes) {
        if self.commands.try_send(SttCommand::Audio(payload)).is_err() {
            self.dropped += 1;
        }
    }

    /// Asks for a final of all audio so far.
    pub fn finalize(&mut self) {
        if self.commands.try_send(SttCommand::Finalize).is_err() {
            self.dropped += 1;
        }
    }

    /// How many frames the recogniser never got.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }
}

enum End {
    /// The call is over.
    Call,
    /// The stream is lost.
    Stream(String),
}

async fn keep_open(
    vendors: Arc<Ranked<dyn SpeechToText>>,
    options: SttOptions,
    mut commands: mpsc::Receiver<SttCommand>,
    inputs: mpsc::Sender<Input>,
) {
    let mut reopening = Reopening::default();
    let mut unfinished = Unfinished::default();
    let mut order = Order::new();
    loop {
        let opened = Instant::now();
        // Most streams are lost to the network: the same vendor is asked once more, and then the next.
        let losses = reopening.losses();
        if losses <= 1 {
            order.begin();
        }
        let taken = vendors.take(&mut order, Attempt(losses.saturating_sub(1)));
        let stt = taken.vendor();
        let message = match stt.open(options.clone()).await {
            Ok(session) => {
                taken.succeeded();
                match pump(session, &mut commands, &inputs, &mut unfinished).await {
                    End::Call => return,
                    End::Stream(message) => message,
                }
            }
            Err(error) => {
                taken.failed();
                error.to_string()
            }
        };
        tracing::warn!(vendor = stt.name(), error = message, "the recogniser was lost");
        if inputs.send(Input::Stt(SttInput::Failed { message })).await.is_err() {
            return;
        }
        match reopening.lost(opened.elapsed()) {
            Some(pause) => tokio::time::sleep(pause).await,
            None => return,
        }
    }
}

async fn pump(
    mut session: SttSession,
    commands: &mut mpsc::Receiver<SttCommand>,
    inputs: &mpsc::Sender<Input>,
    unfinished: &mut Unfinished,
) -> End {
    let lost = || End::Stream("the stream was closed".into());
    let (replay, finalize) = unfinished.restart();
    let again = replay.into_iter().map(SttCommand::Audio).chain(finalize.then_some(SttCommand::Finalize));
    for command in again {
        if session.commands.send(command).await.is_err() {
            return lost();
        }
    }
    loop {
        tokio::select! {
            command = commands.recv() => {
                let Some(command) = command else {
                    let _closed = session.commands.send(SttCommand::Close).await;
                    return End::Call;
                };
                match &command {
                    SttCommand::Audio(audio) => unfinished.push(audio.clone()),
                    SttCommand::Finalize => unfinished.finalize(),
                    SttCommand::Close => {}
                }
                if session.commands.send(command).await.is_err() {
                    return lost();
                }
            }
            event = session.events.recv() => {
                let input = match event {
                    Some(SttEvent::Failed(error)) => return End::Stream(error.to_string()),
                    None | Some(SttEvent::Closed) => return lost(),
                    Some(event) => heard(event, unfinished),
                };
                if let Some(input) = input && inputs.send(Input::Stt(input)).await.is_err() {
                    return End::Call;
                }
            }
        }
    }
}

/// What the core is told of an event.
fn heard(event: SttEvent, unfinished: &mut Unfinished) -> Option<SttInput> {
    Some(match event {
        SttEvent::SpeechStarted => SttInput::SpeechStarted,
        SttEvent::Interim { text, .. } => SttInput::Interim { text },
        SttEvent::Final { text, speech_final, from_finalize, words } => {
            unfinished.settle(words.last().map(|word: &Word| word.end));
            SttInput::Final { text, speech_final: speech_final || from_finalize }
        }
        SttEvent::UtteranceEnd { .. } => SttInput::UtteranceEnd,
        SttEvent::EagerEndOfTurn { text } => SttInput::EagerEndOfTurn { text },
        SttEvent::TurnResumed => SttInput::TurnResumed,
        SttEvent::EndOfTurn { text } => {
            unfinished.settle(None);
            SttInput::EndOfTurn { text }
        }
        SttEvent::Closed | SttEvent::Failed(_) => return None,
    })
}
