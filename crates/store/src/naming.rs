//! How a carrier's names of a call lead to it, and how a call that we place gets them.

use call_state::Ids;

use crate::db::Batch;
use crate::orders::named;
use crate::{Call, CallId, Db, Statement, Store, StoreError, TenantId, Timestamp, Value, event_log};

/// What became of a carrier's name for a call that we place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// The call has it from now on.
    Now,
    /// It had it before.
    Already,
    /// The carrier knows the call by this other id, which stays.
    Other(String),
    /// No call of the tenant has this id.
    NoSuchCall,
}

impl<D: Db> Store<D> {
    /// The call that a carrier's event is about, whoever's it is: by its leg, the leg's second name, the leg it was
    /// dialled from or its session, in this order; the oldest call where several share a session. No tenant is asked
    /// for, since this is how the tenant of a carrier's call is found.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn locate_call(&self, carrier: &str, ids: &Ids) -> Result<Option<Call>, StoreError> {
        // Each name by its own index: one condition for all of them would read every call of the carrier.
        let sql = "SELECT * FROM (\
                   SELECT 0 AS distance, calls.* FROM calls WHERE carrier = ?1 AND carrier_call_id = ?2 UNION ALL \
                   SELECT 1 AS distance, calls.* FROM calls WHERE carrier = ?1 AND carrier_alias_id = ?3 UNION ALL \
                   SELECT 2 AS distance, calls.* FROM calls WHERE carrier = ?1 AND carrier_call_id = ?4 UNION ALL \
                   SELECT 3 AS distance, calls.* FROM calls WHERE carrier = ?1 AND carrier_session_id = ?5\
                   ) AS found ORDER BY distance, started_at, tenant, id LIMIT 1";
        let name = |id: &Option<String>| Value::from(id.as_deref().filter(|id| is_name(id)));
        let params =
            [carrier.into(), name(&ids.leg), name(&ids.alias), name(&ids.parent), name(&ids.session)];
        let rows = self.db.query(Statement::new(sql, params)).await?;
        rows.first().map(|row| Call::from_row(&row)).transpose()
    }

    /// Gives a call that we place the carrier's names, once; its order is placed by that.
    ///
    /// # Errors
    /// When `ids` name no leg, another call of the tenant has that name, or the database fails; then nothing is changed.
    pub async fn name_call(
        &self,
        tenant: &TenantId,
        call: &CallId,
        ids: &Ids,
        now: Timestamp,
    ) -> Result<Named, StoreError> {
        let Some(leg) = ids.leg.as_deref().filter(|leg| is_name(leg)) else {
            return Err(StoreError::Refused("a call is named by its leg"));
        };
        let sql = "UPDATE calls SET carrier_call_id = ?3, carrier_alias_id = ?4, carrier_session_id = ?5 \
                   WHERE tenant = ?1 AND id = ?2 AND carrier_call_id = ?6 RETURNING id";
        let params = [
            tenant.into(),
            call.into(),
            leg.into(),
            ids.alias.clone().into(),
            ids.session.clone().into(),
            placeholder(call).into(),
        ];
        let placed = events::CallEvent::Placed { carrier_call_id: leg.to_owned() };
        let mut statements = vec![Statement::new(sql, params).required(), named(tenant, call, now)];
        statements.extend(event_log::append(tenant, call, &placed, None, now)?);
        if let Batch::Done(_) = self.db.batch(statements).await? {
            return Ok(Named::Now);
        }
        Ok(match self.call(tenant, call).await?.and_then(|call| call.carrier_call_id) {
            Some(known) if known == leg => {
                self.db.batch(vec![learned(tenant, call, ids)]).await?;
                Named::Already
            }
            Some(known) => Named::Other(known),
            None => Named::NoSuchCall,
        })
    }
}

/// Fills in names that were not known when the call got its first.
fn learned(tenant: &TenantId, call: &CallId, ids: &Ids) -> Statement {
    let sql = "UPDATE calls SET carrier_alias_id = COALESCE(carrier_alias_id, ?3), \
               carrier_session_id = COALESCE(carrier_session_id, ?4) WHERE tenant = ?1 AND id = ?2";
    Statement::new(sql, [tenant.into(), call.into(), ids.alias.clone().into(), ids.session.clone().into()])
}

/// Whether a text can be a carrier's id at all.
fn is_name(text: &str) -> bool {
    !text.is_empty() && !is_placeholder(text)
}

/// What stands for the carrier's id until there is one.
pub(crate) fn placeholder(call: &CallId) -> String {
    format!("{PLACEHOLDER}{call}")
}

/// Whether a text that is said to be a carrier's id would be taken for a call without one. No carrier's ids look so.
pub(crate) fn is_placeholder(carrier_call_id: &str) -> bool {
    carrier_call_id.starts_with(PLACEHOLDER)
}

const PLACEHOLDER: &str = "unnamed:";
