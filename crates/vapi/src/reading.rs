//! JSON whose types the sender does not keep to.

use serde_json::Value;

/// The text under `key`, where there is one that is not empty. A number is its digits, because ids were seen as both.
pub(crate) fn text(value: &Value, key: &str) -> Option<String> {
    match value.get(key)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A time under `key`, in milliseconds since 1970; Vapi sends it as a number that may have a fraction.
pub(crate) fn millis(value: &Value, key: &str) -> Option<u64> {
    let time = match value.get(key)? {
        Value::Number(number) => number.as_f64()?,
        Value::String(digits) => digits.parse().ok()?,
        _ => return None,
    };
    // What a double holds exactly; later times are no times.
    (time.is_finite() && (0.0..=9_007_199_254_740_992.0).contains(&time)).then_some(time as u64)
}

/// The list under `key`; empty where there is none.
pub(crate) fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_may_be_a_number_and_nothing_else() {
        let value = json!({ "text": "a", "number": 7, "empty": "", "list": [1], "null": null });
        let read = |key| text(&value, key);
        assert_eq!((read("text"), read("number")), (Some("a".into()), Some("7".into())));
        assert_eq!([read("empty"), read("list"), read("null"), read("absent")], [None, None, None, None]);
    }

    #[test]
    fn a_time_loses_its_fraction_and_must_be_one() {
        let value =
            json!({ "a": 1_795_179_900_000.75, "b": "1795179900000", "c": -1, "d": 1e300, "e": true });
        let read = |key| millis(&value, key);
        assert_eq!((read("a"), read("b")), (Some(1_795_179_900_000), Some(1_795_179_900_000)));
        assert_eq!([read("c"), read("d"), read("e")], [None, None, None]);
    }
}
