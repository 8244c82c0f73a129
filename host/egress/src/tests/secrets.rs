//! Secrets reach their host, and nobody else.

use super::server::{Answers, LOOPBACK, Server, get, say, send};
use crate::{Error, Host, InvalidPolicy, InvalidSecret, Limits, Policy, Request, Secret};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const VALUE: &str = "sk-value-of-the-test";

fn with(url: &str, value: &str) -> Request {
    Request { headers: vec![("authorization".to_owned(), value.to_owned())], ..get(url) }
}

fn secret(host: &Host) -> Secret {
    Secret::new("shop-key", host.clone(), VALUE).unwrap()
}

#[tokio::test]
async fn a_secret_is_filled_into_a_field_towards_its_host() {
    let server = Server::start(say(OK)).await;
    let egress = server.egress(Limits::default(), Answers::new(&[&[LOOPBACK]]));
    let policy = server.policy(vec![secret(&server.host())]);
    assert_eq!(
        (policy.handle("shop-key"), policy.handle("other")),
        (Some("{{secret:shop-key}}".to_owned()), None)
    );
    let request = with(&server.url(), "Bearer {{secret:shop-key}};{{secret:shop-key}}.");
    assert!(send(&egress, &policy, request).await.is_ok());
    assert!(server.heard()[0].contains(&format!("authorization: Bearer {VALUE};{VALUE}.\r\n")));
}

#[tokio::test]
async fn a_secret_is_not_filled_in_anywhere_else() {
    let server = Server::start(say(OK)).await;
    let egress = server.egress(Limits::default(), Answers::new(&[&[LOOPBACK]]));
    let policy = server.policy(vec![secret(&server.host())]);
    let request = Request {
        method: "POST".to_owned(),
        url: format!("{}%7B%7Bsecret:shop-key%7D%7D", server.url()),
        headers: Vec::new(),
        body: b"{{secret:shop-key}}".to_vec(),
    };
    assert!(send(&egress, &policy, request).await.is_ok());
    assert!(!server.heard()[0].contains(VALUE));
    assert!(server.heard()[0].ends_with("{{secret:shop-key}}"));
}

#[tokio::test]
async fn a_secret_of_another_host_or_of_nobody_denies_the_request() {
    let server = Server::start(say(OK)).await;
    let egress = server.egress(Limits::default(), Answers::new(&[&[LOOPBACK]]));
    let other = Host::parse("other-example.com").unwrap();
    let policy = Policy::new(vec![server.host(), other.clone()], vec![secret(&other)]).unwrap();
    for value in ["{{secret:shop-key}}", "{{secret:nobody}}"] {
        let sent = send(&egress, &policy, with(&server.url(), value)).await;
        assert!(matches!(&sent, Err(Error::Denied(why)) if !why.contains(VALUE)), "{sent:?}");
    }
    for value in
        ["{{secret:shop-key", "{{secret:}}", "{{secret:Shop Key}}", "{{secret:a{{secret:shop-key}}}}"]
    {
        let sent = send(&egress, &policy, with(&server.url(), value)).await;
        assert!(matches!(sent, Err(Error::Invalid(_))), "{value}: {sent:?}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_secret_within_a_secret_is_text() {
    let server = Server::start(say(OK)).await;
    let egress = server.egress(Limits::default(), Answers::new(&[&[LOOPBACK]]));
    let nested = Secret::new("outer", server.host(), "a-{{secret:shop-key}}").unwrap();
    let policy = server.policy(vec![nested, secret(&server.host())]);
    assert!(send(&egress, &policy, with(&server.url(), "{{secret:outer}}")).await.is_ok());
    assert!(server.heard()[0].contains("authorization: a-{{secret:shop-key}}\r\n"));
}

#[tokio::test]
async fn a_host_that_repeats_a_secret_does_not_tell_it_to_the_tool() {
    let body = format!("you sent {VALUE}-longer and {VALUE}{VALUE}");
    let length = body.len();
    let text = format!("HTTP/1.1 200 OK\r\nx-echo: Bearer {VALUE}\r\ncontent-length: {length}\r\n\r\n{body}");
    let server = Server::start(say(text)).await;
    let egress = server.egress(Limits::default(), Answers::new(&[&[LOOPBACK]]));
    let longer = Secret::new("longer", server.host(), &format!("{VALUE}-longer")).unwrap();
    let policy = server.policy(vec![secret(&server.host()), longer]);
    let answer = send(&egress, &policy, get(&server.url())).await.unwrap();
    assert_eq!(answer.headers, [("x-echo".to_owned(), "Bearer [secret]".to_owned())]);
    assert_eq!(String::from_utf8(answer.body).unwrap(), "you sent [secret] and [secret][secret]");
}

#[tokio::test]
async fn secrets_count_towards_the_size_of_a_request() {
    let server = Server::start(say(OK)).await;
    let egress = server.egress(Limits::default(), Answers::new(&[&[LOOPBACK]]));
    let long = Secret::new("long", server.host(), &"x".repeat(4096)).unwrap();
    let policy = server.policy(vec![long]);
    let sent = send(&egress, &policy, with(&server.url(), &"{{secret:long}}".repeat(1000))).await;
    assert!(matches!(sent, Err(Error::Invalid(_))));
    assert_eq!(server.connections(), 0);
}

#[test]
fn nothing_that_can_be_printed_shows_a_secret() {
    let host = Host::parse("api.shop-example.com").unwrap();
    let secret = secret(&host);
    let policy = Policy::new(vec![host], vec![secret.clone()]).unwrap();
    let request = with("https://api.shop-example.com/", "Bearer {{secret:shop-key}}");
    let prepared = crate::prepare::prepare(request, &policy, &Limits::default()).unwrap();
    assert!(prepared.request.headers()["authorization"].as_bytes().ends_with(VALUE.as_bytes()));
    for text in [format!("{secret:?}"), format!("{policy:?}"), format!("{:?}", prepared.request)] {
        assert!(!text.contains(VALUE), "{text}");
    }
}

#[test]
fn secrets_are_named_plainly_and_fit_into_a_field() {
    let host = Host::parse("api.shop-example.com").unwrap();
    let new = |name: &str, value: &str| Secret::new(name, host.clone(), value).map(|_| ());
    assert_eq!(new("a", "12345678"), Ok(()));
    assert_eq!(new("", "12345678"), Err(InvalidSecret::Name));
    assert_eq!(new("A", "12345678"), Err(InvalidSecret::Name));
    assert_eq!(new("a", "1234567"), Err(InvalidSecret::Value));
    assert_eq!(new("a", "1234567\r\nx: y"), Err(InvalidSecret::Value));
    assert_eq!(new("a", " 12345678"), Err(InvalidSecret::Value));

    let policy = Policy::new(Vec::new(), vec![secret(&host)]);
    assert!(matches!(policy, Err(InvalidPolicy::SecretWithoutHost { .. })));
    let policy = Policy::new(vec![host.clone()], vec![secret(&host), secret(&host)]);
    assert!(matches!(policy, Err(InvalidPolicy::SecretTwice(_))));
}
