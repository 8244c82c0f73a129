//! What carriers are to be told of calls: an outbox, written with what causes it and sent by whoever leases it.
//!
//! The commands of a call are sent in the order in which they were written; those of different calls do not wait for
//! each other. A command whose lease runs out is leased again, so a carrier may be told twice: its id says that it is the
//! same command.

use std::time::Duration;

use crate::db::{Batch, Row, Rows};
use crate::{CallId, Db, DbError, Statement, Store, StoreError, TenantId, Timestamp, Value};

/// Something that a carrier is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCommand {
    /// By which the carrier, too, knows a repetition: a UUID, version 4; Telnyx's `command_id`.
    pub id: String,
    /// The carrier, for example `telnyx`.
    pub carrier: String,
    /// The carrier's id of the call.
    pub carrier_call_id: String,
    /// What to do, in the carrier's words, for example `streaming_start`.
    pub action: String,
    /// The carrier's parameters.
    pub body: serde_json::Value,
    /// When it is of no more use.
    pub expires_at: Timestamp,
}

/// A command that was leased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The tenant of the call.
    pub tenant: TenantId,
    /// The call.
    pub call: CallId,
    /// As [`NewCommand::id`].
    pub id: String,
    /// As [`NewCommand::carrier`].
    pub carrier: String,
    /// As [`NewCommand::carrier_call_id`].
    pub carrier_call_id: String,
    /// As [`NewCommand::action`].
    pub action: String,
    /// As [`NewCommand::body`].
    pub body: serde_json::Value,
    /// How often it was leased, this time among them, but for those that [`Store::command_waits`] took back.
    pub attempts: u32,
    /// As [`NewCommand::expires_at`].
    pub expires_at: Timestamp,
}

impl<D: Db> Store<D> {
    /// Writes commands for a call, behind those it has. One whose id the tenant has used already is left out.
    ///
    /// # Errors
    /// [`StoreError::NoSuchCall`], and when the database fails; then none is written.
    pub async fn enqueue_commands(
        &self,
        tenant: &TenantId,
        call: &CallId,
        commands: &[NewCommand],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        match self.db.batch(enqueue(tenant, call, commands, now)).await {
            Ok(_) => Ok(()),
            Err(DbError::Constraint(_)) => Err(StoreError::NoSuchCall),
            Err(error) => Err(error.into()),
        }
    }

    /// Leases at most `limit` commands that are due, of any tenant, to `owner` until `lease` from now. Of each call at
    /// most one is leased: the first that is neither done nor failed. Due is also what has expired, however long it was to
    /// wait: it is not to be sent any more, but the call may have to be told something in its place.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn lease_commands(
        &self,
        owner: &str,
        now: Timestamp,
        lease: Duration,
        limit: u32,
    ) -> Result<Vec<Command>, StoreError> {
        let due = "SELECT 1 AS due FROM carrier_commands \
                   WHERE state = 'due' AND (next_at <= ?1 OR expires_at <= ?1) LIMIT 1";
        if self.db.query(Statement::new(due, [now.into()])).await?.is_empty() {
            // The usual case, for which no writer is held up.
            return Ok(Vec::new());
        }
        let take = "UPDATE carrier_commands SET lease_owner = ?1, lease_until = ?3, attempts = attempts + 1 \
                    WHERE (tenant, id) IN (SELECT c.tenant, c.id FROM carrier_commands c \
                    WHERE c.state = 'due' AND (c.next_at <= ?2 OR c.expires_at <= ?2) \
                    AND (c.lease_until IS NULL OR c.lease_until <= ?2) \
                    AND NOT EXISTS (SELECT 1 FROM carrier_commands e WHERE e.tenant = c.tenant \
                    AND e.call = c.call AND e.seq < c.seq AND e.state = 'due') \
                    ORDER BY c.next_at, c.tenant, c.call LIMIT ?4) \
                    RETURNING *";
        let params = [owner.into(), now.into(), now.plus(lease).into(), limit.into()];
        let Batch::Done(results) = self.db.batch(vec![Statement::new(take, params)]).await? else {
            return Ok(Vec::new());
        };
        results.last().into_iter().flat_map(Rows::iter).map(|row| command(&row)).collect()
    }

    /// The carrier did it.
    ///
    /// # Errors
    /// When the database fails; then it will be leased again.
    pub async fn command_done(&self, tenant: &TenantId, id: &str, now: Timestamp) -> Result<(), StoreError> {
        self.settle_command(tenant, id, "done", None, now).await
    }

    /// The carrier has not done it; it is due again at `at`.
    ///
    /// # Errors
    /// When the database fails; then it is due again when its lease runs out.
    pub async fn command_again(
        &self,
        tenant: &TenantId,
        id: &str,
        at: Timestamp,
        error: &str,
    ) -> Result<(), StoreError> {
        self.due_again((tenant, id), at, error, 0).await
    }

    /// The carrier was not asked, since it cannot be now: the command is due again at `at`, and this lease counts as no
    /// attempt.
    ///
    /// # Errors
    /// When the database fails; then it is due again when its lease runs out.
    pub async fn command_waits(
        &self,
        tenant: &TenantId,
        id: &str,
        at: Timestamp,
        error: &str,
    ) -> Result<(), StoreError> {
        self.due_again((tenant, id), at, error, 1).await
    }

    /// So many of its attempts do not count.
    async fn due_again(
        &self,
        (tenant, id): (&TenantId, &str),
        at: Timestamp,
        error: &str,
        uncounted: i64,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE carrier_commands SET next_at = ?3, error = ?4, lease_owner = NULL, lease_until = NULL, \
                   attempts = CASE WHEN attempts > ?5 THEN attempts - ?5 ELSE 0 END \
                   WHERE tenant = ?1 AND id = ?2 AND state = 'due'";
        let params = [tenant.into(), id.into(), at.into(), error.into(), uncounted.into()];
        self.db.execute(Statement::new(sql, params)).await?;
        Ok(())
    }

    /// The carrier will not do it; those behind it are free.
    ///
    /// # Errors
    /// When the database fails; then it will be leased again.
    pub async fn command_failed(
        &self,
        tenant: &TenantId,
        id: &str,
        error: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.settle_command(tenant, id, "failed", Some(error), now).await
    }

    /// What was said first stands.
    async fn settle_command(
        &self,
        tenant: &TenantId,
        id: &str,
        state: &str,
        error: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE carrier_commands SET state = ?3, error = COALESCE(?4, error), settled_at = ?5, \
                   lease_owner = NULL, lease_until = NULL WHERE tenant = ?1 AND id = ?2 AND state = 'due'";
        let params = [tenant.into(), id.into(), state.into(), error.into(), now.into()];
        self.db.execute(Statement::new(sql, params)).await?;
        Ok(())
    }
}

/// The statements that write commands behind those that the call has.
pub(crate) fn enqueue(
    tenant: &TenantId,
    call: &CallId,
    commands: &[NewCommand],
    now: Timestamp,
) -> Vec<Statement> {
    let sql = "INSERT INTO carrier_commands (tenant, id, call, seq, carrier, carrier_call_id, action, body_json, \
               state, next_at, expires_at, created_at) \
               SELECT ?1, ?2, ?3, COALESCE(MAX(seq), 0) + 1, ?4, ?5, ?6, ?7, 'due', ?8, ?9, ?8 \
               FROM carrier_commands WHERE tenant = ?1 AND call = ?3 \
               ON CONFLICT (tenant, id) DO NOTHING";
    let insert = |command: &NewCommand| {
        let params: [Value; 9] = [
            tenant.into(),
            command.id.as_str().into(),
            call.into(),
            command.carrier.as_str().into(),
            command.carrier_call_id.as_str().into(),
            command.action.as_str().into(),
            command.body.to_string().into(),
            now.into(),
            command.expires_at.into(),
        ];
        Statement::new(sql, params)
    };
    commands.iter().map(insert).collect()
}

fn command(row: &Row<'_>) -> Result<Command, StoreError> {
    Ok(Command {
        tenant: row.parse("tenant")?,
        call: row.parse("call")?,
        id: row.parse("id")?,
        carrier: row.parse("carrier")?,
        carrier_call_id: row.parse("carrier_call_id")?,
        action: row.parse("action")?,
        body: row.json("body_json")?,
        attempts: row.count("attempts")?,
        expires_at: Timestamp(row.integer("expires_at")?),
    })
}
