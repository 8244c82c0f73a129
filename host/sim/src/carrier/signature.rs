//! How Twilio signs its requests.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

/// The `X-Twilio-Signature` of a request to `url` with these decoded form fields: HMAC-SHA1 over the URL, then each
/// name and value, by name and value in code-point order and without repetitions.
pub fn sign(auth_token: &str, url: &str, fields: &[(String, String)]) -> String {
    let mut sorted: Vec<&(String, String)> = fields.iter().collect();
    sorted.sort_unstable();
    sorted.dedup();
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(auth_token.as_bytes()) else { return String::new() };
    mac.update(url.as_bytes());
    for (name, value) in sorted {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    STANDARD.encode(mac.finalize().into_bytes())
}

/// The URL that is signed: without user information, and for `https` without a port.
pub(super) fn signed_url(url: &url::Url) -> String {
    let mut url = url.clone();
    // Neither can fail on a URL with a host.
    let _without_user = url.set_username("").and_then(|()| url.set_password(None));
    if url.scheme() == "https" {
        let _without_port = url.set_port(None);
    }
    url.to_string()
}
