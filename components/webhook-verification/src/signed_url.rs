//! The URLs that a sender may have signed for the URL at which its request arrived.

/// Every form of `url` that Twilio may have signed.
///
/// Voice callbacks over https are signed without the port, other callbacks with it, some with the
/// scheme's default port spelled out. User information is documented as dropped, yet is part of
/// what the official libraries sign. A WebSocket handshake may carry one more slash at the end.
/// Apart from that the URL counts byte for byte: nothing is decoded or normalised.
pub(crate) fn candidates(url: &str) -> Vec<String> {
    let Some(parts) = Parts::of(url) else {
        return vec![url.to_owned()];
    };
    let default = parts.default_port().map(|port| format!(":{port}"));
    let ports = match parts.port {
        Some(port) => [Some(""), Some(port)],
        None => [Some(""), default.as_deref()],
    };
    let mut candidates = Vec::new();
    for user in [Some(parts.user), (!parts.user.is_empty()).then_some("")].into_iter().flatten() {
        for port in ports.into_iter().flatten() {
            let Parts { scheme, host, rest, .. } = parts;
            let candidate = format!("{scheme}://{user}{host}{port}{rest}");
            if parts.is_websocket() && !candidate.ends_with('/') {
                candidates.push(format!("{candidate}/"));
            }
            candidates.push(candidate);
        }
    }
    candidates
}

/// A URL cut up without a byte lost.
#[derive(Clone, Copy)]
struct Parts<'a> {
    scheme: &'a str,
    /// User information with its `@`, or empty.
    user: &'a str,
    host: &'a str,
    /// The port with its colon.
    port: Option<&'a str>,
    /// Path and query.
    rest: &'a str,
}

impl<'a> Parts<'a> {
    fn of(url: &'a str) -> Option<Self> {
        let (scheme, after) = url.split_once("://")?;
        let (authority, rest) = after.split_at(after.find(['/', '?', '#']).unwrap_or(after.len()));
        let (user, location) = authority.split_at(authority.rfind('@').map_or(0, |at| at + 1));
        // The colons of an IPv6 address stand inside its brackets.
        let bracket = location.rfind(']').unwrap_or(0);
        let colon = location.rfind(':').filter(|colon| *colon > bracket);
        let (host, port) = location.split_at(colon.unwrap_or(location.len()));
        if port.bytes().skip(1).any(|byte| !byte.is_ascii_digit()) {
            return None;
        }
        Some(Self { scheme, user, host, port: colon.map(|_| port), rest })
    }

    fn is_websocket(&self) -> bool {
        ["ws", "wss"].iter().any(|scheme| self.scheme.eq_ignore_ascii_case(scheme))
    }

    fn default_port(&self) -> Option<u16> {
        match self.scheme.to_ascii_lowercase().as_str() {
            "http" | "ws" => Some(80),
            "https" | "wss" => Some(443),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_may_be_left_out_or_spelled_out() {
        assert_candidates("https://h.test/p?q=1", &["https://h.test/p?q=1", "https://h.test:443/p?q=1"]);
        assert_candidates("http://h.test/p", &["http://h.test/p", "http://h.test:80/p"]);
        assert_candidates("https://h.test:1234/p", &["https://h.test/p", "https://h.test:1234/p"]);
        assert_candidates("https://h.test", &["https://h.test", "https://h.test:443"]);
        assert_candidates(
            "https://h.test?a=b:c@d/",
            &["https://h.test?a=b:c@d/", "https://h.test:443?a=b:c@d/"],
        );
        assert_candidates("https://h.test:/p", &["https://h.test/p", "https://h.test:/p"]);
    }

    #[test]
    fn colons_of_ipv6_addresses_and_passwords_are_not_ports() {
        assert_candidates(
            "https://[2001:db8::1]/p",
            &["https://[2001:db8::1]/p", "https://[2001:db8::1]:443/p"],
        );
        assert_candidates("https://[::1]:8443/p", &["https://[::1]/p", "https://[::1]:8443/p"]);
        assert_candidates(
            "https://user:pa@ss@h.test:8443/p",
            &[
                "https://user:pa@ss@h.test/p",
                "https://user:pa@ss@h.test:8443/p",
                "https://h.test/p",
                "https://h.test:8443/p",
            ],
        );
        assert_candidates(
            "https://u:1@[::1]/p",
            &["https://u:1@[::1]/p", "https://u:1@[::1]:443/p", "https://[::1]/p", "https://[::1]:443/p"],
        );
    }

    #[test]
    fn a_websocket_url_may_end_with_one_more_slash() {
        assert_candidates(
            "wss://h.test/p",
            &["wss://h.test/p", "wss://h.test/p/", "wss://h.test:443/p", "wss://h.test:443/p/"],
        );
        assert_candidates("ws://h.test/p/", &["ws://h.test/p/", "ws://h.test:80/p/"]);
    }

    #[test]
    fn what_is_no_url_stands_for_itself() {
        for url in ["", "h.test/p", "https://h.test:80a/p", "://"] {
            assert!(candidates(url).contains(&url.to_owned()), "{url}");
        }
    }

    fn assert_candidates(url: &str, expected: &[&str]) {
        let mut found = candidates(url);
        found.sort_unstable();
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        assert_eq!(found, expected, "{url}");
    }
}
