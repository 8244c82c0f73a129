use super::statement::ROWS_PER_BATCH;
use super::*;

#[tokio::test]
async fn rows_come_with_their_columns_and_types() {
    let (connection, _directory) = open().await;

    let (columns, rows, outcome) =
        all(&connection, "SELECT 1 AS a, 2.5 AS b, 'x' AS c, x'01ff' AS d, NULL AS e", vec![]).await;

    outcome.unwrap();
    assert_eq!(columns, ["a", "b", "c", "d", "e"]);
    let [row] = rows.as_slice() else { panic!("{rows:?}") };
    assert!(matches!(
        row.values.as_slice(),
        [Value::Integer(1), Value::Real(2.5), Value::Text(text), Value::Blob(blob), Value::Null]
            if text == "x" && blob == &[1, 255]
    ));
}

#[tokio::test]
async fn parameters_are_bound_in_order() {
    let (connection, _directory) = open().await;

    let parameters =
        vec![Value::Text("a".into()), Value::Integer(2), Value::Blob(vec![3]), Value::Null, Value::Real(0.5)];
    let (_, rows, outcome) = all(&connection, "SELECT ?1 || ?2, ?3, ?4, ?5", parameters).await;

    outcome.unwrap();
    assert!(matches!(
        rows[0].values.as_slice(),
        [Value::Text(text), Value::Blob(blob), Value::Null, Value::Real(0.5)] if text == "a2" && blob == &[3]
    ));
}

#[tokio::test]
async fn many_rows_arrive_in_order_and_none_is_lost() {
    let (connection, _directory) = open().await;
    let count = ROWS_PER_BATCH * 5 + 3;

    let (_, rows, outcome) = all(&connection, &count_to(count), vec![]).await;

    outcome.unwrap();
    let numbers: Vec<i64> = rows.iter().map(|row| integer(&row.values[0])).collect();
    assert_eq!(numbers, (1..=count as i64).collect::<Vec<_>>());
}

#[tokio::test]
async fn errors_come_with_the_outcome_as_in_spin() {
    let (connection, _directory) = open().await;
    for (statement, expected) in [
        ("SELEKT 1", "syntax error"),
        ("SELECT * FROM nowhere", "no such table"),
        ("SELECT ?1", "parameters"),
        ("SELECT CAST(x'ff' AS TEXT)", "not UTF-8"),
    ] {
        let (_, rows, outcome) = all(&connection, statement, vec![]).await;

        assert!(rows.is_empty());
        let Err(Error::Io(text)) = outcome else { panic!("{statement}: {outcome:?}") };
        assert!(text.contains(expected), "{statement}: {text}");
    }
}

#[tokio::test]
async fn a_transaction_spans_several_statements() {
    let (connection, directory) = open().await;
    let (other, _) = (reopen(&directory).await, ());
    for statement in
        ["CREATE TABLE t (x)", "BEGIN IMMEDIATE", "INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (2)"]
    {
        all(&connection, statement, vec![]).await.2.unwrap();
    }
    assert_eq!(count(&other).await, 0);

    all(&connection, "COMMIT", vec![]).await.2.unwrap();

    assert_eq!(count(&other).await, 2);
    assert_eq!(connection.clone().counter(Lent::changes).await.unwrap(), 1);
    assert_eq!(connection.counter(Lent::last_insert_rowid).await.unwrap(), 2);
}

#[tokio::test]
async fn a_connection_dropped_within_a_transaction_rolls_it_back() {
    let (connection, directory) = open().await;
    for statement in ["CREATE TABLE t (x)", "BEGIN IMMEDIATE", "INSERT INTO t VALUES (1)"] {
        all(&connection, statement, vec![]).await.2.unwrap();
    }

    drop(connection);

    let other = reopen(&directory).await;
    // Waits for the lock of the first connection, within the busy timeout.
    all(&other, "BEGIN IMMEDIATE", vec![]).await.2.unwrap();
    assert_eq!(count(&other).await, 0);
}

#[tokio::test]
async fn other_files_are_out_of_reach() {
    let (connection, directory) = open().await;
    let target = directory.path().join("other.db");
    for statement in
        [format!("ATTACH '{}' AS o", target.display()), format!("VACUUM INTO '{}'", target.display())]
    {
        let outcome = all(&connection, &statement, vec![]).await.2;
        assert!(
            matches!(&outcome, Err(Error::Io(text)) if text.contains("authori")),
            "{statement}: {outcome:?}"
        );
    }
    assert!(!target.exists());
    all(&connection, "VACUUM", vec![]).await.2.unwrap();
}

#[tokio::test]
async fn a_statement_ends_when_its_instance_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let gone = Gone::default();
    let connection = Connection::open(database(&directory), gone.clone()).await.unwrap();
    let endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT max(x) FROM c";
    let running = tokio::spawn(async move { all(&connection, endless, vec![]).await.2 });

    gone.set();

    let outcome = tokio::time::timeout(Duration::from_secs(20), running).await.unwrap().unwrap();
    assert!(matches!(&outcome, Err(Error::Io(text)) if text.contains("interrupted")), "{outcome:?}");
}

#[tokio::test]
async fn a_reader_that_loses_interest_frees_the_connection() {
    let (connection, _directory) = open().await;

    let progress = start(connection.clone(), count_to(100_000), vec![]).await.unwrap();
    drop(progress);

    let (_, rows, outcome) = all(&connection, "SELECT 7", vec![]).await;
    outcome.unwrap();
    assert_eq!(integer(&rows[0].values[0]), 7);
}

#[tokio::test]
async fn a_buffered_result_has_a_limit_and_a_streamed_one_has_none() {
    let (connection, _directory) = open().await;
    let megabytes = |count: usize| format!("SELECT zeroblob({}) FROM ({})", 1 << 20, count_to(count));

    let small = execute(connection.clone(), megabytes(3), vec![]).await.unwrap();
    assert_eq!((small.columns.len(), small.rows.len()), (1, 3));
    let large = execute(connection.clone(), megabytes(40), vec![]).await;
    assert!(matches!(large, Err(Error::Io(text)) if text.contains("use the streaming form")));

    let (_, rows, outcome) = all(&connection, &megabytes(40), vec![]).await;
    outcome.unwrap();
    assert_eq!(rows.len(), 40);
}

#[tokio::test]
async fn a_statement_returns_the_same_whether_it_was_short_before_or_not() {
    let (connection, _directory) = open().await;
    let numbers = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT ?1) SELECT x FROM c";
    for count in [3, 3, 50, ROWS_PER_BATCH as i64 + 20, 3, 3, 30_000, 3] {
        let parameters = || vec![Value::Integer(count)];
        let (columns, rows, outcome) = all(&connection, numbers, parameters()).await;
        outcome.unwrap();
        let whole = execute(connection.clone(), numbers.to_owned(), parameters()).await.unwrap();

        let expected: Vec<i64> = (1..=count).collect();
        for (columns, rows) in [(columns, rows), (whole.columns, whole.rows)] {
            assert_eq!(columns, ["x"]);
            assert_eq!(rows.iter().map(|row| integer(&row.values[0])).collect::<Vec<_>>(), expected);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_at_once_follow_one_another_and_none_is_lost() {
    let (first, directory) = open().await;
    all(&first, "CREATE TABLE t (x)", vec![]).await.2.unwrap();
    let database = database(&directory);
    let writers: Vec<_> = (0..8)
        .map(|_| {
            let database = Arc::clone(&database);
            tokio::spawn(async move {
                for _ in 0..20 {
                    let connection = Connection::open(Arc::clone(&database), Gone::default()).await.unwrap();
                    for statement in [
                        "BEGIN IMMEDIATE",
                        "INSERT INTO t SELECT count(*) FROM t",
                        "INSERT INTO t SELECT count(*) FROM t",
                        "COMMIT",
                    ] {
                        all(&connection, statement, vec![]).await.2.unwrap();
                    }
                }
            })
        })
        .collect();

    for writer in writers {
        writer.await.unwrap();
    }

    let (_, rows, outcome) = all(&first, "SELECT x FROM t ORDER BY rowid", vec![]).await;
    outcome.unwrap();
    let numbers: Vec<i64> = rows.iter().map(|row| integer(&row.values[0])).collect();
    assert_eq!(numbers, (0..320).collect::<Vec<_>>());
}

async fn open() -> (Connection, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    (reopen(&directory).await, directory)
}

async fn reopen(directory: &tempfile::TempDir) -> Connection {
    Connection::open(database(directory), Gone::default()).await.unwrap()
}

/// The file as another process sees it: with connections and turns of its own.
fn database(directory: &tempfile::TempDir) -> Arc<Database> {
    Arc::new(Database::open(&directory.path().join("test.db")).unwrap())
}

async fn all(
    connection: &Connection,
    statement: &str,
    parameters: Vec<Value>,
) -> (Vec<String>, Vec<RowResult>, Result<(), Error>) {
    let mut progress = start(connection.clone(), statement.to_owned(), parameters).await.unwrap();
    let mut rows = progress.first.rows;
    if let Some(later) = &mut progress.later {
        while let Some(batch) = later.recv().await {
            rows.extend(batch);
        }
    }
    (progress.first.columns, rows, progress.outcome.await.unwrap())
}

async fn count(connection: &Connection) -> i64 {
    let (_, rows, outcome) = all(connection, "SELECT count(*) FROM t", vec![]).await;
    outcome.unwrap();
    integer(&rows[0].values[0])
}

fn count_to(count: usize) -> String {
    format!(
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < {count}) SELECT x FROM c"
    )
}

fn integer(value: &Value) -> i64 {
    match value {
        Value::Integer(number) => *number,
        other => panic!("{other:?}"),
    }
}
