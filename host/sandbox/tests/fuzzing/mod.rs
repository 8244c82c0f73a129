//! Components that nobody wrote, and what the platform promises for each of them.
#![allow(dead_code, reason = "each user takes a part")]

pub mod component;
mod composed;
pub mod promise;
pub mod random;
pub mod start;
