//! Sizes, of what is sent and of what comes back.

use super::server::{Answers, LOOPBACK, Server, get, repeat, say, send, unlimited};
use crate::{Budget, Error, Limits, Request, Tenant, Usage};
use tokio::time::{Duration, Instant};

const MOST: usize = 256 << 10;

fn response(head: &str, body: &[u8]) -> Vec<u8> {
    [b"HTTP/1.1 200 OK\r\n", head.as_bytes(), b"\r\n", body].concat()
}

#[tokio::test]
async fn a_body_of_256_kib_comes_back_whole_however_it_is_framed() {
    let body = vec![b'x'; MOST];
    let chunked = [format!("{MOST:x}\r\n").as_bytes(), &body, b"\r\n0\r\n\r\n"].concat();
    for text in [
        response(&format!("content-length: {MOST}\r\n"), &body),
        response("transfer-encoding: chunked\r\n", &chunked),
        response("", &body),
    ] {
        let answer = Server::start(say(text)).await.get().await.unwrap();
        assert_eq!((answer.status, answer.body.len()), (200, MOST));
    }
}

#[tokio::test]
async fn a_body_of_one_byte_more_is_too_large_however_it_is_framed() {
    let body = vec![b'x'; MOST + 1];
    let length = body.len();
    let chunked = [format!("{length:x}\r\n").as_bytes(), &body, b"\r\n0\r\n\r\n"].concat();
    for text in [
        response(&format!("content-length: {length}\r\n"), &body),
        response("transfer-encoding: chunked\r\n", &chunked),
        response("", &body),
        // What is announced need not come.
        response("content-length: 18446744073709551615\r\n", b""),
    ] {
        assert_eq!(Server::start(say(text)).await.get().await, Err(Error::TooLarge));
    }
}

#[tokio::test]
async fn what_never_ends_is_too_large() {
    let limits =
        Limits { head_bytes: 8 << 10, body_bytes: 4 << 10, wire_bytes: 32 << 10, ..Limits::default() };
    let endless = async |begin, more| {
        let server = Server::start(repeat(begin, more)).await;
        let egress = server.egress(limits.clone(), Answers::new(&[&[LOOPBACK]]));
        send(&egress, &server.policy(Vec::new()), get(&server.url())).await
    };
    let chunks = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    for (begin, more) in [
        ("HTTP/1.1 200 OK\r\n\r\n", "endless "),
        (chunks, "10\r\nxxxxxxxxxxxxxxxx\r\n"),
        (chunks, "1\r\nx\r\n"),
        ("HTTP/1.1 200 OK\r\n", "x-more: and more of it, and more of it, and more of it\r\n"),
        ("HTTP/1.1 200 OK\r\nx-long: ", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
        ("HTTP/1.1 103 Early Hints\r\n\r\n", "HTTP/1.1 103 Early Hints\r\n\r\n"),
    ] {
        assert_eq!(endless(begin, more).await, Err(Error::TooLarge), "{begin} {more}");
    }
    // The HTTP library has bounds of its own for these.
    for more in
        ["1;extension-of-a-chunk=that-goes-on-and-on\r\nx\r\n", "0\r\nx-trailer: a\r\nx-trailer: b\r\n"]
    {
        let answer = endless(chunks, more).await;
        assert!(matches!(answer, Err(Error::TooLarge | Error::Failed(_))), "{answer:?}");
    }
}

#[tokio::test]
async fn a_head_of_too_many_fields_is_too_large() {
    let limits = Limits::default();
    let fields = |count: usize| "x-a: b\r\n".repeat(count) + "content-length: 0\r\n";
    let most = Server::start(say(response(&fields(limits.headers - 1), b""))).await;
    assert_eq!(most.get().await.unwrap().headers.len(), limits.headers - 1);
    let more = Server::start(say(response(&fields(limits.headers), b""))).await;
    assert_eq!(more.get().await, Err(Error::TooLarge));
}

#[tokio::test]
async fn what_is_not_http_or_ends_early_is_a_failure() {
    for text in [
        "",
        "SSH-2.0-OpenSSH_9.9\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nsho",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: raw\r\n\r\n",
        "HTTP/1.1 999 Strange\r\ncontent-length: 0\r\n\r\n",
    ] {
        let answer = Server::start(say(text)).await.get().await;
        assert!(matches!(answer, Err(Error::Failed(_))), "{text}: {answer:?}");
    }
}

#[tokio::test]
async fn a_body_is_sent_whole_and_one_byte_more_is_not_sent() {
    let server = Server::start(say(response("content-length: 0\r\n", b""))).await;
    let post = |length: usize| Request {
        method: "POST".to_owned(),
        url: server.url(),
        headers: Vec::new(),
        body: vec![b'x'; length],
    };
    assert!(server.ask(post(MOST)).await.is_ok());
    assert!(matches!(server.ask(post(MOST + 1)).await, Err(Error::Invalid(_))));
    let [heard] = &server.heard()[..] else { panic!("one request") };
    assert!(heard.contains(&format!("content-length: {MOST}\r\n")));
    assert!(heard.ends_with(&"x".repeat(MOST)));
}

#[tokio::test]
async fn requests_and_bytes_are_counted_and_stop_at_what_is_allowed() {
    let body = vec![b'x'; 100_000];
    let server = Server::start(say(response("content-length: 100000\r\n", &body))).await;
    let egress = server.egress(Limits::default(), Answers::new(&[&[LOOPBACK]]));
    let policy = server.policy(Vec::new());
    let ask = async |budget: &mut Budget| {
        let now = Instant::now();
        let deadline = now + Duration::from_secs(60);
        egress.send(&Tenant::new("a"), &policy, get(&server.url()), budget, now, deadline).await
    };

    let day = Usage { requests: 10, bytes: 1_000_000 };
    let used = Usage { requests: 8, bytes: 750_000 };
    let mut budget = Budget::new(Usage::UNLIMITED, day, used);
    assert!(ask(&mut budget).await.is_ok());
    let spent = budget.spent();
    assert_eq!(spent.requests, 1);
    assert!((100_000..110_000).contains(&spent.bytes), "{spent:?}");
    assert!(ask(&mut budget).await.is_ok());
    let third = ask(&mut budget).await;
    assert!(matches!(third, Err(Error::Invalid(_))), "the day's requests are used up: {third:?}");
    assert_eq!(server.connections(), 2);

    let mut budget = Budget::new(Usage { requests: 5, bytes: 50_000 }, Usage::UNLIMITED, used);
    assert_eq!(ask(&mut budget).await, Err(Error::TooLarge));
    assert!((50_000..50_000 + (32 << 10)).contains(&budget.spent().bytes), "{:?}", budget.spent());
    let again = ask(&mut budget).await;
    assert!(matches!(again, Err(Error::Invalid(_))), "the call's bytes are used up: {again:?}");
    assert_eq!(server.connections(), 3);
}

#[tokio::test]
async fn what_is_refused_costs_nothing() {
    let server = Server::start(say("")).await;
    let egress = server.egress(Limits::default(), Answers::new(&[&[LOOPBACK]]));
    let mut budget = unlimited();
    let now = Instant::now();
    for url in ["https://elsewhere-example.com/", "http://api.shop-example.com/"] {
        let policy = server.policy(Vec::new());
        let sent = egress.send(&Tenant::new("a"), &policy, get(url), &mut budget, now, now).await;
        assert!(sent.is_err());
    }
    assert_eq!(budget.spent(), Usage::default());
    let sent = send(&egress, &server.policy(Vec::new()), get("https://elsewhere-example.com/")).await;
    assert!(matches!(sent, Err(Error::Denied(_))));
}

#[tokio::test]
async fn what_is_sent_is_counted_too_and_a_handshake_alone_may_be_too_much() {
    let server = Server::start(say(response("content-length: 0\r\n", b""))).await;
    let egress = server.egress(Limits::default(), Answers::new(&[&[LOOPBACK]]));
    let policy = server.policy(Vec::new());
    let now = Instant::now();
    let deadline = now + Duration::from_secs(60);
    let post = Request { method: "POST".to_owned(), body: vec![b'x'; MOST], ..get(&server.url()) };
    let mut budget = unlimited();
    let sent = egress.send(&Tenant::new("a"), &policy, post, &mut budget, now, deadline).await;
    assert!(sent.is_ok(), "{sent:?}");
    assert!(budget.spent().bytes > 256 << 10, "{:?}", budget.spent());

    let mut budget = Budget::new(Usage { requests: 1, bytes: 400 }, Usage::UNLIMITED, Usage::default());
    let sent = egress.send(&Tenant::new("a"), &policy, get(&server.url()), &mut budget, now, deadline).await;
    assert_eq!(sent, Err(Error::TooLarge));
    assert_eq!(server.heard().len(), 1);
}
