//! Ids of events, which carry their time, and of streams.

use chrono::{DateTime, TimeDelta, Utc};
use moltbot_audit::event::StreamId;
use moltbot_audit::redact::RedactionKey;
use moltbot_audit::{EventError, EventId, RequestId};
use uuid::Uuid;

use crate::support::records::{KEY, morning};

fn time(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).expect("a time").to_utc()
}

#[test]
fn an_event_id_carries_every_microsecond_of_a_millisecond() {
    let start = time("2026-03-02T07:15:00.123Z");
    let ids: Vec<EventId> = (0..1_000)
        .map(|micros| {
            let created_at = start + TimeDelta::microseconds(micros);
            let id = EventId::new(created_at, u64::MAX).unwrap();
            assert_eq!(id.created_at(), created_at);
            assert_eq!(EventId::from_uuid(id.uuid()), Ok(id));
            assert_eq!(id.uuid().get_version_num(), 7);
            assert_eq!(id.uuid().get_variant(), uuid::Variant::RFC4122);
            id
        })
        .collect();
    assert!(ids.is_sorted());
}

#[test]
fn event_ids_are_in_the_order_of_their_times_whatever_their_random_bits() {
    let times = [
        "1970-01-01T00:00:00Z",
        "1970-01-01T00:00:00.000001Z",
        "2026-03-02T07:15:00.123456Z",
        "2026-03-02T07:15:00.123457Z",
        "2026-03-02T07:15:00.124Z",
        "9999-12-31T23:59:59.999999Z",
    ];
    for pair in times.windows(2) {
        let earlier = EventId::new(time(pair[0]), u64::MAX).unwrap();
        let later = EventId::new(time(pair[1]), 0).unwrap();
        assert!(earlier < later, "{pair:?}");
        assert!(earlier.to_string() < later.to_string(), "{pair:?}");
    }
}

#[test]
fn an_event_id_truncates_its_time_and_does_not_round_it() {
    let id = EventId::new(morning() + TimeDelta::nanoseconds(999), 0).unwrap();
    assert_eq!(id.created_at(), morning());
}

#[test]
fn times_without_a_four_digit_year_are_refused() {
    for created_at in [
        time("1969-12-31T23:59:59.999999Z"),
        time("9999-12-31T23:59:59.999999Z") + TimeDelta::microseconds(1),
        DateTime::<Utc>::MIN_UTC,
        DateTime::<Utc>::MAX_UTC,
    ] {
        assert_eq!(EventId::new(created_at, 0), Err(EventError::TimeOutOfRange { created_at }));
    }
}

#[test]
fn other_uuids_are_no_event_ids() {
    let id = EventId::new(morning(), 1).unwrap().uuid();
    let (high, low) = id.as_u64_pair();
    for other in [
        Uuid::nil(),
        Uuid::max(),
        // Versions 4, 5 and 8.
        Uuid::from_u64_pair(high & !0xf000 | 0x4000, low),
        Uuid::from_u64_pair(high & !0xf000 | 0x5000, low),
        Uuid::from_u64_pair(high & !0xf000 | 0x8000, low),
        // Another variant.
        Uuid::from_u64_pair(high, low | 0b11 << 62),
        // A fraction that no whole microsecond gives: a UUIDv7 whose 12 bits are random.
        Uuid::from_u64_pair(high + 1, low),
        // The year 10000.
        Uuid::from_u64_pair(253_402_300_800_000 << 16 | 0x7000, low),
    ] {
        assert_eq!(EventId::from_uuid(other), Err(EventError::NotAnEventId { id: other }));
    }
}

#[test]
fn a_providers_message_has_one_event_id_whoever_makes_it_and_when() {
    let sent_at = time("2026-03-02T07:15:00Z");
    let id = KEY.message_event_id("wamid.1", sent_at).unwrap();
    assert_eq!(id, KEY.message_event_id("wamid.1", sent_at).unwrap());
    assert_eq!(id.created_at(), sent_at);
    let path = format!("{}/tests/vectors/v1/message_event_id.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect("vectors");
    let cases: Vec<serde_json::Value> = serde_json::from_str(&text).expect("JSON");
    assert!(cases.len() >= 4);
    for case in cases {
        let key = RedactionKey::from_hex(case["key"].as_str().unwrap()).unwrap();
        let at = DateTime::from_timestamp_micros(case["sent_at_us"].as_i64().unwrap()).unwrap();
        let id = key.message_event_id(case["message_id"].as_str().unwrap(), at).unwrap();
        assert_eq!(id.to_string(), case["event_id"]);
    }
    let later = sent_at + TimeDelta::seconds(1);
    let other_key = RedactionKey::from_bytes([8; 32]);
    for other in [
        KEY.message_event_id("wamid.2", sent_at),
        KEY.message_event_id("wamid.1", later),
        other_key.message_event_id("wamid.1", sent_at),
    ] {
        assert_ne!(Ok(id), other);
    }
    for shared in ["", " ", "undefined", "{{id}}"] {
        let error = KEY.message_event_id(shared, sent_at).unwrap_err();
        assert!(matches!(error, EventError::MalformedHostId { kind: "message", .. }), "{error}");
    }
}

#[test]
fn streams_of_requests_conversations_and_the_system_never_meet() {
    let path = format!("{}/tests/vectors/v1/stream_id.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect("vectors");
    let cases: Vec<serde_json::Value> = serde_json::from_str(&text).expect("JSON");
    assert!(cases.len() >= 6);
    for case in cases {
        let id = |name: &str| case[name].as_str().map(|id| Uuid::parse_str(id).expect("a UUID"));
        let stream = StreamId::of(id("request_id"), id("conversation_id"));
        assert_eq!(Some(stream.uuid()), id("stream_id"));
        assert_eq!(stream.uuid().get_version_num(), 8);
    }
    let uuid = Uuid::from_u128(9);
    let request = StreamId::of(Some(uuid), None);
    assert_eq!(request, StreamId::from(&RequestId::from_uuid(uuid).unwrap()));
    // A host may name a request by the id of another's stream.
    let of_stream = StreamId::of(Some(request.uuid()), None);
    let of_system = StreamId::of(Some(StreamId::SYSTEM.uuid()), None);
    let conversation = StreamId::of(None, Some(uuid));
    let all = [request, of_stream, of_system, conversation, StreamId::SYSTEM];
    let distinct: std::collections::HashSet<_> = all.into_iter().collect();
    assert_eq!(distinct.len(), all.len());
}
