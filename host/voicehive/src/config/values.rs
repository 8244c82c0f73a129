//! How the text of a setting becomes its value.

use url::Url;

use super::{ConfigError, Secret};

/// The values of a list, separated by commas.
pub(super) fn several(list: Option<String>) -> impl Iterator<Item = String> {
    let values: Vec<String> =
        list.unwrap_or_default().split(',').map(|value| value.trim().to_owned()).collect();
    values.into_iter().filter(|value| !value.is_empty())
}

/// A value of one word; `expected` says to people what fits.
pub(super) fn parse<T: std::str::FromStr>(
    name: &'static str,
    value: &str,
    expected: &str,
) -> Result<T, ConfigError> {
    value.parse().map_err(|_| ConfigError::Value { name, message: format!("`{value}` is not {expected}") })
}

/// The base URL in `value`, if any, with one of `schemes`.
pub(super) fn parse_url(
    name: &'static str,
    value: Option<String>,
    schemes: &[&str],
) -> Result<Option<Url>, ConfigError> {
    let Some(value) = value else { return Ok(None) };
    let url: Url = parse(name, &value, "a URL")?;
    if !schemes.contains(&url.scheme()) || url.host().is_none() {
        let message = format!("`{value}` must begin with {}://", schemes.join("://, "));
        return Err(ConfigError::Value { name, message });
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(ConfigError::Value {
            name,
            message: format!("`{value}` must not have a query or a fragment"),
        });
    }
    Ok(Some(url))
}

/// The name of a time zone, if there is one of that name.
pub(super) fn time_zone(name: String) -> Result<String, ConfigError> {
    match jiff::tz::TimeZone::get(&name) {
        Ok(_) => Ok(name),
        Err(_) => {
            let message = format!("`{name}` is no IANA time zone (hint: like Europe/Madrid)");
            Err(ConfigError::Value { name: "VOICEHIVE_TIME_ZONE", message })
        }
    }
}

/// Whoever knows it can run tools for any tenant, so it must not be guessed.
pub(super) fn internal_secret(value: Option<String>) -> Result<Option<Secret>, ConfigError> {
    const BYTES_MIN: usize = 16;
    match value {
        Some(secret) if secret.len() < BYTES_MIN => {
            let message = format!("has {} bytes, {BYTES_MIN} are needed", secret.len());
            Err(ConfigError::Value { name: "INTERNAL_SECRET", message })
        }
        secret => Ok(secret.map(Secret::new)),
    }
}

/// As long as signatures need it.
pub(super) fn media_token_secret(value: Option<String>) -> Result<Option<Secret>, ConfigError> {
    match value {
        Some(secret) if secret.len() < media_token::SECRET_BYTES_MIN => {
            let message = format!("has {} bytes, {} are needed", secret.len(), media_token::SECRET_BYTES_MIN);
            Err(ConfigError::Value { name: "MEDIA_TOKEN_SECRET", message })
        }
        secret => Ok(secret.map(Secret::new)),
    }
}
