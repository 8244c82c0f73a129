use super::*;

#[tokio::test]
async fn a_connection_that_comes_back_serves_the_next_guest() {
    let (_directory, database) = database();
    let mut first = lend(&database);
    run(&mut first, "CREATE TABLE t (x)").unwrap();
    run(&mut first, "INSERT INTO t VALUES (7)").unwrap();
    assert_eq!((first.changes(), first.last_insert_rowid()), (1, 1));
    first.give_back();

    let second = database.lend_idle(Gone::default()).unwrap();

    assert_eq!((second.changes(), second.last_insert_rowid()), (0, 0), "what others changed is not ours");
    assert!(database.lend_idle(Gone::default()).is_none());
}

#[tokio::test]
async fn what_was_not_committed_is_rolled_back_before_others_have_the_connection() {
    let (_directory, database) = database();
    let mut first = lend(&database);
    for sql in ["CREATE TABLE t (x)", "BEGIN IMMEDIATE", "INSERT INTO t VALUES (7)"] {
        run(&mut first, sql).unwrap();
    }
    first.give_back();

    let mut second = database.lend_idle(Gone::default()).unwrap();

    assert_eq!(run(&mut second, "SELECT count(*) FROM t").unwrap(), "0");
    run(&mut second, "BEGIN IMMEDIATE").unwrap();
}

#[tokio::test]
async fn a_connection_in_which_something_was_left_is_closed() {
    for sql in [
        "CREATE TEMP TABLE t (x)",
        "CREATE TABLE temp.t (x)",
        "CREATE TEMP VIEW v AS SELECT 1",
        "ATTACH ':memory:' AS other",
        "PRAGMA foreign_keys = OFF",
        "/* first */ pragma case_sensitive_like = ON",
    ] {
        let (_directory, database) = database();
        let mut lent = lend(&database);
        run(&mut lent, sql).unwrap();

        lent.give_back();

        assert!(database.lend_idle(Gone::default()).is_none(), "{sql}");
    }
}

#[tokio::test]
async fn how_commits_are_flushed_is_for_each_guest_to_say() {
    let (_directory, database) = database();
    for _ in 0..3 {
        let mut lent = database.lend_idle(Gone::default()).unwrap_or_else(|| lend(&database));
        assert_eq!(run(&mut lent, "PRAGMA synchronous").unwrap(), "2");
        run(&mut lent, "pragma synchronous = NORMAL").unwrap();
        assert_eq!(run(&mut lent, "PRAGMA synchronous").unwrap(), "1");
        lent.give_back();
    }
    assert!(database.lend_idle(Gone::default()).is_some());
}

#[tokio::test]
async fn directories_of_sqlites_own_are_out_of_reach_however_they_are_written() {
    let (_directory, database) = database();
    for name in ["temp_store_directory", "TEMP_STORE_DIRECTORY", "Data_Store_Directory"] {
        let refused = run(&mut lend(&database), &format!("PRAGMA {name} = '/'")).unwrap_err();
        assert!(matches!(&refused, Error::Io(text) if text.contains("authori")), "{name}: {refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_writes_waits_for_its_turn_and_who_reads_does_not() {
    let (_directory, database) = database();
    let mut first = lend(&database);
    run(&mut first, "CREATE TABLE t (x)").unwrap();
    run(&mut first, "BEGIN IMMEDIATE").unwrap();
    assert_eq!(run(&mut lend(&database), "SELECT count(*) FROM t").unwrap(), "0");
    let writers: Vec<_> = (0..8)
        .map(|number| {
            let mut lent = lend(&database);
            tokio::task::spawn_blocking(move || {
                run(&mut lent, &format!("INSERT INTO t VALUES ({number})")).unwrap();
            })
        })
        .collect();
    run(&mut first, "INSERT INTO t VALUES (100)").unwrap();
    run(&mut first, "COMMIT").unwrap();

    for writer in writers {
        writer.await.unwrap();
    }

    // The transaction came before all who asked while it ran.
    assert_eq!(run(&mut first, "SELECT group_concat(x) FROM t WHERE rowid = 1").unwrap(), "100");
    assert_eq!(run(&mut first, "SELECT count(*) FROM t").unwrap(), "9");
}

#[tokio::test]
async fn a_connection_that_is_dropped_passes_its_turn_on() {
    let (_directory, database) = database();
    let mut first = lend(&database);
    run(&mut first, "BEGIN IMMEDIATE").unwrap();
    assert_eq!(database.turn.available_permits(), 0);

    drop(first);

    assert_eq!(database.turn.available_permits(), 1);
    run(&mut lend(&database), "BEGIN IMMEDIATE").unwrap();
}

#[tokio::test]
async fn a_statement_that_fails_keeps_no_turn() {
    let (_directory, database) = database();
    let mut lent = lend(&database);
    run(&mut lent, "CREATE TABLE t (x UNIQUE)").unwrap();
    run(&mut lent, "INSERT INTO t VALUES (1)").unwrap();

    run(&mut lent, "INSERT INTO t VALUES (1)").unwrap_err();

    assert_eq!(database.turn.available_permits(), 1);
}

#[tokio::test]
async fn what_was_short_before_runs_at_once_and_nothing_else_does() {
    let (_directory, database) = database();
    let mut lent = lend(&database);
    run(&mut lent, "CREATE TABLE t (x)").unwrap();
    let count = "SELECT count(*) FROM t";
    assert!(at_once(&mut lent, count).is_none(), "nothing is known of it");
    run(&mut lent, count).unwrap();
    assert_eq!(at_once(&mut lent, count).unwrap().unwrap(), "0");
    lent.give_back();

    let mut next = database.lend_idle(Gone::default()).unwrap();

    assert_eq!(at_once(&mut next, count).unwrap().unwrap(), "0", "a connection knows what it has learned");
    let many =
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 2000) SELECT max(x) FROM c";
    run(&mut next, many).unwrap();
    assert!(at_once(&mut next, many).is_none(), "it was long");
    run(&mut next, "PRAGMA user_version").unwrap();
    assert!(at_once(&mut next, "PRAGMA user_version").is_none());
    for sql in ["SAVEPOINT one", "SAVEPOINT two", "RELEASE two"] {
        run(&mut next, sql).unwrap();
    }
    assert!(at_once(&mut next, "RELEASE two").is_none(), "what is outermost commits");
    run(&mut next, "ROLLBACK").unwrap();
    run(&mut next, "PRAGMA synchronous = NORMAL").unwrap();
    at_once(&mut next, "PRAGMA synchronous = NORMAL").unwrap().unwrap();
}

#[tokio::test]
async fn only_a_transaction_whose_turn_it_is_writes_at_once() {
    let (_directory, database) = database();
    let mut lent = lend(&database);
    let insert = "INSERT INTO t VALUES (1)";
    for sql in ["CREATE TABLE t (x)", insert, "BEGIN IMMEDIATE", insert, "ROLLBACK"] {
        run(&mut lent, sql).unwrap();
    }
    assert!(at_once(&mut lent, insert).is_none(), "it is a transaction by itself, and ends on the disk");
    assert!(at_once(&mut lent, "BEGIN IMMEDIATE").is_none(), "it may have to wait");
    lent.take_turn(database.turn().await.unwrap());
    at_once(&mut lent, "BEGIN IMMEDIATE").unwrap().unwrap();
    at_once(&mut lent, insert).unwrap().unwrap();
    for end in ["COMMIT", "ROLLBACK"] {
        assert!(at_once(&mut lent, end).is_none(), "{end}");
    }
    assert_eq!(database.turn.available_permits(), 0);
    run(&mut lent, "COMMIT").unwrap();
    assert_eq!(database.turn.available_permits(), 1);
    assert_eq!(run(&mut lent, "SELECT count(*) FROM t").unwrap(), "2");
    assert!(at_once(&mut lent, "COMMIT").is_none());
}

#[tokio::test]
async fn what_turns_out_to_be_long_is_stopped_if_it_reads_and_finished_if_it_writes() {
    let (_directory, database) = database();
    let mut lent = lend(&database);
    let (read, write) =
        ("SELECT count(*) FROM t AS a, t AS b", "INSERT INTO u SELECT a.x FROM t AS a, t AS b");
    for sql in ["CREATE TABLE t (x)", "CREATE TABLE u (x)", "BEGIN IMMEDIATE", read, write] {
        run(&mut lent, sql).unwrap();
    }
    let rows = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 300) INSERT INTO t SELECT x FROM c";
    run(&mut lent, rows).unwrap();

    assert!(at_once(&mut lent, read).is_none());
    at_once(&mut lent, write).unwrap().unwrap();

    assert!(at_once(&mut lent, write).is_none(), "it is known to be long now");
    run(&mut lent, "DELETE FROM t").unwrap();
    run(&mut lent, write).unwrap();
    assert!(at_once(&mut lent, write).is_none(), "once long is long for good, however little there is to do");
    run(&mut lent, rows).unwrap();
    assert_eq!(run(&mut lent, "SELECT count(*) FROM u").unwrap(), "90000");
    assert_eq!(run(&mut lent, read).unwrap(), "90000", "who may take its time is not stopped");
    run(&mut lent, "COMMIT").unwrap();
}

#[tokio::test]
async fn who_is_locked_out_by_another_process_waits_elsewhere() {
    let (directory, database) = database();
    let mut lent = lend(&database);
    for sql in ["BEGIN IMMEDIATE", "ROLLBACK"] {
        run(&mut lent, sql).unwrap();
    }
    let other = rusqlite::Connection::open(directory.path().join("test.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    lent.take_turn(database.turn().await.unwrap());

    assert!(at_once(&mut lent, "BEGIN IMMEDIATE").is_none());

    assert_eq!(database.turn.available_permits(), 0, "it is still its turn, where it may wait");
    other.execute_batch("COMMIT").unwrap();
    run(&mut lent, "BEGIN IMMEDIATE").unwrap();
}

fn database() -> (tempfile::TempDir, Arc<Database>) {
    let directory = tempfile::tempdir().unwrap();
    let database = Arc::new(Database::open(&directory.path().join("test.db")).unwrap());
    (directory, database)
}

fn lend(database: &Arc<Database>) -> Lent {
    database.lend_new(Gone::default()).unwrap()
}

fn run(lent: &mut Lent, sql: &str) -> Result<String, Error> {
    lent.with_statement(sql, first)
}

fn at_once(lent: &mut Lent, sql: &str) -> Option<Result<String, Error>> {
    lent.with_short_statement(sql, first)
}

/// The first value of the first row, as text; empty where there is none.
fn first(statement: &mut Statement<'_>) -> Result<String, Trouble> {
    let mut rows = statement.query([])?;
    let mut first = String::new();
    while let Some(row) = rows.next()? {
        first = match row.get_ref(0)? {
            rusqlite::types::ValueRef::Integer(number) => number.to_string(),
            rusqlite::types::ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
            _ => String::new(),
        };
    }
    Ok(first)
}
