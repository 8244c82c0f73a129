//! The form in which routing tables are sent and stored: the same that the webhooks read.

use serde::de::DeserializeOwned;
use serde_json::Value;

pub(crate) use crate::bindings::voicehive::platform::call_routing::Table;
use crate::bindings::voicehive::platform::call_routing::{Decision, HoursCondition, OpeningHours, Rule};
use crate::fields::{Faults, Fields, Reading};
use crate::problem::Problem;

/// Reads a table. Each of its parts is read by itself first, so that faults have a place.
///
/// # Errors
/// When it is not of the form, as far as that can be told without routing.
pub(crate) fn read(given: &Value) -> Result<Table, Problem> {
    let mut faults = Faults::default();
    if let Some(mut fields) = Fields::of(given.clone(), "", &mut faults) {
        fields.optional("blocked_callers", typed::<Vec<String>>, &mut faults);
        fields.optional("hours", typed::<OpeningHours>, &mut faults);
        let place = fields.pointer("rules");
        for (at, rule) in
            fields.optional("rules", rules, &mut faults).unwrap_or_default().into_iter().enumerate()
        {
            if let Err(message) = typed::<Rule>(rule) {
                faults.note(format!("{place}/{at}"), message);
            }
        }
        fields.required("fallback", typed::<Decision>, &mut faults);
        fields.finish(&mut faults);
    }
    let parts = faults.or(Some(()));
    parts.and_then(|()| typed(given.clone()).map_err(|message| Problem::invalid("", message)))
}

fn rules(value: Value) -> Reading<Vec<Value>> {
    match value {
        Value::Array(rules) if rules.len() <= RULES_MAX => Ok(rules),
        _ => Err(format!("must be a list of at most {RULES_MAX} rules")),
    }
}

fn typed<T: DeserializeOwned>(value: Value) -> Reading<T> {
    serde_json::from_value(value).map_err(|fault| format!("is not of the form: {fault}"))
}

pub(crate) fn any_time() -> HoursCondition {
    HoursCondition::Any
}

/// Every call is held against them all.
const RULES_MAX: usize = 256;
