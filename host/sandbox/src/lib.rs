//! Runs capability components and tenants' tools in process, under limits.
