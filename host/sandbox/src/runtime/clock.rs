//! Where the runtime reads the time.

use std::time::{Duration, Instant};

/// The time that passes for everyone, and the processor time that a thread has used.
pub(crate) trait Clock: Send + Sync {
    /// Since some fixed moment.
    fn now(&self) -> Duration;

    /// The processor time that the calling thread has used. It stands still while the thread waits, and
    /// while other threads have the processor.
    fn cpu(&self) -> Duration;
}

/// The clocks of this machine.
pub(crate) struct SystemClock {
    began: Instant,
}

impl SystemClock {
    pub(crate) fn new() -> Self {
        Self { began: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    #[cfg(target_os = "linux")]
    fn cpu(&self) -> Duration {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Duration::try_from(time).unwrap_or_default()
    }

    // Elsewhere a thread is charged for the time that it is kept from running, too.
    #[cfg(not(target_os = "linux"))]
    fn cpu(&self) -> Duration {
        self.now()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Clocks that stand still until they are moved, the same for all threads.
    #[derive(Default)]
    pub(crate) struct FakeClock {
        time: Mutex<(Duration, Duration)>,
    }

    impl FakeClock {
        pub(crate) fn advance(&self, now: Duration, cpu: Duration) {
            let mut time = self.time.lock().unwrap();
            time.0 += now;
            time.1 += cpu;
        }
    }

    impl Clock for FakeClock {
        fn now(&self) -> Duration {
            self.time.lock().unwrap().0
        }

        fn cpu(&self) -> Duration {
            self.time.lock().unwrap().1
        }
    }

    #[test]
    fn a_thread_is_not_charged_for_what_another_uses() {
        let clock = SystemClock::new();
        let before = clock.cpu();
        let other = std::thread::scope(|scope| {
            let spin = || {
                let began = clock.cpu();
                while clock.cpu() - began < Duration::from_millis(20) {}
                clock.cpu() - began
            };
            scope.spawn(spin).join().unwrap()
        });
        let own = clock.cpu() - before;
        assert!(other >= Duration::from_millis(20));
        // On other systems the two are the same clock.
        assert!(own < other || !cfg!(target_os = "linux"), "{own:?} of {other:?}");
    }
}
