//! The URL that the sender called, rebuilt from what arrived.

use crate::contract::UrlSource;
use crate::headers;

/// Joins where we are known to be reached with the raw request `target`.
///
/// A WebSocket handshake was called by a `ws` or `wss` URL, so its scheme is that.
///
/// # Errors
///
/// A sentence saying what is missing or malformed.
pub(crate) fn build(
    target: &str,
    headers: &[(String, String)],
    source: &UrlSource,
) -> Result<String, String> {
    if !target.starts_with('/') || target.contains(outside_urls) || target.contains('#') {
        return Err("the request target must be a path with an optional query, as received".to_owned());
    }
    let (encrypted, place) = match &source.public_base_url {
        Some(base) => configured(base)?,
        None => (encrypted(headers, source)?, host(headers, source)?),
    };
    let scheme = match (is_handshake(headers), encrypted) {
        (false, false) => "http",
        (false, true) => "https",
        (true, false) => "ws",
        (true, true) => "wss",
    };
    Ok(format!("{scheme}://{place}{target}"))
}

/// Whether the configured base is encrypted, and its authority and path.
fn configured(base: &str) -> Result<(bool, &str), String> {
    let (scheme, place) = base.split_once("://").ok_or(BASE_FAULT)?;
    let encrypted = known_scheme(scheme).ok_or(BASE_FAULT)?;
    let place = place.trim_end_matches('/');
    let authority = place.split('/').next().unwrap_or_default();
    let location = authority.rsplit('@').next().unwrap_or_default();
    if !is_host(location) || place.contains(['?', '#']) || place.contains(outside_urls) {
        return Err(BASE_FAULT.to_owned());
    }
    Ok((encrypted, place))
}

fn encrypted(headers: &[(String, String)], source: &UrlSource) -> Result<bool, String> {
    if !source.trust_forwarded {
        return Ok(source.encrypted);
    }
    let Some(scheme) = only(headers, "X-Forwarded-Proto")? else {
        return Ok(source.encrypted);
    };
    known_scheme(scheme).ok_or_else(|| "X-Forwarded-Proto must be one of http and https".to_owned())
}

fn host<'a>(headers: &'a [(String, String)], source: &UrlSource) -> Result<&'a str, String> {
    let forwarded = if source.trust_forwarded { only(headers, "X-Forwarded-Host")? } else { None };
    let (name, value) = match forwarded {
        Some(value) => ("X-Forwarded-Host", Some(value)),
        None => ("Host", only(headers, "Host")?),
    };
    let value = value.ok_or_else(|| format!("the request has no {name} header; {SET_BASE}"))?;
    if is_host(value) {
        Ok(value)
    } else {
        Err(format!("the {name} header is not one host name; {SET_BASE}"))
    }
}

fn only<'a>(headers: &'a [(String, String)], name: &str) -> Result<Option<&'a str>, String> {
    // Which of several values is the sender's depends on every proxy in the chain.
    headers::only(headers, name)
        .map_err(|headers::Repeated| format!("the {name} header occurs more than once; {SET_BASE}"))
}

fn is_handshake(headers: &[(String, String)]) -> bool {
    headers::all(headers, "Upgrade")
        .flat_map(|value| value.split(','))
        .any(|protocol| protocol.trim().eq_ignore_ascii_case("websocket"))
}

/// Whether `scheme` is encrypted, if it is one that webhooks and media sockets use.
fn known_scheme(scheme: &str) -> Option<bool> {
    match scheme.to_ascii_lowercase().as_str() {
        "http" | "ws" => Some(false),
        "https" | "wss" => Some(true),
        _ => None,
    }
}

/// A name or an address in brackets, with an optional port.
fn is_host(text: &str) -> bool {
    let (address, port) = match text.rsplit_once(':').filter(|(_, port)| !port.contains(']')) {
        Some((address, port)) => (address, Some(port)),
        None => (text, None),
    };
    let is_address = match address.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
        Some(inner) => inner.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
            !address.is_empty() && address.bytes().all(allowed)
        }
    };
    is_address && port.is_none_or(is_port)
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

fn outside_urls(character: char) -> bool {
    character.is_control() || character.is_whitespace()
}

const BASE_FAULT: &str =
    "the public base URL must look like https://voice.example.com, without a query or a fragment";

const SET_BASE: &str = "set the public base URL instead";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configured_base_wins_over_every_header() {
        let headers =
            [("Host", "10.0.0.5"), ("X-Forwarded-Proto", "http"), ("X-Forwarded-Host", "evil.test")];
        for base in ["https://voice.test", "https://voice.test/", "HTTPS://voice.test"] {
            let source = UrlSource { trust_forwarded: true, ..configured_as(base) };
            assert_eq!(
                built("/a/b?x=%20+&y='", &headers, &source),
                Ok("https://voice.test/a/b?x=%20+&y='".to_owned())
            );
        }
        let source = configured_as("http://user:pass@[2001:db8::1]:8080/behind/");
        assert_eq!(built("/v", &[], &source), Ok("http://user:pass@[2001:db8::1]:8080/behind/v".to_owned()));
    }

    #[test]
    fn forwarded_headers_count_only_when_trusted() {
        let headers =
            [("host", "inner.test:8080"), ("x-forwarded-proto", "https"), ("x-forwarded-host", "voice.test")];
        assert_eq!(built("/v", &headers, &trusting(true)), Ok("https://voice.test/v".to_owned()));
        assert_eq!(built("/v", &headers, &trusting(false)), Ok("http://inner.test:8080/v".to_owned()));
        assert_eq!(built("/v", &headers[..1], &trusting(true)), Ok("http://inner.test:8080/v".to_owned()));
        let source = UrlSource { encrypted: true, ..trusting(false) };
        assert_eq!(built("/v", &headers[..1], &source), Ok("https://inner.test:8080/v".to_owned()));
    }

    #[test]
    fn a_websocket_handshake_has_a_websocket_url() {
        let handshake = [("Upgrade", "WebSocket"), ("Host", "inner.test")];
        assert_eq!(
            built("/s", &handshake, &configured_as("https://voice.test")),
            Ok("wss://voice.test/s".to_owned())
        );
        assert_eq!(built("/s", &handshake, &trusting(false)), Ok("ws://inner.test/s".to_owned()));
        let other = [("Upgrade", "h2c"), ("Host", "inner.test")];
        assert_eq!(built("/s", &other, &trusting(false)), Ok("http://inner.test/s".to_owned()));
    }

    #[test]
    fn ambiguous_or_malformed_headers_are_refused_by_name() {
        for (headers, named) in [
            (vec![], "Host"),
            (vec![("Host", "a.test"), ("host", "b.test")], "Host"),
            (vec![("Host", "a.test/evil?")], "Host"),
            (vec![("Host", "user@a.test")], "Host"),
            (vec![("Host", "a.test:port")], "Host"),
            (vec![("Host", "[::zz]")], "Host"),
            (vec![("Host", "a.test"), ("X-Forwarded-Host", "b.test, c.test")], "X-Forwarded-Host"),
            (vec![("Host", "a.test"), ("X-Forwarded-Host", "")], "X-Forwarded-Host"),
            (vec![("Host", "a.test"), ("X-Forwarded-Proto", "https,http")], "X-Forwarded-Proto"),
        ] {
            let error = built("/v", &headers, &trusting(true)).unwrap_err();
            assert!(error.contains(named), "{headers:?}: {error}");
        }
    }

    #[test]
    fn a_base_or_target_that_cannot_be_joined_is_refused() {
        for base in [
            "",
            "voice.test",
            "ftp://voice.test",
            "https://",
            "https:///x",
            "https://a.test?x",
            "https://a.test/#f",
            "https://a .test",
        ] {
            assert_eq!(built("/v", &[], &configured_as(base)), Err(BASE_FAULT.to_owned()), "{base}");
        }
        for target in ["", "*", "v", "http://a.test/v", "/v#f", "/v w", "/v\r\nHost: x"] {
            let error = built(target, &[], &configured_as("https://a.test")).unwrap_err();
            assert!(error.contains("request target"), "{target:?}: {error}");
        }
    }

    fn built(target: &str, headers: &[(&str, &str)], source: &UrlSource) -> Result<String, String> {
        let headers: Vec<_> =
            headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        build(target, &headers, source)
    }

    fn configured_as(base: &str) -> UrlSource {
        UrlSource { public_base_url: Some(base.to_owned()), trust_forwarded: false, encrypted: false }
    }

    fn trusting(trust_forwarded: bool) -> UrlSource {
        UrlSource { public_base_url: None, trust_forwarded, encrypted: false }
    }
}
