//! A call in virtual time: a caller, a recogniser, a model, a synthesiser and a
//! carrier, each with its delays and faults.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use events::CallEvent;
use turn::{
    AgentConfig, Call, CallContext, CallTime, CallerFrame, CarrierInput, ClauseId, Input, LlmInput, MarkName,
    Message, Output, Round, Sentiment, SpokenWord, State, SttInput, ToolCall, ToolResult, TtsInput, TurnId,
};

pub const FRAME: Duration = Duration::from_millis(20);

/// What the caller does, in order of time.
#[derive(Clone, Debug)]
pub struct Utterance {
    pub from: CallTime,
    pub to: CallTime,
    /// What the recogniser makes of it; `None`: nothing at all.
    pub text: Option<String>,
}

/// How the recogniser behaves.
#[derive(Clone, Debug)]
pub struct Stt {
    /// From the end of an utterance to its final.
    pub delay: Duration,
    /// Whether interims come while the caller speaks.
    pub interims: bool,
    /// Whether finals come.
    pub finals: bool,
}

/// How the model answers one request.
#[derive(Clone, Debug)]
pub struct Reply {
    pub first_token: Duration,
    pub duration: Duration,
    pub text: String,
    pub calls: Vec<ToolCall>,
    pub ending: Ending,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Finished,
    Failed,
    Silent,
}

/// How the synthesiser behaves.
#[derive(Clone, Debug)]
pub struct Tts {
    pub first_byte: Duration,
    /// The audio of each clause in order; when exhausted, 15 characters a second.
    pub lengths: VecDeque<Duration>,
    /// How many times faster than speech it is.
    pub speed: u32,
    /// Whether it says when words are spoken.
    pub words: bool,
    /// Clauses that fail before they succeed.
    pub failures: u32,
    /// Whether it says anything at all.
    pub silent: bool,
    /// Whether it tells when clauses are done.
    pub tells_clauses: bool,
}

/// How the carrier behaves.
#[derive(Clone, Debug)]
pub struct Carrier {
    /// One way.
    pub latency: Duration,
    /// Whether marks come back at a clear, as Twilio's do.
    pub marks_at_clear: bool,
    /// Whether every n-th mark is lost.
    pub loses_every: Option<u32>,
    /// Whether every mark comes twice.
    pub doubles_marks: bool,
}

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

/// What the carrier plays.
#[derive(Clone, Debug)]
struct Played {
    turn: TurnId,
    at: CallTime,
    length: Duration,
}

pub struct Sim {
    pub call: Call,
    pub now: CallTime,
    pub utterances: Vec<Utterance>,
    pub stt: Stt,
    pub replies: VecDeque<Reply>,
    pub tts: Tts,
    pub carrier: Carrier,
    /// Delay, outcome and text of tools by name; others never answer.
    pub tools: BTreeMap<String, (Duration, String, String)>,
    /// The delay of memories, and what they are; `None`: never answered.
    pub memory: Option<(Duration, Vec<String>)>,
    pub sentiment: Option<(Duration, Sentiment)>,
    pub frames_until: CallTime,
    pub outputs: Vec<(CallTime, Output)>,
    pub states: Vec<(CallTime, State)>,
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
            stt: Stt { delay: ms(200), interims: false, finals: true },
            replies: VecDeque::new(),
            tts: Tts {
                first_byte: ms(200),
                lengths: VecDeque::new(),
                speed: 1000,
                words: false,
                failures: 0,
                silent: false,
                tells_clauses: true,
            },
            carrier: Carrier {
                latency: Duration::ZERO,
                marks_at_clear: true,
                loses_every: None,
                doubles_marks: false,
            },
            tools: BTreeMap::new(),
            memory: Some((Duration::ZERO, Vec::new())),
            sentiment: Some((Duration::ZERO, neutral())),
            frames_until: Duration::MAX,
            outputs: Vec::new(),
            states: vec![(Duration::ZERO, State::Connecting)],
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

    /// The caller says `text`.
    pub fn says(&mut self, from: f64, to: f64, text: &str) -> &mut Self {
        self.utterances.push(Utterance { from: secs(from), to: secs(to), text: Some(text.into()) });
        self
    }

    /// The caller makes sounds of which the recogniser says nothing.
    pub fn voice(&mut self, from: f64, to: f64) -> &mut Self {
        self.utterances.push(Utterance { from: secs(from), to: secs(to), text: None });
        self
    }

    /// The model will answer with `text`, first token after 100 ms, all after 300 ms.
    pub fn answers(&mut self, text: &str) -> &mut Self {
        self.replies.push_back(Reply {
            first_token: ms(100),
            duration: ms(300),
            text: text.into(),
            calls: Vec::new(),
            ending: Ending::Finished,
        });
        self
    }

    /// The model will ask for tools.
    pub fn asks(&mut self, text: &str, calls: &[(&str, &str)]) -> &mut Self {
        self.answers(text);
        let calls = calls.iter().map(|(id, name)| ToolCall {
            id: (*id).into(),
            name: (*name).into(),
            arguments: format!("{{\"for\":\"{id}\"}}"),
        });
        self.replies.back_mut().unwrap().calls = calls.collect();
        self
    }

    /// The model's next answer ends so.
    pub fn ending(&mut self, ending: Ending) -> &mut Self {
        self.replies.back_mut().unwrap().ending = ending;
        self
    }

    /// A tool answers so.
    pub fn tool(&mut self, name: &str, delay: f64, outcome: &str, text: &str) -> &mut Self {
        self.tools.insert(name.into(), (secs(delay), outcome.into(), text.into()));
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

    /// When the state was entered, in order, from the first time on.
    pub fn path(&self) -> Vec<State> {
        self.states.iter().map(|(_, state)| *state).collect()
    }

    /// When the call came into `state` for the n-th time, in seconds.
    pub fn entered(&self, state: State, n: usize) -> f64 {
        let mut times = self.states.iter().filter(|(_, entered)| *entered == state);
        times
            .nth(n)
            .unwrap_or_else(|| panic!("{state:?} not entered {n} times: {:?}", self.states))
            .0
            .as_secs_f64()
    }

    pub fn events(&self) -> impl DoubleEndedIterator<Item = (f64, &CallEvent)> {
        self.outputs.iter().filter_map(|(at, output)| match output {
            Output::Emit(event) => Some((at.as_secs_f64(), event)),
            _ => None,
        })
    }

    /// The one event that `select` wants.
    pub fn event<T>(&self, select: impl Fn(f64, &CallEvent) -> Option<T>) -> T {
        let mut found: Vec<T> = self.events().filter_map(|(at, event)| select(at, event)).collect();
        assert_eq!(found.len(), 1, "{:#?}", self.events().collect::<Vec<_>>());
        found.pop().unwrap()
    }

    /// The finished turn: when, what was said, what was heard, whether it was cut.
    pub fn finished(&self, wanted: u32) -> (f64, String, String, bool) {
        self.event(|at, event| match event {
            CallEvent::TurnFinished { turn, said, heard, interrupted, .. } if *turn == wanted => {
                Some((at, said.clone(), heard.clone(), *interrupted))
            }
            _ => None,
        })
    }

    /// All requests to the model: when, for what turn and round, with what messages.
    pub fn requests(&self) -> Vec<(f64, TurnId, Round, Vec<Message>)> {
        let requests = self.outputs.iter().filter_map(|(at, output)| match output {
            Output::StartLlm { turn, round, messages, .. } => {
                Some((at.as_secs_f64(), *turn, *round, messages.clone()))
            }
            _ => None,
        });
        requests.collect()
    }

    pub fn count(&self, wanted: impl Fn(&Output) -> bool) -> usize {
        self.outputs.iter().filter(|(_, output)| wanted(output)).count()
    }

    /// When the n-th output that `wanted` picks was made, in seconds.
    pub fn output_at(&self, n: usize, wanted: impl Fn(&Output) -> bool) -> f64 {
        let mut found = self.outputs.iter().filter(|(_, output)| wanted(output));
        found.nth(n).unwrap_or_else(|| panic!("no such output: {:#?}", self.outputs)).0.as_secs_f64()
    }

    /// How much of a turn's audio the carrier really played until `until` seconds.
    pub fn really_played(&self, turn: u32, until: f64) -> f64 {
        let until = secs(until);
        let of_turn = self.played.iter().filter(|played| played.turn.0 == turn);
        of_turn.map(|played| until.saturating_sub(played.at).min(played.length).as_secs_f64()).sum()
    }

    fn transcribe(&mut self) {
        for utterance in self.utterances.clone() {
            let Some(text) = utterance.text else { continue };
            if self.stt.interims {
                let words: Vec<&str> = text.split_whitespace().collect();
                let step = (utterance.to - utterance.from) / u32::try_from(words.len()).unwrap();
                for n in 1..=words.len() {
                    let text = words[..n].join(" ").trim_end_matches(['.', '?', '!']).to_owned();
                    let at = utterance.from + step * u32::try_from(n).unwrap() + ms(100);
                    self.at(at, Input::Stt(SttInput::Interim { text }));
                }
            }
            if self.stt.finals {
                self.at(
                    utterance.to + self.stt.delay,
                    Input::Stt(SttInput::Final { text, speech_final: true }),
                );
            }
        }
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
            Event::Synthesise { turn, generation, clause, text } => {
                self.synthesise(turn, generation, clause, &text);
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

    fn frame(&mut self) {
        let start = self.now - FRAME;
        let voiced = self.utterances.iter().any(|said| said.from <= start && start < said.to);
        let speech = if voiced { 0.95 } else { 0.02 };
        let level = if voiced { 0.1 } else { 0.0005 };
        self.call.handle_input(self.now, Input::CallerAudio(CallerFrame { duration: FRAME, speech, level }));
        if self.now < self.frames_until {
            self.push(self.now + FRAME, Event::Frame);
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
            Output::StartLlm { turn, round, .. } => self.reply(turn, round),
            Output::Speak { turn, clause, text, .. } => {
                let generation = self.generation(turn);
                self.push(self.now, Event::Synthesise { turn, generation, clause, text });
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

    fn reply(&mut self, turn: TurnId, round: Round) {
        let reply =
            self.replies.pop_front().unwrap_or_else(|| panic!("no answer for turn {turn} at {:?}", self.now));
        let llm = |input| Input::Llm(turn, round, input);
        if reply.ending == Ending::Silent {
            return;
        }
        if !reply.text.is_empty() {
            self.at(self.now + reply.first_token, llm(LlmInput::Delta(reply.text)));
        }
        for call in reply.calls {
            self.at(self.now + reply.duration, llm(LlmInput::ToolCall(call)));
        }
        let end = match reply.ending {
            Ending::Failed => LlmInput::Failed { message: "overloaded".into() },
            _ => LlmInput::Finished,
        };
        self.at(self.now + reply.duration, llm(end));
    }

    fn synthesise(&mut self, turn: TurnId, generation: u32, clause: ClauseId, text: &str) {
        if self.generation(turn) != generation || self.tts.silent || self.failing == Some(turn) {
            return;
        }
        if self.tts.failures > 0 {
            self.tts.failures -= 1;
            self.failing = Some(turn);
            return self.push(self.now + self.tts.first_byte, Event::SynthesisFails { turn });
        }
        let spoken = Duration::from_millis(text.trim().len() as u64 * 1000 / 15);
        let length = self.tts.lengths.pop_front().unwrap_or(spoken);
        let position = *self.position.entry(turn).or_default();
        *self.position.entry(turn).or_default() += length;
        let mut at = self.synthesiser_free.max(self.now + self.tts.first_byte);
        if self.tts.words {
            let words: Vec<&str> = text.split_whitespace().collect();
            let step = length / u32::try_from(words.len()).unwrap();
            let words = words.iter().zip(0u32..).map(|(word, n)| SpokenWord {
                word: (*word).into(),
                start: position + step * n,
                end: position + step * (n + 1),
            });
            self.push(at, Event::Input(Input::Tts(turn, TtsInput::Words(words.collect()))));
        }
        let mut rest = length;
        while rest > Duration::ZERO {
            let piece = rest.min(ms(100));
            rest -= piece;
            let bytes = Bytes::from(vec![0x55; usize::try_from(piece.as_micros() / 125).unwrap()]);
            self.push(at, Event::Input(Input::Tts(turn, TtsInput::Audio(bytes))));
            at += piece / self.tts.speed;
        }
        if self.tts.tells_clauses {
            self.push(at, Event::Input(Input::Tts(turn, TtsInput::ClauseDone(clause))));
        }
        self.synthesiser_free = at;
    }

    fn generation(&mut self, turn: TurnId) -> u32 {
        *self.generations.entry(turn).or_default()
    }

    fn cancel(&mut self, turn: TurnId) {
        *self.generations.entry(turn).or_default() += 1;
        self.synthesiser_free = self.now;
    }

    fn carry(&mut self, output: Output) {
        match output {
            Output::SendAudio { turn, payload } => {
                assert_eq!(payload.len() % 160, 0, "whole frames only");
                let length = FRAME * u32::try_from(payload.len() / 160).unwrap();
                let at = self.busy_until.max(self.now);
                self.busy_until = at + length;
                self.played.push(Played { turn, at, length });
            }
            Output::SendMark(name) => {
                let due = self.busy_until.max(self.now);
                self.pending_marks.push((due, name.clone()));
                self.echo(due, name);
            }
            Output::Clear => self.clear(),
            _ => {}
        }
    }

    fn clear(&mut self) {
        let now = self.now;
        for played in &mut self.played {
            played.length = played.length.min(now.saturating_sub(played.at));
        }
        self.busy_until = now;
        let pending: Vec<MarkName> =
            self.pending_marks.drain(..).filter(|(due, _)| *due > now).map(|(_, name)| name).collect();
        self.queue.retain(|_, event| match event {
            Event::Input(Input::Carrier(CarrierInput::Mark(name))) => !pending.contains(name),
            _ => true,
        });
        if self.carrier.marks_at_clear {
            for name in pending {
                self.at(now + self.carrier.latency, Input::Carrier(CarrierInput::Mark(name)));
            }
        }
    }

    fn echo(&mut self, due: CallTime, name: MarkName) {
        self.n_marks += 1;
        if self.carrier.loses_every.is_some_and(|every| self.n_marks.is_multiple_of(every)) {
            return;
        }
        let at = due + self.carrier.latency;
        if self.carrier.doubles_marks {
            self.at(at + ms(1), Input::Carrier(CarrierInput::Mark(name.clone())));
        }
        self.at(at, Input::Carrier(CarrierInput::Mark(name)));
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

/// Equal within a frame.
#[track_caller]
pub fn assert_near(actual: f64, expected: f64) {
    assert!((actual - expected).abs() <= 0.0201, "{actual} is not {expected}");
}
