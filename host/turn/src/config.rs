//! What a tenant decides about an agent, and what is known of a call at its start.

mod context;
mod screening;
mod validation;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use context::{CallContext, Direction, Encoding, ToolPolicy};
pub use screening::Screening;
pub use validation::ConfigError;
pub(crate) use validation::is_e164;

/// How an agent behaves. Unknown keys are refused; see [`AgentConfig::validate`].
///
/// In its serialised form every duration is a whole number of milliseconds and
/// its key ends in `_ms`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AgentConfig {
    /// The system prompt.
    pub instructions: String,
    /// Spoken first, without the model; empty: the caller begins.
    pub greeting: String,
    /// Spoken instead of the greeting when a call goes on after its media socket was lost.
    pub recovery: String,
    /// Spoken once when the caller says nothing; empty: silence.
    pub reprompt: String,
    /// Spoken when an answer could not be made.
    pub apology: String,
    /// Spoken before the call is ended by us.
    pub farewell: String,
    /// Spoken in turn when the model or a tool lets the caller wait for
    /// `timers.filler_ms`; empty: silence.
    pub fillers: Vec<String>,
    /// The telephone number, E.164, to which the caller is handed over when the model asks
    /// for it (`transfer_call`) or cannot go on; absent: nobody.
    pub transfer_to: Option<String>,
    /// What the person at that number is told before the caller is put through, who hears
    /// music meanwhile; absent: they are connected at once. Carriers that cannot do this
    /// connect at once.
    pub transfer_briefing: Option<String>,
    /// How many times in one turn the model may ask for tools. Default 3, as in LiveKit Agents.
    pub max_tool_rounds: u32,
    /// How many turns of the caller are answered before the agent says goodbye. Default
    /// 200: an hour with a turn every 18 s.
    pub max_turns: u32,
    /// When the caller interrupts.
    pub barge_in: BargeIn,
    /// When the caller is done.
    pub endpointing: Endpointing,
    /// How audio is sent.
    pub playout: Playout,
    /// When the model is asked before the caller is surely done.
    pub speculation: Speculation,
    /// Who answered an outbound call.
    pub screening: Screening,
    /// How long anything may take.
    pub timers: Timers,
}

impl Default for AgentConfig {
    fn default() -> Self {
        Self {
            instructions: "You are a friendly agent on the telephone. Answer in one or two short \
                           sentences that sound natural when spoken. Never use lists or markup."
                .into(),
            greeting: "Hello, how can I help you?".into(),
            recovery: "Sorry, we were cut off. Where were we?".into(),
            reprompt: "Are you still there?".into(),
            apology: "I'm sorry, something went wrong on my side.".into(),
            farewell: "Thank you for calling. Goodbye.".into(),
            fillers: vec!["One moment, please.".into(), "Just a second.".into()],
            transfer_to: None,
            transfer_briefing: None,
            max_tool_rounds: 3,
            max_turns: 200,
            barge_in: BargeIn::default(),
            endpointing: Endpointing::default(),
            playout: Playout::default(),
            speculation: Speculation::default(),
            screening: Screening::default(),
            timers: Timers::default(),
        }
    }
}

/// When the caller's voice stops the agent's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BargeIn {
    /// Whether the caller can interrupt at all.
    pub enabled: bool,
    /// Whether the greeting is spoken to its end. Default true, as in Bolna: most
    /// speech over a greeting is "hello" or echo before the canceller has settled.
    pub protect_greeting: bool,
    /// Voiced time after which the agent pauses. Default 200 ms, as in Vapi (`voiceSeconds`).
    #[serde(rename = "pause_after_ms", with = "millis")]
    pub pause_after: Duration,
    /// Voiced time after which it is an interruption. Default 500 ms, as in LiveKit Agents.
    #[serde(rename = "confirm_after_ms", with = "millis")]
    pub confirm_after: Duration,
    /// Words of an interim transcript, backchannels not counted, that make it an
    /// interruption. Default 2; the field uses 1 to 3.
    pub min_words: u32,
    /// From the pause to the first judgement. Default 500 ms, as in siphon-ai.
    #[serde(rename = "decide_ms", with = "millis")]
    pub decide: Duration,
    /// From the pause to the last judgement. Default 2 s, as in LiveKit Agents.
    #[serde(rename = "resume_ms", with = "millis")]
    pub resume: Duration,
}

impl Default for BargeIn {
    fn default() -> Self {
        Self {
            enabled: true,
            protect_greeting: true,
            pause_after: Duration::from_millis(200),
            confirm_after: Duration::from_millis(500),
            min_words: 2,
            decide: Duration::from_millis(500),
            resume: Duration::from_secs(2),
        }
    }
}

/// When the caller's turn is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Endpointing {
    /// The speech probability from which a frame is voiced. Default 0.5, as in
    /// LiveKit Agents and earshot. While the caller speaks, 0.15 less is enough.
    pub speech_threshold: f32,
    /// The level below which nothing is voiced. Default 0.002 (-54 dBFS), under
    /// the quietest callers and over the noise of a G.711 line.
    pub level_floor: f32,
    /// The same while the agent is heard, against its echo. Default 0.01 (-40 dBFS).
    pub echo_floor: f32,
    /// How much louder than the echo of the agent's own voice, as learned in this call, the
    /// caller must be to be heard over it. Default 1.5 (3.5 dB), as in streamcore; 0:
    /// only `echo_floor` counts.
    pub echo_margin: f32,
    /// Voiced time within `vad_window` that starts speech. Default 160 ms.
    #[serde(rename = "vad_start_ms", with = "millis")]
    pub vad_start: Duration,
    /// See `vad_start`. Default 300 ms.
    #[serde(rename = "vad_window_ms", with = "millis")]
    pub vad_window: Duration,
    /// Silence that stops speech. Default 200 ms, as in Pipecat.
    #[serde(rename = "vad_stop_ms", with = "millis")]
    pub vad_stop: Duration,
    /// From the end of speech, how long a final transcript may take before the
    /// interim is used. Default 400 ms: Deepgram's p99 is 326 ms.
    #[serde(rename = "stt_wait_ms", with = "millis")]
    pub stt_wait: Duration,
    /// From the end of speech to the commit where the words are a whole sentence.
    /// Default 250 ms.
    #[serde(rename = "complete_ms", with = "millis")]
    pub complete: Duration,
    /// The same where they answer a closed question with yes or no. Default 200 ms: as
    /// soon as the voice is known to have stopped.
    #[serde(rename = "answer_ms", with = "millis")]
    pub answer: Duration,
    /// The same where they end without punctuation or in a number. Default 1.5 s, as
    /// in Vapi (`onNoPunctuationSeconds`).
    #[serde(rename = "unfinished_ms", with = "millis")]
    pub unfinished: Duration,
    /// The same where they end in a filler, a conjunction or a comma. Default 2.5 s.
    #[serde(rename = "trailing_ms", with = "millis")]
    pub trailing: Duration,
    /// Whether the wait after a whole sentence grows with the pauses that this caller
    /// makes within turns. Default true, as in LiveKit Agents (dynamic endpointing).
    pub learn: bool,
    /// How much of the learned pause a new one leaves in place, 0 to 1. Default 0.9, as
    /// in LiveKit Agents.
    pub learn_weight: f32,
    /// The longest learned wait. Default 1 s.
    #[serde(rename = "learn_max_ms", with = "millis")]
    pub learn_max: Duration,
    /// From the last transcript to the commit where no audio frames come. Default
    /// 600 ms, as in Pipecat.
    #[serde(rename = "stalled_ms", with = "millis")]
    pub stalled: Duration,
    /// The longest wait from the end of speech to the commit, and for words after a
    /// noise. Default 3 s, as in LiveKit Agents.
    #[serde(rename = "max_wait_ms", with = "millis")]
    pub max_wait: Duration,
    /// When a turn is decided whatever happens. Default 5 s, as in Pipecat.
    #[serde(rename = "watchdog_ms", with = "millis")]
    pub watchdog: Duration,
}

impl Default for Endpointing {
    fn default() -> Self {
        Self {
            speech_threshold: 0.5,
            level_floor: 0.002,
            echo_floor: 0.01,
            echo_margin: 1.5,
            vad_start: Duration::from_millis(160),
            vad_window: Duration::from_millis(300),
            vad_stop: Duration::from_millis(200),
            stt_wait: Duration::from_millis(400),
            complete: Duration::from_millis(250),
            answer: Duration::from_millis(200),
            unfinished: Duration::from_millis(1500),
            trailing: Duration::from_millis(2500),
            learn: true,
            learn_weight: 0.9,
            learn_max: Duration::from_secs(1),
            stalled: Duration::from_millis(600),
            max_wait: Duration::from_secs(3),
            watchdog: Duration::from_secs(5),
        }
    }
}

/// How audio goes to the carrier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Playout {
    /// How much unplayed audio the carrier may hold. Default 300 ms: enough for the
    /// jitter of a socket, little enough to be forgotten at an interruption.
    #[serde(rename = "lead_ms", with = "millis")]
    pub lead: Duration,
    /// The longest stretch of audio without a mark. Default 500 ms.
    #[serde(rename = "mark_every_ms", with = "millis")]
    pub mark_every: Duration,
}

impl Default for Playout {
    fn default() -> Self {
        Self { lead: Duration::from_millis(300), mark_every: Duration::from_millis(500) }
    }
}

/// When the model is asked before the caller is surely done. What it says is kept back
/// until the turn is committed, and thrown away when the caller goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Speculation {
    /// Whether the recogniser's eager end of turn asks the model. Default true; it saves
    /// 150 to 250 ms for half as many requests again (Deepgram Flux).
    pub on_eager_end: bool,
    /// Whether a final transcript after the voice has stopped asks the model. Default
    /// false: most of the gain is in waits that are short anyway.
    pub on_final: bool,
    /// How many such requests a turn may cost. Default 3, as in LiveKit Agents.
    pub max_per_turn: u32,
}

impl Default for Speculation {
    fn default() -> Self {
        Self { on_eager_end: true, on_final: false, max_per_turn: 3 }
    }
}

/// How long anything may take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Timers {
    /// From the socket to the carrier's start message. Default 5 s.
    #[serde(rename = "connect_ms", with = "millis")]
    pub connect: Duration,
    /// The model's silence before its first token, after which the next vendor is asked.
    /// Default 4 s: two fit into the 8 s after which callers hang up.
    #[serde(rename = "first_token_ms", with = "millis")]
    pub first_token: Duration,
    /// The model's silence between tokens. Default 8 s.
    #[serde(rename = "model_ms", with = "millis")]
    pub model: Duration,
    /// The caller's wait, for the model or a tool, before a filler is spoken. Default 1.5 s;
    /// 0: never.
    #[serde(rename = "filler_ms", with = "millis")]
    pub filler: Duration,
    /// The pause before the same vendor is asked again, doubled each time and spread by a
    /// quarter. Default 200 ms. Another vendor is asked at once.
    #[serde(rename = "retry_ms", with = "millis")]
    pub retry: Duration,
    /// The synthesiser's silence while it owes audio. Default 5 s.
    #[serde(rename = "speech_ms", with = "millis")]
    pub speech: Duration,
    /// A tool's run, in addition to what its own limits say. Default 12 s: above the
    /// platform's limit of 10 s, so that the tool's own error arrives first.
    #[serde(rename = "tool_ms", with = "millis")]
    pub tool: Duration,
    /// How long a committed turn waits for memory and sentiment. Default 50 ms.
    #[serde(rename = "context_ms", with = "millis")]
    pub context: Duration,
    /// From the last words of either side to the reprompt, and again to the goodbye; a noise
    /// does not count.
    /// Default 10 s, as in Retell (`reminder_trigger_ms`).
    #[serde(rename = "silence_ms", with = "millis")]
    pub silence: Duration,
    /// The caller's longest turn. Default 60 s.
    #[serde(rename = "caller_turn_ms", with = "millis")]
    pub caller_turn: Duration,
    /// From the last key to the end of an entry. Default 2 s, as in Pipecat.
    #[serde(rename = "keypad_ms", with = "millis")]
    pub keypad: Duration,
    /// How much later than computed the last mark may come back. Default 2 s.
    #[serde(rename = "playback_ms", with = "millis")]
    pub playback: Duration,
    /// The goodbye, from its first request to the hang-up. Default 10 s, as in Bolna.
    #[serde(rename = "close_ms", with = "millis")]
    pub close: Duration,
    /// The whole call, its goodbye included. Default 1 h, as in Retell.
    #[serde(rename = "max_duration_ms", with = "millis")]
    pub max_duration: Duration,
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            first_token: Duration::from_secs(4),
            model: Duration::from_secs(8),
            filler: Duration::from_millis(1500),
            retry: Duration::from_millis(200),
            speech: Duration::from_secs(5),
            tool: Duration::from_secs(12),
            context: Duration::from_millis(50),
            silence: Duration::from_secs(10),
            caller_turn: Duration::from_secs(60),
            keypad: Duration::from_secs(2),
            playback: Duration::from_secs(2),
            close: Duration::from_secs(10),
            max_duration: Duration::from_secs(3600),
        }
    }
}

mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
        u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_millis)
    }
}
