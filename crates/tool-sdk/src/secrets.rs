//! The tenant's secrets by handle, as a trait so that logic can be tested natively.

use std::collections::BTreeSet;

use crate::Failure;
pub use crate::bindings::voicehive::tool::secrets::Error;

/// Secrets that the tenant stored for this tool. See `wit/tool`.
pub trait Secrets {
    /// The text that stands for the secret `name` in a header field's value.
    ///
    /// # Errors
    /// As the interface says.
    fn handle(&self, name: &str) -> Result<String, Error>;
}

/// What the model is told where a secret is missing: the tenant has to store it.
pub fn failure(error: Error) -> Failure {
    match error {
        Error::Unknown => Failure::Other("a secret of this tool is not stored; a human has to do it".into()),
        Error::Unavailable => Failure::Unavailable("the secrets cannot be read at the moment".into()),
    }
}

/// The host's secrets. Only inside a component.
#[derive(Clone, Copy, Debug, Default)]
pub struct Host;

impl Secrets for Host {
    fn handle(&self, name: &str) -> Result<String, Error> {
        crate::bindings::voicehive::tool::secrets::handle(name)
    }
}

/// Names of secrets that are stored; for native tests.
#[derive(Clone, Debug, Default)]
pub struct Stored(BTreeSet<String>);

impl Stored {
    /// These are stored and no others.
    pub fn new<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Self {
        Self(names.into_iter().map(Into::into).collect())
    }

    /// The handle that [`Secrets::handle`] gives for `name` here. The host's looks
    /// different: a tool passes a handle on and does not look into it.
    pub fn handle_of(name: &str) -> String {
        format!("<secret {name}>")
    }
}

impl Secrets for Stored {
    fn handle(&self, name: &str) -> Result<String, Error> {
        self.0.get(name).map(|name| Self::handle_of(name)).ok_or(Error::Unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_stored_has_a_handle() {
        let secrets = Stored::new(["api-key"]);
        assert_eq!(secrets.handle("api-key"), Ok("<secret api-key>".into()));
        assert_eq!(secrets.handle("other"), Err(Error::Unknown));
        assert!(matches!(failure(Error::Unknown), Failure::Other(_)));
    }
}
