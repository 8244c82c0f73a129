//! What one version of a tool may reach.

use crate::host::Host;
use crate::secret::Secret;

/// The most hosts that a tool may declare.
const MAX_HOSTS: usize = 32;
/// The most secrets that a tool may name.
const MAX_SECRETS: usize = 32;

/// The hosts that a tool declared, and the secrets it may name towards them.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    hosts: Vec<Host>,
    secrets: Vec<Secret>,
}

/// Why a declaration is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPolicy {
    /// More than 32 hosts.
    #[error("a tool may declare 32 hosts")]
    TooManyHosts,
    /// More than 32 secrets.
    #[error("a tool may have 32 secrets")]
    TooManySecrets,
    /// Two secrets of one name for one host.
    #[error("there are two secrets `{0}` for one host")]
    SecretTwice(String),
    /// A secret for a host that the tool may not reach.
    #[error("the secret `{secret}` is for `{host}`, which is not declared")]
    SecretWithoutHost {
        /// The secret's name.
        secret: String,
        /// The host.
        host: String,
    },
}

impl Policy {
    /// Requests go to `hosts`, with `secrets`.
    ///
    /// # Errors
    /// When there are too many, or a secret's host is not among the hosts.
    pub fn new(hosts: Vec<Host>, secrets: Vec<Secret>) -> Result<Self, InvalidPolicy> {
        if hosts.len() > MAX_HOSTS {
            return Err(InvalidPolicy::TooManyHosts);
        }
        if secrets.len() > MAX_SECRETS {
            return Err(InvalidPolicy::TooManySecrets);
        }
        for (index, secret) in secrets.iter().enumerate() {
            let name = || secret.name().to_owned();
            if !hosts.contains(secret.host()) {
                let host = secret.host().to_string();
                return Err(InvalidPolicy::SecretWithoutHost { secret: name(), host });
            }
            let same = |other: &Secret| other.name() == secret.name() && other.host() == secret.host();
            if secrets.iter().take(index).any(same) {
                return Err(InvalidPolicy::SecretTwice(name()));
            }
        }
        Ok(Self { hosts, secrets })
    }

    /// What stands for the secret `name` in a header field's value, if the tool has one of that name.
    pub fn handle(&self, name: &str) -> Option<String> {
        self.secrets.iter().find(|secret| secret.name() == name).map(Secret::handle)
    }

    pub(crate) fn allows(&self, host: &Host) -> bool {
        self.hosts.contains(host)
    }

    pub(crate) fn secrets(&self) -> &[Secret] {
        &self.secrets
    }
}
