//! The REST interface: calls, recordings and conferences, as
//! <https://www.twilio.com/docs/voice/api> has them.

mod answer;
mod calls;
mod conferences;
mod create;
mod form;
mod page;
mod recordings;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::time::sleep;

use super::desk::Desk;
use super::leg::account_path;
use super::rest_faults::{Operation, RestTrouble};
use answer::error;

pub(super) fn routes(desk: Arc<Desk>) -> Router {
    let account = "/2010-04-01/Accounts/{account}";
    let at = |path: &str| format!("{account}/{path}");
    Router::new()
        .route(&at("Calls.json"), get(calls::list).post(create::create))
        .route(&at("Calls/{call}"), get(calls::read).post(calls::update))
        .route(&at("Calls/{call}/Recordings.json"), get(recordings::of_call).post(recordings::start))
        .route(
            &at("Calls/{call}/Recordings/{recording}"),
            get(recordings::read_of_call).post(recordings::update).delete(recordings::delete_of_call),
        )
        .route(&at("Recordings.json"), get(recordings::list))
        .route(&at("Recordings/{recording}"), get(recordings::read).delete(recordings::delete))
        .route(&at("Conferences.json"), get(conferences::list))
        .route(&at("Conferences/{conference}"), get(conferences::read).post(conferences::update))
        .route(
            &at("Conferences/{conference}/Participants.json"),
            get(conferences::participants).post(create::join),
        )
        .route(
            &at("Conferences/{conference}/Participants/{call}"),
            get(conferences::participant).post(conferences::change).delete(conferences::remove),
        )
        .fallback(|| async { answer::not_found("resource") })
        .layer(from_fn_with_state(Arc::clone(&desk), authenticate))
        .layer(from_fn_with_state(Arc::clone(&desk), fault))
        .with_state(desk)
}

/// The account that a request is about: `/2010-04-01/Accounts/{account}/…`.
pub(super) fn whose(request: &Request) -> Option<String> {
    request.uri().path().split('/').nth(3).map(str::to_owned)
}

/// Lets in who has the account's token, to the account's own resources.
async fn authenticate(State(desk): State<Arc<Desk>>, request: Request, next: Next) -> Response {
    let credentials = format!("{}:{}", desk.config.account_sid, desk.config.auth_token);
    let expected = format!("Basic {}", STANDARD.encode(credentials));
    let given = request.headers().get(header::AUTHORIZATION).and_then(|given| given.to_str().ok());
    if given != Some(&expected) {
        return error(StatusCode::UNAUTHORIZED, 20003, "Authenticate");
    }
    let path = request.uri().path();
    if !path.starts_with(&format!("{}/", account_path(&desk.config))) {
        return answer::not_found(path);
    }
    next.run(request).await
}

/// Applies the faults that were asked for.
async fn fault(State(desk): State<Arc<Desk>>, request: Request, next: Next) -> Response {
    let operation = operation(request.method(), request.uri().path());
    match operation.and_then(|operation| desk.rest_faults.strike(operation)) {
        None => next.run(request).await,
        Some(RestTrouble::TooMany { retry_after }) => {
            let mut response = error(StatusCode::TOO_MANY_REQUESTS, 20429, "Too Many Requests");
            let seconds = HeaderValue::from(retry_after.as_secs());
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
            response
        }
        Some(RestTrouble::ServerError) => failed(),
        Some(RestTrouble::Unavailable) => {
            error(StatusCode::SERVICE_UNAVAILABLE, 20503, "Service Unavailable")
        }
        Some(RestTrouble::Dropped) => crate::server::broken(),
        Some(RestTrouble::AnswerLost) => {
            let _lost = next.run(request).await;
            crate::server::broken()
        }
        Some(RestTrouble::AnswerLate(delay)) => {
            let response = next.run(request).await;
            sleep(delay).await;
            response
        }
        Some(RestTrouble::ServerErrorAfter) => {
            let _lost = next.run(request).await;
            failed()
        }
    }
}

fn failed() -> Response {
    error(StatusCode::INTERNAL_SERVER_ERROR, 20500, "Internal Server Error")
}

fn operation(method: &Method, path: &str) -> Option<Operation> {
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').skip(3).collect();
    let reads = method == Method::GET;
    Some(match parts.as_slice() {
        ["Calls.json"] if reads => Operation::ListCalls,
        ["Calls.json"] => Operation::CreateCall,
        ["Calls", _] if reads => Operation::ReadCall,
        ["Calls", _] => Operation::UpdateCall,
        ["Recordings", file] if reads && !file.ends_with(".json") => Operation::RecordingMedia,
        ["Recordings.json" | "Recordings", ..] | ["Calls", _, ..] => Operation::Recordings,
        ["Conferences", _, "Participants.json"] if !reads => Operation::CreateCall,
        ["Conferences.json" | "Conferences", ..] => Operation::Conferences,
        _ => return None,
    })
}
