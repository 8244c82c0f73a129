//! A call that takes steps and is watched.

use std::time::Duration;

use bytes::Bytes;
use turn::{
    AgentConfig, CallContext, CallTime, CallerFrame, CarrierInput, ClauseId, Input, MarkName, Output,
    Recorder, Round, Sentiment, Snapshot, ToolResult, TtsInput, TurnId,
};

use super::decode::{self, Step};
use super::rules::Rules;

const FRAME: Duration = Duration::from_millis(20);

/// A call under test, recorded by `S`, and what its vendors know of it.
pub struct Run<S, W> {
    pub call: Recorder<S>,
    pub now: CallTime,
    rules: Rules,
    turn: TurnId,
    round: Round,
    marks: Vec<MarkName>,
    clauses: Vec<ClauseId>,
    tools: Vec<(TurnId, String)>,
    /// What the call looked like after each input, and what came of it.
    watch: W,
    outputs: Vec<Output>,
}

/// For a call that nobody looks at.
#[allow(dead_code, reason = "the corpus looks")]
pub fn unwatched(_: &Snapshot, _: &[Output]) {}

impl<S: FnMut(&str) -> bool, W: FnMut(&Snapshot, &[Output])> Run<S, W> {
    /// A call whose stream has started.
    pub fn new(config: AgentConfig, context: CallContext, sink: Option<S>, watch: W) -> Self {
        config.validate().expect("a valid configuration");
        let rules = Rules::new(&config);
        let turn = TurnId(context.first_turn);
        let mut run = Self {
            call: Recorder::new(config, context, Duration::ZERO, sink),
            now: Duration::ZERO,
            rules,
            turn,
            round: Round(0),
            marks: Vec::new(),
            clauses: Vec::new(),
            tools: Vec::new(),
            watch,
            outputs: Vec::new(),
        };
        run.input(Input::Carrier(CarrierInput::Started { stream: "MZ1".into() }));
        run
    }

    /// The call that some bytes are, to its end, without a recording.
    #[allow(dead_code, reason = "recordings need the call itself")]
    pub fn whole(data: &[u8], watch: W) {
        let (config, context, steps) = decode::call(data);
        let mut run = Run::<S, W>::new(config, context, None, watch);
        for step in steps {
            run.take(step);
        }
        run.leave_alone();
    }

    pub fn take(&mut self, step: Step) {
        match step {
            Step::Frames { n, speech, level } => {
                for _ in 0..n {
                    self.pass(FRAME);
                    self.input(Input::CallerAudio(CallerFrame { duration: FRAME, speech, level }));
                }
            }
            Step::OddFrame { duration, speech } => {
                self.pass(duration);
                self.input(Input::CallerAudio(CallerFrame { duration, speech, level: 0.1 }));
            }
            Step::Wait(time) => self.pass(time),
            Step::Timeout => self.timeout(),
            Step::Carrier(carrier) => self.input(Input::Carrier(carrier)),
            Step::Mark { nth, forget } => self.mark(nth, forget),
            Step::Stt(stt) => self.input(Input::Stt(stt)),
            Step::Llm { turns_ago, rounds_ago, llm } => {
                let round = Round(self.round.0.saturating_sub(rounds_ago));
                self.input(Input::Llm(self.ago(turns_ago), round, llm));
            }
            Step::Tts { turns_ago, tts } => self.input(Input::Tts(self.ago(turns_ago), tts)),
            Step::Tool { newest, outcome } => self.tool(newest, outcome),
            Step::Mood { turns_ago, score } => {
                let next = TurnId(self.ago(turns_ago).0.saturating_add(1));
                self.input(Input::Sentiment(next, mood(score)));
            }
            Step::Memory { turns_ago, text } => {
                let next = TurnId(self.ago(turns_ago).0.saturating_add(1));
                self.input(Input::Memory(next, vec![text.into()]));
            }
            Step::Operator(command) => self.input(Input::Operator(command)),
            Step::Handed { turns_ago } => self.input(Input::Handed(self.ago(turns_ago))),
            Step::Speech { ms_per_clause, tells } => self.speech(ms_per_clause, tells),
        }
    }

    /// Leaves the call alone: it must end by its own timers.
    pub fn leave_alone(&mut self) {
        let mut n_wakes = 0;
        while !self.call.is_finished() {
            self.timeout();
            n_wakes += 1;
            assert!(n_wakes < 20_000, "it does not end: {:?}", self.call);
        }
        self.rules.over();
    }

    fn ago(&self, turns: u32) -> TurnId {
        TurnId(self.turn.0.saturating_sub(turns))
    }

    fn mark(&mut self, nth: usize, forget: bool) {
        let Some(name) = self.marks.get(nth).cloned() else { return };
        if forget {
            self.marks.remove(nth);
        }
        self.input(Input::Carrier(CarrierInput::Mark(name)));
    }

    fn tool(&mut self, newest: usize, outcome: &str) {
        let Some((turn, id)) = self.tools.iter().rev().nth(newest).cloned() else { return };
        self.input(Input::Tool(ToolResult { turn, id, outcome: outcome.into(), text: "told".into() }));
    }

    fn speech(&mut self, ms_per_clause: u32, tells: bool) {
        let turn = self.turn;
        for clause in std::mem::take(&mut self.clauses) {
            let audio = Bytes::from(vec![0x55; ms_per_clause as usize * 8]);
            self.input(Input::Tts(turn, TtsInput::Audio(audio)));
            if tells {
                self.input(Input::Tts(turn, TtsInput::ClauseDone(clause)));
            }
        }
        self.input(Input::Tts(turn, TtsInput::Done));
    }

    /// Lets time pass, with the wake-ups that the call asks for.
    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while self.call.poll_timeout().is_some_and(|at| at <= until) {
            self.timeout();
        }
        self.now = until;
    }

    fn timeout(&mut self) {
        let Some(at) = self.call.poll_timeout() else { return };
        self.now = self.now.max(at);
        self.call.handle_timeout(self.now);
        self.settle();
    }

    fn input(&mut self, input: Input) {
        self.call.handle_input(self.now, input);
        self.settle();
    }

    fn settle(&mut self) {
        self.outputs.clear();
        while let Some(output) = self.call.poll_output() {
            self.rules.output(self.now, &output);
            self.note(&output);
            self.outputs.push(output);
        }
        self.rules.settled(self.now, self.call.call());
        let snapshot = self.call.snapshot();
        self.rules.snapshot(&snapshot);
        (self.watch)(&snapshot, &self.outputs);
    }

    fn note(&mut self, output: &Output) {
        match output {
            Output::SendMark(name) => self.marks.push(name.clone()),
            Output::StartLlm { turn, round, .. } => (self.turn, self.round) = (*turn, *round),
            Output::Speak { turn, clause, .. } => {
                if self.turn != *turn || clause.0 == 0 {
                    self.clauses.clear();
                }
                if self.turn != *turn {
                    (self.turn, self.round) = (*turn, Round(0));
                }
                self.clauses.push(*clause);
            }
            Output::CallTool { turn, call } => self.tools.push((*turn, call.id.clone())),
            _ => {}
        }
    }
}

fn mood(score: f32) -> Sentiment {
    Sentiment {
        label: "neutral".into(),
        score,
        confidence: score.abs(),
        tone: "calm".into(),
        pace: "slower".into(),
        escalate: score < -0.5,
    }
}
