//! What a tool has used of what it may use.

/// Requests, and bytes on the wire in both directions, TLS included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Requests for which a name was resolved, whatever became of them.
    pub requests: u32,
    /// Bytes sent and received.
    pub bytes: u64,
}

impl Usage {
    /// No bound.
    pub const UNLIMITED: Self = Self { requests: u32::MAX, bytes: u64::MAX };

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            requests: self.requests.saturating_add(other.requests),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }

    fn minus(self, other: Self) -> Self {
        Self {
            requests: self.requests.saturating_sub(other.requests),
            bytes: self.bytes.saturating_sub(other.bytes),
        }
    }
}

/// What one call of a tool may use, within what its tenant may use in a day. It starts from the day's count and ends with
/// [`Budget::spent`], which the owner of that count adds to it: calls that run at once each see only their own.
#[derive(Clone, Debug)]
pub struct Budget {
    allowed: Usage,
    spent: Usage,
}

impl Budget {
    /// A call may use `per_call`, and no more than `used_today` leaves of `per_day`.
    pub fn new(per_call: Usage, per_day: Usage, used_today: Usage) -> Self {
        let today = per_day.minus(used_today);
        let allowed =
            Usage { requests: per_call.requests.min(today.requests), bytes: per_call.bytes.min(today.bytes) };
        Self { allowed, spent: Usage::default() }
    }

    /// What the call has used so far. Right at any time, also when a request was abandoned half-way. The last read may
    /// pass the allowance by the size of one read, at most 32 KiB.
    pub fn spent(&self) -> Usage {
        self.spent
    }

    /// What the call may still use.
    pub fn left(&self) -> Usage {
        self.allowed.minus(self.spent)
    }

    pub(crate) fn spend(&mut self, usage: Usage) {
        self.spent = self.spent.plus(usage);
    }
}
