//! Lines that agents say in every call, kept as sound: a greeting starts at once, and an
//! apology can be heard while every synthesiser is down.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use speech::{TextToSpeech, TtsCommand, TtsEvent, TtsOptions};
use turn::{AgentConfig, Attempt, Order};

use crate::ranked::Ranked;

/// How long a synthesiser may take for a line.
const TIMEOUT: Duration = Duration::from_secs(15);

/// How many lines are kept.
const MAX_LINES: usize = 512;

/// The longest line that is kept: half a minute of 8 kHz mu-law.
const MAX_LINE_BYTES: usize = 30 * 8_000;

/// The lines of all agents, as the preferred voice says them.
#[derive(Default)]
pub struct Lines {
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    lines: BTreeMap<String, Line>,
    /// Counts the calls, so that what no call used for long can make room.
    n_calls: u64,
}

struct Line {
    /// Its audio, once it is made.
    audio: Option<Bytes>,
    /// When it was last wanted, by the count of calls.
    wanted_at: u64,
}

impl Lines {
    /// The lines of an agent whose audio is at hand.
    pub fn at_hand(&self, agent: &AgentConfig) -> BTreeMap<String, Bytes> {
        let known = &mut *self.lock();
        known.n_calls += 1;
        let mut found = BTreeMap::new();
        for text in lines_of(agent) {
            let Some(line) = known.lines.get_mut(text) else { continue };
            line.wanted_at = known.n_calls;
            found.extend(line.audio.clone().map(|audio| (text.to_owned(), audio)));
        }
        found
    }

    /// Makes what is missing of an agent's lines, in the background: later calls have it.
    /// Only the preferred voice is asked, and not while it fails.
    pub fn prepare(self: &Arc<Self>, agent: &AgentConfig, voices: &Arc<Ranked<dyn TextToSpeech>>) {
        let taken = voices.take(&mut Order::new(), Attempt(0));
        let Some(voice) = voices.all().first().filter(|_| taken.index() == 0).cloned() else { return };
        let missing = self.lock().missing(agent);
        if missing.is_empty() {
            return;
        }
        let lines = self.clone();
        tokio::spawn(async move {
            for text in missing {
                let made = tokio::time::timeout(TIMEOUT, synthesise(&*voice, &text)).await.ok().flatten();
                let lines = &mut lines.lock().lines;
                match made {
                    Some(audio) => {
                        if let Some(line) = lines.get_mut(&text) {
                            line.audio = Some(audio);
                        }
                    }
                    // The next call tries again.
                    None => drop(lines.remove(&text)),
                }
            }
        });
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// Notes the lines of an agent that nobody has asked for yet, and returns them.
    fn missing(&mut self, agent: &AgentConfig) -> Vec<String> {
        let mut missing = Vec::new();
        for text in lines_of(agent).filter(|text| !self.lines.contains_key(*text)).collect::<BTreeSet<_>>() {
            if self.lines.len() >= MAX_LINES && !self.make_room() {
                break;
            }
            self.lines.insert(text.to_owned(), Line { audio: None, wanted_at: self.n_calls });
            missing.push(text.to_owned());
        }
        missing
    }

    /// Forgets the line that no call has wanted for longest.
    fn make_room(&mut self) -> bool {
        let made = self.lines.iter().filter(|(_, line)| line.audio.is_some());
        let oldest = made.min_by_key(|(_, line)| line.wanted_at).map(|(text, _)| text.clone());
        oldest.is_some_and(|text| self.lines.remove(&text).is_some())
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
        let voices = Ranked::new(voice.clone() as Arc<dyn TextToSpeech>, Vec::new());
        lines.prepare(&agent, &voices);
        lines.prepare(&agent, &voices);
        while lines.at_hand(&agent).len() < lines_of(&agent).count() {
            tokio::task::yield_now().await;
        }
        assert_eq!(*voice.opened.lock().unwrap(), lines_of(&agent).count());
        assert_eq!(lines.at_hand(&agent)[&agent.apology], agent.apology.as_bytes());
    }

    #[tokio::test]
    async fn what_no_call_wants_any_more_makes_room() {
        let lines = Arc::new(Lines::default());
        let voices =
            Ranked::new(Arc::new(Parrot { opened: Mutex::new(0) }) as Arc<dyn TextToSpeech>, Vec::new());
        for n in 0..2 * MAX_LINES {
            let agent = AgentConfig { greeting: format!("Hello {n}."), ..AgentConfig::default() };
            lines.at_hand(&agent);
            lines.prepare(&agent, &voices);
            while !lines.at_hand(&agent).contains_key(&agent.greeting) {
                tokio::task::yield_now().await;
            }
        }
        assert!(lines.lock().lines.len() <= MAX_LINES);
        assert!(lines.at_hand(&AgentConfig::default()).len() > 3, "what every call wants is kept");
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
