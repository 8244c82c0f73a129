//! What the database is asked to do: found by an index, and never asked for ever.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use call_state::{EndReason, EventKind, Recording};
use store::native::NativeDb;
use store::{
    Attempt, Batch, CallAccount, Db, DbError, NewCall, Rate, Receipt, Rows, Statement, Store, StoreError,
    TRIES, Value, migrations,
};

use crate::fixture::{Fixture, NOW, after, command, ended, named, said};

/// A database that remembers what it was asked.
#[derive(Clone)]
pub struct Watched {
    db: NativeDb,
    asked: Arc<Mutex<BTreeMap<&'static str, Vec<Value>>>>,
}

impl Watched {
    pub fn new(db: NativeDb) -> Self {
        Self { db, asked: Arc::default() }
    }

    pub fn asked(&self) -> BTreeMap<&'static str, Vec<Value>> {
        self.asked.lock().unwrap().clone()
    }

    fn note(&self, statements: &[Statement]) {
        let asked = statements.iter().map(|statement| (statement.sql, statement.params.clone()));
        self.asked.lock().unwrap().extend(asked);
    }
}

impl Db for Watched {
    async fn query(&self, statement: Statement) -> Result<Rows, DbError> {
        self.note(std::slice::from_ref(&statement));
        self.db.query(statement).await
    }

    async fn execute(&self, statement: Statement) -> Result<u64, DbError> {
        self.note(std::slice::from_ref(&statement));
        self.db.execute(statement).await
    }

    async fn batch(&self, statements: Vec<Statement>) -> Result<Batch, DbError> {
        self.note(&statements);
        self.db.batch(statements).await
    }
}

/// Workers ask several times a second, and webhooks hold a carrier up: no statement may read a whole table.
#[tokio::test]
async fn no_statement_about_calls_reads_a_whole_table() {
    let fixture = Fixture::in_memory().await;
    let watched = Watched::new(fixture.db().clone());
    live_through_everything(&fixture, &Store::new(watched.clone())).await;
    let asked = watched.asked();
    assert!(asked.len() > 45, "{}", asked.len());
    for (sql, params) in asked {
        let explain: &'static str = Box::leak(format!("EXPLAIN QUERY PLAN {sql}").into_boxed_str());
        let plan = fixture.db().query(Statement::new(explain, params)).await.unwrap();
        for step in plan.iter() {
            let step = step.text("detail").unwrap();
            // A constant row and what a subquery has found are no tables. Of one carrier, tenant or state there are as
            // many calls as of all.
            let scan = step.starts_with("SCAN") && step != "SCAN CONSTANT ROW" && step != "SCAN found";
            let wide = ["(carrier=?)", "(tenant=?)", "(state=?)", "started_at<?)"];
            assert!(!scan && !wide.iter().any(|index| step.ends_with(index)), "{step}: {sql}");
        }
    }
}

/// What PostgreSQL has not, or has otherwise.
#[tokio::test]
async fn every_statement_about_calls_is_portable() {
    let fixture = Fixture::in_memory().await;
    let watched = Watched::new(fixture.db().clone());
    live_through_everything(&fixture, &Store::new(watched.clone())).await;
    let asked = watched.asked();
    let migrations = migrations::ALL.iter().skip(1).flat_map(|migration| [migration.up, migration.down]);
    for sql in asked.into_keys().chain(migrations) {
        assert_portable(sql);
    }
}

pub fn assert_portable(sql: &str) {
    for foreign in [
        "OR IGNORE",
        "OR REPLACE",
        "AUTOINCREMENT",
        "ROWID",
        "IFNULL(",
        "DATETIME(",
        "STRFTIME(",
        "UNIXEPOCH(",
        "JSON_",
        "PRINTF(",
        "INSTR(",
        "GLOB",
        "TOTAL(",
        "LAST_INSERT",
        "PRAGMA",
        "BLOB",
        "\"",
    ] {
        assert!(!sql.to_uppercase().contains(foreign), "{foreign}: {sql}");
    }
    // Of a parameter that is first compared with nothing, PostgreSQL does not know the type.
    for (before, rest) in sql.match_indices(" IS NULL").filter_map(|(at, _)| sql.get(..at)?.rsplit_once('?'))
    {
        let named = rest.chars().all(|digit| digit.is_ascii_digit());
        assert!(!named || before.contains(&format!("= ?{rest}")), "?{rest}: {sql}");
    }
}

async fn live_through_everything(fixture: &Fixture, store: &Store<Watched>) {
    let (tenant, lease) = (&fixture.tenant, Duration::from_secs(1));
    let new = NewCall { ..fixture.new_call("CA1") };
    let call = new.id.clone();
    let (commands, ringing) = ([command("c"), command("d")], said("CA1", "0", EventKind::Ringing, 0));
    let receipt = Receipt {
        carrier_event: Some(&ringing),
        commands: &commands,
        max_live: Some(9),
        ..Receipt::default()
    };
    store.receive_call(tenant, new, receipt, NOW).await.unwrap();
    store.locate_call("twilio", &named("CA1")).await.unwrap();
    let recording = Recording { id: "r".into(), url: None, duration: None };
    for (id, kind) in [("1", EventKind::RecordingSaved(recording)), ("2", ended(EndReason::Busy))] {
        store.hear_carrier(tenant, &call, &said("CA1", id, kind, 1), &[], NOW).await.unwrap();
    }
    store.recordings(tenant, &call).await.unwrap();
    store.recording_fetched(tenant, &call, "r", 1, "x", NOW).await.unwrap();
    store.recording_failed(tenant, &call, "r", "x").await.unwrap();
    store.lease_commands("w", NOW, lease, 9).await.unwrap();
    store.command_waits(tenant, "c", NOW, "x").await.unwrap();
    store.command_again(tenant, "c", NOW, "x").await.unwrap();
    store.command_done(tenant, "c", NOW).await.unwrap();
    for key in ["1", "2", "3"] {
        store
            .order_call(tenant, store::NewOrder { max_live: Some(9), ..fixture.new_order(key) }, NOW)
            .await
            .unwrap();
    }
    let orders = store.lease_orders("w", NOW, lease, 9).await.unwrap();
    let [first, second, third] = &orders[..] else { panic!("{orders:?}") };
    store.order_postponed(tenant, &first.call, NOW).await.unwrap();
    store.order_waits_for(first, NOW).await.unwrap();
    let attempt = Attempt { id: "a", account: Some(&CallAccount::Platform) };
    store.order_attempt(tenant, &first.call, attempt, NOW).await.unwrap();
    store.order_uncertain(tenant, &first.call, NOW, "x").await.unwrap();
    store.order_again(tenant, &first.call, NOW, "x").await.unwrap();
    for _ in 0..2 {
        store.order_placed(tenant, &first.call, &named("v3:a"), NOW).await.unwrap();
    }
    store.order_failed(tenant, &second.call, EndReason::Busy, "x", NOW).await.unwrap();
    store.cancel_order(tenant, &third.call, NOW).await.unwrap();
    let once = Rate { count: 1, per: Duration::from_secs(1) };
    for _ in 0..2 {
        store.admit("s", "k", once, NOW).await.unwrap();
    }
    store.first_delivery("s", "k", after(1), NOW).await.unwrap();
    store.was_delivered("s", "k", NOW).await.unwrap();
    store.sweep(NOW).await.unwrap();
    let key = store.add_webhook_key(tenant, "twilio", "x", NOW).await.unwrap();
    store.webhook_keys(tenant, "twilio").await.unwrap();
    store.remove_webhook_key(tenant, &key.id).await.unwrap();
    store.set_max_live_calls(tenant, None).await.unwrap();
}

/// A database in which somebody else is always faster.
struct Contended {
    db: NativeDb,
    batches: AtomicU32,
}

impl Db for Contended {
    async fn query(&self, statement: Statement) -> Result<Rows, DbError> {
        self.db.query(statement).await
    }

    async fn execute(&self, statement: Statement) -> Result<u64, DbError> {
        self.db.execute(statement).await
    }

    async fn batch(&self, _: Vec<Statement>) -> Result<Batch, DbError> {
        self.batches.fetch_add(1, Ordering::Relaxed);
        Ok(Batch::Unmet(0))
    }
}

#[tokio::test]
async fn an_event_that_always_comes_second_is_given_up() {
    let fixture = Fixture::in_memory().await;
    let call = fixture.stored_call("CA1").await;
    let store = Store::new(Contended { db: fixture.db().clone(), batches: AtomicU32::new(0) });
    let event = said("CA1", "1", EventKind::Ringing, 1);
    let result = store.hear_carrier(&fixture.tenant, &call, &event, &[], NOW).await;
    assert!(matches!(result, Err(StoreError::Db(DbError::Busy))), "{result:?}");
    assert_eq!(store.db().batches.load(Ordering::Relaxed), TRIES);
}
