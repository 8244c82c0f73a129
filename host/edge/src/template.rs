//! Text with `{{ name }}` in it, as component variables and allowed hosts use it.

use std::borrow::Cow;

/// A parsed template.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Part {
    Text(String),
    Name(String),
}

/// `{{` without `}}`.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{{{{` is not closed by `}}}}`")]
pub(crate) struct Unclosed;

impl Template {
    pub(crate) fn parse(text: &str) -> Result<Self, Unclosed> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (name, following) = after.split_once("}}").ok_or(Unclosed)?;
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            parts.push(Part::Name(name.trim().to_owned()));
            rest = following;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self { parts })
    }

    /// The names it refers to.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Name(name) => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// Whether it refers to no name at all.
    pub(crate) fn is_literal(&self) -> bool {
        self.names().next().is_none()
    }

    /// Fills it in. `Err` is the first name that `lookup` does not know.
    pub(crate) fn render<'a>(&self, lookup: impl Fn(&str) -> Option<&'a str>) -> Result<String, String> {
        self.parts
            .iter()
            .map(|part| match part {
                Part::Text(text) => Ok(Cow::Borrowed(text.as_str())),
                Part::Name(name) => lookup(name).map(Cow::Borrowed).ok_or_else(|| name.clone()),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_without_braces_is_literal() {
        let template = Template::parse("plain } text {").unwrap();

        assert!(template.is_literal());
        assert_eq!(template.render(|_| None).unwrap(), "plain } text {");
    }

    #[test]
    fn names_are_filled_in_wherever_they_stand() {
        for (text, expected) in [
            ("{{ host }}", "example.com"),
            ("https://{{host}}/x", "https://example.com/x"),
            ("{{ host }}{{ port }}", "example.com8080"),
            ("a-{{   port }}-b", "a-8080-b"),
            ("", ""),
        ] {
            assert_eq!(Template::parse(text).unwrap().render(lookup).unwrap(), expected, "{text:?}");
        }
    }

    #[test]
    fn filled_in_values_are_not_templates_themselves() {
        let template = Template::parse("{{ a }}").unwrap();

        assert_eq!(template.render(|_| Some("{{ b }}")).unwrap(), "{{ b }}");
    }

    #[test]
    fn unclosed_braces_are_refused() {
        assert_eq!(Template::parse("{{ host }} {{ port"), Err(Unclosed));
    }

    #[test]
    fn unknown_names_are_reported() {
        let template = Template::parse("{{ host }}:{{ nothing }}").unwrap();

        assert_eq!(template.render(lookup).unwrap_err(), "nothing");
        assert_eq!(template.names().collect::<Vec<_>>(), ["host", "nothing"]);
    }

    fn lookup(name: &str) -> Option<&'static str> {
        match name {
            "host" => Some("example.com"),
            "port" => Some("8080"),
            _ => None,
        }
    }
}
