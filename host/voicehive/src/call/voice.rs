//! The agent's voice: turns and clauses on one side, the synthesiser's contexts
//! on the other.
//!
//! A context is one stretch of uninterrupted text. A turn has several when the
//! model pauses for tools, because synthesisers close a context that is idle. The
//! audio of a turn's contexts is passed on in their order.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use speech::{TextToSpeech, TtsCommand, TtsEvent, TtsOptions, TtsSession};
use tokio::sync::mpsc;
use tokio::time::Instant;
use turn::{ClauseId, Input, SpokenWord, TtsInput, TurnId};

use super::reopening::Reopening;
use super::voices::Spoken;

/// How many commands may wait while a stream is opened.
const COMMANDS: usize = 256;

/// How long the call waits for room among the commands.
const SEND_TIMEOUT: Duration = Duration::from_secs(2);

/// A context without new text for so long is spoken to its end: synthesisers close idle
/// ones, and a filler must not wait for the words behind it.
const IDLE: Duration = Duration::from_millis(800);

/// What the call wants spoken.
#[derive(Debug)]
enum Command {
    Speak { turn: TurnId, clause: ClauseId, text: String },
    Pause { turn: TurnId },
    End { turn: TurnId },
    Cancel { turn: TurnId },
}

/// The call's end of a synthesiser.
pub struct Voice {
    commands: mpsc::Sender<Command>,
}

impl Voice {
    /// Opens a stream in the background. What it makes goes to `spoken` under the number
    /// `voice`.
    pub fn start(
        voice: usize,
        tts: Arc<dyn TextToSpeech>,
        options: TtsOptions,
        spoken: mpsc::Sender<Spoken>,
    ) -> Self {
        let (commands, receiver) = mpsc::channel(COMMANDS);
        tokio::spawn(keep_open(tts, options, receiver, Outlet { voice, spoken }));
        Self { commands }
    }

    /// Speaks a clause.
    pub async fn speak(&self, turn: TurnId, clause: ClauseId, text: String) {
        self.send(Command::Speak { turn, clause, text }).await;
    }

    /// No text will come for a while: what there is must be spoken to its end.
    pub async fn pause(&self, turn: TurnId) {
        self.send(Command::Pause { turn }).await;
    }

    /// No more text will come for the turn.
    pub async fn end(&self, turn: TurnId) {
        self.send(Command::End { turn }).await;
    }

    /// Forgets the turn.
    pub async fn cancel(&self, turn: TurnId) {
        self.send(Command::Cancel { turn }).await;
    }

    async fn send(&self, command: Command) {
        // A voice that is gone has said so through `inputs`, one that is stuck will; the core's
        // deadlines do the rest.
        let _gone = self.commands.send_timeout(command, SEND_TIMEOUT).await;
    }
}

/// Where what a voice says goes.
struct Outlet {
    voice: usize,
    spoken: mpsc::Sender<Spoken>,
}

impl Outlet {
    /// Whether the call still listens.
    async fn send(&self, input: Input) -> bool {
        self.spoken.send(Spoken { voice: self.voice, input }).await.is_ok()
    }
}

async fn keep_open(
    tts: Arc<dyn TextToSpeech>,
    options: TtsOptions,
    mut commands: mpsc::Receiver<Command>,
    outlet: Outlet,
) {
    let mut contexts = Contexts::default();
    let mut reopening = Reopening::default();
    loop {
        let opened = Instant::now();
        let message = match tts.open(options.clone()).await {
            Ok(session) => match pump(session, &mut contexts, &mut commands, &outlet).await {
                None => return,
                Some(message) => message,
            },
            Err(error) => error.to_string(),
        };
        tracing::warn!(vendor = tts.name(), error = message, "the synthesiser was lost");
        // What was under way is lost with the stream, and what was still to be said belongs to it:
        // the core says both again once it knows.
        while let Ok(stale) = commands.try_recv() {
            contexts.command(stale);
        }
        for input in contexts.fail_all(&message) {
            if !outlet.send(input).await {
                return;
            }
        }
        if !wait_refusing(reopening.lost(opened.elapsed()), &mut commands, &outlet).await {
            return;
        }
    }
}

/// Lets a pause pass in which nothing can be spoken, and says so to whoever wants it. `false`
/// where the call is over.
async fn wait_refusing(pause: Duration, commands: &mut mpsc::Receiver<Command>, outlet: &Outlet) -> bool {
    let until = Instant::now() + pause;
    loop {
        let command = tokio::select! {
            () = tokio::time::sleep_until(until) => return true,
            command = commands.recv() => command,
        };
        match command {
            None => return false,
            Some(Command::Speak { turn, .. }) => {
                let message = "the synthesiser cannot be reached".to_owned();
                if !outlet.send(Input::Tts(turn, TtsInput::Failed { message })).await {
                    return false;
                }
            }
            Some(_) => {}
        }
    }
}

/// Moves commands and events until the call is over (`None`) or the stream is lost.
async fn pump(
    mut session: TtsSession,
    contexts: &mut Contexts,
    commands: &mut mpsc::Receiver<Command>,
    outlet: &Outlet,
) -> Option<String> {
    let lost = || Some("the stream was closed".to_owned());
    let mut idle: Option<(TurnId, Instant)> = None;
    loop {
        tokio::select! {
            () = until(idle.map(|(_, at)| at)) => {
                let pause = idle.take().map(|(turn, _)| contexts.command(Command::Pause { turn }));
                for command in pause.into_iter().flatten() {
                    if session.commands.send(command).await.is_err() {
                        return lost();
                    }
                }
            }
            command = commands.recv() => {
                let command = command?;
                idle = match &command {
                    Command::Speak { turn, .. } => Some((*turn, Instant::now() + IDLE)),
                    Command::Pause { .. } | Command::End { .. } | Command::Cancel { .. } => None,
                };
                for command in contexts.command(command) {
                    if session.commands.send(command).await.is_err() {
                        return lost();
                    }
                }
                for input in contexts.ended() {
                    if !outlet.send(input).await {
                        return None;
                    }
                }
            }
            event = session.events.recv() => {
                let event = match event {
                    None | Some(TtsEvent::Closed) => return lost(),
                    Some(TtsEvent::Failed { context: None, error }) => return Some(error.to_string()),
                    Some(event) => event,
                };
                for input in contexts.event(event) {
                    if !outlet.send(input).await {
                        return None;
                    }
                }
            }
        }
    }
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// Which contexts belong to which turn. Pure.
#[derive(Default)]
struct Contexts {
    turns: VecDeque<Turn>,
    next: u64,
}

struct Turn {
    id: TurnId,
    /// No more text will come.
    ended: bool,
    /// In the order in which they are heard; the first is being passed on.
    contexts: VecDeque<Context>,
    /// Audio of the contexts before, for the times of words.
    passed: Duration,
}

struct Context {
    name: String,
    /// No more text will come for it.
    closed: bool,
    /// All its audio has come.
    done: bool,
    clauses: Vec<ClauseId>,
    audio_bytes: u64,
    held: Vec<TtsEvent>,
}

impl Contexts {
    fn command(&mut self, command: Command) -> Vec<TtsCommand> {
        match command {
            Command::Speak { turn, clause, text } => vec![self.speak(turn, clause, text)],
            Command::Pause { turn } => self.close(turn, false),
            Command::End { turn } => self.close(turn, true),
            Command::Cancel { turn } => self.cancel(turn),
        }
    }

    fn speak(&mut self, id: TurnId, clause: ClauseId, text: String) -> TtsCommand {
        let next = &mut self.next;
        let turn = match self.turns.iter().position(|turn| turn.id == id) {
            Some(index) => self.turns.get_mut(index),
            None => {
                self.turns.push_back(Turn {
                    id,
                    ended: false,
                    contexts: VecDeque::new(),
                    passed: Duration::ZERO,
                });
                self.turns.back_mut()
            }
        };
        let mut name = format!("t{id}-{next}");
        if let Some(turn) = turn {
            match turn.contexts.back_mut().filter(|context| !context.closed) {
                Some(open) => {
                    open.clauses.push(clause);
                    name.clone_from(&open.name);
                }
                None => {
                    *next += 1;
                    turn.contexts.push_back(Context {
                        name: name.clone(),
                        closed: false,
                        done: false,
                        clauses: vec![clause],
                        audio_bytes: 0,
                        held: Vec::new(),
                    });
                }
            }
        }
        TtsCommand::Speak { context: name, text, last: false }
    }

    fn close(&mut self, id: TurnId, ended: bool) -> Vec<TtsCommand> {
        let Some(turn) = self.turns.iter_mut().find(|turn| turn.id == id) else {
            return Vec::new();
        };
        turn.ended |= ended;
        let Some(open) = turn.contexts.back_mut().filter(|context| !context.closed) else {
            return Vec::new();
        };
        open.closed = true;
        vec![TtsCommand::Speak { context: open.name.clone(), text: String::new(), last: true }]
    }

    /// Turns whose audio had all come before their end was known.
    fn ended(&mut self) -> Vec<Input> {
        let over = |turn: &Turn| turn.ended && turn.contexts.is_empty();
        let done =
            self.turns.iter().filter(|turn| over(turn)).map(|turn| Input::Tts(turn.id, TtsInput::Done));
        let done = done.collect();
        self.turns.retain(|turn| !over(turn));
        done
    }

    fn cancel(&mut self, id: TurnId) -> Vec<TtsCommand> {
        let Some(index) = self.turns.iter().position(|turn| turn.id == id) else {
            return Vec::new();
        };
        let contexts = self.turns.remove(index).map(|turn| turn.contexts).unwrap_or_default();
        let unfinished = contexts.into_iter().filter(|context| !context.done);
        unfinished.map(|context| TtsCommand::Cancel { context: context.name }).collect()
    }

    /// What the call is told of an event. Events of unknown contexts are of
    /// cancelled turns, and dropped here.
    fn event(&mut self, event: TtsEvent) -> Vec<Input> {
        let name = match &event {
            TtsEvent::Audio { context, .. }
            | TtsEvent::Words { context, .. }
            | TtsEvent::Done { context } => context,
            TtsEvent::Failed { context: Some(context), .. } => context,
            TtsEvent::Failed { context: None, .. } | TtsEvent::Closed => return Vec::new(),
        };
        let Some(turn) =
            self.turns.iter_mut().find(|turn| turn.contexts.iter().any(|context| context.name == *name))
        else {
            return Vec::new();
        };
        let first = turn.contexts.front().is_some_and(|context| context.name == *name);
        if !first {
            if let Some(context) = turn.contexts.iter_mut().find(|context| context.name == *name) {
                context.held.push(event);
            }
            return Vec::new();
        }
        let mut inputs = Vec::new();
        turn.pass(event, &mut inputs);
        let id = turn.id;
        let over = turn.contexts.is_empty() && turn.ended;
        if over || matches!(inputs.last(), Some(Input::Tts(_, TtsInput::Failed { .. }))) {
            self.turns.retain(|turn| turn.id != id);
        }
        if over {
            inputs.push(Input::Tts(id, TtsInput::Done));
        }
        inputs
    }

    fn fail_all(&mut self, message: &str) -> Vec<Input> {
        let fail = |turn: Turn| Input::Tts(turn.id, TtsInput::Failed { message: message.to_owned() });
        self.turns.drain(..).map(fail).collect()
    }
}

/// One byte of 8 kHz mu-law lasts 125 microseconds.
const BYTE: Duration = Duration::from_micros(125);

impl Turn {
    /// Passes on an event of the first context, and then what later ones held back.
    fn pass(&mut self, event: TtsEvent, inputs: &mut Vec<Input>) {
        let id = self.id;
        let Some(context) = self.contexts.front_mut() else { return };
        match event {
            TtsEvent::Audio { payload, .. } => {
                context.audio_bytes += payload.len() as u64;
                inputs.push(Input::Tts(id, TtsInput::Audio(payload)));
            }
            TtsEvent::Words { words, .. } => {
                let passed = self.passed;
                let shift = |word: speech::Word| SpokenWord {
                    word: word.text,
                    start: passed + word.start,
                    end: passed + word.end,
                };
                inputs.push(Input::Tts(id, TtsInput::Words(words.into_iter().map(shift).collect())));
            }
            TtsEvent::Done { .. } => {
                context.done = true;
                let bytes = u32::try_from(context.audio_bytes).unwrap_or(u32::MAX);
                self.passed += BYTE * bytes;
                // The context's clauses end here together; where each began within it is not told.
                let last = context.clauses.last().copied();
                inputs.extend(last.map(|clause| Input::Tts(id, TtsInput::ClauseDone(clause))));
                self.contexts.pop_front();
                let held =
                    self.contexts.front_mut().map(|next| std::mem::take(&mut next.held)).unwrap_or_default();
                for event in held {
                    self.pass(event, inputs);
                }
            }
            TtsEvent::Failed { error, .. } => {
                inputs.push(Input::Tts(id, TtsInput::Failed { message: error.to_string() }));
            }
            TtsEvent::Closed => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    const TURN: TurnId = TurnId(1);

    #[test]
    fn clauses_without_a_pause_share_a_context() {
        let mut contexts = Contexts::default();
        let names = [speak(&mut contexts, 0), speak(&mut contexts, 1)];
        assert_eq!(names[0], names[1]);
        contexts.command(Command::Pause { turn: TURN });
        assert_ne!(speak(&mut contexts, 2), names[0]);
    }

    #[test]
    fn later_audio_waits_for_the_context_before() {
        let mut contexts = Contexts::default();
        let first = speak(&mut contexts, 0);
        contexts.command(Command::Pause { turn: TURN });
        let second = speak(&mut contexts, 1);
        contexts.command(Command::End { turn: TURN });
        assert!(contexts.event(audio(&second, b"22")).is_empty());
        assert!(contexts.event(done(&second)).is_empty());
        assert_eq!(contexts.event(audio(&first, b"1")), [heard(b"1")]);
        let rest = contexts.event(done(&first));
        assert_eq!(
            rest,
            [
                Input::Tts(TURN, TtsInput::ClauseDone(ClauseId(0))),
                heard(b"22"),
                Input::Tts(TURN, TtsInput::ClauseDone(ClauseId(1))),
                Input::Tts(TURN, TtsInput::Done),
            ]
        );
    }

    #[test]
    fn a_turn_that_ends_after_its_audio_is_done_at_once() {
        let mut contexts = Contexts::default();
        let name = speak(&mut contexts, 0);
        contexts.command(Command::Pause { turn: TURN });
        contexts.event(done(&name));
        assert!(contexts.ended().is_empty());
        contexts.command(Command::End { turn: TURN });
        assert_eq!(contexts.ended(), [Input::Tts(TURN, TtsInput::Done)]);
        assert!(contexts.turns.is_empty());
    }

    #[test]
    fn what_comes_of_a_cancelled_turn_is_dropped() {
        let mut contexts = Contexts::default();
        let name = speak(&mut contexts, 0);
        let cancelled = contexts.command(Command::Cancel { turn: TURN });
        assert_eq!(cancelled, [TtsCommand::Cancel { context: name.clone() }]);
        assert!(contexts.event(audio(&name, b"late")).is_empty());
        assert_ne!(speak(&mut contexts, 0), name);
    }

    #[test]
    fn the_times_of_words_go_on_from_context_to_context() {
        let mut contexts = Contexts::default();
        let first = speak(&mut contexts, 0);
        contexts.command(Command::Pause { turn: TURN });
        let second = speak(&mut contexts, 1);
        contexts.event(audio(&first, &[0xFF; 8000]));
        contexts.event(done(&first));
        let word = speech::Word {
            text: "hi".into(),
            start: Duration::ZERO,
            end: Duration::from_millis(100),
            confidence: 1.0,
        };
        let inputs = contexts.event(TtsEvent::Words { context: second, words: vec![word] });
        let [Input::Tts(_, TtsInput::Words(words))] = inputs.as_slice() else { panic!("{inputs:?}") };
        assert_eq!(words[0].start, Duration::from_secs(1));
    }

    fn speak(contexts: &mut Contexts, clause: u32) -> String {
        let command = Command::Speak { turn: TURN, clause: ClauseId(clause), text: "x ".into() };
        match contexts.command(command).remove(0) {
            TtsCommand::Speak { context, .. } => context,
            other => panic!("{other:?}"),
        }
    }

    fn audio(context: &str, payload: &[u8]) -> TtsEvent {
        TtsEvent::Audio { context: context.into(), payload: Bytes::copy_from_slice(payload) }
    }

    fn done(context: &str) -> TtsEvent {
        TtsEvent::Done { context: context.into() }
    }

    fn heard(payload: &[u8]) -> Input {
        Input::Tts(TURN, TtsInput::Audio(Bytes::copy_from_slice(payload)))
    }
}
