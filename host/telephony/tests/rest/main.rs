//! The carriers' REST sides over real sockets, against servers that answer in the carriers' exact words.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod broken;
mod server;
mod telnyx;
mod twilio;
mod worker;
