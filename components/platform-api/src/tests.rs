//! The service over a real database, in this process.

mod access;
mod capability;
mod configuration;
mod idempotency;
mod ordering;
mod orders_shown;
mod resources;
mod routing;
mod setting;
mod strangeness;
mod tracing;
