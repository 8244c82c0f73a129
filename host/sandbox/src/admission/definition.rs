//! Whether what a tool says of itself can stand.

use std::time::Duration;

use gate::{Code, Refusal, check_hosts, check_parameters};

use super::tier::Tier;
use crate::bindings::tool::exports::voicehive::tool::tool as wit;
use crate::definition::{Definition, Effect};
use crate::reply::is_name;

/// The most bytes of a description, as `wit/tool` says.
const MAX_DESCRIPTION_BYTES: usize = 1024;

/// The longest timeout in milliseconds, as `wit/tool` says.
const MAX_TIMEOUT_MS: u32 = 30_000;

/// What `describe` returned, not yet checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Described {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) parameters: String,
    pub(super) effect: Effect,
    pub(super) hosts: Vec<String>,
    pub(super) timeout_ms: u32,
}

impl From<wit::Definition> for Described {
    fn from(definition: wit::Definition) -> Self {
        Self {
            name: definition.name,
            description: definition.description,
            parameters: definition.parameters,
            effect: definition.effect.into(),
            hosts: definition.hosts,
            timeout_ms: definition.timeout_ms,
        }
    }
}

impl Described {
    /// Which part differs from `other`'s, if one does.
    pub(super) fn difference(&self, other: &Self) -> Option<&'static str> {
        [
            ("name", self.name != other.name),
            ("description", self.description != other.description),
            ("parameters", self.parameters != other.parameters),
            ("effect", self.effect != other.effect),
            ("hosts", self.hosts != other.hosts),
            ("timeout-ms", self.timeout_ms != other.timeout_ms),
        ]
        .into_iter()
        .find_map(|(part, differs)| differs.then_some(part))
    }

    /// The definition, if every part of it can stand.
    pub(super) fn check(self, tier: Tier) -> Result<Definition, Refusal> {
        if !is_name(&self.name) || !self.name.starts_with(|first: char| first.is_ascii_alphabetic()) {
            let item = format!("the name `{}`", self.name);
            return Err(Refusal::new(
                Code::BadName,
                item,
                "use 1 to 64 of a-z A-Z 0-9 _ -, the first a letter",
            ));
        }
        let length = self.description.len();
        if self.description.trim().is_empty() || length > MAX_DESCRIPTION_BYTES {
            let mend = format!("say in 1 to {MAX_DESCRIPTION_BYTES} bytes what the tool does, for the model");
            return Err(Refusal::new(
                Code::BadDescription,
                format!("the description has {length} bytes"),
                mend,
            ));
        }
        if !(1..=MAX_TIMEOUT_MS).contains(&self.timeout_ms) {
            let mend = format!("give 1 to {MAX_TIMEOUT_MS} milliseconds");
            return Err(Refusal::new(Code::BadTimeout, format!("`timeout-ms` is {}", self.timeout_ms), mend));
        }
        Ok(Definition {
            parameters: check_parameters(&self.parameters, &tier.gate())?,
            hosts: check_hosts(&self.hosts)?,
            name: self.name,
            description: self.description,
            effect: self.effect,
            timeout: Duration::from_millis(self.timeout_ms.into()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Described {
        Described {
            name: "order-status".into(),
            description: "Says where an order is.".into(),
            parameters: r#"{"type":"object"}"#.into(),
            effect: Effect::Reads,
            hosts: vec!["api.shop.com".into(), "api.shop.com:443".into()],
            timeout_ms: 2_000,
        }
    }

    #[test]
    fn a_good_definition_stands() {
        let definition = good().check(Tier::Standard).unwrap();
        assert_eq!((definition.name.as_str(), definition.timeout), ("order-status", Duration::from_secs(2)));
        assert_eq!(definition.hosts, ["api.shop.com"]);
    }

    #[test]
    fn each_part_has_its_refusal() {
        let cases = [
            (Code::BadName, Described { name: String::new(), ..good() }),
            (Code::BadName, Described { name: "a".repeat(65), ..good() }),
            (Code::BadName, Described { name: "order status".into(), ..good() }),
            (Code::BadName, Described { name: "2fa".into(), ..good() }),
            (Code::BadName, Described { name: "_private".into(), ..good() }),
            (Code::BadDescription, Described { description: " \n".into(), ..good() }),
            (Code::BadDescription, Described { description: "a".repeat(1025), ..good() }),
            (Code::BadTimeout, Described { timeout_ms: 0, ..good() }),
            (Code::BadTimeout, Described { timeout_ms: 30_001, ..good() }),
            (Code::BadSchema, Described { parameters: "{}".into(), ..good() }),
            (Code::SchemaTooLarge, Described { parameters: " ".repeat((16 << 10) + 1), ..good() }),
            (Code::HostIsAddress, Described { hosts: vec!["127.0.0.1".into()], ..good() }),
            (Code::TooManyHosts, Described { hosts: vec!["a.com".into(); gate::MAX_HOSTS + 1], ..good() }),
        ];
        for (code, described) in cases {
            assert_eq!(described.clone().check(Tier::Standard).unwrap_err().code, code, "{described:?}");
        }
    }

    #[test]
    fn the_part_that_differs_is_named() {
        assert_eq!(good().difference(&good()), None);
        assert_eq!(good().difference(&Described { timeout_ms: 1, ..good() }), Some("timeout-ms"));
        assert_eq!(good().difference(&Described { effect: Effect::Pure, ..good() }), Some("effect"));
    }
}
