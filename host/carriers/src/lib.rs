//! Media-socket codecs of the carriers: JSON text frames to typed messages and back.
//!
//! Pure: no sockets, no clocks. A codec turns one text frame into one message; a session adds what only the order of
//! messages can tell, such as audio that comes before its stream was announced.

pub mod dtmf;
mod error;
mod json;
mod payload;
pub mod reorder;
mod sequence;
pub mod telnyx;
mod track;
pub mod twilio;

pub use error::Error;
pub use track::Track;
