//! SQLite in this process, on threads of its own.
//!
//! One thread writes, a few read. Writers queue; whatever waits when the writer
//! is free goes into one transaction, so that many small writes share one
//! commit (group commit), each in a savepoint of its own so that one that fails
//! takes no other with it. The queue is bounded, and work that waited longer
//! than [`PATIENCE`] is refused instead of done late.
//!
//! The file uses a write-ahead log with `synchronous = NORMAL`: a commit that
//! was reported survives the death of the process, though not necessarily a
//! power cut, and costs no disk flush.

mod artifacts;
pub mod migrate;
mod run;
mod writer;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};
use tokio::sync::{mpsc, oneshot};

use crate::db::Batch;
use crate::{Db, DbError, Rows, Statement, Timestamp};
pub use artifacts::{ArtifactError, Artifacts};
use run::Deadline;

/// A database of this process. Clones share its threads, which end with the last clone.
#[derive(Clone, Debug)]
pub struct NativeDb {
    writer: mpsc::Sender<Write>,
    /// Absent in memory, where there is one connection only.
    readers: Option<mpsc::Sender<Read>>,
}

/// Why a database was not opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// SQLite cannot open or read the file.
    #[error("cannot open the database")]
    Sqlite(#[from] rusqlite::Error),
    /// The schema is not the one this code needs.
    #[error(transparent)]
    Schema(#[from] migrate::MigrateError),
    /// The operating system gives no more threads.
    #[error("cannot start a database thread")]
    Thread(#[from] std::io::Error),
}

impl NativeDb {
    /// Opens the file at `path`, whose schema must be current.
    ///
    /// # Errors
    /// When it cannot be opened or its schema is another.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let mut connection = connect(path)?;
        migrate::require_latest(&mut connection)?;
        let (jobs, queue) = mpsc::channel(QUEUE);
        let queue = Arc::new(Mutex::new(queue));
        for number in 0..READERS {
            let reader = connect_read_only(path)?;
            let queue = Arc::clone(&queue);
            thread::Builder::new().name(format!("db-read-{number}")).spawn(move || read(reader, &queue))?;
        }
        Ok(Self { writer: writer::start(connection)?, readers: Some(jobs) })
    }

    /// Brings the file at `path` to the latest schema, creating it where there is none, and opens it.
    ///
    /// # Errors
    /// When it cannot be opened, or its schema is newer than this code or was tampered with.
    pub fn migrate_and_open(path: &Path, now: Timestamp) -> Result<Self, OpenError> {
        migrate::up(&mut connect(path)?, now)?;
        Self::open(path)
    }

    /// A database in memory with the latest schema, which dies with its last clone.
    ///
    /// # Errors
    /// When SQLite or the operating system has no room.
    pub fn in_memory(now: Timestamp) -> Result<Self, OpenError> {
        let mut connection = Connection::open_in_memory()?;
        prepare(&connection)?;
        migrate::up(&mut connection, now)?;
        Ok(Self { writer: writer::start(connection)?, readers: None })
    }

    async fn write(&self, statements: Vec<Statement>) -> Result<Written, DbError> {
        let (reply, answer) = oneshot::channel();
        let job = Write { statements, reply, since: Instant::now() };
        self.writer.send(job).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

impl Db for NativeDb {
    async fn query(&self, statement: Statement) -> Result<Rows, DbError> {
        let Some(readers) = &self.readers else {
            let written = self.write(vec![statement]).await?;
            return match written.batch {
                Batch::Done(rows) => Ok(rows.into_iter().next().unwrap_or_default()),
                Batch::Unmet(_) => Ok(Rows::default()),
            };
        };
        let (reply, answer) = oneshot::channel();
        let job = Read { statement, reply, since: Instant::now() };
        readers.send(job).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    async fn execute(&self, statement: Statement) -> Result<u64, DbError> {
        Ok(self.write(vec![statement]).await?.changes)
    }

    async fn batch(&self, statements: Vec<Statement>) -> Result<Batch, DbError> {
        if statements.is_empty() {
            return Ok(Batch::Done(Vec::new()));
        }
        Ok(self.write(statements).await?.batch)
    }
}

/// How long work may wait for its turn, SQLite for another process's lock, and one statement run.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// How many jobs may wait: some seconds of work at what SQLite can do.
const QUEUE: usize = 4096;

/// Readers of a file. Reads are short; two keep one slow list from stopping a call.
const READERS: usize = 2;

/// Work for the writer.
struct Write {
    statements: Vec<Statement>,
    reply: oneshot::Sender<Result<Written, DbError>>,
    since: Instant,
}

/// What the writer did.
struct Written {
    batch: Batch,
    changes: u64,
}

/// Work for a reader.
struct Read {
    statement: Statement,
    reply: oneshot::Sender<Result<Rows, DbError>>,
    since: Instant,
}

fn read(mut connection: Connection, queue: &Mutex<mpsc::Receiver<Read>>) {
    let deadline = Deadline::watch(&mut connection);
    loop {
        let job = match queue.lock() {
            Ok(mut queue) => queue.blocking_recv(),
            Err(_) => None,
        };
        let Some(Read { statement, reply, since }) = job else { return };
        let result = if since.elapsed() > PATIENCE {
            Err(DbError::Busy)
        } else {
            deadline.within(PATIENCE, || run::statement(&connection, &statement))
        };
        // Whoever asked may have gone.
        let _ = reply.send(result);
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    prepare(&connection)?;
    Ok(connection)
}

fn connect_read_only(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    prepare(&connection)?;
    Ok(connection)
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(PATIENCE)?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    Ok(())
}

/// More than all statements of this crate, so that each is compiled once.
const STATEMENT_CACHE: usize = 256;

fn gone() -> DbError {
    DbError::Unavailable("the database thread has ended".to_owned())
}
