//! Whatever the bytes are, the gate answers, and its work is bounded by their number.
#![cfg(test)]

mod common;

use arbitrary::{Arbitrary, Unstructured};
use common::stamped;
use gate::{Limits, Report, check_hosts, check_parameters, measure};
use proptest::prelude::*;

/// The most work for a byte, in the two passes that a refusal may take, and for the contract itself.
const WORK_PER_BYTE: u64 = 8;
const WORK: u64 = 64;

fn answered(bytes: &[u8]) -> Option<Report> {
    let (work, result) = measure(bytes, &Limits::STANDARD);
    let most = WORK + WORK_PER_BYTE * bytes.len() as u64;
    assert!(work <= most, "{work} steps for {} bytes", bytes.len());
    result.ok()
}

/// A sequence without randomness (Knuth's multiplier), so that a failure can be found again.
struct Sequence(u64);

impl Sequence {
    fn next(&mut self) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(self.0 >> 33).unwrap()
    }
}

#[test]
fn every_truncation_of_a_good_component_is_refused() {
    let good = stamped();
    assert!(answered(&good).is_some());
    let end = good.len() - 1;
    for length in (0..end).step_by(1 + end / 250) {
        assert!(answered(&good[..length]).is_none(), "{length}");
    }
}

#[test]
fn a_component_of_which_any_bit_is_flipped_is_answered() {
    let good = stamped();
    for position in (0..good.len()).step_by(1 + good.len() / 400) {
        for bit in [0, 3, 7] {
            let mut bytes = good.clone();
            bytes[position] ^= 1 << bit;
            answered(&bytes);
        }
    }
}

#[test]
fn mutated_components_are_answered() {
    let good = stamped();
    let mut sequence = Sequence(1);
    for _ in 0..500 {
        let mut bytes = good.clone();
        for _ in 0..=sequence.next() % 4 {
            let (at, from) = (sequence.next() % bytes.len(), sequence.next() % bytes.len());
            let length = (sequence.next() % 64).min(bytes.len() - from);
            let piece = bytes[from..from + length].to_vec();
            match sequence.next() % 3 {
                0 => bytes[at] = u8::try_from(sequence.next() % 256).unwrap(),
                1 => drop(bytes.splice(at..at, piece)),
                _ => drop(bytes.drain(at..(at + length).min(bytes.len() - 1).max(at))),
            }
        }
        answered(&bytes);
    }
}

#[test]
fn the_corpus_is_answered_as_it_was() {
    let base = common::wat(include_str!("corpus/base.wat"));
    let text = include_str!("corpus/mutations.txt");
    let mut replayed = 0;
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let mut fields = line.split_whitespace();
        let at: usize = fields.next().unwrap().parse().unwrap();
        let byte: u8 = fields.next().unwrap().parse().unwrap();
        let code = fields.next().unwrap();
        let mut bytes = base.clone();
        bytes[at] = byte;
        let (_, result) = measure(&bytes, &Limits::STANDARD);
        let found = result.err().map_or("accepted", |refusal| refusal.code.as_str());
        assert_eq!(found, code, "byte {at} set to {byte}");
        replayed += 1;
    }
    assert!(replayed > 20, "{replayed}");
}

#[test]
fn generated_components_are_answered() {
    let mut sequence = Sequence(2);
    let mut generated = 0;
    for _ in 0..400 {
        let seed: Vec<u8> = (0..2_048).map(|_| u8::try_from(sequence.next() % 256).unwrap()).collect();
        let Ok(component) = wasm_smith::Component::arbitrary(&mut Unstructured::new(&seed)) else { continue };
        // None exports the tool's interface.
        assert!(answered(&component.to_bytes()).is_none());
        generated += 1;
    }
    assert!(generated > 100, "{generated}");
}

proptest! {
    #[test]
    fn random_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..2_048)) {
        answered(&bytes);
        answered(&[b"\0asm\x0d\0\x01\0", bytes.as_slice()].concat());
    }

    #[test]
    fn random_sections_are_answered(id in 0_u8..12, bytes in proptest::collection::vec(any::<u8>(), 0..127)) {
        let length = u8::try_from(bytes.len()).unwrap();
        answered(&[b"\0asm\x0d\0\x01\0", [id, length].as_slice(), bytes.as_slice()].concat());
    }

    #[test]
    fn random_schemas_are_answered(text in r#"[{}\[\]",:$#/a-z0-9 ]{0,200}"#) {
        let _ = check_parameters(&text, &Limits::STANDARD);
        let _ = check_parameters(&format!(r#"{{"type": "object", "properties": {text}}}"#), &Limits::STANDARD);
    }

    #[test]
    fn no_spelling_of_an_address_is_a_host(address in any::<u32>(), form in 0..7) {
        let [a, b, c, d] = address.to_be_bytes();
        let host = match form {
            0 => format!("{a}.{b}.{c}.{d}"),
            1 => format!("{address}"),
            2 => format!("0x{address:x}"),
            3 => format!("{a}.{b}.{}", u16::from_be_bytes([c, d])),
            4 => format!("0{a:o}.0x{b:x}.{c}.{d}."),
            5 => format!("[::ffff:{a}.{b}.{c}.{d}]"),
            _ => format!("{a}.{b}.{c}.{d}.nip.io"),
        };
        prop_assert!(check_hosts(&[host]).is_err());
    }

    #[test]
    fn any_text_is_a_host_or_not(host in "\\PC{0,80}") {
        if let Ok(hosts) = check_hosts(&[&host]) {
            prop_assert!(hosts[0].bytes().all(|byte| byte.is_ascii_graphic()) && hosts[0].contains('.'));
        }
    }
}
