//! Media-socket codecs of the carriers: JSON text frames to typed messages and back.
//!
//! Pure: no sockets, no clocks. A codec turns one text frame into one message; a session adds what only the order of
//! messages can tell, such as audio that comes before its stream was announced.

mod error;
mod json;
pub mod twilio;

pub use error::Error;
