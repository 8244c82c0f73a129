//! Running one statement: its parameters in, its rows out in batches.

use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};

use super::super::bindings::spin::sqlite::sqlite::{Error, QueryResult, RowResult, Value};
use super::pool::{Lent, Trouble, word};

/// Rows that are passed on at a time, at most.
pub(super) const ROWS_PER_BATCH: usize = 128;
/// Bytes after which a batch is passed on, however few rows it has.
const BYTES_PER_BATCH: usize = 256 << 10;
/// Bytes that the buffered form of `execute` returns, at most (Spin: 128 MiB).
const MAX_BUFFERED: usize = 32 << 20;

/// Rows of one statement, as many as fit a batch.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// The names of the columns; in the first batch only.
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<RowResult>,
    bytes: usize,
}

impl Batch {
    fn is_full(&self) -> bool {
        self.rows.len() >= ROWS_PER_BATCH || self.bytes >= BYTES_PER_BATCH
    }

    fn add(&mut self, row: &rusqlite::Row<'_>) -> Result<(), Trouble> {
        let columns = row.as_ref().column_count();
        let mut values = Vec::with_capacity(columns);
        for index in 0..columns {
            let value = row.get_ref(index)?;
            self.bytes += size_of::<Value>();
            values.push(self.convert(value).map_err(Trouble::Unfit)?);
        }
        self.rows.push(RowResult { values });
        Ok(())
    }

    /// Goes on with the rows of a batch that came after.
    fn append(&mut self, later: Self) {
        if self.columns.is_empty() {
            self.columns = later.columns;
        }
        self.bytes += later.bytes;
        self.rows.extend(later.rows);
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
pub(super) fn run(
    lent: &mut Lent,
    statement: &str,
    parameters: &[Value],
    deliver: impl FnMut(Batch) -> bool,
) -> (Batch, Result<(), Error>) {
    let mut batch = Batch::default();
    let outcome =
        lent.with_statement(statement, |prepared| fill(&mut batch, prepared, parameters, deliver).map(drop));
    (batch, outcome)
}

/// Runs a statement at once if it is a short one, as [`Lent::with_short_statement`] says.
pub(super) fn run_short(
    lent: &mut Lent,
    statement: &str,
    parameters: &[Value],
) -> Option<(Batch, Result<(), Error>)> {
    if parameters.iter().map(size_of_value).sum::<usize>() > BYTES_PER_BATCH {
        return None;
    }
    let (mut whole, mut last) = (Batch::default(), Batch::default());
    let outcome = lent.with_short_statement(statement, |prepared| {
        let reads = prepared.readonly();
        let keep = |batch: Batch| {
            whole.append(batch);
            // What has written cannot be begun anew, so all that it returns is kept.
            !reads && whole.bytes <= MAX_BUFFERED
        };
        match (fill(&mut last, prepared, parameters, keep)?, reads) {
            (true, _) => Ok(()),
            (false, true) => Err(Trouble::Long),
            (false, false) => Err(Trouble::Unfit(too_long())),
        }
    })?;
    whole.append(last);
    Some((whole, outcome))
}

fn size_of_value(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len(),
        Value::Blob(bytes) => bytes.len(),
        Value::Null | Value::Integer(_) | Value::Real(_) => 0,
    }
}

fn too_long() -> Error {
    Error::Io(format!("the result has more than {MAX_BUFFERED} bytes; use the streaming form"))
}

/// Runs a statement and keeps all its rows.
pub(super) fn run_whole(
    lent: &mut Lent,
    statement: &str,
    parameters: &[Value],
) -> Result<QueryResult, Error> {
    let mut whole = Batch::default();
    let mut keep = |batch: Batch| {
        whole.append(batch);
        whole.bytes <= MAX_BUFFERED
    };
    let (last, outcome) = run(lent, statement, parameters, &mut keep);
    let fits = keep(last);
    outcome?;
    match fits {
        true => Ok(QueryResult { columns: whole.columns, rows: whole.rows }),
        false => Err(too_long()),
    }
}

/// Whether a statement begins a transaction that may write at once.
pub(super) fn begins_writing(statement: &str) -> bool {
    let is = |index, expected: &str| {
        word(statement, index).is_some_and(|word| word.eq_ignore_ascii_case(expected))
    };
    is(0, "BEGIN") && (is(1, "IMMEDIATE") || is(1, "EXCLUSIVE"))
}

/// False if `deliver` stopped it.
fn fill(
    batch: &mut Batch,
    prepared: &mut rusqlite::Statement<'_>,
    parameters: &[Value],
    mut deliver: impl FnMut(Batch) -> bool,
) -> Result<bool, Trouble> {
    batch.columns = prepared.column_names().map(str::to_owned).collect();
    let mut rows = prepared.query(rusqlite::params_from_iter(parameters.iter().map(Bound)))?;
    while let Some(row) = rows.next()? {
        if batch.is_full() && !deliver(std::mem::take(batch)) {
            return Ok(false);
        }
        batch.add(row)?;
    }
    Ok(true)
}

/// A parameter as SQLite takes it.
struct Bound<'a>(&'a Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Null => ValueRef::Null,
            Value::Integer(number) => ValueRef::Integer(*number),
            Value::Real(number) => ValueRef::Real(*number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}
