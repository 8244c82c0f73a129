//! The SQLite that a Spin host lends to a component.

use std::cell::Cell;

use spin_sdk::sqlite;

use crate::db::Batch;
use crate::{Db, DbError, Rows, Statement, Value};

/// An open database. Open one a request: it holds at most one transaction, and
/// dropping it undoes that.
pub struct SpinDb {
    connection: sqlite::Connection,
    writes: Cell<bool>,
}

impl SpinDb {
    /// Opens the database that the manifest calls `name`.
    ///
    /// # Errors
    /// When the manifest does not grant it or the host cannot open it.
    pub async fn open(name: &str) -> Result<Self, DbError> {
        let connection = sqlite::Connection::open(name).await.map_err(error)?;
        Ok(Self { connection, writes: Cell::new(false) })
    }

    /// Before the first write. As in `native`: with a write-ahead log only a power cut can lose the last commits. A host
    /// that does not know the pragma flushes every commit, which is slower and as good.
    async fn will_write(&self) {
        if !self.writes.replace(true) {
            let _ = self.run("PRAGMA synchronous = NORMAL", Vec::new()).await;
        }
    }

    async fn run(&self, sql: &str, params: Vec<Value>) -> Result<Rows, DbError> {
        let result = self.connection.execute(sql, params.into_iter().map(into_spin)).await.map_err(error)?;
        let columns = result.columns().to_vec();
        let rows = result.collect().await.map_err(error)?;
        let rows = rows.into_iter().map(|row| row.values.into_iter().map(from_spin).collect()).collect();
        Ok(Rows { columns, rows })
    }

    async fn run_all(&self, statements: Vec<Statement>) -> Result<Batch, DbError> {
        let mut results = Vec::with_capacity(statements.len());
        for (index, statement) in statements.into_iter().enumerate() {
            let rows = self.run(statement.sql, statement.params).await?;
            if statement.required && rows.is_empty() {
                return Ok(Batch::Unmet(index));
            }
            results.push(rows);
        }
        Ok(Batch::Done(results))
    }
}

impl Db for SpinDb {
    async fn query(&self, statement: Statement) -> Result<Rows, DbError> {
        self.run(statement.sql, statement.params).await
    }

    async fn execute(&self, statement: Statement) -> Result<u64, DbError> {
        self.will_write().await;
        self.run(statement.sql, statement.params).await?;
        Ok(self.connection.changes().await)
    }

    async fn batch(&self, statements: Vec<Statement>) -> Result<Batch, DbError> {
        self.will_write().await;
        if statements.len() <= 1 {
            // One statement is a transaction by itself, and one without a row changed nothing.
            return self.run_all(statements).await;
        }
        self.run("BEGIN IMMEDIATE", Vec::new()).await?;
        let outcome = self.run_all(statements).await;
        let end = if matches!(outcome, Ok(Batch::Done(_))) { "COMMIT" } else { "ROLLBACK" };
        match self.run(end, Vec::new()).await {
            Ok(_) => outcome,
            Err(error) if end == "COMMIT" => {
                // Best effort: the connection must not stay in a transaction.
                let _ = self.run("ROLLBACK", Vec::new()).await;
                Err(error)
            }
            // A failed statement may have ended the transaction by itself.
            Err(_) => outcome,
        }
    }
}

fn into_spin(value: Value) -> sqlite::Value {
    match value {
        Value::Null => sqlite::Value::Null,
        Value::Integer(number) => sqlite::Value::Integer(number),
        Value::Real(number) => sqlite::Value::Real(number),
        Value::Text(text) => sqlite::Value::Text(text),
        Value::Blob(bytes) => sqlite::Value::Blob(bytes),
    }
}

fn from_spin(value: sqlite::Value) -> Value {
    match value {
        sqlite::Value::Null => Value::Null,
        sqlite::Value::Integer(number) => Value::Integer(number),
        sqlite::Value::Real(number) => Value::Real(number),
        sqlite::Value::Text(text) => Value::Text(text),
        sqlite::Value::Blob(bytes) => Value::Blob(bytes),
    }
}

/// Hosts pass SQLite's own words on as text; there is no code to go by.
fn error(error: sqlite::Error) -> DbError {
    match error {
        sqlite::Error::DatabaseFull => DbError::Full,
        sqlite::Error::Io(message) if message.contains("is full") => DbError::Full,
        sqlite::Error::Io(message) if message.contains("locked") || message.contains("busy") => DbError::Busy,
        sqlite::Error::Io(message) if message.contains("constraint failed") => DbError::Constraint(message),
        sqlite::Error::Io(message) if message.contains("no such") || message.contains("syntax error") => {
            DbError::Rejected(message)
        }
        sqlite::Error::Io(message) => DbError::Unavailable(message),
        other => DbError::Unavailable(other.to_string()),
    }
}
