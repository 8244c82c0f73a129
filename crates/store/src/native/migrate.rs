//! Brings a database's schema up and down.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use crate::Timestamp;
use crate::migrations::{ALL, LATEST, Migration};

/// Why a schema was not changed, or is not the right one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MigrateError {
    /// SQLite refuses.
    #[error("a migration failed")]
    Sqlite(#[from] rusqlite::Error),
    /// The database was made by newer code.
    #[error("the database has schema {found}, newer than {LATEST}: run a newer release, or restore a backup")]
    Newer {
        /// The database's version.
        found: u32,
    },
    /// The database lacks migrations.
    #[error("the database has schema {found}, and {LATEST} is needed: run the migrations first")]
    Older {
        /// The database's version.
        found: u32,
    },
    /// A migration that was applied is not the one this code knows.
    #[error("migration {version} was changed after it was applied: the schema cannot be trusted")]
    Changed {
        /// Its version.
        version: u32,
    },
    /// The version to go down to does not exist.
    #[error("there is no schema {0} to go down to")]
    NoSuchVersion(u32),
}

/// One migration and whether the database has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Its version.
    pub version: u32,
    /// Its name.
    pub name: String,
    /// When it was applied, if it was.
    pub applied_at: Option<Timestamp>,
}

/// Opens the file at `path` for the functions of this module.
///
/// # Errors
/// When SQLite cannot open it.
pub fn connect(path: &Path) -> Result<Connection, MigrateError> {
    Ok(super::connect(path)?)
}

/// Applies what is missing; returns the versions it applied. Several processes
/// may try at once: one applies, the others find it done.
///
/// # Errors
/// When a migration fails (nothing of it stays), and when the database is newer or was changed.
pub fn up(connection: &mut Connection, now: Timestamp) -> Result<Vec<u32>, MigrateError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(TABLE)?;
    let applied = applied(&transaction)?;
    let current = check(&applied)?;
    let mut done = Vec::new();
    for migration in ALL.iter().filter(|migration| migration.version > current) {
        transaction.execute_batch(migration.up)?;
        transaction.execute(
            "INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES (?1, ?2, ?3, ?4)",
            (migration.version, migration.name, migration.checksum(), now.0),
        )?;
        done.push(migration.version);
    }
    transaction.commit()?;
    Ok(done)
}

/// Takes back every migration after `target` (0: all), with the data they held;
/// returns the versions it took back.
///
/// # Errors
/// As [`up`], and when there is no such version.
pub fn down(connection: &mut Connection, target: u32) -> Result<Vec<u32>, MigrateError> {
    if target > LATEST {
        return Err(MigrateError::NoSuchVersion(target));
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(TABLE)?;
    let current = check(&applied(&transaction)?)?;
    let mut done = Vec::new();
    for migration in ALL.iter().rev().filter(|migration| (target + 1..=current).contains(&migration.version))
    {
        transaction.execute_batch(migration.down)?;
        transaction.execute("DELETE FROM schema_migrations WHERE version = ?1", [migration.version])?;
        done.push(migration.version);
    }
    transaction.commit()?;
    Ok(done)
}

/// Every migration that this code or the database knows.
///
/// # Errors
/// When the database is newer or was changed.
pub fn status(connection: &mut Connection) -> Result<Vec<Status>, MigrateError> {
    let applied = if has_table(connection)? { applied(connection)? } else { Vec::new() };
    check(&applied)?;
    let status = |migration: &Migration| Status {
        version: migration.version,
        name: migration.name.to_owned(),
        applied_at: applied.iter().find(|row| row.version == migration.version).map(|row| row.at),
    };
    Ok(ALL.iter().map(status).collect())
}

/// Refuses a database whose schema is not the latest.
pub(super) fn require_latest(connection: &mut Connection) -> Result<(), MigrateError> {
    let applied = if has_table(connection)? { applied(connection)? } else { Vec::new() };
    match check(&applied)? {
        LATEST => Ok(()),
        found => Err(MigrateError::Older { found }),
    }
}

const TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (\
                     version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, \
                     checksum TEXT NOT NULL, applied_at BIGINT NOT NULL)";

struct Applied {
    version: u32,
    checksum: String,
    at: Timestamp,
}

fn has_table(connection: &Connection) -> rusqlite::Result<bool> {
    connection.table_exists(None, "schema_migrations")
}

fn applied(connection: &Connection) -> rusqlite::Result<Vec<Applied>> {
    let sql = "SELECT version, checksum, applied_at FROM schema_migrations ORDER BY version";
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| {
        Ok(Applied { version: row.get(0)?, checksum: row.get(1)?, at: Timestamp(row.get(2)?) })
    })?;
    rows.collect()
}

/// The version of a database that has exactly these migrations, 0 for none.
fn check(applied: &[Applied]) -> Result<u32, MigrateError> {
    for row in applied {
        match ALL.iter().find(|migration| migration.version == row.version) {
            None => return Err(MigrateError::Newer { found: row.version }),
            Some(known) if known.checksum() != row.checksum => {
                return Err(MigrateError::Changed { version: row.version });
            }
            Some(_) => {}
        }
    }
    Ok(applied.last().map_or(0, |row| row.version))
}
