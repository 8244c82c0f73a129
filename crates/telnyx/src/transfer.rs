//! Handing a call over.

use std::time::Duration;

use crate::body::{Body, OutOfLimits, destination, present, ring, time_limit};
use crate::{Action, ClientState, Command};

/// Dials another party and joins it with the leg. `call.initiated`, `call.answered` and `call.bridged` of the new leg
/// follow, or its `call.hangup`: the first leg then goes on, and waits for commands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Transfer(Body);

impl Transfer {
    /// Hands the leg over to a number or a SIP address.
    ///
    /// # Errors
    /// Where `to` is neither.
    pub fn to(to: &str) -> Result<Self, OutOfLimits> {
        Ok(Self(Body::default().with("to", destination(to)?)))
    }

    /// The number that the other party sees; Telnyx shows the one that was called otherwise.
    ///
    /// # Errors
    /// For an empty one.
    pub fn from(self, number: &str) -> Result<Self, OutOfLimits> {
        Ok(Self(self.0.with("from", present("from", number)?)))
    }

    /// How long it may ring, 5 to 600 s, in whole seconds, rounded up; 30 s otherwise.
    ///
    /// # Errors
    /// Outside these limits.
    pub fn ring(self, duration: Duration) -> Result<Self, OutOfLimits> {
        Ok(Self(self.0.with("timeout_secs", ring(duration)?)))
    }

    /// How long the joined call may last, up to four hours, which is also what it may otherwise.
    ///
    /// # Errors
    /// For no time at all, or more than four hours.
    pub fn time_limit(self, duration: Duration) -> Result<Self, OutOfLimits> {
        Ok(Self(self.0.with("time_limit_secs", time_limit(duration)?)))
    }

    /// What the webhooks of the new leg shall carry.
    pub fn target_state(self, state: &ClientState) -> Self {
        Self(self.0.with("target_leg_client_state", state.encoded()))
    }

    /// The first leg outlives the other party's, and waits for commands then.
    pub fn keep_after(self) -> Self {
        Self(self.0.with("park_after_unbridge", "self"))
    }
}

impl From<Transfer> for Command {
    fn from(transfer: Transfer) -> Self {
        Self::new(Action::Transfer, transfer.0)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_call_is_handed_over_with_all_that_is_known() {
        let state = ClientState::of_leg("c1", "forward").unwrap();
        let transfer = Transfer::to("+34910000001").unwrap().from("+34910000000").unwrap();
        let transfer = transfer.ring(Duration::from_secs(20)).unwrap().target_state(&state).keep_after();
        let transfer = transfer.time_limit(Duration::from_secs(3600)).unwrap();
        let expected = json!({
            "to": "+34910000001",
            "from": "+34910000000",
            "timeout_secs": 20,
            "time_limit_secs": 3600,
            "target_leg_client_state": state.encoded(),
            "park_after_unbridge": "self",
        });
        let command = Command::from(transfer);
        assert_eq!((command.action(), command.into_body()), (Action::Transfer, expected));
    }

    #[test]
    fn what_telnyx_would_refuse_is_refused_here() {
        let transfer = || Transfer::to("+34910000001").unwrap();
        assert!(Transfer::to("the front desk").is_err());
        assert_eq!(transfer().ring(Duration::from_secs(601)).unwrap_err().field, "timeout_secs");
        assert_eq!(transfer().time_limit(Duration::from_secs(14_401)).unwrap_err().field, "time_limit_secs");
        assert_eq!(transfer().from("").unwrap_err().field, "from");
    }
}
