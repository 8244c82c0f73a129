//! Conversations over real sockets: what the scenarios of the call core promise in virtual time, a caller hears on the
//! line. Carrier and vendors are simulators; the words travel as sound only.
#![cfg(test)]

mod harness;

use std::time::Duration;

use harness::{ACCOUNT_SID, AUTH_TOKEN, CALLER, NUMBER, PATIENCE, Server, eventually, free_address};
use serde_json::{Value, json};
use sim::carrier::{Call, Config, End, Twilio};
use sim::faults::Faults;
use sim::vendors::{self, Vendors};
use store::{Db as _, Statement};

/// The silence after which the agent has had its say.
const SILENCE: Duration = Duration::from_millis(1200);

/// What the agent says when it cannot go on.
const APOLOGY: &str = "something went wrong";

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_recogniser_hears_the_words_again_that_it_had_not_finished() {
    let stage = Stage::set(&[], json!({})).await;
    let mut call = stage.call().await;
    let recogniser = &stage.vendors.deepgram;
    // The stream breaks while the caller speaks; the next one works.
    let talking = call.say("I would like an appointment, please, whenever there is one free.");
    let breaking = async {
        tokio::time::sleep(Duration::from_millis(900)).await;
        recogniser.drop_streams();
    };
    let (said, ()) = tokio::join!(talking, breaking);
    said.unwrap();
    answered(&call, "which one would suit you best?").await;
    let detail = stage.end(call).await;
    let committed = of(&detail, "turn.committed").next().unwrap()["text"].as_str().unwrap().to_owned();
    assert_eq!(committed.matches("appointment").count(), 1, "{committed}");
    assert!(committed.starts_with("I would like"), "{committed}");
    assert_eq!(failures(&detail), ["stt"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_model_is_down_the_second_one_answers() {
    let second = vendors::openai::start(vendors::openai::Config::default(), Faults::default()).await.unwrap();
    let settings = [
        ("FALLBACK_BASE_URL", format!("{}/v1", second.http_url())),
        ("FALLBACK_API_KEY", vendors::KEY.to_owned()),
    ];
    let stage = Stage::set(&settings, json!({})).await;
    let mut call = stage.call().await;
    stage.vendors.openai.set_faults(Faults { refuse: Some(503), ..Faults::default() });
    call.say("Hello, I would like an appointment, please.").await.unwrap();
    answered(&call, "which one would suit you best?").await;
    let detail = stage.end(call).await;
    assert_eq!(failures(&detail).first().map(String::as_str), Some("llm"));
    assert!(second.counters().requests() >= 2);
    second.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_model_is_covered_by_a_filler_and_then_by_the_second_model() {
    let second = vendors::openai::start(vendors::openai::Config::default(), Faults::default()).await.unwrap();
    let settings = [
        ("FALLBACK_BASE_URL", format!("{}/v1", second.http_url())),
        ("FALLBACK_API_KEY", vendors::KEY.to_owned()),
    ];
    let stage = Stage::set(&settings, json!({ "timers": { "first_token_ms": 3000 } })).await;
    let mut call = stage.call().await;
    let slow = Faults { first_byte_delay: Duration::from_secs(30), ..Faults::default() };
    stage.vendors.openai.set_faults(slow);
    call.say("Hello, I would like an appointment, please.").await.unwrap();
    let heard = answered(&call, "which one would suit you best?").await;
    assert!(heard.starts_with("One moment, please."), "{heard}");
    let detail = stage.end(call).await;
    assert_eq!(failures(&detail).first().map(String::as_str), Some("llm"));
    second.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_voice_is_down_another_speaks() {
    let settings = [("VOICEHIVE_TTS", "cartesia,openai".to_owned())];
    let stage = Stage::set(&settings, json!({})).await;
    let mut call = stage.call().await;
    stage.vendors.cartesia.drop_streams();
    stage.vendors.cartesia.set_faults(Faults { refuse: Some(503), ..Faults::default() });
    call.say("Hello, I would like an appointment, please.").await.unwrap();
    answered(&call, "which one would suit you best?").await;
    let detail = stage.end(call).await;
    let failed = failures(&detail);
    assert!(!failed.is_empty() && failed.iter().all(|stage| stage == "tts"), "{failed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_greeting_and_an_apology_are_heard_while_every_voice_is_down() {
    let stage = Stage::set(&[], json!({})).await;
    // The first call teaches the lines.
    let first = stage.call().await;
    stage.lines_are_kept().await;
    stage.end(first).await;
    stage.vendors.cartesia.drop_streams();
    stage.vendors.cartesia.set_faults(Faults { refuse: Some(503), ..Faults::default() });
    let mut call = stage.call().await;
    call.say("Hello, I would like an appointment, please.").await.unwrap();
    let report = call.ended(PATIENCE).await.unwrap();
    let heard: Vec<&str> = report.heard.iter().map(|word| word.text.as_str()).collect();
    assert!(heard.join(" ").contains(APOLOGY), "{heard:?}");
    let detail = stage.server.call_detail(call.sid()).await;
    assert_eq!(of(&detail, "call.ended").next().unwrap()["reason"], "tts-failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cough_does_not_cost_the_agent_a_word() {
    let stage = Stage::set(&[], json!({})).await;
    let mut call = stage.call().await;
    call.say("Hello, I would like an appointment, please.").await.unwrap();
    heard_words(&call, 6).await;
    call.make_sound(cough()).await.unwrap();
    answered(&call, "which one would suit you best?").await;
    let detail = stage.end(call).await;
    assert_eq!(of(&detail, "turn.interrupted").count(), 0);
    let turn = of(&detail, "turn.finished").nth(1).unwrap();
    assert_eq!(turn["said"], turn["heard"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn uh_huh_is_no_interruption_and_a_wait_is_one() {
    let stage = Stage::set(&[], json!({})).await;
    let mut call = stage.call().await;
    call.say("Hello, I would like an appointment, please.").await.unwrap();
    heard_words(&call, 5).await;
    call.say("Uh huh.").await.unwrap();
    answered(&call, "which one would suit you best?").await;
    call.say("Could you repeat that, please?").await.unwrap();
    heard_words(&call, 5).await;
    call.say("Wait.").await.unwrap();
    call.listen(SILENCE, PATIENCE).await.unwrap();
    let detail = stage.end(call).await;
    assert_eq!(of(&detail, "turn.interrupted").count(), 1);
    let heard = of(&detail, "turn.interrupted").next().unwrap()["heard"].as_str().unwrap().to_owned();
    assert!(!heard.contains("suit you best"), "{heard}");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_heard_as_an_entry() {
    let stage = Stage::set(&[], json!({})).await;
    let call = stage.call().await;
    for key in "1234#".chars() {
        call.press(key).await.unwrap();
    }
    // What the simulated model says to words that it has no rule for.
    answered(&call, "did not understand").await;
    let detail = stage.end(call).await;
    assert_eq!(of(&detail, "turn.committed").next().unwrap()["text"], "Keypad: 1234#");
    assert_eq!(of(&detail, "dtmf.received").count(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_is_asked_about_and_then_ends_the_call() {
    let stage = Stage::set(&[], json!({ "timers": { "silence_ms": 2000 } })).await;
    let call = stage.call().await;
    let report = call.ended(PATIENCE).await.unwrap();
    let heard: Vec<&str> = report.heard.iter().map(|word| word.text.as_str()).collect();
    let heard = heard.join(" ");
    assert!(heard.contains("Are you still there?") && heard.ends_with("Goodbye."), "{heard}");
    assert_eq!(report.end, End::PlatformHungUp);
    let detail = stage.server.call_detail(call.sid()).await;
    assert_eq!(detail["call"]["end_reason"], "silence");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_speaks_whispers_and_hands_over() {
    let stage = Stage::set(&[], json!({})).await;
    let call = stage.call().await;
    let id = stage.server.call(call.sid()).await.unwrap()["id"].as_str().unwrap().to_owned();
    let stranger = [("authorization", "Bearer of another key")];
    let say = json!({ "say": "Please hold the line." });
    let refused = stage.server.post(&format!("/v1/live/{id}/commands"), &stranger, say.to_string()).await;
    assert_eq!(refused.status, 401);
    stage.other_tenant("the key of another tenant").await;
    let neighbour = [("authorization", "Bearer the key of another tenant")];
    let refused = stage.server.post(&format!("/v1/live/{id}/commands"), &neighbour, say.to_string()).await;
    assert_eq!(refused.status, 404, "a call of another tenant's");
    assert_eq!(stage.command(&id, say).await, 202);
    call.wait_for("the operator's line", |heard| heard.contains("Please hold the line."), PATIENCE)
        .await
        .unwrap();
    assert_eq!(stage.command(&id, json!({ "whisper": "The caller is a regular." })).await, 202);
    let to = "+12025550187";
    assert_eq!(stage.command(&id, json!({ "transfer": { "to": "nobody" } })).await, 422);
    let transfer = json!({ "transfer": { "to": to, "line": "I connect you now." } });
    assert_eq!(stage.command(&id, transfer).await, 202);
    call.wait_for("the last words", |heard| heard.contains("I connect you now."), PATIENCE).await.unwrap();
    eventually("the call to be handed over", async || {
        let detail = stage.server.call_detail(call.sid()).await;
        (of(&detail, "call.transferred").count() == 1).then_some(())
    })
    .await;
    call.hang_up().await;
    let report = call.ended(PATIENCE).await.unwrap();
    assert_eq!(report.dialled.as_deref(), Some(to));
    let detail = stage.server.call_detail(call.sid()).await;
    assert_eq!(of(&detail, "call.ended").next().unwrap()["reason"], "transferred");
    assert_eq!(of(&detail, "operator.whispered").count(), 1);
    assert_eq!(stage.command(&id, json!({ "say": "Anybody?" })).await, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recogniser_that_hears_the_ends_of_turns_leads_a_whole_conversation() {
    let stage = Stage::set(&[("VOICEHIVE_STT", "deepgram-flux".to_owned())], json!({})).await;
    let mut call = stage.call().await;
    call.say("Hello, I would like an appointment, please.").await.unwrap();
    answered(&call, "which one would suit you best?").await;
    call.say("The second one, please.").await.unwrap();
    answered(&call, "What name may I put it under?").await;
    let detail = stage.end(call).await;
    let committed: Vec<&str> =
        of(&detail, "turn.committed").map(|data| data["text"].as_str().unwrap()).collect();
    assert_eq!(committed, ["Hello, I would like an appointment, please.", "The second one, please."]);
    for turn in detail["latencies"].as_array().unwrap() {
        // The end is heard by the recogniser, so no window of silence beyond the voice's own is waited out.
        assert!(turn["endpoint_wait"].as_f64().unwrap() <= 260.0, "{turn}");
    }
    assert!(failures(&detail).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_voice_speaks_the_whole_call() {
    let stage = Stage::set(&[("VOICEHIVE_TTS", "elevenlabs".to_owned())], json!({})).await;
    let mut call = stage.call().await;
    call.say("Hello, I would like an appointment, please.").await.unwrap();
    heard_words(&call, 8).await;
    call.say("The second one, please.").await.unwrap();
    answered(&call, "What name may I put it under?").await;
    let detail = stage.end(call).await;
    let interrupted = of(&detail, "turn.interrupted").next().unwrap()["heard"].as_str().unwrap().to_owned();
    assert!(interrupted.split_whitespace().count() >= 7, "{interrupted}");
    assert!(failures(&detail).is_empty());
}

/// A platform, its vendors and its carrier.
struct Stage {
    server: Server,
    vendors: Vendors,
    twilio: Twilio,
}

impl Stage {
    /// `agent` is merged into the receptionist's settings.
    async fn set(settings: &[(&'static str, String)], agent: Value) -> Self {
        let vendors = Vendors::start().await.unwrap();
        let rest = free_address();
        let mut all = vendors.environment();
        all.push(("TWILIO_API_URL", format!("http://{rest}")));
        all.extend_from_slice(settings);
        let server = Server::voicehive(&all).await;
        let carrier = Config::new(ACCOUNT_SID, AUTH_TOKEN, server.public_url()).unwrap();
        let twilio = Twilio::start(Config { addr: Some(rest), ..carrier }).await.unwrap();
        let sql = "UPDATE agents SET config_json = json_patch(config_json, ?1)";
        let merge = Statement::new(sql, [agent.to_string().as_str().into()]);
        server.store().db().execute(merge).await.unwrap();
        Self { server, vendors, twilio }
    }

    /// A call whose greeting was heard.
    async fn call(&self) -> Call {
        let call = self.twilio.place_call(CALLER, NUMBER);
        if let Err(error) = call.listen(SILENCE, PATIENCE).await {
            panic!("{error}; the carrier says {:?}", call.problems());
        }
        call
    }

    /// The caller hangs up. Returns what the API tells of the call.
    async fn end(&self, call: Call) -> Value {
        call.hang_up().await;
        let report = call.ended(PATIENCE).await.unwrap();
        assert_eq!(report.problems, Vec::<String>::new());
        eventually("the call to be over", async || {
            let detail = self.server.call_detail(call.sid()).await;
            (of(&detail, "call.ended").count() == 1).then_some(detail)
        })
        .await
    }

    /// Another tenant of the platform, with this API key.
    async fn other_tenant(&self, key: &str) {
        let sql = "INSERT INTO tenants (id, name, time_zone, api_key_sha256, created_at) \
                   VALUES ('other', 'Other', 'Europe/Madrid', ?1, 0)";
        let hash = store::ApiKeyHash::of(key);
        let insert = Statement::new(sql, [hash.as_str().into()]);
        self.server.store().db().execute(insert).await.unwrap();
    }

    async fn command(&self, call: &str, command: Value) -> u16 {
        self.server.command(call, &command).await.status
    }

    /// Waits until the lines of the agent are kept as sound: greeting, recovery, reprompt, apology, farewell and
    /// two fillers, each in a stream of its own beside that of the call.
    async fn lines_are_kept(&self) {
        let counters = self.vendors.cartesia.counters();
        eventually("the lines to be made", async || {
            (counters.requests() >= 8 && counters.live() <= 1).then_some(())
        })
        .await;
    }
}

/// Waits until the agent has answered with these words and is silent; returns all of it.
async fn answered(call: &Call, words: &str) -> String {
    let waited = call.wait_for(words, |heard| heard.contains(words), PATIENCE).await;
    waited.unwrap_or_else(|error| panic!("{error}; the carrier says {:?}", call.problems()))
}

async fn heard_words(call: &Call, n: usize) {
    let enough = |heard: &str| heard.split_whitespace().count() >= n;
    if let Err(error) = call.wait_for("some words", enough, PATIENCE).await {
        panic!("{error}; the carrier says {:?}", call.problems());
    }
}

/// The data of a call's events of a type.
fn of<'a>(detail: &'a Value, kind: &'a str) -> impl Iterator<Item = &'a Value> {
    let events = detail["events"].as_array().unwrap();
    events.iter().filter(move |event| event["type"] == kind).map(|event| &event["data"])
}

/// The stages of the vendors that failed.
fn failures(detail: &Value) -> Vec<String> {
    of(detail, "vendor.failed").map(|data| data["stage"].as_str().unwrap().to_owned()).collect()
}

/// 300 ms of voiced noise.
fn cough() -> Vec<u8> {
    let mut random = 7_u32;
    (0..2_400)
        .map(|n| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = f64::from(random >> 16) / 65_536.0 - 0.5;
            let buzz = (f64::from(n) * 140.0 * std::f64::consts::TAU / 8_000.0).sin();
            audio::g711::ulaw_encode(((buzz + noise) * 8_000.0) as i16)
        })
        .collect()
}
