//! A call as a client orders it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use store::{AgentId, E164};

use super::schedule::Schedule;
use crate::fields::{Faults, Fields, Reading, member, parsed, text, truth, whole};
use crate::problem::Problem;

/// A call that makes sense by itself, whatever the tenant has and whenever it is ordered. Two
/// bodies that mean the same are the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Request {
    /// The agent that speaks.
    pub(crate) agent: AgentId,
    /// The number that calls: one of the tenant's.
    pub(crate) from: E164,
    /// The number that is called.
    pub(crate) to: E164,
    /// The carrier that places it.
    pub(crate) carrier: Carrier,
    /// What the agent's texts may refer to.
    pub(crate) variables: BTreeMap<String, String>,
    /// When it may be placed.
    pub(crate) schedule: Schedule,
    /// Whether the carrier is to find out if a machine answers.
    pub(crate) detect_machine: bool,
    /// Whether it is recorded.
    pub(crate) record: bool,
    /// How long it rings.
    pub(crate) ring: Duration,
}

/// A carrier that places calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Carrier {
    /// Twilio.
    Twilio,
    /// Telnyx.
    Telnyx,
}

impl Carrier {
    /// The store's word for it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Twilio => "twilio",
            Self::Telnyx => "telnyx",
        }
    }
}

impl Request {
    /// Reads the body of `POST /v1/calls`.
    ///
    /// # Errors
    /// With every part that is not what it should be.
    pub(crate) fn read(body: Value) -> Result<Self, Problem> {
        let mut faults = Faults::default();
        let request = Fields::of(body, "", &mut faults).and_then(|fields| Self::of(fields, &mut faults));
        faults.or(request)
    }

    fn of(mut fields: Fields, faults: &mut Faults) -> Option<Self> {
        let agent = fields.required("agent", parsed("the id of an agent"), faults);
        let from = fields.required("from", parsed(NUMBER), faults);
        let to: Option<E164> = fields.required("to", parsed(NUMBER), faults);
        let carrier = fields.optional("carrier", carrier, faults);
        let variables = fields.object("variables", faults).map(|given| variables(given, faults));
        let schedule = fields.object("schedule", faults).map(|given| Schedule::read(given, faults));
        let detect_machine = fields.optional("detect_machine", truth, faults);
        let record = fields.optional("record", truth, faults);
        let ring = fields.optional("ring_seconds", whole(RING_SECONDS_MIN..=RING_SECONDS_MAX), faults);
        if to.is_some() && from == to {
            faults.note(fields.pointer("to"), "must be another number than `from`");
        }
        fields.finish(faults);
        Some(Self {
            agent: agent?,
            from: from?,
            to: to?,
            carrier: carrier.unwrap_or(Carrier::Twilio),
            variables: variables.unwrap_or_default(),
            schedule: schedule.unwrap_or_default(),
            detect_machine: detect_machine.unwrap_or_default(),
            record: record.unwrap_or_default(),
            ring: Duration::from_secs(ring.unwrap_or(RING_SECONDS).into()),
        })
    }

    /// A hash of what the request means: other spellings of the same have the same one.
    ///
    /// # Errors
    /// When it cannot be written as JSON, which does not happen.
    pub(crate) fn fingerprint(&self) -> Result<String, Problem> {
        let text = crate::service::body(self)?;
        let digest = Sha256::digest(text.as_bytes());
        Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

fn carrier(value: Value) -> Reading<Carrier> {
    let given = text(value)?;
    let known = [Carrier::Twilio, Carrier::Telnyx].into_iter().find(|carrier| carrier.as_str() == given);
    known.ok_or_else(|| "must be `twilio` or `telnyx`".to_owned())
}

fn variables(given: Fields, faults: &mut Faults) -> BTreeMap<String, String> {
    let pointer = given.place().to_owned();
    let mut variables = BTreeMap::new();
    let mut bytes = 0;
    for (name, value) in given.into_members() {
        let place = member(&pointer, &name);
        if !is_variable(&name) {
            let expected = "must have a name of 1 to 64 lower-case letters, digits and `_`";
            faults.note(place, expected);
            continue;
        }
        match text(value) {
            Ok(value) => {
                bytes += name.len() + value.len();
                variables.insert(name, value);
            }
            Err(message) => faults.note(place, message),
        }
    }
    if variables.len() > VARIABLES_MAX {
        faults.note(pointer.clone(), format!("must have at most {VARIABLES_MAX} members"));
    }
    if bytes > VARIABLE_BYTES_MAX {
        let message = format!("must have at most {VARIABLE_BYTES_MAX} bytes of names and values");
        faults.note(pointer, message);
    }
    variables
}

fn is_variable(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    (1..=64).contains(&name.len()) && name.bytes().all(allowed)
}

/// What a number looks like.
const NUMBER: &str = "a number of E.164: `+` and 7 to 15 digits, for example `+34910000000`";

/// The shortest and the longest that both carriers ring: Telnyx not under 5 seconds, neither over 600.
const RING_SECONDS_MIN: u32 = 5;
const RING_SECONDS_MAX: u32 = 600;

/// How long it rings when nobody says: what Telnyx does, and short of most voicemail.
const RING_SECONDS: u32 = 30;

/// Variables end in the model's instructions and in the store, so there is an end to them.
const VARIABLES_MAX: usize = 64;
const VARIABLE_BYTES_MAX: usize = 8 * 1024;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, json};

    use super::*;

    #[test]
    fn what_is_left_out_has_a_default() {
        let request = Request::read(minimal()).unwrap();
        assert_eq!(request.carrier, Carrier::Twilio);
        assert_eq!(request.ring, Duration::from_secs(30));
        assert!(!request.detect_machine && !request.record && request.variables.is_empty());
    }

    #[test]
    fn every_field_is_read() {
        let request = Request::read(full()).unwrap();
        assert_eq!(request.agent.as_str(), "receptionist");
        assert_eq!((request.from.as_str(), request.to.as_str()), ("+34910000000", "+15551230000"));
        assert_eq!((request.carrier, request.ring), (Carrier::Telnyx, Duration::from_secs(45)));
        assert!(request.detect_machine && request.record);
        assert_eq!(request.variables["name"], "Ana");
    }

    #[test]
    fn every_fault_has_its_pointer() {
        for (field, value, pointer) in [
            ("agent", json!("a b"), "/agent"),
            ("agent", Value::Null, "/agent"),
            ("from", json!("34910000000"), "/from"),
            ("to", json!("+34910000000"), "/to"),
            ("to", json!("911"), "/to"),
            ("to", json!(34_910_000_001_u64), "/to"),
            ("carrier", json!("vapi"), "/carrier"),
            ("variables", json!([]), "/variables"),
            ("variables", json!({ "Name": "x" }), "/variables/Name"),
            ("variables", json!({ "": "x" }), "/variables/"),
            ("variables", json!({ "a/b": "x" }), "/variables/a~1b"),
            ("variables", json!({ "x".repeat(65): "x" }), &format!("/variables/{}", "x".repeat(65))),
            ("variables", json!({ "count": 3 }), "/variables/count"),
            ("variables", json!({ "text": "x".repeat(8 * 1024 - 3) }), "/variables"),
            ("schedule", json!("now"), "/schedule"),
            ("schedule", json!({ "at": "soon" }), "/schedule/at"),
            ("detect_machine", json!("yes"), "/detect_machine"),
            ("record", json!(1), "/record"),
            ("ring_seconds", json!(4), "/ring_seconds"),
            ("ring_seconds", json!(601), "/ring_seconds"),
            ("ring_seconds", json!(30.5), "/ring_seconds"),
            ("tenant", json!("other"), "/tenant"),
        ] {
            let mut body = minimal();
            body[field] = value;
            let Err(Problem::Invalid(faults)) = Request::read(body.clone()) else { panic!("{body}") };
            let found: Vec<_> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
            assert_eq!(found, [pointer], "{body}");
        }
    }

    #[test]
    fn there_is_an_end_to_variables() {
        let with = |count: usize| {
            let mut body = minimal();
            let variables: Map<_, _> = (0..count).map(|at| (format!("v{at}"), json!(""))).collect();
            body["variables"] = variables.into();
            Request::read(body)
        };
        assert_eq!(with(64).unwrap().variables.len(), 64);
        assert_eq!(with(65).unwrap_err().code().0, "invalid-request");
        let mut body = minimal();
        body["variables"] = json!({ "text": "x".repeat(8 * 1024 - 4) });
        Request::read(body).unwrap();
    }

    #[test]
    fn a_body_that_is_no_object_is_a_fault_of_the_whole() {
        for body in [json!([]), json!("call"), Value::Null] {
            let Err(Problem::Invalid(faults)) = Request::read(body) else { panic!("read") };
            assert_eq!(faults[0].pointer, "");
        }
    }

    #[test]
    fn what_means_the_same_has_the_same_fingerprint() {
        let same = [
            r#"{"agent":"receptionist","from":"+34910000000","to":"+15551230000","schedule":{"at":"2026-11-23T10:00:00Z"}}"#,
            r#"{ "to": "+15551230000", "schedule": {"at": "2026-11-23T11:00:00.000+01:00"},
                 "from": "+34910000000", "agent": "\u0072eceptionist" }"#,
            r#"{"agent":"receptionist","from":"+34910000000","to":"+15551230000","carrier":"twilio","record":false,
                "variables":{},"ring_seconds":30,"schedule":{"at":"2026-11-23T10:00:00Z","until":null,"hours":{}}}"#,
        ];
        let prints: Vec<_> = same.iter().map(|text| print(serde_json::from_str(text).unwrap())).collect();
        assert!(prints.iter().all(|print| print == &prints[0]), "{prints:?}");
    }

    #[test]
    fn what_differs_anywhere_has_another_fingerprint() {
        let mut prints = vec![print(full())];
        for (field, value) in [
            ("agent", json!("other")),
            ("from", json!("+34910000009")),
            ("to", json!("+15551230009")),
            ("carrier", json!("twilio")),
            ("variables", json!({ "name": "Eva", "when": "ten" })),
            ("variables", json!({ "name": "Ana", "when_": "ten" })),
            ("variables", json!({ "name": "Anaten", "when": "" })),
            ("detect_machine", json!(false)),
            ("record", json!(false)),
            ("ring_seconds", json!(46)),
            ("schedule", json!({ "at": "2026-11-23T10:00:00Z" })),
            ("schedule", json!({ "until": "2026-11-23T10:00:00Z" })),
            ("schedule", json!({ "hours": { "from": "09:00" } })),
            ("schedule", json!({ "hours": { "to": "09:00" } })),
            ("schedule", json!({ "hours": { "days": ["monday"] } })),
            ("schedule", json!({ "hours": { "time_zone": "UTC" } })),
        ] {
            let mut body = full();
            body[field] = value;
            prints.push(print(body));
        }
        let total = prints.len();
        prints.sort();
        prints.dedup();
        assert_eq!(prints.len(), total);
    }

    proptest! {
        #[test]
        fn no_body_is_too_strange_to_judge(body in strange()) {
            match Request::read(body) {
                Ok(request) => prop_assert_eq!(request.fingerprint().unwrap().len(), 64),
                Err(problem) => {
                    let response = problem.response("r");
                    prop_assert_eq!(response.status(), 422);
                    prop_assert!(response.body().contains("\"errors\""));
                }
            }
        }

        #[test]
        fn a_fault_points_at_what_is_there_or_missing(field in "[a-z_]{1,12}", value in value()) {
            let mut body = minimal();
            body[&field] = value;
            if let Err(Problem::Invalid(faults)) = Request::read(body.clone()) {
                for fault in faults {
                    let found = body.pointer(&fault.pointer);
                    prop_assert!(found.is_some() || fault.message == "is missing", "{}", fault.pointer);
                }
            }
        }
    }

    fn print(body: Value) -> String {
        Request::read(body).unwrap().fingerprint().unwrap()
    }

    fn minimal() -> Value {
        json!({ "agent": "receptionist", "from": "+34910000000", "to": "+15551230000" })
    }

    fn full() -> Value {
        let mut body = minimal();
        body["carrier"] = json!("telnyx");
        body["variables"] = json!({ "name": "Ana", "when": "ten" });
        body["schedule"] = json!({ "at": "2026-11-23T10:00:00Z", "until": "2026-11-23T12:00:00Z" });
        body["detect_machine"] = json!(true);
        body["record"] = json!(true);
        body["ring_seconds"] = json!(45);
        body
    }

    /// A call with some of its fields replaced by anything.
    fn strange() -> impl Strategy<Value = Value> {
        const FIELDS: [&str; 9] = [
            "agent",
            "from",
            "to",
            "carrier",
            "variables",
            "schedule",
            "detect_machine",
            "record",
            "ring_seconds",
        ];
        let changes = proptest::collection::vec((0..FIELDS.len(), value()), 0..4);
        let changed = changes.prop_map(|changes| {
            let mut body = full();
            changes.into_iter().for_each(|(at, value)| body[FIELDS[at]] = value);
            body
        });
        prop_oneof![4 => changed, 1 => value()]
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "\\PC{0,12}".prop_map(Value::from),
            Just(json!("+34910000001")),
            Just(json!("2026-11-23T10:00:00Z")),
        ];
        leaf.prop_recursive(3, 12, 4, |inner| {
            let name = prop_oneof!["at|until|hours|from|to|days|time_zone|name", "\\PC{0,6}"];
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map(name, inner, 0..4)
                    .prop_map(|members| members.into_iter().collect::<Map<_, _>>().into()),
            ]
        })
    }
}
