//! What a request looks like to a guest: an absolute URI, the `spin-*` headers, and nothing about the transport.

use std::net::SocketAddr;

use http::uri::{Authority, Uri};
use http::{HeaderMap, HeaderName, HeaderValue, header, request};

use crate::hosts::is_chaining_authority;
use crate::routes::Matched;
use crate::settings::Scheme;

/// The prefix of headers that only the runner sets.
const RESERVED_PREFIX: &str = "spin-";

/// Headers that concern one connection only (RFC 9110, section 7.6.1) and what older software adds to them.
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Why a request cannot be served at all.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("the request names no host")]
    NoHost,
    #[error("the request names an invalid host")]
    InvalidHost,
    #[error("the `Host` header and the request's URI name different hosts")]
    TwoHosts,
    #[error("hosts below spin.internal are for components only")]
    ChainingHost,
}

/// Removes what a client must not decide: hop-by-hop headers and the runner's own.
pub(crate) fn strip(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    let reserved = headers.keys().filter(|name| name.as_str().starts_with(RESERVED_PREFIX)).cloned();
    let hop_by_hop = HOP_BY_HOP.into_iter().map(HeaderName::from_static);
    for name in named.into_iter().chain(reserved.collect::<Vec<_>>()).chain(hop_by_hop) {
        headers.remove(name);
    }
}

/// The authority of a request from outside, which its `Host` header and its URI must agree on.
pub(crate) fn authority(parts: &request::Parts) -> Result<Authority, Refused> {
    let mut hosts = parts.headers.get_all(header::HOST).iter();
    let from_header = hosts
        .next()
        .map(|value| Authority::try_from(value.as_bytes()).map_err(|_| Refused::InvalidHost))
        .transpose()?;
    if hosts.next().is_some() {
        return Err(Refused::InvalidHost);
    }
    let authority = match (from_header, parts.uri.authority()) {
        (None, None) => return Err(Refused::NoHost),
        (Some(header), Some(uri)) if header != *uri => return Err(Refused::TwoHosts),
        (Some(authority), _) => authority,
        (None, Some(authority)) => authority.clone(),
    };
    match is_chaining_authority(authority.as_str()) {
        true => Err(Refused::ChainingHost),
        false => Ok(authority),
    }
}

/// How a request came to a component.
pub(crate) struct Arrival<'a> {
    pub(crate) scheme: Scheme,
    pub(crate) authority: Authority,
    pub(crate) client_addr: SocketAddr,
    /// The route as the manifest writes it.
    pub(crate) pattern: &'a str,
    pub(crate) path_info: &'a str,
    pub(crate) parameters: &'a [(&'a str, &'a str)],
}

impl<'a> Arrival<'a> {
    /// By a public route.
    pub(crate) fn routed<T>(
        matched: &'a Matched<'a, T>,
        scheme: Scheme,
        authority: Authority,
        client_addr: SocketAddr,
    ) -> Self {
        Self {
            scheme,
            authority,
            client_addr,
            pattern: matched.pattern,
            path_info: &matched.path_info,
            parameters: &matched.parameters,
        }
    }
}

/// Rewrites the head of a request for the component that will answer it.
pub(crate) fn prepare(parts: &mut request::Parts, arrival: &Arrival<'_>) {
    strip(&mut parts.headers);
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let scheme = http::uri::Scheme::from(arrival.scheme);
    let full_url = format!("{scheme}://{}{path}", arrival.authority);
    // Spin drops one trailing slash from a route, so that the route of "/" is reported as empty.
    let absolute = if arrival.pattern.starts_with('/') {
        arrival.pattern.to_owned()
    } else {
        format!("/{}", arrival.pattern)
    };
    let matched_route = absolute.strip_suffix('/').unwrap_or(&absolute);
    let component_route = arrival.pattern.strip_suffix("/...").unwrap_or(arrival.pattern);
    let client_addr = arrival.client_addr.to_string();

    set(&mut parts.headers, "spin-path-info", arrival.path_info);
    set(&mut parts.headers, "spin-full-url", &full_url);
    set(&mut parts.headers, "spin-matched-route", matched_route);
    set(&mut parts.headers, "spin-base-path", "/");
    set(&mut parts.headers, "spin-raw-component-route", arrival.pattern);
    set(&mut parts.headers, "spin-component-route", component_route);
    set(&mut parts.headers, "spin-client-addr", &client_addr);
    for (name, value) in arrival.parameters {
        let name = format!("spin-path-match-{}", name.to_ascii_lowercase().replace('_', "-"));
        set(&mut parts.headers, &name, value);
    }
    let path = path.to_owned();
    if let Ok(uri) =
        Uri::builder().scheme(scheme).authority(arrival.authority.clone()).path_and_query(path).build()
    {
        parts.uri = uri;
    }
}

fn set(headers: &mut HeaderMap, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;
    use crate::routes::Router;

    #[test]
    fn a_guest_sees_the_headers_that_spin_sets() {
        let headers = arrive("/hooks/:carrier_name/...", "/hooks/twilio/voice/in?x=1&y=2", &[]);
        for (name, value) in [
            ("spin-path-info", "/voice/in"),
            ("spin-full-url", "https://example.org:8080/hooks/twilio/voice/in?x=1&y=2"),
            ("spin-matched-route", "/hooks/:carrier_name/..."),
            ("spin-base-path", "/"),
            ("spin-raw-component-route", "/hooks/:carrier_name/..."),
            ("spin-component-route", "/hooks/:carrier_name"),
            ("spin-client-addr", "203.0.113.9:4711"),
            ("spin-path-match-carrier-name", "twilio"),
        ] {
            assert_eq!(headers.get(name).map(|value| value.to_str().unwrap()), Some(value), "{name}");
        }
    }

    #[test]
    fn the_root_routes_are_reported_the_way_spin_does() {
        let exact = arrive("/", "/", &[]);
        assert_eq!(
            (&exact["spin-matched-route"], &exact["spin-raw-component-route"]),
            (&value(""), &value("/"))
        );
        assert_eq!(exact["spin-component-route"], "/");

        let rest = arrive("/...", "/a", &[]);
        assert_eq!(
            (&rest["spin-matched-route"], &rest["spin-component-route"]),
            (&value("/..."), &value(""))
        );
        assert_eq!(rest["spin-path-info"], "/a");
    }

    #[test]
    fn a_client_cannot_set_the_headers_of_the_runner() {
        let headers = arrive(
            "/a",
            "/a",
            &[("spin-client-addr", "10.0.0.1:1"), ("spin-path-match-admin", "yes"), ("spinach", "stays")],
        );

        assert_eq!(headers.get_all("spin-client-addr").iter().count(), 1);
        assert_eq!(headers["spin-client-addr"], "203.0.113.9:4711");
        assert!(!headers.contains_key("spin-path-match-admin"));
        assert_eq!(headers["spinach"], "stays");
    }

    #[test]
    fn headers_about_the_connection_do_not_reach_the_guest() {
        let headers = arrive(
            "/a",
            "/a",
            &[
                ("connection", "close, X-Private"),
                ("x-private", "1"),
                ("keep-alive", "timeout=5"),
                ("te", "trailers"),
                ("upgrade", "h2c"),
                ("transfer-encoding", "chunked"),
                ("x-public", "2"),
            ],
        );

        for name in ["connection", "x-private", "keep-alive", "te", "upgrade", "transfer-encoding"] {
            assert!(!headers.contains_key(name), "{name}");
        }
        assert_eq!(headers["x-public"], "2");
    }

    #[test]
    fn the_host_must_be_known_and_unambiguous() {
        type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], Result<&'a str, Refused>);
        let cases: [Case<'_>; 8] = [
            ("/a", &[("host", "example.org:80")], Ok("example.org:80")),
            ("http://example.org/a", &[], Ok("example.org")),
            ("http://example.org/a", &[("host", "example.org")], Ok("example.org")),
            ("http://example.org/a", &[("host", "other.org")], Err(Refused::TwoHosts)),
            ("/a", &[], Err(Refused::NoHost)),
            ("/a", &[("host", "a b")], Err(Refused::InvalidHost)),
            ("/a", &[("host", "a"), ("host", "b")], Err(Refused::InvalidHost)),
            ("/a", &[("host", "admin.spin.internal")], Err(Refused::ChainingHost)),
        ];
        for (uri, headers, expected) in cases {
            let found = authority(&parts(uri, headers));
            assert_eq!(
                found.as_ref().map(Authority::as_str),
                expected.as_ref().map(|s| *s),
                "{uri} {headers:?}"
            );
        }
    }

    fn arrive(route: &str, uri: &str, headers: &[(&str, &str)]) -> HeaderMap {
        let router = Router::build([(route.to_owned(), ())]).unwrap().0;
        let mut parts = parts(uri, headers);
        let path = parts.uri.path().to_owned();
        let matched = router.find(&path).unwrap();
        let authority = Authority::from_static("example.org:8080");
        let client_addr = "203.0.113.9:4711".parse().unwrap();
        prepare(&mut parts, &Arrival::routed(&matched, Scheme::Https, authority, client_addr));
        assert_eq!(parts.uri.authority().unwrap(), "example.org:8080");
        parts.headers
    }

    fn parts(uri: &str, headers: &[(&str, &str)]) -> request::Parts {
        let mut request = Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn value(text: &'static str) -> HeaderValue {
        HeaderValue::from_static(text)
    }
}
