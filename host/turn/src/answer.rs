//! The turn that is being answered or spoken. There is at most one.

use events::{EndReason, Latency, LedgerClock, Stage};

use crate::clauses::ClauseCutter;
use crate::keys::KeysOut;
use crate::pace::Pace;
use crate::spoken::Spoken;
use crate::{Attempt, CallTime, Round, ToolCall, TurnId};

/// What the model is doing for the turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Model {
    /// Not asked yet: memory and sentiment are awaited.
    NotAsked,
    /// Asked; may be answering.
    Asked,
    /// To be asked again after a pause.
    Resting,
    /// Not needed at the moment: its answer is complete, or tools run.
    Idle,
}

/// How the call goes on without us when a turn is spoken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Leave {
    /// It is ended.
    HangUp(EndReason),
    /// The caller is handed over to this number.
    Transfer(String),
}

/// A turn of the agent's.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) turn: TurnId,
    /// Whether it answers the caller; else it is a line of the agent's own.
    pub(crate) reply: bool,
    /// Whether it is the rest of an earlier turn's answer.
    pub(crate) owed: bool,
    /// Whether the caller has answered behind its last words.
    pub(crate) answered: bool,
    /// Whether the caller cannot interrupt it.
    pub(crate) protected: bool,
    pub(crate) model: Model,
    pub(crate) round: Round,
    pub(crate) n_tool_rounds: u32,
    /// Which try of asking the model this is.
    pub(crate) attempt: Attempt,
    /// Whether the model began to answer this request.
    pub(crate) model_began: bool,
    /// Whether the model is to be told that it was interrupted.
    pub(crate) interrupted: bool,
    /// The tool calls of the current round.
    pub(crate) calls: Vec<ToolCall>,
    /// The tool calls that were run for this turn.
    pub(crate) called: Vec<ToolCall>,
    pub(crate) cutter: ClauseCutter,
    pub(crate) spoken: Spoken,
    /// The first clause that is no filler.
    pub(crate) words_from: Option<usize>,
    /// How many of the words come before the model's first.
    pub(crate) model_from: Option<usize>,
    /// Whether words of the current round were handed to speech, fillers not counted.
    pub(crate) round_spoke: bool,
    /// How many of the words are in the history with the tool calls behind them.
    pub(crate) recorded_to: usize,
    pub(crate) n_fillers: u32,
    /// Whether the present wait has had its filler.
    pub(crate) filled: bool,
    /// How many clauses are in the log.
    pub(crate) n_logged: usize,
    /// Whether no more clauses come.
    pub(crate) speech_ended: bool,
    /// Whether the synthesiser was given any of them.
    pub(crate) synthesised: bool,
    /// Which try of speaking this is.
    pub(crate) voice: Attempt,
    pub(crate) ledger: Option<Ledger>,
    latency: Option<Latency>,
    /// When its first audio was let go.
    first_sent: Option<CallTime>,
    /// When the caller's speech ended to which it answers, once the ledger has stopped.
    began: Option<CallTime>,
    /// What becomes of the call with this turn, if it is the last.
    pub(crate) leave: Option<Leave>,
    /// The keys that it presses.
    pub(crate) keys: KeysOut,
    /// The caller's voiced time before the turn, to tell what is said over it.
    pub(crate) voiced_before: std::time::Duration,
}

impl Answer {
    pub(crate) fn new(turn: TurnId, pace: Pace) -> Self {
        Self {
            turn,
            reply: false,
            owed: false,
            answered: false,
            protected: false,
            model: Model::Idle,
            round: Round(0),
            n_tool_rounds: 0,
            attempt: Attempt::default(),
            model_began: false,
            interrupted: false,
            calls: Vec::new(),
            called: Vec::new(),
            cutter: ClauseCutter::default(),
            spoken: Spoken::new(pace),
            words_from: None,
            model_from: None,
            round_spoke: false,
            recorded_to: 0,
            n_fillers: 0,
            filled: false,
            n_logged: 0,
            speech_ended: false,
            synthesised: false,
            voice: Attempt::default(),
            ledger: None,
            latency: None,
            first_sent: None,
            began: None,
            leave: None,
            keys: KeysOut::default(),
            voiced_before: std::time::Duration::ZERO,
        }
    }

    /// Whether the model owes something for this turn and request.
    pub(crate) fn expects_model(&self, turn: TurnId, round: Round) -> bool {
        self.turn == turn && self.round == round && self.model == Model::Asked
    }

    /// Whether the call is ended with it; a caller who is handed over hears no goodbye.
    pub(crate) fn hangs_up(&self) -> bool {
        matches!(self.leave, Some(Leave::HangUp(_)))
    }

    /// Begins the next request of the turn.
    pub(crate) fn next_round(&mut self) {
        self.round = Round(self.round.0.saturating_add(1));
        self.round_spoke = false;
        self.filled = false;
    }

    /// Notes that words are handed to speech that are no filler.
    pub(crate) fn begin_words(&mut self, now: CallTime) {
        if self.words_from.is_none() {
            self.words_from = Some(self.spoken.n_clauses());
            self.enter(now, Stage::TtsFirstByte);
        }
    }

    /// Whether the audio that the synthesiser owes next belongs to more than a filler.
    pub(crate) fn owes_words(&self) -> bool {
        let open = self.spoken.first_open();
        self.words_from.is_some_and(|from| open.is_none_or(|open| open >= from))
    }

    /// Whether words that are no filler are among the first `sent` bytes of audio.
    pub(crate) fn words_are_in(&self, sent: u64) -> bool {
        self.words_at().is_some_and(|at| at < sent)
    }

    /// Where in the turn's audio words begin that are no filler, once that is known.
    pub(crate) fn words_at(&self) -> Option<u64> {
        self.words_from.and_then(|from| self.spoken.starts_at(from))
    }

    /// The white space that is missing behind the words so far.
    pub(crate) fn seam(&self) -> &'static str {
        if self.spoken.said().ends_with(|c: char| !c.is_whitespace()) { " " } else { "" }
    }

    /// Goes over to a stage of the ledger, while it runs.
    pub(crate) fn enter(&mut self, now: CallTime, stage: Stage) {
        if let Some(ledger) = &mut self.ledger {
            ledger.enter(now, stage);
        }
    }

    /// The stage that the ledger is in, while it runs.
    pub(crate) fn stage(&self) -> Option<Stage> {
        self.ledger.as_ref().map(|ledger| ledger.stage)
    }

    /// Notes that audio was let go; a filler's not counted; returns whether it is the first.
    pub(crate) fn sent(&mut self, now: CallTime) -> bool {
        let first = self.first_sent.is_none();
        self.first_sent.get_or_insert(now);
        first
    }

    /// Stops the ledger: the first audio is on the carrier's socket.
    pub(crate) fn handed(&mut self, now: CallTime) {
        if self.first_sent.is_none() {
            return;
        }
        if let Some(ledger) = self.ledger.take() {
            self.began = Some(ledger.clock.began());
            self.latency = Some(ledger.clock.finish(now));
        }
    }

    /// The latency of a turn that is over and that the caller has heard since `heard`,
    /// where that is known. Where nobody said that the first audio was on the socket, it
    /// counts as handed over when it was let go.
    pub(crate) fn latency(&mut self, heard: Option<CallTime>) -> Option<Latency> {
        let sent = self.first_sent?;
        self.handed(sent);
        let mut latency = self.latency?;
        // Nothing is heard before it is sent, whatever a mark says.
        let waited = heard.zip(self.began).map(|(at, began)| at.max(sent).saturating_sub(began));
        latency.heard_start = waited.map(|waited| waited.as_micros() as f64 / 1000.0);
        Some(latency)
    }
}

/// The latency ledger of a turn. While the caller may be interrupting, the turn waits
/// for the caller, whatever its vendors do meanwhile.
#[derive(Clone, Debug)]
pub(crate) struct Ledger {
    clock: LedgerClock,
    stage: Stage,
    held: bool,
}

impl Ledger {
    /// A turn that was committed at `now`, and could have been at `ready` had its
    /// transcript been there.
    pub(crate) fn committed(end_of_speech: CallTime, ready: CallTime, now: CallTime) -> Self {
        let mut clock = LedgerClock::new(end_of_speech.min(now));
        if ready < now {
            clock.enter(Stage::SttTail, ready);
        }
        clock.enter(Stage::ContextWait, now);
        Self { clock, stage: Stage::ContextWait, held: false }
    }

    pub(crate) fn enter(&mut self, now: CallTime, stage: Stage) {
        self.stage = stage;
        if !self.held {
            self.clock.enter(stage, now);
        }
    }

    pub(crate) fn hold(&mut self, now: CallTime) {
        self.held = true;
        self.clock.enter(Stage::EndpointWait, now);
    }

    pub(crate) fn release(&mut self, now: CallTime) {
        self.held = false;
        self.clock.enter(self.stage, now);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_wait_for_the_transcript_is_not_the_endpoint_window() {
        let ledger = Ledger::committed(ms(1000), ms(1250), ms(1400));
        let latency = ledger.clock.finish(ms(1410));
        assert_eq!((latency.endpoint_wait, latency.stt_tail, latency.context_wait), (250.0, 150.0, 10.0));
        assert!(latency.closes());
    }

    #[test]
    fn nothing_is_heard_before_it_is_sent() {
        let pace = Pace { frame_bytes: 160, silence: 0xFF, lead: ms(300), mark_every: ms(500) };
        for (heard, expected) in [(Some(ms(1990)), Some(700.0)), (Some(ms(2060)), Some(760.0)), (None, None)]
        {
            let mut answer = Answer::new(TurnId(1), pace);
            answer.ledger = Some(Ledger::committed(ms(1300), ms(1600), ms(1600)));
            assert_eq!(answer.latency(heard), None, "nothing was sent");
            answer.sent(ms(2000));
            answer.handed(ms(2001));
            let latency = answer.latency(heard).unwrap();
            assert_eq!((latency.heard_start, latency.total), (expected, 701.0));
        }
    }

    #[test]
    fn a_hold_is_a_wait_for_the_caller() {
        let mut ledger = Ledger::committed(ms(0), ms(300), ms(200));
        ledger.enter(ms(200), Stage::LlmFirstToken);
        ledger.hold(ms(300));
        ledger.enter(ms(400), Stage::TtsFirstByte);
        ledger.release(ms(800));
        let latency = ledger.clock.finish(ms(900));
        assert_eq!(
            (latency.endpoint_wait, latency.llm_first_token, latency.tts_first_byte),
            (700.0, 100.0, 100.0)
        );
        assert!(latency.closes());
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }
}
