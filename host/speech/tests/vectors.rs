//! The published vectors of the speech and language vendors, every entry, through the decoders that calls use.
#![cfg(test)]

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use speech::openai::ChatDecoder;
use speech::{ChatEvent, FinishReason, Secret, SttEvent, TtsOptions, cartesia, deepgram};

#[test]
fn every_deepgram_session_holds() {
    for entry in entries("deepgram_v1_session", include_str!("vectors/deepgram_v1_session.json"), 2) {
        let mut decoder = deepgram::Decoder::new();
        let (mut utterances, mut events) = (Vec::new(), Vec::new());
        let (mut request_id, mut error) = (None, None);
        for text in entry["inputs"]["messages"].as_array().unwrap() {
            let decoded = decoder.decode(text.as_str().unwrap()).unwrap();
            utterances.extend(decoded.utterance);
            request_id = request_id.or(decoded.request_id);
            match decoded.event {
                Some(SttEvent::SpeechStarted) => events.push("speech_started".to_owned()),
                Some(SttEvent::Interim { text, .. }) => events.push(format!("interim:{text}")),
                Some(SttEvent::Failed(failure)) => error = Some(failure.to_string()),
                _ => {}
            }
        }
        let found = json!({
            "utterances": utterances,
            "pending": decoder.pending(),
            "events": events,
            "closed_request_id": request_id,
            "error": error,
        });
        assert_eq!(found, entry["expected"], "{}", entry["id"]);
    }
}

#[test]
fn every_flux_session_holds() {
    for entry in entries("deepgram_flux_session", include_str!("vectors/deepgram_flux_session.json"), 2) {
        let mut decoder = deepgram::flux::Decoder::new();
        let (mut actions, mut error) = (Vec::new(), None);
        let mut speculated = false;
        for text in entry["inputs"]["messages"].as_array().unwrap() {
            let decoded = decoder.decode(text.as_str().unwrap()).unwrap();
            for event in decoded.events {
                match event {
                    SttEvent::SpeechStarted => actions.push(json!(["interrupt_playback", decoded.turn])),
                    SttEvent::EagerEndOfTurn { text } => {
                        speculated = true;
                        actions.push(json!(["speculate", decoded.turn, text]));
                    }
                    SttEvent::TurnResumed => {
                        speculated = false;
                        actions.push(json!(["cancel_speculation", decoded.turn]));
                    }
                    SttEvent::EndOfTurn { text } => {
                        let action =
                            if std::mem::take(&mut speculated) { "commit_speculation" } else { "respond" };
                        actions.push(json!([action, decoded.turn, text]));
                    }
                    SttEvent::Failed(failure) => error = Some(failure.to_string()),
                    _ => {}
                }
            }
        }
        assert_eq!(json!({ "actions": actions, "error": error }), entry["expected"], "{}", entry["id"]);
    }
}

#[test]
fn every_chat_stream_holds_whole_split_and_byte_by_byte() {
    for entry in entries("openai_chat_stream", include_str!("vectors/openai_chat_stream.json"), 4) {
        let body = STANDARD.decode(entry["inputs"]["body_base64"].as_str().unwrap()).unwrap();
        let cuts: Vec<usize> = serde_json::from_value(entry["inputs"]["split_at"].clone()).unwrap();
        let mut pieces = Vec::new();
        let mut from = 0;
        for cut in cuts.into_iter().chain([body.len()]) {
            pieces.push(&body[from..cut]);
            from = cut;
        }
        assert_eq!(answer(&[&body]), entry["expected"], "{} whole", entry["id"]);
        assert_eq!(answer(&pieces), entry["expected"], "{} split", entry["id"]);
        let bytes: Vec<&[u8]> = body.chunks(1).collect();
        assert_eq!(answer(&bytes), entry["expected"], "{} byte by byte", entry["id"]);
    }
}

#[test]
fn every_cartesia_session_holds() {
    for entry in entries("cartesia_session", include_str!("vectors/cartesia_session.json"), 1) {
        let mut contexts: BTreeMap<String, Context> = BTreeMap::new();
        for text in entry["inputs"]["messages"].as_array().unwrap() {
            match cartesia::Decoder.decode(text.as_str().unwrap()).unwrap() {
                cartesia::Received::Audio { context, payload } => {
                    contexts.entry(context).or_default().audio.extend_from_slice(&payload);
                }
                cartesia::Received::Words { context, words } => {
                    contexts
                        .entry(context)
                        .or_default()
                        .words
                        .extend(words.into_iter().map(|word| word.text));
                }
                cartesia::Received::Flushed { context, id } => {
                    contexts.entry(context).or_default().flushes.push(id)
                }
                cartesia::Received::Done { context } => contexts.entry(context).or_default().done = true,
                other => panic!("{other:?}"),
            }
        }
        let found: BTreeMap<String, Value> =
            contexts.into_iter().map(|(name, context)| (name, context.summary())).collect();
        assert_eq!(json!(found), entry["expected"], "{}", entry["id"]);
    }
}

#[test]
fn every_cartesia_request_holds() {
    for entry in entries("cartesia_outbound", include_str!("vectors/cartesia_outbound.json"), 1) {
        let inputs = &entry["inputs"];
        let mut config =
            cartesia::Config::new(Secret::new("k"), inputs["voice_id"].as_str().unwrap()).unwrap();
        config.model = inputs["model_id"].as_str().unwrap().to_owned();
        let requests = cartesia::Requests::new(&config, &TtsOptions::default());
        let action = &inputs["action"];
        assert_eq!(action["kind"], "speak");
        let last = !action["more"].as_bool().unwrap();
        let text = action["text"].as_str().unwrap();
        let request = requests.speak(action["context_id"].as_str().unwrap(), text, last).unwrap();
        let found: Value = serde_json::from_str(&request).unwrap();
        for (name, value) in entry["expected"]["json_subset"].as_object().unwrap() {
            assert_eq!(&found[name], value, "{} {name}", entry["id"]);
        }
    }
}

#[test]
fn every_embedding_is_normalised() {
    for entry in entries("embedding_l2", include_str!("vectors/embedding_l2.json"), 1) {
        let mut vector: Vec<f32> = serde_json::from_value(entry["inputs"]["values"].clone()).unwrap();
        let expected: Vec<f32> = serde_json::from_value(entry["expected"]["normalized"].clone()).unwrap();
        let tolerance = entry["expected"]["tolerance"].as_f64().unwrap() as f32;
        speech::normalize(&mut vector);
        assert_eq!(vector.len(), expected.len());
        assert!(vector.iter().zip(&expected).all(|(found, wanted)| (found - wanted).abs() <= tolerance));
    }
    let mut zero = [0.0; 3];
    speech::normalize(&mut zero);
    assert_eq!(zero, [0.0; 3]);
}

#[derive(Default)]
struct Context {
    audio: Vec<u8>,
    words: Vec<String>,
    flushes: Vec<u64>,
    done: bool,
}

impl Context {
    fn summary(self) -> Value {
        let digest: String = Sha256::digest(&self.audio).iter().map(|byte| format!("{byte:02x}")).collect();
        json!({
            "audio_len": self.audio.len(),
            "audio_sha256": digest,
            "done": self.done,
            "flushes": self.flushes,
            "words": self.words,
            "error": null,
        })
    }
}

/// What the vectors expect of one body. A stream that was cut shows as a failure, which the vectors call "not done".
fn answer(pieces: &[&[u8]]) -> Value {
    let mut decoder = ChatDecoder::new();
    let mut events = Vec::new();
    for piece in pieces {
        decoder.push(piece, &mut events);
    }
    decoder.finish(&mut events);
    let (mut content, mut calls) = (String::new(), Vec::new());
    let (mut reason, mut usage, mut done) = (None, None, false);
    for event in events {
        match event {
            ChatEvent::Delta(text) => content.push_str(&text),
            ChatEvent::ToolCall { id, name, arguments } => {
                calls.push(json!({ "index": calls.len(), "id": id, "name": name, "arguments": arguments }));
            }
            ChatEvent::Finished { reason: found, usage: counted } => {
                done = true;
                usage = counted;
                reason = Some(match found {
                    FinishReason::Stop => "stop".to_owned(),
                    FinishReason::Length => "length".to_owned(),
                    FinishReason::ToolCalls => "tool_calls".to_owned(),
                    FinishReason::ContentFilter => "content_filter".to_owned(),
                    FinishReason::Other(other) => other,
                });
            }
            ChatEvent::Failed(error) => assert_eq!(error.code(), Some("incomplete")),
        }
    }
    json!({
        "content": content,
        "tool_calls": calls,
        "finish_reason": reason,
        "usage": usage,
        "error": null,
        "done": done,
    })
}

/// The `count` vectors of a scheme; says how many ran.
fn entries(scheme: &str, text: &str, count: usize) -> Vec<Value> {
    let entries: Vec<Value> = serde_json::from_str(text).unwrap();
    assert_eq!(entries.len(), count);
    assert!(entries.iter().all(|entry| entry["scheme"] == scheme));
    println!("{scheme}: {count} vectors");
    entries
}
