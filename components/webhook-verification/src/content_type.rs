//! What a body is said to be.

use crate::contract::Refusal;
use crate::headers;

/// A form, as browsers and carriers send it.
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

/// JSON.
pub(crate) const JSON: &str = "application/json";

/// The header's value as it stands, empty without one.
///
/// # Errors
///
/// [`Refusal::UnsupportedContentType`] if it occurs more than once.
pub(crate) fn stated(fields: &[(String, String)]) -> Result<&str, Refusal> {
    headers::only(fields, HEADER).map(Option::unwrap_or_default).map_err(|headers::Repeated| {
        let all: Vec<_> = headers::all(fields, HEADER).collect();
        Refusal::UnsupportedContentType(all.join(", "))
    })
}

/// `content_type` without its parameters, in lower case.
pub(crate) fn essence(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

const HEADER: &str = "content-type";
