//! The call that a message is about, and its two parties.

use serde_json::Value;

use crate::reading::text;

/// What kind of call it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CallKind {
    /// Somebody calls one of our numbers.
    Inbound,
    /// Vapi calls somebody for us.
    Outbound,
    /// A browser, or another program over a socket. There are no telephone numbers.
    Web,
}

/// What a message says of its call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// Vapi's id of it.
    pub id: Option<String>,
    /// Its kind, where the message says.
    pub kind: Option<CallKind>,
    /// Our number, or our SIP address.
    pub own: Option<String>,
    /// The number of the person at the other end, or the SIP address; absent where withheld.
    pub customer: Option<String>,
}

impl Call {
    /// Reads it off the message: the parties stand beside the call or within it.
    pub(crate) fn read(message: &Value) -> Self {
        let call = message.get("call").unwrap_or(&Value::Null);
        let party = |name: &str, keys: &[&str]| {
            [message, call].into_iter().filter_map(|place| place.get(name)).find_map(|party| {
                // In old messages the customer is the number itself.
                let plain = party.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
                plain.or_else(|| keys.iter().find_map(|key| text(party, key)))
            })
        };
        Self {
            id: text(call, "id"),
            kind: match call.get("type").and_then(Value::as_str) {
                Some("inboundPhoneCall") => Some(CallKind::Inbound),
                Some("outboundPhoneCall") => Some(CallKind::Outbound),
                Some("webCall" | "vapi.websocketCall") => Some(CallKind::Web),
                _ => None,
            },
            own: party("phoneNumber", &["number", "twilioPhoneNumber", "sipUri"]),
            customer: party("customer", &["number", "sipUri"]),
        }
    }

    /// Whether we were called. A call of which the kind is not told was not placed by us.
    #[must_use]
    pub fn is_inbound(&self) -> bool {
        self.kind != Some(CallKind::Outbound)
    }

    /// Who calls: empty where withheld.
    #[must_use]
    pub fn from(&self) -> &str {
        if self.is_inbound() { &self.customer } else { &self.own }.as_deref().unwrap_or_default()
    }

    /// Who is called.
    #[must_use]
    pub fn to(&self) -> &str {
        if self.is_inbound() { &self.own } else { &self.customer }.as_deref().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_parties_stand_beside_the_call_or_within_it() {
        let beside = json!({
            "call": { "id": "c", "type": "inboundPhoneCall" },
            "phoneNumber": { "number": "+34910000000", "provider": "vapi" },
            "customer": { "number": "+15551230000" },
        });
        let within = json!({ "call": {
            "id": "c",
            "type": "inboundPhoneCall",
            "phoneNumber": { "twilioPhoneNumber": "+34910000000" },
            "customer": { "number": "+15551230000" },
        } });
        for message in [beside, within] {
            let call = Call::read(&message);
            assert_eq!((call.from(), call.to()), ("+15551230000", "+34910000000"));
            assert_eq!((call.id.as_deref(), call.kind), (Some("c"), Some(CallKind::Inbound)));
        }
    }

    #[test]
    fn an_outbound_call_runs_the_other_way() {
        let message = json!({
            "call": { "id": "c", "type": "outboundPhoneCall" },
            "phoneNumber": { "number": "+34910000000" },
            "customer": { "sipUri": "sip:ana@example.com" },
        });
        let call = Call::read(&message);
        assert_eq!((call.from(), call.to()), ("+34910000000", "sip:ana@example.com"));
    }

    #[test]
    fn nonsense_in_place_of_a_call_is_no_call() {
        for call in [json!(null), json!("c"), json!([1]), json!({ "id": {}, "type": 7, "customer": [] })] {
            assert_eq!(Call::read(&json!({ "call": call })), Call::default());
        }
    }
}
