//! Building definitions.

use std::time::Duration;

use crate::{Definition, Effect};

/// How long a call may take unless [`Definition::within`] says otherwise: about
/// as long as a caller waits for an answer without wondering.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

impl Definition {
    /// A tool called `name`, which does what `description` tells the model, takes
    /// arguments that fit the JSON Schema `parameters`, and declares no hosts.
    pub fn new(
        name: impl Into<String>,
        description: impl Into<String>,
        parameters: impl Into<String>,
        effect: Effect,
    ) -> Self {
        Self {
            name: name.into(),
            description: description.into(),
            parameters: parameters.into(),
            effect,
            hosts: Vec::new(),
            timeout_ms: millis(DEFAULT_TIMEOUT),
        }
    }

    /// Declares a host that the tool sends requests to, as `api.example.com`, or
    /// with a port where it is not 443.
    #[must_use]
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.hosts.push(host.into());
        self
    }

    /// Says how long a call may take. The host takes 1 ms to 30 s.
    #[must_use]
    pub fn within(mut self, timeout: Duration) -> Self {
        self.timeout_ms = millis(timeout);
        self
    }
}

fn millis(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_is_what_was_said_of_it() {
        let definition = Definition::new("weather", "Says how the weather is.", "{}", Effect::Reads)
            .host("api.example.com")
            .host("api.example.org:8443")
            .within(Duration::from_millis(2500));
        assert_eq!(definition.hosts, ["api.example.com", "api.example.org:8443"]);
        assert_eq!(definition.timeout_ms, 2500);
        assert_eq!(definition.effect, Effect::Reads);
        assert_eq!(Definition::new("a", "b", "{}", Effect::Pure).timeout_ms, 5000);
    }
}
