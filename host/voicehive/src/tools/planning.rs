//! A model's request for a tool, checked and planned.
//!
//! How long that takes is in the hands of whoever wrote the tool's schema. So it is done on the threads of tools, in the tenant's
//! turn and charged to it, never on one that calls' audio needs.

use std::time::Duration;

use sandbox::platform::tool_calls::{Definition, Plan, Refusal, Request};
use sandbox::{CallError, Effect, Finished, RunError, Spent, Tool};
use store::TenantId;

use super::Tools;

/// How long a request may wait for its turn.
const PATIENCE: Duration = Duration::from_secs(2);

/// Why there is neither a plan nor a refusal.
#[derive(Debug)]
pub(super) enum Unplanned {
    /// It came to nothing as a run does.
    Ended(Box<Finished>),
    /// What plans is broken.
    Broken(CallError),
}

impl Tools {
    /// Plans the run of one of `tools`. The inner error is for the model to mend.
    pub(super) async fn plan(
        &self,
        tenant: &TenantId,
        request: Request,
        tools: Vec<Tool>,
    ) -> Result<Result<Plan, Refusal>, Unplanned> {
        let capabilities = self.capabilities.clone();
        let plan = move || {
            let definitions: Vec<Definition> = tools.iter().map(definition).collect();
            capabilities.plan_tool_call(&request, &definitions)
        };
        match self.runtime.work(tenant.as_str(), PATIENCE, plan).await {
            Ok((planned, spent)) => planned.map_err(|error| unplanned(error, spent)),
            Err(error) => Err(ended(error, Spent::default())),
        }
    }
}

/// The definition as the tool-calls capability wants it.
fn definition(tool: &Tool) -> Definition {
    let definition = tool.definition();
    Definition {
        name: definition.name.clone(),
        parameters: definition.parameters.to_string(),
        side_effect: definition.effect == Effect::Changes,
        timeout_ms: u32::try_from(definition.timeout.as_millis()).unwrap_or(u32::MAX),
    }
}

fn unplanned(error: CallError, spent: Spent) -> Unplanned {
    let CallError::Deadline { limit, .. } = error else { return Unplanned::Broken(error) };
    // A thread that others keep from the processor is late as well.
    let busy = spent.guest.saturating_mul(2) >= limit;
    ended(if busy { RunError::SchemaTooSlow(limit) } else { RunError::Delayed(limit) }, spent)
}

fn ended(error: RunError, spent: Spent) -> Unplanned {
    Unplanned::Ended(Box::new(Finished { outcome: Err(error), spent }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_millis(250);

    #[test]
    fn a_plan_that_takes_too_long_is_the_tools_fault_if_it_had_the_processor() {
        let late = |millis| {
            let spent = Spent { guest: Duration::from_millis(millis), ..Spent::default() };
            match unplanned(CallError::Deadline { capability: "tool-calls", limit: LIMIT }, spent) {
                Unplanned::Ended(finished) => {
                    let Finished { outcome, spent } = *finished;
                    (outcome.unwrap_err(), spent.guest)
                }
                Unplanned::Broken(error) => panic!("{error}"),
            }
        };
        assert_eq!(late(240), (RunError::SchemaTooSlow(LIMIT), Duration::from_millis(240)));
        assert_eq!(late(50), (RunError::Delayed(LIMIT), Duration::from_millis(50)));
    }

    #[test]
    fn what_breaks_in_planning_is_not_held_against_the_tool() {
        let error = CallError::Trap { capability: "tool-calls", message: "unreachable".into() };
        assert!(matches!(unplanned(error, Spent::default()), Unplanned::Broken(_)));
    }
}
