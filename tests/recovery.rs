//! What callers notice when the platform dies, loses their line or is stopped while they speak.
#![cfg(test)]

mod harness;

use std::time::Duration;

use harness::{
    ACCOUNT_SID, AUTH_TOKEN, CALLER, NUMBER, PATIENCE, Server, eventually, free_address, new_call_sid,
};
use serde_json::Value;
use sim::carrier::{Call, CarrierFaults, Config, End, HeardWord, Report, Twilio};
use sim::vendors::Vendors;
use sim::voice::{DAMAGED, Ending, plain};
use store::{Db as _, Statement};
use tokio::time::Instant;

/// What the agent says first when a call goes on.
const RECOVERY: &str = "Sorry, we were cut off. Where were we?";

/// What callers hear who are live when the platform stops.
const FAREWELL: &str = "I'm sorry, I have to end this call. Please call again in a moment.";

/// The silence after which the agent has had its say.
const SILENCE: Duration = Duration::from_millis(1200);

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_platform_has_logged_what_was_heard_and_goes_on_with_the_call() {
    let mut stage = Stage::set(PATIENCE, &[]).await;
    let mut call = stage.twilio.place_call(CALLER, NUMBER);
    let greeting = call.listen(SILENCE, PATIENCE).await.unwrap();
    call.say("I would like an appointment, please.").await.unwrap();
    // In the middle of a long sentence, which a tool's result is in.
    wait_for(&call, "eight words", |text| n_words(text) >= 8).await;
    stage.server.kill().await;
    let killed = Instant::now();

    let store = stage.server.store();
    let check = store.db().query(Statement::new("PRAGMA integrity_check", [])).await.unwrap();
    assert_eq!(check.first().unwrap().text("integrity_check").unwrap(), "ok");
    let tenant = "default".parse().unwrap();
    let stored = store.call_by_carrier_id(&tenant, "twilio", call.sid()).await.unwrap().unwrap();
    let durable = store.events(&tenant, &stored.id, 0).await.unwrap();
    drop(store);

    stage.server.start_again().await;
    wait_for(&call, "the recovery line", |text| text.contains(RECOVERY)).await;
    eprintln!("from the kill to the end of the recovery line: {:?}", killed.elapsed());
    assert_eq!(call.streams(), 2);

    let detail = stage.server.call_detail(call.sid()).await;
    let events = detail["events"].as_array().unwrap();
    let kinds: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    let before: Vec<&str> = durable.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(&kinds[..before.len()], before, "the log that the API reads is another");
    assert_eq!(kinds.iter().filter(|kind| **kind == "call.recovered").count(), 1, "{kinds:?}");
    let heard = heard_before(&call, RECOVERY);
    assert!(heard.len() >= n_words(&greeting) + 8, "{heard:?}");
    assert_was_logged(&heard, &queued(&events[..before.len()]));

    // The conversation is intact: the times that were read out are known.
    call.listen(SILENCE, PATIENCE).await.unwrap();
    book_the_second_time(&mut call).await;
    let appointments = stage.server.get("/v1/appointments").await.json();
    assert_eq!(appointments["items"].as_array().unwrap().len(), 1, "{appointments}");
    let report = say_goodbye(&mut call).await;
    assert_eq!(report.problems, Vec::<String>::new());
    let detail = stage.server.call_detail(call.sid()).await;
    assert_eq!(detail["call"]["status"], "completed");
    assert_eq!(detail["call"]["end_reason"], "agent-hangup");
    assert_turns_count_on(&detail);
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_whose_line_breaks_is_connected_again_and_goes_on() {
    let stage = Stage::set(PATIENCE, &[]).await;
    // In the middle of the greeting.
    let faults =
        CarrierFaults { drop_connection_at: Some(Duration::from_millis(1500)), ..CarrierFaults::default() };
    let mut call = stage.twilio.place_call_with(CALLER, NUMBER, faults);
    wait_for(&call, "the recovery line", |text| text.contains(RECOVERY)).await;
    assert_eq!(call.streams(), 2);
    call.listen(SILENCE, PATIENCE).await.unwrap();
    say(&mut call, "I would like an appointment, please.", "which one would suit you best?").await;
    book_the_second_time(&mut call).await;
    let report = say_goodbye(&mut call).await;
    assert_eq!(report.problems, Vec::<String>::new());
    let detail = stage.server.call_detail(call.sid()).await;
    assert_eq!(detail["call"]["end_reason"], "agent-hangup");
    let counted = |kind: &str| events_of(&detail, kind).count();
    assert_eq!(
        (counted("call.recovered"), counted("media.connected"), counted("media.disconnected")),
        (1, 2, 2)
    );
    assert_turns_count_on(&detail);
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_platform_lets_a_call_finish_and_keeps_what_it_learned() {
    let mut stage =
        Stage::set(Duration::from_secs(1), &[("VOICEHIVE_DRAIN_SECONDS", "300".to_owned())]).await;
    let mut call = stage.twilio.place_call(CALLER, NUMBER);
    call.listen(SILENCE, PATIENCE).await.unwrap();
    say(&mut call, "I would like an appointment, please.", "which one would suit you best?").await;

    stage.server.terminate().await;
    let port = stage.server.address();
    eventually("the platform to take no more calls", async || {
        tokio::net::TcpStream::connect(port).await.err()
    })
    .await;
    assert!(stage.server.is_running());
    book_the_second_time(&mut call).await;
    // The carrier's last report finds nobody any more, which the carrier notes.
    let report = say_goodbye(&mut call).await;
    assert_eq!(report.streams, 1);
    assert!(!text(&report.heard).contains(FAREWELL), "{}", text(&report.heard));
    assert_eq!(stage.server.exited().await.code(), Some(0), "{}", stage.server.log());

    stage.server.start_again().await;
    let detail = stage.server.call_detail(call.sid()).await;
    assert_eq!(detail["call"]["end_reason"], "agent-hangup");
    assert_eq!(events_of(&detail, "call.ended").count(), 1);
    let who = CALLER.replace('+', "%2B");
    let memories = stage.server.get(&format!("/v1/customers/{who}/memories")).await;
    assert_eq!(memories.status, 200, "nothing was remembered: {memories:?}");
    assert!(memories.body.contains("appointment"), "{memories:?}");
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_outlasts_the_drain_hears_a_farewell() {
    let mut stage = Stage::set(Duration::from_secs(1), &[("VOICEHIVE_DRAIN_SECONDS", "1".to_owned())]).await;
    let call = stage.twilio.place_call(CALLER, NUMBER);
    call.listen(SILENCE, PATIENCE).await.unwrap();

    stage.server.terminate().await;
    let report = call.ended(PATIENCE).await.unwrap();
    assert!(text(&report.heard).ends_with(FAREWELL), "{}", text(&report.heard));
    assert_eq!((report.end, report.streams), (End::PlatformHungUp, 1));
    assert_eq!(stage.server.exited().await.code(), Some(0), "{}", stage.server.log());

    stage.server.start_again().await;
    let detail = stage.server.call_detail(call.sid()).await;
    let ended: Vec<&Value> = events_of(&detail, "call.ended").collect();
    assert_eq!(ended, [&serde_json::json!({ "reason": "drained" })]);
    assert_was_logged(&report.heard, &queued(detail["events"].as_array().unwrap()));
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_platform_stops_at_once() {
    let mut server = Server::voicehive(&[("VOICEHIVE_DRAIN_SECONDS", "3600".to_owned())]).await;
    assert!(server.call(&new_call_sid()).await.is_none());
    server.terminate().await;
    assert_eq!(server.exited().await.code(), Some(0), "{}", server.log());
}

/// A platform, its vendors and its carrier.
struct Stage {
    server: Server,
    vendors: Vendors,
    twilio: Twilio,
}

impl Stage {
    /// `patience` is how long the carrier tries to reach a platform that is down.
    async fn set(patience: Duration, settings: &[(&'static str, String)]) -> Self {
        let vendors = Vendors::start().await.unwrap();
        // The platform and the carrier each have to know where the other is.
        let rest = free_address();
        let mut all = vendors.environment();
        all.push(("TWILIO_API_URL", format!("http://{rest}")));
        all.extend_from_slice(settings);
        let server = Server::voicehive(&all).await;
        let carrier = Config::new(ACCOUNT_SID, AUTH_TOKEN, server.public_url()).unwrap();
        let carrier = Config { connect_patience: patience, addr: Some(rest), ..carrier };
        Self { server, vendors, twilio: Twilio::start(carrier).await.unwrap() }
    }

    async fn strike(self) {
        drop(self.server);
        self.twilio.shutdown().await;
        self.vendors.shutdown().await;
    }
}

/// The agent has just read out free times.
async fn book_the_second_time(call: &mut Call) {
    say(call, "The second one, please.", "What name may I put it under?").await;
    say(call, "Ada Lovelace.", "you are booked for").await;
}

/// Says a line, and waits until the agent has answered with these words and is silent.
async fn say(call: &mut Call, line: &str, answer: &str) {
    call.say(line).await.unwrap();
    let heard = call.listen(SILENCE, PATIENCE).await.unwrap();
    assert!(heard.contains(answer), "to {line:?} the agent said {heard:?}");
}

async fn wait_for(call: &Call, what: &str, fits: impl Fn(&str) -> bool) {
    if let Err(error) = call.wait_for(what, fits, PATIENCE).await {
        panic!("{error}; the carrier says {:?}", call.problems());
    }
}

/// The caller says goodbye, and the agent ends the call.
async fn say_goodbye(call: &mut Call) -> Report {
    call.say("Thank you, goodbye.").await.unwrap();
    let report = call.ended(PATIENCE).await.unwrap();
    assert_eq!(report.end, End::PlatformHungUp);
    assert!(text(&report.heard).ends_with("Goodbye."), "{}", text(&report.heard));
    report
}

fn text(heard: &[HeardWord]) -> String {
    heard.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ")
}

fn n_words(text: &str) -> usize {
    text.split_whitespace().count()
}

/// The words that the caller heard before this line.
fn heard_before(call: &Call, line: &str) -> Vec<HeardWord> {
    let heard = call.heard();
    let line: Vec<&str> = line.split(' ').collect();
    let same = |words: &[HeardWord]| words.iter().map(|word| word.text.as_str()).eq(line.iter().copied());
    let at = heard.windows(line.len()).position(same).expect("the line was not heard");
    heard[..at].to_vec()
}

/// The words that the log says were about to be sent, as the simulated voice says them.
fn queued(events: &[Value]) -> Vec<String> {
    let clauses = events.iter().filter(|event| event["type"] == "speech.queued");
    let words = clauses.flat_map(|event| {
        let spoken = plain(event["data"]["text"].as_str().unwrap());
        spoken.split(' ').map(str::to_owned).collect::<Vec<_>>()
    });
    words.collect()
}

/// Each word heard is in the log, in its place. The last one may be cut.
fn assert_was_logged(heard: &[HeardWord], queued: &[String]) {
    for (index, word) in heard.iter().enumerate() {
        let logged = queued.get(index).unwrap_or_else(|| panic!("{word:?} is not in the log: {queued:?}"));
        if word.ending == Ending::Whole {
            assert_eq!(word.text, *logged, "word {index} of {queued:?}");
        } else {
            assert_eq!(index + 1, heard.len(), "{word:?} was damaged");
            assert!(logged.starts_with(word.text.trim_end_matches(DAMAGED)), "{word:?} of {logged}");
        }
    }
}

/// The data of a call's events of a type.
fn events_of<'a>(detail: &'a Value, kind: &'a str) -> impl Iterator<Item = &'a Value> {
    let events = detail["events"].as_array().unwrap();
    events.iter().filter(move |event| event["type"] == kind).map(|event| &event["data"])
}

/// No turn has the number of one before it, whichever process it was in.
fn assert_turns_count_on(detail: &Value) {
    let turns: Vec<u64> =
        events_of(detail, "turn.committed").map(|data| data["turn"].as_u64().unwrap()).collect();
    assert!(turns.is_sorted_by(|earlier, later| earlier < later), "{turns:?}");
}
