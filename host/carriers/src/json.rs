//! JSON pieces that the carriers share.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};

/// A count that carriers send as a decimal string, and some relays as a number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Count(pub(crate) u64);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct CountVisitor;

        impl Visitor<'_> for CountVisitor {
            type Value = Count;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a whole number, as a string or a number")
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Count, E> {
                Ok(Count(value))
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<Count, E> {
                value.parse().map(Count).map_err(|_| E::custom("not a whole number"))
            }
        }

        deserializer.deserialize_any(CountVisitor)
    }
}

/// Appends `text` as a JSON string, quotes included.
pub(crate) fn push_string(output: &mut String, text: &str) {
    output.push('"');
    for character in text.chars() {
        match character {
            '"' => output.push_str("\\\""),
            '\\' => output.push_str("\\\\"),
            '\u{0}'..='\u{1F}' => {
                let hex = |nibble: u32| char::from_digit(nibble, 16).unwrap_or('0');
                output.push_str("\\u00");
                output.push(hex(u32::from(character) >> 4));
                output.push(hex(u32::from(character) & 0x0F));
            }
            other => output.push(other),
        }
    }
    output.push('"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_survives_the_string_writer(text in any::<String>()) {
            let mut output = String::new();
            push_string(&mut output, &text);
            prop_assert_eq!(serde_json::from_str::<String>(&output).unwrap(), text);
        }
    }
}
