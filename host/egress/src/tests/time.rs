//! Deadlines, at each step.

use std::net::IpAddr;

use tokio::net::TcpListener;
use tokio::time::{Duration, Instant};

use super::server::{Answers, LOOPBACK, NAME, Server, get, say, send, stall, unlimited};
use crate::{Error, Host, Limits, Policy, Tenant};

/// Runs `sending`; once `begun` holds, the clock stands still and leaps to the next deadline when nothing else is left to do.
async fn leap<T>(sending: impl Future<Output = T>, begun: impl Fn() -> bool) -> T {
    let pause = async {
        while !begun() {
            tokio::task::yield_now().await;
        }
        tokio::time::pause();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        result = sending => result,
        () = pause => unreachable!(),
    }
}

#[tokio::test]
async fn an_answer_that_does_not_come_whole_in_time_is_a_timeout() {
    for begin in ["", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nsome"] {
        let server = Server::start(stall(begin)).await;
        let egress = server.egress(Limits::default(), Answers::new(&[&[LOOPBACK]]));
        let policy = server.policy(Vec::new());
        let sent = leap(send(&egress, &policy, get(&server.url())), || !server.heard().is_empty()).await;
        assert_eq!(sent, Err(Error::Timeout), "{begin}");
        tokio::time::resume();
    }
}

#[tokio::test]
async fn the_earlier_deadline_counts_and_what_was_moved_until_then_is_charged() {
    let server = Server::start(stall("")).await;
    let policy = server.policy(Vec::new());
    for (total, own, expected) in [(30, 20, 20), (20, 30, 20)] {
        let heard = server.heard().len();
        let limits = Limits { total: Duration::from_secs(total), ..Limits::default() };
        let egress = server.egress(limits, Answers::new(&[&[LOOPBACK]]));
        let (tenant, mut budget) = (Tenant::new("a"), unlimited());
        let now = Instant::now();
        let deadline = now + Duration::from_secs(own);
        let sending = egress.send(&tenant, &policy, get(&server.url()), &mut budget, now, deadline);
        assert_eq!(leap(sending, || server.heard().len() > heard).await, Err(Error::Timeout));
        // Tokio's clock ticks in milliseconds.
        assert_eq!(now.elapsed().as_secs(), expected);
        assert_eq!(budget.spent().requests, 1);
        assert!(budget.spent().bytes > 0);
        tokio::time::resume();
    }
}

#[tokio::test]
async fn a_request_that_is_abandoned_is_charged() {
    let server = Server::start(stall("")).await;
    let egress = server.egress(Limits::default(), Answers::new(&[&[LOOPBACK]]));
    let (tenant, policy, mut budget) = (Tenant::new("a"), server.policy(Vec::new()), unlimited());
    let now = Instant::now();
    let deadline = now + Duration::from_secs(60);
    let sending = egress.send(&tenant, &policy, get(&server.url()), &mut budget, now, deadline);
    let heard = async {
        while server.heard().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        answer = sending => panic!("{answer:?}"),
        () = heard => {}
    }
    assert_eq!(budget.spent().requests, 1);
    assert!(budget.spent().bytes > 0);
}

#[tokio::test]
async fn a_host_that_does_not_finish_tls_is_given_up_before_anything_is_sent() {
    let server = Server::start(say("")).await;
    let listener = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
    let host = Host::parse(&format!("{NAME}:{}", listener.local_addr().unwrap().port())).unwrap();
    let policy = Policy::new(vec![host.clone()], Vec::new()).unwrap();
    let egress = server.egress(Limits::default(), Answers::new(&[&[LOOPBACK]]));
    let accepted = std::sync::Mutex::new(None);
    let sending = send(&egress, &policy, get(&format!("https://{host}/")));
    let accept = async {
        let connection = listener.accept().await.unwrap();
        *accepted.lock().unwrap() = Some(connection);
        std::future::pending::<()>().await;
    };
    let sent = tokio::select! {
        sent = leap(sending, || accepted.lock().unwrap().is_some()) => sent,
        () = accept => unreachable!(),
    };
    assert!(matches!(&sent, Err(Error::Failed(why)) if why.starts_with("setting up TLS")), "{sent:?}");
}

#[tokio::test]
async fn a_closed_port_and_an_unknown_name_are_failures_of_their_step() {
    let server = Server::start(say("")).await;
    let closed = TcpListener::bind((LOOPBACK, 0)).await.unwrap().local_addr().unwrap().port();
    let host = Host::parse(&format!("{NAME}:{closed}")).unwrap();
    let policy = Policy::new(vec![host.clone()], Vec::new()).unwrap();
    for (lists, step) in [(&[&[LOOPBACK][..]][..], "connecting"), (&[][..], "resolving the name")] {
        let lists: &[&[IpAddr]] = lists;
        let egress = server.egress(Limits::default(), Answers::new(lists));
        let sent = send(&egress, &policy, get(&format!("https://{host}/"))).await;
        assert!(matches!(&sent, Err(Error::Failed(why)) if why.starts_with(step)), "{sent:?}");
    }
}

#[tokio::test]
async fn the_next_address_is_tried_where_one_refuses() {
    let server = Server::start(say("HTTP/1.1 204 No Content\r\n\r\n")).await;
    let other: IpAddr = "127.0.0.2".parse().unwrap();
    let egress = server
        .egress(Limits::default(), Answers::new(&[&[other, LOOPBACK]]))
        .permitting(|address| address.is_loopback());
    let answer = send(&egress, &server.policy(Vec::new()), get(&server.url())).await;
    assert_eq!(answer.unwrap().status, 204);
}
