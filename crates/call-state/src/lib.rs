//! What carriers say of a call, in one vocabulary.

mod moment;

pub use moment::Moment;
