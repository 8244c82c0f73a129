//! What the REST interface and the calls share.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::Config;
use super::call::{Mission, Run};
use super::callee::{self, Directory};
use super::caller::Call;
use super::conference::Conferences;
use super::courier::Courier;
use super::faults::CarrierFaults;
use super::leg::{Direction, Known, Leg, Subscription, account_path, new_sid};
use super::line::Command;
use super::outbound::Outbound;
use super::recordings::Recording;
use super::rest_faults::RestFaults;
use super::shared::Shared;
use super::webhook_faults::WebhookFaults;

/// How many commands may wait for a call's next moment.
const COMMANDS: usize = 64;

/// What runs beside the calls, and ends with the carrier.
pub(super) type Tasks = Mutex<JoinSet<()>>;

#[derive(Debug)]
pub(super) struct Desk {
    pub(super) config: Config,
    pub(super) client: reqwest::Client,
    pub(super) webhook_faults: WebhookFaults,
    pub(super) rest_faults: RestFaults,
    pub(super) directory: Mutex<Directory>,
    pub(super) conferences: Conferences,
    /// Counts the calls that were placed to somebody.
    pub(super) placed: watch::Sender<u64>,
    calls: Mutex<BTreeMap<String, Known>>,
    recordings: Mutex<BTreeMap<String, Arc<Recording>>>,
    api_url: OnceLock<String>,
    tasks: Weak<Tasks>,
}

/// Whom to call, and for whom.
pub(super) struct Order {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) direction: Direction,
    pub(super) parent: Option<String>,
    pub(super) subscription: Subscription,
    pub(super) outbound: Outbound,
}

impl Desk {
    pub(super) fn new(config: Config, client: reqwest::Client, tasks: &Arc<Tasks>) -> Self {
        Self {
            config,
            client,
            webhook_faults: WebhookFaults::default(),
            rest_faults: RestFaults::default(),
            directory: Mutex::default(),
            conferences: Conferences::default(),
            placed: watch::Sender::new(0),
            calls: Mutex::default(),
            recordings: Mutex::default(),
            api_url: OnceLock::new(),
            tasks: Arc::downgrade(tasks),
        }
    }

    /// Runs something until it is done or the carrier ends.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let Some(tasks) = self.tasks.upgrade() else { return };
        let mut tasks = lock(&tasks);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    pub(super) fn set_api_url(&self, url: String) {
        // It is set once, at the start.
        let _set = self.api_url.set(url);
    }

    /// The address of a resource as webhooks have it.
    pub(super) fn resource_url(&self, rest: &str) -> String {
        let base = self.api_url.get().map_or("https://api.twilio.com", String::as_str);
        format!("{base}{}/{rest}", account_path(&self.config))
    }

    pub(super) fn find(&self, sid: &str) -> Option<Known> {
        lock(&self.calls).get(sid).cloned()
    }

    /// All legs, the newest first.
    pub(super) fn legs(&self) -> Vec<Known> {
        let mut legs: Vec<Known> = lock(&self.calls).values().cloned().collect();
        legs.sort_unstable_by_key(|known| std::cmp::Reverse(known.number));
        legs
    }

    pub(super) fn add_recording(&self, recording: &Arc<Recording>) {
        lock(&self.recordings).insert(recording.sid.clone(), Arc::clone(recording));
    }

    pub(super) fn recording(&self, sid: &str) -> Option<Arc<Recording>> {
        lock(&self.recordings).get(sid).cloned()
    }

    pub(super) fn remove_recording(&self, sid: &str) -> bool {
        lock(&self.recordings).remove(sid).is_some()
    }

    /// All recordings, the newest first.
    pub(super) fn recordings(&self) -> Vec<Arc<Recording>> {
        let mut recordings: Vec<_> = lock(&self.recordings).values().cloned().collect();
        recordings.sort_by_key(|recording| std::cmp::Reverse(recording.began_at));
        recordings
    }

    /// A call to the platform.
    pub(super) fn receive(self: &Arc<Self>, from: &str, to: &str, faults: CarrierFaults) -> Call {
        let subscription =
            Subscription::all(self.config.status_url.clone().map(super::webhook::Callback::post));
        let (known, inbox) = self.open(from, to, Direction::Inbound, None, subscription);
        let run = Run::new(Arc::clone(self), Arc::clone(&known.leg), faults, Mission::Inbound, inbox);
        let task = tokio::spawn(run.run());
        Call::new(known.leg.sid.clone(), Arc::clone(&known.leg.shared), known.commands, Some(task))
    }

    /// A call from the platform: the carrier dials.
    pub(super) fn place(self: &Arc<Self>, order: Order) -> Known {
        let callee = lock(&self.directory).next(&order.to);
        let (known, inbox) =
            self.open(&order.from, &order.to, order.direction, order.parent, order.subscription);
        let line = callee.line().clone();
        let answer = callee.answer().clone();
        let mission = Mission::Outbound(Box::new(order.outbound), callee);
        let run = Run::new(Arc::clone(self), Arc::clone(&known.leg), line, mission, inbox);
        self.spawn(run.run());
        self.spawn(callee::act(self.view(&known), answer));
        self.placed.send_modify(|count| *count += 1);
        known
    }

    /// The person's side of a leg, which goes on without it.
    pub(super) fn view(&self, known: &Known) -> Call {
        Call::new(known.leg.sid.clone(), Arc::clone(&known.leg.shared), known.commands.clone(), None)
    }

    fn open(
        self: &Arc<Self>,
        from: &str,
        to: &str,
        direction: Direction,
        parent: Option<String>,
        subscription: Subscription,
    ) -> (Known, mpsc::Receiver<Command>) {
        let (commands, inbox) = mpsc::channel(COMMANDS);
        let shared = Arc::new(Shared::new());
        let (courier, route) = Courier::new();
        self.spawn(route.run(Arc::clone(self), Arc::clone(&shared)));
        let leg = Leg {
            sid: new_sid("CA"),
            account_sid: self.config.account_sid.clone(),
            from: from.into(),
            to: to.into(),
            direction,
            parent,
            created_at: Timestamp::now(),
            subscription,
            shared,
            courier,
            told: AtomicU32::new(0),
        };
        let mut calls = lock(&self.calls);
        let known = Known { number: calls.len() as u64, leg: Arc::new(leg), commands };
        calls.insert(known.leg.sid.clone(), known.clone());
        (known, inbox)
    }
}

/// What is behind a lock, whoever panicked with it.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
