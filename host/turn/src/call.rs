//! The call: one door in, one door out, and the table of what happens when a timer
//! runs out.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use events::{CallEvent, EndReason};

use crate::answer::Answer;
use crate::barge_in::Pause;
use crate::config::{AgentConfig, CallContext, Encoding};
use crate::echo::EchoGuard;
use crate::history::History;
use crate::keys::Keypad;
use crate::knowledge::Knowledge;
use crate::learned::LearnedPause;
use crate::owed::Owed;
use crate::pace::{FRAME, Pace};
use crate::playout::Playout;
use crate::question::Asked;
use crate::screening::Screen;
use crate::speculation::Speculating;
use crate::state::{Snapshot, State};
use crate::timers::{Timer, TimerTable};
use crate::tools::ToolRuns;
use crate::transcript::Transcript;
use crate::vad::Vad;
use crate::{CallTime, CarrierInput, Input, Message, Output, TurnId};

/// One phone call. See the crate's documentation for how to drive it.
#[derive(Clone)]
pub struct Call {
    pub(crate) config: AgentConfig,
    /// What was known at the start; its history and memories are taken out.
    pub(crate) context: CallContext,
    pub(crate) pace: Pace,
    pub(crate) now: CallTime,
    pub(crate) state: State,
    pub(crate) timers: TimerTable,
    pub(crate) outputs: VecDeque<Output>,
    pub(crate) vad: Vad,
    pub(crate) echo: EchoGuard,
    /// Whether frames of the caller's audio come at the moment.
    pub(crate) frames_come: bool,
    /// When the caller's last speech ended.
    pub(crate) spoke_until: Option<CallTime>,
    /// When the agent's last speech ended: nobody answers while the other speaks.
    pub(crate) agent_spoke_until: CallTime,
    /// When the last words of either side were.
    pub(crate) silent_since: CallTime,
    pub(crate) transcript: Transcript,
    pub(crate) keypad: Keypad,
    pub(crate) learned: LearnedPause,
    /// The agent's words that the caller heard last.
    pub(crate) last_heard: String,
    /// The caller's voiced time before them.
    pub(crate) voiced_before_last: Duration,
    /// What they ask of the caller.
    pub(crate) asked: Asked,
    pub(crate) answer: Option<Answer>,
    pub(crate) speculation: Speculating,
    pub(crate) playout: Playout,
    pub(crate) pause: Option<Pause>,
    pub(crate) history: History,
    pub(crate) knowledge: Knowledge,
    pub(crate) tools: ToolRuns,
    pub(crate) opening: String,
    pub(crate) first_turn: TurnId,
    pub(crate) next_turn: TurnId,
    /// Whether the last answer was cut by the caller after it was heard in part.
    pub(crate) interrupted: bool,
    /// The answer for which the caller still waits, though they cut it.
    pub(crate) owed: Option<Owed>,
    /// Who answered an outbound call.
    pub(crate) screen: Option<Screen>,
    pub(crate) n_reprompts: u32,
    /// How many turns of the caller were committed.
    pub(crate) n_turns: u32,
    /// How many fillers of the agent's own were said.
    pub(crate) n_fillers: usize,
    pub(crate) n_model_failures: u32,
    pub(crate) n_stt_failures: u32,
    /// When the recogniser's stream was lost last.
    pub(crate) stt_failed_at: Option<CallTime>,
    pub(crate) ended: Option<EndReason>,
}

/// Says where the call stands and nothing of what is said in it: logs must not hold
/// the words of callers.
impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("id", &self.context.call)
            .field("now", &self.now)
            .field("state", &self.state)
            .field("turn", &self.answer.as_ref().map(|answer| answer.turn))
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

impl Call {
    /// A call whose media socket was accepted at `now`. The configuration should be
    /// valid ([`AgentConfig::validate`]).
    pub fn new(config: AgentConfig, mut context: CallContext, now: CallTime) -> Self {
        let pace = Pace {
            frame_bytes: Encoding::FRAME_BYTES as u64,
            silence: context.encoding.silence(),
            lead: config.playout.lead.max(FRAME * 5),
            mark_every: config.playout.mark_every.max(FRAME),
        };
        let first_turn = TurnId(context.first_turn);
        let history = std::mem::take(&mut context.history);
        let memories = std::mem::take(&mut context.memories);
        let resumed = !history.is_empty();
        let mut call = Self {
            pace,
            now,
            state: State::Connecting,
            timers: TimerTable::default(),
            outputs: VecDeque::with_capacity(32),
            vad: Vad::new(&config.endpointing),
            echo: EchoGuard::new(context.encoding, &config.endpointing),
            frames_come: false,
            spoke_until: None,
            agent_spoke_until: now,
            silent_since: now,
            transcript: Transcript::new(&config.endpointing),
            keypad: Keypad::default(),
            learned: LearnedPause::new(&config.endpointing),
            last_heard: String::new(),
            voiced_before_last: Duration::ZERO,
            asked: Asked::default(),
            answer: None,
            speculation: Speculating::default(),
            playout: Playout::new(pace),
            pause: None,
            history: History::resumed(&history),
            knowledge: Knowledge::new(memories),
            tools: ToolRuns::default(),
            opening: if resumed { config.recovery.clone() } else { config.greeting.clone() },
            first_turn,
            next_turn: TurnId(context.first_turn.saturating_add(1)),
            interrupted: false,
            owed: None,
            screen: None,
            n_reprompts: 0,
            n_turns: 0,
            n_fillers: 0,
            n_model_failures: 0,
            n_stt_failures: 0,
            stt_failed_at: None,
            ended: None,
            config,
            context,
        };
        let timers = &call.config.timers;
        call.timers.set(Timer::Connect, now + timers.connect);
        let talk = timers.max_duration.saturating_sub(timers.close);
        call.timers.set(Timer::MaxDuration, now + talk);
        call.ask_memory(first_turn, "", true);
        call
    }

    /// Takes an input at `now`. Timers that were due before it take effect first.
    pub fn handle_input(&mut self, now: CallTime, input: Input) {
        let now = self.advance(now);
        self.settle(now);
        if self.is_finished() {
            return;
        }
        self.dispatch(now, input);
        self.settle(now);
    }

    /// Lets the timers that are due at `now` take effect.
    pub fn handle_timeout(&mut self, now: CallTime) {
        let now = self.advance(now);
        self.settle(now);
    }

    /// What is to be done next, in order.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Call::handle_timeout`] is to be called, unless an input comes before:
    /// later than the last `now`, and `None` only when the call is finished.
    pub fn poll_timeout(&self) -> Option<CallTime> {
        self.timers.next_timeout().map(|at| at.max(self.now))
    }

    /// Whether the call is over. What it still has to say is in its outputs.
    pub fn is_finished(&self) -> bool {
        self.ended.is_some()
    }

    /// Where the call stands, as of the last input or timeout.
    pub fn snapshot(&self) -> Snapshot {
        let heard = self.playout.heard(self.now);
        let spoken = self.answer.as_ref().map(|answer| &answer.spoken);
        Snapshot {
            call: self.context.call.clone(),
            state: self.state,
            tools_running: self.tools.n_running(),
            turn: self.answer.as_ref().map(|answer| answer.turn),
            caller_speaks_since: self.vad.speaking_since(),
            hearing: self.transcript.text(),
            said: spoken.map_or_else(String::new, |spoken| spoken.said().trim().to_owned()),
            heard: spoken.map_or_else(String::new, |spoken| spoken.heard(heard).to_owned()),
            audio_ahead: self.playout.dry_at().saturating_sub(self.now),
            ended: self.ended,
            speculations_discarded: self.speculation.n_discarded,
        }
    }

    /// The conversation so far as the model sees it, without the system message.
    pub fn history(&self) -> Vec<Message> {
        self.history.messages()
    }

    pub(crate) fn emit(&mut self, event: CallEvent) {
        self.outputs.push_back(Output::Emit(event));
    }

    pub(crate) fn take_turn(&mut self) -> TurnId {
        let turn = self.next_turn;
        self.next_turn = TurnId(turn.0.saturating_add(1));
        self.speculation.begin_turn();
        self.owed = None;
        turn
    }

    /// The only place where the state changes. Deadlines of a state end with it.
    pub(crate) fn set_state(&mut self, state: State) {
        if !matches!(state, State::UserSpeaking | State::EndpointPending) {
            self.discard_speculation();
        }
        if state != State::Listening {
            self.timers.stop(Timer::Silence);
        }
        if !matches!(state, State::UserSpeaking | State::EndpointPending) {
            self.timers.stop(Timer::CallerTurn);
        }
        if state != State::EndpointPending {
            self.timers.stop_all(&[Timer::Endpoint, Timer::Watchdog]);
        }
        if state != State::Screening {
            self.timers.stop(Timer::Screen);
            if self.state == State::Screening {
                // Somebody else went on with the call before it was decided.
                self.screen.take_if(|screen| !screen.is_watching());
            }
        }
        if state != State::PausedForBargeIn {
            self.timers.stop_all(&[Timer::Decide, Timer::Resume]);
            self.pause = None;
        }
        self.state = state;
    }

    fn advance(&mut self, now: CallTime) -> CallTime {
        self.now = self.now.max(now);
        self.now
    }

    fn settle(&mut self, now: CallTime) {
        for _ in 0..MAX_CHAIN {
            self.pump(now);
            let Some(timer) = self.timers.pop_due(now) else { return };
            self.on_timer(now, timer);
        }
    }

    fn dispatch(&mut self, now: CallTime, input: Input) {
        match input {
            Input::CallerAudio(frame) => self.on_caller_audio(now, &frame),
            Input::Carrier(carrier) => self.on_carrier(now, carrier),
            Input::Stt(stt) => self.on_stt(now, stt),
            Input::Llm(turn, round, llm) => {
                // The one place where what a model says for another turn or an older
                // request is dropped.
                if self.answer.as_ref().is_some_and(|answer| answer.expects_model(turn, round)) {
                    self.on_llm(now, llm);
                } else {
                    self.speculation.keep(turn, round, llm);
                }
            }
            Input::Tts(turn, tts) => {
                // The same for speech.
                if self.answer.as_ref().is_some_and(|answer| answer.turn == turn) && !self.playout.complete()
                {
                    self.on_tts(now, tts);
                }
            }
            Input::Tool(result) => self.on_tool(now, &result),
            Input::Sentiment(turn, sentiment) => self.on_sentiment(now, turn, sentiment),
            Input::Memory(turn, memories) => self.on_memory(now, turn, memories),
            Input::Operator(command) => self.on_operator(now, command),
            Input::Handed(turn) => self.on_handed(now, turn),
        }
    }

    fn on_carrier(&mut self, now: CallTime, carrier: CarrierInput) {
        match carrier {
            CarrierInput::Started { stream } => self.connected(now, stream),
            CarrierInput::Mark(name) => self.playout.acknowledge(now, &name),
            CarrierInput::Dtmf(digit) => self.on_key(now, digit),
            CarrierInput::Stopped => self.disconnected(now, EndReason::CallerHangup),
            CarrierInput::Lost => self.disconnected(now, EndReason::CarrierLost),
        }
    }

    fn connected(&mut self, now: CallTime, stream: String) {
        if self.state != State::Connecting {
            return;
        }
        self.timers.stop(Timer::Connect);
        self.silent_since = now;
        self.emit(CallEvent::MediaConnected { stream });
        if self.is_to_be_screened() {
            self.begin_screening(now);
        } else {
            self.greet(now);
        }
    }

    /// Says the first line, if there is one.
    pub(crate) fn greet(&mut self, now: CallTime) {
        let opening = std::mem::take(&mut self.opening);
        if opening.trim().is_empty() {
            self.await_caller(now);
        } else {
            let protected = self.config.barge_in.protect_greeting;
            self.begin_line(now, self.first_turn, &opening, State::Greeting, protected);
        }
    }

    fn on_timer(&mut self, now: CallTime, timer: Timer) {
        match timer {
            Timer::Connect => self.finish(now, EndReason::CarrierLost),
            Timer::MaxDuration => self.say_goodbye(now, EndReason::MaxDuration),
            Timer::Silence => self.on_silence(now),
            Timer::CallerTurn => self.on_endless_caller(now),
            Timer::AudioIdle => self.on_audio_idle(now),
            Timer::Endpoint => self.on_endpoint(now),
            Timer::Watchdog => self.decide_turn(now),
            Timer::Context => self.ask_model(now),
            Timer::Model => self.on_model_failure(now, "the model was silent for too long"),
            Timer::Speech => self.on_speech_silence(now),
            Timer::Tool => self.on_late_tools(now),
            Timer::Pace => {}
            Timer::Playback => self.playout.assume_played(),
            Timer::Decide => self.judge(now, false),
            Timer::Resume => self.judge(now, true),
            Timer::Keypad => self.take_keys(now),
            Timer::Close => self.on_close(now),
            Timer::Screen => self.screen(now),
            Timer::Filler => self.on_filler(now),
            Timer::Retry => self.ask_model(now),
        }
    }
}

/// A chain of timers that set each other off at one moment is at most a few long;
/// this bounds a mistake.
const MAX_CHAIN: usize = 64;

/// No frame for so long, and the caller's audio has stopped coming (Pipecat's
/// `audio_idle_timeout`).
pub(crate) const AUDIO_IDLE: Duration = Duration::from_secs(1);
