//! The calls that are live: how many there may be, and how to reach them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{mpsc, watch};
use turn::OperatorCommand;

/// How many commands may wait for one call.
const COMMANDS: usize = 8;

/// The live calls of this process.
#[derive(Clone)]
pub struct LiveCalls {
    shared: Arc<Shared>,
}

struct Shared {
    capacity: usize,
    calls: Mutex<Registry>,
    count: watch::Sender<usize>,
}

#[derive(Default)]
struct Registry {
    calls: BTreeMap<u64, mpsc::Sender<OperatorCommand>>,
    next: u64,
    closed: bool,
}

/// A call's place among the live ones; given back when dropped.
pub struct Place {
    shared: Arc<Shared>,
    number: u64,
    /// What operators and the platform want of the call.
    pub commands: mpsc::Receiver<OperatorCommand>,
}

/// Why a call cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPlace {
    /// As many calls are live as may be.
    #[error("all lines are busy")]
    Full,
    /// The process is stopping.
    #[error("the platform is stopping")]
    Stopping,
}

impl LiveCalls {
    /// Room for `capacity` calls at once.
    pub fn new(capacity: usize) -> Self {
        let (count, _) = watch::channel(0);
        Self { shared: Arc::new(Shared { capacity, calls: Mutex::default(), count }) }
    }

    /// Takes a place for a call.
    ///
    /// # Errors
    /// Where there is none.
    pub fn enter(&self) -> Result<Place, NoPlace> {
        let mut registry = self.shared.lock();
        if registry.closed {
            return Err(NoPlace::Stopping);
        }
        if registry.calls.len() >= self.shared.capacity {
            return Err(NoPlace::Full);
        }
        let (sender, commands) = mpsc::channel(COMMANDS);
        let number = registry.next;
        registry.next += 1;
        registry.calls.insert(number, sender);
        self.shared.count.send_replace(registry.calls.len());
        Ok(Place { shared: self.shared.clone(), number, commands })
    }

    /// Takes no more calls.
    pub fn close(&self) {
        self.shared.lock().closed = true;
    }

    /// How many calls are live.
    pub fn count(&self) -> usize {
        *self.shared.count.borrow()
    }

    /// Waits until no call is live.
    pub async fn drained(&self) {
        // The sender lives as long as `self`, so waiting cannot fail.
        let mut count = self.shared.count.subscribe();
        let _ended = count.wait_for(|count| *count == 0).await;
    }

    /// Asks every live call for `command`. A call that is too busy to take it is
    /// left to its own deadlines.
    pub fn command_all(&self, command: &OperatorCommand) {
        for sender in self.shared.lock().calls.values() {
            let _busy = sender.try_send(command.clone());
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Registry> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut registry = self.shared.lock();
        registry.calls.remove(&self.number);
        self.shared.count.send_replace(registry.calls.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_given_back() {
        let live = LiveCalls::new(1);
        let place = live.enter().unwrap();
        assert_eq!(live.enter().err(), Some(NoPlace::Full));
        drop(place);
        assert!(live.enter().is_ok());
    }

    #[tokio::test]
    async fn a_stopping_platform_takes_no_call_and_waits_for_the_last() {
        let live = LiveCalls::new(9);
        let mut place = live.enter().unwrap();
        live.close();
        assert_eq!(live.enter().err(), Some(NoPlace::Stopping));
        let command = OperatorCommand::Say("Bye".into());
        live.command_all(&command);
        assert_eq!(place.commands.recv().await, Some(command));
        drop(place);
        live.drained().await;
        assert_eq!(live.count(), 0);
    }
}
