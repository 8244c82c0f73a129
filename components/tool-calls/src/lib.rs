//! Stands between a model that asks for a tool and the tool itself.
//!
//! A refused request names what to mend, so that the model's next attempt can
//! succeed; a planned one carries a key by which a repeated attempt is known.

mod arguments;
#[allow(missing_docs, unsafe_code, clippy::all, reason = "generated from wit/platform/tool-calls.wit")]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit/platform",
        world: "tool-calls-capability",
        additional_derives: [PartialEq],
    });
}
mod outcome;
mod plan;
mod problems;
mod schema;

use bindings::exports::voicehive::platform::tool_calls::{
    Audience, Definition, Guest, Outcome, Plan, Refusal, Request,
};

pub use crate::{
    arguments::MAX_ARGUMENTS,
    outcome::MAX_SHAPED,
    plan::{DEFAULT_TIMEOUT, MAX_TIMEOUT},
    problems::MAX_PROBLEMS,
    schema::MAX_SCHEMA,
};

/// The exported component.
#[derive(Debug)]
pub struct Component;

impl Guest for Component {
    fn plan_call(request: Request, definitions: Vec<Definition>) -> Result<Plan, Refusal> {
        plan::plan(&request, &definitions)
    }

    fn shape(outcome: Outcome, audience: Audience) -> String {
        outcome::shape(outcome, audience)
    }
}

#[cfg(target_family = "wasm")]
#[allow(unsafe_code, reason = "generated: the functions that the host calls")]
mod exported {
    use super::{Component, bindings};

    bindings::export!(Component with_types_in bindings);
}
