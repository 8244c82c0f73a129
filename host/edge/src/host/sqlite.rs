//! `spin:sqlite`: a connection per `open`, rows passed on in batches. A statement runs on a thread that may block, unless it
//! was short before and waits for nothing: then it runs where its guest does.

mod pool;
mod statement;

use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::Duration;

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
use statement::Batch;

/// How long whoever writes waits for its turn.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Connections that one instance may have open. Spin allows 256; each is at least one file descriptor.
const MAX_OPEN: usize = 64;

/// An open connection. The last handle gives it back, on a thread that may block if a transaction is to be rolled back.
#[derive(Clone, Debug)]
pub struct Connection(Arc<Shared>);

#[derive(Debug)]
struct Shared(Mutex<Option<Lent>>);

impl Drop for Shared {
    fn drop(&mut self) {
        let lent = self.0.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        match (lent, tokio::runtime::Handle::try_current()) {
            (Some(lent), _) if lent.is_clean() => lent.give_back(),
            (Some(lent), Ok(runtime)) => drop(runtime.spawn_blocking(move || lent.give_back())),
            _ => {}
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

    /// Runs `work` at once, unless the connection is busy. None also where `work` says so.
    fn with_if_free<R>(&self, work: impl FnOnce(&mut Lent) -> Option<R>) -> Option<R> {
        let mut guard = match self.0.0.try_lock() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(guard)) => guard.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        guard.as_mut().and_then(work)
    }

    /// Waits for the turn to write, if the statement begins a transaction that writes. Better here than on a thread that
    /// may block: everybody who waits would keep one.
    async fn take_turn_to_begin(&self, statement: &str) -> Result<(), Error> {
        if !statement::begins_writing(statement) {
            return Ok(());
        }
        let Some(database) = self.with_if_free(|lent| lent.wants_turn()) else { return Ok(()) };
        let turn = database.turn().await?;
        // Busy by now with something else: then whatever begins will wait once more.
        self.with_if_free(|lent| {
            lent.take_turn(turn);
            Some(())
        });
        Ok(())
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

/// A statement in progress, as the guest sees it.
struct Progress {
    first: Batch,
    later: Option<mpsc::Receiver<Vec<RowResult>>>,
    outcome: oneshot::Receiver<Result<(), Error>>,
}

impl Progress {
    /// Of a statement that has ended.
    fn ended((first, ended): (Batch, Result<(), Error>)) -> Self {
        let (sender, outcome) = oneshot::channel();
        let _ = sender.send(ended);
        Self { first, later: None, outcome }
    }
}

/// Starts a statement and waits for its first batch, which for most statements is all there is.
async fn start(connection: Connection, statement: String, parameters: Vec<Value>) -> Result<Progress, Error> {
    connection.take_turn_to_begin(&statement).await?;
    if let Some(ended) = connection.with_if_free(|lent| statement::run_short(lent, &statement, &parameters)) {
        return Ok(Progress::ended(ended));
    }
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
            .with(|lent| statement::run(lent, &statement, &parameters, &mut deliver))
            .unwrap_or_else(|error| (Batch::default(), Err(error)));
        deliver(last);
        let _ = outcome_sender.send(outcome);
    });
    let first = first.await.map_err(|_| Error::Io("the statement was abandoned".to_owned()))?;
    Ok(Progress { first, later: Some(later), outcome })
}

/// Runs a statement and keeps all its rows.
async fn execute(
    connection: Connection,
    statement: String,
    parameters: Vec<Value>,
) -> Result<QueryResult, Error> {
    connection.take_turn_to_begin(&statement).await?;
    match connection.with_if_free(|lent| statement::run_short(lent, &statement, &parameters)) {
        Some((batch, ended)) => ended.map(|()| QueryResult { columns: batch.columns, rows: batch.rows }),
        None => connection.run(move |lent| statement::run_whole(lent, &statement, &parameters)).await?,
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
            let rows = StreamReader::new(&mut access, Batches::new(first.rows, later))?;
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
        Ok(execute(connection, statement, parameters).await)
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
