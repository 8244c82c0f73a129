//! Against a platform of a few lines.

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

/// Serves a platform that says what it was asked, and gives a client of it.
async fn client(status: StatusCode) -> Client {
    let said = move |request: Request| async move {
        let (head, body) = request.into_parts();
        let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
        let header = |name: &str| head.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        let asked = json!({
            "method": head.method.as_str(),
            "uri": head.uri.to_string(),
            "key": header("authorization"),
            "type": header("content-type"),
            "body": String::from_utf8_lossy(&body),
            "code": "the-code",
            "detail": "the detail",
        });
        (status, [("retry-after", "3"), ("location", "/elsewhere")], asked.to_string()).into_response()
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(said)).await });
    Client::with(&format!("http://{address}/"), Secret::new("the-key")).unwrap()
}

#[tokio::test]
async fn what_is_asked_reaches_the_platform_with_the_key() {
    let client = client(StatusCode::OK).await;
    let asked = client.get(&["tools", "a/b", "versions"], &[("limit", "5".into())]).await.unwrap();
    assert_eq!(asked["uri"], "/v1/tools/a%2Fb/versions?limit=5");
    assert_eq!(asked["key"], "Bearer the-key");
    let (asked, new) = client.upload(b"wasm".to_vec(), &[("alias", "none".into())]).await.unwrap();
    assert!(!new, "200 is that of bytes which the platform has");
    assert_eq!((&asked["method"], &asked["uri"]), (&json!("POST"), &json!("/v1/tools?alias=none")));
    assert_eq!((&asked["type"], &asked["body"]), (&json!("application/wasm"), &json!("wasm")));
    let asked =
        client.send(Method::PUT, &["tools", "t", "secrets", "s"], &json!({"host": "h"})).await.unwrap();
    assert_eq!((&asked["method"], &asked["body"]), (&json!("PUT"), &json!(r#"{"host":"h"}"#)));
}

#[tokio::test]
async fn an_upload_that_made_something_is_told_from_one_that_did_not() {
    let client = client(StatusCode::CREATED).await;
    assert!(client.upload(b"wasm".to_vec(), &[]).await.unwrap().1);
}

#[tokio::test]
async fn a_refusal_is_read_and_a_redirect_is_not_followed() {
    for status in [StatusCode::CONFLICT, StatusCode::TEMPORARY_REDIRECT] {
        let error = client(status).await.get(&[], &[]).await.unwrap_err();
        assert_eq!(error.to_string(), "the-code: the detail (hint: again in 3 s)");
    }
}

#[tokio::test]
async fn a_platform_that_hangs_up_on_an_upload_is_asked_why() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let body = r#"{"code":"the-code","detail":"the detail"}"#;
        let head = "HTTP/1.1 401 Unauthorized\r\nconnection: close\r\ncontent-length";
        let answer = format!("{head}: {}\r\n\r\n{body}", body.len());
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") {
                asked.push(socket.read_u8().await.unwrap());
            }
            if asked.starts_with(b"GET ") {
                socket.write_all(answer.as_bytes()).await.unwrap();
            }
        }
    });
    let client = Client::with(&format!("http://{address}"), Secret::new("k")).unwrap();
    let error = client.upload(vec![0; 1 << 20], &[]).await.unwrap_err();
    assert_eq!(error.to_string(), "the-code: the detail");
}

#[tokio::test]
async fn a_platform_that_is_not_there_is_named() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let client = Client::with(&format!("http://{address}"), Secret::new("k")).unwrap();
    let error = client.get(&[], &[]).await.unwrap_err().to_string();
    assert!(error.starts_with(&format!("http://{address} cannot be reached: ")), "{error}");
    assert!(error.contains("voicehive up"), "{error}");
}

#[test]
fn what_is_no_web_address_is_refused() {
    for odd in ["voice.example.com", "ftp://example.com", ""] {
        assert!(Client::with(odd, Secret::new("k")).is_err(), "{odd}");
    }
}
