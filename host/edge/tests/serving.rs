//! Guests behind real sockets.

mod guests;

use std::time::{Duration, Instant};

use guests::{Application, answering, silent};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const LOOP: &str = "(loop $again (br $again)) (unreachable)";

#[tokio::test]
async fn routes_lead_to_components_and_static_responses() {
    let manifest = r#"
        [[trigger.http]]
        route = "/a"
        component = "a"
        [[trigger.http]]
        route = "/b/..."
        component = "b"
        [[trigger.http]]
        route = "/static"
        static_response = { status_code = 203, headers = { x-kind = "static" }, body = "fixed" }
        [[trigger.http]]
        route = { private = true }
        component = "hidden"
        [component.a]
        source = "201.wasm"
        [component.b]
        source = "202.wasm"
        [component.hidden]
        source = "202.wasm"
    "#;
    let files =
        [("201.wasm", answering("", "(i32.const 201)")), ("202.wasm", answering("", "(i32.const 202)"))];
    let server = Application::new(manifest, &files).start().await;

    for (path, status) in
        [("/a", 201), ("/b", 202), ("/b/c?d=e", 202), ("/c", 404), ("/hidden", 404), ("/", 404)]
    {
        assert_eq!(server.status(path).await, status, "{path}");
    }
    assert_eq!(server.get("/static").await, (203, "fixed".to_owned()));
    server.stop().await;
}

#[tokio::test]
async fn the_routes_are_listed_for_banners() {
    let manifest = r#"
        [[trigger.http]]
        route = "/a"
        component = "a"
        [[trigger.http]]
        route = { private = true }
        component = "a"
        [[trigger.http]]
        route = "/s"
        static_response = { }
        [component.a]
        source = "a.wasm"
    "#;
    let edge = Application::new(manifest, &[("a.wasm", silent())]).load().await.unwrap();

    let routes: Vec<_> = edge.routes().into_iter().map(|info| (info.route, info.component)).collect();

    let some = |text: &str| Some(text.to_owned());
    assert_eq!(routes, [(some("/a"), some("a")), (None, some("a")), (some("/s"), None)]);
}

#[tokio::test]
async fn the_well_known_paths_are_answered_by_the_runner() {
    let server = Application::of_one(answering("", "(i32.const 201)")).start().await;

    assert_eq!(server.get("/.well-known/spin/health").await, (200, "OK".to_owned()));
    assert_eq!(
        server.get("/.well-known/spin/info").await,
        (200, r#"{"name":"test","version":"1.2.3"}"#.to_owned())
    );
    assert_eq!(server.status("/.well-known/spin/other").await, 404);
    assert_eq!(server.status("/.well-known/other").await, 201);
}

#[tokio::test]
async fn a_guest_that_fails_costs_only_its_own_request() {
    let manifest = r#"
        [[trigger.http]]
        route = "/good"
        component = "good"
        [[trigger.http]]
        route = "/trap"
        component = "trap"
        [[trigger.http]]
        route = "/silent"
        component = "silent"
        [component.good]
        source = "good.wasm"
        [component.trap]
        source = "trap.wasm"
        [component.silent]
        source = "silent.wasm"
    "#;
    let files = [
        ("good.wasm", answering("", "(i32.const 201)")),
        ("trap.wasm", answering("", "unreachable")),
        ("silent.wasm", silent()),
    ];
    let server = Application::new(manifest, &files).start().await;

    for _ in 0..20 {
        assert_eq!(server.get("/trap").await, (500, "the component failed\n".to_owned()));
        assert_eq!(server.status("/silent").await, 500);
        assert_eq!(server.status("/good").await, 201);
    }
}

/// One worker thread: a guest that kept it to itself would keep everything else waiting.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_looping_guest_ends_at_the_deadline_and_does_not_hold_up_others() {
    let manifest = r#"
        [[trigger.http]]
        route = "/loop"
        component = "loop"
        [[trigger.http]]
        route = "/good"
        component = "good"
        [component.loop]
        source = "loop.wasm"
        [component.good]
        source = "good.wasm"
    "#;
    let files = [("loop.wasm", answering("", LOOP)), ("good.wasm", answering("", "(i32.const 201)"))];
    let mut application = Application::new(manifest, &files);
    application.limits.request_deadline = Duration::from_secs(3);
    let server = application.start().await;
    let started = Instant::now();

    let (looping, good) = tokio::join!(server.get("/loop"), async {
        let mut answered = 0;
        while started.elapsed() < Duration::from_secs(1) {
            assert_eq!(server.status("/good").await, 201);
            answered += 1;
        }
        answered
    });

    assert_eq!(looping, (504, "the component did not answer in time\n".to_owned()));
    assert!(good > 5, "{good} requests were answered beside the loop");
    assert!(started.elapsed() >= Duration::from_secs(3));
    assert_eq!(server.status("/good").await, 201);
}

#[tokio::test]
async fn a_guest_that_loops_while_it_starts_ends_at_the_deadline_too() {
    let globals = "(func $start (loop $again (br $again))) (start $start)";
    let mut application = Application::of_one(answering(globals, "(i32.const 201)"));
    application.limits.request_deadline = Duration::from_secs(1);
    let server = application.start().await;

    assert_eq!(server.status("/").await, 504);
}

#[tokio::test]
async fn a_guest_gets_no_more_memory_than_its_limit() {
    // Sixteen pages are a mebibyte; the guest has another page of its own beside this memory.
    let grow = |pages: u32| {
        let status = format!(
            "(if (result i32) (i32.eq (memory.grow (i32.const {pages})) (i32.const -1))
                (then (i32.const 507)) (else (i32.const 201)))"
        );
        answering("(memory 1)", &status)
    };
    for (pages, status) in [(62, 201), (63, 507), (60_000, 507)] {
        let mut application = Application::of_one(grow(pages));
        application.limits.memory_per_instance = 64 * (64 << 10);
        let server = application.start().await;
        assert_eq!(server.status("/").await, status, "{pages} more pages");
    }
}

#[tokio::test]
async fn requests_beyond_the_limit_are_turned_away() {
    let mut application = Application::of_one(answering("", LOOP));
    application.limits.max_concurrent_requests = 1;
    application.limits.queue_wait = Duration::from_millis(100);
    application.limits.request_deadline = Duration::from_secs(2);
    let server = application.start().await;

    let statuses = tokio::join!(server.status("/"), server.status("/"), server.status("/"));

    let mut statuses = [statuses.0, statuses.1, statuses.2];
    statuses.sort_unstable();
    assert_eq!(statuses, [503, 503, 504]);
}

#[tokio::test]
async fn a_full_queue_turns_requests_away_at_once() {
    let mut application = Application::of_one(answering("", LOOP));
    application.limits.max_concurrent_requests = 1;
    application.limits.max_queued_requests = 0;
    application.limits.queue_wait = Duration::from_secs(60);
    application.limits.request_deadline = Duration::from_secs(1);
    let server = application.start().await;

    let statuses = tokio::join!(server.status("/"), server.status("/"));

    let mut statuses = [statuses.0, statuses.1];
    statuses.sort_unstable();
    assert_eq!(statuses, [503, 504]);
}

#[tokio::test]
async fn each_request_gets_a_fresh_instance_unless_reuse_is_asked_for() {
    let counting = || {
        answering(
            "(global $count (mut i32) (i32.const 200))",
            "(global.set $count (i32.add (global.get $count) (i32.const 1))) (global.get $count)",
        )
    };
    let fresh = Application::of_one(counting()).start().await;
    let mut reusing = Application::of_one(counting());
    reusing.limits.instance_reuse.requests = 3;
    reusing.limits.instance_reuse.idle = Duration::from_secs(60);
    let reusing = reusing.start().await;

    for (expected_fresh, expected_reused) in [(201, 201), (201, 202), (201, 203), (201, 201)] {
        assert_eq!(fresh.status("/").await, expected_fresh);
        assert_eq!(reusing.status("/").await, expected_reused);
    }
}

#[tokio::test]
async fn a_body_that_announces_too_much_is_refused_unread() {
    let mut application = Application::of_one(answering("", "(i32.const 201)"));
    application.limits.max_body = 10;
    let server = application.start().await;
    let post = |length: usize| {
        server.client.post(format!("http://{}/", server.address)).body(vec![b'x'; length]).send()
    };

    assert_eq!(post(10).await.unwrap().status(), 201);
    let refused = post(11).await.unwrap();

    assert_eq!(refused.status(), 413);
    assert_eq!(refused.text().await.unwrap(), "the request's body may have 10 bytes\n");
}

#[tokio::test]
async fn hosts_are_checked_before_a_guest_sees_the_request() {
    let server = Application::of_one(answering("", "(i32.const 201)")).start().await;
    for (request, status) in [
        ("GET / HTTP/1.1\r\nHost: example.org\r\n\r\n", 201),
        ("GET / HTTP/1.0\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: guest.spin.internal\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: guest.spin.internal:80\r\n\r\n", 400),
        ("GET http://example.org/ HTTP/1.1\r\nHost: other.org\r\n\r\n", 400),
        ("GET http://example.org/ HTTP/1.1\r\nHost: example.org\r\n\r\n", 201),
    ] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = [0; 12];
        stream.read_exact(&mut head).await.unwrap();
        let found = std::str::from_utf8(&head[9..]).unwrap();
        assert_eq!(found, status.to_string(), "{request:?}");
    }
}

#[tokio::test]
async fn a_stopping_server_finishes_the_request_it_has() {
    let mut application = Application::of_one(answering("", LOOP));
    application.limits.request_deadline = Duration::from_secs(2);
    application.limits.max_concurrent_requests = 1;
    application.limits.max_queued_requests = 0;
    let server = application.start().await;
    let (client, address) = (server.client.clone(), server.address);
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n").await.unwrap();
    // Once the only place is taken, the request above is in progress.
    while server.status("/").await != 503 {}

    server.stop().await;

    let mut head = [0; 12];
    stream.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 504");
    assert!(client.get(format!("http://{address}/")).send().await.is_err());
}
