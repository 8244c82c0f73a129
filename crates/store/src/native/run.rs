//! One statement, from our values to SQLite's and back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, ToSql, params_from_iter};

use crate::{DbError, Rows, Statement, Value};

/// Runs `statement` and collects its rows.
pub(super) fn statement(connection: &Connection, statement: &Statement) -> Result<Rows, DbError> {
    rows(connection, statement).map_err(error)
}

fn rows(connection: &Connection, statement: &Statement) -> rusqlite::Result<Rows> {
    let mut prepared = connection.prepare_cached(statement.sql)?;
    let columns: Vec<String> = prepared.column_names().map(str::to_owned).collect();
    let mut found = prepared.query(params_from_iter(&statement.params))?;
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        let values = (0..columns.len()).map(|index| Ok(Value::from(row.get_ref(index)?)));
        rows.push(values.collect::<rusqlite::Result<Vec<Value>>>()?);
    }
    Ok(Rows { columns, rows })
}

/// Translates SQLite's errors.
pub(super) fn error(error: rusqlite::Error) -> DbError {
    let message = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => DbError::Busy,
        Some(ErrorCode::OperationInterrupted) => DbError::Busy,
        Some(ErrorCode::ConstraintViolation) => DbError::Constraint(message),
        Some(ErrorCode::DiskFull) => DbError::Full,
        // SQLITE_ERROR: the statement itself, for example an unknown table.
        Some(ErrorCode::Unknown) => DbError::Rejected(message),
        _ => DbError::Unavailable(message),
    }
}

/// Stops statements of a connection that run too long.
pub(super) struct Deadline {
    began: Instant,
    /// Milliseconds after `began`; `u64::MAX` while nothing is to be stopped.
    at: Arc<AtomicU64>,
}

impl Deadline {
    /// Watches over `connection`.
    pub(super) fn watch(connection: &mut Connection) -> Self {
        let (began, at) = (Instant::now(), Arc::new(AtomicU64::new(u64::MAX)));
        let watched = Arc::clone(&at);
        let over = move || millis(began.elapsed()) > watched.load(Ordering::Relaxed);
        // Without the handler statements have no deadline, which is no reason not to serve.
        let _ = connection.progress_handler(OPERATIONS_BETWEEN_LOOKS, Some(over));
        Self { began, at }
    }

    /// Runs `work`, whose statements fail when it takes longer than `patience`.
    pub(super) fn within<T>(&self, patience: Duration, work: impl FnOnce() -> T) -> T {
        self.at.store(millis(self.began.elapsed() + patience), Ordering::Relaxed);
        let result = work();
        self.at.store(u64::MAX, Ordering::Relaxed);
        result
    }
}

/// Of SQLite's virtual machine; about a tenth of a millisecond.
const OPERATIONS_BETWEEN_LOOKS: i32 = 10_000;

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl From<ValueRef<'_>> for Value {
    fn from(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(number) => Self::Integer(number),
            ValueRef::Real(number) => Self::Real(number),
            ValueRef::Text(text) => Self::Text(String::from_utf8_lossy(text).into_owned()),
            ValueRef::Blob(bytes) => Self::Blob(bytes.to_vec()),
        }
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Real(number) => ValueRef::Real(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}
