//! The arguments: from the model's text to canonical JSON.

use serde_json::{Map, Number, Value};

/// The longest arguments that are read, in bytes.
pub const MAX_ARGUMENTS: usize = 64 * 1024;

/// Below this every whole number has exactly one double: 2^53.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// The arguments as a JSON object, or where and how they break.
pub fn parse(text: &str) -> Result<Value, String> {
    if text.len() > MAX_ARGUMENTS {
        return Err(format!("they are {} bytes long; at most {MAX_ARGUMENTS} are read", text.len()));
    }
    if text.trim().is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    // The parser refuses more than 128 levels of nesting.
    let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if value.is_object() {
        return Ok(value);
    }
    Err(format!("expected an object in braces, found {} at line 1 column 1", type_with_article(&value)))
}

/// The type of `value` with its article: "a string".
pub fn type_with_article(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// `value` as canonical JSON: keys sorted by code point on every level, no white
/// space, whole numbers without a fraction (so that 1.0 and 1 are one argument).
pub fn canonical(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

fn write(value: &Value, text: &mut String) {
    match value {
        Value::Object(object) => {
            let mut members: Vec<(&String, &Value)> = object.iter().collect();
            members.sort_by_key(|(key, _)| *key);
            text.push('{');
            for (at, (key, member)) in members.into_iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                text.push_str(&Value::String(key.clone()).to_string());
                text.push(':');
                write(member, text);
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                write(item, text);
            }
            text.push(']');
        }
        Value::Number(number) => text.push_str(&canonical_number(number)),
        Value::Null | Value::Bool(_) | Value::String(_) => text.push_str(&value.to_string()),
    }
}

fn canonical_number(number: &Number) -> String {
    match number.as_f64() {
        Some(value) if number.is_f64() && value.fract() == 0.0 && value.abs() < MAX_EXACT => {
            (value as i64).to_string()
        }
        _ => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_are_sorted_on_every_level_and_space_is_dropped() {
        let value =
            parse(" { \"b\" : [ { \"z\": 1, \"a\": \"x \\u0041\" } ], \"a\" : null, \"\u{e9}\": true }")
                .unwrap();
        assert_eq!(canonical(&value), "{\"a\":null,\"b\":[{\"a\":\"x A\",\"z\":1}],\"\u{e9}\":true}");
    }

    #[test]
    fn whole_numbers_are_written_one_way() {
        let value =
            parse(r#"{"a":1.0,"b":1e2,"c":-0.0,"d":0.5,"e":18446744073709551615,"f":-9.0,"g":1e300}"#)
                .unwrap();
        assert_eq!(
            canonical(&value),
            r#"{"a":1,"b":100,"c":0,"d":0.5,"e":18446744073709551615,"f":-9,"g":1e300}"#
                .replace("1e300", "1e+300")
        );
    }

    #[test]
    fn blank_arguments_are_an_empty_object() {
        for text in ["", "  \n\t"] {
            assert_eq!(canonical(&parse(text).unwrap()), "{}");
        }
    }

    #[test]
    fn malformed_arguments_are_refused_with_line_and_column() {
        for (text, place) in [
            ("{\"a\": 1,\n \"b\" 2}", "line 2 column 6"),
            ("{\"a\": 1} trailing", "line 1 column 10"),
            ("{'a': 1}", "line 1 column 2"),
            ("[1]", "an array at line 1 column 1"),
            ("\"{}\"", "a string at line 1 column 1"),
            ("{", "line 1 column 1"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(place), "{text:?}: {error}");
        }
    }

    #[test]
    fn long_and_deep_arguments_are_refused() {
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(MAX_ARGUMENTS));
        assert!(parse(&long).unwrap_err().contains("65536"));
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200));
        assert!(parse(&deep).unwrap_err().contains("recursion limit"));
    }

    proptest! {
        #[test]
        fn canonical_json_means_the_same_and_is_a_fixed_point(value in json()) {
            let once = canonical(&value);
            let again: Value = serde_json::from_str(&once).unwrap();
            prop_assert_eq!(canonical(&again), once);
            prop_assert_eq!(again, value);
        }
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (-1e6f64..1e6)
                .prop_filter("whole ones change their type", |value| value.fract() != 0.0)
                .prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                proptest::collection::btree_map(".{0,4}", inner, 0..5)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }
}
