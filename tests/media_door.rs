//! The door of the media sockets: a handshake with a good token is let in once, any other is refused with a status.
#![cfg(test)]

mod harness;

use std::sync::Arc;

use futures::{SinkExt as _, StreamExt as _};
use harness::{
    ACCOUNT_SID, AUTH_TOKEN, CALLER, MEDIA_SECRET, NUMBER, PATIENCE, Server, Webhook, eventually,
    new_call_sid, run_all,
};
use media_token::{Claims, Secret};
use sim::carrier::{Config, End, Twilio, Verb};
use sim::vendors::Vendors;
use store::Timestamp;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use uuid::Uuid;

/// What is said to whoever is refused: nothing about why.
const REFUSED: &str = "refused\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_media_socket_opens_to_a_good_token_once() {
    run_all!(Arc::new(Server::voicehive(&[]).await);
        a_good_token_opens_the_door_once,
        of_handshakes_at_once_with_one_token_one_is_let_in,
        a_request_that_is_no_handshake_does_not_use_a_token_up,
        what_is_no_token_is_refused,
        a_forged_token_is_refused,
        an_expired_token_is_refused,
        a_token_for_what_does_not_exist_is_refused,
        a_token_of_an_ended_call_is_refused,
        the_socket_of_another_call_than_the_tokens_is_closed,
    );
}

/// A carrier that delivers a webhook twice gets two tokens, and may open two sockets.
#[tokio::test(flavor = "multi_thread")]
async fn the_newest_socket_takes_the_call_over() {
    let server = Server::voicehive(&[]).await;
    let first = new_call(&server).await;
    let older = open(&server, &first.token).await.unwrap();
    let second = answer(&server, first.sid.clone()).await;
    assert_eq!(second.claims.call, first.claims.call);
    let newer = open(&server, &second.token).await.unwrap();

    timeout(PATIENCE, older.collect::<Vec<_>>()).await.expect("the older socket stays open");
    let log = server.call_detail(&first.sid).await["events"].to_string();
    assert!(!log.contains("call.ended"), "{log}");
    drop(newer);
    eventually("the call to end with its newest socket", async || {
        let log = server.call_detail(&first.sid).await["events"].to_string();
        (log.matches("call.ended").count() == 1).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_platform_refuses_with_503_and_the_token_stays_good() {
    let vendors = Vendors::start().await.unwrap();
    let (server, twilio) = full_after_one_call(&vendors).await;
    let first = twilio.place_call(CALLER, NUMBER);
    first.connected(PATIENCE).await.unwrap();

    let token = new_call(&server).await.token;
    for _ in 0..2 {
        assert_eq!(knock(&server, &token).await, refused(503));
    }

    first.hang_up().await;
    first.ended(PATIENCE).await.unwrap();
    let socket = eventually("a free place", async || match open(&server, &token).await {
        Ok(socket) => Some(socket),
        Err(refusal) => {
            assert_eq!(refusal, refused(503));
            None
        }
    })
    .await;
    drop(socket);
    eventually("the token to be used up", async || {
        (knock(&server, &token).await == refused(403)).then_some(())
    })
    .await;
    vendors.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_whom_a_full_platform_cannot_take_is_offered_to_leave_a_message() {
    let vendors = Vendors::start().await.unwrap();
    let (server, twilio) = full_after_one_call(&vendors).await;
    let first = twilio.place_call(CALLER, NUMBER);
    first.connected(PATIENCE).await.unwrap();

    let second = twilio.place_call("+15551230001", NUMBER);
    let offered = |heard: &str| heard.contains("To leave a message, press 1.");
    let heard = second.wait_for("the menu", offered, PATIENCE).await.unwrap();
    assert!(heard.starts_with("We are sorry, our assistant cannot be reached at the moment."), "{heard}");
    second.hang_up().await;
    let second = second.ended(PATIENCE).await.unwrap();
    assert_eq!((second.end, second.streams), (End::CallerHungUp, 0));
    assert!(!second.problems.is_empty());
    for problem in &second.problems {
        assert!(problem.ends_with("refused with 503 Service Unavailable"), "{problem}");
    }

    assert!(first.is_streaming(), "{:?}", first.problems());
    first.hang_up().await;
    first.ended(PATIENCE).await.unwrap();
    drop(server);
    vendors.shutdown().await;
}

async fn a_good_token_opens_the_door_once(server: Arc<Server>) {
    let token = new_call(&server).await.token;
    let mut socket = open(&server, &token).await.unwrap();
    assert_eq!(knock(&server, &token).await, refused(403));
    // Who has no right to enter does not end the call of who has.
    socket.send(Message::Ping("still there".into())).await.unwrap();
    let answer = timeout(PATIENCE, socket.next()).await.expect("no answer to a ping");
    assert!(matches!(answer, Some(Ok(Message::Pong(_)))), "{answer:?}");
    drop(socket);
    assert_eq!(knock(&server, &token).await, refused(403));
}

async fn of_handshakes_at_once_with_one_token_one_is_let_in(server: Arc<Server>) {
    let token = new_call(&server).await.token;
    let knocks = futures::future::join_all((0..8).map(|_| knock(&server, &token))).await;
    let let_in = knocks.iter().filter(|knock| **knock == Knock::LetIn).count();
    assert_eq!(let_in, 1, "{knocks:?}");
    assert!(knocks.iter().all(|knock| *knock == Knock::LetIn || *knock == refused(403)), "{knocks:?}");
}

async fn a_request_that_is_no_handshake_does_not_use_a_token_up(server: Arc<Server>) {
    let token = new_call(&server).await.token;
    let target = format!("/media/twilio/{token}");
    for answer in [server.request("GET", &target, &[]).await, server.request("POST", &target, &[]).await] {
        assert!((400..500).contains(&answer.status), "{answer:?}");
    }
    assert_eq!(knock(&server, &token).await, Knock::LetIn);
}

async fn what_is_no_token_is_refused(server: Arc<Server>) {
    let good = new_call(&server).await.token;
    let (payload, signature) = good.split_once('.').unwrap();
    let rows = server.rows().await;
    let long = format!("{}.{signature}", "x".repeat(4_000));
    let longer = "x".repeat(60_000);
    for token in [
        "x",
        ".",
        "..",
        "a.b",
        payload,
        &format!("{payload}."),
        &format!(".{signature}"),
        &format!("{good}."),
        &format!("{good}={}", "%20"),
        &format!("%00{good}"),
        &long,
        &longer,
    ] {
        assert_eq!(knock(&server, token).await, refused(401), "{}", token.get(..40).unwrap_or(token));
    }
    // Here the path itself is none that leads to a socket.
    for path in
        ["/media/twilio/", "/media/twilio", "/media", &format!("/media/twilio/{good}/more"), "/media/vapi/x"]
    {
        let Knock::Refused { status, .. } = knock_at(&server, path).await else {
            panic!("{path} was let in")
        };
        assert_eq!(status, 404, "{path}");
    }
    // A path that is not UTF-8.
    let Knock::Refused { status, .. } = knock_at(&server, "/media/twilio/%ff").await else {
        panic!("let in")
    };
    assert_eq!(status, 400);
    assert_eq!(server.rows().await, rows);
    assert_eq!(knock(&server, &good).await, Knock::LetIn);
}

async fn a_forged_token_is_refused(server: Arc<Server>) {
    let NewCall { token: good, claims, .. } = new_call(&server).await;
    let others = new_call(&server).await;
    let rows = server.rows().await;
    let (payload, signature) = good.split_once('.').unwrap();
    let (others_payload, _) = others.token.split_once('.').unwrap();
    let (head, last) = signature.split_at(signature.len() - 2);
    let turned = format!("{payload}.{head}{}", if last.starts_with('A') { "BA" } else { "AA" });
    let of_another_secret =
        media_token::mint(&Secret::new("another secret of 16 bytes").unwrap(), &claims).unwrap();
    for token in [of_another_secret, turned, format!("{others_payload}.{signature}"), good.to_lowercase()] {
        assert_eq!(knock(&server, &token).await, refused(401), "{token}");
    }
    assert_eq!(server.rows().await, rows);
}

async fn an_expired_token_is_refused(server: Arc<Server>) {
    let claims = new_call(&server).await.claims;
    let now = Timestamp::now().as_secs();
    assert!((now + 1..=now + 60).contains(&claims.expires_at), "{} at {now}", claims.expires_at);
    for expires_at in [0, now - 3600, now] {
        assert_eq!(
            knock(&server, &mint(&claims, |claims| claims.expires_at = expires_at)).await,
            refused(401)
        );
    }
    let good = mint(&claims, |claims| claims.expires_at = now + 3600);
    assert_eq!(knock(&server, &good).await, Knock::LetIn);
}

async fn a_token_for_what_does_not_exist_is_refused(server: Arc<Server>) {
    let claims = new_call(&server).await.claims;
    let rows = server.rows().await;
    let changes: [fn(&mut Claims); 6] = [
        |claims| claims.call = "019a0000-0000-7000-8000-000000000000".to_owned(),
        |claims| claims.call = "no id".to_owned(),
        |claims| claims.agent = "nobody".to_owned(),
        |claims| claims.agent = "no id".to_owned(),
        |claims| claims.tenant = "elsewhere".to_owned(),
        |claims| claims.tenant = "no id".to_owned(),
    ];
    for change in changes {
        assert_eq!(knock(&server, &mint(&claims, change)).await, refused(404));
    }
    assert_eq!(server.rows().await, rows);
}

async fn a_token_of_an_ended_call_is_refused(server: Arc<Server>) {
    let call = new_call(&server).await;
    let report = Webhook::status(&call.sid, "completed", 3);
    assert_eq!(server.deliver(&report).await.status, 204);
    let rows = server.rows().await;
    assert_eq!(knock(&server, &call.token).await, refused(404));
    assert_eq!(server.rows().await, rows);
}

/// The token opens the socket, and then the carrier says that it is another call's.
async fn the_socket_of_another_call_than_the_tokens_is_closed(server: Arc<Server>) {
    let call = new_call(&server).await;
    let mut socket = open(&server, &call.token).await.unwrap();
    let start = serde_json::json!({
        "event": "start",
        "sequenceNumber": "1",
        "streamSid": "MZ0123456789abcdef0123456789abcdef",
        "start": {
            "accountSid": ACCOUNT_SID,
            "streamSid": "MZ0123456789abcdef0123456789abcdef",
            "callSid": new_call_sid(),
            "tracks": ["inbound"],
            "mediaFormat": { "encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1 },
            "customParameters": {},
        },
    });
    let connected = r#"{"event":"connected","protocol":"Call","version":"1.0.0"}"#;
    for message in [connected.to_owned(), start.to_string()] {
        futures::SinkExt::send(&mut socket, Message::text(message)).await.unwrap();
    }
    let rest: Vec<_> = timeout(PATIENCE, socket.collect()).await.expect("the socket stays open");
    let heard = rest.iter().filter(|message| matches!(message, Ok(Message::Text(_)))).count();
    assert_eq!(heard, 0, "{rest:?}");
    let log = server.call_detail(&call.sid).await["events"].to_string();
    assert!(!log.contains("media.connected"), "{log}");
}

/// How a handshake ended.
#[derive(Debug, PartialEq, Eq)]
enum Knock {
    LetIn,
    Refused { status: u16, body: String },
}

fn refused(status: u16) -> Knock {
    Knock::Refused { status, body: REFUSED.to_owned() }
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn knock(server: &Server, token: &str) -> Knock {
    knock_at(server, &format!("/media/twilio/{token}")).await
}

async fn knock_at(server: &Server, path: &str) -> Knock {
    match open_at(server, path).await {
        Ok(_socket) => Knock::LetIn,
        Err(refusal) => refusal,
    }
}

async fn open(server: &Server, token: &str) -> Result<Socket, Knock> {
    open_at(server, &format!("/media/twilio/{token}")).await
}

/// Opens a socket. Anything but an upgrade or an HTTP answer is a failure.
async fn open_at(server: &Server, path: &str) -> Result<Socket, Knock> {
    let url = format!("ws://{}{path}", server.address());
    match timeout(PATIENCE, connect_async(url)).await.expect("no answer") {
        Ok((socket, response)) => {
            assert_eq!(response.status(), 101);
            Ok(socket)
        }
        Err(Error::Http(response)) => {
            let status = response.status().as_u16();
            let body = response.into_body().unwrap_or_default();
            Err(Knock::Refused { status, body: String::from_utf8_lossy(&body).into_owned() })
        }
        Err(error) => panic!("no answer to the handshake: {error}"),
    }
}

/// A call that was offered and answered with a token.
struct NewCall {
    sid: String,
    token: String,
    claims: Claims,
}

async fn new_call(server: &Server) -> NewCall {
    answer(server, new_call_sid()).await
}

/// Delivers the call's webhook and reads the token out of the answer.
async fn answer(server: &Server, sid: String) -> NewCall {
    let answer = server.deliver(&Webhook::voice(&sid)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let verbs = answer.verbs();
    let Some(Verb::Connect(stream)) = verbs.first() else { panic!("{verbs:?}") };
    let base = format!("{}/media/twilio/", server.media_url());
    let token = stream.url.strip_prefix(&base).expect(&stream.url).to_owned();
    let claims = media_token::verify(&[secret()], &token, Timestamp::now().as_secs()).unwrap();
    NewCall { sid, token, claims }
}

/// A token of ours with one claim changed, never used before.
fn mint(claims: &Claims, change: impl FnOnce(&mut Claims)) -> String {
    let mut claims = Claims { nonce: Uuid::new_v4().simple().to_string(), ..claims.clone() };
    change(&mut claims);
    media_token::mint(&secret(), &claims).unwrap()
}

fn secret() -> Secret {
    Secret::new(MEDIA_SECRET).unwrap()
}

async fn full_after_one_call(vendors: &Vendors) -> (Server, Twilio) {
    let mut settings = vendors.environment();
    settings.push(("VOICEHIVE_MAX_CALLS", "1".to_owned()));
    let server = Server::voicehive(&settings).await;
    let carrier = Config::new(ACCOUNT_SID, AUTH_TOKEN, server.public_url()).unwrap();
    (server, Twilio::start(carrier).await.unwrap())
}
