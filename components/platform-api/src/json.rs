//! JSON whose meaning is certain: a member that is given twice is refused, since parsers differ on
//! which of the two counts.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Reads one JSON text.
///
/// # Errors
/// When it is malformed, nested more than 127 deep, or gives a member twice.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, serde_json::Error> {
    serde_json::from_slice(bytes).map(|Certain(value)| value)
}

struct Certain(Value);

impl<'de> Deserialize<'de> for Certain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader).map(Self)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(truth.into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Certain(value)) = items.next_element()? {
            values.push(value);
        }
        Ok(values.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some((name, Certain(value))) = entries.next_entry::<String, Certain>()? {
            if members.insert(name, value).is_some() {
                return Err(A::Error::custom("a member is given twice"));
            }
        }
        Ok(members.into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_member_given_twice_is_refused_at_any_depth() {
        for text in [r#"{"to":1,"to":1}"#, r#"[{"a":{"b":0,"c":1,"b":0}}]"#, r#"{"a":1,"\u0061":2}"#] {
            let fault = parse(text.as_bytes()).unwrap_err().to_string();
            assert!(fault.contains("given twice"), "{text}: {fault}");
        }
        assert_eq!(parse(br#"{"a":{"a":[{"a":1},{"a":1}]}}"#).unwrap(), json!({"a":{"a":[{"a":1},{"a":1}]}}));
    }

    proptest! {
        #[test]
        fn other_than_that_it_is_read_as_ever(bytes in "[\\[\\]{}:,\"a0-9.eE\\\\ ntrufls-]{0,40}") {
            match (parse(bytes.as_bytes()), serde_json::from_slice::<Value>(bytes.as_bytes())) {
                (Ok(ours), Ok(theirs)) => prop_assert_eq!(ours, theirs),
                (Err(fault), Ok(_)) => prop_assert!(fault.to_string().contains("given twice")),
                (ours, theirs) => prop_assert_eq!(ours.is_err(), theirs.is_err()),
            }
        }
    }
}
