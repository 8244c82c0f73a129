//! What the REST interface and the calls share.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::Config;
use super::action::{Asked, Dial};
use super::callee::Callee;
use super::card::{Beginning, Card, Direction};
use super::clock::Clock;
use super::courier::Delivery;
use super::error::Answer;
use super::faults::{Rules, TelnyxFaults};
use super::joint::Joint;
use super::leg::Leg;
use super::recorder::{GOOD_FOR, Kept, Made};
use super::rest::Remembered;
use super::signature::Keys;
use crate::carrier::Call;
use crate::carrier::shared::Shared;

/// How many commands may wait for a call's next moment.
const COMMANDS: usize = 64;

/// How many calls that the platform placed may wait to be looked at. More are placed all the same, with nobody there.
pub(super) const MOST_OUTBOUND: usize = 1_024;

/// How many deliveries and commands are remembered.
const MOST_NOTED: usize = 65_536;

#[derive(Debug)]
pub(super) struct Desk {
    pub(super) config: Config,
    pub(super) client: reqwest::Client,
    pub(super) keys: Keys,
    pub(super) clock: Clock,
    pub(super) rules: Rules,
    pub(super) remembered: Remembered,
    base: OnceLock<String>,
    legs: Mutex<BTreeMap<String, Known>>,
    callees: Mutex<BTreeMap<String, Callee>>,
    outbound_faults: Mutex<TelnyxFaults>,
    calls: mpsc::Sender<Call>,
    recordings: Mutex<BTreeMap<String, Kept>>,
    deliveries: Mutex<VecDeque<Delivery>>,
    commands: Mutex<VecDeque<(String, String)>>,
}

/// A leg as others know it.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) card: Arc<Card>,
    pub(super) shared: Arc<Shared>,
    pub(super) orders: mpsc::Sender<Order>,
}

/// What a leg is told from outside its line.
#[derive(Debug)]
pub(super) enum Order {
    /// A command, and where its answer goes.
    Act(Box<Asked>, oneshot::Sender<Answer>),
    /// It hears another leg from now on.
    Join(Joint),
    /// Sound to play was fetched, from this address; `None` where it cannot be played.
    Fetched(Option<String>, Option<Vec<u8>>),
}

/// How a leg comes to be.
#[derive(Debug)]
pub(super) enum Setup {
    /// Someone calls the platform.
    Incoming,
    /// The platform calls someone.
    Outgoing(Box<Outgoing>),
}

/// A leg that the platform asked for.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) dial: Dial,
    pub(super) callee: Callee,
    /// The leg that is to be joined when this one answers.
    pub(super) partner: Option<mpsc::Sender<Order>>,
}

impl Desk {
    pub(super) fn new(config: Config, client: reqwest::Client, calls: mpsc::Sender<Call>) -> Self {
        Self {
            keys: Keys::new(config.signing_seed),
            config,
            client,
            clock: Clock::new(),
            rules: Rules::default(),
            remembered: Remembered::default(),
            base: OnceLock::new(),
            legs: Mutex::default(),
            callees: Mutex::default(),
            outbound_faults: Mutex::default(),
            calls,
            recordings: Mutex::default(),
            deliveries: Mutex::default(),
            commands: Mutex::default(),
        }
    }

    /// Where the REST interface listens, once that is known.
    pub(super) fn listens_at(&self, base: String) {
        // It is told once.
        let _first = self.base.set(base);
    }

    /// Begins a leg of its own task.
    pub(super) fn begin(desk: &Arc<Self>, card: Arc<Card>, setup: Setup, faults: TelnyxFaults) -> Call {
        let (commands, inbox) = mpsc::channel(COMMANDS);
        let (orders, ordered) = mpsc::channel(COMMANDS);
        let shared = Arc::new(Shared::new());
        let known = Known { card: Arc::clone(&card), shared: Arc::clone(&shared), orders };
        lock(&desk.legs).insert(card.call_control_id.clone(), known);
        let sid = card.call_control_id.clone();
        let leg = Leg::new(Arc::clone(desk), card, Arc::clone(&shared), (inbox, ordered), faults);
        let task = tokio::spawn(leg.run(setup, commands.clone()));
        Call::new(sid, shared, commands, task)
    }

    /// Places a call for the platform. `for_leg` is the one that it will be joined to.
    pub(super) fn place(desk: &Arc<Self>, dial: Dial, for_leg: Option<&Known>) -> Arc<Card> {
        let callee = lock(&desk.callees).get(&dial.to).cloned().unwrap_or_default();
        let from = dial.from.clone().or_else(|| for_leg.map(|known| known.card.to.clone()));
        let webhook_url = dial.webhook_url.clone().or_else(|| for_leg.map(|known| known.card.webhook_url()));
        let card = Card::new(Beginning {
            direction: Direction::Outgoing,
            from: from.unwrap_or_default(),
            to: dial.to.clone(),
            session: for_leg.map(|known| known.card.call_session_id.clone()),
            connection_id: desk.config.connection_id.clone(),
            client_state: dial.client_state.clone(),
            webhook_url: webhook_url.unwrap_or_else(|| desk.config.webhook_url.clone()),
        });
        let partner = for_leg.map(|known| known.orders.clone());
        let setup = Setup::Outgoing(Box::new(Outgoing { dial, callee, partner }));
        let faults = lock(&desk.outbound_faults).clone();
        let call = Self::begin(desk, Arc::clone(&card), setup, faults);
        if desk.calls.try_send(call).is_err() {
            tracing::warn!("nobody looks at the calls that the platform places; one more was hung up");
        }
        card
    }

    pub(super) fn find(&self, call_control_id: &str) -> Option<Known> {
        lock(&self.legs).get(call_control_id).cloned()
    }

    pub(super) fn placed(&self, to: &str) -> usize {
        let of_platform = |known: &&Known| known.card.direction == Direction::Outgoing && known.card.to == to;
        lock(&self.legs).values().filter(of_platform).count()
    }

    pub(super) fn set_callee(&self, number: &str, callee: Callee) {
        lock(&self.callees).insert(number.to_owned(), callee);
    }

    pub(super) fn set_outbound_faults(&self, faults: TelnyxFaults) {
        *lock(&self.outbound_faults) = faults;
    }

    /// Keeps a recording; returns its address.
    pub(super) fn keep(&self, made: Made) -> String {
        let token = Uuid::new_v4().simple().to_string();
        let base = self.base.get().map(String::as_str).unwrap_or_default();
        let url = format!("{base}/recordings/{}.wav?X-Amz-Expires=600&X-Amz-Signature={token}", made.id);
        let until = self.clock.now() + GOOD_FOR;
        lock(&self.recordings).insert(made.id, Kept { wav: made.wav.into(), token, until });
        url
    }

    /// The recording, for whoever has its whole address in time.
    pub(super) fn recording(&self, id: &str, token: &str) -> Option<Bytes> {
        let now = self.clock.now();
        let mut recordings = lock(&self.recordings);
        recordings.retain(|_, kept| now < kept.until);
        recordings.get(id).filter(|kept| kept.token == token).map(|kept| kept.wav.clone())
    }

    pub(super) fn record(&self, delivery: Delivery) {
        note(&self.deliveries, delivery);
    }

    pub(super) fn deliveries(&self) -> Vec<Delivery> {
        lock(&self.deliveries).iter().cloned().collect()
    }

    /// Notes that a command was acted upon.
    pub(super) fn acted(&self, command: &str, call_control_id: &str) {
        note(&self.commands, (command.to_owned(), call_control_id.to_owned()));
    }

    pub(super) fn commands(&self) -> Vec<(String, String)> {
        lock(&self.commands).iter().cloned().collect()
    }
}

fn note<T>(notes: &Mutex<VecDeque<T>>, item: T) {
    let mut notes = lock(notes);
    if notes.len() == MOST_NOTED {
        notes.pop_front();
    }
    notes.push_back(item);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
