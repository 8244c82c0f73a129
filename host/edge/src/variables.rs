//! Application variables and what components see of them.

use std::collections::BTreeMap;

use crate::manifest::Manifest;
use crate::template::Template;

/// Why variables cannot be resolved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A required variable was given no value.
    #[error("variable `{0}` is required but has no value; set SPIN_VARIABLE_{upper} or pass it on the command line", upper = .0.to_uppercase())]
    Missing(String),
    /// A template is malformed.
    #[error("component `{component}`: {place}: `{{{{` is not closed by `}}}}`")]
    Unclosed {
        /// The component.
        component: String,
        /// The variable or the list that the template stands in.
        place: String,
    },
    /// A template names a variable that the manifest does not define.
    #[error("component `{component}`: {place} refers to `{name}`, which `[variables]` does not define")]
    Unknown {
        /// The component.
        component: String,
        /// The variable or the list that the template stands in.
        place: String,
        /// The name in the template.
        name: String,
    },
}

/// The values of all application variables.
pub(crate) struct Values(BTreeMap<String, String>);

impl Values {
    /// Puts `overrides` over the defaults of the manifest. Every variable has a value afterwards.
    pub(crate) fn resolve(manifest: &Manifest, overrides: &BTreeMap<String, String>) -> Result<Self, Error> {
        for name in overrides.keys().filter(|name| !manifest.variables.contains_key(*name)) {
            tracing::warn!(variable = %name, "a value was given for a variable that the manifest does not define");
        }
        let mut values = BTreeMap::new();
        for (name, variable) in &manifest.variables {
            let given = overrides.get(name);
            let value = given.or(variable.default.as_ref()).ok_or_else(|| Error::Missing(name.clone()))?;
            tracing::debug!(variable = %name, secret = variable.secret, given = given.is_some(), "variable resolved");
            values.insert(name.clone(), value.clone());
        }
        Ok(Self(values))
    }

    /// The variables of one component, filled in.
    pub(crate) fn of_component(
        &self,
        component: &str,
        templates: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>, Error> {
        templates
            .iter()
            .map(|(name, text)| {
                Ok((name.clone(), self.render(component, &format!("variable `{name}`"), text)?))
            })
            .collect()
    }

    /// Fills in one template of a component. `place` says where it stands.
    pub(crate) fn render(&self, component: &str, place: &str, text: &str) -> Result<String, Error> {
        let (component, place) = (component.to_owned(), place.to_owned());
        match Template::parse(text) {
            Err(_) => Err(Error::Unclosed { component, place }),
            Ok(template) => template
                .render(|name| self.0.get(name).map(String::as_str))
                .map_err(|name| Error::Unknown { component, place, name }),
        }
    }
}

/// Checks a variable's name: lower_snake_case, so that it can be an environment variable as well.
pub(crate) fn check_name(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("a variable name must not be empty".into());
    }
    if let Some(bad) = name.chars().find(|c| !(c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '_')) {
        return Err(format!(
            "a variable name has lower-case letters, digits and underscores only, not {bad:?}"
        ));
    }
    for word in name.split('_') {
        if word.is_empty() {
            return Err("underscores stand singly between words of a variable name".into());
        }
        if word.starts_with(|c: char| c.is_ascii_digit()) {
            return Err("each word of a variable name starts with a letter".into());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn given_values_win_over_defaults() {
        let values = resolve(&[("region", "us"), ("secret", "s3")]).unwrap();

        assert_eq!(values.render("c", "v", "{{ region }}/{{ secret }}").unwrap(), "us/s3");
        assert_eq!(resolve(&[("secret", "x")]).unwrap().render("c", "v", "{{ region }}").unwrap(), "eu");
    }

    #[test]
    fn a_required_variable_without_a_value_is_named() {
        let error = resolve(&[]).err().unwrap().to_string();

        assert!(error.contains("`secret` is required"), "{error}");
        assert!(error.contains("SPIN_VARIABLE_SECRET"), "{error}");
    }

    #[test]
    fn values_for_unknown_variables_are_ignored() {
        assert!(resolve(&[("secret", "x"), ("stray", "y")]).is_ok());
    }

    #[test]
    fn a_template_that_names_an_unknown_variable_is_refused_by_name() {
        let values = resolve(&[("secret", "x")]).unwrap();
        let templates = [("url".to_owned(), "https://{{ nowhere }}".to_owned())].into();

        let error = values.of_component("hooks", &templates).unwrap_err().to_string();

        assert_eq!(
            error,
            "component `hooks`: variable `url` refers to `nowhere`, which `[variables]` does not define"
        );
    }

    #[test]
    fn an_unclosed_template_is_refused() {
        let values = resolve(&[("secret", "x")]).unwrap();

        let error = values.render("hooks", "variable `url`", "{{ region").unwrap_err().to_string();

        assert_eq!(error, "component `hooks`: variable `url`: `{{` is not closed by `}}`");
    }

    #[test]
    fn names_are_lower_snake_case() {
        for good in ["a", "webhook_secret", "a1_b2"] {
            assert_eq!(check_name(good), Ok(()), "{good}");
        }
        for bad in ["", "A", "a-b", "_a", "a_", "a__b", "1a", "a_1", "ä"] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }

    fn resolve(overrides: &[(&str, &str)]) -> Result<Values, Error> {
        let text = r#"
            spin_manifest_version = 2
            application = { name = "x" }
            [variables]
            region = { default = "eu" }
            secret = { required = true, secret = true }
        "#;
        let manifest = Manifest::parse(text, Path::new("/")).unwrap();
        let overrides =
            overrides.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Values::resolve(&manifest, &overrides)
    }
}
