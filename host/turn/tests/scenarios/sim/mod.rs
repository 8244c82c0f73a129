//! A call in virtual time: a caller, a recogniser, a model, a synthesiser and a
//! carrier, each with its delays and faults.

mod caller;
mod carrier;
mod model;
mod record;
mod stt;
mod synthesiser;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use turn::{
    AgentConfig, Attempt, Call, CallContext, CallTime, CarrierInput, ClauseId, Input, MarkName, Output,
    Sentiment, State, ToolResult, TtsInput, TurnId,
};

pub use caller::Utterance;
use carrier::Played;
pub use carrier::{Carrier, Echo};
pub use model::{Ending, Reply};
pub use record::assert_near;
pub use stt::Stt;
pub use synthesiser::Tts;

pub const FRAME: Duration = Duration::from_millis(20);

#[derive(Clone, Debug)]
enum Event {
    Input(Input),
    Frame,
    /// An output has reached the carrier.
    AtCarrier(Output),
    /// The synthesiser takes up a clause.
    Synthesise {
        turn: TurnId,
        generation: u32,
        clause: ClauseId,
        attempt: Attempt,
        text: String,
    },
    SynthesisEnd {
        turn: TurnId,
        generation: u32,
    },
    /// The synthesiser's stream breaks; what was asked of it is lost.
    SynthesisFails {
        turn: TurnId,
    },
}

pub struct Sim {
    pub call: Call,
    pub now: CallTime,
    pub utterances: Vec<Utterance>,
    pub stt: Stt,
    pub replies: VecDeque<Reply>,
    /// Answers that another vendor was to give.
    pub misplaced: Vec<(CallTime, Attempt)>,
    /// Requests for which there was no answer; `None`: there must be none.
    pub unanswered: Option<Vec<(CallTime, TurnId)>>,
    pub tts: Tts,
    pub carrier: Carrier,
    /// What of the agent's voice comes back.
    pub echo: Option<Echo>,
    /// Delay, outcome and text of tools by name; others never answer.
    pub tools: BTreeMap<String, (Duration, String, String)>,
    /// The delay of memories, and what they are; `None`: never answered.
    pub memory: Option<(Duration, Vec<String>)>,
    pub sentiment: Option<(Duration, Sentiment)>,
    pub frames_until: CallTime,
    pub outputs: Vec<(CallTime, Output)>,
    pub states: Vec<(CallTime, State)>,
    /// How many outputs there were when each of the states was entered.
    pub outputs_before: Vec<usize>,
    /// The most audio that the carrier ever held.
    pub greatest_lead: Duration,
    queue: BTreeMap<(CallTime, u64), Event>,
    n_events: u64,
    played: Vec<Played>,
    busy_until: CallTime,
    pending_marks: Vec<(CallTime, MarkName)>,
    n_marks: u32,
    generations: BTreeMap<TurnId, u32>,
    synthesiser_free: CallTime,
    failing: Option<TurnId>,
    position: BTreeMap<TurnId, Duration>,
}

impl Sim {
    /// A call whose stream starts at once, and whose agent has no greeting.
    pub fn new(mut config: AgentConfig) -> Self {
        config.greeting = String::new();
        Self::with(config, CallContext::mulaw("call"))
    }

    pub fn with(config: AgentConfig, context: CallContext) -> Self {
        config.validate().unwrap();
        let mut sim = Self {
            call: Call::new(config, context, Duration::ZERO),
            now: Duration::ZERO,
            utterances: Vec::new(),
            stt: Stt {
                delay: ms(200),
                interims: false,
                finals: true,
                utterance_end: None,
                flux: false,
                eager: None,
            },
            replies: VecDeque::new(),
            misplaced: Vec::new(),
            unanswered: None,
            tts: Tts {
                first_byte: ms(200),
                lengths: VecDeque::new(),
                speed: 1000,
                words: false,
                failures: 0,
                lost: Vec::new(),
                breaks_after: Duration::ZERO,
                silent: false,
                tells_clauses: true,
            },
            carrier: Carrier {
                latency: Duration::ZERO,
                marks_at_clear: true,
                loses_every: None,
                doubles_marks: false,
                marks_late_by: Duration::ZERO,
                reorders_marks: false,
            },
            echo: None,
            tools: BTreeMap::new(),
            memory: Some((Duration::ZERO, Vec::new())),
            sentiment: Some((Duration::ZERO, neutral())),
            frames_until: Duration::MAX,
            outputs: Vec::new(),
            states: vec![(Duration::ZERO, State::Connecting)],
            outputs_before: vec![0],
            greatest_lead: Duration::ZERO,
            queue: BTreeMap::new(),
            n_events: 0,
            played: Vec::new(),
            busy_until: Duration::ZERO,
            pending_marks: Vec::new(),
            n_marks: 0,
            generations: BTreeMap::new(),
            synthesiser_free: Duration::ZERO,
            failing: None,
            position: BTreeMap::new(),
        };
        sim.at(Duration::ZERO, Input::Carrier(CarrierInput::Started { stream: "MZ1".into() }));
        sim.push(FRAME, Event::Frame);
        sim
    }

    /// The carrier never says that the stream has started.
    pub fn never_starts(&mut self) -> &mut Self {
        self.queue
            .retain(|_, event| !matches!(event, Event::Input(Input::Carrier(CarrierInput::Started { .. }))));
        self
    }

    /// Something else happens.
    pub fn at(&mut self, at: CallTime, input: Input) -> &mut Self {
        self.push(at, Event::Input(input));
        self
    }

    /// Runs until `until` seconds, checking after every step what must always hold.
    pub fn run(&mut self, until: f64) -> &mut Self {
        if self.now.is_zero() {
            self.transcribe();
        }
        let until = secs(until);
        loop {
            let event = self.queue.keys().next().map(|(at, _)| *at);
            let timer = self.call.poll_timeout();
            let Some(next) = event.into_iter().chain(timer).min().filter(|next| *next <= until) else {
                break;
            };
            self.now = next.max(self.now);
            if event == Some(next) {
                let (_, event) = self.queue.pop_first().unwrap();
                let stepped = matches!(event, Event::Input(_) | Event::Frame | Event::SynthesisFails { .. });
                self.step(event);
                self.drain(stepped);
            } else {
                self.call.handle_timeout(self.now);
                self.drain(true);
            }
        }
        self.now = until;
        self
    }

    fn push(&mut self, at: CallTime, event: Event) {
        self.n_events += 1;
        self.queue.insert((at, self.n_events), event);
    }

    fn step(&mut self, event: Event) {
        match event {
            Event::Input(input) => self.call.handle_input(self.now, input),
            Event::Frame => self.frame(),
            Event::AtCarrier(output) => self.carry(output),
            Event::Synthesise { turn, generation, clause, attempt, text } => {
                self.synthesise(turn, generation, clause, attempt, &text);
            }
            Event::SynthesisFails { turn } => {
                *self.generations.entry(turn).or_default() += 1;
                self.failing = None;
                let failed = TtsInput::Failed { message: "no voice".into() };
                self.call.handle_input(self.now, Input::Tts(turn, failed));
            }
            Event::SynthesisEnd { turn, generation } => {
                if self.generation(turn) == generation && self.failing != Some(turn) {
                    self.push(
                        self.synthesiser_free.max(self.now),
                        Event::Input(Input::Tts(turn, TtsInput::Done)),
                    );
                }
            }
        }
    }

    fn drain(&mut self, stepped: bool) {
        while let Some(output) = self.call.poll_output() {
            self.act(output.clone());
            self.outputs.push((self.now, output));
        }
        let snapshot = self.call.snapshot();
        if self.states.last().unwrap().1 != snapshot.state {
            self.states.push((self.now, snapshot.state));
            self.outputs_before.push(self.outputs.len());
        }
        match self.call.poll_timeout() {
            Some(timeout) => assert!(!stepped || timeout > self.now, "{timeout:?} at {:?}", self.now),
            None => assert!(self.call.is_finished()),
        }
        if let Some(turn) = snapshot.turn {
            let share = self.carrier.latency + FRAME * 2;
            let sent = self.really_played(turn.0, (self.now + share).as_secs_f64());
            assert!(snapshot.heard.is_empty() || sent > 0.0, "{snapshot:?}");
        }
    }

    fn act(&mut self, output: Output) {
        if let Output::SendAudio { turn, .. } = &output {
            self.at(self.now, Input::Handed(*turn));
        }
        match output {
            Output::SendAudio { .. } | Output::SendMark(_) | Output::Clear => {
                self.push(self.now + self.carrier.latency, Event::AtCarrier(output));
            }
            Output::StartLlm { turn, round, attempt, .. } => self.reply(turn, round, attempt),
            Output::Speak { turn, clause, attempt, text } => {
                let generation = self.generation(turn);
                self.push(self.now, Event::Synthesise { turn, generation, clause, attempt, text });
            }
            Output::SpeechEnd { turn } => {
                let generation = self.generation(turn);
                if !self.tts.silent {
                    self.push(self.now, Event::SynthesisEnd { turn, generation });
                }
            }
            Output::Cancel { turn } => self.cancel(turn),
            Output::CallTool { turn, call } => {
                if let Some((delay, outcome, text)) = self.tools.get(&call.name).cloned() {
                    let result = ToolResult { turn, id: call.id, outcome, text };
                    self.at(self.now + delay, Input::Tool(result));
                }
            }
            Output::AssessSentiment { turn, .. } => {
                if let Some((delay, sentiment)) = self.sentiment.clone() {
                    self.at(self.now + delay, Input::Sentiment(turn, sentiment));
                }
            }
            Output::RecallMemory { turn, .. } => {
                if let Some((delay, memories)) = self.memory.clone() {
                    self.at(self.now + delay, Input::Memory(turn, memories));
                }
            }
            Output::Emit(_)
            | Output::FinalizeStt
            | Output::CancelTool { .. }
            | Output::Hangup { .. }
            | Output::Transfer { .. } => {}
        }
    }
}

pub fn neutral() -> Sentiment {
    Sentiment {
        label: "neutral".into(),
        score: 0.0,
        confidence: 0.5,
        tone: "even".into(),
        pace: "normal".into(),
        escalate: false,
    }
}

pub fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub fn secs(secs: f64) -> Duration {
    Duration::from_micros((secs * 1e6).round() as u64)
}
