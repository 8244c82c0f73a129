//! A database with one tenant, a clock that stands until it is set, and a carrier that follows a script.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use call_state::Ids;
use store::{
    AgentId, CallId, Command, DueRecording, NewCarrierAccount, NewOrder, Order, OrderState, Ordered, Seed,
    TenantId,
};

use super::super::*;
use crate::order::Rules;
use crate::{Cause, Fault, FetchError, Fetched};

/// Friday, 20 November 2026, 13:00 in Madrid.
pub const NOON: Timestamp = Timestamp(1_795_176_000_000);
pub const UNKNOWN: Fault = Fault::Unknown { cause: Cause::TimedOut };

/// What a carrier is to do, next first, and what it was asked.
#[derive(Default)]
pub struct Script {
    pub places: VecDeque<Result<Ids, Fault>>,
    pub finds: VecDeque<Result<Vec<Ids>, Fault>>,
    pub commands: VecDeque<Result<(), Fault>>,
    pub fetches: VecDeque<Result<Fetched, FetchError>>,
    /// The attempts that were asked for, in order.
    pub attempts: Vec<String>,
    pub looked: usize,
    pub told: Vec<String>,
    pub files: Vec<PathBuf>,
}

pub struct Scripted {
    script: Arc<Mutex<Script>>,
    rules: Rules,
}

impl Carrier for Scripted {
    fn rules(&self) -> Rules {
        self.rules
    }

    fn place<'a>(&'a self, _: &'a Order, attempt: &'a str) -> BoxFuture<'a, Result<Ids, Fault>> {
        let mut script = self.script.lock().unwrap();
        script.attempts.push(attempt.to_owned());
        let answer = script.places.pop_front().expect("an unexpected request to place a call");
        Box::pin(async move { answer })
    }

    fn find<'a>(&'a self, _: &'a Order, _: Timestamp) -> BoxFuture<'a, Result<Vec<Ids>, Fault>> {
        let mut script = self.script.lock().unwrap();
        script.looked += 1;
        let answer = script.finds.pop_front().expect("an unexpected look-up");
        Box::pin(async move { answer })
    }

    fn command<'a>(&'a self, command: &'a Command) -> BoxFuture<'a, Result<(), Fault>> {
        let mut script = self.script.lock().unwrap();
        script.told.push(format!("{} {}", command.action, command.id));
        let answer = script.commands.pop_front().expect("an unexpected command");
        Box::pin(async move { answer })
    }

    fn fetch<'a>(
        &'a self,
        _: &'a DueRecording,
        file: &'a Path,
        _: u64,
    ) -> BoxFuture<'a, Result<Fetched, FetchError>> {
        let mut script = self.script.lock().unwrap();
        script.files.push(file.to_owned());
        let answer = script.fetches.pop_front().expect("an unexpected fetch");
        Box::pin(async move { answer })
    }
}

pub struct World {
    pub shared: Arc<Shared>,
    pub tenant: TenantId,
    pub agent: AgentId,
    pub script: Arc<Mutex<Script>>,
    clock: Arc<AtomicI64>,
    /// How much later it is each time that the worker looks at its clock, in milliseconds.
    lag: Arc<AtomicI64>,
}

impl World {
    /// A world with this carrier under the name `twilio`.
    pub async fn new(rules: Rules) -> Self {
        Self::with(rules, Settings::new("test"), Rate { count: 1000, per: Duration::from_secs(1) }).await
    }

    pub async fn with(rules: Rules, settings: Settings, rate: Rate) -> Self {
        let script = Arc::new(Mutex::new(Script::default()));
        let carrier = Scripted { script: script.clone(), rules };
        Self { script, ..Self::around(carrier, "twilio", NOON, settings, rate).await }
    }

    /// A world with this carrier under this name.
    pub async fn named(rules: Rules, name: &str) -> Self {
        let script = Arc::new(Mutex::new(Script::default()));
        let (carrier, rate) =
            (Scripted { script: script.clone(), rules }, Rate { count: 1000, per: Duration::from_secs(1) });
        Self { script, ..Self::around(carrier, name, NOON, Settings::new("test"), rate).await }
    }

    /// A world in which carriers of tenants' own accounts follow the script that comes with it, by the same rules. An
    /// account that is sealed as `broken` cannot be opened.
    pub async fn with_own(rules: Rules, settings: Settings, rate: Rate) -> (Self, Arc<Mutex<Script>>) {
        let mut world = Self::with(rules, settings, rate).await;
        let own = Arc::new(Mutex::new(Script::default()));
        let script = own.clone();
        let open = move |account: &CarrierAccount| -> Result<Box<dyn Carrier>, Unopened> {
            match account.sealed.expose() {
                "broken" => Err(Unopened::because("it is broken")),
                _ => Ok(Box::new(Scripted { script: script.clone(), rules })),
            }
        };
        Arc::get_mut(&mut world.shared).expect("nobody is at work yet").open = Some(Box::new(open));
        (world, own)
    }

    /// Sets the tenant's own account with the carrier.
    pub async fn set_account(&self, account: &str, sealed: &str) {
        self.set_account_with("twilio", account, sealed).await;
    }

    /// Sets the tenant's own account with any carrier.
    pub async fn set_account_with(&self, carrier: &str, account: &str, sealed: &str) {
        let new = NewCarrierAccount { carrier, account, sealed };
        self.shared.store.set_carrier_account(&self.tenant, &new, "ana", self.shared.now()).await.unwrap();
    }

    /// A world with any carrier, that begins at `begin`.
    pub async fn around(
        carrier: impl Carrier,
        name: &str,
        begin: Timestamp,
        settings: Settings,
        rate: Rate,
    ) -> Self {
        let store = Store::new(NativeDb::in_memory(begin).unwrap());
        let seed = Seed { number: Some("+34910000000".parse().unwrap()), ..Seed::default() };
        let (tenant, agent) = store.seed(&seed, begin).await.unwrap();
        let clock = Arc::new(AtomicI64::new(begin.0));
        let (now, ids) = (clock.clone(), AtomicU64::new(0));
        let lag = Arc::new(AtomicI64::new(0));
        let slowness = lag.clone();
        let environment = Environment {
            now: Box::new(move || {
                Timestamp(now.fetch_add(slowness.load(Ordering::SeqCst), Ordering::SeqCst))
            }),
            share: Box::new(|| 0.5),
            id: Box::new(move || Uuid::from_u64_pair(0, ids.fetch_add(1, Ordering::SeqCst))),
        };
        let dispatcher = Dispatcher::new(store, settings, environment).carrier(name, carrier, rate);
        Self { shared: Arc::new(dispatcher.shared), tenant, agent, script: Arc::default(), clock, lag }
    }

    pub fn script(&self) -> std::sync::MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }

    /// Lets the process be so slow from now on.
    pub fn lag(&self, each_look: Duration) {
        self.lag.store(i64::try_from(each_look.as_millis()).unwrap(), Ordering::SeqCst);
    }

    pub fn pass(&self, time: Duration) {
        self.clock.fetch_add(i64::try_from(time.as_millis()).unwrap(), Ordering::SeqCst);
    }

    /// An order to a number that no other key's is to: orders between the same numbers wait for each other.
    pub fn new_order(&self, key: &str) -> NewOrder {
        let now = self.shared.now();
        let digits = key.bytes().fold(0_u32, |digits, byte| (digits * 31 + u32::from(byte)) % 1_000_000);
        NewOrder {
            call: CallId::generate(now),
            key: key.into(),
            fingerprint: key.into(),
            carrier: "twilio".into(),
            agent: self.agent.clone(),
            from: "+34910000000".parse().unwrap(),
            to: format!("+34600{digits:06}").parse().unwrap(),
            variables: serde_json::Map::new(),
            not_before: now,
            not_after: now.plus(Duration::from_secs(24 * 3600)),
            hours: None,
            detect_machine: false,
            record: false,
            ring: Duration::from_secs(30),
            max_live: None,
        }
    }

    pub async fn order(&self, new: NewOrder) -> CallId {
        match self.shared.store.order_call(&self.tenant, new, self.shared.now()).await.unwrap() {
            Ordered::New(call) => call.id,
            other => panic!("{other:?}"),
        }
    }

    pub async fn state(&self, call: &CallId) -> OrderState {
        self.stored(call).await.state
    }

    pub async fn stored(&self, call: &CallId) -> Order {
        self.shared.store.order(&self.tenant, call).await.unwrap().unwrap()
    }

    /// Does all that is due now; returns how many pieces that were.
    pub async fn work<L: super::super::lane::Lane>(&self, lane: &L) -> usize {
        let due = lane.lease(100).await;
        let count = due.len();
        for item in due {
            lane.run(item).await;
        }
        count
    }
}

pub fn leg(sid: &str) -> Ids {
    Ids { leg: Some(sid.into()), ..Ids::default() }
}

pub fn not_done(seconds: u64) -> Fault {
    Fault::NotDone { cause: Cause::TooMany, retry_after: Some(Duration::from_secs(seconds)) }
}
