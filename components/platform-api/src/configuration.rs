//! What administrators change: webhook keys, the routing table, limits, the tools of agents.
//!
//! Requests that change something are counted by the address they come from. They are counted
//! after their key has opened, so that only those who have one make the database write.

pub(crate) mod admission;
pub(crate) mod agents;
pub(crate) mod limits;
pub(crate) mod routing;
pub(crate) mod routing_form;
pub(crate) mod webhook_keys;
