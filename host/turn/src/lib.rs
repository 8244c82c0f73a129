//! The call core: a sans-IO state machine of one phone call.
//!
//! [`Call`] decides who speaks when. It does no I/O, has no clock, no tasks and no
//! randomness: inputs and the time go in, outputs come out, and the same inputs give
//! the same outputs. So hours of calls run in a second of test time, and a recorded
//! call can be replayed bit for bit.
//!
//! # States
//!
//! ```text
//!  Connecting ──► Screening
//!      │              │ somebody is there
//!      └──► Greeting ◄┘
//!              │ played
//!              ▼         voice               silence
//!  ┌──────► Listening ───────► UserSpeaking ─────────► EndpointPending
//!  │           │  ▲                  ▲                    │  │  ▲
//!  │           │  │                  └────── voice ───────┤  │  │
//!  │           │  └───────────── no words came ───────────┘  │  │
//!  │           ├───────────────────── words ─────────────────┼──┘
//!  │           │ silence, a result                           │ committed
//!  │           ▼                                             │
//!  │        Thinking ◄───────────────────────────────────────┘
//!  │         │  ▲  ▲
//!  │   audio │  │  └────── no ──────┐
//!  │ played  ▼  │   voice, words    │ yes
//!  └─────── Speaking ──────► PausedForBargeIn ──► UserSpeaking, EndpointPending
//!                                                 or Listening
//!
//!  from any state: Closing (last words) ──► Finished (hung up, or handed over)
//! ```
//!
//! *Greeting* and *Thinking* are paused like *Speaking*. Where there is nothing to greet
//! with, *Connecting* and *Screening* lead to *Listening* themselves. Every state but the
//! last has its deadlines; the figures are the defaults of [`AgentConfig`]:
//!
//! - *Connecting* ends with the carrier's start message, or after 5 s with the call.
//! - *Screening* finds out who answered an outbound call, while the agent is silent: a human
//!   who has said hello and waits for half a second is greeted, and so is whoever says nothing
//!   for 4 s; a menu is listened to; a voicemail gets its message when it has been silent
//!   for 1.5 s, or the call ends. It is decided after 20 s at the latest, and a voicemail is
//!   waited for that long again. A machine that was taken for a human is still recognised
//!   by its words in the first 30 s.
//! - *Greeting* speaks the first line and ends when it is played; unless it is
//!   protected, the caller can interrupt it.
//! - *Listening* ends with the caller's voice, words or keys (an entry is complete 2 s after
//!   its last key). 10 s after the last words of either side the agent asks, and after 10 s
//!   more it says goodbye. A noise changes nothing about that, but nobody is spoken over. Who
//!   answers the goodbye keeps the call.
//! - *UserSpeaking* ends with 200 ms of silence, with a second without frames, or
//!   after a minute: then the answer cannot be interrupted.
//! - *EndpointPending* commits the turn when the words look complete, goes back when
//!   the voice does, and gives up on a noise without words after 3 s; after 5 s it is decided
//!   whatever happens. How long it waits depends on the words (yes to a closed question, a
//!   sentence, a number that is being dictated, "and"), on the end that the recogniser heard,
//!   and on the pauses that this caller has made so far.
//! - *Thinking* waits for memory and sentiment (50 ms at most), the model (4 s for its
//!   first token, 8 s between tokens), tools (12 s, or their own limit) and the
//!   synthesiser (5 s), and ends with the first audio. Who waits for 1.5 s hears a filler;
//!   there are two in a turn at most, and they are no part of its latency.
//! - *Speaking* sends audio at most 300 ms ahead and ends with the last mark, or 2 s
//!   after it was due. It becomes *Thinking* again when all that there was is played.
//! - *PausedForBargeIn* has cleared the carrier and decides: half a second of voice,
//!   a few words or one deliberate word are an interruption; a cough or an "uh huh"
//!   is not, and the agent goes on with the first unheard word. It judges after half a
//!   second and for the last time after 2 s.
//! - *Closing* speaks the last words and hangs up when they are played, or after 10 s; a
//!   voicemail's message may take as long as its length asks. It hears nothing. A goodbye
//!   that the caller may interrupt, the model's and that of silence, is *Speaking* until all
//!   of it is at the carrier.
//!
//! Above all states is the longest call, an hour with its goodbye.
//!
//! # Tools
//!
//! Running tools are an overlay: they outlive the turn that asked for them, and their
//! results reach the conversation whatever the caller does meanwhile. Only those that
//! are known to read and not to act are stopped by an interruption. Where a noise cut the
//! turn and the caller then says nothing, or "okay", the agent gives the answer of itself
//! when the tools have ended. The core runs three tools itself: to end the call, to hand the
//! caller over, and to press keys.
//!
//! # When something fails
//!
//! Each wait has its own way out. A model that fails, or is silent, before any of its
//! words went to speech is followed by the next vendor, or where there is one only, asked
//! again after a pause; then the agent apologises, and the second time in a row it hands the
//! caller over, if there is somebody, or hangs up. A voice that fails is followed by the
//! next one from the first word that will not be heard; with the last, the call ends with a
//! line that is at hand as audio. Recognisers are replaced by the driver; the third in a row
//! that is lost without a word ends the call.
//!
//! # Asking ahead
//!
//! Where the recogniser believes that the caller may be done, the model is asked before
//! the turn is committed. What it says is kept back. The commit uses it as if it came
//! then, if the words are the same; else, as soon as the caller goes on, and when an operator
//! tells the agent something, it is cancelled. There is one request at a time, ahead of a turn
//! or for it.
//!
//! # Driving a call
//!
//! After every `&mut` call the outputs are drained, in order, and then the timeout is
//! read. Events of the model and the synthesiser carry the turn that they belong to;
//! what is stale is dropped here and needs no filter outside. Three rules for drivers:
//! a [`Output::StartLlm`] replaces the request before it of the same turn, and may follow
//! an [`Output::Cancel`] of that turn; after a [`TtsInput::Failed`] clauses can be spoken
//! again, from the first that was not heard; and the synthesiser is not told of lines
//! that are at hand as audio, so that a turn's first clause there may not be number 0.
//!
//! ```
//! use std::time::Duration;
//! use turn::{AgentConfig, Call, CallContext, CarrierInput, Input, Output};
//!
//! let config: AgentConfig = serde_json::from_str(r#"{"greeting": "Hello!"}"#)?;
//! config.validate()?;
//! let mut call = Call::new(config, CallContext::mulaw("call-1"), Duration::ZERO);
//!
//! // What arrives on sockets and streams, with the time since the socket was accepted.
//! let started = Input::Carrier(CarrierInput::Started { stream: "MZ1".into() });
//! let mut arrivals = vec![(Duration::from_millis(40), started)].into_iter().peekable();
//! let mut spoken = Vec::new();
//! while !call.is_finished() {
//!     while let Some(output) = call.poll_output() {
//!         match output {
//!             Output::Emit(_event) => { /* append to the log before going on */ }
//!             Output::Speak { text, .. } => spoken.push(text),
//!             _ => { /* send, clear, ask, cancel, call, hang up */ }
//!         }
//!     }
//!     let Some(timeout) = call.poll_timeout() else { break };
//!     match arrivals.next_if(|(at, _)| *at <= timeout) {
//!         Some((now, input)) => call.handle_input(now, input),
//!         None => call.handle_timeout(timeout),
//!     }
//! }
//! assert_eq!(spoken[0], "Hello!");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Echo
//!
//! The agent's voice comes back from the caller's side, and must not interrupt itself. So
//! while it is heard, what comes in counts as the caller's voice only where it is louder
//! than the echo can be, by the line's coupling as measured in this call. And words over
//! the agent's that nobody was heard to say, or that are the agent's own, are dropped.
//!
//! # Positions
//!
//! The caller's time is media time: frames counted, mapped to call time by the least
//! delay with which they came. The end of speech is the end of the last voiced frame,
//! and there the latency ledger of a turn begins; it ends with the first audio handed
//! to the carrier, fillers not counted, and its stages sum to its total. What the
//! caller has heard is what the carrier's marks acknowledge, and beyond them what must
//! have been played by the clock less the delay that the marks have shown; it is cut to
//! whole words, never shrinks, and never exceeds what was sent. History holds only that.

#![forbid(unsafe_code)]

mod answer;
mod answered;
mod answering;
mod barge_in;
mod breaker;
mod call;
mod clauses;
mod closing;
mod config;
mod echo;
mod fillers;
mod history;
mod io;
mod keys;
mod knowledge;
mod learned;
mod level;
mod lines;
mod listening;
mod model;
mod over;
mod owed;
mod own_words;
mod pace;
mod playout;
mod quantity;
mod question;
mod repetition;
mod replay;
mod retries;
mod screening;
mod sentence;
mod speaking;
mod speculation;
mod speech_failure;
mod spelling;
mod spoken;
mod state;
mod timers;
mod tool_rounds;
mod tools;
mod transcript;
mod transfer;
mod vad;
mod words;

pub use breaker::{Breaker, BreakerConfig, BreakerState, Order};
pub use call::Call;
pub use config::{
    AgentConfig, BargeIn, CallContext, ConfigError, Direction, Encoding, Endpointing,
    Playout as PlayoutConfig, Screening, Speculation, Timers, ToolPolicy,
};
pub use io::*;
pub use replay::{
    Difference, MAX_LINE_BYTES, RECORDING_FORMAT, RECORDING_VERSION, Recorder, ReplayError, Replayed, Report,
    replay, replay_with,
};
pub use state::{Snapshot, State};
pub use tools::{END_CALL, PRESS_KEYS, TRANSFER_CALL};
