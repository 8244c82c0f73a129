//! The lanes against a real database and a carrier that does as it is told, at times that the test sets.

mod commands;
mod orders;
mod own_accounts;
mod recordings;
mod running;
mod simulated;
mod world;
