//! The product's ear: mu-law, voice activity, level, and the call core's rule for start and stop.

use std::time::Duration;

use audio::{FRAME_SAMPLES, g711, level, vad::Vad};
use turn::{AgentConfig, Call, CallContext, CallTime, CallerFrame, CarrierInput, Input};

use crate::sound::RATE;

/// One carrier frame.
pub const FRAME: Duration = Duration::from_millis(20);

/// A call with a detector before it.
pub struct Ear {
    /// The call, to be fed with what else happens in it.
    pub call: Call,
    /// The time of the last frame.
    pub now: CallTime,
    vad: Vad,
    samples: Vec<i16>,
}

impl Ear {
    /// A call that has just been connected and does what `config` says.
    pub fn new(config: AgentConfig) -> Self {
        let mut call = Call::new(config, CallContext::mulaw("corpus"), Duration::ZERO);
        let started = CarrierInput::Started { stream: "MZ00000000000000000000000000000000".into() };
        call.handle_input(Duration::ZERO, Input::Carrier(started));
        Self { call, now: Duration::ZERO, vad: Vad::new(), samples: Vec::with_capacity(FRAME_SAMPLES) }
    }

    /// Hears 20 ms of mu-law.
    pub fn hear(&mut self, payload: &[u8]) -> CallerFrame {
        self.now += FRAME;
        while self.call.poll_timeout().is_some_and(|at| at <= self.now) {
            self.call.handle_timeout(self.now);
        }
        self.samples.clear();
        g711::ulaw_decode_into(payload, &mut self.samples);
        let speech = self.vad.push(&self.samples);
        let frame = CallerFrame { duration: FRAME, speech, level: level::rms(&self.samples) };
        self.call.handle_input(self.now, Input::CallerAudio(frame));
        frame
    }
}

/// One stretch that the core took for speech.
#[derive(Clone, Copy, Debug)]
pub struct Detection {
    /// When the core knew of it.
    pub noticed: f64,
    /// When it began, as the core dates it.
    pub began: f64,
    /// When it ended, as the core dates it: the end of the last voiced frame.
    pub ended: f64,
}

/// What the core hears in a stream, in milliseconds; the agent is silent all the while.
pub fn detections(stream: &[u8]) -> Vec<Detection> {
    let mut ear = Ear::new(patient());
    let stop = AgentConfig::default().endpointing.vad_stop;
    let mut found: Vec<Detection> = Vec::new();
    let mut speaking = false;
    for payload in stream.chunks_exact(FRAME_SAMPLES) {
        ear.hear(payload);
        while ear.call.poll_output().is_some() {}
        let since = ear.call.snapshot().caller_speaks_since;
        if let (false, Some(since)) = (speaking, since) {
            found.push(Detection { noticed: ms(ear.now), began: ms(since), ended: f64::INFINITY });
        }
        if let (true, None, Some(last)) = (speaking, since, found.last_mut()) {
            last.ended = ms(ear.now - stop);
        }
        speaking = since.is_some();
    }
    if let Some(last) = found.last_mut().filter(|last| last.ended.is_infinite()) {
        last.ended = ms(ear.now);
    }
    found
}

/// Samples as milliseconds.
pub fn at(samples: usize) -> f64 {
    samples as f64 * 1_000.0 / RATE as f64
}

/// Defaults, but for an agent that says nothing of its own accord.
fn patient() -> AgentConfig {
    let mut config = AgentConfig { greeting: String::new(), ..AgentConfig::default() };
    config.timers.silence = Duration::from_secs(3_600);
    config.timers.caller_turn = Duration::from_secs(3_600);
    config
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
