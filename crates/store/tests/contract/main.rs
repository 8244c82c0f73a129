//! One suite for every implementation of `Db` that runs in this process.
#![cfg(test)]

mod accounts;
mod calls;
mod carrier_accounts;
mod carrier_events;
mod commands;
mod events_log;
mod fixture;
mod idempotency;
mod interleavings;
mod limits;
mod migrations;
mod naming;
mod orders;
mod people;
mod placing;
mod plans;
mod receiving;
mod recordings;
mod records;
mod tool_courses;
mod tool_plans;
mod tool_refusals;
mod tool_runs;
mod tools;
mod webhooks;
mod writers;

/// Runs each test against a file and against memory.
macro_rules! contract {
    ($($test:ident),* $(,)?) => {
        mod on_file {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(&crate::fixture::Fixture::on_file().await).await;
            })*
        }
        mod in_memory {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(&crate::fixture::Fixture::in_memory().await).await;
            })*
        }
    };
}
pub(crate) use contract;
