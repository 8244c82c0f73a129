//! The service over a real database, in this process.

mod access;
mod resources;
mod setting;
