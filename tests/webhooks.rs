//! The edge over real sockets: the same requests against our own runner and, where it is installed, against Spin.
#![cfg(test)]

mod harness;

use std::collections::BTreeSet;
use std::sync::Arc;

use harness::{
    API_KEY, Answer, CALLER, MEDIA_SECRET, NUMBER, OLDER_AUTH_TOKEN, Server, Webhook, new_call_sid, run_all,
};
use media_token::{Claims, Secret};
use serde_json::{Value, json};
use sim::carrier::{Stream, Verb};
use store::Timestamp;

/// Carriers call a proxy in front of the platform, and sign its address.
const PUBLIC_URL: &str = "https://voice.example.test";
const MEDIA_URL: &str = "wss://media.example.test";

const VOICE: &str = "/webhooks/twilio/voice";

/// The largest body that is read.
const BODY_BYTES_MAX: usize = 64 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn our_runner_serves_carriers_and_clients() {
    suite(Server::voicehive(&settings()).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn spin_serves_carriers_and_clients() {
    if let Some(server) = Server::spin(&settings()).await {
        suite(server).await;
    }
}

fn settings() -> [(&'static str, String); 2] {
    [("PUBLIC_URL", PUBLIC_URL.to_owned()), ("MEDIA_URL", MEDIA_URL.to_owned())]
}

async fn suite(server: Server) {
    run_all!(Arc::new(server);
        a_signed_call_is_stored_and_connected,
        a_delivery_that_comes_again_is_the_same_call,
        deliveries_that_come_at_once_are_one_call,
        a_number_that_nobody_has_is_told_so,
        both_tokens_of_a_rotation_are_good,
        what_is_not_proven_is_refused_in_a_document_and_leaves_no_row,
        a_report_that_is_not_proven_is_refused_and_leaves_no_row,
        the_largest_body_is_read_and_a_larger_one_is_not,
        reports_may_come_late_twice_and_in_any_order,
        a_report_on_an_unknown_call_is_of_a_call_whose_offer_was_lost,
        a_lost_call_is_connected_again_a_few_times,
        an_ended_call_is_not_connected_again,
        the_api_opens_to_its_key_only,
        what_does_not_exist_or_cannot_be_done_is_a_problem_document,
        a_request_id_is_echoed_if_it_can_be_logged,
        calls_are_listed_page_by_page,
        health_is_open_and_names_the_schema,
    );
}

async fn a_signed_call_is_stored_and_connected(server: Arc<Server>) {
    let call_sid = new_call_sid();
    let answer = server.deliver(&Webhook::voice(&call_sid)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let (stream, claims) = connected(&answer);

    let detail = server.call_detail(&call_sid).await;
    let call = &detail["call"];
    for (field, value) in [
        ("carrier", "twilio"),
        ("from", CALLER),
        ("to", NUMBER),
        ("direction", "inbound"),
        ("agent", "receptionist"),
        ("status", "ringing"),
    ] {
        assert_eq!(call[field], value, "{field}");
    }
    let [received] = detail["events"].as_array().unwrap().as_slice() else { panic!("{detail}") };
    assert_eq!((&received["seq"], &received["type"]), (&json!(1), &json!("call.received")));
    assert_eq!(received["data"], json!({ "carrier": "twilio", "decision": "connect", "reason": "fallback" }));

    let id = call["id"].as_str().unwrap();
    assert_eq!(stream.parameters, [("call".to_owned(), id.to_owned())]);
    assert_eq!((claims.call.as_str(), claims.agent.as_str()), (id, "receptionist"));
}

async fn a_delivery_that_comes_again_is_the_same_call(server: Arc<Server>) {
    let webhook = Webhook::voice(&new_call_sid());
    let (_, first) = connected(&server.deliver(&webhook).await);
    let rows = server.rows().await;
    let (_, second) = connected(&server.deliver(&webhook).await);
    assert_eq!(first.call, second.call);
    // The first answer may be on its way still, and each token opens one socket.
    assert_ne!(first.nonce, second.nonce);
    assert_eq!(server.rows().await, rows);
}

async fn deliveries_that_come_at_once_are_one_call(server: Arc<Server>) {
    let webhook = Webhook::voice(&new_call_sid());
    let answers = futures::future::join_all((0..8).map(|_| server.deliver(&webhook))).await;
    let calls: BTreeSet<String> = answers.iter().map(|answer| connected(answer).1.call).collect();
    assert_eq!(calls.len(), 1, "{calls:?}");
    let log =
        server.store().events(&"default".parse().unwrap(), &calls.first().unwrap().parse().unwrap(), 0).await;
    assert_eq!(log.unwrap().len(), 1);
}

async fn a_number_that_nobody_has_is_told_so(server: Arc<Server>) {
    let rows = server.rows().await;
    for to in ["+34919999999", "sip:desk@example.test"] {
        let answer = server.deliver(&Webhook::voice(&new_call_sid()).with("To", to)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let verbs = answer.verbs();
        let [Verb::Say(text), Verb::Hangup] = verbs.as_slice() else { panic!("{verbs:?}") };
        assert!(text.contains("not in service"), "{text}");
    }
    assert_eq!(server.rows().await, rows);
}

async fn both_tokens_of_a_rotation_are_good(server: Arc<Server>) {
    let webhook = Webhook::voice(&new_call_sid()).signed_with(OLDER_AUTH_TOKEN);
    connected(&server.deliver(&webhook).await);
    let rows = server.rows().await;
    let webhook = Webhook::voice(&new_call_sid()).signed_with("a token of nobody");
    assert_eq!(server.deliver(&webhook).await.status, 403);
    assert_eq!(server.rows().await, rows);
}

async fn what_is_not_proven_is_refused_in_a_document_and_leaves_no_row(server: Arc<Server>) {
    let webhook = Webhook::voice(&new_call_sid());
    let (body, signature) = (webhook.body(), webhook.signature(PUBLIC_URL));
    let signed = [("x-twilio-signature", signature.as_str())];
    let mut of_status = webhook.clone();
    of_status.target = "/webhooks/twilio/status".to_owned();
    let of_this_port = webhook.signature(&format!("http://{}", server.address()));
    let json = [signed[0], ("content-type", "application/json")];
    let text = [signed[0], ("content-type", "text/plain")];
    let raw = [b"CallSid=CA1&From=".as_slice(), b"\xff\xfe"].concat();
    let rows = server.rows().await;
    for (what, status, answer) in [
        ("unsigned", 400, server.post(VOICE, &[], body.clone()).await),
        ("an empty signature", 400, server.post(VOICE, &[("x-twilio-signature", "")], body.clone()).await),
        ("not base64", 400, server.post(VOICE, &[("x-twilio-signature", "a b c!")], body.clone()).await),
        ("short", 400, server.post(VOICE, &[("x-twilio-signature", "c2hvcnQ=")], body.clone()).await),
        ("two signatures", 400, server.post(VOICE, &[signed[0], signed[0]], body.clone()).await),
        ("wrongly signed", 403, server.deliver(&webhook.clone().signed_with("wrong")).await),
        ("another body", 403, server.post(VOICE, &signed, body.replace("ringing", "busy")).await),
        ("a field more", 403, server.post(VOICE, &signed, format!("{body}&Extra=1")).await),
        ("no body", 403, server.post(VOICE, &signed, "").await),
        ("another target", 403, server.post(&format!("{VOICE}?resume=1"), &signed, body.clone()).await),
        (
            "signed for another path",
            403,
            server
                .post(VOICE, &[("x-twilio-signature", &of_status.signature(PUBLIC_URL))], body.clone())
                .await,
        ),
        (
            "signed for another host",
            403,
            server.post(VOICE, &[("x-twilio-signature", &of_this_port)], body.clone()).await,
        ),
        ("not UTF-8", 400, server.post(VOICE, &signed, raw).await),
        ("not UTF-8, escaped", 400, server.post(VOICE, &signed, "CallSid=CA1&From=%ff%fe").await),
        ("a broken escape", 400, server.post(VOICE, &signed, "CallSid=CA1&From=%4").await),
        ("JSON without a hash", 403, server.post(VOICE, &json, "{}").await),
        ("no form", 415, server.post(VOICE, &text, body.clone()).await),
        ("read", 405, server.request("GET", VOICE, &signed).await),
        ("put", 405, server.request("PUT", VOICE, &signed).await),
    ] {
        assert_eq!(answer.status, status, "{what}: {answer:?}");
        let verbs = answer.verbs();
        assert!(matches!(verbs.as_slice(), [Verb::Say(_), Verb::Hangup]), "{what}: {verbs:?}");
        assert!(!answer.header("x-request-id").is_empty(), "{what}");
    }
    assert_eq!(server.rows().await, rows);
}

async fn a_report_that_is_not_proven_is_refused_and_leaves_no_row(server: Arc<Server>) {
    let call_sid = new_call_sid();
    connected(&server.deliver(&Webhook::voice(&call_sid)).await);
    let report = Webhook::status(&call_sid, "completed", 3);
    let (target, body, signature) = (&report.target, report.body(), report.signature(PUBLIC_URL));
    let signed = [("x-twilio-signature", signature.as_str())];
    let large = format!("{body}&Extra={}", "x".repeat(BODY_BYTES_MAX));
    let rows = server.rows().await;
    for (what, status, code, answer) in [
        ("unsigned", 400, "missing-signature", server.post(target, &[], body.clone()).await),
        (
            "wrongly signed",
            403,
            "signature-mismatch",
            server.deliver(&report.clone().signed_with("wrong")).await,
        ),
        ("tampered", 403, "signature-mismatch", server.post(target, &signed, format!("{body}&a=b")).await),
        ("too large", 413, "body-too-large", server.post(target, &signed, large).await),
        ("not UTF-8", 400, "malformed-body", server.post(target, &signed, "CallSid=%ff").await),
        ("read", 405, "method-not-allowed", server.request("GET", target, &signed).await),
        (
            "no such webhook",
            404,
            "not-found",
            server.post("/webhooks/twilio/other", &signed, body.clone()).await,
        ),
    ] {
        assert_eq!(answer.status, status, "{what}: {answer:?}");
        assert_eq!(answer.header("content-type"), "application/problem+json", "{what}");
        let problem = answer.json();
        assert_eq!(
            (&problem["code"], &problem["status"]),
            (&json!(code), &json!(status)),
            "{what}: {problem}"
        );
        assert_eq!(problem["request_id"], answer.header("x-request-id"), "{what}: {problem}");
    }
    assert_eq!(server.rows().await, rows);
    assert_eq!(server.call(&call_sid).await.unwrap()["status"], "ringing");
}

async fn the_largest_body_is_read_and_a_larger_one_is_not(server: Arc<Server>) {
    let padded = |to: usize| {
        let webhook = Webhook::voice(&new_call_sid()).with("Padding", "");
        let padding = "x".repeat(to - webhook.body().len());
        webhook.with("Padding", &padding)
    };
    let largest = padded(BODY_BYTES_MAX);
    assert_eq!(largest.body().len(), BODY_BYTES_MAX);
    connected(&server.deliver(&largest).await);

    let rows = server.rows().await;
    let larger = padded(BODY_BYTES_MAX + 1);
    let signature = larger.signature(PUBLIC_URL);
    // Once with its length in the head, and once without.
    let pieces: Vec<Result<Vec<u8>, std::io::Error>> =
        larger.body().as_bytes().chunks(4096).map(|piece| Ok(piece.to_vec())).collect();
    let streamed = reqwest::Body::wrap_stream(futures::stream::iter(pieces));
    for body in [reqwest::Body::from(larger.body()), streamed] {
        let answer = server.post(VOICE, &[("x-twilio-signature", &signature)], body).await;
        assert_eq!(answer.status, 413, "{answer:?}");
        assert!(matches!(answer.verbs().as_slice(), [Verb::Say(_), Verb::Hangup]), "{answer:?}");
    }
    assert_eq!(server.rows().await, rows);
}

async fn reports_may_come_late_twice_and_in_any_order(server: Arc<Server>) {
    let mut ends = Vec::new();
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1], [3, 0, 1, 2]] {
        let call_sid = new_call_sid();
        connected(&server.deliver(&Webhook::voice(&call_sid)).await);
        let reports = [
            Webhook::status(&call_sid, "initiated", 0).with("Timestamp", "Fri, 20 Nov 2026 13:04:00 +0000"),
            Webhook::status(&call_sid, "ringing", 1).with("Timestamp", "Fri, 20 Nov 2026 13:04:01 +0000"),
            Webhook::status(&call_sid, "in-progress", 2).with("Timestamp", "Fri, 20 Nov 2026 13:04:05 +0000"),
            Webhook::status(&call_sid, "completed", 3)
                .with("Timestamp", "Fri, 20 Nov 2026 13:04:47 +0000")
                .with("CallDuration", "42"),
        ];
        // A carrier's second try comes at any time, and a confused one may count on after the end.
        let afterwards =
            [reports[0].clone(), reports[3].clone(), Webhook::status(&call_sid, "in-progress", 9)];
        let deliveries = order.into_iter().map(|index| reports[index].clone());
        for report in deliveries.flat_map(|report| [report.clone(), report]).chain(afterwards) {
            let answer = server.deliver(&report).await;
            assert_eq!((answer.status, answer.body.as_str()), (204, ""), "{order:?}");
        }
        let detail = server.call_detail(&call_sid).await;
        let call = &detail["call"];
        // All that the carrier said is kept, once each; the log tells where the call went.
        let id = call["id"].as_str().unwrap().parse().unwrap();
        let state = server.store().carrier_state(&"default".parse().unwrap(), &id).await.unwrap();
        let mut kept: Vec<u32> =
            state.record().iter().filter_map(|recorded| recorded.event.sequence).collect();
        kept.sort_unstable();
        assert_eq!(kept, [0, 1, 2, 3, 9], "{order:?}");
        let last = events(&detail, "call.status").last().unwrap();
        assert_eq!(last["status"], "completed", "{order:?}");
        ends.push(["status", "duration_s", "answered_at", "ended_at"].map(|field| call[field].clone()));
    }
    // Seconds since the epoch of 13:04:05 and 13:04:47.
    let (answered, ended) = (1_795_179_845_000_i64, 1_795_179_887_000_i64);
    for end in ends {
        assert_eq!(end, [json!("completed"), json!(42), json!(answered), json!(ended)]);
    }
}

async fn a_report_on_an_unknown_call_is_of_a_call_whose_offer_was_lost(server: Arc<Server>) {
    let call_sid = new_call_sid();
    let unknown = Webhook::status(&call_sid, "completed", 3);
    assert_eq!(server.deliver(&unknown).await.status, 204);
    assert_eq!(server.call(&call_sid).await.unwrap()["status"], "completed");
    let rows = server.rows().await;
    assert_eq!(server.deliver(&unknown).await.status, 204);
    let of_nobody = unknown.clone().with("CallSid", &new_call_sid()).with("To", "+34919999999");
    assert_eq!(server.deliver(&of_nobody).await.status, 204);
    // An error would make the carrier send it again; there is no use in that.
    let of_tomorrow = unknown.clone().with("CallSid", &new_call_sid()).with("CallStatus", "levitating");
    assert_eq!(server.deliver(&of_tomorrow).await.status, 204);
    assert_eq!(server.deliver(&unknown.with("CallSid", "CA1")).await.status, 400);
    assert_eq!(server.rows().await, rows);
}

async fn a_lost_call_is_connected_again_a_few_times(server: Arc<Server>) {
    let call_sid = new_call_sid();
    let (_, first) = connected(&server.deliver(&Webhook::voice(&call_sid)).await);
    let again = Webhook::voice(&call_sid).with_query("resume=1").with("CallStatus", "in-progress");
    let mut nonces = BTreeSet::from([first.nonce]);
    for _ in 0..3 {
        let (_, claims) = connected(&server.deliver(&again).await);
        assert_eq!(claims.call, first.call);
        assert!(nonces.insert(claims.nonce));
    }
    let answer = server.deliver(&again).await;
    assert_eq!(answer.status, 200);
    assert!(matches!(answer.verbs().first(), Some(Verb::Gather(_))), "{answer:?}");
    let detail = server.call_detail(&call_sid).await;
    assert_eq!(events(&detail, "call.recovered").count(), 3);
    assert_eq!(events(&detail, "call.received").count(), 1);
}

async fn an_ended_call_is_not_connected_again(server: Arc<Server>) {
    let call_sid = new_call_sid();
    connected(&server.deliver(&Webhook::voice(&call_sid)).await);
    assert_eq!(server.deliver(&Webhook::status(&call_sid, "completed", 3)).await.status, 204);
    let rows = server.rows().await;
    for webhook in [Webhook::voice(&call_sid), Webhook::voice(&call_sid).with_query("resume=1")] {
        let answer = server.deliver(&webhook).await;
        assert_eq!((answer.status, answer.verbs()), (200, vec![Verb::Hangup]));
    }
    assert_eq!(server.rows().await, rows);
}

async fn the_api_opens_to_its_key_only(server: Arc<Server>) {
    let bearer = format!("Bearer {API_KEY}");
    let too_long = format!("Bearer {}", "x".repeat(4096));
    let basic = bearer.replace("Bearer", "Basic");
    let keyless: [&[(&str, &str)]; 8] = [
        &[],
        &[("authorization", "Bearer not-the-key")],
        &[("authorization", "Bearer ")],
        &[("authorization", API_KEY)],
        &[("authorization", &basic)],
        &[("authorization", &too_long)],
        &[("x-api-key", API_KEY)],
        &[("authorization", &bearer), ("authorization", &bearer)],
    ];
    for headers in keyless {
        // What exists and what does not is told to nobody without a key.
        for target in ["/v1/calls", "/v1/calls/unknown", "/v1/nothing", &format!("/v1/calls?key={API_KEY}")] {
            let answer = server.request("GET", target, headers).await;
            assert_eq!(
                (answer.status, answer.problem().as_str()),
                (401, "unauthorized"),
                "{headers:?} {target}"
            );
            assert_eq!(answer.header("www-authenticate"), "Bearer");
        }
    }
    let answer = server.request("GET", "/v1/calls", &[("authorization", &bearer)]).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"));
}

async fn what_does_not_exist_or_cannot_be_done_is_a_problem_document(server: Arc<Server>) {
    for (method, target, status, code) in [
        ("GET", "/v1/calls/019a0000-0000-7000-8000-000000000000", 404, "not-found"),
        ("GET", "/v1/calls/no%20id", 404, "not-found"),
        ("GET", "/v1/calls/%ff", 404, "not-found"),
        ("GET", "/v1/nothing", 404, "not-found"),
        ("GET", "/v1/customers/%2B15559999999/memories", 404, "not-found"),
        ("POST", "/v1/calls", 422, "invalid-header"),
        ("POST", "/v1/appointments", 405, "method-not-allowed"),
        ("DELETE", "/v1/calls", 405, "method-not-allowed"),
        ("GET", "/v1/calls?limit=0", 422, "invalid-parameter"),
        ("GET", "/v1/calls?limit=many", 422, "invalid-parameter"),
        ("GET", "/v1/calls?cursor=mine", 422, "invalid-parameter"),
        ("GET", "/v1/calls?colour=blue", 422, "invalid-parameter"),
    ] {
        let answer = server.request(method, target, &[("authorization", &format!("Bearer {API_KEY}"))]).await;
        assert_eq!((answer.status, answer.problem().as_str()), (status, code), "{method} {target}");
        if status == 405 {
            assert!(answer.header("allow").contains("GET"), "{method} {target}");
        }
    }
}

async fn a_request_id_is_echoed_if_it_can_be_logged(server: Arc<Server>) {
    let too_long = "x".repeat(129);
    for (given, kept) in [("req-1.a_B", true), ("two words", false), ("<script>", false), (&too_long, false)]
    {
        let headers = [("x-request-id", given)];
        for answer in [
            server.request("GET", "/health/live", &headers).await,
            server.request("GET", "/v1/calls", &headers).await,
            server.post(VOICE, &headers, "").await,
            server.post("/webhooks/twilio/status", &headers, "").await,
        ] {
            let id = answer.header("x-request-id");
            assert!(!id.is_empty(), "{answer:?}");
            assert_eq!(id == given, kept, "{given}: {answer:?}");
        }
    }
}

async fn calls_are_listed_page_by_page(server: Arc<Server>) {
    // A caller of their own, so that the other cases' calls are not among them.
    let caller = "+15557770001";
    let mut made = Vec::new();
    for _ in 0..5 {
        let webhook = Webhook::voice(&new_call_sid()).with("From", caller);
        made.push(connected(&server.deliver(&webhook).await).1.call);
    }
    let (mut listed, mut starts, mut sizes, mut cursor) = (Vec::new(), Vec::new(), Vec::new(), String::new());
    loop {
        let page = server.get(&format!("/v1/calls?from=%2B15557770001&limit=2{cursor}")).await.json();
        let items = page["items"].as_array().unwrap();
        sizes.push(items.len());
        listed.extend(items.iter().map(|call| call["id"].as_str().unwrap().to_owned()));
        starts.extend(items.iter().map(|call| call["started_at"].as_i64().unwrap()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(sizes, [2, 2, 1]);
    assert!(starts.is_sorted_by(|newer, older| newer >= older), "{starts:?}");
    made.sort();
    listed.sort();
    assert_eq!(listed, made);
    let completed = server.get("/v1/calls?from=%2B15557770001&status=completed").await.json();
    assert_eq!(completed["items"], json!([]));
}

async fn health_is_open_and_names_the_schema(server: Arc<Server>) {
    let live = server.request("GET", "/health/live", &[]).await;
    assert_eq!((live.status, live.json()["status"].as_str()), (200, Some("ok")));
    for target in ["/health", "/health/ready"] {
        let ready = server.request("GET", target, &[]).await;
        assert_eq!(ready.status, 200, "{target}: {ready:?}");
        let ready = ready.json();
        assert_eq!((&ready["status"], &ready["database"]), (&json!("ok"), &json!("ok")));
        assert_eq!(ready["schema"], store::migrations::LATEST);
    }
    assert_eq!(server.request("POST", "/health/live", &[]).await.problem(), "method-not-allowed");
    assert_eq!(server.request("GET", "/health/other", &[]).await.problem(), "not-found");
}

/// The stream of a document that connects, and the claims of its token.
fn connected(answer: &Answer) -> (Stream, Claims) {
    assert_eq!(answer.status, 200, "{answer:?}");
    let verbs = answer.verbs();
    let [Verb::Connect(stream), Verb::Redirect(again)] = verbs.as_slice() else { panic!("{verbs:?}") };
    assert_eq!(again, &format!("{PUBLIC_URL}{VOICE}?resume=1"));
    let token = stream.url.strip_prefix(&format!("{MEDIA_URL}/media/twilio/")).expect(&stream.url);
    let secrets = [Secret::new(MEDIA_SECRET).unwrap()];
    (stream.clone(), media_token::verify(&secrets, token, Timestamp::now().as_secs()).unwrap())
}

/// The data of a call's events of a type.
fn events<'a>(detail: &'a Value, kind: &'a str) -> impl Iterator<Item = &'a Value> {
    let events = detail["events"].as_array().unwrap();
    events.iter().filter(move |event| event["type"] == kind).map(|event| &event["data"])
}
