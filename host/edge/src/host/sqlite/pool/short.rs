//! Which statements soon end, so that they may run where their guest does.
//!
//! The way to a thread that may block and back costs two waits for a processor. Within a transaction, everybody else who
//! writes waits for them too.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{ErrorCode, Statement, StatementStatus};

use super::{STATEMENT_CACHE, Trouble, is_pragma, word};

/// Instructions of SQLite's virtual machine, some tenths of a millisecond at most.
const STEPS_MAX: i32 = 2_000;
/// Processor time of the thread: some instructions take long, as those that sort or drop do.
const TIME_MAX: Duration = Duration::from_millis(5);
/// How often what writes is asked whether it is to go on, before it is stopped: after some seconds.
const LOOKS_MAX: u32 = 1_000;

/// The statements that were long at least once, with whatever parameters: no connection runs them in haste again.
#[derive(Debug, Default)]
pub(super) struct LongStatements(Mutex<HashSet<Box<str>>>);

impl LongStatements {
    fn contains(&self, sql: &str) -> bool {
        self.set().contains(sql)
    }

    fn add(&self, sql: &str) {
        let mut set = self.set();
        // A guest that makes up statements makes everybody begin to learn anew, and keeps no more than this.
        if set.len() >= STATEMENT_CACHE {
            set.clear();
        }
        set.insert(sql.into());
    }

    fn set(&self) -> MutexGuard<'_, HashSet<Box<str>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

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
    pub(super) fn learn(
        &mut self,
        sql: &str,
        (statement, took, well): (&Statement<'_>, Duration, bool),
        long: &LongStatements,
    ) {
        let short = statement.reset_status(StatementStatus::VmStep) <= STEPS_MAX && took <= TIME_MAX;
        if !short {
            long.add(sql);
        }
        let known = self.0.contains(sql);
        if !(short && well) {
            self.0.remove(sql);
        } else if !known && may_be_short(sql) && !long.contains(sql) {
            if self.0.len() >= STATEMENT_CACHE {
                self.0.clear();
            }
            self.0.insert(sql.into());
        }
    }
}

/// A savepoint's release commits if the savepoint is the outermost, and a pragma may do anything.
fn may_be_short(sql: &str) -> bool {
    let is_about_flushing = || word(sql, 1).is_some_and(|name| name.eq_ignore_ascii_case("synchronous"));
    let releases = word(sql, 0).is_some_and(|first| first.eq_ignore_ascii_case("release"));
    !releases && (!is_pragma(sql) || is_about_flushing())
}

/// The processor time of this thread; elsewhere than on Linux, the time that has passed.
pub(super) fn thread_time() -> Duration {
    #[cfg(target_os = "linux")]
    let id = rustix::time::ClockId::ThreadCPUTime;
    #[cfg(not(target_os = "linux"))]
    let id = rustix::time::ClockId::Monotonic;
    Duration::try_from(rustix::time::clock_gettime(id)).unwrap_or_default()
}

/// Whether a statement that did not end well may end well where it can wait, or has more time.
pub(super) fn needs_time(trouble: &Trouble, reads: bool) -> bool {
    match trouble {
        Trouble::Sqlite(error) => match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => true,
            // To interrupt what writes was to undo its whole transaction.
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
    hurried: AtomicBool,
    looks_left: AtomicU32,
}

/// In haste until it is dropped, however the work ends.
pub(super) struct InHaste<'a>(&'a Haste);

impl Haste {
    /// Begins to be in haste: nothing waits for a lock.
    pub(super) fn begin(&self) -> InHaste<'_> {
        self.looks_left.store(0, Ordering::Relaxed);
        self.hurried.store(true, Ordering::Relaxed);
        InHaste(self)
    }

    /// Whether there is time to wait for somebody else's lock.
    pub(super) fn may_wait(&self) -> bool {
        !self.hurried.load(Ordering::Relaxed)
    }

    /// Whether there is time for thousands of instructions more.
    pub(super) fn may_take_long(&self) -> bool {
        if self.may_wait() {
            return true;
        }
        let left = self.looks_left.load(Ordering::Relaxed);
        self.looks_left.store(left.saturating_sub(1), Ordering::Relaxed);
        left > 0
    }
}

impl InHaste<'_> {
    /// What only reads is stopped after the first thousands of instructions, and begun anew where it has time. What writes is
    /// finished, unless it lasts for seconds.
    pub(super) fn runs(&self, reads: bool) {
        self.0.looks_left.store(if reads { 0 } else { LOOKS_MAX }, Ordering::Relaxed);
    }
}

impl Drop for InHaste<'_> {
    fn drop(&mut self) {
        self.0.hurried.store(false, Ordering::Relaxed);
    }
}
