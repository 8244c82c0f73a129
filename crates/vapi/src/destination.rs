//! Where a call is handed over to.

use serde_json::{Value, json};

use crate::reading::text;

/// A telephone number or a SIP address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination(Place);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Number(String),
    Sip(String),
}

/// A text that Vapi could not call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("neither a telephone number in E.164 form nor a SIP address")]
pub struct NoDestination;

impl Destination {
    /// The destination that `address` names: `+` and 7 to 15 digits, or `sip:` or `sips:` and an address.
    ///
    /// # Errors
    /// Where it is neither.
    pub fn new(address: &str) -> Result<Self, NoDestination> {
        if let Some(digits) = address.strip_prefix('+') {
            let is_number =
                (7..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
            return is_number.then(|| Self(Place::Number(address.to_owned()))).ok_or(NoDestination);
        }
        let sip = ["sip:", "sips:"].into_iter().find_map(|scheme| address.strip_prefix(scheme));
        match sip {
            Some(rest) if !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic()) => {
                Ok(Self(Place::Sip(address.to_owned())))
            }
            _ => Err(NoDestination),
        }
    }

    /// The number or the address.
    #[must_use]
    pub fn address(&self) -> &str {
        match &self.0 {
            Place::Number(address) | Place::Sip(address) => address,
        }
    }

    /// The destination in a message. Some of Vapi's samples say `phoneNumber` where its schema says `number`.
    pub(crate) fn read(value: &Value) -> Option<Self> {
        let address = ["number", "phoneNumber", "sipUri"].into_iter().find_map(|key| text(value, key))?;
        Self::new(&address).ok()
    }

    pub(crate) fn to_json(&self) -> Value {
        match &self.0 {
            Place::Number(number) => json!({ "type": "number", "number": number }),
            Place::Sip(uri) => json!({ "type": "sip", "sipUri": uri }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_sip_addresses_are_told_apart() {
        let json = |address: &str| Destination::new(address).map(|destination| destination.to_json());
        assert_eq!(json("+34910000001"), Ok(json!({ "type": "number", "number": "+34910000001" })));
        assert_eq!(json("sip:a@example.com"), Ok(json!({ "type": "sip", "sipUri": "sip:a@example.com" })));
        for address in
            ["", "+", "34910000001", "+34 910", "+1234567890123456", "sip:", "sip:a b", "tel:+34910000001"]
        {
            assert_eq!(json(address), Err(NoDestination), "{address}");
        }
    }

    #[test]
    fn a_message_may_name_a_number_in_two_ways() {
        for key in ["number", "phoneNumber"] {
            let destination = Destination::read(&json!({ "type": "number", key: "+34910000001" })).unwrap();
            assert_eq!(destination.address(), "+34910000001");
        }
        assert_eq!(Destination::read(&json!({ "type": "assistant", "assistantName": "Sales" })), None);
    }
}
