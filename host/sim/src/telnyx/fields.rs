//! The fields of a command, checked as Telnyx checks them.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use url::Url;

use super::error::Refusal;

/// The JSON object of a command.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a>(pub(super) &'a Map<String, Value>);

impl<'a> Fields<'a> {
    fn get(self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn has(self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// A text, where it is there and not empty.
    pub(super) fn text(self, name: &str) -> Result<Option<&'a str>, Refusal> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
            Some(_) => Err(Refusal::invalid(name, "The value must be a string.")),
        }
    }

    pub(super) fn needed(self, name: &str) -> Result<&'a str, Refusal> {
        self.text(name)?.ok_or_else(|| Refusal::missing(name))
    }

    /// One of `known`, exactly as it is written there.
    pub(super) fn one_of(self, name: &str, known: &[&'static str]) -> Result<Option<&'static str>, Refusal> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let found = known.iter().find(|known| **known == text).copied();
        found.map(Some).ok_or_else(|| Refusal::invalid(name, format!("The value must be one of {known:?}.")))
    }

    pub(super) fn flag(self, name: &str) -> Result<bool, Refusal> {
        match self.get(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(Refusal::invalid(name, "The value must be a boolean.")),
        }
    }

    /// Whole seconds within `range`.
    pub(super) fn seconds(
        self,
        name: &str,
        range: std::ops::RangeInclusive<u64>,
    ) -> Result<Option<Duration>, Refusal> {
        let Some(value) = self.get(name) else { return Ok(None) };
        match value.as_u64().filter(|seconds| range.contains(seconds)) {
            Some(seconds) => Ok(Some(Duration::from_secs(seconds))),
            None => Err(Refusal::invalid(name, format!("The value must be within {range:?}."))),
        }
    }

    pub(super) fn url(self, name: &str) -> Result<Option<Url>, Refusal> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        Url::parse(text).map(Some).map_err(|error| Refusal::invalid(name, format!("No URL: {error}.")))
    }

    /// The state that later webhooks carry.
    pub(super) fn client_state(self, name: &str) -> Result<Option<String>, Refusal> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        match STANDARD.decode(text) {
            Ok(_) => Ok(Some(text.to_owned())),
            Err(_) => Err(Refusal::invalid(name, "The value must be a valid Base-64 encoded string.")),
        }
    }

    /// A number to call: E.164, or a SIP address.
    pub(super) fn number(self, name: &str) -> Result<String, Refusal> {
        let text = self.needed(name)?;
        let digits = text.strip_prefix('+').unwrap_or_default();
        let is_number = (3..=15).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0');
        if is_number || text.starts_with("sip:") {
            Ok(text.to_owned())
        } else {
            Err(Refusal::no_number(name))
        }
    }

    /// `[{"name":..,"value":..}]`.
    pub(super) fn parameters(self, name: &str) -> Result<Vec<(String, String)>, Refusal> {
        let refused = || Refusal::invalid(name, "The value must be a list of objects with name and value.");
        let Some(value) = self.get(name) else { return Ok(Vec::new()) };
        let list = value.as_array().ok_or_else(refused)?;
        list.iter()
            .map(|item| {
                let text = |name: &str| item.get(name).and_then(Value::as_str).map(str::to_owned);
                text("name").zip(text("value")).ok_or_else(refused)
            })
            .collect()
    }
}
