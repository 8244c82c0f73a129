//! Which statements soon end, so that they may run where their guest does.
//!
//! The way to a thread that may block and back costs two waits for a processor. Within a transaction, everybody else who
//! writes waits for them too.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::{ErrorCode, Statement, StatementStatus};

use super::{STATEMENT_CACHE, Trouble, is_pragma};

/// Instructions of SQLite's virtual machine, some tenths of a millisecond at most.
const STEPS_MAX: i32 = 2_000;

/// What a connection has learned of the statements that it ran: those that were short when they ran last.
///
/// A guest that asks for more than an instant of the disk is never among them: what ends a transaction is not, nor is a
/// pragma, but for the one that says how commits are flushed.
#[derive(Debug, Default)]
pub(super) struct ShortStatements(HashSet<Box<str>>);

impl ShortStatements {
    pub(super) fn contains(&self, sql: &str) -> bool {
        self.0.contains(sql)
    }

    /// Takes in how a statement ran, `well` if it ended, and left open what was open.
    pub(super) fn learn(&mut self, sql: &str, statement: &Statement<'_>, well: bool) {
        let steps = statement.reset_status(StatementStatus::VmStep);
        let short = well && steps <= STEPS_MAX && (!is_pragma(sql) || is_about_flushing(sql));
        if !short {
            self.0.remove(sql);
        } else if !self.0.contains(sql) {
            if self.0.len() >= STATEMENT_CACHE {
                self.0.clear();
            }
            self.0.insert(sql.into());
        }
    }
}

fn is_about_flushing(sql: &str) -> bool {
    sql.split_whitespace().nth(1).is_some_and(|name| name.eq_ignore_ascii_case("synchronous"))
}

/// Whether a statement that did not end well may end well where it can wait, or has more time.
pub(super) fn needs_time(trouble: &Trouble, reads: bool) -> bool {
    match trouble {
        Trouble::Sqlite(error) => match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => true,
            // What writes is not hurried, so it was its guest that is gone.
            Some(ErrorCode::OperationInterrupted) => reads,
            _ => false,
        },
        Trouble::Long => true,
        Trouble::Unfit(_) => false,
    }
}

/// What SQLite's handlers ask while a statement runs that must not keep its thread.
#[derive(Debug, Default)]
pub(super) struct Haste {
    no_waiting: AtomicBool,
    no_lingering: AtomicBool,
}

impl Haste {
    /// In haste during `work`. Only what `reads` is stopped: whoever interrupts a writer undoes its whole transaction.
    pub(super) fn during<R>(&self, reads: bool, work: impl FnOnce() -> R) -> R {
        self.no_waiting.store(true, Ordering::Relaxed);
        self.no_lingering.store(reads, Ordering::Relaxed);
        let result = work();
        self.no_waiting.store(false, Ordering::Relaxed);
        self.no_lingering.store(false, Ordering::Relaxed);
        result
    }

    /// Whether there is time to wait for somebody else's lock.
    pub(super) fn may_wait(&self) -> bool {
        !self.no_waiting.load(Ordering::Relaxed)
    }

    /// Whether there is time for thousands of instructions.
    pub(super) fn may_take_long(&self) -> bool {
        !self.no_lingering.load(Ordering::Relaxed)
    }
}
