//! Paths and queries, decoded and checked.

use std::str::FromStr;

use crate::problem::Problem;

/// The parameters of a request that are not yet asked for.
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    /// Decodes a raw query.
    ///
    /// # Errors
    /// When it is not percent-encoded UTF-8.
    pub(crate) fn parse(raw: &str) -> Result<Self, Problem> {
        let mut pairs = Vec::new();
        for pair in raw.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            // In a form a plus is a space; senders who mean a plus must escape it.
            let decoded = |text: &str| decode(&text.replace('+', " "));
            let (Some(name), Some(value)) = (decoded(name), decoded(value)) else {
                return Err(Problem::InvalidParameter("the query is not percent-encoded UTF-8".to_owned()));
            };
            pairs.push((name, value));
        }
        Ok(Self { pairs })
    }

    /// Takes a text that may be absent.
    ///
    /// # Errors
    /// When it is given twice.
    pub(crate) fn text(&mut self, name: &str) -> Result<Option<String>, Problem> {
        let Some(index) = self.pairs.iter().position(|(given, _)| given == name) else { return Ok(None) };
        let (_, value) = self.pairs.remove(index);
        if self.pairs.iter().any(|(given, _)| given == name) {
            return Err(Problem::InvalidParameter(format!("`{name}` is given twice")));
        }
        Ok(Some(value))
    }

    /// Takes a value that may be absent; `expected` says what it looks like.
    ///
    /// # Errors
    /// When it is given twice or does not parse.
    pub(crate) fn value<T: FromStr>(&mut self, name: &str, expected: &str) -> Result<Option<T>, Problem> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        text.parse().map(Some).map_err(|_| Problem::InvalidParameter(format!("`{name}` must be {expected}")))
    }

    /// Takes the length of a page: 1 to 100, by default 20.
    ///
    /// # Errors
    /// When it is something else.
    pub(crate) fn limit(&mut self) -> Result<u32, Problem> {
        let expected = "a whole number from 1 to 100";
        match self.value("limit", expected)? {
            None => Ok(20),
            Some(limit @ 1..=100) => Ok(limit),
            Some(_) => Err(Problem::InvalidParameter(format!("`limit` must be {expected}"))),
        }
    }

    /// Nothing more is expected.
    ///
    /// # Errors
    /// When there is a parameter that nobody took: most likely a misspelt one.
    pub(crate) fn finish(self) -> Result<(), Problem> {
        match self.pairs.into_iter().next() {
            None => Ok(()),
            Some((name, _)) => Err(Problem::InvalidParameter(format!("there is no parameter `{name}`"))),
        }
    }
}

/// Undoes percent-encoding. `None` where it is malformed or not UTF-8.
pub(crate) fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
            bytes.push(high << 4 | low);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_plus_is_a_space_in_a_query_and_itself_in_a_path() {
        let mut query = Query::parse("from=%2B34910+x&&y").unwrap();
        assert_eq!(query.text("from").unwrap().as_deref(), Some("+34910 x"));
        assert_eq!(query.text("y").unwrap().as_deref(), Some(""));
        query.finish().unwrap();
        assert_eq!(decode("+34%20910").as_deref(), Some("+34 910"));
    }

    #[test]
    fn what_is_misspelt_doubled_or_out_of_range_is_named() {
        let fault = |raw: &str| {
            let mut query = Query::parse(raw)?;
            query.limit()?;
            query.finish()
        };
        for (raw, name) in [
            ("limit=0", "`limit`"),
            ("limit=101", "`limit`"),
            ("limit=-1", "`limit`"),
            ("limit=1&limit=2", "`limit` is given twice"),
            ("limits=1", "`limits`"),
            ("x=%zz", "percent-encoded"),
            ("x=%ff", "percent-encoded"),
            ("x=%4", "percent-encoded"),
        ] {
            let message = fault(raw).unwrap_err().to_string();
            assert!(message.contains(name), "{raw}: {message}");
        }
        fault("limit=100").unwrap();
    }

    proptest! {
        #[test]
        fn what_is_encoded_comes_back(text in ".{0,40}") {
            let encoded: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
            prop_assert_eq!(decode(&encoded), Some(text));
        }

        #[test]
        fn no_query_is_too_strange_to_answer(raw in ".{0,80}") {
            if let Ok(mut query) = Query::parse(&raw) {
                let _ = query.limit();
                let _ = query.finish();
            }
        }
    }
}
