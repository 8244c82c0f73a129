//! Requests from Vapi to a server.

use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use serde_json::Value;
use sha2::Sha256;
use url::Url;

use super::Exchange;

/// The largest reply that is read.
const REPLY_BYTES_MAX: usize = 1 << 20;

/// How a server knows that a request is Vapi's.
#[derive(Clone, PartialEq, Eq)]
pub enum Auth {
    /// It does not.
    None,
    /// `Authorization: Bearer ..`
    Bearer(String),
    /// `X-Vapi-Secret: ..`, the older form.
    Secret(String),
    /// A signature with Vapi's defaults: HMAC-SHA256 over `{timestamp}.{body}`, in hex, in `x-signature`, with the time in
    /// `x-timestamp`.
    Hmac(String),
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::None => "None",
            Self::Bearer(_) => "Bearer(..)",
            Self::Secret(_) => "Secret(..)",
            Self::Hmac(_) => "Hmac(..)",
        })
    }
}

impl Auth {
    /// The headers that prove a request with this body at this time, in seconds since 1970.
    pub fn headers(&self, body: &str, at: i64) -> Vec<(&'static str, String)> {
        match self {
            Self::None => Vec::new(),
            Self::Bearer(token) => vec![("authorization", format!("Bearer {token}"))],
            Self::Secret(token) => vec![("x-vapi-secret", token.clone())],
            Self::Hmac(secret) => {
                vec![("x-signature", signature(secret, body, at)), ("x-timestamp", at.to_string())]
            }
        }
    }
}

fn signature(secret: &str, body: &str, at: i64) -> String {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(format!("{at}.{body}").as_bytes());
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A server that messages go to.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) url: Url,
    pub(super) auth: Auth,
    /// For how long its replies are waited for.
    pub(super) patience: Duration,
}

/// Sends one message, and waits for its reply from the first byte to the last.
pub(super) async fn post(client: &reqwest::Client, server: &Server, kind: &str, body: &str) -> Exchange {
    let mut request = client
        .post(server.url.clone())
        .header("content-type", "application/json")
        .header("user-agent", "vapi/simulated")
        .body(body.to_owned());
    for (name, value) in server.auth.headers(body, Timestamp::now().as_second()) {
        request = request.header(name, value);
    }
    let reply = tokio::time::timeout(server.patience, read(request)).await;
    let (status, body) = match reply {
        Ok(Ok((status, body))) => (Some(status), body),
        // A connection that fails and a reply that is late are alike: nothing came.
        Ok(Err(_)) | Err(_) => (None, None),
    };
    Exchange { kind: kind.to_owned(), status, body }
}

async fn read(request: reqwest::RequestBuilder) -> Result<(u16, Option<Value>), reqwest::Error> {
    let mut response = request.send().await?;
    let status = response.status().as_u16();
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if bytes.len() + chunk.len() > REPLY_BYTES_MAX {
            return Ok((status, None));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok((status, serde_json::from_slice(&bytes).ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published vector `vapi-auth-010`.
    #[test]
    fn a_signature_is_the_one_that_vapi_makes() {
        let body = r#"{"message":{"type":"tool-calls","toolCallList":[{"id":"call_1","type":"function","function":{"name":"lookup","arguments":"{\"q\":\"é\"}"}}]}}"#;
        let headers = Auth::Hmac("hmac-public".into()).headers(body, 1_700_000_000);
        let signature = "62b844be33effe12385d981c8460e1d9383de4fe4910662e76f87ede4fbb91f0";
        assert_eq!(
            headers,
            [("x-signature", signature.to_owned()), ("x-timestamp", "1700000000".to_owned())]
        );
    }

    #[test]
    fn a_secret_is_never_shown() {
        let auths =
            [Auth::Bearer("s3cr3t".into()), Auth::Secret("s3cr3t".into()), Auth::Hmac("s3cr3t".into())];
        assert!(!format!("{auths:?}").contains("s3cr3t"));
    }
}
