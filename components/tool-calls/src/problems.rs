//! What is wrong with arguments, in sentences that a model can act on.

use jsonschema::{
    ValidationError,
    error::{TypeKind, ValidationErrorKind as Kind},
};
use serde_json::Value;

use crate::{arguments::type_with_article, bindings::exports::voicehive::platform::tool_calls::Problem};

/// The most problems that are named: more than a model mends in one go.
pub const MAX_PROBLEMS: usize = 8;

/// The longest value, list or description that is repeated in a sentence, in bytes.
const MAX_EXCERPT: usize = 120;
/// The longest sentence, in bytes.
const MAX_MESSAGE: usize = 400;
/// The most alternatives of an `anyOf` that are explained.
const MAX_ALTERNATIVES: usize = 4;

/// The first [`MAX_PROBLEMS`] of `errors` by place.
pub fn describe<'a>(errors: impl Iterator<Item = ValidationError<'a>>, schema: &Value) -> Vec<Problem> {
    let mut problems: Vec<(String, String)> = errors.flat_map(|error| problems_of(&error, schema)).collect();
    problems.sort();
    problems.dedup();
    problems.truncate(MAX_PROBLEMS);
    problems.into_iter().map(|(path, message)| Problem { path, message }).collect()
}

/// `text` cut to `limit` bytes.
pub fn cut(text: &str, limit: usize) -> String {
    match text.get(..text.floor_char_boundary(limit)) {
        Some(start) if start.len() < text.len() => format!("{start}\u{2026}"),
        _ => text.to_owned(),
    }
}

/// One error may concern several places: each unexpected member is one.
fn problems_of(error: &ValidationError<'_>, schema: &Value) -> Vec<(String, String)> {
    let path = error.instance_path().as_str();
    let parent = parent_schema(error, schema);
    match error.kind() {
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            let message = format!("this argument does not exist; {}; leave it out", known(parent));
            unexpected.iter().map(|name| (member(path, name), cut(&message, MAX_MESSAGE))).collect()
        }
        Kind::Required { property: Value::String(name) } => {
            let wanted = parent.and_then(|parent| parent.get("properties")?.get(name));
            let message = format!("this argument is required and missing; expected {}", expected(wanted));
            vec![(member(path, name), cut(&message, MAX_MESSAGE))]
        }
        _ => vec![(path.to_owned(), cut(&sentence(error, parent), MAX_MESSAGE))],
    }
}

fn sentence(error: &ValidationError<'_>, parent: Option<&Value>) -> String {
    let value = error.instance();
    let found = excerpt(value);
    let but = |expectation: String| format!("{expectation}, but found {found}");
    match error.kind() {
        Kind::Type { kind } => {
            let types = match kind {
                TypeKind::Single(one) => one.to_string(),
                TypeKind::Multiple(types) => {
                    types.iter().map(|one| one.to_string()).collect::<Vec<_>>().join(" or ")
                }
            };
            let detail = parent.map_or_else(|| types.clone(), |parent| expected(Some(parent)));
            format!("expected {detail} (type {types}), but found {}: {found}", type_with_article(value))
        }
        Kind::Enum { options } => but(format!("expected one of {}", list(options))),
        Kind::Constant { expected_value } => but(format!("expected exactly {}", excerpt(expected_value))),
        Kind::Minimum { limit } => but(format!("expected at least {limit}")),
        Kind::Maximum { limit } => but(format!("expected at most {limit}")),
        Kind::ExclusiveMinimum { limit } => but(format!("expected more than {limit}")),
        Kind::ExclusiveMaximum { limit } => but(format!("expected less than {limit}")),
        Kind::MultipleOf { multiple_of } => but(format!("expected a multiple of {multiple_of}")),
        Kind::MinLength { limit } => but(format!("expected at least {limit} characters")),
        Kind::MaxLength { limit } => but(format!("expected at most {limit} characters")),
        Kind::Pattern { pattern } => {
            but(format!("expected text of the form `{}`{}", cut(pattern, MAX_EXCERPT), described(parent)))
        }
        Kind::Format { format } => but(format!("expected {}{}", format_name(format), described(parent))),
        Kind::MinItems { limit } => but(format!("expected at least {limit} items")),
        Kind::MaxItems { limit } => but(format!("expected at most {limit} items")),
        Kind::UniqueItems => but("expected items that differ from each other".to_owned()),
        Kind::MinProperties { limit } => but(format!("expected at least {limit} members")),
        Kind::MaxProperties { limit } => but(format!("expected at most {limit} members")),
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
            but(format!("expected one of these alternatives: {}", alternatives(context)))
        }
        Kind::OneOfMultipleValid { .. } => {
            but("expected exactly one of the alternatives to fit, and several do".to_owned())
        }
        Kind::PropertyNames { error } => {
            format!("the name of a member does not fit: {}", sentence(error, None))
        }
        Kind::FalseSchema => format!("nothing is allowed here, but found {found}; leave it out"),
        _ => format!("{error}"),
    }
}

/// The schema object whose keyword failed, if it stands in this document.
fn parent_schema<'a>(error: &ValidationError<'_>, schema: &'a Value) -> Option<&'a Value> {
    let (parent, _keyword) = error.schema_path().as_str().rsplit_once('/')?;
    schema.pointer(parent)
}

/// What a schema expects, as far as a phrase can say.
fn expected(schema: Option<&Value>) -> String {
    let Some(schema) = schema else { return "a value".to_owned() };
    if let Some(options) = schema.get("enum") {
        return format!("one of {}{}", list(options), described(Some(schema)));
    }
    let kind = match schema.get("type") {
        Some(Value::String(kind)) => with_article(kind),
        Some(Value::Array(kinds)) => {
            kinds.iter().filter_map(Value::as_str).map(with_article).collect::<Vec<_>>().join(" or ")
        }
        _ => "a value".to_owned(),
    };
    format!("{kind}{}", described(Some(schema)))
}

fn with_article(kind: &str) -> String {
    match kind {
        "null" => kind.to_owned(),
        "array" | "integer" | "object" => format!("an {kind}"),
        _ => format!("a {kind}"),
    }
}

/// The description of a schema in brackets; nothing where there is none.
fn described(schema: Option<&Value>) -> String {
    let text = schema.and_then(|schema| schema.get("description")?.as_str()).unwrap_or_default();
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.is_empty() { line } else { format!(" ({})", cut(&line, MAX_EXCERPT)) }
}

fn known(schema: Option<&Value>) -> String {
    let names: Vec<&str> = schema
        .and_then(|schema| schema.get("properties")?.as_object())
        .map(|properties| properties.keys().map(String::as_str).collect())
        .unwrap_or_default();
    if names.is_empty() {
        "none is known here".to_owned()
    } else {
        format!("known are {}", cut(&names.join(", "), MAX_EXCERPT))
    }
}

fn alternatives(context: &[Vec<ValidationError<'_>>]) -> String {
    let phrases = context.iter().filter_map(|errors| errors.first()).take(MAX_ALTERNATIVES).map(|error| {
        let place = error.instance_path().as_str();
        let text = match error.kind() {
            Kind::Type { kind: TypeKind::Single(one) } => with_article(one.as_str()),
            Kind::Required { property } => format!("with {}", excerpt(property)),
            _ => sentence(error, None),
        };
        if place.is_empty() { text } else { format!("{text} at {place}") }
    });
    let mut phrases: Vec<String> = phrases.collect();
    phrases.dedup();
    cut(&phrases.join("; or "), MAX_EXCERPT * 2)
}

fn format_name(format: &str) -> String {
    match format {
        "date-time" => "a date and time with an offset, like 2026-11-24T15:00:00+01:00".to_owned(),
        "date" => "a date like 2026-11-24".to_owned(),
        "time" => "a time with an offset, like 15:00:00+01:00".to_owned(),
        "email" => "an e-mail address".to_owned(),
        "uri" => "a URI like https://example.com/".to_owned(),
        "uuid" => "a UUID".to_owned(),
        other => format!("text of the format `{}`", cut(other, MAX_EXCERPT)),
    }
}

fn list(options: &Value) -> String {
    match options.as_array() {
        Some(options) => {
            cut(&options.iter().map(Value::to_string).collect::<Vec<_>>().join(", "), MAX_EXCERPT)
        }
        None => excerpt(options),
    }
}

fn excerpt(value: &Value) -> String {
    cut(&value.to_string(), MAX_EXCERPT)
}

/// JSON Pointer to a member, with RFC 6901's escapes.
fn member(path: &str, name: &str) -> String {
    format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"))
}
