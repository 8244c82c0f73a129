//! Lines of the log: JSON, without personal data.

use std::error::Error;

use serde_json::json;

use crate::message::Incoming;
use crate::service::Platform;

/// Writes one line about a request.
pub(crate) fn log<P: Platform>(platform: &P, request: &Incoming, level: &str, code: &str, message: &str) {
    let line = json!({
        "level": level,
        "target": "carrier-webhooks",
        "request_id": request.request_id,
        "trace_id": request.trace.trace_id().to_string(),
        "span_id": request.trace.span_id().to_string(),
        "path": request.path(),
        "code": code,
        "message": message,
    });
    platform.log(&line.to_string());
}

/// An error and what caused it, in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
