//! Lines that agents say in every call, kept as sound: a greeting starts at once, and an
//! apology can be heard while every synthesiser is down.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use speech::{TextToSpeech, TtsCommand, TtsEvent, TtsOptions};
use turn::AgentConfig;

/// How long a synthesiser may take for a line.
const TIMEOUT: Duration = Duration::from_secs(15);

/// How many lines are kept.
const MAX_LINES: usize = 512;

/// The longest line that is kept: half a minute of 8 kHz mu-law.
const MAX_LINE_BYTES: usize = 30 * 8_000;

/// The lines of all agents, as the preferred voice says them.
#[derive(Default)]
pub struct Lines {
    known: Mutex<BTreeMap<String, Line>>,
}

enum Line {
    /// It is being made.
    Pending,
    /// Its audio.
    Made(Bytes),
}

impl Lines {
    /// The lines of an agent whose audio is at hand.
    pub fn at_hand(&self, agent: &AgentConfig) -> BTreeMap<String, Bytes> {
        let known = self.lock();
        let made = |text: &str| match known.get(text) {
            Some(Line::Made(audio)) => Some((text.to_owned(), audio.clone())),
            _ => None,
        };
        lines_of(agent).filter_map(made).collect()
    }

    /// Makes what is missing of an agent's lines, in the background: later calls have it.
    pub fn prepare(self: &Arc<Self>, agent: &AgentConfig, voice: Arc<dyn TextToSpeech>) {
        let mut missing = Vec::new();
        {
            let mut known = self.lock();
            for text in lines_of(agent) {
                if known.len() < MAX_LINES && !known.contains_key(text) {
                    known.insert(text.to_owned(), Line::Pending);
                    missing.push(text.to_owned());
                }
            }
        }
        if missing.is_empty() {
            return;
        }
        let lines = self.clone();
        tokio::spawn(async move {
            for text in missing {
                let made = tokio::time::timeout(TIMEOUT, synthesise(&*voice, &text)).await.ok().flatten();
                let mut known = lines.lock();
                match made {
                    Some(audio) => drop(known.insert(text, Line::Made(audio))),
                    // The next call tries again.
                    None => drop(known.remove(&text)),
                }
            }
        });
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Line>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the agent may say in the core's own words.
fn lines_of(agent: &AgentConfig) -> impl Iterator<Item = &str> {
    [&agent.greeting, &agent.recovery, &agent.reprompt, &agent.apology, &agent.farewell]
        .into_iter()
        .chain(&agent.fillers)
        .map(|line| line.trim())
        .filter(|line| !line.is_empty())
}

async fn synthesise(voice: &dyn TextToSpeech, text: &str) -> Option<Bytes> {
    let mut session = voice.open(TtsOptions::default()).await.ok()?;
    let speak = TtsCommand::Speak { context: "line".into(), text: text.to_owned(), last: true };
    session.commands.send(speak).await.ok()?;
    let mut audio = BytesMut::new();
    loop {
        match session.events.recv().await? {
            TtsEvent::Audio { payload, .. } if audio.len() + payload.len() <= MAX_LINE_BYTES => {
                audio.extend_from_slice(&payload);
            }
            TtsEvent::Words { .. } => {}
            TtsEvent::Done { .. } => return (!audio.is_empty()).then(|| audio.freeze()),
            TtsEvent::Audio { .. } | TtsEvent::Failed { .. } | TtsEvent::Closed => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use speech::{BoxFuture, Error, TtsSession};
    use tokio::sync::mpsc;

    #[tokio::test]
    async fn a_line_is_made_once_and_then_at_hand() {
        let lines = Arc::new(Lines::default());
        let agent = AgentConfig::default();
        assert!(lines.at_hand(&agent).is_empty());
        let voice = Arc::new(Parrot { opened: Mutex::new(0) });
        lines.prepare(&agent, voice.clone());
        lines.prepare(&agent, voice.clone());
        while lines.at_hand(&agent).len() < lines_of(&agent).count() {
            tokio::task::yield_now().await;
        }
        assert_eq!(*voice.opened.lock().unwrap(), lines_of(&agent).count());
        assert_eq!(lines.at_hand(&agent)[&agent.apology], agent.apology.as_bytes());
    }

    /// Says the bytes of the text.
    struct Parrot {
        opened: Mutex<usize>,
    }

    impl TextToSpeech for Parrot {
        fn name(&self) -> &'static str {
            "parrot"
        }

        fn open(&self, _: TtsOptions) -> BoxFuture<'_, Result<TtsSession, Error>> {
            *self.opened.lock().unwrap() += 1;
            let (commands, mut heard) = mpsc::channel(4);
            let (say, events) = mpsc::channel(4);
            tokio::spawn(async move {
                while let Some(TtsCommand::Speak { context, text, .. }) = heard.recv().await {
                    let payload = Bytes::from(text);
                    let _gone = say.send(TtsEvent::Audio { context: context.clone(), payload }).await;
                    let _gone = say.send(TtsEvent::Done { context }).await;
                }
            });
            Box::pin(async move { Ok(TtsSession { commands, events }) })
        }
    }
}
