//! `/v1/agents`: who answers calls, and with which tools.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use store::{Agent, AgentId, Db, Store, TenantId, ToolReference};

use crate::answer::Answer;
use crate::fields::{Faults, Fields, Reading, text};
use crate::problem::Problem;
use crate::routes::Asked;
use crate::service::{Platform, body};

/// `GET /v1/agents`
pub(crate) async fn list<D: Db>(store: &Store<D>, tenant: &TenantId) -> Result<String, Problem> {
    let agents = store.agents(tenant, AGENTS_MAX).await?;
    body(&json!({ "items": agents.iter().map(shown).collect::<Vec<_>>() }))
}

/// `GET /v1/agents/{id}`
pub(crate) async fn one<D: Db>(store: &Store<D>, tenant: &TenantId, id: &str) -> Result<String, Problem> {
    let id: AgentId = id.parse().map_err(|_| Problem::NotFound)?;
    let agent = store.agent(tenant, &id).await?.ok_or(Problem::NotFound)?;
    body(&shown(&agent))
}

/// `PUT /v1/agents/{id}/tools` with `{tools}`: what the agent may use from its next call on, each as `name`,
/// `name@live` or `name@canary`. A tool that does not exist yet may be listed: calls go without it until it does.
pub(crate) async fn replace_tools<P: Platform>(asked: &Asked<'_, P>, id: &str) -> Result<Answer, Problem> {
    let id: AgentId = id.parse().map_err(|_| Problem::NotFound)?;
    let tools = tools(asked.request.json()?)?;
    match asked.store.set_agent_tools(&asked.tenant.id, &id, &tools).await? {
        true => {
            let names: Vec<String> = tools.iter().map(ToString::to_string).collect();
            body(&json!({ "tools": names })).map(Answer::ok)
        }
        false => Err(Problem::NotFound),
    }
}

fn shown(agent: &Agent) -> Value {
    json!({ "id": agent.id, "name": agent.name, "config": agent.config, "tools": agent.tools })
}

fn tools(given: Value) -> Result<Vec<ToolReference>, Problem> {
    let mut faults = Faults::default();
    let listed = Fields::of(given, "", &mut faults).and_then(|mut fields| {
        let listed = fields.required("tools", items, &mut faults);
        fields.finish(&mut faults);
        listed
    });
    let mut names = BTreeSet::new();
    let mut tools = Vec::new();
    for (at, item) in listed.iter().flatten().enumerate() {
        match reference(item.clone()) {
            Ok(tool) if names.insert(tool.name.clone()) => tools.push(tool),
            Ok(tool) => faults.note(format!("/tools/{at}"), format!("lists `{}` a second time", tool.name)),
            Err(fault) => faults.note(format!("/tools/{at}"), fault),
        }
    }
    faults.or(listed.map(|_| tools))
}

fn items(value: Value) -> Reading<Vec<Value>> {
    match value {
        Value::Array(items) if items.len() <= TOOLS_MAX => Ok(items),
        _ => Err(format!("must be a list of at most {TOOLS_MAX} tools")),
    }
}

fn reference(value: Value) -> Reading<ToolReference> {
    text(value)?
        .parse()
        .map_err(|_| "must be a tool's name, alone or followed by `@live` or `@canary`".to_owned())
}

/// A model that is offered more chooses badly among them, and each costs tokens in every turn.
const TOOLS_MAX: usize = 32;
/// More are not shown.
const AGENTS_MAX: u32 = 500;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_are_listed_once_and_by_names_that_exist_as_such() {
        let read = tools(json!({ "tools": ["quote", "orders@canary", "leads@live"] })).unwrap();
        let shown: Vec<String> = read.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["quote", "orders@canary", "leads"]);
        assert!(tools(json!({ "tools": [] })).unwrap().is_empty());
        for given in [
            json!({}),
            json!({ "tools": "quote" }),
            json!({ "tools": ["quote", "quote@canary"] }),
            json!({ "tools": ["a b"] }),
            json!({ "tools": ["quote@next"] }),
            json!({ "tools": [7] }),
            json!({ "tools": vec!["quote"; 33] }),
            json!({ "tools": [], "tool": [] }),
            json!([]),
        ] {
            assert_eq!(tools(given.clone()).unwrap_err().code().0, "invalid-request", "{given}");
        }
    }
}
