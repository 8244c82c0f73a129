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

/// Tells the host that there is work for it in the database. Best effort.
pub(crate) async fn wake<P: Platform>(platform: &P, proven: &Proven<'_>) {
    let fault = match platform.ask_host(WAKE, String::new(), WAKE_TIMEOUT).await {
        Ok(HostAnswer { status: 200..=299, .. }) | Err(HostFault::NotConfigured) => return,
        Ok(answer) => format!("the host answered {}", answer.status),
        Err(fault) => fault.to_string(),
    };
    proven.log(platform, "info", "host-not-woken", &fault);
}
