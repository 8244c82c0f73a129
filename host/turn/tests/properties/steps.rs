//! What can happen to a call, at random.
#![cfg(test)]

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use events::EndReason;
use proptest::prelude::*;
use turn::{
    AgentConfig, CallContext, ClauseId, Direction, END_CALL, LlmInput, OperatorCommand, PRESS_KEYS,
    SpokenWord, SttInput, TRANSFER_CALL, ToolCall, ToolPolicy, TtsInput,
};

/// One step of a random call. References are resolved when it is taken, so that most
/// inputs concern what is going on.
#[derive(Clone, Debug)]
pub enum Step {
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
        /// Whether the recogniser believes early that they are done, and whether it is right.
        early: Option<bool>,
    },
    /// The synthesiser speaks the clauses that it was given, all at once.
    Speech {
        ms_per_clause: u16,
        tells: bool,
    },
}

#[derive(Clone, Debug)]
pub enum CarrierStep {
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

pub fn step() -> impl Strategy<Value = Step> {
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
    let tool = prop_oneof![
        6 => Just("calendar"), 6 => Just("crm"), 1 => Just("oracle"), 4 => Just(PRESS_KEYS),
        1 => Just(END_CALL), 1 => Just(TRANSFER_CALL)
    ];
    let early = prop_oneof![Just(None), any::<bool>().prop_map(Some)];
    let tools = proptest::collection::vec(tool, 0..3);
    (words, answer, tools, early).prop_map(|(words, answer, tools, early)| Step::Exchange {
        words,
        answer,
        tools,
        early,
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
        Just("Leave a message after the tone.".to_owned()),
        Just("Press 1 for sales.".to_owned()),
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
        4 => words().prop_map(|text| SttInput::EagerEndOfTurn { text }),
        4 => words().prop_map(|text| SttInput::EndOfTurn { text }),
        2 => Just(SttInput::TurnResumed),
        2 => Just(SttInput::SpeechStarted),
        1 => Just(SttInput::Failed { message: "gone".into() }),
    ]
}

fn llm() -> impl Strategy<Value = LlmInput> {
    let name = prop_oneof![4 => Just("calendar"), 4 => Just("crm"), 1 => Just("oracle"), 1 => Just(END_CALL)];
    let arguments = prop_oneof![
        Just("{}"),
        Just(""),
        Just("[]"),
        Just("{\"a\":1,\"b\":2}"),
        Just("{\"b\": 2, \"a\": 1}")
    ];
    prop_oneof![
        6 => "[a-zé]{1,9}([ ,.?] ?[a-z0-9]{1,9}){0,12}[.?]?[ ]?".prop_map(LlmInput::Delta),
        2 => ("[ab]?", name, arguments).prop_map(|(id, name, arguments)| {
            LlmInput::ToolCall(ToolCall { id, name: name.into(), arguments: arguments.into() })
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
        6 => words().prop_map(OperatorCommand::Whisper),
        1 => prop_oneof![Just(None), words().prop_map(Some)]
            .prop_map(|line| OperatorCommand::Transfer { to: "+12025550143".into(), line }),
        1 => prop_oneof![Just(None), words().prop_map(Some)]
            .prop_map(|farewell| OperatorCommand::End { farewell, reason: EndReason::Drained }),
    ]
}

pub fn config() -> impl Strategy<Value = AgentConfig> {
    let switches = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    let turns = prop_oneof![3 => Just(200u32), 1 => 1u32..4];
    let limits = (0u32..4, turns, 0u32..4);
    let filler = prop_oneof![Just(0u64), Just(200), Just(1500)];
    (switches, limits, filler, 500u64..4000).prop_map(|(switches, limits, filler, first_token)| {
        let (enabled, protect, greets, on_final, transfers) = switches;
        let mut config = AgentConfig::default();
        config.barge_in.enabled = enabled;
        config.barge_in.protect_greeting = protect;
        config.speculation.on_final = on_final;
        config.transfer_to = transfers.then(|| "+12025550143".into());
        (config.max_tool_rounds, config.max_turns, config.speculation.max_per_turn) = limits;
        config.timers.filler = Duration::from_millis(filler);
        config.timers.first_token = Duration::from_millis(first_token);
        config.timers.max_duration = Duration::from_secs(120);
        config.screening.voicemail_message = "Please call us back.".into();
        if !greets {
            config.greeting.clear();
        }
        config
    })
}

/// What is known of the call, with some of the lines of `config` at hand as audio.
pub fn context() -> impl Strategy<Value = CallContext> {
    let policy = |name: &str, cancel_on_interruption: bool, limit: Option<u64>| ToolPolicy {
        name: name.into(),
        cancel_on_interruption,
        limit: limit.map(Duration::from_millis),
        filler: limit.map(|_| "Let me look.".into()),
    };
    let tools = prop_oneof![
        Just(Vec::new()),
        Just(vec![policy("calendar", true, Some(3000)), policy("crm", false, None)])
    ];
    let defaults = AgentConfig::default();
    let mut lines = vec![defaults.greeting, defaults.apology, defaults.farewell, defaults.reprompt];
    lines.extend(defaults.fillers);
    let at_hand = proptest::collection::vec(any::<bool>(), lines.len());
    let parts = (1u32..4, 1u32..4, tools, at_hand, 1usize..20_000, any::<bool>());
    parts.prop_map(move |(models, voices, tools, at_hand, n, outbound)| {
        let mut context = CallContext::mulaw("call");
        context.tones = ['1', '2', '#'].map(|key| (key, Bytes::from_static(&[0x2A; 1600]))).into();
        if outbound {
            context.direction = Direction::Outbound;
        }
        (context.models, context.voices, context.tools) = (models, voices, tools);
        context.prerecorded = lines
            .iter()
            .zip(at_hand)
            .filter(|(_, at_hand)| *at_hand)
            .map(|(line, _)| (line.clone(), Bytes::from(vec![0x66; n])))
            .collect::<BTreeMap<_, _>>();
        context
    })
}
