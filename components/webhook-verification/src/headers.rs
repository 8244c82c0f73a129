//! Header fields as they arrived.

use crate::contract::Refusal;

/// A header occurs more than once where one is meant, so none of them can be believed.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Repeated;

/// The value of the header `name`, if there is exactly one.
pub(crate) fn only<'a>(headers: &'a [(String, String)], name: &str) -> Result<Option<&'a str>, Repeated> {
    let mut values = all(headers, name);
    let value = values.next();
    if values.next().is_some() { Err(Repeated) } else { Ok(value) }
}

/// The value of the header `name`, which carries the signature.
pub(crate) fn signature<'a>(headers: &'a [(String, String)], name: &str) -> Result<&'a str, Refusal> {
    let value = only(headers, name).map_err(|Repeated| Refusal::MalformedSignature)?;
    value.ok_or(Refusal::MissingSignature)
}

/// The value of the header `name`, without which the signature cannot be checked.
pub(crate) fn required<'a>(headers: &'a [(String, String)], name: &str) -> Result<&'a str, Refusal> {
    let value = only(headers, name).map_err(|Repeated| Refusal::MalformedHeader(name.to_owned()))?;
    value.ok_or_else(|| Refusal::MissingHeader(name.to_owned()))
}

/// Every value of the header `name`, in arrival order.
pub(crate) fn all<'a>(headers: &'a [(String, String)], name: &str) -> impl Iterator<Item = &'a str> {
    headers.iter().filter(move |(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}
