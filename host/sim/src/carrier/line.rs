//! The telephone line between caller and carrier, in steps of 20 ms.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use audio::FRAME_SAMPLES;
use audio::g711::{ULAW_SILENCE, ulaw_encode};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::faults::CarrierFaults;
use super::machine::Detector;
use super::playback::Playback;
use super::shared::{HeardWord, Said, Shared, time};
use crate::voice::Decoder;

/// One step.
pub(crate) const STEP: Duration = Duration::from_millis(20);

/// How loud and how long a key's tones are.
const KEY_AMPLITUDE: i16 = 6_000;
const KEY_DURATION: Duration = Duration::from_millis(120);

/// What the caller or the REST interface wants.
#[derive(Debug)]
pub(crate) enum Command {
    /// Send this; `done` when the last of it has left.
    Say {
        text: String,
        mulaw: Vec<u8>,
        done: oneshot::Sender<Said>,
    },
    Press(char),
    HangUp,
    /// By REST: end the call.
    Complete,
    /// By REST: go on with this document, or the one there.
    Run(Instructions),
}

/// Where a new document comes from.
#[derive(Clone, Debug)]
pub(crate) enum Instructions {
    Twiml(String),
    Url(String),
    /// The same, asked by GET.
    Get(String),
}

/// What happens next on the line.
#[derive(Debug)]
pub(crate) enum Event {
    /// 20 ms are over: see [`Line::step`].
    Step,
    Key(char),
    HangUp,
    Complete,
    Run(Instructions),
}

/// What one step brought.
#[derive(Debug)]
pub(crate) struct Frame {
    /// From the caller.
    pub(crate) sent: Vec<u8>,
    /// What the caller heard.
    pub(crate) heard: Vec<u8>,
    /// Marks that play-out has reached.
    pub(crate) marks: Vec<String>,
}

#[derive(Debug)]
struct Utterance {
    text: String,
    mulaw: VecDeque<u8>,
    began: Option<Duration>,
    done: Option<oneshot::Sender<Said>>,
}

#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) playback: Playback,
    pub(crate) shared: Arc<Shared>,
    /// What the caller sent in the last step.
    pub(crate) last_sent: Vec<u8>,
    /// Listens for who answered, where that was asked for.
    pub(super) detector: Option<Detector>,
    /// When the carrier ends the call.
    pub(super) time_limit: Option<Duration>,
    answered: bool,
    keep_audio: bool,
    commands: mpsc::Receiver<Command>,
    began: Instant,
    steps: u64,
    mouth: VecDeque<Utterance>,
    ear: Decoder,
    hang_up_at: Option<Duration>,
}

impl Line {
    pub(crate) fn new(
        shared: Arc<Shared>,
        commands: mpsc::Receiver<Command>,
        faults: &CarrierFaults,
        keep_audio: bool,
    ) -> Self {
        Self {
            playback: Playback::default(),
            shared,
            last_sent: Vec::new(),
            detector: None,
            time_limit: None,
            answered: false,
            keep_audio,
            commands,
            began: Instant::now(),
            steps: 0,
            mouth: VecDeque::new(),
            ear: Decoder::new(),
            hang_up_at: faults.hang_up_at,
        }
    }

    /// The call was answered: the line's time begins.
    pub(crate) fn begin(&mut self) {
        self.began = Instant::now();
        self.steps = 0;
        self.answered = true;
    }

    /// The time on the line, from the answer.
    pub(crate) fn now(&self) -> Duration {
        time(self.steps * FRAME_SAMPLES as u64)
    }

    /// Waits for what happens next. May be dropped and called again without losing anything. Steps come at multiples
    /// of 20 ms from the answer, so a late one is made up for.
    pub(crate) async fn event(&mut self) -> Event {
        let due = |at: Option<Duration>| self.answered && at.is_some_and(|at| self.now() >= at);
        if due(self.hang_up_at) {
            return Event::HangUp;
        }
        if due(self.time_limit) {
            return Event::Complete;
        }
        let next = self.began + STEP * u32::try_from(self.steps + 1).unwrap_or(u32::MAX);
        tokio::select! {
            biased;
            event = self.ringing() => event,
            () = sleep_until(next) => Event::Step,
        }
    }

    /// Waits for what happens next while the call was not answered: no time passes on the line. May be dropped and
    /// called again without losing anything.
    pub(crate) async fn ringing(&mut self) -> Event {
        loop {
            match self.commands.recv().await {
                None | Some(Command::HangUp) => return Event::HangUp,
                Some(Command::Complete) => return Event::Complete,
                Some(Command::Run(instructions)) => return Event::Run(instructions),
                Some(Command::Press(digit)) => {
                    self.press(digit);
                    return Event::Key(digit);
                }
                Some(Command::Say { text, mulaw, done }) => self.say(text, mulaw, Some(done)),
            }
        }
    }

    /// Moves 20 ms of sound in both directions.
    pub(crate) fn step(&mut self) -> Frame {
        let sent = self.speak();
        let (heard, marks) = self.playback.play();
        self.steps += 1;
        let words: Vec<HeardWord> = self.ear.push(&heard).into_iter().map(HeardWord::new).collect();
        let (now, last_voice) = (self.now(), time(self.ear.last_voice()));
        self.shared.change(|state| {
            state.now = now;
            state.last_voice = last_voice;
            state.heard.extend(words);
            for recording in &state.recordings {
                recording.push(&sent, &heard);
            }
            if self.keep_audio {
                state.sent_audio.extend_from_slice(&sent);
                state.heard_audio.extend_from_slice(&heard);
            }
        });
        if let Some(detector) = &mut self.detector {
            detector.push(&sent);
        }
        self.last_sent.clone_from(&sent);
        Frame { sent, heard, marks }
    }

    /// The call is over: the last word as far as it was heard.
    pub(crate) fn finish(&mut self) {
        let words: Vec<HeardWord> = self.ear.finish().into_iter().map(HeardWord::new).collect();
        self.shared.change(|state| state.heard.extend(words));
    }

    fn say(&mut self, text: String, mulaw: Vec<u8>, done: Option<oneshot::Sender<Said>>) {
        self.mouth.push_back(Utterance { text, mulaw: mulaw.into(), began: None, done });
    }

    fn press(&mut self, digit: char) {
        let tones = audio::dtmf::generate(digit, KEY_DURATION, KEY_AMPLITUDE).unwrap_or_default();
        self.say(String::new(), tones.into_iter().map(ulaw_encode).collect(), None);
    }

    fn speak(&mut self) -> Vec<u8> {
        let mut frame = Vec::with_capacity(FRAME_SAMPLES);
        let now = self.now();
        while frame.len() < FRAME_SAMPLES {
            let Some(utterance) = self.mouth.front_mut() else { break };
            let began = *utterance.began.get_or_insert(now);
            let count = utterance.mulaw.len().min(FRAME_SAMPLES - frame.len());
            frame.extend(utterance.mulaw.drain(..count));
            if !utterance.mulaw.is_empty() {
                break;
            }
            let Some(over) = self.mouth.pop_front() else { break };
            if over.text.is_empty() {
                continue;
            }
            let said = Said { text: over.text, start: began, end: now + STEP };
            self.shared.change(|state| state.said.push(said.clone()));
            if let Some(done) = over.done {
                // The caller may have stopped waiting.
                let _told = done.send(said);
            }
        }
        frame.resize(FRAME_SAMPLES, ULAW_SILENCE);
        frame
    }
}
