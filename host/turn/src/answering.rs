//! What is known of the caller reaches the turn that is being answered.

use events::CallEvent;

use crate::answer::Model;
use crate::call::Call;
use crate::timers::Timer;
use crate::{CallTime, Output, Sentiment, TurnId};

impl Call {
    pub(crate) fn on_sentiment(&mut self, now: CallTime, turn: TurnId, sentiment: Sentiment) {
        let answered = self.answer.as_ref().filter(|answer| answer.turn == turn && answer.reply);
        let late = answered.is_some_and(|answer| answer.model != Model::NotAsked);
        if answered.is_none() && turn != self.next_turn {
            return;
        }
        let known = self.knowledge.mood_of(turn).is_some();
        self.knowledge.feel(turn, sentiment);
        if late && !known {
            self.log_mood(turn);
        }
        self.ask_model_if_ready(now);
    }

    pub(crate) fn on_memory(&mut self, now: CallTime, turn: TurnId, memories: Vec<String>) {
        let at_start = turn == self.first_turn;
        let answered = self.answer.as_ref().filter(|answer| answer.turn == turn && answer.reply);
        let late = answered.is_some_and(|answer| answer.model != Model::NotAsked);
        if !at_start && answered.is_none() && turn != self.next_turn {
            return;
        }
        if at_start && !memories.is_empty() {
            self.emit(CallEvent::MemoryRecalled { turn: turn.0, memories: memories.clone() });
        }
        self.knowledge.remember(turn, at_start, memories);
        if late {
            self.log_memory(turn);
        }
        self.ask_model_if_ready(now);
    }

    pub(crate) fn ask_memory(&mut self, turn: TurnId, text: &str, certain: bool) {
        if self.knowledge.asks_memory(turn, text, certain) {
            self.outputs.push_back(Output::RecallMemory { turn, text: text.to_owned() });
        }
    }

    /// Writes down what is known by the time that the model's answer to a turn begins.
    pub(crate) fn log_context(&mut self, turn: TurnId) {
        self.log_mood(turn);
        self.log_memory(turn);
    }

    pub(crate) fn stop_answer_timers(&mut self) {
        self.timers.stop_all(&[
            Timer::Context,
            Timer::Model,
            Timer::Retry,
            Timer::Filler,
            Timer::Speech,
            Timer::Pace,
            Timer::Playback,
            Timer::Close,
        ]);
    }

    pub(crate) fn emit_failure(&mut self, stage: &str, message: &str) {
        let message = message.chars().take(MAX_MESSAGE).collect();
        self.emit(CallEvent::VendorFailed { stage: stage.to_owned(), message });
    }

    fn ask_model_if_ready(&mut self, now: CallTime) {
        let waiting = self.answer.as_ref().filter(|answer| answer.model == Model::NotAsked);
        if waiting.is_some_and(|answer| !self.knowledge.awaits(answer.turn)) {
            self.ask_model(now);
        }
    }

    fn log_mood(&mut self, turn: TurnId) {
        let Some(mood) = self.knowledge.mood_of(turn).cloned() else { return };
        self.knowledge.record(mood.score);
        self.emit(CallEvent::SentimentAssessed {
            turn: turn.0,
            label: mood.label,
            score: mood.score,
            confidence: mood.confidence,
            tone: mood.tone,
            pace: mood.pace,
            escalate: mood.escalate,
        });
    }

    fn log_memory(&mut self, turn: TurnId) {
        let Some(memories) = self.knowledge.recalled_for(turn).map(<[String]>::to_vec) else { return };
        self.emit(CallEvent::MemoryRecalled { turn: turn.0, memories });
    }
}

/// A vendor's message is for a log line.
const MAX_MESSAGE: usize = 500;
