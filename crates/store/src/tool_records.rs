//! The records of a tenant's tools: what `voicehive:tool/records` stores.

use crate::db::{Batch, Row};
use crate::{Db, Statement, Store, StoreError, TenantId, Value, projections};

/// The largest value in bytes, as `records.wit` promises.
pub const RECORD_BYTES_MAX: usize = 64 * 1024;

/// The longest list, as `records.wit` promises.
pub const RECORD_LIST_MAX: u32 = 200;

/// How many records one tenant may keep: ten a day for 25 years.
pub const TENANT_RECORDS_MAX: u32 = 100_000;

/// How many bytes of values one tenant may keep.
pub const TENANT_RECORD_BYTES_MAX: u32 = 256 * 1024 * 1024;

/// The longest key in bytes, as `records.wit` promises.
const KEY_BYTES_MAX: usize = 256;

/// A stored value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolRecord {
    /// Its key.
    pub key: String,
    /// Its bytes.
    pub value: Vec<u8>,
    /// Grows with every change of the key, from 1.
    pub version: u64,
}

/// Why a record was not read or written; the cases of `records.wit`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The key, value or limit is outside what the interface allows.
    #[error("{0}")]
    Invalid(String),
    /// The key exists, or its version is another, or there is none.
    #[error("the record was changed by someone else")]
    Conflict,
    /// The tenant's storage is full.
    #[error("the tenant's storage is full")]
    QuotaExceeded,
    /// The store did not answer.
    #[error("the store did not answer")]
    Store(#[from] StoreError),
}

impl From<crate::DbError> for RecordError {
    fn from(error: crate::DbError) -> Self {
        Self::Store(error.into())
    }
}

impl<D: Db> Store<D> {
    /// The record under `key`, if there is one.
    ///
    /// # Errors
    /// See [`RecordError`]; so for all operations on records.
    pub async fn record(&self, tenant: &TenantId, key: &str) -> Result<Option<ToolRecord>, RecordError> {
        check_key(key)?;
        let sql = "SELECT * FROM tool_records WHERE tenant = ?1 AND key = ?2";
        let rows = self.db.query(Statement::new(sql, [tenant.into(), key.into()])).await?;
        Ok(rows.first().map(|row| record(&row)).transpose()?)
    }

    /// Stores `value` under a key that must not exist yet, with its projection; returns the version.
    ///
    /// # Errors
    /// See [`RecordError`].
    pub async fn insert_record(
        &self,
        tenant: &TenantId,
        key: &str,
        value: &[u8],
    ) -> Result<u64, RecordError> {
        check_key(key)?;
        check_value(value)?;
        let sql = "INSERT INTO tool_records (tenant, key, value, version) VALUES (?1, ?2, ?3, 1) \
                   ON CONFLICT (tenant, key) DO NOTHING RETURNING version";
        let insert = Statement::new(sql, [tenant.into(), key.into(), value.into()]).required();
        let mut statements = vec![insert, open_account(tenant), spend(tenant, 1, length(value))];
        statements.extend(projections::project(tenant, key, Some(value)));
        self.write(statements, &[0]).await?;
        Ok(1)
    }

    /// Replaces the value whose version is `version`, with its projection; returns the new version.
    ///
    /// # Errors
    /// See [`RecordError`].
    pub async fn replace_record(
        &self,
        tenant: &TenantId,
        key: &str,
        value: &[u8],
        version: u64,
    ) -> Result<u64, RecordError> {
        check_key(key)?;
        check_value(value)?;
        let old = stored_version(version)?;
        let refund = refund(tenant, key, old, 0);
        let sql = "UPDATE tool_records SET value = ?4, version = version + 1 \
                   WHERE tenant = ?1 AND key = ?2 AND version = ?3 RETURNING version";
        let update = Statement::new(sql, [tenant.into(), key.into(), old.into(), value.into()]).required();
        let mut statements = vec![refund, update, spend(tenant, 0, length(value))];
        statements.extend(projections::project(tenant, key, Some(value)));
        self.write(statements, &[0, 1]).await?;
        Ok(version + 1)
    }

    /// Removes the value whose version is `version`, with its projection.
    ///
    /// # Errors
    /// See [`RecordError`].
    pub async fn remove_record(&self, tenant: &TenantId, key: &str, version: u64) -> Result<(), RecordError> {
        check_key(key)?;
        let old = stored_version(version)?;
        let sql =
            "DELETE FROM tool_records WHERE tenant = ?1 AND key = ?2 AND version = ?3 RETURNING version";
        let delete = Statement::new(sql, [tenant.into(), key.into(), old.into()]).required();
        let mut statements = vec![refund(tenant, key, old, 1), delete];
        statements.extend(projections::project(tenant, key, None));
        self.write(statements, &[0, 1]).await
    }

    /// The records whose keys begin with `prefix`, in key order, after the key
    /// `after` where given; at most `limit` of them. Where these have more than `bytes` bytes of keys and
    /// values, the list is refused, and no value is read.
    ///
    /// # Errors
    /// See [`RecordError`].
    pub async fn records_by_prefix(
        &self,
        tenant: &TenantId,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
        bytes: usize,
    ) -> Result<Vec<ToolRecord>, RecordError> {
        if !prefix.is_empty() {
            check_key(prefix)?;
        }
        if !(1..=RECORD_LIST_MAX).contains(&limit) {
            return Err(RecordError::Invalid(format!(
                "a list holds 1 to {RECORD_LIST_MAX} records, not {limit}"
            )));
        }
        // A length is known without the value, and `CASE` reads only what it returns.
        let sql = "WITH listed AS (SELECT LENGTH(key) + LENGTH(value) AS bytes FROM tool_records \
                   WHERE tenant = ?1 AND key >= ?2 AND key < ?3 AND key > ?4 ORDER BY key LIMIT ?5) \
                   SELECT key, version, (SELECT SUM(bytes) FROM listed) AS listed_bytes, \
                   CASE WHEN (SELECT SUM(bytes) FROM listed) <= ?6 THEN value END AS value FROM tool_records \
                   WHERE tenant = ?1 AND key >= ?2 AND key < ?3 AND key > ?4 ORDER BY key LIMIT ?5";
        // `~` sorts after every character of a key, so this is the end of the prefix's range.
        let end = format!("{prefix}~");
        let most = i64::try_from(bytes).unwrap_or(i64::MAX);
        let params: [Value; 6] = [
            tenant.into(),
            prefix.into(),
            end.into(),
            after.unwrap_or_default().into(),
            limit.into(),
            most.into(),
        ];
        let rows = self.db.query(Statement::new(sql, params)).await?;
        let listed = rows.first().map(|row| row.integer("listed_bytes")).transpose()?.unwrap_or_default();
        if listed > most {
            let records = rows.iter().count();
            return Err(RecordError::Invalid(format!(
                "{records} records have {listed} bytes, a listing at most {most}; list fewer at once"
            )));
        }
        rows.iter().map(|row| Ok(record(&row)?)).collect()
    }

    /// Projects the tenant's records anew, for example after the projections' form changed.
    ///
    /// # Errors
    /// See [`RecordError`].
    pub async fn rebuild_record_projections(&self, tenant: &TenantId) -> Result<(), RecordError> {
        self.db.batch(projections::clear(tenant)).await?;
        for prefix in projections::PREFIXES {
            let mut after = None;
            loop {
                // No tool asks for this, so the bytes of a page are not bounded.
                let (from, most) = (after.as_deref(), RECORD_LIST_MAX);
                let page = self.records_by_prefix(tenant, prefix, from, most, usize::MAX).await?;
                let statements: Vec<_> = page
                    .iter()
                    .flat_map(|record| projections::project(tenant, &record.key, Some(&record.value)))
                    .collect();
                self.db.batch(statements).await?;
                match page.into_iter().last() {
                    Some(last) => after = Some(last.key),
                    None => break,
                }
            }
        }
        Ok(())
    }

    async fn write(&self, statements: Vec<Statement>, conflicts: &[usize]) -> Result<(), RecordError> {
        match self.db.batch(statements).await? {
            Batch::Done(_) => Ok(()),
            Batch::Unmet(index) if conflicts.contains(&index) => Err(RecordError::Conflict),
            Batch::Unmet(_) => Err(RecordError::QuotaExceeded),
        }
    }
}

fn open_account(tenant: &TenantId) -> Statement {
    let sql = "INSERT INTO tool_record_usage (tenant, records, bytes) VALUES (?1, 0, 0) \
               ON CONFLICT (tenant) DO NOTHING";
    Statement::new(sql, [tenant.into()])
}

/// Returns a row if the quota allows it.
fn spend(tenant: &TenantId, records: i64, bytes: i64) -> Statement {
    let sql = "UPDATE tool_record_usage SET records = records + ?2, bytes = bytes + ?3 \
               WHERE tenant = ?1 AND records + ?2 <= ?4 AND bytes + ?3 <= ?5 RETURNING records";
    let params: [Value; 5] = [
        tenant.into(),
        records.into(),
        bytes.into(),
        TENANT_RECORDS_MAX.into(),
        TENANT_RECORD_BYTES_MAX.into(),
    ];
    Statement::new(sql, params).required()
}

/// Gives back what the record under `key` takes up. Returns a row if it has that version.
fn refund(tenant: &TenantId, key: &str, version: i64, records: i64) -> Statement {
    let sql = "UPDATE tool_record_usage SET records = records - ?4, bytes = bytes - \
               (SELECT LENGTH(value) FROM tool_records WHERE tenant = ?1 AND key = ?2 AND version = ?3) \
               WHERE tenant = ?1 AND EXISTS \
               (SELECT 1 FROM tool_records WHERE tenant = ?1 AND key = ?2 AND version = ?3) RETURNING records";
    Statement::new(sql, [tenant.into(), key.into(), version.into(), records.into()]).required()
}

fn check_key(key: &str) -> Result<(), RecordError> {
    let allowed =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b':' | b'/' | b'+' | b'-');
    if (1..=KEY_BYTES_MAX).contains(&key.len()) && key.bytes().all(allowed) {
        return Ok(());
    }
    Err(RecordError::Invalid(format!("a key is 1 to {KEY_BYTES_MAX} bytes of letters, digits and _.:/+-")))
}

fn check_value(value: &[u8]) -> Result<(), RecordError> {
    if value.len() <= RECORD_BYTES_MAX {
        return Ok(());
    }
    let length = value.len();
    Err(RecordError::Invalid(format!("a value has at most {RECORD_BYTES_MAX} bytes, this one {length}")))
}

/// A version that no record can have was changed by someone else, too.
fn stored_version(version: u64) -> Result<i64, RecordError> {
    i64::try_from(version).map_err(|_| RecordError::Conflict)
}

fn length(value: &[u8]) -> i64 {
    i64::try_from(value.len()).unwrap_or(i64::MAX)
}

fn record(row: &Row<'_>) -> Result<ToolRecord, StoreError> {
    Ok(ToolRecord {
        key: row.parse("key")?,
        value: row.blob("value")?.to_vec(),
        version: u64::try_from(row.integer("version")?).unwrap_or_default(),
    })
}
