//! What is known of the customer and their mood, gathered while they still speak.

use std::collections::VecDeque;

use crate::words::words;
use crate::{Sentiment, TurnId};

/// Memories and moods, and which of them are being asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Knowledge {
    known: Vec<String>,
    recalled: Vec<String>,
    recalled_for: Option<TurnId>,
    mood: Option<(TurnId, Sentiment)>,
    trajectory: Vec<f32>,
    memory_request: Request,
    mood_request: Request,
    whispers: VecDeque<Whisper>,
}

/// What an operator told the agent, and the turn whose model was told of it.
#[derive(Clone, Debug)]
struct Whisper {
    text: String,
    told_in: Option<TurnId>,
}

#[derive(Clone, Debug, Default)]
struct Request {
    turn: Option<TurnId>,
    text: String,
    n_words: usize,
    outstanding: bool,
}

impl Request {
    /// Whether to ask for `text`; notes it if so. Words that are still coming in are
    /// asked for only when the answer before is there, and every few words; `certain`
    /// ones always.
    fn ask(&mut self, turn: TurnId, text: String, certain: bool, every: usize) -> bool {
        let same_turn = self.turn == Some(turn);
        if same_turn && self.text == text {
            return false;
        }
        let n_words = text.split_whitespace().count();
        if !certain && same_turn && (self.outstanding || n_words < self.n_words + every) {
            return false;
        }
        *self = Self { turn: Some(turn), text, n_words, outstanding: true };
        true
    }

    fn answered(&mut self, turn: TurnId) {
        self.outstanding &= self.turn != Some(turn);
    }
}

impl Knowledge {
    pub(crate) fn new(known: Vec<String>) -> Self {
        Self { known: bounded(known), ..Self::default() }
    }

    /// Whether the mood of `text` is to be asked for.
    pub(crate) fn asks_mood(&mut self, turn: TurnId, text: &str, certain: bool) -> bool {
        self.mood_request.ask(turn, text.to_owned(), certain, 1)
    }

    /// Whether memories for `text` are to be asked for. They cost an embedding, and do
    /// not depend on punctuation.
    pub(crate) fn asks_memory(&mut self, turn: TurnId, text: &str, certain: bool) -> bool {
        let words: Vec<String> = words(text).collect();
        self.memory_request.ask(turn, words.join(" "), certain, WORDS_PER_RECALL)
    }

    /// Whether something asked for `turn` has not been answered.
    pub(crate) fn awaits(&self, turn: TurnId) -> bool {
        [&self.memory_request, &self.mood_request]
            .into_iter()
            .any(|request| request.outstanding && request.turn == Some(turn))
    }

    /// Takes memories. Those recalled for a call's start stay known throughout.
    pub(crate) fn remember(&mut self, turn: TurnId, at_start: bool, memories: Vec<String>) {
        self.memory_request.answered(turn);
        let memories = bounded(memories);
        if at_start {
            for memory in memories {
                if !self.known.contains(&memory) && self.known.len() < MAX_MEMORIES {
                    self.known.push(memory);
                }
            }
        } else if !memories.is_empty() {
            self.recalled = memories;
            self.recalled_for = Some(turn);
        }
    }

    /// Takes a mood.
    pub(crate) fn feel(&mut self, turn: TurnId, mut mood: Sentiment) {
        self.mood_request.answered(turn);
        mood.score = finite(mood.score, -1.0);
        mood.confidence = finite(mood.confidence, 0.0);
        self.mood = Some((turn, mood));
    }

    /// The mood of a turn's words.
    pub(crate) fn mood_of(&self, turn: TurnId) -> Option<&Sentiment> {
        self.mood.as_ref().filter(|(of, _)| *of == turn).map(|(_, mood)| mood)
    }

    /// What was recalled for a turn.
    pub(crate) fn recalled_for(&self, turn: TurnId) -> Option<&[String]> {
        (self.recalled_for == Some(turn)).then_some(&*self.recalled)
    }

    /// Adds the score of a turn to the trajectory.
    pub(crate) fn record(&mut self, score: f32) {
        if self.trajectory.len() == MAX_TRAJECTORY {
            self.trajectory.remove(0);
        }
        self.trajectory.push(score);
    }

    /// Scores of the turns before, oldest first.
    pub(crate) fn trajectory(&self) -> Vec<f32> {
        self.trajectory.clone()
    }

    /// Takes what an operator tells the agent; returns what of it is kept. Of many
    /// whispers the newest count.
    pub(crate) fn whisper(&mut self, text: &str) -> Option<String> {
        let text: String = text.trim().chars().take(MAX_WHISPER_LENGTH).collect();
        if text.is_empty() {
            return None;
        }
        if self.whispers.len() == MAX_WHISPERS {
            self.whispers.pop_front();
        }
        self.whispers.push_back(Whisper { text: text.clone(), told_in: None });
        Some(text)
    }

    /// Notes that a request of `turn` has told the model of all whispers so far.
    pub(crate) fn whispers_told(&mut self, turn: TurnId) {
        for whisper in &mut self.whispers {
            whisper.told_in = Some(turn);
        }
    }

    /// Forgets the whispers that an answer was made with which the caller heard. Those of
    /// an answer that was thrown away are told again.
    pub(crate) fn whispers_used(&mut self, turn: TurnId) {
        self.whispers.retain(|whisper| whisper.told_in != Some(turn));
    }

    /// The system message: the tenant's instructions, and below them what is known.
    pub(crate) fn system_message(&self, instructions: &str, caller_known: bool, interrupted: bool) -> String {
        let mut text = instructions.trim_end().to_owned();
        text.push_str("\n\n## This call\n\nYour words are spoken on the telephone.");
        if !caller_known {
            text.push_str(" The caller's number is withheld.");
        }
        if interrupted {
            text.push_str(" The caller interrupted your last answer; only what they heard of it is shown.");
        }
        self.describe_mood(&mut text);
        for whisper in &self.whispers {
            text.push_str("\n\nAn operator tells you, unheard by the caller: ");
            text.push_str(&whisper.text);
        }
        let memories =
            self.recalled.iter().chain(self.known.iter().filter(|known| !self.recalled.contains(known)));
        for (n, memory) in memories.take(MAX_MEMORIES).enumerate() {
            text.push_str(if n == 0 { "\n\nWhat is known of this customer:\n- " } else { "\n- " });
            text.push_str(memory.trim());
        }
        text
    }

    fn describe_mood(&self, text: &mut String) {
        let Some((_, mood)) = &self.mood else { return };
        match mood.tone.as_str() {
            "warm" => text.push_str(" The caller is in good spirits: sound warm."),
            "calm" => text.push_str(" The caller is tense: stay calm, be brief and concrete."),
            "apologetic" => text.push_str(" The caller is upset: say sorry once, then help."),
            _ => {}
        }
        match mood.pace.as_str() {
            "slower" => text.push_str(" Speak in short sentences, one thing at a time."),
            "faster" => text.push_str(" The caller is in a hurry: come to the point."),
            _ => {}
        }
        if mood.escalate {
            text.push_str(" Offer the caller to speak to a human.");
        }
    }
}

/// More would crowd out the conversation.
const MAX_MEMORIES: usize = 12;
/// As long as a paragraph.
const MAX_MEMORY_LENGTH: usize = 600;
const MAX_TRAJECTORY: usize = 50;
/// An operator who says more would rather take the call.
const MAX_WHISPERS: usize = 4;
/// In characters.
const MAX_WHISPER_LENGTH: usize = 500;
const WORDS_PER_RECALL: usize = 3;

fn bounded(mut memories: Vec<String>) -> Vec<String> {
    memories.retain(|memory| !memory.trim().is_empty() && memory.len() <= MAX_MEMORY_LENGTH);
    memories.truncate(MAX_MEMORIES);
    memories
}

/// A log cannot hold numbers that are none.
fn finite(value: f32, min: f32) -> f32 {
    if value.is_finite() { value.clamp(min, 1.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TURN: TurnId = TurnId(1);

    #[test]
    fn words_are_asked_for_once_while_an_answer_is_out_and_always_when_committed() {
        let mut knowledge = Knowledge::default();
        assert!(knowledge.asks_mood(TURN, "this", false));
        assert!(!knowledge.asks_mood(TURN, "this is", false));
        knowledge.feel(TURN, mood(0.1));
        assert!(knowledge.asks_mood(TURN, "this is bad", false));
        assert!(knowledge.asks_mood(TURN, "This is bad.", true));
        assert!(!knowledge.asks_mood(TURN, "This is bad.", true));
        assert!(knowledge.awaits(TURN));
        knowledge.feel(TURN, mood(-0.5));
        assert!(!knowledge.awaits(TURN));
    }

    #[test]
    fn memory_is_asked_for_every_few_words() {
        let mut knowledge = Knowledge::default();
        assert!(knowledge.asks_memory(TURN, "my", false));
        knowledge.remember(TURN, false, Vec::new());
        assert!(!knowledge.asks_memory(TURN, "my last", false));
        assert!(knowledge.asks_memory(TURN, "my last order was", false));
    }

    #[test]
    fn an_answer_for_another_turn_does_not_end_the_wait() {
        let mut knowledge = Knowledge::default();
        knowledge.asks_memory(TURN, "my order", true);
        knowledge.remember(TurnId(7), false, vec!["x".into()]);
        assert!(knowledge.awaits(TURN));
    }

    #[test]
    fn the_system_message_ends_with_what_is_known() {
        let mut knowledge = Knowledge::new(vec!["Name: Ada.".into()]);
        knowledge.remember(TURN, false, vec!["Prefers mornings.".into(), "Name: Ada.".into()]);
        knowledge.feel(TURN, Sentiment { escalate: true, ..mood(-0.9) });
        let text = knowledge.system_message("Be brief.", false, true);
        assert!(text.starts_with("Be brief.\n\n## This call"), "{text}");
        assert!(
            text.contains("withheld") && text.contains("interrupted") && text.contains("human"),
            "{text}"
        );
        assert!(text.ends_with("customer:\n- Prefers mornings.\n- Name: Ada."), "{text}");
    }

    #[test]
    fn a_whisper_is_told_until_an_answer_with_it_was_heard() {
        let mut knowledge = Knowledge::default();
        assert_eq!(knowledge.whisper("  Be kind. ").as_deref(), Some("Be kind."));
        assert_eq!(knowledge.whisper(" "), None);
        knowledge.whispers_told(TURN);
        knowledge.whisper("Be brief.");
        knowledge.whispers_used(TurnId(7));
        assert!(knowledge.system_message("", true, false).contains("by the caller: Be kind.\n\nAn operator"));
        knowledge.whispers_used(TURN);
        let text = knowledge.system_message("", true, false);
        assert!(!text.contains("Be kind.") && text.contains("Be brief."), "{text}");
    }

    #[test]
    fn a_score_that_is_no_number_is_neutral() {
        let mut knowledge = Knowledge::default();
        knowledge.feel(TURN, mood(f32::NAN));
        assert_eq!(knowledge.mood_of(TURN).map(|mood| mood.score), Some(0.0));
    }

    fn mood(score: f32) -> Sentiment {
        Sentiment {
            label: "negative".into(),
            score,
            confidence: 0.9,
            tone: "calm".into(),
            pace: "slower".into(),
            escalate: false,
        }
    }
}
