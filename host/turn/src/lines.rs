//! Words on their way to speech: the model's, and the lines that the core says itself,
//! some of which are at hand as audio.

use events::Stage;

use crate::answer::Answer;
use crate::call::Call;
use crate::state::State;
use crate::timers::Timer;
use crate::{CallTime, Output, TurnId};

impl Call {
    /// Begins a turn of the agent's own that says `line`.
    pub(crate) fn begin_line(
        &mut self,
        now: CallTime,
        turn: TurnId,
        line: &str,
        state: State,
        protected: bool,
    ) {
        let mut answer = Answer::new(turn, self.pace);
        answer.protected = protected;
        answer.voiced_before = self.vad.voiced();
        self.history.open(turn, String::new());
        self.playout.begin(turn);
        self.answer = Some(answer);
        self.set_state(state);
        self.say(now, line);
        self.end_speech(now);
    }

    /// Speaks words that are not the model's.
    pub(crate) fn say(&mut self, now: CallTime, line: &str) {
        self.timers.stop(Timer::Filler);
        let Some(answer) = &mut self.answer else { return };
        answer.cutter.clear();
        answer.begin_words(now);
        let seam = answer.seam();
        if self.play_line(now, line, seam, "") {
            return;
        }
        let Some(answer) = &mut self.answer else { return };
        answer.cutter.push(seam);
        answer.cutter.push(line.trim());
        self.speak_clauses(now, true);
    }

    /// Speaks a line that is no part of the answer. What the model has not said yet
    /// follows it.
    pub(crate) fn say_aside(&mut self, now: CallTime, line: &str) {
        let Some(answer) = &mut self.answer else { return };
        if answer.words_from.is_none() {
            self.playout.words_begin(None);
        }
        // At most the white space that goes before the model's words; it comes with the line.
        answer.cutter.clear();
        let seam = answer.seam();
        if !self.play_line(now, line, seam, " ") {
            self.synthesise(now, format!("{seam}{} ", line.trim()));
        }
    }

    /// Hands clauses to the synthesiser; `all` of the words where no more come.
    pub(crate) fn speak_clauses(&mut self, now: CallTime, all: bool) {
        loop {
            let Some(answer) = &mut self.answer else { return };
            let clause = match answer.cutter.next_clause() {
                None if all => answer.cutter.finish(),
                clause => clause,
            };
            let Some(text) = clause else { return };
            answer.begin_words(now);
            answer.round_spoke = true;
            self.timers.stop(Timer::Filler);
            self.synthesise(now, text);
        }
    }

    /// Tells the synthesiser that the turn has no more words.
    pub(crate) fn end_speech(&mut self, now: CallTime) {
        self.timers.stop(Timer::Filler);
        let Some(answer) = &mut self.answer else { return };
        answer.speech_ended = true;
        if answer.spoken.is_empty() {
            self.playout.end_turn();
            return;
        }
        if answer.synthesised {
            self.outputs.push_back(Output::SpeechEnd { turn: answer.turn });
        }
        if answer.spoken.first_open().is_none() {
            self.on_speech_done(now);
        }
    }

    /// Ends the speech of an answer; one that ends the call says goodbye at least.
    pub(crate) fn end_answer(&mut self, now: CallTime) {
        let mute =
            self.answer.as_ref().is_some_and(|answer| answer.hangs_up() && answer.words_from.is_none());
        if mute {
            let farewell = self.config.farewell.clone();
            self.say(now, &farewell);
        }
        self.end_speech(now);
    }

    /// Plays a line whose audio is at hand, unless words before it are still on their
    /// way: it would overtake them.
    pub(crate) fn play_line(&mut self, now: CallTime, line: &str, before: &str, after: &str) -> bool {
        let audio = self.context.prerecorded.get(line.trim()).filter(|audio| !audio.is_empty());
        let (Some(audio), Some(answer)) = (audio.cloned(), &mut self.answer) else { return false };
        if answer.spoken.first_open().is_some() || self.playout.complete() {
            return false;
        }
        let next = self.playout.sent() == self.playout.received();
        if answer.stage() == Some(Stage::TtsFirstByte) && next {
            answer.enter(now, Stage::HostOverhead);
        }
        let heard = self.playout.heard(now);
        let from = self.playout.received();
        answer.spoken.push(&format!("{before}{}{after}", line.trim()));
        self.playout.push(audio);
        answer.spoken.inserted(from, self.playout.received(), heard);
        self.playout.end_clause();
        true
    }

    fn synthesise(&mut self, now: CallTime, text: String) {
        let Some(answer) = &mut self.answer else { return };
        let clause = answer.spoken.push(&text);
        answer.synthesised = true;
        self.timers.set_if_idle(Timer::Speech, now + self.config.timers.speech);
        self.outputs.push_back(Output::Speak { turn: answer.turn, clause, attempt: answer.voice, text });
    }
}
