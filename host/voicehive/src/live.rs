//! The calls that are live: how many there may be, and how to reach them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use store::{CallId, TenantId};
use tokio::sync::{mpsc, oneshot, watch};
use turn::OperatorCommand;

/// How many wishes may wait for one call: a few commands, and the keys of a hasty caller.
const WISHES: usize = 16;

/// What is wanted of a live call from outside its socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// An operator's command.
    Operator(OperatorCommand),
    /// A key press that the carrier reported by webhook.
    Key(char),
}

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
    calls: BTreeMap<u64, Entry>,
    /// What is still being done for calls beside their own tasks.
    held: usize,
    next: u64,
    closed: bool,
}

struct Entry {
    call: (TenantId, CallId),
    wishes: mpsc::Sender<Wish>,
    supersede: Option<oneshot::Sender<()>>,
}

/// A call's place among the live ones; given back when dropped.
pub struct Place {
    shared: Arc<Shared>,
    number: u64,
    /// What operators, the platform and webhooks want of the call.
    pub wishes: mpsc::Receiver<Wish>,
    /// Resolves when a newer socket has taken the call over. It must then end
    /// without a word to the carrier or the log, for the call goes on.
    pub superseded: oneshot::Receiver<()>,
}

/// Something done for a call that a stopping platform waits for.
pub struct Held {
    shared: Arc<Shared>,
}

/// Why a command does not reach a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// No such call is live in this process.
    #[error("no such call is live")]
    NotLive,
    /// The call has not taken the commands before it yet.
    #[error("the call is too busy")]
    Busy,
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

    /// Takes a place for a call. Older sockets of the same call go on until
    /// [`Place::take_over`].
    ///
    /// # Errors
    /// Where there is none.
    pub fn enter(&self, tenant: &TenantId, call: &CallId) -> Result<Place, NoPlace> {
        let key = (tenant.clone(), call.clone());
        let mut registry = self.shared.lock();
        if registry.closed {
            return Err(NoPlace::Stopping);
        }
        if registry.calls.values().filter(|entry| entry.call != key).count() >= self.shared.capacity {
            return Err(NoPlace::Full);
        }
        let (wishes, receiver) = mpsc::channel(WISHES);
        let (supersede, superseded) = oneshot::channel();
        let number = registry.next;
        registry.next += 1;
        registry.calls.insert(number, Entry { call: key, wishes, supersede: Some(supersede) });
        self.shared.publish(&registry);
        Ok(Place { shared: self.shared.clone(), number, wishes: receiver, superseded })
    }

    /// Makes a stopping platform wait until what is returned is dropped.
    pub fn hold(&self) -> Held {
        let mut registry = self.shared.lock();
        registry.held += 1;
        self.shared.publish(&registry);
        Held { shared: self.shared.clone() }
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

    /// Tells one call what is wanted of it.
    ///
    /// # Errors
    /// Where the call is not live here or too busy.
    pub fn wish(&self, tenant: &TenantId, call: &CallId, wish: Wish) -> Result<(), NotTaken> {
        let key = (tenant.clone(), call.clone());
        let registry = self.shared.lock();
        // Of several sockets of one call the newest has the call.
        let entry = registry.calls.values().rev().find(|entry| entry.call == key);
        entry.ok_or(NotTaken::NotLive)?.wishes.try_send(wish).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => NotTaken::Busy,
            mpsc::error::TrySendError::Closed(_) => NotTaken::NotLive,
        })
    }

    /// Asks every live call for `command`. A call that is too busy to take it is
    /// left to its own deadlines.
    pub fn command_all(&self, command: &OperatorCommand) {
        for entry in self.shared.lock().calls.values() {
            let _busy = entry.wishes.try_send(Wish::Operator(command.clone()));
        }
    }
}

impl Place {
    /// Tells older sockets of the same call to give way: a call has one voice, and it is the
    /// newest whose right to speak is proven.
    pub fn take_over(&self) {
        let mut registry = self.shared.lock();
        let Some(call) = registry.calls.get(&self.number).map(|entry| entry.call.clone()) else { return };
        let older = registry.calls.iter_mut().filter(|(number, _)| **number < self.number);
        for (_, older) in older.filter(|(_, entry)| entry.call == call) {
            // One that is ending anyway does not listen.
            let _ending = older.supersede.take().map(|supersede| supersede.send(()));
        }
    }
}

impl Shared {
    fn publish(&self, registry: &Registry) {
        self.count.send_replace(registry.calls.len() + registry.held);
    }

    fn lock(&self) -> MutexGuard<'_, Registry> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut registry = self.shared.lock();
        registry.calls.remove(&self.number);
        self.shared.publish(&registry);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut registry = self.shared.lock();
        registry.held -= 1;
        self.shared.publish(&registry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_given_back() {
        let live = LiveCalls::new(1);
        let place = enter(&live, "a").unwrap();
        assert_eq!(enter(&live, "b").err(), Some(NoPlace::Full));
        drop(place);
        assert!(enter(&live, "b").is_ok());
    }

    #[tokio::test]
    async fn a_stopping_platform_takes_no_call_and_waits_for_the_last() {
        let live = LiveCalls::new(9);
        let mut place = enter(&live, "a").unwrap();
        let held = live.hold();
        live.close();
        assert_eq!(enter(&live, "b").err(), Some(NoPlace::Stopping));
        let command = OperatorCommand::Say("Bye".into());
        live.command_all(&command);
        assert_eq!(place.wishes.recv().await, Some(Wish::Operator(command)));
        drop(place);
        assert_eq!(live.count(), 1);
        drop(held);
        live.drained().await;
        assert_eq!(live.count(), 0);
    }

    #[tokio::test]
    async fn a_command_reaches_its_call_only() {
        let live = LiveCalls::new(9);
        let mut one = enter(&live, "a").unwrap();
        let mut other = enter(&live, "b").unwrap();
        let command = Wish::Operator(OperatorCommand::Whisper("Be brief.".into()));
        let send = |call: &str| live.wish(&"t".parse().unwrap(), &call.parse().unwrap(), command.clone());
        send("a").unwrap();
        assert_eq!(one.wishes.recv().await, Some(command.clone()));
        assert!(other.wishes.try_recv().is_err());
        assert_eq!(send("c"), Err(NotTaken::NotLive));
        for _ in 0..WISHES {
            send("b").unwrap();
        }
        assert_eq!(send("b"), Err(NotTaken::Busy));
        one.wishes.close();
        assert_eq!(send("a"), Err(NotTaken::NotLive), "a call that is over takes no commands");
    }

    #[tokio::test]
    async fn the_newest_socket_of_a_call_takes_it_over() {
        let live = LiveCalls::new(1);
        let mut older = enter(&live, "a").unwrap();
        let mut newer = enter(&live, "a").unwrap();
        assert!(older.superseded.try_recv().is_err(), "its right to speak is not proven yet");
        newer.take_over();
        assert_eq!((&mut older.superseded).await, Ok(()));
        assert!(newer.superseded.try_recv().is_err());
    }

    fn enter(live: &LiveCalls, call: &str) -> Result<Place, NoPlace> {
        live.enter(&"t".parse().unwrap(), &call.parse().unwrap())
    }
}
