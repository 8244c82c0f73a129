//! A seeded store and a call in it.

use std::ops::Deref;

use store::native::NativeDb;
use store::{
    AgentId, CallId, CallStatus, Created, Direction, E164, NewCall, Seed, Store, TenantId, Timestamp,
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

pub fn number(text: &str) -> E164 {
    text.parse().unwrap()
}
