//! `POST /v1/calls`: calls that the platform places.

mod hours;
pub(crate) mod request;
mod schedule;
