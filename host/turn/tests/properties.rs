//! What must hold whatever happens: random inputs at random times, most of them
//! about the turn at hand, some of them late, lost, doubled or out of order.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests fail loudly"
)]

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use events::{CallEvent, EndReason};
use proptest::prelude::*;
use turn::{
    AgentConfig, Call, CallContext, CallTime, CallerFrame, CarrierInput, ClauseId, END_CALL, Input, LlmInput,
    MarkName, OperatorCommand, Output, Round, Sentiment, SpokenWord, State, SttInput, ToolCall, ToolResult,
    TtsInput, TurnId,
};

/// One step of a random call. References are resolved when it is taken, so that most
/// inputs concern what is going on.
#[derive(Clone, Debug)]
enum Step {
    /// Frames of 20 ms each, with this speech probability.
    Frames {
        n: u8,
        speech: f32,
    },
    /// Time passes without a frame.
    Wait {
        ms: u16,
    },
    /// The wake-up that the call asked for.
    Timeout,
    Carrier(CarrierStep),
    Stt(SttInput),
    /// The model, for this many turns and rounds ago.
    Llm {
        turns_ago: u32,
        rounds_ago: u32,
        llm: LlmInput,
    },
    Tts {
        turns_ago: u32,
        tts: TtsInput,
    },
    /// The result of the n-th newest tool call.
    Tool {
        newest: usize,
        outcome: &'static str,
    },
    Sentiment {
        turns_ago: u32,
        score: f32,
    },
    Memory {
        turns_ago: u32,
        text: String,
    },
    Operator(OperatorCommand),
    /// The caller says something and is silent; the model answers or asks for tools.
    Exchange {
        words: &'static str,
        answer: Option<String>,
        tools: Vec<&'static str>,
    },
    /// The synthesiser speaks the clauses that it was given, all at once.
    Speech {
        ms_per_clause: u16,
        tells: bool,
    },
}

#[derive(Clone, Debug)]
enum CarrierStep {
    /// The n-th mark that is out comes back.
    Mark {
        nth: usize,
        forget: bool,
    },
    Stranger(String),
    Dtmf(char),
    Started,
    Stopped,
    Lost,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (1u8..60, prop_oneof![Just(0.02f32), Just(0.95f32), Just(f32::NAN)])
            .prop_map(|(n, speech)| Step::Frames { n, speech }),
        4 => (0u16..3000).prop_map(|ms| Step::Wait { ms }),
        4 => Just(Step::Timeout),
        8 => carrier().prop_map(Step::Carrier),
        8 => stt().prop_map(Step::Stt),
        10 => (ago(), ago(), llm()).prop_map(|(turns_ago, rounds_ago, llm)| Step::Llm { turns_ago, rounds_ago, llm }),
        12 => (ago(), tts()).prop_map(|(turns_ago, tts)| Step::Tts { turns_ago, tts }),
        3 => (0usize..3, prop_oneof![Just("success"), Just("failure"), Just("fault"), Just("timeout")])
            .prop_map(|(newest, outcome)| Step::Tool { newest, outcome }),
        2 => (ago(), any::<f32>()).prop_map(|(turns_ago, score)| Step::Sentiment { turns_ago, score }),
        2 => (ago(), "[a-z ]{0,20}").prop_map(|(turns_ago, text)| Step::Memory { turns_ago, text }),
        1 => operator().prop_map(Step::Operator),
        6 => exchange(),
        6 => (10u16..4000, any::<bool>()).prop_map(|(ms_per_clause, tells)| Step::Speech { ms_per_clause, tells }),
    ]
}

fn exchange() -> impl Strategy<Value = Step> {
    let words = prop_oneof![Just("Tell me a story."), Just("Stop!"), Just("Book it, please.")];
    let answer =
        prop_oneof![Just(None), "[a-z]{1,9}( [a-z]{1,9}){0,20}[.?]( [a-z]{1,9}){0,6}".prop_map(Some)];
    let tool = prop_oneof![6 => Just("calendar"), 6 => Just("crm"), 1 => Just(END_CALL)];
    (words, answer, proptest::collection::vec(tool, 0..3)).prop_map(|(words, answer, tools)| Step::Exchange {
        words,
        answer,
        tools,
    })
}

fn ago() -> impl Strategy<Value = u32> {
    prop_oneof![9 => Just(0u32), 1 => 1u32..3]
}

fn words() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just("Stop!".to_owned()),
        Just("uh huh".to_owned()),
        Just("Tell me a story.".to_owned()),
        Just("My number is 555".to_owned()),
        "[a-zé]{1,9}( [a-z0-9,.]{1,9}){0,5}[.?]?",
    ]
}

fn carrier() -> impl Strategy<Value = CarrierStep> {
    prop_oneof![
        20 => (0usize..4, any::<bool>()).prop_map(|(nth, forget)| CarrierStep::Mark { nth, forget }),
        2 => "t[0-9]-[0-9]".prop_map(CarrierStep::Stranger),
        2 => prop_oneof![Just('1'), Just('#'), Just('x')].prop_map(CarrierStep::Dtmf),
        1 => prop_oneof![18 => Just(CarrierStep::Started), 1 => Just(CarrierStep::Stopped), 1 => Just(CarrierStep::Lost)],
    ]
}

fn stt() -> impl Strategy<Value = SttInput> {
    prop_oneof![
        8 => words().prop_map(|text| SttInput::Interim { text }),
        8 => (words(), any::<bool>()).prop_map(|(text, speech_final)| SttInput::Final { text, speech_final }),
        4 => Just(SttInput::UtteranceEnd),
        2 => words().prop_map(|text| SttInput::EagerEndOfTurn { text }),
        2 => Just(SttInput::TurnResumed),
        3 => words().prop_map(|text| SttInput::EndOfTurn { text }),
        2 => Just(SttInput::SpeechStarted),
        1 => Just(SttInput::Failed { message: "gone".into() }),
    ]
}

fn llm() -> impl Strategy<Value = LlmInput> {
    let name = prop_oneof![4 => Just("calendar"), 4 => Just("crm"), 1 => Just(END_CALL)];
    prop_oneof![
        6 => "[a-zé]{1,9}([ ,.?] ?[a-z0-9]{1,9}){0,12}[.?]?[ ]?".prop_map(LlmInput::Delta),
        2 => ("[ab]?", name).prop_map(|(id, name)| {
            LlmInput::ToolCall(ToolCall { id, name: name.into(), arguments: "{}".into() })
        }),
        5 => Just(LlmInput::Finished),
        1 => Just(LlmInput::Failed { message: "overloaded".into() }),
    ]
}

fn tts() -> impl Strategy<Value = TtsInput> {
    prop_oneof![
        12 => (0usize..20_000).prop_map(|n| TtsInput::Audio(Bytes::from(vec![0x55; n]))),
        4 => (0u32..4).prop_map(|clause| TtsInput::ClauseDone(ClauseId(clause))),
        2 => ("[a-z]{1,5}", 0u64..3000, 0u64..3000).prop_map(|(word, start, end)| TtsInput::Words(vec![SpokenWord {
            word,
            start: Duration::from_millis(start),
            end: Duration::from_millis(end),
        }])),
        6 => Just(TtsInput::Done),
        1 => Just(TtsInput::Failed { message: "no voice".into() }),
    ]
}

fn operator() -> impl Strategy<Value = OperatorCommand> {
    prop_oneof![
        12 => words().prop_map(OperatorCommand::Say),
        1 => prop_oneof![Just(None), words().prop_map(Some)]
            .prop_map(|farewell| OperatorCommand::End { farewell, reason: EndReason::Drained }),
    ]
}

fn config() -> impl Strategy<Value = AgentConfig> {
    (any::<bool>(), any::<bool>(), any::<bool>(), 0u32..4).prop_map(|(enabled, protect, greets, rounds)| {
        let mut config = AgentConfig::default();
        config.barge_in.enabled = enabled;
        config.barge_in.protect_greeting = protect;
        config.max_tool_rounds = rounds;
        config.timers.max_duration = Duration::from_secs(120);
        if !greets {
            config.greeting.clear();
        }
        config
    })
}

/// A call under test, with what the rules need to know of its past.
struct Observed {
    call: Call,
    now: CallTime,
    outputs: Vec<Output>,
    turn: TurnId,
    round: Round,
    marks: Vec<MarkName>,
    clauses: Vec<ClauseId>,
    all_marks: BTreeSet<MarkName>,
    tools: Vec<(TurnId, String)>,
    live_model: Option<TurnId>,
    committed: BTreeSet<u32>,
    finished: BTreeSet<u32>,
    hung_up: bool,
    n_ended: u32,
    /// Turns that were interrupted: none of their audio may follow.
    dead: BTreeSet<TurnId>,
    /// The turn whose audio went out since the last clear.
    sending: Option<TurnId>,
    /// Whether that turn was cut since.
    uncleared: bool,
    /// When the carrier has played all that it holds.
    dry_at: CallTime,
    heard: Option<(TurnId, String)>,
}

impl Observed {
    fn new(config: AgentConfig) -> Self {
        config.validate().unwrap();
        let mut observed = Self {
            call: Call::new(config, CallContext::mulaw("call"), Duration::ZERO),
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
            finished: BTreeSet::new(),
            hung_up: false,
            n_ended: 0,
            dead: BTreeSet::new(),
            sending: None,
            uncleared: false,
            dry_at: Duration::ZERO,
            heard: None,
        };
        observed.input(Input::Carrier(CarrierInput::Started { stream: "MZ1".into() }));
        observed
    }

    fn take(&mut self, step: Step) {
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
            Step::Exchange { words, answer, tools } => self.exchange(words, answer, &tools),
            Step::Speech { ms_per_clause, tells } => self.speech(ms_per_clause, tells),
        }
    }

    fn exchange(&mut self, words: &str, answer: Option<String>, tools: &[&str]) {
        self.take(Step::Frames { n: 30, speech: 0.95 });
        self.input(Input::Stt(SttInput::Final { text: words.into(), speech_final: true }));
        self.take(Step::Frames { n: 20, speech: 0.02 });
        let (turn, round) = (self.turn, self.round);
        if let Some(answer) = answer {
            self.input(Input::Llm(turn, round, LlmInput::Delta(answer)));
        }
        for (name, id) in tools.iter().zip(["x", "y", "z"]) {
            let call = ToolCall { id: id.into(), name: (*name).into(), arguments: format!("{turn} {id}") };
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

    fn timeout(&mut self) {
        let Some(at) = self.call.poll_timeout() else { return };
        self.now = self.now.max(at);
        self.call.handle_timeout(self.now);
        self.observe();
    }

    fn input(&mut self, input: Input) {
        self.call.handle_input(self.now, input);
        self.observe();
    }

    fn observe(&mut self) {
        while let Some(output) = self.call.poll_output() {
            self.check(&output);
            self.outputs.push(output);
        }
        match self.call.poll_timeout() {
            Some(at) => assert!(at > self.now, "{at:?} at {:?}: {:?}", self.now, self.call),
            None => assert!(self.call.is_finished()),
        }
        let snapshot = self.call.snapshot();
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

    fn check(&mut self, output: &Output) {
        assert!(!self.hung_up, "after the hang-up: {output:?}");
        match output {
            Output::SendAudio { turn, payload } => {
                assert!(!payload.is_empty() && payload.len() % 160 == 0);
                assert!(!self.dead.contains(turn), "audio of a dead turn {turn}");
                assert!(
                    !self.uncleared || self.dry_at <= self.now + Duration::from_millis(20),
                    "audio before the carrier was cleared"
                );
                self.uncleared = false;
                self.sending = Some(*turn);
                let length = Duration::from_millis(payload.len() as u64 / 8);
                self.dry_at = self.dry_at.max(self.now) + length;
                assert!(self.dry_at <= self.now + Duration::from_millis(300), "more than the lead");
            }
            Output::SendMark(name) => {
                assert!(self.all_marks.insert(name.clone()), "{name:?} twice");
                self.marks.push(name.clone());
            }
            Output::Clear => {
                self.uncleared = false;
                self.sending = None;
                self.dry_at = self.now;
            }
            Output::StartLlm { turn, round, messages, .. } => {
                assert!(self.live_model.is_none_or(|live| live == *turn), "two models at once");
                assert!(!self.dead.contains(turn));
                assert!(matches!(messages[0], turn::Message::System { .. }));
                check_tool_messages(messages);
                self.live_model = Some(*turn);
                self.turn = *turn;
                self.round = *round;
            }
            Output::Speak { turn, clause, .. } => {
                assert!(!self.dead.contains(turn));
                if self.turn != *turn || clause.0 == 0 {
                    self.clauses.clear();
                }
                self.clauses.push(*clause);
                if self.turn != *turn {
                    self.turn = *turn;
                    self.round = Round(0);
                }
            }
            Output::Cancel { turn } if self.live_model == Some(*turn) => self.live_model = None,
            Output::CallTool { turn, call } => self.tools.push((*turn, call.id.clone())),
            Output::Hangup { .. } => {
                assert_eq!(self.n_ended, 1, "ended before the hang-up");
                self.hung_up = true;
            }
            Output::Emit(event) => self.check_event(event),
            _ => {}
        }
    }

    fn check_event(&mut self, event: &CallEvent) {
        event.data().expect("every event can be stored");
        match event {
            CallEvent::TurnCommitted { turn, text } => {
                assert!(self.committed.insert(*turn), "turn {turn} committed twice");
                assert!(!text.trim().is_empty());
                assert!(self.call.snapshot().caller_speaks_since.is_none(), "committed while speaking");
            }
            CallEvent::TurnInterrupted { turn, .. } => {
                self.dead.insert(TurnId(*turn));
            }
            CallEvent::TurnFinished { turn, said, heard, latency, interrupted } => {
                self.uncleared |= *interrupted && self.sending == Some(TurnId(*turn));
                assert!(self.finished.insert(*turn), "turn {turn} finished twice");
                assert!(said.starts_with(heard.as_str()), "{heard:?} of {said:?}");
                assert!(latency.is_none_or(|latency| latency.closes()), "{latency:?}");
                self.dead.insert(TurnId(*turn));
                if self.live_model == Some(TurnId(*turn)) {
                    self.live_model = None;
                }
            }
            CallEvent::Ended { .. } => self.n_ended += 1,
            _ => {}
        }
    }
}

/// Every tool call is answered right behind its message, and nothing else is.
fn check_tool_messages(messages: &[turn::Message]) {
    let mut open: Vec<&str> = Vec::new();
    for message in messages {
        match message {
            turn::Message::Tool { tool_call_id, .. } => {
                assert_eq!(open.first(), Some(&tool_call_id.as_str()), "{messages:?}");
                open.remove(0);
            }
            turn::Message::Assistant { tool_calls, .. } => {
                assert!(open.is_empty(), "{messages:?}");
                open = tool_calls.iter().map(|call| call.id.as_str()).collect();
            }
            _ => assert!(open.is_empty(), "{messages:?}"),
        }
    }
    assert!(open.is_empty(), "{messages:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// No panic, no audio after the hang-up, no audio of a cut turn, one model at a
    /// time, one commit and one end per turn, none while the caller is audible, heard text a monotone prefix of whole
    /// words, no wake-up in the past, ledgers that close: see `Observed`. And from
    /// wherever the call is left alone, it ends by its timers within its duration.
    #[test]
    fn the_rules_hold_and_every_call_ends(
        config in config(),
        steps in proptest::collection::vec(step(), 0..120),
    ) {
        let mut observed = Observed::new(config);
        for step in steps {
            observed.take(step);
        }
        let mut n_wakes = 0;
        while !observed.call.is_finished() {
            observed.timeout();
            n_wakes += 1;
            prop_assert!(n_wakes < 20_000, "{:?}", observed.call);
        }
        prop_assert_eq!(observed.n_ended, 1);
        prop_assert!(observed.hung_up);
        let unfinished: Vec<&u32> = observed.committed.difference(&observed.finished).collect();
        prop_assert!(unfinished.is_empty(), "{unfinished:?}");
    }

    #[test]
    fn a_call_that_is_left_alone_ends_within_its_duration(
        config in config(),
        steps in proptest::collection::vec(step(), 0..40),
    ) {
        let limit = config.timers.max_duration;
        let mut observed = Observed::new(config);
        for step in steps {
            if observed.now > Duration::from_secs(60) {
                break;
            }
            observed.take(step);
        }
        while !observed.call.is_finished() {
            observed.timeout();
        }
        prop_assert!(observed.now <= limit, "{:?}", observed.now);
    }

    #[test]
    fn the_same_inputs_give_the_same_outputs(
        config in config(),
        steps in proptest::collection::vec(step(), 0..60),
    ) {
        let run = |steps: Vec<Step>| {
            let mut observed = Observed::new(config.clone());
            for step in steps {
                observed.take(step);
            }
            observed.outputs
        };
        prop_assert_eq!(format!("{:?}", run(steps.clone())), format!("{:?}", run(steps)));
    }

    /// Looking at a call, or at the marks of a cleared buffer, changes nothing.
    #[test]
    fn marks_after_a_clear_change_nothing(
        config in config(),
        steps in proptest::collection::vec(step(), 0..60),
    ) {
        let mut observed = Observed::new(config);
        for step in steps {
            let n = observed.outputs.len();
            observed.take(step);
            if observed.outputs[n..].contains(&Output::Clear) {
                let cleared = observed.outputs[n..].iter().rposition(|output| *output == Output::Clear).unwrap();
                let fresh: Vec<MarkName> = observed.outputs[n + cleared..].iter().filter_map(|output| match output {
                    Output::SendMark(name) => Some(name.clone()),
                    _ => None,
                }).collect();
                let stale: Vec<MarkName> = observed.marks.iter().filter(|name| !fresh.contains(name)).cloned().collect();
                let before = observed.call.snapshot();
                for name in stale {
                    observed.input(Input::Carrier(CarrierInput::Mark(name)));
                }
                prop_assert_eq!(observed.call.snapshot(), before);
            }
        }
    }
}
