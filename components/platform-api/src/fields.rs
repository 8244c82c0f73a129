//! The fields of a JSON body, each read once, with every fault noted under its pointer.

use std::ops::RangeInclusive;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::problem::Problem;

/// What is wrong with one part of a body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Fault {
    /// Where: a JSON pointer (RFC 6901) into the body.
    pub(crate) pointer: String,
    /// What, such that it can follow the pointer in a sentence.
    pub(crate) message: String,
}

/// What was found wrong so far.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    /// Notes a fault. More than [`FAULTS_MAX`] help nobody.
    pub(crate) fn note(&mut self, pointer: String, message: impl Into<String>) {
        if self.0.len() < FAULTS_MAX {
            self.0.push(Fault { pointer, message: message.into() });
        }
    }

    /// `value`, if nothing is wrong. Without a value something is, and was noted.
    ///
    /// # Errors
    /// When something is wrong.
    pub(crate) fn or<T>(self, value: Option<T>) -> Result<T, Problem> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(Problem::Invalid(self.0)),
        }
    }
}

/// The longest list of faults.
const FAULTS_MAX: usize = 32;

/// The members of an object that are not yet read.
pub(crate) struct Fields {
    pointer: String,
    members: Map<String, Value>,
}

/// Reads a value, or says what it must be: a text that can follow its pointer.
pub(crate) type Reading<T> = Result<T, String>;

impl Fields {
    /// The members of the object at `pointer`.
    pub(crate) fn of(value: Value, pointer: impl Into<String>, faults: &mut Faults) -> Option<Self> {
        let pointer = pointer.into();
        match value {
            Value::Object(members) => Some(Self { pointer, members }),
            _ => {
                faults.note(pointer, "must be an object");
                None
            }
        }
    }

    /// Where the object is.
    pub(crate) fn place(&self) -> &str {
        &self.pointer
    }

    /// Where the member of this name is.
    pub(crate) fn pointer(&self, name: &str) -> String {
        member(&self.pointer, name)
    }

    /// Takes a member that may be absent, or null, which is the same.
    pub(crate) fn optional<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(Value) -> Reading<T>,
        faults: &mut Faults,
    ) -> Option<T> {
        let value = self.members.remove(name).filter(|value| !value.is_null())?;
        read(value).map_err(|message| faults.note(self.pointer(name), message)).ok()
    }

    /// Takes a member that must be there.
    pub(crate) fn required<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(Value) -> Reading<T>,
        faults: &mut Faults,
    ) -> Option<T> {
        if self.members.get(name).is_none_or(Value::is_null) {
            self.members.remove(name);
            faults.note(self.pointer(name), "is missing");
            return None;
        }
        self.optional(name, read, faults)
    }

    /// Takes a member if it is null; says whether it was.
    pub(crate) fn take_null(&mut self, name: &str) -> bool {
        let is_null = self.members.get(name).is_some_and(Value::is_null);
        is_null && self.members.remove(name).is_some()
    }

    /// Takes an object that may be absent.
    pub(crate) fn object(&mut self, name: &str, faults: &mut Faults) -> Option<Self> {
        let value = self.members.remove(name).filter(|value| !value.is_null())?;
        Self::of(value, self.pointer(name), faults)
    }

    /// All members, with their names.
    pub(crate) fn into_members(self) -> Map<String, Value> {
        self.members
    }

    /// Nothing more is expected: what nobody took is most likely misspelt.
    pub(crate) fn finish(self, faults: &mut Faults) {
        for name in self.members.keys() {
            faults.note(self.pointer(name), "is no field of this object");
        }
    }
}

/// The pointer to the member `name` of what is at `parent`.
pub(crate) fn member(parent: &str, name: &str) -> String {
    format!("{parent}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// A text.
pub(crate) fn text(value: Value) -> Reading<String> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err("must be a string".to_owned()),
    }
}

/// A text that parses; `expected` says what it looks like.
pub(crate) fn parsed<T: std::str::FromStr>(expected: &str) -> impl FnOnce(Value) -> Reading<T> {
    move |value| text(value)?.parse().map_err(|_| format!("must be {expected}"))
}

/// `true` or `false`.
pub(crate) fn truth(value: Value) -> Reading<bool> {
    value.as_bool().ok_or_else(|| "must be true or false".to_owned())
}

/// A whole number in `range`.
pub(crate) fn whole(range: RangeInclusive<u32>) -> impl FnOnce(Value) -> Reading<u32> {
    move |value| {
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
        let expected = || format!("must be a whole number from {} to {}", range.start(), range.end());
        number.filter(|number| range.contains(number)).ok_or_else(expected)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_fault_is_noted_under_its_pointer() {
        let mut faults = Faults::default();
        let body = json!({ "ring": 3, "to": 5, "gone": null, "in": { "x": "no" }, "a/b~c": 1 });
        let mut fields = Fields::of(body, "", &mut faults).unwrap();
        assert_eq!(fields.optional("ring", whole(5..=600), &mut faults), None);
        assert_eq!(fields.required("to", text, &mut faults), None);
        assert_eq!(fields.required("gone", text, &mut faults), None);
        assert_eq!(fields.optional("absent", truth, &mut faults), None);
        let mut inner = fields.object("in", &mut faults).unwrap();
        assert_eq!(inner.optional("x", truth, &mut faults), None);
        inner.finish(&mut faults);
        fields.finish(&mut faults);
        let Err(Problem::Invalid(faults)) = faults.or(Some(())) else { panic!("no fault") };
        let found: Vec<_> =
            faults.iter().map(|fault| (fault.pointer.as_str(), fault.message.as_str())).collect();
        let expected = [
            ("/ring", "must be a whole number from 5 to 600"),
            ("/to", "must be a string"),
            ("/gone", "is missing"),
            ("/in/x", "must be true or false"),
            ("/a~1b~0c", "is no field of this object"),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_body_of_nothing_but_faults_has_a_short_answer() {
        let mut faults = Faults::default();
        let members: Map<_, _> = (0..1000).map(|at| (format!("field{at}"), json!(0))).collect();
        Fields::of(members.into(), "", &mut faults).unwrap().finish(&mut faults);
        let Err(Problem::Invalid(faults)) = faults.or(Some(())) else { panic!("no fault") };
        assert_eq!(faults.len(), FAULTS_MAX);
    }
}
