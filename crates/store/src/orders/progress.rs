//! How an order goes on: leased, attempted, and settled by whoever first knows.

use std::time::Duration;

use call_state::{EndReason, Ids};
use events::CallEvent;

use super::Order;
use crate::db::{Batch, Rows};
use crate::{
    CallAccount, CallId, Db, Named, Statement, Store, StoreError, TenantId, Timestamp, Value, event_log,
};

/// An order as whoever speaks of it knows it.
///
/// A worker that slept beyond its lease must not settle an attempt that somebody else has made since: of a leased
/// [`Order`], only what is said of the attempt that it shows is taken in. A call's id alone stands for whatever attempt
/// there is.
#[derive(Clone, Copy, Debug)]
pub struct KnownOrder<'a> {
    call: &'a CallId,
    /// Empty for none.
    attempt: Option<&'a str>,
}

impl<'a> From<&'a CallId> for KnownOrder<'a> {
    fn from(call: &'a CallId) -> Self {
        Self { call, attempt: None }
    }
}

impl<'a> From<&'a Order> for KnownOrder<'a> {
    fn from(order: &'a Order) -> Self {
        Self { call: &order.call, attempt: Some(order.attempt_id.as_deref().unwrap_or_default()) }
    }
}

/// An attempt to place a call, as it is noted before the carrier is asked.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// Its id, unlike any other's.
    pub id: &'a str,
    /// By which account the carrier is asked, and so by which the call goes; `None` where that is not known.
    pub account: Option<&'a CallAccount>,
}

impl<'a> From<&'a str> for Attempt<'a> {
    fn from(id: &'a str) -> Self {
        Self { id, account: None }
    }
}

impl<'a> From<&'a String> for Attempt<'a> {
    fn from(id: &'a String) -> Self {
        Self { id, account: None }
    }
}

impl<D: Db> Store<D> {
    /// Leases at most `limit` orders that are due, of any tenant, to `owner` until `lease` from now. Also due is what
    /// may have been placed by somebody who has not been heard of since: it is not to be placed again, but looked for.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn lease_orders(
        &self,
        owner: &str,
        now: Timestamp,
        lease: Duration,
        limit: u32,
    ) -> Result<Vec<Order>, StoreError> {
        let due = "SELECT 1 AS due FROM outbound_orders WHERE state IN ('queued', 'placing', 'uncertain') \
                   AND next_at <= ?1 AND (lease_until IS NULL OR lease_until <= ?1) LIMIT 1";
        if self.db.query(Statement::new(due, [now.into()])).await?.is_empty() {
            // The usual case, for which no writer is held up.
            return Ok(Vec::new());
        }
        let sql = "UPDATE outbound_orders SET lease_owner = ?1, lease_until = ?3 \
                   WHERE (tenant, call) IN (SELECT tenant, call FROM outbound_orders \
                   WHERE state IN ('queued', 'placing', 'uncertain') AND next_at <= ?2 \
                   AND (lease_until IS NULL OR lease_until <= ?2) ORDER BY next_at, tenant, call LIMIT ?4) \
                   RETURNING *";
        let params = [owner.into(), now.into(), now.plus(lease).into(), limit.into()];
        let Batch::Done(results) = self.db.batch(vec![Statement::new(sql, params)]).await? else {
            return Ok(Vec::new());
        };
        results.last().into_iter().flat_map(Rows::iter).map(|row| Order::from_row(&row)).collect()
    }

    /// Notes that the carrier is about to be asked. Only after this may it be, and only where this is true: otherwise
    /// the order was called off, or somebody else is at it, or of another of the tenant's orders, through the same carrier
    /// from the same number to the same, it is not known yet whether it was placed: a carrier that lists calls by their
    /// numbers could not tell the two apart.
    ///
    /// # Errors
    /// When the database fails; then do not ask the carrier.
    pub async fn order_attempt<'a>(
        &self,
        tenant: &TenantId,
        call: &CallId,
        attempt: impl Into<Attempt<'a>>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let Attempt { id, account } = attempt.into();
        let Some(before) = self.order(tenant, call).await? else { return Ok(false) };
        let sql = "UPDATE outbound_orders SET state = 'placing', attempts = attempts + 1, attempt_id = ?3, \
                   attempted_at = ?4 WHERE tenant = ?1 AND call = ?2 AND state = 'queued' AND attempts = ?5 \
                   AND NOT EXISTS (SELECT 1 FROM outbound_orders AS twin WHERE twin.tenant = ?1 \
                   AND twin.attempted_at > ?6 AND twin.call <> ?2 AND twin.state IN ('placing', 'uncertain') \
                   AND twin.carrier = outbound_orders.carrier \
                   AND twin.from_number = outbound_orders.from_number \
                   AND twin.to_number = outbound_orders.to_number) RETURNING call";
        let since = now.minus(TWINS_SINCE);
        let attempts = before.attempts;
        let params = [tenant.into(), call.into(), id.into(), now.into(), attempts.into(), since.into()];
        let number = before.attempts.saturating_add(1);
        let attempted = CallEvent::Attempted { attempt: id.to_owned(), number };
        let goes_by = "UPDATE calls SET carrier_account = ?3 WHERE tenant = ?1 AND id = ?2";
        let mut statements = vec![
            Statement::new(sql, params).required(),
            Statement::new(goes_by, [tenant.into(), call.into(), account.into()]),
        ];
        statements.extend(event_log::append(tenant, call, &attempted, None, now)?);
        Ok(matches!(self.db.batch(statements).await?, Batch::Done(_)))
    }

    /// When the order was attempted for which this one has to wait, as [`Store::order_attempt`] does; `None` where it has
    /// to wait for none. It is there to be asked beforehand: what counts is what the attempt finds.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn order_waits_for(
        &self,
        order: &Order,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let sql = "SELECT attempted_at FROM outbound_orders WHERE tenant = ?1 AND attempted_at > ?2 AND call <> ?3 \
                   AND state IN ('placing', 'uncertain') AND carrier = ?4 AND from_number = ?5 AND to_number = ?6 \
                   ORDER BY attempted_at DESC LIMIT 1";
        let params = [
            (&order.tenant).into(),
            now.minus(TWINS_SINCE).into(),
            (&order.call).into(),
            order.carrier.as_str().into(),
            (&order.from).into(),
            (&order.to).into(),
        ];
        let rows = self.db.query(Statement::new(sql, params)).await?;
        rows.first().map(|row| row.integer("attempted_at").map(Timestamp)).transpose()
    }

    /// The carrier has placed the call and calls it `ids`. It may be said any number of times.
    ///
    /// # Errors
    /// As [`Store::name_call`].
    pub async fn order_placed(
        &self,
        tenant: &TenantId,
        call: &CallId,
        ids: &Ids,
        now: Timestamp,
    ) -> Result<Named, StoreError> {
        self.name_call(tenant, call, ids, now).await
    }

    /// The carrier was asked and its answer was lost: it is due at `look_again_at`, to be looked for. Returns whether
    /// it was open at all.
    ///
    /// # Errors
    /// When the database fails; then it is due when its lease runs out.
    pub async fn order_uncertain<'a>(
        &self,
        tenant: &TenantId,
        order: impl Into<KnownOrder<'a>>,
        look_again_at: Timestamp,
        error: &str,
    ) -> Result<bool, StoreError> {
        let KnownOrder { call, attempt } = order.into();
        let sql = "UPDATE outbound_orders SET state = 'uncertain', next_at = ?3, error = ?4, \
                   lease_owner = NULL, lease_until = NULL \
                   WHERE tenant = ?1 AND call = ?2 AND state IN ('placing', 'uncertain') \
                   AND (COALESCE(attempt_id, '') = ?5 OR ?5 IS NULL)";
        self.move_order(sql, [tenant.into(), call.into(), look_again_at.into(), error.into(), attempt.into()])
            .await
    }

    /// It is certain that nothing was placed: the order is due again at `at`. Returns whether it was open.
    ///
    /// # Errors
    /// When the database fails; then it is due when its lease runs out, and taken for what may have been placed.
    pub async fn order_again<'a>(
        &self,
        tenant: &TenantId,
        order: impl Into<KnownOrder<'a>>,
        at: Timestamp,
        error: &str,
    ) -> Result<bool, StoreError> {
        let KnownOrder { call, attempt } = order.into();
        let sql = "UPDATE outbound_orders SET state = 'queued', attempt_id = NULL, attempted_at = NULL, \
                   next_at = ?3, error = ?4, lease_owner = NULL, lease_until = NULL \
                   WHERE tenant = ?1 AND call = ?2 AND state IN ('queued', 'placing', 'uncertain') \
                   AND (COALESCE(attempt_id, '') = ?5 OR ?5 IS NULL)";
        self.move_order(sql, [tenant.into(), call.into(), at.into(), error.into(), attempt.into()]).await
    }

    /// Now is not the time, and the carrier was not asked: the order is due at `at`. Returns whether it was queued.
    ///
    /// # Errors
    /// When the database fails; then it is due when its lease runs out.
    pub async fn order_postponed(
        &self,
        tenant: &TenantId,
        call: &CallId,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE outbound_orders SET next_at = ?3, lease_owner = NULL, lease_until = NULL \
                   WHERE tenant = ?1 AND call = ?2 AND state = 'queued'";
        self.move_order(sql, [tenant.into(), call.into(), at.into()]).await
    }

    /// The order will not be placed: its call has failed for `reason`. Returns whether it was open; an order that turned
    /// out to be placed is left alone.
    ///
    /// # Errors
    /// When the database fails; then nothing is changed.
    pub async fn order_failed<'a>(
        &self,
        tenant: &TenantId,
        order: impl Into<KnownOrder<'a>>,
        reason: EndReason,
        error: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let KnownOrder { call, attempt } = order.into();
        let sql = "UPDATE outbound_orders SET state = 'failed', error = ?3, settled_at = ?4, \
                   lease_owner = NULL, lease_until = NULL \
                   WHERE tenant = ?1 AND call = ?2 AND state IN ('queued', 'placing', 'uncertain') \
                   AND (COALESCE(attempt_id, '') = ?5 OR ?5 IS NULL) RETURNING call";
        let params = [tenant.into(), call.into(), error.into(), now.into(), attempt.into()];
        let event = CallEvent::NotPlaced { reason: reason.code().to_owned(), message: error.to_owned() };
        let mut statements = vec![Statement::new(sql, params).required()];
        statements.extend(event_log::append(tenant, call, &event, None, now)?);
        Ok(matches!(self.db.batch(statements).await?, Batch::Done(_)))
    }

    async fn move_order<const N: usize>(
        &self,
        sql: &'static str,
        params: [Value; N],
    ) -> Result<bool, StoreError> {
        Ok(self.db.execute(Statement::new(sql, params)).await? == 1)
    }
}

/// How far back an attempt of which nothing is known keeps others like it waiting: longer than a worker takes to give one
/// up, and short enough that few attempts are looked at.
const TWINS_SINCE: Duration = Duration::from_secs(15 * 60);

/// The carrier has named the call of an order, so it is placed. What we had given up stays given up: its call has the
/// name, and whatever the carrier says of it is heard.
pub(crate) fn named(tenant: &TenantId, call: &CallId, now: Timestamp) -> Statement {
    let sql = "UPDATE outbound_orders SET state = 'placed', settled_at = ?3, lease_owner = NULL, lease_until = NULL \
               WHERE tenant = ?1 AND call = ?2 AND state IN ('queued', 'placing', 'uncertain')";
    Statement::new(sql, [tenant.into(), call.into(), now.into()])
}
