//! What a scheme has proven, before the body is handed out.

use crate::contract::{ReplayGuard, Verified};

/// Proof that a request is its sender's.
#[derive(Debug)]
pub(crate) struct Proof {
    /// Which key matched.
    pub(crate) key_index: u32,
    /// The body as a form, where it is one.
    pub(crate) form: Option<Vec<(String, String)>>,
    /// How a repetition is told, where the scheme signs a time.
    pub(crate) replay: Option<ReplayGuard>,
}

impl Proof {
    /// Proof by the key at `key_index`, of a body that is no form and bears no time.
    pub(crate) fn by(key_index: u32) -> Self {
        Self { key_index, form: None, replay: None }
    }

    /// Hands out `body` in the one form that handlers are to read.
    pub(crate) fn release(self, body: Vec<u8>) -> Verified {
        let Self { key_index, form, replay } = self;
        match form {
            Some(form) => Verified { key_index, form, body: Vec::new(), replay },
            None => Verified { key_index, form: Vec::new(), body, replay },
        }
    }
}
