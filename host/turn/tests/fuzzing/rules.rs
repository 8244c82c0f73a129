//! What must hold of every call, whatever happens to it.

use std::collections::BTreeSet;
use std::time::Duration;

use events::CallEvent;
use turn::{AgentConfig, Call, CallTime, MarkName, Message, Output, Snapshot, State, TurnId};

/// The most outputs that one step may give: what is sent ahead of the carrier, its marks, and
/// the end of a turn and the beginning of the next.
pub const MAX_OUTPUTS: usize = 128;

/// Watches a call.
#[derive(Default)]
pub struct Rules {
    lead: Duration,
    longest_wait: Duration,
    marks: BTreeSet<MarkName>,
    live_model: Option<TurnId>,
    /// Turns for which a vendor was asked and not told to stop.
    asked: BTreeSet<TurnId>,
    committed: BTreeSet<u32>,
    finished: BTreeSet<u32>,
    /// Turns that were cut or are over: nothing of theirs may be heard any more.
    dead: BTreeSet<TurnId>,
    /// The turn whose audio went out since the last clear.
    sending: Option<TurnId>,
    /// Whether that turn was cut since.
    uncleared: bool,
    /// When the carrier has played all that it holds.
    dry_at: CallTime,
    heard: Option<(TurnId, String)>,
    n_ended: u32,
    hung_up: bool,
    /// Outputs since the last step was done, and the most of any step.
    n_outputs: usize,
    /// The most outputs of one step.
    pub most_outputs: usize,
}

impl Rules {
    /// For a call with this configuration.
    pub fn new(config: &AgentConfig) -> Self {
        let timers = &config.timers;
        let waits = [
            timers.connect,
            timers.first_token,
            timers.model,
            timers.speech,
            timers.tool,
            timers.silence,
            timers.caller_turn,
            timers.playback,
            timers.close,
            config.screening.timeout,
        ];
        // Nothing else is waited for longer; the call's whole duration is no deadline of a state.
        let longest_wait = waits.into_iter().max().unwrap_or_default() + Duration::from_secs(1);
        Self { lead: config.playout.lead, longest_wait, ..Self::default() }
    }

    /// Something came out at `now`.
    pub fn output(&mut self, now: CallTime, output: &Output) {
        self.n_outputs += 1;
        assert!(!self.hung_up, "after the hang-up: {output:?}");
        match output {
            Output::SendAudio { turn, payload } => self.audio(now, *turn, payload),
            Output::SendMark(name) => assert!(self.marks.insert(name.clone()), "{name:?} twice"),
            Output::Clear => {
                self.uncleared = false;
                self.sending = None;
                self.dry_at = now;
            }
            Output::StartLlm { turn, messages, .. } => {
                assert!(self.live_model.is_none_or(|live| live == *turn), "two models at once");
                assert!(!self.dead.contains(turn), "a model for the dead turn {turn}");
                tool_messages(messages);
                self.live_model = Some(*turn);
                self.asked.insert(*turn);
            }
            Output::Speak { turn, .. } => {
                assert!(!self.dead.contains(turn), "speech of the dead turn {turn}");
                self.asked.insert(*turn);
            }
            Output::Cancel { turn } => {
                self.live_model = self.live_model.filter(|live| live != turn);
                self.asked.remove(turn);
            }
            Output::Hangup { .. } | Output::Transfer { .. } => {
                assert_eq!(self.n_ended, 1, "ended before the hang-up");
                self.hung_up = true;
            }
            Output::Emit(event) => self.event(event),
            _ => {}
        }
    }

    /// Barge-in: the carrier is cleared before other audio goes out. Pacing: no more is sent
    /// ahead than the lead.
    fn audio(&mut self, now: CallTime, turn: TurnId, payload: &[u8]) {
        assert!(!payload.is_empty() && payload.len().is_multiple_of(160), "{} bytes", payload.len());
        assert!(!self.dead.contains(&turn), "audio of the dead turn {turn}");
        let frame = Duration::from_millis(20);
        assert!(!self.uncleared || self.dry_at <= now + frame, "audio before the carrier was cleared");
        self.uncleared = false;
        self.sending = Some(turn);
        self.dry_at = self.dry_at.max(now) + Duration::from_millis(payload.len() as u64 / 8);
        assert!(self.dry_at <= now + self.lead, "more than the lead");
    }

    fn event(&mut self, event: &CallEvent) {
        event.data().expect("every event can be stored");
        match event {
            CallEvent::TurnCommitted { turn, text } => {
                assert!(self.committed.insert(*turn), "turn {turn} committed twice");
                assert!(!text.trim().is_empty());
            }
            CallEvent::TurnInterrupted { turn, .. } => {
                self.dead.insert(TurnId(*turn));
            }
            CallEvent::TurnFinished { turn, said, heard, latency, interrupted } => {
                self.uncleared |= *interrupted && self.sending == Some(TurnId(*turn));
                assert!(self.finished.insert(*turn), "turn {turn} finished twice");
                assert!(said.starts_with(heard.as_str()), "{heard:?} of {said:?}");
                assert!(latency.is_none_or(|latency| latency.closes()), "{latency:?}");
                let working = self.asked.remove(&TurnId(*turn));
                assert!(!(*interrupted && working), "turn {turn} is cut and its vendors still work");
                self.dead.insert(TurnId(*turn));
                self.live_model = self.live_model.filter(|live| live.0 != *turn);
            }
            CallEvent::Ended { .. } => self.n_ended += 1,
            _ => {}
        }
    }

    /// All that came of a step at `now` has been taken.
    pub fn settled(&mut self, now: CallTime, call: &Call) {
        assert!(self.n_outputs <= MAX_OUTPUTS, "{} outputs of one step", self.n_outputs);
        self.most_outputs = self.most_outputs.max(self.n_outputs);
        self.n_outputs = 0;
        match call.poll_timeout() {
            Some(at) => {
                assert!(at > now, "woken at {at:?} at {now:?}: {call:?}");
                assert!(at - now <= self.longest_wait, "no deadline before {at:?} at {now:?}: {call:?}");
            }
            None => assert!(call.is_finished(), "asleep for ever: {call:?}"),
        }
    }

    /// What was heard only grows, by whole words, and is part of what was said.
    pub fn snapshot(&mut self, snapshot: &Snapshot) {
        assert_eq!(snapshot.state == State::Finished, snapshot.ended.is_some());
        let Some(turn) = snapshot.turn else { return };
        let (said, heard) = (snapshot.said.as_str(), snapshot.heard.as_str());
        let rest = said.strip_prefix(heard);
        assert!(rest.is_some(), "{heard:?} of {said:?}");
        if let Some((before, earlier)) = &mut self.heard {
            if *before == turn {
                assert!(heard.starts_with(earlier.as_str()), "{earlier:?}, then {heard:?}");
            }
            if *before != turn || earlier.len() != heard.len() {
                *before = turn;
                earlier.clear();
                earlier.push_str(heard);
            }
        } else {
            self.heard = Some((turn, heard.to_owned()));
        }
        let next = rest.and_then(|rest| rest.chars().next());
        let cut = next.is_some_and(char::is_alphanumeric)
            && heard.chars().next_back().is_some_and(char::is_alphanumeric);
        assert!(!cut, "{heard:?} of {said:?}");
    }

    /// The call is over and everything that it began is too.
    pub fn over(&self) {
        assert!(self.hung_up, "no hang-up");
        assert_eq!(self.n_ended, 1, "ended once");
        let open: Vec<&u32> = self.committed.difference(&self.finished).collect();
        assert!(open.is_empty(), "turns without an end: {open:?}");
    }
}

/// Every tool call is answered right behind its message, and nothing else is.
fn tool_messages(messages: &[Message]) {
    assert!(matches!(messages.first(), Some(Message::System { .. })));
    let mut open = std::collections::VecDeque::new();
    for message in messages {
        match message {
            Message::Tool { tool_call_id, .. } => {
                assert_eq!(open.pop_front(), Some(tool_call_id), "an answer out of order");
            }
            _ => assert!(open.is_empty(), "without an answer: {open:?}"),
        }
        if let Message::Assistant { tool_calls, .. } = message {
            open.extend(tool_calls.iter().map(|call| &call.id));
        }
    }
    assert!(open.is_empty(), "without an answer: {open:?}");
}
