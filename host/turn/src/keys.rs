//! The keypad, both ways: keys that the caller presses, and keys that the agent presses.

use std::collections::VecDeque;

use events::CallEvent;
use serde::Deserialize;

use crate::call::Call;
use crate::state::State;
use crate::timers::Timer;
use crate::tools::PRESS_KEYS;
use crate::{CallTime, ToolCall};

/// The keys of the caller's that are not an entry yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keypad {
    keys: String,
    last_at: CallTime,
}

impl Keypad {
    /// Whether no entry is under way.
    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Takes a key. Of too many the first are kept.
    fn press(&mut self, now: CallTime, key: char) {
        self.last_at = now;
        if self.keys.len() < MAX_KEYS_IN {
            self.keys.push(key);
        }
    }

    /// Takes the entry out, with the time of its last key.
    fn take(&mut self) -> Option<(String, CallTime)> {
        let keys = std::mem::take(&mut self.keys);
        (!keys.is_empty()).then_some((keys, self.last_at))
    }
}

/// The keys that a turn presses: behind the clauses that were spoken before them.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeysOut {
    waiting: VecDeque<Press>,
    placed: VecDeque<(u64, String)>,
    n_pressed: usize,
}

/// Keys that wait for clauses to be done.
#[derive(Clone, Debug)]
struct Press {
    /// How many clauses of the turn come before them.
    after: usize,
    digits: String,
}

impl KeysOut {
    /// Whether the turn has pressed any.
    pub(crate) fn any(&self) -> bool {
        self.n_pressed > 0
    }

    /// The keys whose audio goes out now that the turn's audio is sent up to `sent`; each
    /// once.
    pub(crate) fn going_out(&mut self, sent: u64) -> Option<String> {
        self.placed.pop_front_if(|(start, _)| *start < sent).map(|(_, digits)| digits)
    }

    fn take_waiting(&mut self, first_open: Option<usize>) -> Option<String> {
        let ready = |press: &mut Press| first_open.is_none_or(|open| open >= press.after);
        self.waiting.pop_front_if(ready).map(|press| press.digits)
    }
}

#[derive(Deserialize)]
struct Arguments {
    keys: String,
}

impl Call {
    /// A key is an entry's part; the first one interrupts the agent. Keys that are pressed
    /// over words which cannot be interrupted are taken when these are spoken.
    pub(crate) fn on_key(&mut self, now: CallTime, digit: char) {
        if !is_key(digit) {
            return;
        }
        self.emit(CallEvent::DtmfReceived { digit });
        if matches!(self.state, State::Connecting | State::Closing) {
            return;
        }
        self.keypad.press(now, digit);
        self.silent_since = now;
        if self.interruptible() {
            self.interrupt(now);
        }
        if self.state == State::Listening {
            self.timers.set(Timer::Silence, self.silent_until());
        }
        if digit == '#' {
            self.take_keys(now);
        } else {
            self.timers.set(Timer::Keypad, now + self.config.timers.keypad);
        }
    }

    /// The entry is complete, and the caller was done with its last key.
    pub(crate) fn take_keys(&mut self, now: CallTime) {
        self.timers.stop(Timer::Keypad);
        let Some((keys, last_at)) = self.keypad.take() else { return };
        if matches!(self.state, State::Connecting | State::Closing) {
            return;
        }
        self.transcript.entry(now, &format!("Keypad: {keys}"));
        if !self.vad.speaking() {
            self.spoke_until = self.spoke_until.max(Some(last_at));
        }
        self.on_words(now, true);
    }

    /// Runs the pseudo tool by which the model presses keys. Returns its outcome and
    /// result, `None` where `call` is another tool.
    pub(crate) fn press_by_tool(&mut self, call: &ToolCall) -> Option<(&'static str, &'static str)> {
        if call.name != PRESS_KEYS {
            return None;
        }
        Some(match self.press(&call.arguments) {
            Ok(()) => ("success", "ok"),
            Err(reason) => ("failure", reason),
        })
    }

    /// Lets the keys go whose clauses are done.
    pub(crate) fn press_waiting(&mut self) {
        let Some(answer) = &mut self.answer else { return };
        while let Some(digits) = answer.keys.take_waiting(answer.spoken.first_open()) {
            let from = self.playout.received();
            for key in digits.chars() {
                let start = self.playout.received();
                self.playout.push(self.context.tones.get(&key).cloned().unwrap_or_default());
                answer.spoken.insert_tone(start..self.playout.received());
            }
            self.playout.end_clause();
            answer.keys.placed.push_back((from, digits));
        }
    }

    fn press(&mut self, arguments: &str) -> Result<(), &'static str> {
        if self.context.tones.is_empty() {
            return Err(NO_KEYPAD);
        }
        let Arguments { keys } = serde_json::from_str(arguments).map_err(|_| NOT_KEYS)?;
        if keys.is_empty() || !keys.chars().all(is_key) {
            return Err(NOT_KEYS);
        }
        if keys.len() > MAX_KEYS_OUT {
            return Err(TOO_MANY_KEYS);
        }
        let tones = &self.context.tones;
        if !keys.chars().all(|key| tones.get(&key).is_some_and(|tone| !tone.is_empty())) {
            return Err(NO_KEYPAD);
        }
        let Some(answer) = &mut self.answer else { return Err(NO_KEYPAD) };
        answer.keys.n_pressed += keys.len();
        let after = answer.spoken.n_clauses();
        answer.keys.waiting.push_back(Press { after, digits: keys });
        self.press_waiting();
        Ok(())
    }
}

fn is_key(key: char) -> bool {
    matches!(key, '0'..='9' | '*' | '#' | 'A'..='D')
}

/// Longer than any number that is typed on a telephone.
const MAX_KEYS_IN: usize = 64;
/// A payment card's number, its dates and its code; rounds of tools bound how often.
const MAX_KEYS_OUT: usize = 32;

const NO_KEYPAD: &str = "These keys cannot be pressed on this call.";
const NOT_KEYS: &str = "Give the keys as a text of 0 to 9, *, # and A to D.";
const TOO_MANY_KEYS: &str = "At most 32 keys can be pressed at once.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_taken_once_with_the_time_of_its_last_key() {
        let mut keypad = Keypad::default();
        keypad.press(at(1), '1');
        keypad.press(at(2), '*');
        assert_eq!(keypad.take(), Some(("1*".to_owned(), at(2))));
        assert_eq!(keypad.take(), None);
    }

    #[test]
    fn of_too_many_keys_the_first_are_kept_and_the_last_tells_the_time() {
        let mut keypad = Keypad::default();
        for n in 0..70 {
            keypad.press(at(n), if n < 64 { '1' } else { '2' });
        }
        assert_eq!(keypad.take(), Some(("1".repeat(64), at(69))));
    }

    #[test]
    fn keys_wait_for_the_clauses_before_them_and_go_out_once() {
        let mut keys = KeysOut::default();
        keys.waiting.push_back(Press { after: 2, digits: "12".into() });
        assert_eq!(keys.take_waiting(Some(1)), None);
        assert_eq!(keys.take_waiting(Some(2)).as_deref(), Some("12"));
        keys.placed.push_back((800, "12".into()));
        assert_eq!(keys.going_out(800), None);
        assert_eq!(keys.going_out(801).as_deref(), Some("12"));
        assert_eq!(keys.going_out(801), None);
    }

    #[test]
    fn there_are_sixteen_keys() {
        assert_eq!((0..128u8).filter(|byte| is_key(char::from(*byte))).count(), 16);
    }

    fn at(secs: u64) -> CallTime {
        CallTime::from_secs(secs)
    }
}
