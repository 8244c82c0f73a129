//! The one thread that writes, with group commit.

use std::io;
use std::thread;

use rusqlite::Connection;
use tokio::sync::mpsc;

use super::run::{self, Deadline};
use super::{PATIENCE, QUEUE, Write, Written};
use crate::DbError;
use crate::db::Batch;

/// Starts the thread; it ends when nobody can send to it.
pub(super) fn start(connection: Connection) -> io::Result<mpsc::Sender<Write>> {
    let (jobs, queue) = mpsc::channel(QUEUE);
    thread::Builder::new().name("db-write".to_owned()).spawn(move || work(connection, queue))?;
    Ok(jobs)
}

/// Bounds how long the first of a group waits for the last.
const GROUP_MAX: usize = 256;

fn work(mut connection: Connection, mut queue: mpsc::Receiver<Write>) {
    let deadline = Deadline::watch(&mut connection);
    let mut group = Vec::with_capacity(GROUP_MAX);
    while queue.blocking_recv_many(&mut group, GROUP_MAX) > 0 {
        commit(&connection, &deadline, group.drain(..));
    }
}

/// Runs the jobs in one transaction and answers them once it is committed.
fn commit(connection: &Connection, deadline: &Deadline, jobs: impl Iterator<Item = Write>) {
    let (fresh, stale): (Vec<_>, Vec<_>) = jobs.partition(|job| job.since.elapsed() <= PATIENCE);
    for job in stale {
        let _ = job.reply.send(Err(DbError::Busy));
    }
    if fresh.is_empty() {
        return;
    }
    if let Err(error) = simple(connection, "BEGIN IMMEDIATE") {
        return refuse(fresh, &error);
    }
    let results: Vec<_> =
        fresh.iter().map(|job| deadline.within(PATIENCE, || one(connection, job))).collect();
    if let Err(error) = simple(connection, "COMMIT") {
        // The writer must never stay inside a transaction; one that SQLite ended itself is fine.
        let _ = simple(connection, "ROLLBACK");
        return refuse(fresh, &error);
    }
    for (job, result) in fresh.into_iter().zip(results) {
        // Whoever asked may have gone; the work is done all the same.
        let _ = job.reply.send(result);
    }
}

/// Runs one job so that it leaves no trace unless all of it succeeds.
fn one(connection: &Connection, job: &Write) -> Result<Written, DbError> {
    if connection.is_autocommit() {
        // A fault such as a full disk ended the whole transaction; what follows must not run outside one.
        return Err(DbError::Unavailable("the transaction was lost".to_owned()));
    }
    simple(connection, "SAVEPOINT job")?;
    let result = statements(connection, job);
    if !matches!(result, Ok(Written { batch: Batch::Done(_), .. })) && !connection.is_autocommit() {
        simple(connection, "ROLLBACK TO job")?;
    }
    if !connection.is_autocommit() {
        simple(connection, "RELEASE job")?;
    }
    result
}

fn statements(connection: &Connection, job: &Write) -> Result<Written, DbError> {
    let before = connection.total_changes();
    let mut results = Vec::with_capacity(job.statements.len());
    for (index, statement) in job.statements.iter().enumerate() {
        let rows = run::statement(connection, statement)?;
        if statement.required && rows.is_empty() {
            return Ok(Written { batch: Batch::Unmet(index), changes: 0 });
        }
        results.push(rows);
    }
    let changes = connection.total_changes().saturating_sub(before);
    Ok(Written { batch: Batch::Done(results), changes })
}

fn refuse(jobs: Vec<Write>, error: &DbError) {
    for job in jobs {
        let _ = job.reply.send(Err(error.clone()));
    }
}

fn simple(connection: &Connection, sql: &str) -> Result<(), DbError> {
    connection.prepare_cached(sql).and_then(|mut statement| statement.execute([])).map_err(run::error)?;
    Ok(())
}
