//! A record's byte form.

use moltbot_audit::record::{Record, RecordBytesError};
use moltbot_audit::{Actor, AuditEvent, EventType};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::json::json as any_json;
use crate::support::records::{fresh_request, numbered_records, sealed};

fn assert_same(read: &Record, written: &Record) {
    assert_eq!(read.id(), written.id());
    assert_eq!(read.header(), written.header());
    assert_eq!(read.input(), written.input());
    assert_eq!(read.output(), written.output());
    assert_eq!(read.idempotency_key(), written.idempotency_key());
    assert_eq!(read.host_ids(), written.host_ids());
    assert_eq!(read.salt().as_bytes(), written.salt().as_bytes());
    assert_eq!(read.commitments(), written.commitments());
    assert_eq!(read.event_hash(), written.event_hash());
}

fn numbered() -> Record {
    numbered_records(&fresh_request(), [7]).remove(0)
}

/// The record's bytes with one member changed.
fn with(member: &str, value: Value) -> Vec<u8> {
    let mut json: Value = serde_json::from_slice(&numbered().to_bytes()).expect("JSON");
    *json.pointer_mut(member).expect("the member is there") = value;
    json.to_string().into_bytes()
}

#[test]
fn a_record_with_every_part_and_one_with_none_read_back_whole() {
    for record in [numbered(), sealed(AuditEvent::new(EventType::MOLTBOT_CALLED, Actor::System))] {
        assert_same(&Record::from_bytes(&record.to_bytes()).unwrap(), &record);
    }
}

proptest! {
    #[test]
    fn any_sealed_record_reads_back_whole(input in any_json(), output in any_json()) {
        let event = AuditEvent::new(EventType::MOLTBOT_CALLED, Actor::Moltbot);
        let record = sealed(event.request(&fresh_request()).input(input).output(output));
        assert_same(&Record::from_bytes(&record.to_bytes()).unwrap(), &record);
    }
}

#[test]
fn every_flipped_bit_and_every_cut_is_an_error() {
    let bytes = numbered().to_bytes();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << bit;
            assert!(Record::from_bytes(&flipped).is_err(), "byte {at}, bit {bit}");
        }
        assert!(Record::from_bytes(&bytes[..at]).is_err(), "cut at {at}");
    }
}

#[test]
fn an_error_says_what_is_wrong_and_repeats_nothing() {
    let read = |bytes: &[u8]| Record::from_bytes(bytes).unwrap_err();
    assert_eq!(read(&with("/input/text", json!("other"))), RecordBytesError::Hash);
    assert_eq!(read(&with("/salt", json!("00".repeat(16)))), RecordBytesError::Hash);
    assert_eq!(read(&with("/version", json!(1))), RecordBytesError::Version { found: 1 });
    assert!(matches!(
        read(&with("/header/event_type", json!("no type"))),
        RecordBytesError::Contradiction { .. }
    ));
    let spaced = [&numbered().to_bytes()[..], b" "].concat();
    assert_eq!(read(&spaced), RecordBytesError::Spelling);
    assert_eq!(read(br#"{"version":3,"all":"else"}"#), RecordBytesError::Version { found: 3 });

    let mut longer = numbered().to_bytes();
    longer.truncate(longer.len() - 1);
    longer.extend_from_slice(br#","more":1}"#);
    assert_eq!(read(&longer), RecordBytesError::Spelling);
    let twice =
        String::from_utf8(numbered().to_bytes()).unwrap().replacen('{', r#"{"version":1,"#, 1);
    assert_eq!(read(twice.as_bytes()), RecordBytesError::Malformed);

    let secret = "Muraho 0788123456";
    let malformed = read(&with("/header/duration_ms", json!(secret)));
    assert_eq!(malformed, RecordBytesError::Malformed);
    assert!(!format!("{malformed} {malformed:?}").contains("Muraho"));
}
