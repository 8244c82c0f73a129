use events::CallEvent;
use store::native::{NativeDb, OpenError, migrate};
use store::{Batch, Db, DbError, Statement, Store, Timestamp, migrations};

use crate::contract;
use crate::fixture::{Fixture, NOW};

contract! {
    writers_at_once_leave_no_gap_in_the_log,
    a_failing_batch_takes_no_other_with_it,
    an_unmet_batch_leaves_nothing,
    the_schema_is_the_latest,
}

async fn writers_at_once_leave_no_gap_in_the_log(store: &Fixture) {
    const WRITERS: u64 = 8;
    const EACH: u64 = 25;
    let call = store.stored_call("CA1").await;
    let tasks = (0..WRITERS).map(|_| {
        let (store, tenant, call) = (store.store.clone(), store.tenant.clone(), call.clone());
        tokio::spawn(async move {
            for _ in 0..EACH {
                store.append_event(&tenant, &call, CallEvent::MediaDisconnected, NOW).await.unwrap();
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    let events = store.events(&store.tenant, &call, 0).await.unwrap();
    let seqs: Vec<_> = events.iter().map(|event| event.seq).collect();
    assert_eq!(seqs, (1..=WRITERS * EACH).collect::<Vec<_>>());
}

async fn a_failing_batch_takes_no_other_with_it(store: &Fixture) {
    let tasks = (0..60).map(|number| {
        let db = store.db().clone();
        let insert = |id: String| {
            let sql = "INSERT INTO tenants (id, name, time_zone, created_at) VALUES (?1, 'x', 'UTC', 0)";
            Statement::new(sql, [id.into()])
        };
        // Every third one ends in a key that exists, after a statement that succeeded.
        let second = if number % 3 == 0 { "default".to_owned() } else { format!("b{number}") };
        let batch = vec![insert(format!("a{number}")), insert(second)];
        (number, tokio::spawn(async move { db.batch(batch).await }))
    });
    for (number, task) in tasks.collect::<Vec<_>>() {
        let result = task.await.unwrap();
        if number % 3 == 0 {
            assert!(matches!(result, Err(DbError::Constraint(_))), "{number}: {result:?}");
        } else {
            assert!(matches!(result, Ok(Batch::Done(_))), "{number}: {result:?}");
        }
        let stored = store.tenant(&format!("a{number}").parse().unwrap()).await.unwrap();
        assert_eq!(stored.is_some(), number % 3 != 0, "{number}");
    }
}

async fn an_unmet_batch_leaves_nothing(store: &Fixture) {
    let insert = "INSERT INTO tenants (id, name, time_zone, created_at) VALUES ('t', 'x', 'UTC', 0)";
    let unmet = "SELECT id FROM tenants WHERE id = 'nobody'";
    let batch = vec![Statement::new(insert, []), Statement::new(unmet, []).required()];
    assert_eq!(store.db().batch(batch).await, Ok(Batch::Unmet(1)));
    assert_eq!(store.tenant(&"t".parse().unwrap()).await.unwrap(), None);
}

async fn the_schema_is_the_latest(store: &Fixture) {
    assert_eq!(store.schema_version().await.unwrap(), Some(migrations::LATEST));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_worth_of_writers_share_a_file() {
    let first = Fixture::on_file().await;
    let path = first.directory.as_ref().unwrap().path().join("store.db");
    let second = Store::new(NativeDb::open(&path).unwrap());
    let call = first.stored_call("CA1").await;
    let write = |store: Store<NativeDb>| {
        let (tenant, call) = (first.tenant.clone(), call.clone());
        tokio::spawn(async move {
            for _ in 0..100 {
                store.append_event(&tenant, &call, CallEvent::MediaDisconnected, NOW).await.unwrap();
            }
        })
    };
    let (one, two) = (write(first.store.clone()), write(second.clone()));
    one.await.unwrap();
    two.await.unwrap();
    let seqs: Vec<_> =
        second.events(&first.tenant, &call, 0).await.unwrap().iter().map(|event| event.seq).collect();
    assert_eq!(seqs, (1..=200).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_statement_that_never_ends_is_stopped() {
    let store = Fixture::in_memory().await;
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n";
    assert_eq!(store.db().query(Statement::new(endless, [])).await, Err(DbError::Busy));
    assert!(store.tenant(&store.tenant).await.unwrap().is_some());
}

#[test]
fn migrations_go_up_down_and_up_again() {
    let directory = tempfile::TempDir::new().unwrap();
    let mut connection = migrate::connect(&directory.path().join("store.db")).unwrap();
    let applied = |connection: &mut _| {
        let status = migrate::status(connection).unwrap();
        status.iter().filter(|migration| migration.applied_at.is_some()).count()
    };
    let all: Vec<u32> = (1..=migrations::LATEST).collect();
    assert_eq!(applied(&mut connection), 0);
    assert_eq!(migrate::up(&mut connection, NOW).unwrap(), all);
    assert_eq!(migrate::up(&mut connection, NOW).unwrap(), Vec::<u32>::new());
    assert_eq!(applied(&mut connection), all.len());
    assert_eq!(migrate::status(&mut connection).unwrap()[0].applied_at, Some(NOW));
    assert_eq!(migrate::down(&mut connection, 0).unwrap().len(), all.len());
    assert_eq!(applied(&mut connection), 0);
    let left = "SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table' AND name <> 'schema_migrations'";
    assert_eq!(connection.query_row(left, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
    assert_eq!(migrate::up(&mut connection, Timestamp(0)).unwrap(), all);
    assert!(matches!(migrate::down(&mut connection, 99), Err(migrate::MigrateError::NoSuchVersion(99))));
}

#[test]
fn a_schema_that_this_code_does_not_know_is_refused() {
    let newer = "INSERT INTO schema_migrations VALUES (9999, 'future', 'x', 0)";
    let changed = "UPDATE schema_migrations SET checksum = 'x' WHERE version = 1";
    for (tampering, newer) in [(newer, true), (changed, false)] {
        let directory = tempfile::TempDir::new().unwrap();
        let path = directory.path().join("store.db");
        let mut connection = migrate::connect(&path).unwrap();
        migrate::up(&mut connection, NOW).unwrap();
        connection.execute(tampering, []).unwrap();
        for error in [
            migrate::up(&mut connection, NOW).unwrap_err(),
            migrate::down(&mut connection, 0).unwrap_err(),
            migrate::status(&mut connection).unwrap_err(),
        ] {
            match error {
                migrate::MigrateError::Newer { found } => assert!(newer && found == 9999),
                migrate::MigrateError::Changed { version } => assert!(!newer && version == 1),
                other => panic!("{other}"),
            }
        }
        assert!(matches!(NativeDb::open(&path), Err(OpenError::Schema(_))));
    }
}

#[test]
fn a_database_without_the_schema_is_not_opened() {
    let directory = tempfile::TempDir::new().unwrap();
    let error = NativeDb::open(&directory.path().join("store.db")).unwrap_err();
    assert!(error.to_string().contains("run the migrations first"), "{error}");
}
