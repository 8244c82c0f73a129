//! What a tool may put into a request, and what it is told of a response.

use super::server::{Answers, LOOPBACK, NAME, Server, get, say, send};
use crate::{Error, Host, Limits, Policy, Request};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

fn with(url: &str, fields: &[(&str, &str)]) -> Request {
    let headers = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Request { headers, ..get(url) }
}

#[tokio::test]
async fn redirects_are_told_and_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        for place in
            ["http://169.254.169.254/latest/meta-data/", "https://127.0.0.1/", "/next", "//10.0.0.1/"]
        {
            let text = format!("HTTP/1.1 {status} Moved\r\nlocation: {place}\r\ncontent-length: 0\r\n\r\n");
            let server = Server::start(say(text)).await;
            let answers = Answers::new(&[&[LOOPBACK]]);
            let egress = server.egress(Limits::default(), answers.clone());
            let answer = send(&egress, &server.policy(Vec::new()), get(&server.url())).await.unwrap();
            assert_eq!(answer.status, status);
            assert_eq!(answer.headers, [("location".to_owned(), place.to_owned())]);
            assert_eq!((server.connections(), answers.asked().len()), (1, 1));
        }
    }
}

#[tokio::test]
async fn another_port_of_a_declared_host_is_another_host() {
    let server = Server::start(say(OK)).await;
    let egress = server.egress(Limits::default(), Answers::new(&[&[LOOPBACK]]));
    let bare = Policy::new(vec![Host::parse(NAME).unwrap()], Vec::new()).unwrap();
    let sent = send(&egress, &bare, get(&server.url())).await;
    assert!(matches!(sent, Err(Error::Denied(_))), "{sent:?}");
    let sent = send(&egress, &server.policy(Vec::new()), get(&format!("https://{NAME}/"))).await;
    assert!(matches!(sent, Err(Error::Denied(_))), "{sent:?}");
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_certificate_for_another_name_or_from_a_stranger_is_no_connection() {
    let server = Server::start(say(OK)).await;
    let other = Host::parse(&format!("other-example.com:{}", server.port)).unwrap();
    let policy = Policy::new(vec![other.clone()], Vec::new()).unwrap();
    let egress = server.egress(Limits::default(), Answers::new(&[&[LOOPBACK]]));
    let sent = send(&egress, &policy, get(&format!("https://{other}/"))).await;
    assert!(matches!(&sent, Err(Error::Failed(why)) if why.starts_with("setting up TLS")), "{sent:?}");

    let stranger = Server::start(say(OK)).await;
    let egress = stranger.egress(Limits::default(), Answers::new(&[&[LOOPBACK]]));
    let sent = send(&egress, &server.policy(Vec::new()), get(&server.url())).await;
    assert!(matches!(&sent, Err(Error::Failed(why)) if why.starts_with("setting up TLS")), "{sent:?}");
    assert!(server.heard().is_empty());
}

#[tokio::test]
async fn fields_of_the_connection_are_ours() {
    let server = Server::start(say(OK)).await;
    let fields = [
        ("Host", "127.0.0.1"),
        ("Connection", "x-kept, keep-alive"),
        ("Keep-Alive", "timeout=600"),
        ("Transfer-Encoding", "chunked"),
        ("Content-Length", "99"),
        ("Upgrade", "websocket"),
        ("Proxy-Authorization", "Basic eDp5"),
        ("Proxy-Connection", "keep-alive"),
        ("TE", "trailers"),
        ("Trailer", "x"),
        ("Expect", "100-continue"),
        ("X-Kept", "yes"),
        ("x-kept", "again"),
    ];
    assert!(server.ask(with(&server.url(), &fields)).await.is_ok());
    let [heard] = &server.heard()[..] else { panic!("one request") };
    let host = format!("host: {}", server.host());
    let expected = ["GET / HTTP/1.1", &host, "connection: close", "x-kept: yes", "x-kept: again"];
    assert_eq!(heard.trim_end().split("\r\n").collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn nothing_can_be_slipped_in_by_a_field_a_method_or_a_path() {
    let server = Server::start(say(OK)).await;
    let url = server.url();
    let field = |name, value| with(&url, &[(name, value)]);
    let method = |text: &str| Request { method: text.to_owned(), ..get(&url) };
    for request in [
        field("x-a", "b\r\nHost: 127.0.0.1"),
        field("x-a", "b\nx-c: d"),
        field("x-a", "b\rc"),
        field("x-a", "b\0c"),
        field("x-a", "bé"),
        field("Host", "a\r\nx-b: c"),
        field("x-a\r\nx-b", "c"),
        field("x-a: b", "c"),
        field("x a", "b"),
        field("", "b"),
        field(":authority", "127.0.0.1"),
        field("cookie", "session=1"),
        field("Set-Cookie", "session=1"),
        method("CONNECT"),
        method("TRACE"),
        method("OPTIONS"),
        method("get"),
        method(""),
        method("GET / HTTP/1.1\r\nx: y\r\n\r\nGET"),
        get(&format!("{url}a HTTP/1.1\r\nHost:x\r\n\r\n")),
    ] {
        let sent = server.ask(request.clone()).await;
        assert!(matches!(sent, Err(Error::Invalid(_))), "{request:?}: {sent:?}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn fields_are_bounded_in_number_and_size() {
    let server = Server::start(say(OK)).await;
    let limits = Limits::default();
    let many = |count| with(&server.url(), &vec![("x-a", "b"); count]);
    assert!(server.ask(many(limits.headers)).await.is_ok());
    assert!(matches!(server.ask(many(limits.headers + 1)).await, Err(Error::Invalid(_))));
    let long = "a".repeat(limits.head_bytes);
    let sent = server.ask(with(&server.url(), &[("x-a", &long)])).await;
    assert!(matches!(sent, Err(Error::Invalid(_))));
    let sent = server.ask(with(&server.url(), &[("host", &long)])).await;
    assert!(matches!(sent, Err(Error::Invalid(_))), "also where the field is dropped: {sent:?}");
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn cookies_and_fields_of_the_connection_do_not_come_back() {
    let server = Server::start(say(
        "HTTP/1.1 200 OK\r\nx-kept: 1\r\nset-cookie: a=b\r\nSet-Cookie2: a=b\r\nconnection: close, X-Private\r\n\
         x-private: 2\r\nkeep-alive: timeout=5\r\nproxy-authenticate: Basic\r\nalt-svc: h3=\":443\"\r\n\
         x-bytes: \u{fe}\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nok",
    ))
    .await;
    let answer = server.get().await.unwrap();
    let names: Vec<&str> = answer.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["x-kept", "x-bytes", "content-type"]);
    assert_eq!(answer.body, b"ok");
}

#[tokio::test]
async fn every_method_of_the_interface_is_sent() {
    let server = Server::start(say(OK)).await;
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
        let request = Request { method: method.to_owned(), ..get(&server.url()) };
        assert_eq!(server.ask(request).await.unwrap().body, b"ok");
    }
    let methods: Vec<String> =
        server.heard().iter().map(|heard| heard.split(' ').next().unwrap().to_owned()).collect();
    assert_eq!(methods, ["GET", "POST", "PUT", "PATCH", "DELETE"]);
}
