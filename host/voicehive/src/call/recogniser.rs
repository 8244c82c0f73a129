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
    let mut attempt = 0;
    loop {
        let opened = Instant::now();
        let taken = vendors.take(&mut order, Attempt(attempt));
        let stt = taken.vendor();
        let Some(session) = meanwhile(stt.open(options.clone()), &mut commands, &mut unfinished).await else {
            return;
        };
        let message = match session {
            Ok(session) => {
                taken.succeeded();
                match pump(session, &mut commands, &inputs, &mut unfinished).await {
                    End::Call => return,
                    End::Stream(message) => message,
                }
            }
            Err(error) => {
                taken.failed();
                attempt += 1;
                error.to_string()
            }
        };
        tracing::warn!(vendor = stt.name(), error = message, "the recogniser was lost");
        if inputs.send(Input::Stt(SttInput::Failed { message })).await.is_err() {
            return;
        }
        let pause = reopening.lost(opened.elapsed());
        match reopening.losses() {
            // Most streams are lost to the network: the best vendor is asked once more.
            0 | 1 if attempt == 0 => order.begin(),
            1 => (attempt, order) = (0, Order::new()),
            _ => attempt += 1,
        }
        if meanwhile(tokio::time::sleep(pause), &mut commands, &mut unfinished).await.is_none() {
            return;
        }
    }
}

/// Waits for something while no stream is open: what is to be recognised is kept. `None`
/// where the call is over.
async fn meanwhile<T>(
    waiting: impl Future<Output = T>,
    commands: &mut mpsc::Receiver<SttCommand>,
    unfinished: &mut Unfinished,
) -> Option<T> {
    tokio::pin!(waiting);
    loop {
        tokio::select! {
            done = &mut waiting => return Some(done),
            command = commands.recv() => unfinished.note(&command?),
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
                unfinished.note(&command);
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
