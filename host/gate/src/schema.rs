//! The JSON Schema of a tool's arguments.

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::Value;

use crate::limits::Limits;
use crate::refusal::{Code, Refusal};

/// The dialect that schemas are read in, and the only one they may name.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Bytes that a compiled pattern may take, and its automaton while it matches.
const MAX_PATTERN: usize = 64 << 10;

/// The longest chain of references: each leads deeper into the schema before anything is answered.
const MAX_CHAIN: usize = 16;

/// Keywords that give a schema another place to be referred to by, or to refer to.
const OTHER_REFERENCES: [&str; 6] =
    ["$id", "$anchor", "$dynamicAnchor", "$dynamicRef", "$recursiveRef", "$vocabulary"];

/// Checks the schema of a tool's arguments, as `describe` returned it.
///
/// It must be a valid schema of an object and stay small however often its references are followed. References lead to
/// places in the schema itself, by JSON Pointer. Nothing is fetched.
///
/// # Errors
/// What is wrong with it.
pub fn check_parameters(text: &str, limits: &Limits) -> Result<Value, Refusal> {
    if text.len() > limits.schema_bytes {
        let item = format!("`parameters` has {} bytes", text.len());
        return Err(Refusal::new(
            Code::SchemaTooLarge,
            item,
            format!("at most {} are allowed", limits.schema_bytes),
        ));
    }
    // Before parsing, because a parser that calls itself has a depth of its own.
    if depth(text) > limits.schema_depth {
        let mend = format!("nest objects and arrays at most {} deep", limits.schema_depth);
        return Err(Refusal::new(Code::SchemaTooDeep, format!("`parameters` is {} deep", depth(text)), mend));
    }
    let schema: Value =
        serde_json::from_str(text).map_err(|error| bad(format!("`parameters` is not JSON: {error}")))?;
    if schema.get("type").and_then(Value::as_str) != Some("object") {
        return Err(bad("the `type` of `parameters` is not \"object\""));
    }
    Unfolding { root: &schema, left: limits.schema_nodes, most: limits.schema_nodes, chain: Vec::new() }
        .visit(&schema)?;
    validator(&schema)?;
    Ok(schema)
}

/// What arguments are held against.
pub(crate) fn validator(schema: &Value) -> Result<Validator, Refusal> {
    let patterns = PatternOptions::regex().size_limit(MAX_PATTERN).dfa_size_limit(MAX_PATTERN);
    jsonschema::options()
        .offline()
        .with_draft(Draft::Draft202012)
        .should_validate_formats(true)
        .with_pattern_options(patterns)
        .build(schema)
        .map_err(|error| bad(format!("`parameters` at `{}`: {error}", error.instance_path().as_str())))
}

fn bad(item: impl Into<String>) -> Refusal {
    Refusal::new(Code::BadSchema, item, "write a JSON Schema (2020-12) of an object")
}

/// How deeply brackets outside of strings nest.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Follows every reference, as a validator may have to.
struct Unfolding<'a> {
    root: &'a Value,
    left: u64,
    most: u64,
    /// The references that are being followed.
    chain: Vec<&'a str>,
}

impl<'a> Unfolding<'a> {
    fn visit(&mut self, value: &'a Value) -> Result<(), Refusal> {
        match value {
            Value::Array(items) => {
                self.spend()?;
                items.iter().try_for_each(|item| self.visit(item))
            }
            Value::Object(members) => {
                self.spend()?;
                for (name, member) in members {
                    match member {
                        Value::String(text) => self.keyword(name, text)?,
                        _ => self.visit(member)?,
                    }
                }
                Ok(())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
        }
    }

    fn spend(&mut self) -> Result<(), Refusal> {
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => {
                let item = "`parameters` holds too much when its references are followed";
                Err(Refusal::new(
                    Code::SchemaTooIntricate,
                    item,
                    format!("at most {} schemas are allowed", self.most),
                ))
            }
        }
    }

    fn keyword(&mut self, name: &str, text: &'a str) -> Result<(), Refusal> {
        if name == "$schema" && text.trim_end_matches('#') != DIALECT {
            return Err(bad(format!("`parameters` names the dialect `{text}`, not `{DIALECT}`")));
        }
        if OTHER_REFERENCES.contains(&name) {
            return Err(reference(format!("`parameters` uses `{name}`")));
        }
        if name != "$ref" {
            return Ok(());
        }
        // Validators decode a reference first, and would follow another than the one that is looked at here.
        if text.contains('%') {
            return Err(reference(format!("`parameters` refers to `{text}`, which is percent-encoded")));
        }
        let target = text.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
        let Some(target) = target else { return Err(reference(format!("`parameters` refers to `{text}`"))) };
        if self.chain.contains(&text) {
            let mend = "write the levels out that are needed: models do not fill endless schemas well";
            return Err(Refusal::new(Code::SchemaRecursive, format!("`{text}` contains itself"), mend));
        }
        if self.chain.len() >= MAX_CHAIN {
            let item = format!("`{text}` is at the end of a chain of {MAX_CHAIN} references");
            return Err(Refusal::new(Code::SchemaTooIntricate, item, "refer to things more directly"));
        }
        self.chain.push(text);
        self.visit(target)?;
        self.chain.pop();
        Ok(())
    }
}

fn reference(item: String) -> Refusal {
    Refusal::new(
        Code::SchemaReference,
        item,
        "put the schema under `$defs` and refer to it as `#/$defs/name`",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Code {
        check_parameters(text, &Limits::STANDARD).unwrap_err().code
    }

    #[test]
    fn an_ordinary_schema_passes() {
        let schema = r##"{"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object",
            "properties": {"day": {"type": "string", "pattern": "^[0-9-]{10}$"}, "from": {"$ref": "#/$defs/place"},
            "to": {"$ref": "#/$defs/place"}, "$id": {"type": "integer"}},
            "required": ["day"], "$defs": {"place": {"enum": ["home", "shop"]}}, "additionalProperties": false}"##;
        assert_eq!(check_parameters(schema, &Limits::STANDARD).unwrap()["type"], "object");
    }

    #[test]
    fn what_is_no_schema_of_an_object_is_refused() {
        for text in [
            "",
            "{",
            "[]",
            "true",
            r#"{"type": "string"}"#,
            r#"{"type": ["object"]}"#,
            r#"{"type": "object", "required": 1}"#,
            r#"{"type": "object", "properties": {"a": {"pattern": "("}}}"#,
            r#"{"type": "object", "properties": {"a": {"pattern": "(?=a)b"}}}"#,
            r#"{"type": "object", "properties": {"a": {"pattern": "((a{99}){99}){99}"}}}"#,
            r#"{"type": "object", "$schema": "http://json-schema.org/draft-04/schema#"}"#,
        ] {
            assert_eq!(code(text), Code::BadSchema, "{text}");
        }
    }

    #[test]
    fn references_stay_inside() {
        for target in [
            "https://example.com/s",
            "file:///etc/passwd",
            "other.json",
            "//host/s",
            "#name",
            "#/$defs/none",
            "",
        ] {
            let text = format!(r#"{{"type": "object", "properties": {{"a": {{"$ref": "{target}"}}}}}}"#);
            assert_eq!(code(&text), Code::SchemaReference, "{target}");
        }
        let decoy = r##"{"type": "object", "$defs": {"a%62": {}, "ab": {"properties": {"x": {"$ref": "#/$defs/a%62"}}}}}"##;
        assert_eq!(code(decoy), Code::SchemaReference);
        assert_eq!(code(r#"{"type": "object", "$id": "https://example.com/"}"#), Code::SchemaReference);
    }

    #[test]
    fn a_schema_cannot_contain_itself() {
        for text in [
            r##"{"type": "object", "properties": {"a": {"$ref": "#"}}}"##,
            r##"{"type": "object", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}"##,
        ] {
            assert_eq!(code(text), Code::SchemaRecursive, "{text}");
        }
    }

    #[test]
    fn a_schema_that_unfolds_into_too_much_is_refused() {
        let twice = |name: usize| format!(r##"{{"$ref": "#/$defs/{name}"}}, {{"$ref": "#/$defs/{name}"}}"##);
        let levels: Vec<String> =
            (0..14).map(|level| format!(r#""{level}": {{"allOf": [{}]}}"#, twice(level + 1))).collect();
        let text = format!(r#"{{"type": "object", "$defs": {{{}, "14": {{}}}}}}"#, levels.join(","));
        assert_eq!(code(&text), Code::SchemaTooIntricate);
    }

    #[test]
    fn sizes_are_bounded_before_anything_is_parsed() {
        assert_eq!(code(&" ".repeat((16 << 10) + 1)), Code::SchemaTooLarge);
        assert_eq!(code(&"[".repeat(16 << 10)), Code::SchemaTooDeep);
        assert_eq!(depth(r#"{"a\"{[": [[]]}"#), 3);
    }
}
