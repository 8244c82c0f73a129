//! The published Twilio media-socket vectors, every entry.
#![cfg(test)]

use carriers::twilio::{Message, Outbound, Session, Track, encode_mark, encode_media};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

#[test]
fn every_session_vector_holds() {
    for entry in &entries("twilio_media_session", include_str!("vectors/twilio_media_session.json"), 3) {
        let mut session = Session::new();
        let mut audio = Vec::new();
        let (mut digits, mut marks, mut errors) = (Vec::new(), Vec::new(), Vec::new());
        for text in entry["inputs"]["messages"].as_array().unwrap() {
            match session.handle(text.as_str().unwrap()) {
                Ok(Message::Media { track: Track::Inbound, payload, .. }) => {
                    audio.extend_from_slice(&payload)
                }
                Ok(Message::Dtmf { digit }) => digits.push(digit.to_string()),
                Ok(Message::Mark { name }) => marks.push(name),
                Ok(_) => {}
                Err(error) => errors.push(error.code()),
            }
        }
        let start = session.start().unwrap();
        let found = json!({
            "stream_sid": start.stream_sid,
            "call_sid": start.call_sid,
            "account_sid": start.account_sid,
            "tracks": start.tracks,
            "custom_parameters": start.custom_parameters,
            "media_format": start.format,
            "inbound_audio_sha256": hex(&Sha256::digest(&audio)),
            "inbound_audio_len": audio.len(),
            "dtmf": digits,
            "marks": marks,
            "stopped": session.stopped(),
            "errors": errors,
        });
        assert_eq!(found, entry["expected"], "{}", entry["id"]);
    }
}

#[test]
fn every_outbound_vector_holds() {
    for entry in &entries("twilio_media_outbound", include_str!("vectors/twilio_media_outbound.json"), 2) {
        let stream_sid = entry["inputs"]["stream_sid"].as_str().unwrap();
        let action = &entry["inputs"]["action"];
        let text = match action["kind"].as_str().unwrap() {
            "audio" => encode_media(stream_sid, &unhex(action["pcmu_hex"].as_str().unwrap())),
            "mark" => encode_mark(stream_sid, action["name"].as_str().unwrap()),
            other => panic!("unknown action {other}"),
        };
        let found: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(found, entry["expected"]["json"], "{}", entry["id"]);
        assert_eq!(Outbound::decode(&text).unwrap().stream_sid(), stream_sid);
    }
}

/// The `count` vectors of a scheme; says how many ran.
fn entries(scheme: &str, text: &str, count: usize) -> Vec<Value> {
    let entries: Vec<Value> = serde_json::from_str(text).unwrap();
    assert_eq!(entries.len(), count);
    assert!(entries.iter().all(|entry| entry["scheme"] == scheme));
    println!("{scheme}: {count} vectors");
    entries
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}
