//! `POST /webhooks/vapi`: messages of Vapi's, which holds the call itself and asks what only we know.
//!
//! Vapi ignores every reply whose status is not 200, and a caller hears the consequence. So what asks for something is
//! always answered with 200, in words for the caller or for the model where all else fails. What only reports may fail
//! with 503: Vapi sends it again where its server is set up to (`backoffPlan`).

mod answering;
mod assistant;
mod conversation;
mod course;
mod desk;
mod fault;
mod handover;
mod tools;

use std::pin::pin;
use std::time::Duration;

use ::vapi::{Message, Reply, ServerMessage};
use futures::future::{Either, select};
use http::{Response, StatusCode};
use store::Timestamp;

use crate::message;
use crate::proof::Proven;
use crate::refusal::Refused;
use crate::service::Platform;
use desk::Case;

/// Answers a proven message.
pub(crate) async fn handle<P: Platform>(
    platform: &P,
    proven: &Proven<'_>,
    now: Timestamp,
) -> Response<String> {
    let message = match ServerMessage::parse(proven.body()) {
        Ok(message) => message,
        Err(fault) => {
            let refused = Refused::new(StatusCode::BAD_REQUEST, "malformed-message", fault.to_string());
            return proven.refuse(platform, &refused).written(proven.request_id());
        }
    };
    let case = Case { platform, proven, message: &message, now };
    match reply(&case).await {
        Ok(reply) => message::respond(StatusCode::OK, "application/json", reply.to_json()),
        Err(fault) => fault.written(&case),
    }
}

async fn reply<P: Platform>(case: &Case<'_, P>) -> Result<Reply, fault::Fault> {
    Ok(match &case.message.message {
        Message::AssistantRequest => answering::reply(case).await,
        Message::ToolCalls { calls, turn } => {
            Reply::tool_results(calls, tools::run(case, calls, *turn).await)
        }
        Message::FunctionCall { call, turn } => {
            let outcomes = tools::run(case, std::slice::from_ref(call), *turn).await;
            outcomes.first().map_or_else(Reply::nothing, Reply::function_result)
        }
        Message::TransferDestinationRequest => handover::reply(case).await,
        // The platform has no knowledge base; the model goes on with what it knows.
        Message::KnowledgeBaseRequest => Reply::documents(&[]),
        Message::StatusUpdate(_) | Message::TransferUpdate { .. } | Message::EndOfCallReport { .. } => {
            course::take(case).await?;
            Reply::nothing()
        }
        _ => Reply::nothing(),
    })
}

/// What `work` comes to, or `None` where it takes longer than `limit`.
async fn within<P: Platform, T>(platform: &P, limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    match select(pin!(work), pin!(platform.pause(limit))).await {
        Either::Left((done, _)) => Some(done),
        Either::Right(((), _)) => None,
    }
}
