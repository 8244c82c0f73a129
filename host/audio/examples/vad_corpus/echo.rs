//! The agent's own voice comes back from the caller's telephone.
//!
//! A real call speaks an unprotected greeting through a carrier of 20 ms ticks; what the carrier plays returns after a
//! delay, weaker, with or without a caller who speaks over it.

use std::collections::VecDeque;
use std::time::Duration;

use audio::FRAME_SAMPLES;
use bytes::Bytes;
use serde_json::{Value, json};
use turn::{AgentConfig, CarrierInput, Input, MarkName, Output, State, TtsInput, TurnId};

use crate::hearing::{Ear, FRAME, at};
use crate::noise::Random;
use crate::sound::{coded, decibels, decoded, gain, quantile, rms, samples};
use crate::truth;
use crate::voices::{Cast, Voice};

/// Level of agent and caller, in dBFS.
const LEVEL: f64 = -20.0;
const LINE_NOISE: f64 = -65.0;

const AGENTS: [&str; 3] = ["flite slt", "flite rms", "espeak en-us+f4"];
const CALLERS: [&str; 3] = ["flite awb", "flite kal16", "espeak en-us+m3"];
const DELAYS: [usize; 3] = [60, 150, 300];
const ECHOES: [f64; 4] = [-20.0, -15.0, -10.0, -6.0];

/// Which of the sentences the caller says over the agent: a long one and a short one.
const OVER: [usize; 2] = [11, 13];

/// When the caller begins.
const BEGINS: usize = samples(3_000);

/// What a guard would compare: the loudest frame of this many, received and sent.
const RECEIVED_PEAK: usize = 20;
const SENT_PEAK: usize = 30;

/// What happened at one level of echo.
pub struct Row {
    /// Decibels of the echo against what was sent; none where there is no echo.
    pub echo: Option<f64>,
    alone: Tally,
    over: Tally,
}

#[derive(Default)]
struct Tally {
    calls: usize,
    minutes: f64,
    pauses: usize,
    interrupted: usize,
    frames: usize,
    voiced: usize,
    /// Received peak over sent peak in decibels: of voiced frames, and where a caller speaks, of the caller's.
    ratios: Vec<f64>,
    /// Milliseconds from the caller's onset to the pause, and to the end of the agent's turn.
    paused_after: Vec<f64>,
    interrupted_after: Vec<f64>,
}

/// Speaks with every agent over every delay, alone and with every caller.
pub fn measure(cast: &Cast) -> Vec<Row> {
    [None].into_iter().chain(ECHOES.map(Some)).map(|echo| row(cast, echo)).collect()
}

fn row(cast: &Cast, echo: Option<f64>) -> Row {
    let (mut alone, mut over) = (Tally::default(), Tally::default());
    let callers = cast.some(&CALLERS);
    for agent in cast.some(&AGENTS) {
        for delay in DELAYS {
            Talk::new(agent, echo, delay, None).run(&mut alone);
            for caller in &callers {
                for sentence in OVER {
                    Talk::new(agent, echo, delay, Some(&caller.sentences[sentence])).run(&mut over);
                }
            }
        }
    }
    Row { echo, alone, over }
}

/// One call in progress.
struct Talk {
    ear: Ear,
    carrier: Carrier,
    echo: f32,
    delay: usize,
    played: Vec<f32>,
    noise: Random,
    caller: Vec<f32>,
    /// Where the caller truly speaks, in samples of the call.
    spoken: Vec<std::ops::Range<usize>>,
    agent: Bytes,
}

impl Talk {
    fn new(agent: &Voice, echo: Option<f64>, delay: usize, caller: Option<&Vec<f32>>) -> Self {
        let mut config = AgentConfig { greeting: "Thank you for calling.".into(), ..AgentConfig::default() };
        config.barge_in.protect_greeting = false;
        let at_level = |sound: &[f32]| sound.iter().map(|sample| sample * gain(LEVEL)).collect::<Vec<f32>>();
        let spoken = caller.map(|sound| truth::stretches(sound)).unwrap_or_default();
        Self {
            ear: Ear::new(config),
            carrier: Carrier::default(),
            echo: echo.map_or(0.0, gain),
            delay: samples(delay),
            played: Vec::new(),
            noise: Random::new(11),
            caller: caller.map(|sound| at_level(sound)).unwrap_or_default(),
            spoken: spoken.iter().map(|s| BEGINS + s.start..BEGINS + s.end).collect(),
            agent: coded(&at_level(&agent.agent)).into(),
        }
    }

    fn run(mut self, tally: &mut Tally) {
        tally.calls += 1;
        let begin = self.spoken.first().map_or(0.0, |stretch| at(stretch.start));
        let (mut received, mut sent) = (Peak::new(RECEIVED_PEAK), Peak::new(SENT_PEAK));
        let mut state = State::Greeting;
        while matches!(state, State::Greeting | State::PausedForBargeIn | State::Thinking | State::Speaking) {
            self.drain();
            let from = self.played.len();
            let line = self.tick();
            let frame = self.ear.hear(&line);
            let sent_peak = sent.push(rms(&self.played[from..]));
            let received_peak = received.push(frame.level);
            let now = self.ear.now.as_secs_f64() * 1_000.0;
            let speaks = self.spoken.iter().any(|stretch| stretch.contains(&from));
            let voiced = frame.speech >= 0.5 && frame.level >= 0.002;
            if sent_peak > 0.001 {
                tally.minutes += FRAME.as_secs_f64() / 60.0;
                tally.frames += 1;
                tally.voiced += usize::from(voiced);
                if voiced && (speaks || self.caller.is_empty()) {
                    tally.ratios.push(decibels(received_peak / sent_peak));
                }
            }
            if self.drain() {
                tally.interrupted += 1;
                tally.interrupted_after.push(now - begin);
                return;
            }
            let next = self.ear.call.snapshot().state;
            if next == State::PausedForBargeIn && state != next {
                tally.pauses += 1;
                if now >= begin {
                    tally.paused_after.push(now - begin);
                }
            }
            state = next;
            if self.ear.now > Duration::from_secs(90) {
                return;
            }
        }
    }

    /// Does what the call wants; true where the caller has ended the agent's turn.
    fn drain(&mut self) -> bool {
        let mut interrupted = false;
        loop {
            let mut again = Vec::new();
            while let Some(output) = self.ear.call.poll_output() {
                match output {
                    Output::SendAudio { payload, .. } => self.carrier.audio(&payload),
                    Output::SendMark(name) => self.carrier.queue.push_back(Queued::Mark(name)),
                    Output::Clear => again.extend(self.carrier.clear()),
                    Output::Cancel { .. } => interrupted = true,
                    Output::SpeechEnd { turn } if turn == TurnId(0) => {
                        again.push(Input::Tts(turn, TtsInput::Audio(self.agent.clone())));
                        again.push(Input::Tts(turn, TtsInput::Done));
                    }
                    _ => {}
                }
            }
            if again.is_empty() {
                return interrupted;
            }
            again.into_iter().for_each(|input| self.ear.call.handle_input(self.ear.now, input));
        }
    }

    /// The carrier plays 20 ms; what comes from the caller's side meanwhile.
    fn tick(&mut self) -> Vec<u8> {
        let from = self.played.len();
        let (frame, marks) = self.carrier.play();
        self.played.extend(decoded(&frame));
        for mark in marks {
            self.ear.call.handle_input(self.ear.now, Input::Carrier(CarrierInput::Mark(mark)));
        }
        let line: Vec<f32> = (from..self.played.len())
            .map(|n| {
                let echo = n.checked_sub(self.delay).map_or(0.0, |n| self.played[n]) * self.echo;
                let caller =
                    n.checked_sub(BEGINS).and_then(|n| self.caller.get(n)).copied().unwrap_or_default();
                echo + caller + self.noise.gauss() * gain(LINE_NOISE)
            })
            .collect();
        coded(&line)
    }
}

enum Queued {
    Audio(u8),
    Mark(MarkName),
}

/// Plays in real time, hands marks back when their turn comes, and all of them at a clear, as Twilio does.
#[derive(Default)]
struct Carrier {
    queue: VecDeque<Queued>,
}

impl Carrier {
    fn audio(&mut self, payload: &[u8]) {
        self.queue.extend(payload.iter().map(|byte| Queued::Audio(*byte)));
    }

    fn clear(&mut self) -> Vec<Input> {
        let marks = self.queue.drain(..).filter_map(|queued| match queued {
            Queued::Mark(name) => Some(Input::Carrier(CarrierInput::Mark(name))),
            Queued::Audio(_) => None,
        });
        marks.collect()
    }

    fn play(&mut self) -> ([u8; FRAME_SAMPLES], Vec<MarkName>) {
        let mut frame = [0xFF; FRAME_SAMPLES];
        let mut played = 0;
        let mut marks = Vec::new();
        while let Some(queued) = self.queue.front() {
            match queued {
                Queued::Audio(_) if played == FRAME_SAMPLES => break,
                Queued::Audio(byte) => {
                    frame[played] = *byte;
                    played += 1;
                }
                Queued::Mark(name) => marks.push(name.clone()),
            }
            self.queue.pop_front();
        }
        (frame, marks)
    }
}

/// The loudest of the last frames.
struct Peak {
    levels: VecDeque<f32>,
    length: usize,
}

impl Peak {
    fn new(length: usize) -> Self {
        Self { levels: VecDeque::new(), length }
    }

    fn push(&mut self, level: f32) -> f32 {
        self.levels.push_back(level);
        if self.levels.len() > self.length {
            self.levels.pop_front();
        }
        self.levels.iter().copied().fold(0.0, f32::max)
    }
}

impl Row {
    /// What the agent's echo does alone.
    pub fn alone_head() -> String {
        let quantiles = "ratio of voiced frames, dB: p5     p50     p95     p99     max";
        format!(
            "{:<10}{:>6}{:>10}{:>13}{:>13}   {quantiles}",
            "echo dB", "calls", "voiced %", "pauses/min", "interrupted"
        )
    }

    /// See [`Row::alone_head`].
    pub fn alone_line(&self) -> String {
        let tally = &self.alone;
        format!(
            "{:<10}{:>6}{:>10.1}{:>13.1}{:>13}   {:>30}",
            self.name(),
            tally.calls,
            tally.voiced_percent(),
            tally.pauses as f64 / tally.minutes,
            tally.interrupted,
            columns(&[0.05, 0.5, 0.95, 0.99, 1.0].map(|share| quantile(&tally.ratios, share)))
        )
    }

    /// What a caller does who speaks over the agent.
    pub fn over_head() -> String {
        let times =
            "pause after ms: p50     p95   interrupted after: p50     p95   ratio dB: p1      p5     p50";
        format!("{:<10}{:>6}{:>13}   {times}", "echo dB", "calls", "interrupted")
    }

    /// See [`Row::over_head`].
    pub fn over_line(&self) -> String {
        let tally = &self.over;
        format!(
            "{:<10}{:>6}{:>13}   {:>27}   {:>26}   {}",
            self.name(),
            tally.calls,
            tally.interrupted,
            columns(&[0.5, 0.95].map(|share| quantile(&tally.paused_after, share))),
            columns(&[0.5, 0.95].map(|share| quantile(&tally.interrupted_after, share))),
            columns(&[0.01, 0.05, 0.5].map(|share| quantile(&tally.ratios, share)))
        )
    }

    /// Both for machines.
    pub fn json(&self) -> Value {
        json!({"echo_db": self.echo, "agent_alone": self.alone.json(), "caller_speaks_over": self.over.json()})
    }

    fn name(&self) -> String {
        self.echo.map_or_else(|| "none".into(), |echo| format!("{echo:.0}"))
    }
}

impl Tally {
    fn voiced_percent(&self) -> f64 {
        100.0 * self.voiced as f64 / self.frames.max(1) as f64
    }

    fn json(&self) -> Value {
        let ratios = |share| quantile(&self.ratios, share);
        json!({
            "calls": self.calls,
            "voiced_percent": self.voiced_percent(),
            "pauses_per_minute": self.pauses as f64 / self.minutes,
            "interrupted": self.interrupted,
            "paused_after_ms": {"p50": quantile(&self.paused_after, 0.5), "p95": quantile(&self.paused_after, 0.95)},
            "interrupted_after_ms":
                {"p50": quantile(&self.interrupted_after, 0.5), "p95": quantile(&self.interrupted_after, 0.95)},
            "received_over_sent_db": {
                "p1": ratios(0.01), "p5": ratios(0.05), "p50": ratios(0.5), "p95": ratios(0.95), "p99": ratios(0.99),
                "max": ratios(1.0),
            },
        })
    }
}

fn columns(values: &[f64]) -> String {
    values.iter().map(|value| format!("{value:>8.1}")).collect()
}
