#![cfg(test)]
//! A carrier's API that keeps what it was asked, and answers by a script.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response};
use tokio::net::TcpListener;
use url::Url;

/// A request as it came.
pub struct Asked {
    pub method: String,
    /// Path and query, as they stood on the wire.
    pub target: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Asked {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// The form's fields; several values of one field are joined by a comma.
    pub fn form(&self) -> BTreeMap<String, String> {
        assert_eq!(self.header("content-type"), "application/x-www-form-urlencoded");
        let mut fields = BTreeMap::<String, String>::new();
        for (name, value) in url::form_urlencoded::parse(&self.body) {
            let known = fields.entry(name.into_owned()).or_default();
            if !known.is_empty() {
                known.push(',');
            }
            known.push_str(&value);
        }
        fields
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

#[derive(Clone, Default)]
struct Shared {
    answers: Arc<Mutex<VecDeque<Response<Body>>>>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// A running server; it ends with the test's runtime.
pub struct Server {
    pub url: Url,
    shared: Shared,
}

impl Server {
    pub async fn start() -> Self {
        let shared = Shared::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let router = Router::new().fallback(answer).with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, shared }
    }

    /// What the next request is answered that has no answer yet.
    pub fn answer(&self, status: u16, body: impl Into<Body>) -> &Self {
        self.answer_with(status, &[], body)
    }

    pub fn answer_with(&self, status: u16, headers: &[(&str, &str)], body: impl Into<Body>) -> &Self {
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        self.shared.answers.lock().unwrap().push_back(response.body(body.into()).unwrap());
        self
    }

    /// What it was asked since the last time.
    pub fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.shared.asked.lock().unwrap())
    }

    /// The one thing that it was asked since the last time.
    pub fn asked_once(&self) -> Asked {
        let mut asked = self.asked();
        assert_eq!(asked.len(), 1);
        asked.remove(0)
    }
}

async fn answer(State(shared): State<Shared>, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap().to_vec();
    let target = head.uri.path_and_query().unwrap().to_string();
    shared.asked.lock().unwrap().push(Asked {
        method: head.method.to_string(),
        target,
        headers: head.headers,
        body,
    });
    let answer = shared.answers.lock().unwrap().pop_front();
    answer
        .unwrap_or_else(|| Response::builder().status(599).body(Body::from("nothing was expected")).unwrap())
}
