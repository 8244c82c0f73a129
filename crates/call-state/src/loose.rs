//! JSON whose types carriers do not keep to.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A text, or a number as its text. Anything else is as if it were absent, because events that this version does not
/// know may use the name for something else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Loose(Option<String>);

impl Loose {
    /// The text, where there is one that is not empty.
    pub(crate) fn text(&self) -> Option<&str> {
        self.0.as_deref().filter(|text| !text.is_empty())
    }

    pub(crate) fn owned(&self) -> Option<String> {
        self.text().map(str::to_owned)
    }

    pub(crate) fn parse<T: std::str::FromStr>(&self) -> Option<T> {
        self.text()?.parse().ok()
    }
}

impl<'de> Deserialize<'de> for Loose {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LooseVisitor)
    }
}

struct LooseVisitor;

impl<'de> Visitor<'de> for LooseVisitor {
    type Value = Loose;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("anything")
    }

    fn visit_str<E>(self, text: &str) -> Result<Loose, E> {
        Ok(Loose(Some(text.to_owned())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Loose, E> {
        Ok(Loose(Some(number.to_string())))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Loose, E> {
        Ok(Loose(Some(number.to_string())))
    }

    /// Seventeen digits after the point would show how the number was rounded; six are what money needs.
    fn visit_f64<E>(self, number: f64) -> Result<Loose, E> {
        Ok(Loose(number.is_finite().then(|| format!("{number:.6}"))))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Loose, E> {
        Ok(Loose(None))
    }

    fn visit_unit<E>(self) -> Result<Loose, E> {
        Ok(Loose(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Loose, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Loose(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Loose, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Loose(None))
    }
}

/// An object's entries; none for anything else, for the reason of [`Loose`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entries(pub(crate) Vec<(String, Loose)>);

/// No object of a carrier's has nearly as many entries.
const ENTRIES_MAX: usize = 32;

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EntriesVisitor)
    }
}

struct EntriesVisitor;

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Entries;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("anything")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Entries, A::Error> {
        let mut read = Vec::new();
        while let Some(entry) = entries.next_entry::<String, Loose>()? {
            if read.len() < ENTRIES_MAX {
                read.push(entry);
            }
        }
        Ok(Entries(read))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Entries, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Entries::default())
    }

    fn visit_str<E>(self, _: &str) -> Result<Entries, E> {
        Ok(Entries::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Entries, E> {
        Ok(Entries::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Entries, E> {
        Ok(Entries::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Entries, E> {
        Ok(Entries::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Entries, E> {
        Ok(Entries::default())
    }

    fn visit_unit<E>(self) -> Result<Entries, E> {
        Ok(Entries::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_numbers_are_texts_and_all_else_is_absent() {
        for (json, text) in [
            (r#""486""#, Some("486")),
            ("486", Some("486")),
            ("-1", Some("-1")),
            ("0.1", Some("0.100000")),
            (r#""""#, None),
            ("null", None),
            ("true", None),
            (r#"[{"a":[1]}]"#, None),
            (r#"{"a":{"b":1}}"#, None),
        ] {
            assert_eq!(serde_json::from_str::<Loose>(json).unwrap().text(), text, "{json}");
        }
    }
}
