//! What can go wrong with this carrier.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::carrier::{CarrierFaults, RestTrouble, Trouble};

/// Faults of one call. The default has none. Times count from the answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TelnyxFaults {
    /// What can go wrong with any carrier's line and media socket.
    pub line: CarrierFaults,
    /// The media messages of each track leave out of order.
    pub shuffle: Option<Shuffle>,
    /// Errors that the media socket reports although the platform did nothing wrong.
    pub stream_errors: Vec<StreamError>,
}

/// Media out of order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shuffle {
    /// How many chunks may overtake one, at most.
    pub by: u32,
    /// Which order: the same number gives the same.
    pub seed: u64,
}

/// An error on the media socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamError {
    /// When.
    pub at: Duration,
    /// 100002 to 100005.
    pub code: u32,
}

/// A fault of some webhooks, by their event type, such as `call.hangup`. What is reordered waits for the next event of
/// its call, but for two seconds at most.
pub type WebhookFault = Fault<Trouble>;

/// A fault of some commands: `dial`, or the action's name.
pub type RestFault = Fault<RestTrouble>;

/// A fault that strikes the next of its kind, unless told otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault<T> {
    kind: Option<String>,
    trouble: T,
    skip: u32,
    times: u32,
}

impl<T> Fault<T> {
    /// The next of that kind.
    pub fn new(kind: &str, trouble: T) -> Self {
        Self { kind: Some(kind.into()), trouble, skip: 0, times: 1 }
    }

    /// The next of any kind.
    pub fn of_any(trouble: T) -> Self {
        Self { kind: None, trouble, skip: 0, times: 1 }
    }

    /// After so many that went well.
    #[must_use]
    pub fn after(mut self, skip: u32) -> Self {
        self.skip = skip;
        self
    }

    /// So many in a row.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }
}

/// The faults to come.
#[derive(Debug)]
pub(super) struct Faults<T>(Mutex<Vec<Fault<T>>>);

impl<T> Default for Faults<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Copy> Faults<T> {
    pub(super) fn add(&self, fault: Fault<T>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(fault);
    }

    /// What strikes this one; it is used up.
    pub(super) fn strike(&self, kind: &str) -> Option<T> {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |fault: &&mut Fault<T>| {
            fault.times > 0 && fault.kind.as_deref().is_none_or(|wanted| wanted == kind)
        };
        let fault = faults.iter_mut().find(fits)?;
        if fault.skip > 0 {
            fault.skip -= 1;
            return None;
        }
        fault.times -= 1;
        Some(fault.trouble)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_strikes_its_kind_and_as_often_as_asked() {
        let faults = Faults::default();
        faults.add(Fault::new("dial", 'a').after(1).times(2));
        assert_eq!(faults.strike("hangup"), None);
        let struck: Vec<_> = (0..4).map(|_| faults.strike("dial")).collect();
        assert_eq!(struck, [None, Some('a'), Some('a'), None]);
        faults.add(Fault::of_any('b'));
        assert_eq!(faults.strike("hangup"), Some('b'));
        assert_eq!(faults.strike("hangup"), None);
    }
}
