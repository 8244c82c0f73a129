//! Decides what happens to a call from a tenant's routing table.
