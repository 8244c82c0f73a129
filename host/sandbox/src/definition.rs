//! What a tool says of itself, and on whose behalf it runs.

use std::time::Duration;

use crate::bindings::tool::exports::voicehive::tool::tool as wit;

/// What a call of a tool does beyond answering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing, and the same arguments give the same answer.
    Pure,
    /// It reads what may change.
    Reads,
    /// It changes something: it is not cancelled when the caller interrupts, and
    /// runs once per idempotency key.
    Changes,
}

impl Effect {
    /// The effect as it is stored and shown: `pure`, `reads` or `changes`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pure => "pure",
            Self::Reads => "reads",
            Self::Changes => "changes",
        }
    }

    fn from_stored(text: &str) -> Option<Self> {
        [Self::Pure, Self::Reads, Self::Changes].into_iter().find(|effect| effect.as_str() == text)
    }
}

/// What a tool says of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// The name the model calls it by.
    pub name: String,
    /// What it does, for the model.
    pub description: String,
    /// JSON Schema of its arguments.
    pub parameters: serde_json::Value,
    /// What a call does beyond answering.
    pub effect: Effect,
    /// The hosts it may reach, as `name` or `name:port`.
    pub hosts: Vec<String>,
    /// How long a call may take.
    pub timeout: Duration,
}

impl Definition {
    /// The definition that the report of an admitted version holds as JSON: its members are this type's, with `timeout_ms` in
    /// whole milliseconds. `None` where it is not a whole one.
    pub fn from_stored(stored: &serde_json::Value) -> Option<Self> {
        let text = |name: &str| stored.get(name).and_then(serde_json::Value::as_str);
        let hosts = stored.get("hosts")?.as_array()?;
        Some(Self {
            name: text("name")?.to_owned(),
            description: text("description")?.to_owned(),
            parameters: stored.get("parameters").filter(|parameters| parameters.is_object())?.clone(),
            effect: Effect::from_stored(text("effect")?)?,
            hosts: hosts.iter().map(|host| host.as_str().map(str::to_owned)).collect::<Option<_>>()?,
            timeout: Duration::from_millis(stored.get("timeout_ms")?.as_u64()?),
        })
    }
}

/// The call on whose behalf a tool runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// The tenant that owns the tool.
    pub tenant: String,
    /// The platform's id of the phone call.
    pub call_id: String,
    /// The caller's number, or empty.
    pub caller: String,
    /// The same for every attempt at one logical call.
    pub idempotency_key: String,
    /// The tenant's IANA time zone.
    pub time_zone: String,
    /// Whether the caller has been asked what the tool wanted confirmed, and has
    /// answered since.
    pub confirmed: bool,
    /// The present, milliseconds since the Unix epoch.
    pub now_ms: u64,
}

impl From<wit::Effect> for Effect {
    fn from(effect: wit::Effect) -> Self {
        match effect {
            wit::Effect::Pure => Self::Pure,
            wit::Effect::Reads => Self::Reads,
            wit::Effect::Changes => Self::Changes,
        }
    }
}

impl From<&Context> for wit::Context {
    fn from(context: &Context) -> Self {
        Self {
            tenant: context.tenant.clone(),
            call_id: context.call_id.clone(),
            caller: context.caller.clone(),
            idempotency_key: context.idempotency_key.clone(),
            time_zone: context.time_zone.clone(),
            confirmed: context.confirmed,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn stored() -> Value {
        json!({
            "name": "order-status",
            "description": "Says where an order is.",
            "parameters": { "type": "object" },
            "effect": "changes",
            "hosts": ["api.shop.com", "api.shop.com:8443"],
            "timeout_ms": 2_000,
        })
    }

    #[test]
    fn a_stored_definition_is_read_back() {
        let definition = Definition::from_stored(&stored()).unwrap();
        assert_eq!((definition.name.as_str(), definition.effect), ("order-status", Effect::Changes));
        assert_eq!(definition.description, "Says where an order is.");
        assert_eq!(definition.parameters, json!({ "type": "object" }));
        assert_eq!(definition.hosts, ["api.shop.com", "api.shop.com:8443"]);
        assert_eq!(definition.timeout, Duration::from_secs(2));
    }

    #[test]
    fn half_a_definition_is_none() {
        for (member, value) in [
            ("name", json!(1)),
            ("description", Value::Null),
            ("parameters", json!(true)),
            ("effect", json!("breaks")),
            ("hosts", json!(["api.shop.com", 1])),
            ("timeout_ms", json!(-1)),
        ] {
            let mut without = stored();
            without.as_object_mut().unwrap().remove(member);
            assert_eq!(Definition::from_stored(&without), None, "without {member}");
            let mut wrong = stored();
            wrong[member] = value;
            assert_eq!(Definition::from_stored(&wrong), None, "with another {member}");
        }
        assert_eq!(Definition::from_stored(&Value::Null), None);
    }
}
