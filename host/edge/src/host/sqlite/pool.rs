//! Connections to one file that outlive the guests they are lent to, and whose turn it is to write.
//!
//! A new connection parses the whole schema and compiles every statement that it runs, which is more work than the
//! statements of a request. So a connection that comes back as it was lent keeps what it has compiled, for the next guest.

mod short;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::Statement;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::super::bindings::spin::sqlite::sqlite::Error;
use super::BUSY_TIMEOUT;
use crate::guest::Gone;
use short::{Haste, LongStatements, ShortStatements};

/// How a guest's statement waits for a writer that is none of ours: every millisecond at first, then every five, five
/// seconds in all. SQLite's own way backs off to a tenth of a second, which with many short writers makes some wait for
/// half a second.
const QUICK_WAITS: i32 = 25;
const WAITS: i32 = 1020;
/// Connections that are kept for the next guests. Each has a page cache of at most 2 MB.
const IDLE_MAX: usize = 16;
/// Statements that a connection keeps compiled: more than the components of one application have.
const STATEMENT_CACHE: usize = 128;
/// Bytes of one value or statement.
const MAX_VALUE: i32 = 16 << 20;
/// Instructions of SQLite's virtual machine between two looks at whether the guest is still there.
const INSTRUCTIONS_PER_CHECK: i32 = 10_000;

/// One database file, for all guests that are granted it.
#[derive(Debug)]
pub(crate) struct Database {
    path: PathBuf,
    idle: Mutex<Vec<Idle>>,
    /// Held by who writes, and given in the order of asking: SQLite lets writers poll, and who polls at the wrong moments
    /// waits long.
    turn: Arc<Semaphore>,
    long: LongStatements,
}

#[derive(Debug)]
struct Idle {
    connection: rusqlite::Connection,
    altered: Arc<AtomicBool>,
    haste: Arc<Haste>,
    short: ShortStatements,
}

/// Why a statement did not end well.
#[derive(Debug)]
pub(super) enum Trouble {
    /// SQLite says so.
    Sqlite(rusqlite::Error),
    /// What it returned cannot be passed on.
    Unfit(Error),
    /// It returns more than a short statement does.
    Long,
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<Trouble> for Error {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Sqlite(error) => Self::Io(error.to_string()),
            Trouble::Unfit(error) => error,
            Trouble::Long => Self::Io("the result is too long".to_owned()),
        }
    }
}

impl Database {
    /// Creates the file if need be and sets write-ahead logging, without which every commit of every request waits for
    /// every reader.
    pub(crate) fn open(path: &Path) -> rusqlite::Result<Self> {
        let connection = rusqlite::Connection::open(path)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        let turn = Arc::new(Semaphore::new(1));
        Ok(Self { path: path.to_owned(), idle: Mutex::default(), turn, long: LongStatements::default() })
    }

    /// Lends a connection that waited for this, without blocking.
    pub(super) fn lend_idle(self: &Arc<Self>, gone: Gone) -> Option<Lent> {
        let idle = self.idle().pop()?;
        Lent::new(idle, Arc::clone(self), gone).ok()
    }

    /// Lends a new connection.
    pub(super) fn lend_new(self: &Arc<Self>, gone: Gone) -> rusqlite::Result<Lent> {
        let mut connection = rusqlite::Connection::open(&self.path)?;
        let haste = Arc::new(Haste::default());
        let hasty = Arc::clone(&haste);
        connection.busy_handler(Some(move |waits| hasty.may_wait() && wait_for_writer(waits)))?;
        connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, MAX_VALUE)?;
        connection.set_limit(Limit::SQLITE_LIMIT_SQL_LENGTH, MAX_VALUE)?;
        connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
        let altered = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&altered);
        connection.authorizer(Some(move |context: AuthContext<'_>| authorize(&context, &seen)))?;
        let short = ShortStatements::default();
        Lent::new(Idle { connection, altered, haste, short }, Arc::clone(self), gone)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the turn to write; blocks.
    fn wait_for_turn(&self) -> Result<OwnedSemaphorePermit, Error> {
        if let Ok(turn) = Arc::clone(&self.turn).try_acquire_owned() {
            return Ok(turn);
        }
        Handle::try_current().map_err(|error| Error::Io(error.to_string()))?.block_on(self.turn())
    }

    /// Waits for the turn to write.
    pub(super) async fn turn(&self) -> Result<OwnedSemaphorePermit, Error> {
        match timeout(BUSY_TIMEOUT, Arc::clone(&self.turn).acquire_owned()).await {
            Ok(Ok(turn)) => Ok(turn),
            // SQLite's own words, by which guests know it.
            Ok(Err(_)) | Err(_) => Err(Error::Io("database is locked".to_owned())),
        }
    }
}

fn wait_for_writer(waits: i32) -> bool {
    std::thread::sleep(Duration::from_millis(if waits < QUICK_WAITS { 1 } else { 5 }));
    waits < WAITS
}

/// Refuses what reaches files other than the database, and notes what would last longer than the loan. `VACUUM` attaches
/// a nameless temporary database; `VACUUM INTO` does the same with the name of the file, and is refused by it.
fn authorize(context: &AuthContext<'_>, altered: &AtomicBool) -> Authorization {
    let alters = match context.action {
        AuthAction::Attach { filename: "" | ":memory:" } => true,
        AuthAction::Attach { .. } => return Authorization::Deny,
        AuthAction::Pragma { pragma_name, .. } => {
            let is = |name: &str| pragma_name.eq_ignore_ascii_case(name);
            if is("temp_store_directory") || is("data_store_directory") {
                return Authorization::Deny;
            }
            // Set anew whenever a connection comes back.
            !is("synchronous")
        }
        _ => context.database_name == Some("temp"),
    };
    if alters {
        altered.store(true, Ordering::Relaxed);
    }
    Authorization::Allow
}

/// A connection on loan. Dropping it closes it and rolls back; [`Lent::give_back`] keeps it.
#[derive(Debug)]
pub(super) struct Lent {
    // Closed before the turn is passed on.
    connection: rusqlite::Connection,
    turn: Option<OwnedSemaphorePermit>,
    altered: Arc<AtomicBool>,
    haste: Arc<Haste>,
    short: ShortStatements,
    changes_before: u64,
    database: Arc<Database>,
}

impl Lent {
    fn new(idle: Idle, database: Arc<Database>, gone: Gone) -> rusqlite::Result<Self> {
        let Idle { mut connection, altered, haste, short } = idle;
        let hasty = Arc::clone(&haste);
        let ends = move || gone.is_set() || !hasty.may_take_long();
        connection.progress_handler(INSTRUCTIONS_PER_CHECK, Some(ends))?;
        let changes_before = connection.total_changes();
        Ok(Self { connection, turn: None, altered, haste, short, changes_before, database })
    }

    /// Runs `work` with the compiled statement, once it is its turn if it is to write; blocks. A turn lasts as long as the
    /// transaction.
    pub(super) fn with_statement<R>(
        &mut self,
        sql: &str,
        work: impl FnOnce(&mut Statement<'_>) -> Result<R, Trouble>,
    ) -> Result<R, Error> {
        let Self { connection, turn, database, short, .. } = self;
        let result = (|| {
            let mut statement = connection.prepare_cached(sql).map_err(Trouble::Sqlite)?;
            let alone = connection.is_autocommit();
            if turn.is_none() && alone && !statement.readonly() {
                *turn = Some(database.wait_for_turn()?);
            }
            let began = short::thread_time();
            let result = work(&mut statement);
            let took = short::thread_time().saturating_sub(began);
            let ends_transaction = !alone && connection.is_autocommit();
            short.learn(sql, (&statement, took, result.is_ok() && !ends_transaction), &database.long);
            if is_pragma(sql) {
                // It may have acted while it was compiled, so that running it again would do nothing.
                statement.discard();
            }
            Ok(result?)
        })();
        self.pass_turn_on();
        result
    }

    /// Runs `work` with the compiled statement, if that was short before and nothing can block it now: a reader waits for
    /// nobody, nor does a writer whose turn it is. None where another way must be gone; then nothing was changed.
    pub(super) fn with_short_statement<R>(
        &mut self,
        sql: &str,
        work: impl FnOnce(&mut Statement<'_>) -> Result<R, Trouble>,
    ) -> Option<Result<R, Error>> {
        let Self { connection, turn, haste, short, database, .. } = self;
        if !short.contains(sql) {
            return None;
        }
        let in_haste = haste.begin();
        let mut statement = connection.prepare_cached(sql).ok()?;
        let (alone, reads) = (connection.is_autocommit(), statement.readonly());
        if !reads && turn.is_none() {
            return None;
        }
        in_haste.runs(reads);
        let began = short::thread_time();
        let result = work(&mut statement);
        let took = short::thread_time().saturating_sub(began);
        drop(in_haste);
        let ends_transaction = !alone && connection.is_autocommit();
        short.learn(sql, (&statement, took, result.is_ok() && !ends_transaction), &database.long);
        match is_pragma(sql) {
            true => statement.discard(),
            false => drop(statement),
        }
        if result.as_ref().is_err_and(|trouble| short::needs_time(trouble, reads)) {
            return None;
        }
        self.pass_turn_on();
        Some(result.map_err(Error::from))
    }

    /// The database whose turn to write is to be waited for before a transaction that writes begins.
    pub(super) fn wants_turn(&self) -> Option<Arc<Database>> {
        let wanted = self.turn.is_none() && self.connection.is_autocommit();
        wanted.then(|| Arc::clone(&self.database))
    }

    /// It is this connection's turn to write, until its transaction or, if it has none, its next statement ends.
    pub(super) fn take_turn(&mut self, turn: OwnedSemaphorePermit) {
        self.turn.get_or_insert(turn);
    }

    fn pass_turn_on(&mut self) {
        if self.connection.is_autocommit() {
            self.turn = None;
        }
    }

    /// How many rows the last statement that changes rows changed; none before the first of this loan.
    pub(super) fn changes(&self) -> u64 {
        if self.has_changed() { self.connection.changes() } else { 0 }
    }

    /// The number of the row that was inserted last; 0 before this loan's first change.
    pub(super) fn last_insert_rowid(&self) -> i64 {
        if self.has_changed() { self.connection.last_insert_rowid() } else { 0 }
    }

    fn has_changed(&self) -> bool {
        self.connection.total_changes() != self.changes_before
    }

    /// Whether giving it back is a matter of memory alone: nothing is to be rolled back or closed.
    pub(super) fn is_clean(&self) -> bool {
        let is_kept = self.database.idle().len() < IDLE_MAX;
        is_kept && self.connection.is_autocommit() && !self.altered.load(Ordering::Relaxed)
    }

    /// Rolls back what was not committed, and keeps the connection for the next guest unless this one left something in
    /// it. Blocks, unless it is clean.
    pub(super) fn give_back(self) {
        let Self { mut connection, turn, altered, haste, short, database, .. } = self;
        let as_lent = restore(&mut connection).is_ok() && !altered.load(Ordering::Relaxed);
        drop(turn);
        let mut idle = database.idle();
        if as_lent && idle.len() < IDLE_MAX {
            idle.push(Idle { connection, altered, haste, short });
        }
    }
}

fn restore(connection: &mut rusqlite::Connection) -> rusqlite::Result<()> {
    connection.progress_handler(0, None::<fn() -> bool>)?;
    if !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK")?;
    }
    connection.pragma_update(None, "synchronous", "FULL")
}

fn is_pragma(sql: &str) -> bool {
    let sql = sql.trim_start().as_bytes();
    sql.get(..6).is_some_and(|word| word.eq_ignore_ascii_case(b"pragma"))
}

/// The word at `index`, as far as there are only spaces between.
pub(super) fn word(sql: &str, index: usize) -> Option<&str> {
    sql.split_ascii_whitespace().nth(index)
}

#[cfg(test)]
mod tests;
