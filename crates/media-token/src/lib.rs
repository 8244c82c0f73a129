//! The signed, expiring, single-use token in a media socket's path.
