//! Two legs that hear each other.

use std::collections::VecDeque;

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TryRecvError;

/// Frames that may be on their way: a second.
const ON_THE_WAY: usize = 50;

/// Frames that are gathered before the first is played, because the two legs do not step at the same moment.
const GATHERED: usize = 3;

/// One end of it.
#[derive(Debug)]
pub(super) struct Joint {
    to: mpsc::Sender<Vec<u8>>,
    from: mpsc::Receiver<Vec<u8>>,
    waiting: VecDeque<Vec<u8>>,
    playing: bool,
    /// Whether this leg goes on alone when the other is over.
    pub(super) park: bool,
}

/// The other leg is over.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Gone;

impl Joint {
    /// Both ends; `park` says which of the legs goes on alone.
    pub(super) fn pair(park: (bool, bool)) -> (Self, Self) {
        let (to_second, from_first) = mpsc::channel(ON_THE_WAY);
        let (to_first, from_second) = mpsc::channel(ON_THE_WAY);
        let end = |to, from, park| Self { to, from, waiting: VecDeque::new(), playing: false, park };
        (end(to_second, from_second, park.0), end(to_first, from_first, park.1))
    }

    /// Passes on what this leg's person said.
    pub(super) fn say(&self, frame: &[u8]) {
        // A leg that does not keep up loses what it cannot hear.
        let _passed = self.to.try_send(frame.to_vec());
    }

    /// The next 20 ms from the other leg, where there are any.
    pub(super) fn hear(&mut self) -> Result<Option<Vec<u8>>, Gone> {
        loop {
            match self.from.try_recv() {
                Ok(frame) => self.waiting.push_back(frame),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return Err(Gone),
            }
        }
        self.playing = (self.playing && !self.waiting.is_empty()) || self.waiting.len() >= GATHERED;
        Ok(if self.playing { self.waiting.pop_front() } else { None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_leg_says_the_other_hears_in_order_until_it_is_gone() {
        let (mut one, other) = Joint::pair((false, true));
        assert_eq!((one.park, other.park), (false, true));
        other.say(&[1]);
        other.say(&[2]);
        assert_eq!(one.hear(), Ok(None), "too little has gathered");
        other.say(&[3]);
        assert_eq!(one.hear(), Ok(Some(vec![1])));
        assert_eq!(one.hear(), Ok(Some(vec![2])));
        drop(other);
        assert_eq!(one.hear(), Err(Gone));
    }
}
