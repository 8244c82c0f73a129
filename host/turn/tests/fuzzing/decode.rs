//! Bytes to steps. Any bytes are some call, and a changed byte is a slightly changed call.

use std::time::Duration;

use bytes::Bytes;
use events::EndReason;
use turn::{
    AgentConfig, CallContext, CarrierInput, ClauseId, END_CALL, LlmInput, MarkName, OperatorCommand,
    SpokenWord, SttInput, ToolCall, TtsInput,
};

/// One step of a call. What it refers to is looked up when it is taken, so that most steps
/// concern what is going on.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Frames of 20 ms each.
    Frames {
        n: u8,
        speech: f32,
        level: f32,
    },
    /// A frame of another length.
    OddFrame {
        duration: Duration,
        speech: f32,
    },
    /// Time passes without a frame.
    Wait(Duration),
    /// The wake-up that the call asked for.
    Timeout,
    Carrier(CarrierInput),
    /// The n-th mark that is out comes back, for good or once more.
    Mark {
        nth: usize,
        forget: bool,
    },
    Stt(SttInput),
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
    Mood {
        turns_ago: u32,
        score: f32,
    },
    Memory {
        turns_ago: u32,
        text: &'static str,
    },
    Operator(OperatorCommand),
    Handed {
        turns_ago: u32,
    },
    /// The synthesiser speaks all clauses that it was given.
    Speech {
        ms_per_clause: u32,
        tells: bool,
    },
}

/// The agent and the call that the first bytes choose, and the steps of the rest.
pub fn call(data: &[u8]) -> (AgentConfig, CallContext, Vec<Step>) {
    let mut bytes = Cursor { data };
    let (config, context) = (config(bytes.next()), context(bytes.next()));
    let mut steps = Vec::new();
    // A call of more steps shows nothing new and takes the time of others.
    while !bytes.data.is_empty() && steps.len() < 1000 {
        steps.push(step(&mut bytes));
    }
    (config, context, steps)
}

struct Cursor<'a> {
    data: &'a [u8],
}

impl Cursor<'_> {
    /// The next byte; 0 when there is none.
    fn next(&mut self) -> u8 {
        let Some((first, rest)) = self.data.split_first() else { return 0 };
        self.data = rest;
        *first
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::from(self.next()) % from.len()]
    }

    /// Mostly now, sometimes before.
    fn ago(&mut self) -> u32 {
        self.pick(&[0, 0, 0, 0, 0, 0, 1, 2])
    }
}

fn config(bits: u8) -> AgentConfig {
    let mut config = AgentConfig::default();
    config.barge_in.enabled = bits & 1 == 0;
    config.barge_in.protect_greeting = bits & 2 == 0;
    config.speculation.on_final = bits & 4 != 0;
    config.max_tool_rounds = u32::from(bits >> 3 & 3);
    config.timers.max_duration = Duration::from_secs(120);
    config.transfer_to = (bits & 32 != 0).then(|| "+12025550143".into());
    if bits & 64 != 0 {
        config.greeting.clear();
    }
    if bits & 128 != 0 {
        config.max_turns = 3;
        config.screening.voicemail_message = "Please call us back.".into();
    }
    config
}

fn context(bits: u8) -> CallContext {
    let mut context = CallContext::mulaw("fuzz");
    if bits & 1 != 0 {
        context.direction = turn::Direction::Outbound;
    }
    if bits & 2 != 0 {
        context.encoding = turn::Encoding::Alaw;
    }
    if bits & 4 != 0 {
        context.history = vec![turn::Message::User { content: "Where were we?".into() }];
        context.first_turn = 4;
    }
    context.models = 1 + u32::from(bits >> 3 & 1);
    context.voices = 1 + u32::from(bits >> 4 & 1);
    context.caller_known = bits & 32 == 0;
    if bits & 64 != 0 {
        let policy = |name: &str, cancel_on_interruption| turn::ToolPolicy {
            name: name.into(),
            cancel_on_interruption,
            limit: Some(Duration::from_secs(3)),
            filler: (!cancel_on_interruption).then(|| "Let me look.".into()),
        };
        context.tools = vec![policy("calendar", true), policy("crm", false)];
    }
    if bits & 128 != 0 {
        let audio = |byte, ms: usize| Bytes::from(vec![byte; ms * 8]);
        let AgentConfig { greeting, apology, farewell, fillers, .. } = AgentConfig::default();
        let lines = [greeting, apology, farewell].into_iter().chain(fillers);
        context.prerecorded = lines.map(|line| (line, audio(0x33, 1010))).collect();
        context.tones = ['1', '2', '#'].map(|key| (key, audio(0x44, 200))).into();
    }
    context
}

const SPEECH: [f32; 6] = [0.02, 0.95, 0.95, 0.45, f32::NAN, f32::INFINITY];
const LEVELS: [f32; 5] = [0.1, 0.1, 0.001, 0.008, f32::NEG_INFINITY];
const WORDS: [&str; 12] = [
    "",
    "Stop!",
    "uh huh",
    "Tell me a story.",
    "My number is 555",
    "yes",
    "and then, um",
    "For sales, press 1.",
    "I would like to book a table for two tomorrow at eight.",
    "Ça va très bien, merci 🙂",
    "Please leave a message after the tone.",
    "   ",
];
const ANSWERS: [&str; 10] = [
    "Of course. ",
    "Once upon a time there was a fox, and the fox lived in a wood. ",
    "no full stop",
    " ",
    "",
    "Dr. Smith is at 3.50 today",
    "… ",
    "Prix: 12,50 €. ",
    "Is that right? ",
    "a b c d e f g h i j k l m n o p q r s t u v w x y z ",
];

fn step(bytes: &mut Cursor<'_>) -> Step {
    match bytes.next() % 20 {
        0..4 => {
            Step::Frames { n: 1 + bytes.next() % 64, speech: bytes.pick(&SPEECH), level: bytes.pick(&LEVELS) }
        }
        4 => Step::OddFrame {
            duration: Duration::from_micros(125) * u32::from(bytes.next()),
            speech: bytes.pick(&SPEECH),
        },
        5 => Step::Wait(Duration::from_millis(12) * u32::from(bytes.next())),
        6 => Step::Timeout,
        7 => Step::Mark { nth: usize::from(bytes.next() % 4), forget: bytes.next().is_multiple_of(2) },
        8 => Step::Carrier(carrier(bytes)),
        9 | 10 => Step::Stt(recogniser(bytes)),
        11 | 12 => Step::Llm { turns_ago: bytes.ago(), rounds_ago: bytes.ago(), llm: model(bytes) },
        13 | 14 => Step::Tts { turns_ago: bytes.ago(), tts: synthesiser(bytes) },
        15 => Step::Tool {
            newest: usize::from(bytes.next() % 3),
            outcome: bytes.pick(&["success", "failure", "fault", "timeout", "refused", "cancelled"]),
        },
        16 => match bytes.next() % 3 {
            0 => Step::Mood { turns_ago: bytes.ago(), score: bytes.pick(&[-0.9, 0.0, 0.8, f32::NAN]) },
            1 => Step::Memory { turns_ago: bytes.ago(), text: bytes.pick(&WORDS) },
            _ => Step::Handed { turns_ago: bytes.ago() },
        },
        17 => Step::Operator(operator(bytes)),
        _ => Step::Speech {
            ms_per_clause: 20 * u32::from(bytes.next()),
            tells: bytes.next().is_multiple_of(2),
        },
    }
}

fn carrier(bytes: &mut Cursor<'_>) -> CarrierInput {
    match bytes.next() % 16 {
        0..6 => CarrierInput::Started { stream: "MZ2".into() },
        6..10 => CarrierInput::Dtmf(bytes.pick(&['1', '0', '#', '*', 'A', 'x', 'é'])),
        10..14 => CarrierInput::Mark(MarkName(format!("t{}-{}", bytes.next() % 4, bytes.next() % 4))),
        14 => CarrierInput::Stopped,
        _ => CarrierInput::Lost,
    }
}

fn recogniser(bytes: &mut Cursor<'_>) -> SttInput {
    let kind = bytes.next() % 16;
    match kind {
        0..4 => SttInput::Interim { text: bytes.pick(&WORDS).into() },
        4..8 => SttInput::Final { text: bytes.pick(&WORDS).into(), speech_final: kind.is_multiple_of(2) },
        8 => SttInput::UtteranceEnd,
        9 => SttInput::SpeechStarted,
        10 | 11 => SttInput::EagerEndOfTurn { text: bytes.pick(&WORDS).into() },
        12 => SttInput::TurnResumed,
        13 | 14 => SttInput::EndOfTurn { text: bytes.pick(&WORDS).into() },
        _ => SttInput::Failed { message: "gone".into() },
    }
}

fn model(bytes: &mut Cursor<'_>) -> LlmInput {
    match bytes.next() % 8 {
        0..3 => LlmInput::Delta(bytes.pick(&ANSWERS).into()),
        3 | 4 => LlmInput::ToolCall(ToolCall {
            id: bytes.pick(&["a", "b", "c", ""]).into(),
            name: bytes
                .pick(&["calendar", "crm", "calendar", "transfer_call", "press_keys", END_CALL])
                .into(),
            arguments: bytes.pick(&["{}", "{\"keys\":\"12#\"}", "{", "null"]).into(),
        }),
        5 | 6 => LlmInput::Finished,
        _ => LlmInput::Failed { message: "overloaded".into() },
    }
}

fn synthesiser(bytes: &mut Cursor<'_>) -> TtsInput {
    match bytes.next() % 8 {
        0..3 => TtsInput::Audio(Bytes::from(vec![0x55; 97 * usize::from(bytes.next())])),
        3 | 4 => TtsInput::ClauseDone(ClauseId(u32::from(bytes.next() % 4))),
        5 => TtsInput::Words(vec![SpokenWord {
            word: bytes.pick(&["Of", "course.", "Hello,", "fox", "xyz", ""]).into(),
            start: Duration::from_millis(20) * u32::from(bytes.next()),
            end: Duration::from_millis(20) * u32::from(bytes.next()),
        }]),
        6 => TtsInput::Done,
        _ => TtsInput::Failed { message: "no voice".into() },
    }
}

fn operator(bytes: &mut Cursor<'_>) -> OperatorCommand {
    let line = bytes.pick(&WORDS).to_owned();
    match bytes.next() % 16 {
        0..10 => OperatorCommand::Say(line),
        10..14 => OperatorCommand::Whisper(line),
        14 => OperatorCommand::Transfer { to: "+12025550143".into(), line: Some(line) },
        _ => OperatorCommand::End { farewell: Some(line), reason: EndReason::Drained },
    }
}
