//! Names to addresses.

use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::Semaphore;

/// The addresses of a name, in the order to try them.
pub type Answer = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// How many names the operating system looks up at once. Each takes a thread for as long as the name's servers please.
const MAX_LOOKUPS: usize = 64;

/// Finds the addresses of names. It is asked once for each request, and need not judge the addresses.
pub trait Resolver: Send + Sync {
    /// All addresses of `name`, an absolute DNS name in lower case without the final dot.
    fn resolve(&self, name: String) -> Answer;
}

/// Asks the operating system.
#[derive(Debug)]
pub struct SystemResolver {
    lookups: Arc<Semaphore>,
}

impl Default for SystemResolver {
    fn default() -> Self {
        Self { lookups: Arc::new(Semaphore::new(MAX_LOOKUPS)) }
    }
}

impl Resolver for SystemResolver {
    fn resolve(&self, name: String) -> Answer {
        let lookups = self.lookups.clone();
        Box::pin(async move {
            let lookup = lookups.acquire_owned().await.map_err(io::Error::other)?;
            let look_up = move || {
                // A lookup cannot be abandoned, so it counts until its thread is done with it.
                let _lookup = lookup;
                // With the final dot no search domain of this machine is tried.
                let found = (format!("{name}."), 0).to_socket_addrs()?;
                Ok(found.map(|address| address.ip()).collect())
            };
            tokio::task::spawn_blocking(look_up).await.map_err(io::Error::other)?
        })
    }
}
