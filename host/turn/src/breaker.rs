//! Which vendor to ask while some of them fail.
//!
//! A [`Breaker`] watches one vendor over all calls of a process. As long as it is closed
//! the vendor is asked; when too many of the last requests failed it opens, and nobody
//! waits for that vendor; after a cool-down one request at a time is let through to see
//! whether it is well again. An [`Order`] chooses a vendor for each try of one request.
//!
//! Neither does I/O or has a clock: `now` is any time that only grows, the same for all
//! calls that share a breaker.

mod order;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Duration;

pub use order::Order;

/// When a breaker opens and closes.
#[derive(Clone, Debug, PartialEq)]
pub struct BreakerConfig {
    /// The share of failed requests from which it opens, 0 to 1. Default 0.5, as in dograh.
    pub failure_share: f32,
    /// How long a request counts. Default 120 s, as in dograh.
    pub window: Duration,
    /// How many requests must count before it opens. Default 5, as in dograh.
    pub min_requests: usize,
    /// How many requests count at most: the latest. Default 100: a vendor that fails on a
    /// busy day is noticed within fifty requests and not after two minutes.
    pub max_requests: usize,
    /// How long it stays open at first. Default 10 s: two turns of a conversation.
    pub cool_down: Duration,
    /// How long it stays open at most; each probe that fails doubles the time. Default
    /// 5 min.
    pub max_cool_down: Duration,
    /// How much of a cool-down is cut off at random, 0 to 1, so that the processes of a
    /// cluster do not probe all at once. Default 0.25.
    pub jitter: f32,
    /// How many probes in a row must succeed before it closes. Default 2.
    pub probes: u32,
    /// How long a probe may take before it is given up and another is let through: whoever
    /// made it may be gone. Default 30 s, above every time limit of a request.
    pub probe_limit: Duration,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self {
            failure_share: 0.5,
            window: Duration::from_secs(120),
            min_requests: 5,
            max_requests: 100,
            cool_down: Duration::from_secs(10),
            max_cool_down: Duration::from_secs(300),
            jitter: 0.25,
            probes: 2,
            probe_limit: Duration::from_secs(30),
        }
    }
}

/// Where a breaker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// All requests are let through.
    Closed,
    /// None is.
    Open {
        /// When the first probe will be.
        until: Duration,
    },
    /// One at a time is.
    HalfOpen {
        /// When the probe that is out is given up; absent: none is out.
        probing_until: Option<Duration>,
    },
}

/// Stops requests to a vendor that fails.
///
/// Whoever is let through by [`Breaker::permits`] says how it ended, with exactly one of
/// [`succeeded`](Breaker::succeeded), [`failed`](Breaker::failed) and
/// [`abandoned`](Breaker::abandoned). The end of a request that was let through before the
/// breaker opened is not told from that of a probe; it is evidence just as well.
#[derive(Clone, Debug)]
pub struct Breaker {
    config: BreakerConfig,
    state: BreakerState,
    /// The latest requests while closed: when they ended, and whether they failed.
    ended: VecDeque<(Duration, bool)>,
    n_failed: usize,
    /// Probes in a row that succeeded.
    n_well: u32,
    /// How many cool-downs there were since it was last closed.
    n_cool_downs: u32,
    random: u64,
}

impl Breaker {
    /// A closed breaker. The seed decides the jitter; it should differ between processes.
    pub fn new(config: BreakerConfig, seed: u64) -> Self {
        let ended = VecDeque::with_capacity(config.max_requests);
        let state = BreakerState::Closed;
        Self { config, state, ended, n_failed: 0, n_well: 0, n_cool_downs: 0, random: seed }
    }

    /// Where it stands at `now`.
    pub fn state(&self, now: Duration) -> BreakerState {
        match self.state {
            BreakerState::Open { until } if until <= now => BreakerState::HalfOpen { probing_until: None },
            BreakerState::HalfOpen { probing_until: Some(until) } if until <= now => {
                BreakerState::HalfOpen { probing_until: None }
            }
            state => state,
        }
    }

    /// When a request may be made: `now` or later. Changes nothing.
    pub fn permits_from(&self, now: Duration) -> Duration {
        match self.state(now) {
            BreakerState::Closed | BreakerState::HalfOpen { probing_until: None } => now,
            BreakerState::Open { until } | BreakerState::HalfOpen { probing_until: Some(until) } => until,
        }
    }

    /// Whether a request may be made now. While half open this takes the probe.
    #[must_use]
    pub fn permits(&mut self, now: Duration) -> bool {
        self.state = self.state(now);
        match &mut self.state {
            BreakerState::Closed => true,
            BreakerState::Open { .. } | BreakerState::HalfOpen { probing_until: Some(_) } => false,
            BreakerState::HalfOpen { probing_until } => {
                *probing_until = Some(now.saturating_add(self.config.probe_limit));
                true
            }
        }
    }

    /// A request did what it should.
    pub fn succeeded(&mut self, now: Duration) {
        self.state = self.state(now);
        match &mut self.state {
            BreakerState::Closed => self.count(now, false),
            BreakerState::HalfOpen { probing_until } if probing_until.is_some() => {
                *probing_until = None;
                self.n_well += 1;
                if self.n_well >= self.config.probes {
                    self.close();
                }
            }
            // Of a request from before: that a vendor was well then says nothing.
            BreakerState::Open { .. } | BreakerState::HalfOpen { .. } => {}
        }
    }

    /// A request failed, or its answer did not come in time.
    pub fn failed(&mut self, now: Duration) {
        self.state = self.state(now);
        match self.state {
            BreakerState::Closed => {
                self.count(now, true);
                let n = self.ended.len();
                let share = self.n_failed as f32 / n.max(1) as f32;
                if n >= self.config.min_requests && share >= self.config.failure_share {
                    self.open(now);
                }
            }
            BreakerState::HalfOpen { probing_until: Some(_) } => self.open(now),
            BreakerState::Open { .. } | BreakerState::HalfOpen { probing_until: None } => {}
        }
    }

    /// A request ended without showing anything of the vendor: the caller went on, or the
    /// call ended.
    pub fn abandoned(&mut self, now: Duration) {
        self.state = self.state(now);
        if let BreakerState::HalfOpen { probing_until } = &mut self.state {
            *probing_until = None;
        }
    }

    fn count(&mut self, now: Duration, failed: bool) {
        while let Some((at, failed)) = self.ended.front().copied() {
            let stale = now.saturating_sub(at) >= self.config.window;
            if !stale && self.ended.len() < self.config.max_requests.max(1) {
                break;
            }
            self.ended.pop_front();
            self.n_failed -= usize::from(failed);
        }
        self.ended.push_back((now, failed));
        self.n_failed += usize::from(failed);
    }

    fn open(&mut self, now: Duration) {
        let doubled = 2u32.saturating_pow(self.n_cool_downs);
        let cool_down = self.config.cool_down.saturating_mul(doubled).min(self.config.max_cool_down);
        let cut = self.config.jitter.clamp(0.0, 1.0) * self.random_share();
        self.state = BreakerState::Open { until: now.saturating_add(cool_down.mul_f32(1.0 - cut)) };
        self.n_cool_downs = self.n_cool_downs.saturating_add(1);
        self.forget();
    }

    fn close(&mut self) {
        self.state = BreakerState::Closed;
        self.n_cool_downs = 0;
        self.forget();
    }

    fn forget(&mut self) {
        self.ended.clear();
        self.n_failed = 0;
        self.n_well = 0;
    }

    /// A number from 0 up to 1, the next of the seed's (SplitMix64, Steele et al. 2014).
    fn random_share(&mut self) -> f32 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) >> 40) as f32 / (1u32 << 24) as f32
    }
}
