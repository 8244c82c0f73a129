//! Keeps a stream to the recogniser open for as long as the call lasts.

use std::sync::Arc;

use speech::{SpeechToText, SttCommand, SttEvent, SttOptions, SttSession};
use tokio::sync::mpsc;
use tokio::time::Instant;
use turn::{Input, SttInput};

use super::reopening::Reopening;

/// Five seconds of frames: what may wait while a stream is opened.
const COMMANDS: usize = 256;

/// The caller's end of the recogniser.
pub struct Recogniser {
    commands: mpsc::Sender<SttCommand>,
    dropped: u64,
}

impl Recogniser {
    /// Opens a stream in the background. What it says goes to `inputs`.
    pub fn start(stt: Arc<dyn SpeechToText>, options: SttOptions, inputs: mpsc::Sender<Input>) -> Self {
        let (commands, receiver) = mpsc::channel(COMMANDS);
        tokio::spawn(keep_open(stt, options, receiver, inputs));
        Self { commands, dropped: 0 }
    }

    /// Sends audio, or drops it where the recogniser does not keep up: late audio
    /// would make every later turn late.
    pub fn audio(&mut self, payload: Vec<u8>) {
        if self.commands.try_send(SttCommand::Audio(payload.into())).is_err() {
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
    stt: Arc<dyn SpeechToText>,
    options: SttOptions,
    mut commands: mpsc::Receiver<SttCommand>,
    inputs: mpsc::Sender<Input>,
) {
    let mut reopening = Reopening::default();
    loop {
        let opened = Instant::now();
        let message = match stt.open(options.clone()).await {
            Ok(session) => match pump(session, &mut commands, &inputs).await {
                End::Call => return,
                End::Stream(message) => message,
            },
            Err(error) => error.to_string(),
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
) -> End {
    loop {
        tokio::select! {
            command = commands.recv() => {
                let Some(command) = command else {
                    let _closed = session.commands.send(SttCommand::Close).await;
                    return End::Call;
                };
                if session.commands.send(command).await.is_err() {
                    return End::Stream("the stream was closed".into());
                }
            }
            event = session.events.recv() => {
                let input = match event {
                    Some(SttEvent::Failed(error)) => return End::Stream(error.to_string()),
                    None | Some(SttEvent::Closed) => return End::Stream("the stream was closed".into()),
                    Some(SttEvent::SpeechStarted) => SttInput::SpeechStarted,
                    Some(SttEvent::Interim { text, .. }) => SttInput::Interim { text },
                    Some(SttEvent::Final { text, speech_final, .. }) => SttInput::Final { text, speech_final },
                    Some(SttEvent::UtteranceEnd { .. }) => SttInput::UtteranceEnd,
                    Some(SttEvent::EagerEndOfTurn { text }) => SttInput::Interim { text },
                    Some(SttEvent::TurnResumed) => continue,
                    Some(SttEvent::EndOfTurn { text }) => SttInput::Final { text, speech_final: true },
                };
                if inputs.send(Input::Stt(input)).await.is_err() {
                    return End::Call;
                }
            }
        }
    }
}
