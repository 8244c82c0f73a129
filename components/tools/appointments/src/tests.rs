use std::thread;

use serde_json::{Value, json};
use tool_sdk::records::{InMemory, Records};

use super::*;

/// Friday, 20 November 2026, 08:00 in Madrid.
const NOW: u64 = 1_795_158_000_000;

#[test]
fn the_next_free_slots_skip_the_weekend() {
    let records = InMemory::default();
    let slots = list(&records);
    assert_eq!(slots[0], "2026-11-20T09:00");
    assert_eq!(slots.len(), 6);
    let later = run(&records, &caller("k", "+34600"), &args(json!({"action": "list"})), NOW + 10 * 3_600_000)
        .unwrap();
    assert_eq!(parse(&later)["slots"][0], "2026-11-23T09:00");
}

#[test]
fn a_booked_slot_is_no_longer_offered() {
    let records = InMemory::default();
    let booked = book(&records, "k1", "+34600", "2026-11-20T10:00").unwrap();
    assert_eq!(booked["status"], "booked");
    assert_eq!(booked["end"], "2026-11-20T11:00");
    assert!(!list(&records).contains(&"2026-11-20T10:00".to_owned()));
}

#[test]
fn the_same_call_again_books_once() {
    let records = InMemory::default();
    let first = book(&records, "k1", "+34600", "2026-11-20T10:00").unwrap();
    assert_eq!(book(&records, "k1", "+34600", "2026-11-20T10:00").unwrap(), first);
    assert_eq!(records.list("appointments/", None, 200).unwrap().len(), 1);
}

#[test]
fn a_taken_slot_is_refused_with_what_is_free() {
    let records = InMemory::default();
    book(&records, "k1", "+34600", "2026-11-20T10:00").unwrap();
    let refused = book(&records, "k2", "+34601", "2026-11-20T10:00").unwrap_err();
    assert!(matches!(&refused, Failure::Conflict(why) if why.contains("2026-11-20T09:00")), "{refused:?}");
}

#[test]
fn of_many_callers_at_once_one_gets_the_slot() {
    let records = InMemory::default();
    let won: usize = thread::scope(|scope| {
        let callers: Vec<_> = (0..16)
            .map(|n| {
                let records = &records;
                scope.spawn(move || {
                    book(records, &format!("k{n}"), &format!("+3460{n}"), "2026-11-23T12:00").is_ok()
                })
            })
            .collect();
        callers.into_iter().map(|caller| usize::from(caller.join().unwrap())).sum()
    });
    assert_eq!(won, 1);
    assert_eq!(records.list("appointments/", None, 200).unwrap().len(), 1);
}

#[test]
fn a_moved_appointment_frees_its_slot() {
    let records = InMemory::default();
    let booked = book(&records, "k1", "+34600", "2026-11-20T10:00").unwrap();
    let moved =
        call(&records, "k2", "+34600", json!({"action": "move", "start": "2026-11-20T11:00"})).unwrap();
    assert_eq!(moved["id"], booked["id"]);
    assert_eq!(moved["start"], "2026-11-20T11:00");
    let free = list(&records);
    assert!(free.contains(&"2026-11-20T10:00".to_owned()) && !free.contains(&"2026-11-20T11:00".to_owned()));
}

#[test]
fn nobody_moves_an_appointment_of_somebody_else() {
    let records = InMemory::default();
    let booked = book(&records, "k1", "+34600", "2026-11-20T10:00").unwrap();
    let id = booked["id"].as_str().unwrap();
    let refused = call(&records, "k2", "+34999", json!({"action": "cancel", "id": id}));
    assert!(matches!(refused, Err(Failure::NotFound(_))));
}

#[test]
fn a_cancelled_appointment_frees_its_slot() {
    let records = InMemory::default();
    book(&records, "k1", "+34600", "2026-11-20T10:00").unwrap();
    let cancelled = call(&records, "k2", "+34600", json!({"action": "cancel"})).unwrap();
    assert_eq!(cancelled["status"], "cancelled");
    book(&records, "k3", "+34601", "2026-11-20T10:00").unwrap();
}

#[test]
fn a_claim_that_broke_off_is_free_again_after_a_minute() {
    let records = InMemory::default();
    records.insert("appointment-slots/2026-11-20T10:00", br#"{"id":"A-LOST","at":1795158000000}"#).unwrap();
    assert!(book(&records, "k1", "+34600", "2026-11-20T10:00").is_err());
    let arguments = args(json!({"action": "book", "start": "2026-11-20T10:00"}));
    run(&records, &caller("k1", "+34600"), &arguments, NOW + 61_000).unwrap();
}

#[test]
fn what_cannot_be_is_said_with_what_can() {
    let records = InMemory::default();
    for (arguments, says) in [
        (json!({"action": "book"}), "needs `start`"),
        (json!({"action": "book", "start": "2026-11-19T10:00"}), "in the past"),
        (json!({"action": "book", "start": "2026-11-20T10:15"}), "no slot begins"),
        (json!({"action": "fly"}), "is no action"),
        (json!({"action": "list", "date": "tomorrow"}), "is no date"),
        (json!({"action": "move", "start": "2026-11-20T10:00"}), "no coming appointment"),
    ] {
        let failure = format!("{:?}", call(&records, "k", "+34600", arguments.clone()).unwrap_err());
        assert!(failure.contains(says), "{arguments} -> {failure}");
    }
}

#[test]
fn the_schema_is_json_and_the_definition_is_within_the_limits() {
    let definition = Appointments::describe();
    assert_eq!(parse(&definition.parameters)["type"], "object");
    assert!(definition.description.len() <= 1024 && definition.parameters.len() <= 16 << 10);
}

fn caller(key: &str, phone: &str) -> Context {
    Context {
        tenant: "t".into(),
        call_id: "c".into(),
        caller: phone.into(),
        idempotency_key: key.into(),
        time_zone: "Europe/Madrid".into(),
        confirmed: false,
    }
}

fn args(value: Value) -> String {
    value.to_string()
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn call(records: &InMemory, key: &str, phone: &str, arguments: Value) -> Result<Value, Failure> {
    run(records, &caller(key, phone), &args(arguments), NOW).map(|text| parse(&text))
}

fn book(records: &InMemory, key: &str, phone: &str, start: &str) -> Result<Value, Failure> {
    call(records, key, phone, json!({"action": "book", "start": start, "name": "Dana"}))
}

fn list(records: &InMemory) -> Vec<String> {
    let listed = call(records, "k", "+34777", json!({"action": "list"})).unwrap();
    listed["slots"].as_array().unwrap().iter().map(|slot| slot.as_str().unwrap().to_owned()).collect()
}
