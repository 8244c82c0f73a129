use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::DuplexStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::*;
use crate::elevenlabs::VoiceSettings;

const TIMING: Timing = Timing { keep_alive: Duration::from_secs(10), stall: Duration::from_secs(8) };

#[tokio::test(start_paused = true)]
async fn a_silent_socket_is_kept_alive_every_ten_seconds() {
    let mut ends = Ends::open().await;
    let begin = Instant::now();
    for round in 1..=3 {
        assert_eq!(ends.received().await, json!({ "text": "" }));
        assert_eq!(begin.elapsed(), round * TIMING.keep_alive);
    }
}

#[tokio::test(start_paused = true)]
async fn a_context_that_waits_for_more_text_is_kept_alive_by_its_name() {
    let mut ends = Ends::open().await;
    ends.say("c", "Let me see. ", false).await;
    assert_eq!(ends.received().await, json!({ "text": " ", "context_id": "c" }));
    assert_eq!(ends.received().await, json!({ "text": "Let me see. ", "context_id": "c" }));
    let begin = Instant::now();
    for round in 1..=3 {
        assert_eq!(ends.received().await, json!({ "text": "", "context_id": "c" }));
        assert_eq!(begin.elapsed(), round * TIMING.keep_alive);
    }
    assert!(ends.events.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_context_with_all_its_text_that_stays_silent_fails_and_the_stream_lives() {
    let mut ends = Ends::open().await;
    let begin = Instant::now();
    ends.speak_all("slow").await;
    let Some(TtsEvent::Failed { context, error }) = ends.events.recv().await else { panic!("a failure") };
    assert_eq!((context.as_deref(), error.kind()), (Some("slow"), &Kind::Timeout));
    assert_eq!(begin.elapsed(), TIMING.stall);
    ends.speak_all("next").await;
    ends.send(json!({ "isFinal": true, "contextId": "next" })).await;
    assert_eq!(ends.events.recv().await, Some(TtsEvent::Done { context: "next".into() }));
}

#[tokio::test(start_paused = true)]
async fn cancelled_contexts_count_until_the_vendor_lets_them_go() {
    let mut ends = Ends::open().await;
    for number in 0..4 {
        let name = format!("c{number}");
        ends.speak_all(&name).await;
        ends.commands.send(TtsCommand::Cancel { context: name }).await.unwrap();
    }
    ends.speak_all("heard").await;
    ends.say("one too many", "Hello. ", false).await;
    let Some(TtsEvent::Failed { context, error }) = ends.events.recv().await else { panic!("a failure") };
    assert_eq!(context.as_deref(), Some("one too many"));
    assert_eq!((error.is_transient(), error.code()), (true, Some("too_many_contexts")));

    ends.send(json!({ "isFinal": true, "contextId": "c2" })).await;
    ends.send(json!({ "audio": "AAAA", "contextId": "heard" })).await;
    assert!(matches!(ends.events.recv().await, Some(TtsEvent::Audio { .. })));
    ends.speak_all("next").await;
}

#[tokio::test(start_paused = true)]
async fn a_vendor_that_never_lets_go_is_not_waited_for_longer_than_a_stall() {
    let mut ends = Ends::open().await;
    for number in 0..5 {
        let name = format!("c{number}");
        ends.speak_all(&name).await;
        ends.commands.send(TtsCommand::Cancel { context: name }).await.unwrap();
    }
    tokio::time::sleep(TIMING.stall * 2).await;
    assert_eq!(ends.received().await, json!({ "text": "" }));
    ends.speak_all("next").await;
}

#[tokio::test(start_paused = true)]
async fn a_context_that_the_vendor_ends_before_its_text_failed() {
    let mut ends = Ends::open().await;
    ends.say("c", "Let me see. ", false).await;
    ends.received().await;
    ends.received().await;
    ends.send(json!({ "isFinal": true, "contextId": "c" })).await;
    let Some(TtsEvent::Failed { context, error }) = ends.events.recv().await else { panic!("a failure") };
    assert_eq!((context.as_deref(), error.code()), (Some("c"), Some("context_closed_early")));
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_a_word_is_done_without_the_vendor() {
    let mut ends = Ends::open().await;
    ends.say("c", " ", true).await;
    assert_eq!(ends.events.recv().await, Some(TtsEvent::Done { context: "c".into() }));
}

#[tokio::test(start_paused = true)]
async fn text_after_the_last_fails_its_context_only() {
    let mut ends = Ends::open().await;
    ends.speak_all("c").await;
    ends.say("c", "Two.", true).await;
    let Some(TtsEvent::Failed { context, error }) = ends.events.recv().await else { panic!("a failure") };
    assert_eq!((context.as_deref(), error.code()), (Some("c"), Some("text_after_the_last")));
    ends.speak_all("d").await;
}

#[tokio::test(start_paused = true)]
async fn dropping_the_session_closes_the_socket() {
    let Ends { mut server, commands, events } = Ends::open().await;
    drop((commands, events));
    let message = server.next().await.unwrap().unwrap();
    assert_eq!(message.to_text().unwrap(), r#"{"close_socket":true}"#);
}

struct Ends {
    server: WebSocketStream<DuplexStream>,
    commands: mpsc::Sender<TtsCommand>,
    events: mpsc::Receiver<TtsEvent>,
}

impl Ends {
    async fn open() -> Self {
        let (near, far) = tokio::io::duplex(16 * 1024);
        let server = WebSocketStream::from_raw_socket(far, Role::Server, None).await;
        let socket = Socket::from_stream(near, "elevenlabs", Duration::from_secs(5)).await;
        let requests = Requests::new(VoiceSettings::default());
        let (commands, command_receiver) = mpsc::channel(8);
        let (event_sender, events) = mpsc::channel(8);
        tokio::spawn(run(socket, requests, 8_000, TIMING, command_receiver, event_sender));
        Self { server, commands, events }
    }

    async fn say(&mut self, context: &str, text: &str, last: bool) {
        let command = TtsCommand::Speak { context: context.into(), text: text.into(), last };
        self.commands.send(command).await.unwrap();
    }

    /// Says a whole answer, and sees it arrive.
    async fn speak_all(&mut self, context: &str) {
        self.say(context, "Hello.", true).await;
        assert_eq!(self.received().await, json!({ "text": " ", "context_id": context }));
        let text = json!({ "text": "Hello. ", "context_id": context, "flush": true });
        assert_eq!(self.received().await, text);
        assert_eq!(self.received().await, json!({ "context_id": context, "close_context": true }));
    }

    async fn received(&mut self) -> Value {
        serde_json::from_str(self.server.next().await.unwrap().unwrap().to_text().unwrap()).unwrap()
    }

    async fn send(&mut self, message: Value) {
        self.server.send(Message::text(message.to_string())).await.unwrap();
    }
}
