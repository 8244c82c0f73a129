//! What carriers say of a call, in one vocabulary.

mod event;
mod moment;
mod reason;

pub use event::{
    AnsweredBy, Carrier, CarrierEvent, Cost, Direction, Ending, EventKind, Ids, Recording, Unreadable,
};
pub use moment::Moment;
pub use reason::{Detail, EndReason, Fault};
