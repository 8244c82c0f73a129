//! A request's parameters and the names in its path, each read once.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::str::FromStr;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use store::{ToolAlias, ToolDigest, ToolName};

use super::Refused;

/// The parameters that nobody took yet.
pub struct Query {
    pairs: Vec<(String, String)>,
}

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::parse(parts.uri.query().unwrap_or_default()))
    }
}

impl Query {
    fn parse(raw: &str) -> Self {
        Self { pairs: url::form_urlencoded::parse(raw.as_bytes()).into_owned().collect() }
    }

    /// Takes a parameter that may be absent; `expected` says what it looks like.
    ///
    /// # Errors
    /// When it is given twice, or is something else.
    pub fn take<T: FromStr>(&mut self, name: &str, expected: &str) -> Result<Option<T>, Refused> {
        let Some(index) = self.pairs.iter().position(|(given, _)| given == name) else { return Ok(None) };
        let (_, value) = self.pairs.remove(index);
        if self.pairs.iter().any(|(given, _)| given == name) {
            return Err(Refused::Parameter(format!("`{name}` is given twice")));
        }
        let malformed = |_| Refused::Parameter(format!("`{name}` must be {expected}"));
        value.parse().map(Some).map_err(malformed)
    }

    /// Takes a number within `range`; `otherwise` where there is none.
    ///
    /// # Errors
    /// As [`Query::take`].
    pub fn number(
        &mut self,
        name: &str,
        range: std::ops::RangeInclusive<u32>,
        otherwise: u32,
    ) -> Result<u32, Refused> {
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        let number = self.take(name, &expected)?.unwrap_or(otherwise);
        if range.contains(&number) {
            return Ok(number);
        }
        Err(Refused::Parameter(format!("`{name}` must be {expected}")))
    }

    /// Nothing more is expected: what nobody took is most likely misspelt.
    ///
    /// # Errors
    /// When there is more.
    pub fn finish(self) -> Result<(), Refused> {
        match self.pairs.first() {
            Some((name, _)) => Err(Refused::Parameter(format!("`{name}` is no parameter of this request"))),
            None => Ok(()),
        }
    }
}

/// What the path names. What cannot be a name names nothing.
pub struct Named {
    /// The tool.
    pub tool: ToolName,
    rest: BTreeMap<String, String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let names: Result<Path<BTreeMap<String, String>>, _> = Path::from_request_parts(parts, state).await;
        let Path(rest) = names.map_err(|_| Refused::NotFound)?;
        Ok(Self { tool: read(&rest, "tool")?, rest })
    }
}

impl Named {
    /// The version.
    ///
    /// # Errors
    /// When it is none.
    pub fn version(&self) -> Result<ToolDigest, Refused> {
        read(&self.rest, "version")
    }

    /// The alias.
    ///
    /// # Errors
    /// When it is none.
    pub fn alias(&self) -> Result<ToolAlias, Refused> {
        read(&self.rest, "alias").map_err(|_| Refused::NoSuchAlias)
    }

    /// The secret, by whatever name.
    ///
    /// # Errors
    /// When there is none in the path.
    pub fn secret(&self) -> Result<String, Refused> {
        read(&self.rest, "secret")
    }
}

fn read<T: FromStr>(names: &BTreeMap<String, String>, name: &str) -> Result<T, Refused> {
    names.get(name).and_then(|text| text.parse().ok()).ok_or(Refused::NotFound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_parameter_is_known_and_given_once() {
        let mut query = Query::parse("limit=5&why=too%20slow");
        assert_eq!(query.number("limit", 1..=9, 3).unwrap(), 5);
        assert_eq!(query.number("limit", 1..=9, 3).unwrap(), 3);
        assert_eq!(query.take::<String>("why", "a text").unwrap().as_deref(), Some("too slow"));
        assert!(query.finish().is_ok());
        let refused = |raw: &str| {
            let mut query = Query::parse(raw);
            query.number("limit", 1..=9, 3).map(drop).and_then(|()| query.finish()).unwrap_err().to_string()
        };
        assert!(refused("limit=0").contains("from 1 to 9"));
        assert!(refused("limit=ten").contains("from 1 to 9"));
        assert!(refused("limit=1&limit=2").contains("twice"));
        assert!(refused("limits=1").contains("`limits` is no parameter"));
    }
}
