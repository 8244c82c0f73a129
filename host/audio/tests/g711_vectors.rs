//! The published G.711 vectors, every entry.
#![cfg(test)]

use audio::g711;
use serde_json::Value;
use sha2::{Digest, Sha256};

#[test]
fn every_published_vector_holds() {
    let entries: Vec<Value> = serde_json::from_str(include_str!("vectors/g711.json")).unwrap();
    assert_eq!(entries.len(), 6);
    println!("g711: {} vectors", entries.len());
    for entry in &entries {
        let (inputs, expected) = (&entry["inputs"], &entry["expected"]);
        match inputs["op"].as_str().unwrap() {
            "ulaw_decode" => {
                let samples = decoded(inputs, g711::ulaw_decode_into);
                check_table(&samples, expected);
                assert_eq!(samples[0x70..0x80], numbers(&expected["at_0x70_0x7f"])[..]);
                assert_eq!(i64::from(samples[0x80]), expected["at_0x80"]);
                assert_eq!(i64::from(samples[0xFF]), expected["at_0xff"]);
            }
            "alaw_decode" => check_table(&decoded(inputs, g711::alaw_decode_into), expected),
            "ulaw_encode" => {
                let mut bytes = Vec::new();
                g711::ulaw_encode_into(&numbers(&inputs["pcm"]), &mut bytes);
                assert_eq!(hex(&bytes), expected["bytes_hex"]);
            }
            "ulaw_encode_range" => {
                let first = i16::try_from(inputs["from"].as_i64().unwrap()).unwrap();
                let last = i16::try_from(inputs["to"].as_i64().unwrap()).unwrap();
                let bytes: Vec<u8> = (first..=last).map(g711::ulaw_encode).collect();
                assert_eq!(hex(&Sha256::digest(&bytes)), expected["bytes_sha256"]);
            }
            "ulaw_decode_encode" => {
                let mut bytes = Vec::new();
                g711::ulaw_encode_into(&decoded(inputs, g711::ulaw_decode_into), &mut bytes);
                assert_eq!(hex(&bytes), expected["bytes_hex"]);
            }
            "ulaw_silence_frame" => {
                let samples =
                    inputs["ms"].as_u64().unwrap() * inputs["sample_rate"].as_u64().unwrap() / 1_000;
                let silence = vec![0_i16; usize::try_from(samples).unwrap()];
                let mut bytes = Vec::new();
                g711::ulaw_encode_into(&silence, &mut bytes);
                assert_eq!(bytes.len() as u64, expected["len"]);
                assert_eq!(bytes.len(), audio::FRAME_SAMPLES);
                // 160 bytes of ones in base64: 53 groups of four slashes, then one byte left over.
                let text = expected["base64"].as_str().unwrap();
                assert_eq!(text.trim_end_matches("w==").trim_start_matches('/'), "");
                assert_eq!(text.len(), 216);
                assert!(bytes.iter().all(|byte| *byte == g711::ULAW_SILENCE));
            }
            other => panic!("unknown operation {other}"),
        }
    }
}

fn check_table(samples: &[i16], expected: &Value) {
    let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    assert_eq!(hex(&Sha256::digest(&bytes)), expected["pcm_s16le_sha256"]);
    assert_eq!(samples[..16], numbers(&expected["first16"])[..]);
}

fn decoded(inputs: &Value, decode: fn(&[u8], &mut Vec<i16>)) -> Vec<i16> {
    let mut samples = Vec::new();
    decode(&unhex(inputs["bytes_hex"].as_str().unwrap()), &mut samples);
    samples
}

fn numbers(value: &Value) -> Vec<i16> {
    serde_json::from_value(value.clone()).unwrap()
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
