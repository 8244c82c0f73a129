//! What the end-to-end tests share: the platform in processes of its own, and a carrier's signed requests.
#![allow(dead_code, reason = "each test file uses a part of it")]

mod answer;
mod program;
mod server;
mod stage;
mod webhook;

use std::time::Duration;

use tokio::time::{Instant, sleep};

#[allow(unused_imports, reason = "each test file uses a part of it")]
pub use self::{
    answer::Answer,
    program::{ACCOUNT_SID, API_KEY, AUTH_TOKEN, MEDIA_SECRET, NUMBER, OLDER_AUTH_TOKEN, free_address},
    server::{Rows, Server},
    stage::{CarrierStage, converse, count, hears},
    webhook::{CALLER, Webhook, new_call_sid},
};

/// How long anything may take that the tests wait for: far more than it needs, for machines that are busy.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until `check` gives something.
pub async fn eventually<T>(what: &str, check: impl AsyncFnMut() -> Option<T>) -> T {
    within(PATIENCE, what, check).await
}

/// Waits until `check` gives something, for at most so long.
pub async fn within<T>(limit: Duration, what: &str, mut check: impl AsyncFnMut() -> Option<T>) -> T {
    /// Between two looks.
    const PAUSE: Duration = Duration::from_millis(20);
    let until = Instant::now() + limit;
    loop {
        if let Some(found) = check().await {
            return found;
        }
        assert!(Instant::now() < until, "after {limit:?} still waiting for {what}");
        sleep(PAUSE).await;
    }
}

/// Runs every case against one server, so that one failure does not hide the others.
#[allow(unused_macros, reason = "each test file uses a part of it")]
macro_rules! run_all {
    ($server:expr; $($case:ident),+ $(,)?) => {{
        let server: std::sync::Arc<crate::harness::Server> = $server;
        let mut failed: Vec<&str> = Vec::new();
        $(
            if tokio::spawn($case(std::sync::Arc::clone(&server))).await.is_err() {
                failed.push(stringify!($case));
            }
        )+
        assert!(failed.is_empty(), "failed on {}: {failed:#?}", server.name());
    }};
}

#[allow(unused_imports, reason = "each test file uses a part of it")]
pub(crate) use run_all;
