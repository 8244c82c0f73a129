//! An HTTP response, read whole.

use reqwest::header::HeaderMap;
use serde_json::Value;
use sim::carrier::{Document, Verb};

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub async fn read(response: reqwest::Response) -> reqwest::Result<Self> {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Self { status, headers, body: response.text().await? })
    }

    /// The header's value; empty where it is absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The verbs of a TwiML document, read as the carrier reads it.
    pub fn verbs(&self) -> Vec<Verb> {
        assert_eq!(self.header("content-type"), "text/xml; charset=utf-8", "{self:?}");
        Document::parse(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}")).verbs
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        assert!(self.header("content-type").contains("json"), "{self:?}");
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The `code` of a problem document, which must be one by the letter of RFC 9457 and of our API.
    pub fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let problem = self.json();
        let code = problem["code"].as_str().unwrap().to_owned();
        assert_eq!(problem["type"], format!("urn:voicehive:problem:{code}"));
        assert_eq!(problem["status"], self.status);
        assert!(problem["title"].as_str().is_some_and(|title| !title.is_empty()), "{problem}");
        assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{problem}");
        assert!(!self.header("x-request-id").is_empty(), "{self:?}");
        assert_eq!(problem["request_id"], self.header("x-request-id"));
        code
    }
}
