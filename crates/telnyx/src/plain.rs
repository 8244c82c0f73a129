//! Commands of one field or none.

use crate::body::{Body, OutOfLimits, present};
use crate::{Action, Command};

/// How an incoming call is turned down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// SIP 603: nobody wants it.
    CallRejected,
    /// SIP 404: there is no such number.
    NotFound,
    /// SIP 480: nobody is there.
    TemporarilyUnavailable,
    /// SIP 486: the line is busy.
    UserBusy,
}

/// Turns an incoming call down; it is not answered. `call.hangup` follows.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Reject(Body);

impl Reject {
    /// Turns it down for this cause.
    pub fn new(cause: Cause) -> Self {
        let cause = match cause {
            Cause::CallRejected => "CALL_REJECTED",
            Cause::NotFound => "NOT_FOUND",
            Cause::TemporarilyUnavailable => "TEMPORARILY_UNAVAILABLE",
            Cause::UserBusy => "USER_BUSY",
        };
        Self(Body::default().with("cause", cause))
    }
}

impl From<Reject> for Command {
    fn from(reject: Reject) -> Self {
        Self::new(Action::Reject, reject.0)
    }
}

/// Ends the leg. `call.hangup` follows. That it had ended already is as good.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Hangup(Body);

impl Hangup {
    /// Ends it.
    pub fn new() -> Self {
        Self::default()
    }
}

impl From<Hangup> for Command {
    fn from(hangup: Hangup) -> Self {
        Self::new(Action::Hangup, hangup.0)
    }
}

/// Presses keys for the leg's party to hear.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct SendDtmf(Body);

impl SendDtmf {
    /// The most keys and pauses in one command. Telnyx gives no limit; nobody dials more.
    pub const DIGITS_MAX: usize = 128;

    /// Presses `0` to `9`, `A` to `D`, `*` and `#`; `w` waits half a second and `W` a second.
    ///
    /// # Errors
    /// For none, too many, or any other character.
    pub fn new(digits: &str) -> Result<Self, OutOfLimits> {
        let known = |byte| matches!(byte, b'0'..=b'9' | b'A'..=b'D' | b'*' | b'#' | b'w' | b'W');
        if (1..=Self::DIGITS_MAX).contains(&digits.len()) && digits.bytes().all(known) {
            return Ok(Self(Body::default().with("digits", digits)));
        }
        Err(OutOfLimits { field: "digits", needs: "1 to 128 of 0-9, A-D, *, #, w and W" })
    }
}

impl From<SendDtmf> for Command {
    fn from(send: SendDtmf) -> Self {
        Self::new(Action::SendDtmf, send.0)
    }
}

/// Joins the leg with another. `call.bridged` of both follows.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Bridge(Body);

impl Bridge {
    /// Joins it with the leg of this call control id.
    ///
    /// # Errors
    /// For an empty id.
    pub fn with(call_control_id: &str) -> Result<Self, OutOfLimits> {
        const FIELD: &str = "call_control_id";
        Ok(Self(Body::default().with(FIELD, present(FIELD, call_control_id)?)))
    }

    /// The leg outlives the other one, and waits for commands then.
    pub fn keep_after(self) -> Self {
        Self(self.0.with("park_after_unbridge", "self"))
    }
}

impl From<Bridge> for Command {
    fn from(bridge: Bridge) -> Self {
        Self::new(Action::Bridge, bridge.0)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_call_is_turned_down_in_the_carriers_capitals() {
        for (cause, word) in [
            (Cause::CallRejected, "CALL_REJECTED"),
            (Cause::NotFound, "NOT_FOUND"),
            (Cause::TemporarilyUnavailable, "TEMPORARILY_UNAVAILABLE"),
            (Cause::UserBusy, "USER_BUSY"),
        ] {
            let command = Command::from(Reject::new(cause));
            assert_eq!((command.action(), command.into_body()), (Action::Reject, json!({ "cause": word })));
        }
    }

    #[test]
    fn only_keys_are_pressed() {
        let command = Command::from(SendDtmf::new("0123456789ABCD*#wW").unwrap());
        let expected = json!({ "digits": "0123456789ABCD*#wW" });
        assert_eq!((command.action(), command.into_body()), (Action::SendDtmf, expected));
        for odd in ["", "a", "1 2", "1,2", "+1", &"1".repeat(129)] {
            assert_eq!(SendDtmf::new(odd).unwrap_err().field, "digits", "{odd}");
        }
    }

    #[test]
    fn two_legs_are_joined() {
        let command = Command::from(Bridge::with("v3:b").unwrap().keep_after());
        let expected = json!({ "call_control_id": "v3:b", "park_after_unbridge": "self" });
        assert_eq!((command.action(), command.into_body()), (Action::Bridge, expected));
        assert!(Bridge::with("").is_err());
    }
}
