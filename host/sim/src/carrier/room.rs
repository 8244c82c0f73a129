//! A room in which people on different lines hear each other: a bridge of two, or a conference.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use audio::FRAME_SAMPLES;
use audio::g711::{ULAW_SILENCE, ulaw_decode, ulaw_encode};

/// How much of a voice gathers before it is heard: lines step at their own times, and a machine that is busy steps late.
const GATHERED: usize = 5 * FRAME_SAMPLES;

/// How much of a voice waits at most.
const WAITING: usize = 50 * FRAME_SAMPLES;

/// How somebody sits in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Manner {
    pub(super) muted: bool,
    /// Hears nothing and is not heard.
    pub(super) held: bool,
    /// The room waits for such a one before anybody hears anything.
    pub(super) opens: bool,
    /// The room is over when such a one leaves.
    pub(super) closes: bool,
}

impl Default for Manner {
    fn default() -> Self {
        Self { muted: false, held: false, opens: true, closes: false }
    }
}

#[derive(Debug, Default)]
pub(super) struct Room(Mutex<Seats>);

#[derive(Debug, Default)]
struct Seats {
    seats: BTreeMap<String, Seat>,
    open: bool,
    closed: bool,
}

#[derive(Debug)]
struct Seat {
    manner: Manner,
    /// Shown the door, and not gone yet.
    ejected: bool,
    /// What comes from each of the others.
    voices: BTreeMap<String, Voice>,
}

#[derive(Debug, Default)]
struct Voice {
    waiting: VecDeque<u8>,
    heard: bool,
}

impl Room {
    /// Sits down; says whether the room opened by that. A room that is over has no seat left.
    pub(super) fn enter(&self, who: &str, manner: Manner) -> Option<bool> {
        let mut room = self.lock();
        if room.closed {
            return None;
        }
        room.seats.insert(who.to_owned(), Seat { manner, ejected: false, voices: BTreeMap::new() });
        let opens = !room.open && room.seats.len() > 1 && room.seats.values().any(|seat| seat.manner.opens);
        room.open |= opens;
        Some(opens)
    }

    /// Gets up; says whether the room is over by that.
    pub(super) fn leave(&self, who: &str) -> bool {
        let mut room = self.lock();
        let Some(seat) = room.seats.remove(who) else { return false };
        for seat in room.seats.values_mut() {
            seat.voices.remove(who);
        }
        let over = !room.closed && (seat.manner.closes || room.seats.is_empty());
        room.closed |= over;
        over
    }

    /// Shows somebody the door; says whether they are here.
    pub(super) fn eject(&self, who: &str) -> bool {
        self.lock().seats.get_mut(who).map(|seat| seat.ejected = true).is_some()
    }

    /// The room is over for everybody.
    pub(super) fn close(&self) {
        self.lock().closed = true;
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    pub(super) fn is_open(&self) -> bool {
        self.lock().open
    }

    pub(super) fn has(&self, who: &str) -> bool {
        self.lock().seats.contains_key(who)
    }

    pub(super) fn present(&self) -> Vec<(String, Manner)> {
        self.lock().seats.iter().map(|(who, seat)| (who.clone(), seat.manner)).collect()
    }

    /// Changes how somebody sits; the new manner, where that one is here.
    pub(super) fn change(&self, who: &str, change: impl FnOnce(&mut Manner)) -> Option<Manner> {
        let mut room = self.lock();
        let seat = room.seats.get_mut(who)?;
        change(&mut seat.manner);
        Some(seat.manner)
    }

    /// 20 ms of somebody's sound for the others; the others' for this one. `None` where there is no seat any more.
    pub(super) fn exchange(&self, who: &str, sent: &[u8]) -> Option<Vec<u8>> {
        let mut room = self.lock();
        if room.closed {
            return None;
        }
        let manner = room.seats.get(who).filter(|seat| !seat.ejected)?.manner;
        let open = room.open;
        if open && !manner.muted && !manner.held {
            for (_, seat) in room.seats.iter_mut().filter(|(other, _)| *other != who) {
                seat.hear(who, sent);
            }
        }
        let seat = room.seats.get_mut(who)?;
        let heard = seat.mix();
        Some(if manner.held { vec![ULAW_SILENCE; FRAME_SAMPLES] } else { heard })
    }

    fn lock(&self) -> MutexGuard<'_, Seats> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    fn hear(&mut self, who: &str, sent: &[u8]) {
        let voice = self.voices.entry(who.to_owned()).or_default();
        voice.waiting.extend(sent);
        let surplus = voice.waiting.len().saturating_sub(WAITING);
        voice.waiting.drain(..surplus);
    }

    fn mix(&mut self) -> Vec<u8> {
        let mut mixed = [0_i16; FRAME_SAMPLES];
        let mut silent = true;
        for voice in self.voices.values_mut() {
            voice.heard = if voice.heard {
                voice.waiting.len() >= FRAME_SAMPLES
            } else {
                voice.waiting.len() >= GATHERED
            };
            if voice.heard {
                silent = false;
                for (sample, byte) in mixed.iter_mut().zip(voice.waiting.drain(..FRAME_SAMPLES)) {
                    *sample = sample.saturating_add(ulaw_decode(byte));
                }
            }
        }
        if silent { vec![ULAW_SILENCE; FRAME_SAMPLES] } else { mixed.map(ulaw_encode).to_vec() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_hear_the_others_and_not_themselves() {
        let room = Room::default();
        for (who, level) in [("a", 1), ("b", 2)] {
            assert_eq!(room.enter(who, Manner::default()), Some(level == 2), "opens with the second");
        }
        let (a, b) = (vec![0x90; 160], vec![0xA0; 160]);
        let mut heard = (Vec::new(), Vec::new());
        for _ in 0..12 {
            heard = (room.exchange("a", &a).unwrap(), room.exchange("b", &b).unwrap());
        }
        assert_eq!(heard, (b, a));
    }

    #[test]
    fn who_is_muted_hears_and_who_is_held_does_not() {
        for (manner, heard_by_a, heard_by_b) in [
            (Manner { muted: true, ..Manner::default() }, true, false),
            (Manner { held: true, ..Manner::default() }, false, false),
        ] {
            let room = Room::default();
            room.enter("a", manner).unwrap();
            room.enter("b", Manner::default()).unwrap();
            let sound = vec![0x90; 160];
            for _ in 0..12 {
                room.exchange("a", &sound).unwrap();
                room.exchange("b", &sound).unwrap();
            }
            let heard = (room.exchange("a", &sound).unwrap(), room.exchange("b", &sound).unwrap());
            assert_eq!((heard.0 == sound, heard.1 == sound), (heard_by_a, heard_by_b));
        }
    }

    #[test]
    fn a_room_waits_for_its_host_and_ends_with_it() {
        let room = Room::default();
        let guest = Manner { opens: false, ..Manner::default() };
        assert_eq!(room.enter("guest", guest), Some(false));
        assert_eq!(room.enter("other", guest), Some(false));
        assert_eq!(room.enter("host", Manner { closes: true, ..Manner::default() }), Some(true));
        assert!(!room.leave("other"));
        assert!(room.leave("host"));
        assert_eq!(room.exchange("guest", &[0; 160]), None);
        assert_eq!(room.enter("late", guest), None);
    }

    #[test]
    fn a_voice_that_nobody_takes_does_not_pile_up() {
        let room = Room::default();
        room.enter("a", Manner::default()).unwrap();
        room.enter("b", Manner::default()).unwrap();
        for _ in 0..1_000 {
            room.exchange("a", &[1; 160]).unwrap();
        }
        assert_eq!(room.lock().seats["b"].voices["a"].waiting.len(), WAITING);
    }
}
