//! What all tools together may use, and each tenant of it.

use std::num::NonZeroUsize;
use std::thread;
use std::time::Duration;

/// What a [`Runtime`](crate::Runtime) gives to tools, and how much of it one tenant may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuntimeLimits {
    /// How many tools may be in the middle of a run at once, most of them waiting for the host.
    /// Each has a thread of its own, so no more than the engine has room for instances. One tenant has
    /// half of them at most, and as many as are left free where several have some.
    pub threads: usize,
    /// How many tools may use a processor at once.
    pub slots: usize,
    /// How many runs of one tenant may be in the middle at once.
    pub running_per_tenant: usize,
    /// How many runs of one tenant may wait for their beginning.
    pub waiting_per_tenant: usize,
    /// How many runs of all tenants may wait for their beginning.
    pub waiting: usize,
    /// The processor time that one tenant may use in one window. What has begun when it is used up
    /// goes on within its own limits; nothing more begins.
    pub cpu_per_window: Duration,
    /// How long a window is. It begins with the tenant's first run after the last one.
    pub window: Duration,
}

impl Default for RuntimeLimits {
    /// As many slots as there are processors: calls' audio comes before tools by the priority of its
    /// threads. A tenant may use a third of one processor for as long as it likes.
    fn default() -> Self {
        Self {
            threads: 64,
            slots: thread::available_parallelism().map_or(1, NonZeroUsize::get),
            running_per_tenant: 8,
            waiting_per_tenant: 64,
            waiting: 1024,
            cpu_per_window: Duration::from_secs(20),
            window: Duration::from_secs(60),
        }
    }
}
