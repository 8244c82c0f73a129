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

fn database() -> (tempfile::TempDir, Arc<Database>) {
    let directory = tempfile::tempdir().unwrap();
    let database = Arc::new(Database::open(&directory.path().join("test.db")).unwrap());
    (directory, database)
}

fn lend(database: &Arc<Database>) -> Lent {
    database.lend_new(Gone::default()).unwrap()
}

/// The first value of the first row, as text; empty where there is none.
fn run(lent: &mut Lent, sql: &str) -> Result<String, Error> {
    lent.with_statement(sql, |statement| {
        let io = |error: rusqlite::Error| Error::Io(error.to_string());
        let mut rows = statement.query([]).map_err(io)?;
        let mut first = String::new();
        while let Some(row) = rows.next().map_err(io)? {
            first = match row.get_ref(0).map_err(io)? {
                rusqlite::types::ValueRef::Integer(number) => number.to_string(),
                rusqlite::types::ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
                _ => String::new(),
            };
        }
        Ok(first)
    })
}
