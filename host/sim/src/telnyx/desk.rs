//! What the REST interface and the calls share.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::Config;
use super::action::{Asked, Dial};
use super::card::{Beginning, Card, Direction};
use super::clock::Clock;
use super::courier::Delivery;
use super::error::Answer;
use super::faults::{Faults, TelnyxFaults};
use super::joint::Joint;
use super::leg::Leg;
use super::recorder::{GOOD_FOR, Kept, Made};
use super::rest::Remembered;
use super::signature::Keys;
use super::texml::Texml;
use crate::carrier::callee::{self, Directory};
use crate::carrier::line::Command;
use crate::carrier::shared::Shared;
use crate::carrier::{Call, Callee, CarrierFaults, RestTrouble, Trouble};

/// How many commands may wait for a call's next moment.
const COMMANDS: usize = 64;

/// How many deliveries and commands are remembered.
const MOST_NOTED: usize = 65_536;

#[derive(Debug)]
pub(super) struct Desk {
    pub(super) config: Config,
    pub(super) client: reqwest::Client,
    pub(super) keys: Keys,
    pub(super) clock: Clock,
    pub(super) webhook_faults: Faults<Trouble>,
    pub(super) rest_faults: Faults<RestTrouble>,
    pub(super) remembered: Remembered,
    base: OnceLock<String>,
    legs: Mutex<BTreeMap<String, Known>>,
    /// The control ids of the legs that the platform asked for, in their order.
    outgoing: Mutex<Vec<String>>,
    /// How many those are.
    pub(super) placed: watch::Sender<usize>,
    directory: Mutex<Directory>,
    outbound_faults: Mutex<TelnyxFaults>,
    /// What ends with the carrier: the legs that the platform asked for, and whoever is called.
    running: Mutex<JoinSet<()>>,
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
    commands: mpsc::Sender<Command>,
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
    /// Someone calls the platform's Call Control App.
    Incoming,
    /// Someone calls the platform's TeXML application.
    Texml(Texml),
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

impl Known {
    /// The person's side of the call. Dropped, the call goes on.
    pub(super) fn view(&self) -> Call {
        let id = self.card.call_control_id.clone();
        Call::new(id, Arc::clone(&self.shared), self.commands.clone(), None)
    }
}

impl Desk {
    pub(super) fn new(config: Config, client: reqwest::Client) -> Self {
        Self {
            keys: Keys::new(config.signing_seed),
            config,
            client,
            clock: Clock::new(),
            webhook_faults: Faults::default(),
            rest_faults: Faults::default(),
            remembered: Remembered::default(),
            base: OnceLock::new(),
            legs: Mutex::default(),
            outgoing: Mutex::default(),
            placed: watch::Sender::new(0),
            directory: Mutex::default(),
            outbound_faults: Mutex::default(),
            running: Mutex::default(),
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

    /// Someone calls the platform.
    pub(super) fn receive(desk: &Arc<Self>, card: Arc<Card>, faults: TelnyxFaults) -> Call {
        let setup = desk.config.texml.clone().map_or(Setup::Incoming, Setup::Texml);
        let (known, leg) = Self::set_up(desk, card, faults);
        let task = tokio::spawn(leg.run(setup));
        Call::new(known.card.call_control_id.clone(), known.shared, known.commands, task)
    }

    /// Places a call for the platform. `for_leg` is the one that it will be joined to.
    pub(super) fn place(desk: &Arc<Self>, dial: Dial, for_leg: Option<&Known>) -> Arc<Card> {
        let callee = lock(&desk.directory).next(&dial.to);
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
        let mut faults = lock(&desk.outbound_faults).clone();
        if *callee.line() != CarrierFaults::default() {
            faults.line = callee.line().clone();
        }
        let (known, leg) = Self::set_up(desk, Arc::clone(&card), faults);
        let partner = for_leg.map(|known| known.orders.clone());
        let person = callee::act(known.view(), callee.answer().clone());
        let mut running = lock(&desk.running);
        running.spawn(leg.run(Setup::Outgoing(Box::new(Outgoing { dial, callee, partner }))));
        running.spawn(person);
        // What is over makes room for what begins.
        while running.try_join_next().is_some() {}
        drop(running);
        lock(&desk.outgoing).push(card.call_control_id.clone());
        desk.placed.send_modify(|count| *count += 1);
        card
    }

    fn set_up(desk: &Arc<Self>, card: Arc<Card>, faults: TelnyxFaults) -> (Known, Leg) {
        let (commands, inbox) = mpsc::channel(COMMANDS);
        let (orders, ordered) = mpsc::channel(COMMANDS);
        let shared = Arc::new(Shared::new());
        let known = Known { card: Arc::clone(&card), shared: Arc::clone(&shared), orders, commands };
        lock(&desk.legs).insert(card.call_control_id.clone(), known.clone());
        (known, Leg::new(Arc::clone(desk), card, shared, (inbox, ordered), faults))
    }

    /// Ends the calls that the platform placed.
    pub(super) fn close(&self) {
        lock(&self.running).abort_all();
    }

    /// The legs to a number that the platform asked for, in their order.
    pub(super) fn legs_to(&self, number: &str) -> Vec<Known> {
        let ids = lock(&self.outgoing);
        let legs = lock(&self.legs);
        ids.iter().filter_map(|id| legs.get(id)).filter(|known| known.card.to == number).cloned().collect()
    }

    pub(super) fn find(&self, call_control_id: &str) -> Option<Known> {
        lock(&self.legs).get(call_control_id).cloned()
    }

    pub(super) fn set_callees(&self, number: &str, callees: VecDeque<Callee>) {
        lock(&self.directory).set(number, callees);
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
