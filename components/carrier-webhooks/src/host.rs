//! Questions to the media host, over its internal routes.

use std::time::Duration;

use crate::proof::Proven;
use crate::service::Platform;

/// What the host answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// Why the host did not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HostFault {
    /// No `internal_url` or no `internal_secret` is set.
    #[error("the host's internal address is not configured")]
    NotConfigured,
    /// It did not answer in time. Whether it acted is unknown.
    #[error("the host did not answer in time")]
    TimedOut,
    /// It could not be asked, or its answer did not arrive. Whether it acted is unknown.
    #[error("the host cannot be reached: {0}")]
    Unreachable(String),
    /// Its answer was larger than any that it gives.
    #[error("the host's answer is too large")]
    TooLarge,
}

/// The largest answer of the host's: an agent's instructions and the schemas of its tools.
pub const ANSWER_BYTES_MAX: usize = 1024 * 1024;

const WAKE: &str = "/internal/v1/wake";

/// The host looks into the database four times a second anyway; waiting longer than this gains nothing.
const WAKE_TIMEOUT: Duration = Duration::from_millis(500);

const COMMAND: &str = "/internal/v1/commands";

/// A carrier that waits for the answer to its webhook waits about two seconds.
const COMMAND_TIMEOUT: Duration = Duration::from_millis(1500);

/// Asks the host to tell a carrier something at once, about a call that is nobody's, so that no outbox can hold it. Best
/// effort: the fault is logged.
pub(crate) async fn command<P: Platform>(platform: &P, proven: &Proven<'_>, order: &serde_json::Value) {
    let fault = match platform.ask_host(COMMAND, order.to_string(), COMMAND_TIMEOUT).await {
        Ok(HostAnswer { status: 200..=299, .. }) => return,
        Ok(answer) => format!("the host answered {}", answer.status),
        Err(fault) => fault.to_string(),
    };
    proven.log(platform, "warn", "command-not-sent", &fault);
}

const KEYS: &str = "/internal/v1/keys";

/// Tells the host of a key that a caller pressed. The media socket tells it as well; whoever comes second is not counted.
/// Best effort: a call that is not live there needs no keys.
pub(crate) async fn key<P: Platform>(platform: &P, proven: &Proven<'_>, call: &store::Call, digit: char) {
    let body = serde_json::json!({ "tenant": call.tenant, "call": call.id, "digit": digit });
    let fault = match platform.ask_host(KEYS, body.to_string(), WAKE_TIMEOUT).await {
        Ok(HostAnswer { status: 200..=299 | 404, .. }) | Err(HostFault::NotConfigured) => return,
        Ok(answer) => format!("the host answered {}", answer.status),
        Err(fault) => fault.to_string(),
    };
    proven.log(platform, "info", "key-not-told", &fault);
}

/// Tells the host that there is work for it in the database. Best effort.
pub(crate) async fn wake<P: Platform>(platform: &P, proven: &Proven<'_>) {
    let fault = match platform.ask_host(WAKE, String::new(), WAKE_TIMEOUT).await {
        Ok(HostAnswer { status: 200..=299, .. }) | Err(HostFault::NotConfigured) => return,
        Ok(answer) => format!("the host answered {}", answer.status),
        Err(fault) => fault.to_string(),
    };
    proven.log(platform, "info", "host-not-woken", &fault);
}
