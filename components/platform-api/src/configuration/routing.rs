//! `/v1/routing`: the table that decides what becomes of calls.

use std::collections::BTreeSet;

use store::{AgentId, Db, Store, TenantId};

use super::routing_form::{self, Table};
use crate::answer::Answer;
use crate::bindings::voicehive::platform::call_routing::{Call, Decision, Direction, Error};
use crate::fields::Faults;
use crate::problem::Problem;
use crate::routes::Asked;
use crate::service::{Platform, body};

/// `GET /v1/routing`: the table, 404 where there is none.
pub(crate) async fn read<D: Db>(store: &Store<D>, tenant: &TenantId) -> Result<String, Problem> {
    store.routing(tenant).await?.ok_or(Problem::NotFound)
}

/// `PUT /v1/routing` with a table: it is kept if every call can be decided by it.
pub(crate) async fn replace<P: Platform>(asked: &Asked<'_, P>) -> Result<Answer, Problem> {
    let given = asked.request.json()?;
    let table = routing_form::read(&given)?;
    agents_exist(asked, &table).await?;
    decides(asked, &table)?;
    let text = body(&given)?;
    asked.store.set_routing(&asked.tenant.id, Some(&text)).await?;
    Ok(Answer::ok(text))
}

/// `DELETE /v1/routing`: from now on the number's agent answers every call.
pub(crate) async fn remove<P: Platform>(asked: &Asked<'_, P>) -> Result<Answer, Problem> {
    asked.request.no_body()?;
    asked.store.set_routing(&asked.tenant.id, None).await?;
    Ok(Answer::done())
}

/// Routing does not know who exists.
async fn agents_exist<P: Platform>(asked: &Asked<'_, P>, table: &Table) -> Result<(), Problem> {
    let rules = table.rules.iter().enumerate();
    let rules = rules.map(|(at, rule)| (format!("/rules/{at}/decision/connect"), &rule.decision));
    let decisions = rules.chain([("/fallback/connect".to_owned(), &table.fallback)]);
    let mut faults = Faults::default();
    let mut known = BTreeSet::new();
    for (pointer, decision) in decisions {
        let Decision::Connect(agent) = decision else { continue };
        if known.contains(agent) {
            continue;
        }
        let id = agent.parse::<AgentId>().ok();
        let found = match id {
            Some(id) => asked.store.agent(&asked.tenant.id, &id).await?.is_some(),
            None => false,
        };
        if found {
            known.insert(agent);
        } else {
            faults.note(pointer, "is no agent of this account");
        }
    }
    faults.or(Some(()))
}

/// Routing checks the whole table whatever the call, so one call stands for all.
fn decides<P: Platform>(asked: &Asked<'_, P>, table: &Table) -> Result<(), Problem> {
    let call = Call {
        called: "+15550000000".to_owned(),
        caller: String::new(),
        direction: Direction::Inbound,
        at: u64::try_from(asked.now.0).unwrap_or_default(),
    };
    let (pointer, message) = match asked.platform.route(&call, table) {
        Ok(_) => return Ok(()),
        Err(Error::UnknownTimeZone(_)) => {
            ("/hours/time_zone", "must be an IANA time zone, for example `Europe/Madrid`".to_owned())
        }
        Err(Error::DuplicatePriority(priority)) => ("/rules", format!("has the priority {priority} twice")),
        Err(Error::DuplicateRule(_)) => ("/rules", "has two rules with the same id".to_owned()),
        Err(Error::Invalid(fault)) => ("", format!("cannot be used: {fault}")),
    };
    Err(Problem::invalid(pointer, message))
}
