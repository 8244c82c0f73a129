//! What the records need from a database.

use std::future::Future;

use crate::{StoreError, Timestamp};

/// A database that speaks SQL with positional parameters `?1`, `?2`, ….
///
/// Futures are `Send` where the implementation's are: a `Store<NativeDb>` can
/// be used from any task, while a guest has one thread only.
pub trait Db {
    /// Runs a statement that only reads.
    fn query(&self, statement: Statement) -> impl Future<Output = Result<Rows, DbError>>;

    /// Runs one statement and returns how many rows it changed.
    fn execute(&self, statement: Statement) -> impl Future<Output = Result<u64, DbError>>;

    /// Runs all statements in one write transaction, or none of them.
    ///
    /// The transaction takes the write lock first, so what it reads stays true
    /// until it ends.
    fn batch(&self, statements: Vec<Statement>) -> impl Future<Output = Result<Batch, DbError>>;
}

/// One value of a row or a parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// SQL `NULL`.
    Null,
    /// A whole number; also times and truth values.
    Integer(i64),
    /// A floating-point number.
    Real(f64),
    /// Text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

/// SQL and its parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// The text; always a constant of this crate.
    pub sql: &'static str,
    /// The values of `?1`, `?2`, ….
    pub params: Vec<Value>,
    /// Whether a batch is undone when this statement returns no row.
    pub required: bool,
}

impl Statement {
    /// `sql` with `params` in the order of their numbers.
    pub fn new(sql: &'static str, params: impl IntoIterator<Item = Value>) -> Self {
        Self { sql, params: params.into_iter().collect(), required: false }
    }

    /// In a batch: returns at least one row, or the whole batch is undone.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }
}

/// How a batch went.
#[derive(Clone, Debug, PartialEq)]
pub enum Batch {
    /// It is committed; the rows that each statement returned.
    Done(Vec<Rows>),
    /// It is undone, because the required statement at this index returned no row.
    Unmet(usize),
}

/// Why the database did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DbError {
    /// Others held the lock, or the queue was too long, for as long as we wait. Nothing was
    /// done; trying again may help.
    #[error("the database is busy")]
    Busy,
    /// A foreign key, a unique key or a check forbids it. Nothing was done.
    #[error("the database refuses the change: {0}")]
    Constraint(String),
    /// There is no room left. Nothing was done.
    #[error("the database is full")]
    Full,
    /// The statement is not one the database can run, for example because the schema is older.
    #[error("the database rejects the statement: {0}")]
    Rejected(String),
    /// It cannot be reached or broke. Whether a change was made is unknown.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
}

/// What a statement returned.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The rows; each has one value a column.
    pub rows: Vec<Vec<Value>>,
}

impl Rows {
    /// The rows in order.
    pub fn iter(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|values| Row { columns: &self.columns, values })
    }

    /// The first row, if there is one.
    pub fn first(&self) -> Option<Row<'_>> {
        self.iter().next()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// One row of a result.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    columns: &'a [String],
    values: &'a [Value],
}

impl<'a> Row<'a> {
    fn value(&self, column: &str) -> Result<&'a Value, StoreError> {
        let index = self.columns.iter().position(|name| name == column);
        index
            .and_then(|index| self.values.get(index))
            .ok_or_else(|| StoreError::Unreadable(format!("there is no column `{column}`")))
    }

    /// The text in `column`.
    ///
    /// # Errors
    /// When there is no such column or it holds something else; so for all of these.
    pub fn text(&self, column: &str) -> Result<&'a str, StoreError> {
        self.optional_text(column)?.ok_or_else(|| unreadable(column, "text"))
    }

    /// The text in `column`, or `None` where it is null.
    ///
    /// # Errors
    /// As [`Row::text`].
    pub fn optional_text(&self, column: &str) -> Result<Option<&'a str>, StoreError> {
        match self.value(column)? {
            Value::Null => Ok(None),
            Value::Text(text) => Ok(Some(text)),
            _ => Err(unreadable(column, "text")),
        }
    }

    /// The whole number in `column`.
    ///
    /// # Errors
    /// As [`Row::text`].
    pub fn integer(&self, column: &str) -> Result<i64, StoreError> {
        self.optional_integer(column)?.ok_or_else(|| unreadable(column, "a whole number"))
    }

    /// The whole number in `column`, or `None` where it is null.
    ///
    /// # Errors
    /// As [`Row::text`].
    pub fn optional_integer(&self, column: &str) -> Result<Option<i64>, StoreError> {
        match self.value(column)? {
            Value::Null => Ok(None),
            Value::Integer(number) => Ok(Some(*number)),
            _ => Err(unreadable(column, "a whole number")),
        }
    }

    /// The number in `column`, or `None` where it is null.
    ///
    /// # Errors
    /// As [`Row::text`].
    pub fn optional_real(&self, column: &str) -> Result<Option<f64>, StoreError> {
        match self.value(column)? {
            Value::Null => Ok(None),
            Value::Real(number) => Ok(Some(*number)),
            Value::Integer(number) => Ok(Some(*number as f64)),
            _ => Err(unreadable(column, "a number")),
        }
    }

    /// The bytes in `column`.
    ///
    /// # Errors
    /// As [`Row::text`].
    pub fn blob(&self, column: &str) -> Result<&'a [u8], StoreError> {
        match self.value(column)? {
            Value::Blob(bytes) => Ok(bytes),
            _ => Err(unreadable(column, "bytes")),
        }
    }

    /// What the text in `column` parses to.
    ///
    /// # Errors
    /// As [`Row::text`], and when it does not parse.
    pub fn parse<T: std::str::FromStr>(&self, column: &str) -> Result<T, StoreError> {
        self.text(column)?.parse().map_err(|_| unreadable(column, std::any::type_name::<T>()))
    }

    /// The JSON in `column`.
    ///
    /// # Errors
    /// As [`Row::text`], and when it is not JSON of that form.
    pub fn json<T: serde::de::DeserializeOwned>(&self, column: &str) -> Result<T, StoreError> {
        self.optional_json(column)?.ok_or_else(|| unreadable(column, "JSON"))
    }

    /// As [`Row::json`], or `None` where the column is null.
    ///
    /// # Errors
    /// As [`Row::json`].
    pub fn optional_json<T: serde::de::DeserializeOwned>(
        &self,
        column: &str,
    ) -> Result<Option<T>, StoreError> {
        let parsed = self.optional_text(column)?.map(serde_json::from_str);
        parsed.transpose().map_err(|_| unreadable(column, std::any::type_name::<T>()))
    }

    /// The count in `column`; one that is too great is the greatest.
    ///
    /// # Errors
    /// As [`Row::text`], and when it is negative.
    pub fn count(&self, column: &str) -> Result<u32, StoreError> {
        self.optional_count(column)?.ok_or_else(|| unreadable(column, "a count"))
    }

    /// As [`Row::count`], or `None` where the column is null.
    ///
    /// # Errors
    /// As [`Row::count`].
    pub fn optional_count(&self, column: &str) -> Result<Option<u32>, StoreError> {
        match self.optional_integer(column)? {
            Some(..0) => Err(unreadable(column, "a count")),
            number => Ok(number.map(|number| u32::try_from(number).unwrap_or(u32::MAX))),
        }
    }

    /// The moment in `column`, or `None` where it is null.
    ///
    /// # Errors
    /// As [`Row::text`].
    pub fn optional_timestamp(&self, column: &str) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.optional_integer(column)?.map(Timestamp))
    }

    /// As [`Row::parse`], or `None` where the column is null.
    ///
    /// # Errors
    /// As [`Row::parse`].
    pub fn optional_parse<T: std::str::FromStr>(&self, column: &str) -> Result<Option<T>, StoreError> {
        self.optional_text(column)?.map(|_| self.parse(column)).transpose()
    }
}

fn unreadable(column: &str, expected: &str) -> StoreError {
    StoreError::Unreadable(format!("column `{column}` does not hold {expected}"))
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Integer(number.into())
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Integer(truth.into())
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Real(number)
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Blob(bytes)
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::Blob(bytes.to_vec())
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
