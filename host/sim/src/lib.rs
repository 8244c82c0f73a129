//! Simulators that speak the real wire protocols: a carrier, and speech and language vendors.

mod accounts;
pub mod carrier;
pub mod demo;
pub mod exchange;
pub mod faults;
pub mod recording;
pub mod server;
pub mod telnyx;
pub mod timeline;
pub mod vapi;
pub mod vendors;
pub mod voice;
