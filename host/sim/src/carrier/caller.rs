//! The person on the telephone, as a script.

use std::sync::Arc;
use std::time::Duration;

use futures::stream::{BoxStream, Stream, StreamExt as _};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::line::Command;
use super::shared::{HeardWord, Report, Said, Shared, State};
use crate::voice::{Speaker, speak};

/// The caller's voice.
const VOICE: Speaker = Speaker::Low;

/// Why a script cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The call ended before that happened.
    #[error("the call ended while the caller was {0}")]
    Ended(String),
    /// It did not happen in time.
    #[error("after {deadline:?} the caller was still {doing}; heard so far: {heard:?}")]
    Late {
        /// What was waited for.
        doing: String,
        /// How long.
        deadline: Duration,
        /// What the caller had heard since it last spoke.
        heard: String,
    },
}

/// The person's side of a call. Where that person placed it, dropping this hangs up.
#[derive(Debug)]
pub struct Call {
    sid: String,
    shared: Arc<Shared>,
    commands: mpsc::Sender<Command>,
    /// What ends with this.
    task: Option<JoinHandle<()>>,
    /// How much was heard before the caller last spoke.
    since: usize,
}

impl Call {
    pub(crate) fn new(
        sid: String,
        shared: Arc<Shared>,
        commands: mpsc::Sender<Command>,
        task: impl Into<Option<JoinHandle<()>>>,
    ) -> Self {
        Self { sid, shared, commands, task: task.into(), since: 0 }
    }

    /// The carrier's id of the call.
    pub fn sid(&self) -> &str {
        &self.sid
    }

    /// The parameters of the media stream, once it is open.
    pub fn parameters(&self) -> Vec<(String, String)> {
        self.shared.lock().parameters.clone()
    }

    /// Whether the media stream is open.
    pub fn is_streaming(&self) -> bool {
        self.shared.lock().streaming
    }

    /// How many media streams were opened so far.
    pub fn streams(&self) -> u32 {
        self.shared.lock().streams
    }

    /// What the platform did so far that the carrier complains about.
    pub fn problems(&self) -> Vec<String> {
        self.shared.lock().problems.clone()
    }

    /// The time on the line, from the answer.
    pub fn now(&self) -> Duration {
        self.shared.lock().now
    }

    /// All words heard so far.
    pub fn heard(&self) -> Vec<HeardWord> {
        self.shared.lock().heard.clone()
    }

    /// Everything said so far.
    pub fn said(&self) -> Vec<Said> {
        self.shared.lock().said.clone()
    }

    /// When the platform cleared what was not yet played.
    pub fn clears(&self) -> Vec<Duration> {
        self.shared.lock().clears.clone()
    }

    /// The words as they are heard, from the first on; ends with the call.
    pub fn hears(&self) -> impl Stream<Item = HeardWord> + Send + use<> {
        self.follow(|state, next| state.heard.get(next).cloned())
    }

    /// What the caller says, from the first on, each when it has been said; ends with the call.
    pub fn says(&self) -> impl Stream<Item = Said> + Send + use<> {
        self.follow(|state, next| state.said.get(next).cloned())
    }

    fn follow<T: Send + 'static>(
        &self,
        item: impl Fn(&State, usize) -> Option<T> + Send + Copy + 'static,
    ) -> BoxStream<'static, T> {
        let shared = Arc::clone(&self.shared);
        let changes = shared.changes();
        let items =
            futures::stream::unfold((shared, changes, 0), move |(shared, mut changes, next)| async move {
                loop {
                    let (found, over) = {
                        let state = shared.lock();
                        (item(&state, next), state.end.is_some())
                    };
                    match found {
                        Some(found) => return Some((found, (shared, changes, next + 1))),
                        None if over => return None,
                        None => changes.changed().await.ok()?,
                    }
                }
            });
        items.boxed()
    }

    /// Says something, and returns when its last sound was sent.
    ///
    /// # Errors
    /// Where the call ends before.
    pub async fn say(&mut self, text: &str) -> Result<Said, CallError> {
        self.since = self.shared.lock().heard.len();
        let (done, said) = oneshot::channel();
        let mulaw = speak(VOICE, text).mulaw();
        let ended = || CallError::Ended(format!("saying {text:?}"));
        let command = Command::Say { text: crate::voice::plain(text), mulaw, done };
        self.commands.send(command).await.map_err(|_| ended())?;
        said.await.map_err(|_| ended())
    }

    /// Sends sound that is no speech: a cough, music, noise. Returns when it was queued.
    ///
    /// # Errors
    /// Where the call is over.
    pub async fn make_sound(&self, mulaw: Vec<u8>) -> Result<(), CallError> {
        let (done, _) = oneshot::channel();
        let command = Command::Say { text: String::new(), mulaw, done };
        self.commands.send(command).await.map_err(|_| CallError::Ended("making a sound".into()))
    }

    /// Presses a key.
    ///
    /// # Errors
    /// Where the call is over.
    pub async fn press(&self, digit: char) -> Result<(), CallError> {
        self.commands
            .send(Command::Press(digit))
            .await
            .map_err(|_| CallError::Ended(format!("pressing {digit}")))
    }

    /// Waits until what was heard since the caller last spoke fits; returns it.
    ///
    /// # Errors
    /// Where the call ends before, or `deadline` passes.
    pub async fn wait_for(
        &self,
        what: &str,
        fits: impl Fn(&str) -> bool,
        deadline: Duration,
    ) -> Result<String, CallError> {
        let since = self.since;
        self.wait(&format!("waiting for {what}"), deadline, |state| {
            let text = text_since(state, since);
            fits(&text).then_some(text)
        })
        .await
    }

    /// Waits until the agent has said something since the caller last spoke, and then was silent for `quiet`; returns
    /// what it said.
    ///
    /// # Errors
    /// Where the call ends before, or `deadline` passes.
    pub async fn listen(&self, quiet: Duration, deadline: Duration) -> Result<String, CallError> {
        let since = self.since;
        self.wait("listening to the agent", deadline, |state| {
            let silent = state.now.saturating_sub(state.last_voice) >= quiet;
            (state.heard.len() > since && silent).then(|| text_since(state, since))
        })
        .await
    }

    /// Waits until `words` were heard since the caller last spoke, and then says `text` over the agent.
    ///
    /// # Errors
    /// Where the call ends before, or `deadline` passes.
    pub async fn interrupt_after_words(
        &mut self,
        words: usize,
        text: &str,
        deadline: Duration,
    ) -> Result<Said, CallError> {
        let since = self.since;
        self.wait(&format!("waiting for {words} words to interrupt"), deadline, |state| {
            (state.heard.len() >= since + words).then_some(())
        })
        .await?;
        self.say(text).await
    }

    /// Waits until the call was answered.
    ///
    /// # Errors
    /// Where the call ends before, or `deadline` passes.
    pub async fn answered(&self, deadline: Duration) -> Result<(), CallError> {
        self.wait("waiting for an answer", deadline, |state| (state.status == "in-progress").then_some(()))
            .await
    }

    /// Waits until the media stream is open.
    ///
    /// # Errors
    /// Where the call ends before, or `deadline` passes.
    pub async fn connected(&self, deadline: Duration) -> Result<(), CallError> {
        self.wait("waiting to be connected", deadline, |state| state.streaming.then_some(())).await
    }

    /// Hangs up. The call is over when [`Call::ended`] returns.
    pub async fn hang_up(&self) {
        // A call that is over cannot be hung up, and need not be.
        let _sent = self.commands.send(Command::HangUp).await;
    }

    /// Waits for the end of the call.
    ///
    /// # Errors
    /// Where `deadline` passes before.
    pub async fn ended(&self, deadline: Duration) -> Result<Report, CallError> {
        self.wait("waiting for the end of the call", deadline, State::report).await
    }

    async fn wait<T>(
        &self,
        doing: &str,
        deadline: Duration,
        mut ready: impl FnMut(&State) -> Option<T>,
    ) -> Result<T, CallError> {
        let mut changes = self.shared.changes();
        let waiting = async {
            loop {
                {
                    let state = self.shared.lock();
                    if let Some(result) = ready(&state) {
                        return Ok(result);
                    }
                    if state.end.is_some() {
                        return Err(CallError::Ended(doing.to_owned()));
                    }
                }
                if changes.changed().await.is_err() {
                    return Err(CallError::Ended(doing.to_owned()));
                }
            }
        };
        timeout(deadline, waiting).await.unwrap_or_else(|_| {
            let heard = text_since(&self.shared.lock(), self.since);
            Err(CallError::Late { doing: doing.to_owned(), deadline, heard })
        })
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

fn text_since(state: &State, since: usize) -> String {
    let words: Vec<&str> =
        state.heard.get(since..).unwrap_or_default().iter().map(|word| word.text.as_str()).collect();
    words.join(" ")
}
