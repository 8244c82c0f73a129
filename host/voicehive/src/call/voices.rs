//! The agent's voices: the preferred one, and those that stand in when it fails.

use std::sync::Arc;

use speech::{TextToSpeech, TtsOptions};
use tokio::sync::mpsc;
use turn::{Attempt, ClauseId, Input, Order, TtsInput, TurnId};

use super::voice::Voice;
use crate::ranked::{Ranked, Taken};

/// What a voice said, and which one it was.
#[derive(Debug)]
pub struct Spoken {
    /// Its place in the order of preference.
    pub voice: usize,
    /// What it said.
    pub input: Input,
}

/// The streams to the synthesisers of one call. A turn is spoken by one of them at a time.
pub struct Voices {
    ranked: Arc<Ranked<dyn TextToSpeech>>,
    options: TtsOptions,
    spoken: mpsc::Sender<Spoken>,
    open: Vec<Option<Voice>>,
    speaking: Option<Speaking>,
    /// Which voices the tries of the latest turn went to.
    order: (TurnId, Order),
}

struct Speaking {
    turn: TurnId,
    attempt: Attempt,
    taken: Arc<Taken<dyn TextToSpeech>>,
}

impl Voices {
    /// Opens a stream to the preferred voice in the background, before it is needed.
    pub fn start(
        ranked: Arc<Ranked<dyn TextToSpeech>>,
        options: TtsOptions,
        spoken: mpsc::Sender<Spoken>,
    ) -> Self {
        let open = ranked.all().iter().map(|_| None).collect();
        let order = (TurnId::default(), Order::new());
        let mut voices = Self { ranked, options, spoken, open, speaking: None, order };
        let preferred = voices.ranked.take(&mut Order::new(), Attempt(0)).index();
        voices.opened(preferred);
        voices
    }

    /// Speaks a clause. Another try goes to another voice, and what the one before still
    /// says of the turn counts no more.
    pub async fn speak(&mut self, turn: TurnId, clause: ClauseId, attempt: Attempt, text: String) {
        let same = |speaking: &Speaking| (speaking.turn, speaking.attempt) == (turn, attempt);
        if !self.speaking.as_ref().is_some_and(same) {
            self.change(turn, attempt).await;
        }
        if let Some(voice) = self.current() {
            voice.speak(turn, clause, text).await;
        }
    }

    /// No text will come for a while: what there is must be spoken to its end.
    pub async fn pause(&mut self, turn: TurnId) {
        if let Some(voice) = self.current_of(turn) {
            voice.pause(turn).await;
        }
    }

    /// No more text will come for the turn.
    pub async fn end(&mut self, turn: TurnId) {
        if let Some(voice) = self.current_of(turn) {
            voice.end(turn).await;
        }
    }

    /// Forgets the turn.
    pub async fn cancel(&mut self, turn: TurnId) {
        if let Some(voice) = self.current_of(turn) {
            voice.cancel(turn).await;
            self.speaking = None;
        }
    }

    /// What the call is told of what a voice said; nothing of a voice that was given up.
    pub fn heard(&mut self, spoken: Spoken) -> Option<Input> {
        let speaking = self.speaking.as_ref()?;
        let Input::Tts(turn, said) = &spoken.input else { return None };
        if *turn != speaking.turn || spoken.voice != speaking.taken.index() {
            return None;
        }
        match said {
            TtsInput::Audio(_) => speaking.taken.succeeded(),
            TtsInput::Failed { .. } => speaking.taken.failed(),
            _ => {}
        }
        Some(spoken.input)
    }

    async fn change(&mut self, turn: TurnId, attempt: Attempt) {
        if let Some(before) = self.speaking.take() {
            if before.turn == turn {
                before.taken.failed();
            }
            if let Some(Some(voice)) = self.open.get(before.taken.index()) {
                voice.cancel(before.turn).await;
            }
        }
        if self.order.0 != turn {
            self.order = (turn, Order::new());
        }
        let taken = self.ranked.take(&mut self.order.1, attempt);
        self.opened(taken.index());
        self.speaking = Some(Speaking { turn, attempt, taken });
    }

    fn current(&self) -> Option<&Voice> {
        let index = self.speaking.as_ref()?.taken.index();
        self.open.get(index)?.as_ref()
    }

    fn current_of(&self, turn: TurnId) -> Option<&Voice> {
        self.speaking.as_ref().filter(|speaking| speaking.turn == turn)?;
        self.current()
    }

    fn opened(&mut self, index: usize) {
        let Some(vendor) = self.ranked.all().get(index).cloned() else { return };
        if let Some(place @ None) = self.open.get_mut(index) {
            *place = Some(Voice::start(index, vendor, self.options.clone(), self.spoken.clone()));
        }
    }
}
