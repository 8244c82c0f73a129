//! How much, how many and how long.

use std::time::Duration;

/// Bounds of requests, of responses and of a tenant. The defaults are what the tools' interface promises.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The longest URL, in bytes.
    pub url_bytes: usize,
    /// The most header fields of a request as of a response.
    pub headers: usize,
    /// The longest head of a request as of a response, in bytes. Not less than 8 KiB for responses: the HTTP
    /// library's own least.
    pub head_bytes: usize,
    /// The largest body of a request as of a response, in bytes.
    pub body_bytes: usize,
    /// What one request may move over the wire in both directions, TLS, chunk headers and interim responses included.
    pub wire_bytes: u64,
    /// How long a request may wait for its turn, then resolve, connect and set up TLS; each of the two.
    pub connect: Duration,
    /// How long a request may take as a whole.
    pub total: Duration,
    /// The most addresses of one name. A name with more is refused: all of them have to be checked.
    pub addresses: usize,
    /// How many of them are tried.
    pub attempts: usize,
    /// How many requests of one tenant run at once.
    pub concurrent: usize,
    /// How many more of them may wait.
    pub waiting: usize,
    /// How many requests a tenant may begin at once when it has been idle.
    pub burst: u32,
    /// After how long one more is allowed, again and again.
    pub interval: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            url_bytes: 8 << 10,
            headers: 64,
            head_bytes: 16 << 10,
            body_bytes: 256 << 10,
            wire_bytes: 1 << 20,
            connect: Duration::from_secs(3),
            total: Duration::from_secs(10),
            addresses: 32,
            attempts: 4,
            concurrent: 8,
            waiting: 32,
            burst: 50,
            interval: Duration::from_millis(50),
        }
    }
}
