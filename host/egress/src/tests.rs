//! Against real TLS servers on this machine.

mod addresses;
mod bodies;
mod names;
mod refusals;
mod secrets;
mod server;
mod tenants;
mod time;
