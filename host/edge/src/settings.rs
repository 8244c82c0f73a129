//! What the embedder decides: where things are, and how much of everything a guest may use.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Everything [`Edge::load`](crate::Edge::load) needs to know.
#[derive(Clone)]
pub struct Settings {
    /// The `spin.toml` to serve; relative paths in it are relative to its directory.
    pub manifest: PathBuf,
    /// Where the key-value store and the default SQLite database live (Spin's `.spin`); created if absent.
    pub state_dir: PathBuf,
    /// Database label to file. A `default` here replaces the file in `state_dir`.
    pub sqlite_databases: BTreeMap<String, PathBuf>,
    /// Values of application variables, over the defaults in the manifest.
    pub variables: BTreeMap<String, String>,
    /// Where compiled components are kept between runs; created with mode 0700.
    pub compile_cache: PathBuf,
    /// Bounds on what guests and clients may use.
    pub limits: Limits,
}

/// Values are left out: some of them are secrets.
impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("manifest", &self.manifest)
            .field("state_dir", &self.state_dir)
            .field("sqlite_databases", &self.sqlite_databases)
            .field("variables", &self.variables.keys().collect::<Vec<_>>())
            .field("compile_cache", &self.compile_cache)
            .field("limits", &self.limits)
            .finish()
    }
}

/// Bounds on what guests and clients may use.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of linear memory that one instance may have, over all its memories together.
    pub memory_per_instance: usize,
    /// From a request's arrival to the head of its response; the same again for what the guest does after that.
    pub request_deadline: Duration,
    /// The longest silence between two pieces of a request's body.
    pub body_read_timeout: Duration,
    /// Bytes that a request's body may have.
    pub max_body: u64,
    /// Requests in progress at one time, until the last byte of their response.
    pub max_concurrent_requests: usize,
    /// Requests that may wait for one of those places; one more is answered with 503 at once.
    pub max_queued_requests: usize,
    /// How long a request waits for a place, or for an instance, before it is answered with 503.
    pub queue_wait: Duration,
    /// Instances alive at one time. More than `max_concurrent_requests`: chained requests and work after a response need some.
    pub max_instances: u32,
    /// Whether an instance serves more than one request.
    pub instance_reuse: InstanceReuse,
    /// How long a guest's outbound request may take to connect, name resolution and TLS included.
    pub outbound_connect_timeout: Duration,
    /// The longest wait for the head of an outbound response, and between two pieces of its body.
    pub outbound_read_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_per_instance: 128 << 20,
            request_deadline: Duration::from_secs(30),
            body_read_timeout: Duration::from_secs(10),
            max_body: 10 << 20,
            max_concurrent_requests: 128,
            max_queued_requests: 1024,
            queue_wait: Duration::from_secs(2),
            max_instances: 192,
            instance_reuse: InstanceReuse::default(),
            outbound_connect_timeout: Duration::from_secs(5),
            outbound_read_timeout: Duration::from_secs(20),
        }
    }
}

/// How often an instance is used. A reused instance keeps its globals: requests can see what earlier ones left behind.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct InstanceReuse {
    /// Requests that one instance serves in its life.
    pub requests: usize,
    /// Requests that one instance serves at the same time (WASI 0.3 components only).
    pub concurrent: usize,
    /// How long an idle instance is kept.
    pub idle: Duration,
}

/// One instance per request: nothing of one request is left for the next.
impl Default for InstanceReuse {
    fn default() -> Self {
        Self { requests: 1, concurrent: 1, idle: Duration::from_secs(1) }
    }
}

/// Where a request came from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Origin {
    /// The peer that sent the request; guests see it as `spin-client-addr`.
    pub client_addr: SocketAddr,
    /// The address the request arrived at.
    pub local_addr: SocketAddr,
    /// The scheme the client used.
    pub scheme: Scheme,
}

/// The scheme a client used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Scheme {
    /// Plain text.
    Http,
    /// TLS, ended before the request reached this runner.
    Https,
}

impl From<Scheme> for http::uri::Scheme {
    fn from(scheme: Scheme) -> Self {
        match scheme {
            Scheme::Http => http::uri::Scheme::HTTP,
            Scheme::Https => http::uri::Scheme::HTTPS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_of_settings_hides_the_values_of_variables() {
        let settings = Settings {
            manifest: "spin.toml".into(),
            state_dir: ".spin".into(),
            sqlite_databases: BTreeMap::new(),
            variables: [("webhook_secret".to_owned(), "hunter2".to_owned())].into(),
            compile_cache: "cache".into(),
            limits: Limits::default(),
        };

        let text = format!("{settings:?}");

        assert!(text.contains("webhook_secret"));
        assert!(!text.contains("hunter2"));
    }

    #[test]
    fn default_limits_leave_instances_for_chained_requests() {
        let limits = Limits::default();

        assert!(limits.max_instances as usize > limits.max_concurrent_requests);
    }
}
