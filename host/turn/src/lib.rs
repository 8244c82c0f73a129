//! The call core: a sans-IO state machine of one phone call.

mod io;

pub use io::*;
