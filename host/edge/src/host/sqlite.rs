//! `spin:sqlite`: a connection per `open`, every statement on a blocking thread, rows passed on in batches.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::Duration;

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use tokio::sync::{mpsc, oneshot};
use wasmtime::component::{Accessor, FutureReader, Resource, StreamReader};

use super::bindings::spin::sqlite::sqlite::{
    Error, Host, HostConnection, HostConnectionWithStore, QueryResult, RowResult, Value,
};
use super::stream::Batches;
use super::{Spin, View};
use crate::guest::Gone;

/// How long a statement waits for another writer, on connections that the runner itself uses.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How a guest's statement waits for another writer: every millisecond at first, then every five, five seconds in all.
/// SQLite's own way backs off to a tenth of a second, which with many short writers makes some wait for half a second.
const QUICK_WAITS: i32 = 25;
const WAITS: i32 = 1020;
/// Connections that one instance may have open. Spin allows 256; each is at least one file descriptor.
const MAX_OPEN: usize = 64;
/// Rows that are passed on at a time, at most.
const ROWS_PER_BATCH: usize = 128;
/// Bytes after which a batch is passed on, however few rows it has.
const BYTES_PER_BATCH: usize = 256 << 10;
/// Bytes that the buffered form of `execute` returns, at most (Spin: 128 MiB).
const MAX_BUFFERED: usize = 32 << 20;
/// Bytes of one value or statement.
const MAX_VALUE: i32 = 16 << 20;
/// Instructions of SQLite's virtual machine between two looks at whether the guest is still there.
const INSTRUCTIONS_PER_CHECK: i32 = 10_000;

/// Creates a database file if need be and sets write-ahead logging, without which every commit of every request waits for
/// every reader.
pub(crate) fn prepare_database(path: &Path) -> rusqlite::Result<()> {
    let connection = rusqlite::Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "WAL")
}

fn open_connection(path: &Path, gone: Gone) -> rusqlite::Result<rusqlite::Connection> {
    let mut connection = rusqlite::Connection::open(path)?;
    connection.busy_handler(Some(wait_for_writer))?;
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, MAX_VALUE)?;
    connection.set_limit(Limit::SQLITE_LIMIT_SQL_LENGTH, MAX_VALUE)?;
    connection.authorizer(Some(authorize))?;
    connection.progress_handler(INSTRUCTIONS_PER_CHECK, Some(move || gone.is_set()))?;
    Ok(connection)
}

fn wait_for_writer(waits: i32) -> bool {
    std::thread::sleep(Duration::from_millis(if waits < QUICK_WAITS { 1 } else { 5 }));
    waits < WAITS
}

/// Refuses what reaches files other than the database. `VACUUM` attaches a nameless temporary database; `VACUUM INTO` does
/// the same with the name of the file, and is refused by it.
fn authorize(context: AuthContext<'_>) -> Authorization {
    match context.action {
        AuthAction::Attach { filename: "" | ":memory:" } => Authorization::Allow,
        AuthAction::Attach { .. } => Authorization::Deny,
        AuthAction::Pragma { pragma_name: "temp_store_directory" | "data_store_directory", .. } => {
            Authorization::Deny
        }
        _ => Authorization::Allow,
    }
}

/// An open connection. The last handle closes it on a blocking thread: that may roll a transaction back.
#[derive(Clone, Debug)]
pub struct Connection(Arc<Shared>);

#[derive(Debug)]
struct Shared(Mutex<Option<rusqlite::Connection>>);

impl Drop for Shared {
    fn drop(&mut self) {
        let connection = self.0.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn_blocking(move || drop(connection));
        }
    }
}

impl Connection {
    fn new(connection: rusqlite::Connection) -> Self {
        Self(Arc::new(Shared(Mutex::new(Some(connection)))))
    }

    async fn open(path: std::path::PathBuf, gone: Gone) -> Result<Self, Error> {
        tokio::task::spawn_blocking(move || open_connection(&path, gone))
            .await
            .map_err(|error| Error::Io(error.to_string()))?
            .map(Self::new)
            .map_err(|error| Error::Io(error.to_string()))
    }

    /// Runs `work` on a blocking thread, after what the connection is busy with.
    async fn run<R: Send + 'static>(
        self,
        work: impl FnOnce(&rusqlite::Connection) -> R + Send + 'static,
    ) -> Result<R, Error> {
        tokio::task::spawn_blocking(move || self.with(work))
            .await
            .map_err(|error| Error::Io(error.to_string()))?
    }

    fn with<R>(&self, work: impl FnOnce(&rusqlite::Connection) -> R) -> Result<R, Error> {
        let guard = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        guard.as_ref().map(work).ok_or(Error::InvalidConnection)
    }

    /// Reads a counter of the connection: at once, unless a statement is running.
    async fn counter<R: Send + 'static>(
        self,
        read: impl Fn(&rusqlite::Connection) -> R + Send + 'static,
    ) -> Result<R, Error> {
        match self.0.0.try_lock() {
            Ok(guard) => return guard.as_ref().map(&read).ok_or(Error::InvalidConnection),
            Err(TryLockError::Poisoned(guard)) => {
                return guard.into_inner().as_ref().map(&read).ok_or(Error::InvalidConnection);
            }
            Err(TryLockError::WouldBlock) => {}
        }
        self.run(read).await
    }
}

/// Rows of one statement, as many as fit a batch.
#[derive(Debug, Default)]
struct Batch {
    /// The names of the columns; in the first batch only.
    columns: Vec<String>,
    rows: Vec<RowResult>,
    bytes: usize,
}

impl Batch {
    fn is_full(&self) -> bool {
        self.rows.len() >= ROWS_PER_BATCH || self.bytes >= BYTES_PER_BATCH
    }

    fn add(&mut self, row: &rusqlite::Row<'_>) -> Result<(), Error> {
        let columns = row.as_ref().column_count();
        let mut values = Vec::with_capacity(columns);
        for index in 0..columns {
            let value = row.get_ref(index).map_err(|error| Error::Io(error.to_string()))?;
            self.bytes += size_of::<Value>();
            values.push(self.convert(value)?);
        }
        self.rows.push(RowResult { values });
        Ok(())
    }

    fn convert(&mut self, value: ValueRef<'_>) -> Result<Value, Error> {
        Ok(match value {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(number) => Value::Integer(number),
            ValueRef::Real(number) => Value::Real(number),
            ValueRef::Text(text) => {
                self.bytes += text.len();
                let text = str::from_utf8(text)
                    .map_err(|error| Error::Io(format!("a text is not UTF-8: {error}")))?;
                Value::Text(text.to_owned())
            }
            ValueRef::Blob(bytes) => {
                self.bytes += bytes.len();
                Value::Blob(bytes.to_owned())
            }
        })
    }
}

/// Runs a statement and hands over each batch that is full; stops early when `deliver` returns false. The last batch, full or
/// not, is returned with the outcome, so that the caller can let go of the connection before it passes that batch on.
fn run_statement(
    connection: &rusqlite::Connection,
    statement: &str,
    parameters: Vec<Value>,
    mut deliver: impl FnMut(Batch) -> bool,
) -> (Batch, Result<(), Error>) {
    let mut batch = Batch::default();
    let outcome = (|| {
        let io = |error: rusqlite::Error| Error::Io(error.to_string());
        let mut prepared = connection.prepare_cached(statement).map_err(io)?;
        batch.columns = prepared.column_names().map(str::to_owned).collect();
        let parameters = rusqlite::params_from_iter(parameters.into_iter().map(to_sql));
        let mut rows = prepared.query(parameters).map_err(io)?;
        while let Some(row) = rows.next().map_err(io)? {
            if batch.is_full() && !deliver(std::mem::take(&mut batch)) {
                break;
            }
            batch.add(row)?;
        }
        Ok(())
    })();
    (batch, outcome)
}

fn to_sql(value: Value) -> rusqlite::types::Value {
    match value {
        Value::Null => rusqlite::types::Value::Null,
        Value::Integer(number) => rusqlite::types::Value::Integer(number),
        Value::Real(number) => rusqlite::types::Value::Real(number),
        Value::Text(text) => rusqlite::types::Value::Text(text),
        Value::Blob(bytes) => rusqlite::types::Value::Blob(bytes),
    }
}

/// A statement in progress, as the guest sees it.
struct Progress {
    first: Batch,
    later: mpsc::Receiver<Vec<RowResult>>,
    outcome: oneshot::Receiver<Result<(), Error>>,
}

/// Starts a statement and waits for its first batch, which for most statements is all there is.
async fn start(connection: Connection, statement: String, parameters: Vec<Value>) -> Result<Progress, Error> {
    let (first_sender, first) = oneshot::channel();
    let (later_sender, later) = mpsc::channel(1);
    let (outcome_sender, outcome) = oneshot::channel();
    tokio::task::spawn_blocking(move || {
        let mut first_sender = Some(first_sender);
        let mut deliver = |batch: Batch| match first_sender.take() {
            Some(sender) => sender.send(batch).is_ok(),
            None => later_sender.blocking_send(batch.rows).is_ok(),
        };
        let (last, outcome) = connection
            .with(|connection| run_statement(connection, &statement, parameters, &mut deliver))
            .unwrap_or_else(|error| (Batch::default(), Err(error)));
        deliver(last);
        let _ = outcome_sender.send(outcome);
    });
    let first = first.await.map_err(|_| Error::Io("the statement was abandoned".to_owned()))?;
    Ok(Progress { first, later, outcome })
}

/// Runs a statement and keeps all its rows.
fn buffered(
    connection: &rusqlite::Connection,
    statement: &str,
    parameters: Vec<Value>,
) -> Result<QueryResult, Error> {
    let mut result = QueryResult { columns: Vec::new(), rows: Vec::new() };
    let mut bytes = 0;
    let mut keep = |batch: Batch| {
        bytes += batch.bytes;
        if !batch.columns.is_empty() {
            result.columns = batch.columns;
        }
        result.rows.extend(batch.rows);
        bytes <= MAX_BUFFERED
    };
    let (last, outcome) = run_statement(connection, statement, parameters, &mut keep);
    let fits = keep(last);
    outcome?;
    match fits {
        true => Ok(result),
        false => {
            Err(Error::Io(format!("the result has more than {MAX_BUFFERED} bytes; use the streaming form")))
        }
    }
}

/// The file behind a label, if the component may open one more connection to it.
fn admit(view: &View<'_>, database: &str) -> Result<(std::path::PathBuf, Gone), Error> {
    let path = view.grants.stores.databases.get(database).ok_or(Error::AccessDenied)?;
    match *view.open_connections < MAX_OPEN {
        true => Ok((path.clone(), view.gone.clone())),
        false => Err(Error::Io(format!("a component may have {MAX_OPEN} connections open"))),
    }
}

fn register(view: &mut View<'_>, connection: Connection) -> wasmtime::Result<Resource<Connection>> {
    let resource = view.table.push(connection)?;
    *view.open_connections += 1;
    Ok(resource)
}

fn find<T>(accessor: &Accessor<T, Spin>, connection: &Resource<Connection>) -> wasmtime::Result<Connection> {
    accessor.with(|mut access| Ok(access.get().table.get(connection)?.clone()))
}

impl<T> HostConnectionWithStore<T> for Spin {
    async fn open_async(
        accessor: &Accessor<T, Self>,
        database: String,
    ) -> wasmtime::Result<Result<Resource<Connection>, Error>> {
        let (path, gone) = match accessor.with(|mut access| admit(&access.get(), &database)) {
            Ok(admitted) => admitted,
            Err(error) => return Ok(Err(error)),
        };
        match Connection::open(path, gone).await {
            Ok(connection) => accessor.with(|mut access| register(&mut access.get(), connection)).map(Ok),
            Err(error) => Ok(Err(error)),
        }
    }

    async fn execute_async(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        statement: String,
        parameters: Vec<Value>,
    ) -> wasmtime::Result<
        Result<(Vec<String>, StreamReader<RowResult>, FutureReader<Result<(), Error>>), Error>,
    > {
        let connection = find(accessor, &connection)?;
        let Progress { first, later, outcome } = match start(connection, statement, parameters).await {
            Ok(progress) => progress,
            Err(error) => return Ok(Err(error)),
        };
        accessor.with(|mut access| {
            let rows = StreamReader::new(&mut access, Batches::new(first.rows, Some(later)))?;
            let outcome = async { wasmtime::error::Ok(outcome.await.unwrap_or(Ok(()))) };
            let outcome = FutureReader::new(&mut access, outcome)?;
            Ok(Ok((first.columns, rows, outcome)))
        })
    }

    async fn last_insert_rowid_async(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
    ) -> wasmtime::Result<i64> {
        let connection = find(accessor, &connection)?;
        Ok(connection.counter(rusqlite::Connection::last_insert_rowid).await?)
    }

    async fn changes_async(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
    ) -> wasmtime::Result<u64> {
        let connection = find(accessor, &connection)?;
        Ok(connection.counter(rusqlite::Connection::changes).await?)
    }
}

impl HostConnection for View<'_> {
    async fn open(&mut self, database: String) -> wasmtime::Result<Result<Resource<Connection>, Error>> {
        let (path, gone) = match admit(self, &database) {
            Ok(admitted) => admitted,
            Err(error) => return Ok(Err(error)),
        };
        match Connection::open(path, gone).await {
            Ok(connection) => register(self, connection).map(Ok),
            Err(error) => Ok(Err(error)),
        }
    }

    async fn execute(
        &mut self,
        connection: Resource<Connection>,
        statement: String,
        parameters: Vec<Value>,
    ) -> wasmtime::Result<Result<QueryResult, Error>> {
        let connection = self.table.get(&connection)?.clone();
        let result = connection.run(move |connection| buffered(connection, &statement, parameters)).await;
        Ok(result.and_then(|result| result))
    }

    async fn last_insert_rowid(&mut self, connection: Resource<Connection>) -> wasmtime::Result<i64> {
        let connection = self.table.get(&connection)?.clone();
        Ok(connection.counter(rusqlite::Connection::last_insert_rowid).await?)
    }

    async fn changes(&mut self, connection: Resource<Connection>) -> wasmtime::Result<u64> {
        let connection = self.table.get(&connection)?.clone();
        Ok(connection.counter(rusqlite::Connection::changes).await?)
    }

    async fn drop(&mut self, connection: Resource<Connection>) -> wasmtime::Result<()> {
        self.table.delete(connection)?;
        *self.open_connections = self.open_connections.saturating_sub(1);
        Ok(())
    }
}

impl Host for View<'_> {}

#[cfg(test)]
mod tests;
