//! A seeded store and a call in it.

use std::ops::Deref;
use std::time::Duration;

use call_state::{Carrier, CarrierEvent, EndReason, Ending, EventKind, Ids, Moment};
use store::native::NativeDb;
use store::{
    AgentId, Call, CallId, CallStatus, Created, Direction, E164, NewCall, NewCommand, NewOrder, Ordered,
    Seed, Store, TenantId, Timestamp, Told,
};
use tempfile::TempDir;

pub const NOW: Timestamp = Timestamp(1_795_000_000_000);

pub struct Fixture {
    pub store: Store<NativeDb>,
    pub tenant: TenantId,
    pub agent: AgentId,
    /// Another tenant, who must never see anything of the first.
    pub stranger: TenantId,
    pub directory: Option<TempDir>,
}

impl Fixture {
    pub async fn on_file() -> Self {
        let directory = TempDir::new().unwrap();
        let db = NativeDb::migrate_and_open(&directory.path().join("store.db"), NOW).unwrap();
        Self::seeded(db, Some(directory)).await
    }

    pub async fn in_memory() -> Self {
        Self::seeded(NativeDb::in_memory(NOW).unwrap(), None).await
    }

    async fn seeded(db: NativeDb, directory: Option<TempDir>) -> Self {
        let store = Store::new(db);
        let seed = Seed { number: Some(number("+34910000000")), ..Seed::default() };
        let (tenant, agent) = store.seed(&seed, NOW).await.unwrap();
        let stranger: TenantId = "stranger".parse().unwrap();
        store.put_tenant(&stranger, "Stranger", "America/New_York", NOW).await.unwrap();
        Self { store, tenant, agent, stranger, directory }
    }

    pub fn new_call(&self, carrier_call_id: &str) -> NewCall {
        NewCall {
            id: CallId::generate(NOW),
            carrier: "twilio".into(),
            carrier_call_id: carrier_call_id.into(),
            from: "+15551230000".into(),
            to: "+34910000000".into(),
            direction: Direction::Inbound,
            agent: Some(self.agent.clone()),
            status: CallStatus::Ringing,
        }
    }

    /// An order that may be placed at once, for an hour.
    pub fn new_order(&self, key: &str) -> NewOrder {
        NewOrder {
            call: CallId::generate(NOW),
            key: key.into(),
            fingerprint: "f".into(),
            carrier: "telnyx".into(),
            agent: self.agent.clone(),
            from: number("+34910000000"),
            to: number("+15551230000"),
            variables: [("name".to_owned(), "Ana".into())].into_iter().collect(),
            not_before: NOW,
            not_after: after(3600),
            hours: None,
            detect_machine: true,
            record: false,
            ring: Duration::from_secs(30),
            max_live: None,
        }
    }

    pub async fn ordered(&self, key: &str) -> CallId {
        match self.store.order_call(&self.tenant, self.new_order(key), NOW).await.unwrap() {
            Ordered::New(call) => call.id,
            other => panic!("{other:?}"),
        }
    }

    pub async fn hear(&self, call: &CallId, event: &CarrierEvent) -> Told {
        self.store.hear_carrier(&self.tenant, call, event, &[], NOW).await.unwrap().unwrap()
    }

    pub async fn seen(&self, call: &CallId) -> Call {
        self.store.call(&self.tenant, call).await.unwrap().unwrap()
    }

    pub async fn stored_call(&self, carrier_call_id: &str) -> CallId {
        let new = self.new_call(carrier_call_id);
        match self.store.create_call(&self.tenant, new, &[], NOW).await.unwrap() {
            Created::New(call) | Created::Existing(call) => call.id,
        }
    }
}

impl Deref for Fixture {
    type Target = Store<NativeDb>;

    fn deref(&self) -> &Self::Target {
        &self.store
    }
}

/// A command that holds for an hour.
pub fn command(id: &str) -> NewCommand {
    NewCommand {
        id: id.into(),
        carrier: "telnyx".into(),
        carrier_call_id: "v3:a".into(),
        action: "answer".into(),
        body: serde_json::json!({ "command_id": id }),
        expires_at: after(3600),
    }
}

/// `seconds` after [`NOW`].
pub fn after(seconds: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(seconds))
}

/// What Twilio says of its call `leg`, `seconds` after [`NOW`] by its clock; known by `id`.
pub fn said(leg: &str, id: &str, kind: EventKind, seconds: u64) -> CarrierEvent {
    CarrierEvent {
        carrier: Carrier::Twilio,
        id: id.into(),
        ids: named(leg),
        direction: None,
        kind,
        sequence: None,
        occurred_at: Some(Moment::from_millis(after(seconds).0)),
        received_at: Moment::from_millis(after(seconds).0),
    }
}

pub fn named(leg: &str) -> Ids {
    Ids { leg: Some(leg.into()), ..Ids::default() }
}

pub fn ended(reason: EndReason) -> EventKind {
    EventKind::Ended(Ending::new(reason))
}

pub fn number(text: &str) -> E164 {
    text.parse().unwrap()
}
