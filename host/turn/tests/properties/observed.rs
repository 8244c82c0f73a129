//! A call under test.
#![cfg(test)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use turn::{
    AgentConfig, Call, CallContext, CallTime, CallerFrame, CarrierInput, ClauseId, Input, LlmInput, MarkName,
    Output, PRESS_KEYS, Round, Sentiment, State, SttInput, ToolCall, ToolResult, TtsInput, TurnId,
};

use crate::steps::{CarrierStep, Step};

/// A call under test, with what the rules need to know of its past.
pub struct Observed {
    pub call: Call,
    pub config: AgentConfig,
    pub context: CallContext,
    pub now: CallTime,
    pub outputs: Vec<Output>,
    pub turn: TurnId,
    pub round: Round,
    pub marks: Vec<MarkName>,
    pub clauses: Vec<ClauseId>,
    pub all_marks: BTreeSet<MarkName>,
    pub tools: Vec<(TurnId, String)>,
    pub live_model: Option<TurnId>,
    pub committed: BTreeSet<u32>,
    /// Turns of the agent's own that tell the results of tools.
    pub told: BTreeSet<u32>,
    /// The turn that runs, where no words of the caller's have just opened it.
    pub own: Option<TurnId>,
    pub finished: BTreeSet<u32>,
    pub hung_up: bool,
    pub n_ended: u32,
    /// Turns that were interrupted: none of their audio may follow.
    pub dead: BTreeSet<TurnId>,
    /// The turn whose audio went out since the last clear.
    pub sending: Option<TurnId>,
    /// Whether that turn was cut since.
    pub uncleared: bool,
    /// When the carrier has played all that it holds.
    pub dry_at: CallTime,
    pub heard: Option<(TurnId, String)>,
    /// The last request of each turn.
    pub rounds: BTreeMap<TurnId, Round>,
    /// The turn for which the model was asked before it was committed.
    pub ahead: Option<TurnId>,
    /// How often that was for nothing, by turn.
    pub discarded: BTreeMap<u32, u32>,
    /// How many fillers were sent, by turn.
    pub fillers: BTreeMap<u32, u32>,
    /// Tool calls that were stopped.
    pub stopped: BTreeSet<(TurnId, String)>,
}

impl Observed {
    pub fn new(config: AgentConfig, context: CallContext) -> Self {
        config.validate().unwrap();
        let mut observed = Self {
            call: Call::new(config.clone(), context.clone(), Duration::ZERO),
            config,
            context,
            now: Duration::ZERO,
            outputs: Vec::new(),
            turn: TurnId(0),
            round: Round(0),
            marks: Vec::new(),
            clauses: Vec::new(),
            all_marks: BTreeSet::new(),
            tools: Vec::new(),
            live_model: None,
            committed: BTreeSet::new(),
            told: BTreeSet::new(),
            own: None,
            finished: BTreeSet::new(),
            hung_up: false,
            n_ended: 0,
            dead: BTreeSet::new(),
            sending: None,
            uncleared: false,
            dry_at: Duration::ZERO,
            heard: None,
            rounds: BTreeMap::new(),
            ahead: None,
            discarded: BTreeMap::new(),
            fillers: BTreeMap::new(),
            stopped: BTreeSet::new(),
        };
        observed.input(Input::Carrier(CarrierInput::Started { stream: "MZ1".into() }));
        observed
    }

    pub fn take(&mut self, step: Step) {
        match step {
            Step::Frames { n, speech } => {
                for _ in 0..n {
                    self.pass(Duration::from_millis(20));
                    let frame = CallerFrame { duration: Duration::from_millis(20), speech, level: 0.1 };
                    self.input(Input::CallerAudio(frame));
                }
            }
            Step::Wait { ms } => self.pass(Duration::from_millis(u64::from(ms))),
            Step::Timeout => self.timeout(),
            Step::Carrier(carrier) => self.carrier(carrier),
            Step::Stt(stt) => self.input(Input::Stt(stt)),
            Step::Llm { turns_ago, rounds_ago, llm } => {
                let (turn, round) =
                    (self.turn.0.saturating_sub(turns_ago), self.round.0.saturating_sub(rounds_ago));
                self.input(Input::Llm(TurnId(turn), Round(round), llm));
            }
            Step::Tts { turns_ago, tts } => {
                self.input(Input::Tts(TurnId(self.turn.0.saturating_sub(turns_ago)), tts));
            }
            Step::Tool { newest, outcome } => {
                let Some((turn, id)) = self.tools.iter().rev().nth(newest).cloned() else { return };
                self.input(Input::Tool(ToolResult {
                    turn,
                    id,
                    outcome: outcome.into(),
                    text: "told".into(),
                }));
            }
            Step::Sentiment { turns_ago, score } => {
                let sentiment = Sentiment {
                    label: "neutral".into(),
                    score,
                    confidence: score,
                    tone: "calm".into(),
                    pace: "slower".into(),
                    escalate: false,
                };
                self.input(Input::Sentiment(TurnId((self.turn.0 + 1).saturating_sub(turns_ago)), sentiment));
            }
            Step::Memory { turns_ago, text } => {
                self.input(Input::Memory(TurnId((self.turn.0 + 1).saturating_sub(turns_ago)), vec![text]));
            }
            Step::Operator(command) => self.input(Input::Operator(command)),
            Step::Exchange { words, answer, tools, early } => self.exchange(words, answer, &tools, early),
            Step::Speech { ms_per_clause, tells } => self.speech(ms_per_clause, tells),
        }
    }

    fn exchange(&mut self, words: &str, answer: Option<String>, tools: &[&str], early: Option<bool>) {
        self.take(Step::Frames { n: 30, speech: 0.95 });
        if let Some(right) = early {
            self.take(Step::Frames { n: 5, speech: 0.02 });
            self.input(Input::Stt(SttInput::EagerEndOfTurn { text: words.into() }));
            self.answer(answer, tools);
            let text = if right { words.to_owned() } else { format!("{words} And more.") };
            self.input(Input::Stt(SttInput::Final { text, speech_final: true }));
            self.take(Step::Frames { n: 20, speech: 0.02 });
            return;
        }
        self.input(Input::Stt(SttInput::Final { text: words.into(), speech_final: true }));
        self.take(Step::Frames { n: 20, speech: 0.02 });
        self.answer(answer, tools);
    }

    fn answer(&mut self, answer: Option<String>, tools: &[&str]) {
        let (turn, round) = (self.turn, self.round);
        if let Some(answer) = answer {
            self.input(Input::Llm(turn, round, LlmInput::Delta(answer)));
        }
        for (name, id) in tools.iter().zip(["x", "y", "z"]) {
            let arguments = match *name {
                PRESS_KEYS => r##"{"keys":"12#"}"##.to_owned(),
                _ => format!("{{\"n\":\"{turn} {id}\"}}"),
            };
            let call = ToolCall { id: id.into(), name: (*name).into(), arguments };
            self.input(Input::Llm(turn, round, LlmInput::ToolCall(call)));
        }
        self.input(Input::Llm(turn, round, LlmInput::Finished));
    }

    fn speech(&mut self, ms_per_clause: u16, tells: bool) {
        let turn = self.turn;
        for clause in std::mem::take(&mut self.clauses) {
            let audio = Bytes::from(vec![0x55; usize::from(ms_per_clause) * 8]);
            self.input(Input::Tts(turn, TtsInput::Audio(audio)));
            if tells {
                self.input(Input::Tts(turn, TtsInput::ClauseDone(clause)));
            }
        }
        self.input(Input::Tts(turn, TtsInput::Done));
    }

    fn carrier(&mut self, carrier: CarrierStep) {
        let input = match carrier {
            CarrierStep::Mark { nth, forget } => {
                let Some(name) = self.marks.get(nth).cloned() else { return };
                if forget {
                    self.marks.remove(nth);
                }
                CarrierInput::Mark(name)
            }
            CarrierStep::Stranger(name) => CarrierInput::Mark(MarkName(name)),
            CarrierStep::Dtmf(digit) => CarrierInput::Dtmf(digit),
            CarrierStep::Started => CarrierInput::Started { stream: "MZ2".into() },
            CarrierStep::Stopped => CarrierInput::Stopped,
            CarrierStep::Lost => CarrierInput::Lost,
        };
        self.input(Input::Carrier(input));
    }

    /// Lets time pass, with the wake-ups that the call asks for.
    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while self.call.poll_timeout().is_some_and(|at| at <= until) {
            self.timeout();
        }
        self.now = until;
    }

    /// Brings the call to the present, where nothing is due.
    pub fn catch_up(&mut self) {
        self.call.handle_timeout(self.now);
        self.observe();
    }

    pub fn timeout(&mut self) {
        let Some(at) = self.call.poll_timeout() else { return };
        self.now = self.now.max(at);
        self.call.handle_timeout(self.now);
        self.observe();
    }

    pub fn input(&mut self, input: Input) {
        self.call.handle_input(self.now, input);
        self.observe();
    }

    fn observe(&mut self) {
        let outputs: Vec<Output> = std::iter::from_fn(|| self.call.poll_output()).collect();
        let of_caller = |output: &Output, own: TurnId| match output {
            Output::Emit(events::CallEvent::TurnCommitted { turn, .. }) => *turn == own.0,
            Output::Emit(events::CallEvent::SpeculationDiscarded { turn, .. }) => *turn == own.0,
            _ => false,
        };
        let own = self.call.snapshot().turn;
        self.own = own.filter(|own| !outputs.iter().any(|output| of_caller(output, *own)));
        for output in outputs {
            self.check(&output);
            self.outputs.push(output);
        }
        match self.call.poll_timeout() {
            Some(at) => assert!(at > self.now, "{at:?} at {:?}: {:?}", self.now, self.call),
            None => assert!(self.call.is_finished()),
        }
        let snapshot = self.call.snapshot();
        assert_eq!(snapshot.speculations_discarded, self.discarded.values().sum::<u32>());
        assert!(!(snapshot.state == State::Finished) || self.call.is_finished());
        let Some(turn) = snapshot.turn else { return };
        assert!(snapshot.said.starts_with(&snapshot.heard), "{snapshot:?}");
        if let Some((before, heard)) = &self.heard
            && *before == turn
        {
            assert!(snapshot.heard.starts_with(heard.as_str()), "{heard:?}, then {snapshot:?}");
        }
        let next = snapshot.said.get(snapshot.heard.len()..).and_then(|rest| rest.chars().next());
        let last = snapshot.heard.chars().next_back();
        let cut = next.is_some_and(char::is_alphanumeric) && last.is_some_and(char::is_alphanumeric);
        assert!(!cut, "{snapshot:?}");
        self.heard = Some((turn, snapshot.heard));
    }
}
