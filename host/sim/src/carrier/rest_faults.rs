//! What can go wrong with requests to the REST interface.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Place a call, or call somebody into a conference.
    CreateCall,
    /// List calls.
    ListCalls,
    /// Read one call.
    ReadCall,
    /// Redirect or end a call.
    UpdateCall,
    /// Start, stop, list, read or delete recordings; not their sound.
    Recordings,
    /// Fetch a recording's sound.
    RecordingMedia,
    /// Anything else about conferences.
    Conferences,
}

/// How a request goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestTrouble {
    /// Too many requests: 429, code 20429, and nothing was done.
    TooMany {
        /// What `Retry-After` says, in whole seconds.
        retry_after: Duration,
    },
    /// 500, code 20500, and nothing was done.
    ServerError,
    /// 503, code 20503, and nothing was done.
    Unavailable,
    /// The connection breaks, and nothing was done.
    Dropped,
    /// It is done, and the connection breaks before the answer.
    AnswerLost,
    /// It is done, and the answer comes so much later.
    AnswerLate(Duration),
    /// It is done, and the answer is 500.
    ServerErrorAfter,
}

/// A fault of some requests: of the next, unless told otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestFault {
    operation: Operation,
    trouble: RestTrouble,
    skip: u32,
    times: u32,
}

impl RestFault {
    /// The next request of that kind.
    pub fn new(operation: Operation, trouble: RestTrouble) -> Self {
        Self { operation, trouble, skip: 0, times: 1 }
    }

    /// After so many that went well.
    #[must_use]
    pub fn after(mut self, skip: u32) -> Self {
        self.skip = skip;
        self
    }

    /// So many in a row.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }
}

/// The faults to come.
#[derive(Debug, Default)]
pub(super) struct RestFaults(Mutex<Vec<RestFault>>);

impl RestFaults {
    pub(super) fn add(&self, fault: RestFault) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(fault);
    }

    /// What happens to this request.
    pub(super) fn strike(&self, operation: Operation) -> Option<RestTrouble> {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fault = faults.iter_mut().find(|fault| fault.times > 0 && fault.operation == operation)?;
        if fault.skip > 0 {
            fault.skip -= 1;
            return None;
        }
        fault.times -= 1;
        Some(fault.trouble)
    }
}
