//! Fields of requests: a body's or a query's.

use std::time::Duration;

use axum::response::Response;
use url::Url;

use super::answer::refused;
use crate::carrier::webhook::{Callback, Method};

/// Decoded fields, names as they came.
#[derive(Debug)]
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    pub(super) fn parse(text: &[u8]) -> Self {
        Self(url::form_urlencoded::parse(text).into_owned().collect())
    }

    /// The first value that is not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(key, value)| key == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// Words of a field that may come several times, and with several words each.
    pub(super) fn words(&self, name: &str, default: &str) -> Vec<String> {
        let words: Vec<String> =
            self.all(name).flat_map(str::split_ascii_whitespace).map(str::to_owned).collect();
        if words.is_empty() { vec![default.to_owned()] } else { words }
    }

    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        self.get(name).map(|value| value.eq_ignore_ascii_case("true"))
    }

    /// A number of `unit`s within the carrier's limits.
    pub(super) fn number(
        &self,
        name: &str,
        limits: std::ops::RangeInclusive<u64>,
        unit: Duration,
    ) -> Result<Option<Duration>, Box<Response>> {
        let Some(text) = self.get(name) else { return Ok(None) };
        match text.parse::<u64>() {
            Ok(number) if limits.contains(&number) => {
                Ok(Some(unit.saturating_mul(u32::try_from(number).unwrap_or(u32::MAX))))
            }
            _ => Err(Box::new(refused(20001, &format!("Invalid {name}: {text}")))),
        }
    }

    pub(super) fn method(&self, name: &str) -> Result<Method, Box<Response>> {
        match self.get(name) {
            None | Some("POST") => Ok(Method::Post),
            Some("GET") => Ok(Method::Get),
            Some(other) => Err(Box::new(refused(20001, &format!("Invalid {name}: {other}")))),
        }
    }

    /// An absolute HTTP address and how it is asked; `code` where it is none.
    pub(super) fn callback(
        &self,
        name: &str,
        method: &str,
        code: u32,
    ) -> Result<Option<Callback>, Box<Response>> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let method = self.method(method)?;
        match Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {
                Ok(Some(Callback { url, method }))
            }
            _ => Err(Box::new(refused(code, &format!("{name} is not a valid URL: {text}")))),
        }
    }
}
