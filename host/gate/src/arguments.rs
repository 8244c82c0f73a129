//! Whether what a model passes fits a tool's schema.

use serde_json::Value;

use crate::schema;

/// The most misfits that are named.
const MAX_MISFITS: usize = 8;

/// Where arguments do not fit, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// The place in the arguments, as a JSON Pointer; empty for all of them.
    pub path: String,
    /// What is wrong there.
    pub message: String,
}

/// Holds arguments against `parameters`, a schema that [`check_parameters`](crate::check_parameters) let through, with formats
/// asserted as in a phone call. Returns the first eight misfits, none where the arguments fit.
///
/// # Errors
/// Where `parameters` is no such schema.
pub fn check_arguments(parameters: &Value, arguments: &Value) -> Result<Vec<Misfit>, crate::Refusal> {
    let validator = schema::validator(parameters)?;
    let misfits = validator.iter_errors(arguments).take(MAX_MISFITS);
    Ok(misfits
        .map(|error| Misfit { path: error.instance_path().as_str().to_owned(), message: error.to_string() })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn misfits(arguments: &Value) -> Vec<Misfit> {
        let parameters = json!({
            "type": "object",
            "properties": {
                "when": { "enum": ["morning", "evening"] },
                "day": { "type": "string", "format": "date" },
            },
            "required": ["when"],
            "additionalProperties": false,
        });
        check_arguments(&parameters, arguments).unwrap()
    }

    fn paths(arguments: &Value) -> Vec<String> {
        misfits(arguments).into_iter().map(|misfit| misfit.path).collect()
    }

    #[test]
    fn arguments_that_fit_have_no_misfit() {
        assert!(misfits(&json!({ "when": "morning", "day": "2026-11-23" })).is_empty());
    }

    #[test]
    fn each_misfit_names_its_place() {
        assert_eq!(paths(&json!({ "when": "noon" })), ["/when"]);
        assert_eq!(paths(&json!({ "when": "morning", "day": "2026-02-30" })), ["/day"]);
        assert_eq!(paths(&json!({ "when": "morning", "who": 1 })), [""]);
        let missing = misfits(&json!({}));
        assert!(missing[0].message.contains("\"when\" is a required property"), "{missing:?}");
    }

    #[test]
    fn a_bomb_of_misfits_is_cut_short() {
        let parameters = json!({ "type": "object", "additionalProperties": { "type": "string" } });
        let arguments: serde_json::Map<String, Value> =
            (0..100).map(|number| (number.to_string(), json!(number))).collect();
        assert_eq!(check_arguments(&parameters, &arguments.into()).unwrap().len(), MAX_MISFITS);
    }

    #[test]
    fn what_is_no_schema_is_refused() {
        assert!(check_arguments(&json!({ "type": "objekt" }), &json!({})).is_err());
    }
}
