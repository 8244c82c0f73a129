//! `spin:sqlite`: a connection per `open`, every statement on a blocking thread, rows passed on in batches.

mod pool;

use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::Duration;

use rusqlite::types::ValueRef;
use tokio::sync::{mpsc, oneshot};
use wasmtime::component::{Accessor, FutureReader, Resource, StreamReader};

use super::bindings::spin::sqlite::sqlite::{
    Error, Host, HostConnection, HostConnectionWithStore, QueryResult, RowResult, Value,
};
use super::stream::Batches;
use super::{Spin, View};
use crate::guest::Gone;
pub(crate) use pool::Database;
use pool::Lent;

/// How long whoever writes waits for its turn.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Connections that one instance may have open. Spin allows 256; each is at least one file descriptor.
const MAX_OPEN: usize = 64;
/// Rows that are passed on at a time, at most.
const ROWS_PER_BATCH: usize = 128;
/// Bytes after which a batch is passed on, however few rows it has.
const BYTES_PER_BATCH: usize = 256 << 10;
/// Bytes that the buffered form of `execute` returns, at most (Spin: 128 MiB).
const MAX_BUFFERED: usize = 32 << 20;
/// An open connection. The last handle gives it back on a blocking thread: that may roll a transaction back.
#[derive(Clone, Debug)]
pub struct Connection(Arc<Shared>);

#[derive(Debug)]
struct Shared(Mutex<Option<Lent>>);

impl Drop for Shared {
    fn drop(&mut self) {
        let lent = self.0.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let (Some(lent), Ok(runtime)) = (lent, tokio::runtime::Handle::try_current()) {
            runtime.spawn_blocking(move || lent.give_back());
        }
    }
}

impl Connection {
    fn new(lent: Lent) -> Self {
        Self(Arc::new(Shared(Mutex::new(Some(lent)))))
    }

    async fn open(database: Arc<Database>, gone: Gone) -> Result<Self, Error> {
        if let Some(lent) = database.lend_idle(gone.clone()) {
            return Ok(Self::new(lent));
        }
        tokio::task::spawn_blocking(move || database.lend_new(gone))
            .await
            .map_err(|error| Error::Io(error.to_string()))?
            .map(Self::new)
            .map_err(|error| Error::Io(error.to_string()))
    }

    /// Runs `work` on a blocking thread, after what the connection is busy with.
    async fn run<R: Send + 'static>(
        self,
        work: impl FnOnce(&mut Lent) -> R + Send + 'static,
    ) -> Result<R, Error> {
        tokio::task::spawn_blocking(move || self.with(work))
            .await
            .map_err(|error| Error::Io(error.to_string()))?
    }

    fn with<R>(&self, work: impl FnOnce(&mut Lent) -> R) -> Result<R, Error> {
        let mut guard = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        guard.as_mut().map(work).ok_or(Error::InvalidConnection)
    }

    /// Reads a counter of the connection: at once, unless a statement is running.
    async fn counter<R: Send + 'static>(
        self,
        read: impl Fn(&Lent) -> R + Send + 'static,
    ) -> Result<R, Error> {
        match self.0.0.try_lock() {
            Ok(guard) => return guard.as_ref().map(&read).ok_or(Error::InvalidConnection),
            Err(TryLockError::Poisoned(guard)) => {
                return guard.into_inner().as_ref().map(&read).ok_or(Error::InvalidConnection);
            }
            Err(TryLockError::WouldBlock) => {}
        }
        self.run(move |lent| read(lent)).await
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
    lent: &mut Lent,
    statement: &str,
    parameters: Vec<Value>,
    mut deliver: impl FnMut(Batch) -> bool,
) -> (Batch, Result<(), Error>) {
    let mut batch = Batch::default();
    let outcome = lent.with_statement(statement, |prepared| {
        let io = |error: rusqlite::Error| Error::Io(error.to_string());
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
    });
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
            .with(|lent| run_statement(lent, &statement, parameters, &mut deliver))
            .unwrap_or_else(|error| (Batch::default(), Err(error)));
        deliver(last);
        let _ = outcome_sender.send(outcome);
    });
    let first = first.await.map_err(|_| Error::Io("the statement was abandoned".to_owned()))?;
    Ok(Progress { first, later, outcome })
}

/// Runs a statement and keeps all its rows.
fn buffered(lent: &mut Lent, statement: &str, parameters: Vec<Value>) -> Result<QueryResult, Error> {
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
    let (last, outcome) = run_statement(lent, statement, parameters, &mut keep);
    let fits = keep(last);
    outcome?;
    match fits {
        true => Ok(result),
        false => {
            Err(Error::Io(format!("the result has more than {MAX_BUFFERED} bytes; use the streaming form")))
        }
    }
}

/// The database behind a label, if the component may open one more connection to it.
fn admit(view: &View<'_>, database: &str) -> Result<(Arc<Database>, Gone), Error> {
    let database = view.grants.stores.databases.get(database).ok_or(Error::AccessDenied)?;
    match *view.open_connections < MAX_OPEN {
        true => Ok((Arc::clone(database), view.gone.clone())),
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
        let (database, gone) = match accessor.with(|mut access| admit(&access.get(), &database)) {
            Ok(admitted) => admitted,
            Err(error) => return Ok(Err(error)),
        };
        match Connection::open(database, gone).await {
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
        Ok(connection.counter(Lent::last_insert_rowid).await?)
    }

    async fn changes_async(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
    ) -> wasmtime::Result<u64> {
        let connection = find(accessor, &connection)?;
        Ok(connection.counter(Lent::changes).await?)
    }
}

impl HostConnection for View<'_> {
    async fn open(&mut self, database: String) -> wasmtime::Result<Result<Resource<Connection>, Error>> {
        let (database, gone) = match admit(self, &database) {
            Ok(admitted) => admitted,
            Err(error) => return Ok(Err(error)),
        };
        match Connection::open(database, gone).await {
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
        let result = connection.run(move |lent| buffered(lent, &statement, parameters)).await;
        Ok(result.and_then(|result| result))
    }

    async fn last_insert_rowid(&mut self, connection: Resource<Connection>) -> wasmtime::Result<i64> {
        let connection = self.table.get(&connection)?.clone();
        Ok(connection.counter(Lent::last_insert_rowid).await?)
    }

    async fn changes(&mut self, connection: Resource<Connection>) -> wasmtime::Result<u64> {
        let connection = self.table.get(&connection)?.clone();
        Ok(connection.counter(Lent::changes).await?)
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
