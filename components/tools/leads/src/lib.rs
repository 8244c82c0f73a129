//! The built-in tool that keeps who is interested in what.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use tool_sdk::records::Records;
use tool_sdk::{Context, Definition, Effect, Failure, Reply, Tool};

/// The tool.
pub struct Leads;

const SCHEMA: &str = r#"{
  "type": "object",
  "properties": {
    "name": {"type": "string", "maxLength": 120, "description": "who is interested"},
    "interest": {"type": "string", "minLength": 1, "maxLength": 500, "description": "what they are interested in"},
    "phone": {"type": "string", "pattern": "^\\+[1-9]\\d{4,14}$", "description": "E.164; without it, the caller's own number"},
    "email": {"type": "string", "maxLength": 254},
    "notes": {"type": "string", "maxLength": 1000}
  },
  "required": ["interest"],
  "additionalProperties": false
}"#;

/// How often a change is tried when others change the same lead.
const ATTEMPTS: usize = 4;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    name: Option<String>,
    interest: String,
    phone: Option<String>,
    email: Option<String>,
    notes: Option<String>,
}

/// One person who is interested, by phone number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Lead {
    phone: String,
    name: Option<String>,
    email: Option<String>,
    interests: Vec<String>,
    notes: Vec<String>,
    status: String,
    created_at: u64,
    updated_at: u64,
    last_key: String,
}

impl Tool for Leads {
    fn describe() -> Definition {
        Definition::new(
            "leads",
            "Keeps that a caller is interested in something, so that a human can follow up. One \
                          lead per phone number; later calls add to it.",
            SCHEMA,
            Effect::Changes,
        )
        .within(Duration::from_secs(3))
    }

    fn call(context: Context, arguments: String) -> Result<Reply, Failure> {
        run(&tool_sdk::records::Host, &context, &arguments, tool_sdk::clock::now()).map(Reply::text)
    }
}

tool_sdk::export_tool!(Leads);

/// Runs one call at `now`, in milliseconds since the Unix epoch.
///
/// # Errors
/// What the model is to be told instead.
pub fn run(records: &impl Records, context: &Context, arguments: &str, now: u64) -> Result<String, Failure> {
    let arguments: Arguments = serde_json::from_str(arguments)
        .map_err(|error| Failure::Invalid(format!("the arguments do not fit: {error}")))?;
    let phone = arguments.phone.clone().unwrap_or_else(|| context.caller.clone());
    if phone.is_empty() {
        return Err(Failure::Invalid("the caller's number is withheld; ask for `phone`".into()));
    }
    if arguments.interest.trim().is_empty() {
        return Err(Failure::Invalid("`interest` is empty; say what they are interested in".into()));
    }
    let key = format!("leads/{}", phone.trim_start_matches('+'));
    for _ in 0..ATTEMPTS {
        let stored = match records.read::<Lead>(&key)? {
            None => {
                let lead = merge(new_lead(&phone, now), &arguments, context, now);
                records.insert_json(&key, &lead)?.then_some(lead)
            }
            Some((lead, _)) if lead.last_key == context.idempotency_key => Some(lead),
            Some((lead, version)) => {
                let lead = merge(lead, &arguments, context, now);
                records.replace_json(&key, &lead, version)?.then_some(lead)
            }
        };
        if let Some(lead) = stored {
            return Ok(
                json!({"phone": lead.phone, "status": lead.status, "interests": lead.interests}).to_string()
            );
        }
    }
    Err(Failure::Conflict("the lead is being changed by others; try again".into()))
}

fn new_lead(phone: &str, now: u64) -> Lead {
    Lead {
        phone: phone.to_owned(),
        name: None,
        email: None,
        interests: Vec::new(),
        notes: Vec::new(),
        status: "new".into(),
        created_at: now,
        updated_at: now,
        last_key: String::new(),
    }
}

fn merge(mut lead: Lead, arguments: &Arguments, context: &Context, now: u64) -> Lead {
    lead.name = arguments.name.clone().or(lead.name);
    lead.email = arguments.email.clone().or(lead.email);
    if !lead.interests.iter().any(|interest| interest.eq_ignore_ascii_case(arguments.interest.trim())) {
        lead.interests.push(arguments.interest.trim().to_owned());
    }
    lead.notes.extend(arguments.notes.clone());
    lead.updated_at = now;
    lead.last_key.clone_from(&context.idempotency_key);
    lead
}

#[cfg(test)]
mod tests {
    use super::*;
    use tool_sdk::records::InMemory;

    #[test]
    fn later_calls_add_to_the_same_lead() {
        let records = InMemory::default();
        call(&records, "k1", r#"{"interest":"solar panels","name":"Dana"}"#).unwrap();
        let answer = call(&records, "k2", r#"{"interest":"a heat pump"}"#).unwrap();
        assert!(answer.contains("solar panels") && answer.contains("heat pump"));
        let (lead, version) = records.read::<Lead>("leads/34600").unwrap().unwrap();
        assert_eq!(lead.name.as_deref(), Some("Dana"));
        assert_eq!(version, 2);
    }

    #[test]
    fn the_same_call_again_changes_nothing() {
        let records = InMemory::default();
        call(&records, "k1", r#"{"interest":"x","notes":"once"}"#).unwrap();
        call(&records, "k1", r#"{"interest":"x","notes":"once"}"#).unwrap();
        let (lead, version) = records.read::<Lead>("leads/34600").unwrap().unwrap();
        assert_eq!((lead.notes.len(), version), (1, 1));
    }

    #[test]
    fn a_withheld_number_must_be_asked_for() {
        let mut context = context("k");
        context.caller = String::new();
        let refused = run(&InMemory::default(), &context, r#"{"interest":"x"}"#, 0);
        assert!(matches!(refused, Err(Failure::Invalid(why)) if why.contains("phone")));
    }

    fn context(key: &str) -> Context {
        Context {
            tenant: "t".into(),
            call_id: "c".into(),
            caller: "+34600".into(),
            idempotency_key: key.into(),
            time_zone: "Europe/Madrid".into(),
            confirmed: false,
        }
    }

    fn call(records: &InMemory, key: &str, arguments: &str) -> Result<String, Failure> {
        run(records, &context(key), arguments, 7)
    }
}
