//! Flux: the recogniser that hears the ends of turns.

mod options;
mod turns;

pub(super) use options::parse;
pub(super) use turns::Turns;
