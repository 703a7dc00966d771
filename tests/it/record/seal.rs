//! Sealing: what is fixed, what is refused, and that nothing escapes the hash.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use moltbot_audit::proof::{Salt, commit};
use moltbot_audit::record::{MAX_KEY_LEN, MAX_PAYLOAD_LEN, Record, seal};
use moltbot_audit::{
    Actor, AuditEvent, ConversationId, ErrorCode, EventError, EventId, EventType, Outcome,
    RequestId, StreamId, TraceContext,
};
use serde_json::{Value, json};

use crate::support::records::{
    KEY, morning, named_conversation, named_request, numbered as event, sealed_under as sealed,
};

const RANDOM: u64 = 1;
const SALT: Salt = Salt::from_bytes([9; 16]);

fn plain() -> AuditEvent {
    AuditEvent::new(EventType::MOLTBOT_CALLED, Actor::Moltbot)
}

fn try_seal(event: AuditEvent) -> Result<Record, EventError> {
    seal(event, morning(), RANDOM, SALT, &KEY)
}

#[test]
fn created_at_is_truncated_to_the_microsecond_and_agrees_with_the_id() {
    let nanos = morning() + TimeDelta::nanoseconds(999);
    let record = try_seal(plain().at(nanos)).unwrap();
    assert_eq!(record.header().created_at, morning());
    assert_eq!(record.id().created_at(), morning());
    assert_eq!(record.header().contradiction(), None);

    // Beside an id, the same nanoseconds are the same time.
    let id = EventId::new(nanos, 5).unwrap();
    assert_eq!(try_seal(plain().id(id).at(nanos)).unwrap().id(), id);
}

#[test]
fn an_event_without_time_or_id_gets_both_and_one_with_an_id_takes_its_time() {
    let now = morning() + TimeDelta::nanoseconds(999);
    let record = seal(plain(), now, RANDOM, SALT, &KEY).unwrap();
    assert_eq!(record.id(), EventId::new(morning(), RANDOM).unwrap());

    let earlier = morning() - TimeDelta::hours(1);
    let id = EventId::new(earlier, 5).unwrap();
    assert_eq!(try_seal(plain().id(id)).unwrap().header().created_at, earlier);
}

#[test]
fn an_event_dated_more_than_a_day_ahead_is_refused_by_its_time_and_by_its_id() {
    let at_most = morning() + TimeDelta::hours(24);
    assert_eq!(try_seal(plain().at(at_most)).unwrap().header().created_at, at_most);
    let created_at = at_most + TimeDelta::microseconds(1);
    let error = EventError::TooFarAhead { created_at, now: morning() };
    assert_eq!(try_seal(plain().at(created_at)).unwrap_err(), error);
    let id = EventId::new(created_at, 5).unwrap();
    assert_eq!(try_seal(plain().id(id)).unwrap_err(), error);
    // A provider may report late, or have a clock of its own.
    try_seal(plain().at(morning() - TimeDelta::days(900))).unwrap();
}

#[test]
fn a_wait_is_bounded_whatever_became_of_the_clock() {
    let wait = |until| try_seal(plain()).unwrap().waiting_since(morning(), until).waited();
    let waited = |until| wait(until).expect("it has waited");
    assert_eq!(try_seal(plain()).unwrap().waited(), None);
    assert_eq!(waited(morning() + TimeDelta::minutes(7)), Duration::from_mins(7));
    assert_eq!(waited(morning() - TimeDelta::minutes(7)), Duration::ZERO);
    assert_eq!(waited(morning() + TimeDelta::days(900)), Record::WAIT_MAX);
}

#[test]
fn an_id_and_a_time_that_disagree_are_refused() {
    let id = EventId::new(morning(), 5).unwrap();
    let created_at = morning() + TimeDelta::microseconds(1);
    let error = try_seal(plain().id(id).at(created_at)).unwrap_err();
    assert_eq!(error, EventError::IdTimeMismatch { id_time: morning(), created_at });
}

#[test]
fn a_time_that_no_id_can_carry_is_refused() {
    let created_at = DateTime::<Utc>::UNIX_EPOCH - TimeDelta::seconds(1);
    let error = try_seal(plain().at(created_at)).unwrap_err();
    assert_eq!(error, EventError::TimeOutOfRange { created_at });
}

#[test]
fn a_payload_at_the_limit_is_sealed_and_one_byte_more_is_refused() {
    // Words, because a text without spaces looks like raw media; two quotes are part of its JSON.
    let text = |len: usize| Value::from("ndayifite ".repeat(len / 10 + 1)[..len].to_owned());
    assert!(try_seal(plain().input(text(MAX_PAYLOAD_LEN - 2))).is_ok());
    let error = try_seal(plain().input(text(MAX_PAYLOAD_LEN - 1))).unwrap_err();
    assert_eq!(error, EventError::TooLarge { len: MAX_PAYLOAD_LEN + 1, max: MAX_PAYLOAD_LEN });
    // Input and output share the limit.
    let half = text(MAX_PAYLOAD_LEN / 2);
    assert!(try_seal(plain().input(half.clone()).output(half)).is_err());
}

#[test]
fn a_key_at_the_limit_is_sealed_and_one_byte_more_is_refused() {
    assert!(try_seal(plain().idempotency_key("k".repeat(MAX_KEY_LEN))).is_ok());
    let error = try_seal(plain().idempotency_key("k".repeat(MAX_KEY_LEN + 1))).unwrap_err();
    assert_eq!(error, EventError::KeyTooLong { len: MAX_KEY_LEN + 1, max: MAX_KEY_LEN });
}

#[test]
fn host_names_that_are_no_uuids_are_kept_beside_their_ids() {
    let record = try_seal(
        plain().request(&named_request("fallback")).conversation(&named_conversation("conv_001")),
    )
    .unwrap();
    let expected = json!({ "request_id": "fallback", "conversation_id": "conv_001" });
    assert_eq!(record.host_ids(), Some(expected));

    let uuid = named_request("7f0c9f6e-3a5c-4b2e-8f60-0f4a1f0f2b11");
    assert_eq!(try_seal(plain().request(&uuid)).unwrap().host_ids(), None);
}

#[test]
fn a_null_payload_is_no_payload() {
    let nothing = try_seal(plain()).unwrap();
    let null = try_seal(plain().input(Value::Null).output(Value::Null)).unwrap();
    assert_eq!((null.input(), null.output()), (None, None));
    assert_eq!(null.event_hash(), nothing.event_hash());
    // An empty one is one.
    assert_ne!(try_seal(plain().input(json!({}))).unwrap().event_hash(), nothing.event_hash());
}

#[test]
fn a_duration_beyond_the_column_is_recorded_as_its_largest_value() {
    for (duration, expected) in [
        (Duration::from_micros(1_999), 1),
        (Duration::from_millis(2_147_483_647), i32::MAX),
        (Duration::from_millis(2_147_483_648), i32::MAX),
        (Duration::MAX, i32::MAX),
    ] {
        let record = try_seal(plain().duration(duration)).unwrap();
        assert_eq!(record.header().duration_ms, Some(expected));
    }
}

#[test]
fn nul_and_big_integers_are_sealed_in_the_form_in_which_they_are_stored() {
    let record =
        try_seal(plain().input(json!({ "a\0": u64::MAX, "b": "x\0y" })).idempotency_key("k\0"))
            .unwrap();
    let stored = json!({ "a\u{fffd}": "18446744073709551615", "b": "x\u{fffd}y" });
    assert_eq!(record.input().as_ref(), Some(&stored));
    assert_eq!(record.idempotency_key(), Some("k\u{fffd}"));
    assert_eq!(record.commitments().input, commit(&stored, Salt::from_bytes([9; 16]), "/input"));
}

#[test]
fn a_change_of_any_field_changes_the_event_hash() {
    let original = || event(&named_request("r"), 1);
    let id =
        |micros, random| EventId::new(morning() + TimeDelta::microseconds(micros), random).unwrap();
    let mut changed = vec![
        original().id(id(1, 2)),
        original().id(id(2, 1)),
        original().request(&named_request("s")),
        original().conversation(&named_conversation("s")),
        original().input(json!({ "text": "ndayifite, 12 500", "n": 2, "photos": [] })),
        original().output(json!({ "price_min": 12_500, "confidence": 0.86 })),
        original().idempotency_key("wamid.2"),
        original().duration(Duration::from_millis(2)),
        original().ended(Outcome::Refused, ErrorCode::ProviderError),
        original().ended(Outcome::Failed, ErrorCode::TimedOut),
        original().trace(TraceContext::new(8, 2).unwrap()),
        original().trace(TraceContext::new(7, 3).unwrap()),
    ];
    // Fields without a setter, and each optional field left out.
    let edits: [fn(&mut AuditEvent); 10] = [
        |event| event.event_type = EventType::VENDOR_NO_RESPONSE,
        |event| event.actor = Actor::System,
        |event| event.request_id = None,
        |event| event.conversation_id = None,
        |event| event.input = None,
        |event| event.output = None,
        |event| event.idempotency_key = None,
        |event| event.error_code = None,
        |event| event.duration = None,
        |event| event.trace = None,
    ];
    for edit in edits {
        let mut event = original();
        edit(&mut event);
        changed.push(event);
    }
    // By UUID, so that it is not the host's own name that differs.
    let conversation = uuid::Uuid::from_u128(7);
    changed.push(original().conversation(&ConversationId::from_uuid(conversation).unwrap()));
    changed.push(
        original().conversation(&ConversationId::from_uuid(uuid::Uuid::from_u128(8)).unwrap()),
    );
    // One stream, with a request and without: only `request_id` differs.
    let mut without = original().conversation(&ConversationId::from_uuid(conversation).unwrap());
    without.request_id = None;
    let stream = StreamId::of(None, Some(conversation)).uuid();
    changed.push(without.clone());
    changed.push(without.request(&RequestId::from_uuid(stream).unwrap()));

    let mut hashes: Vec<_> = changed.into_iter().map(|event| sealed(event, 9)).collect();
    hashes.push(sealed(original(), 9));
    hashes.push(sealed(original(), 10));
    let mut hashes: Vec<_> = hashes.iter().map(Record::event_hash).collect();
    let count = hashes.len();
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), count, "two of these events share a hash");
    assert_eq!(sealed(original(), 9).event_hash(), sealed(original(), 9).event_hash());
}

#[test]
fn a_host_name_and_the_uuid_it_maps_to_are_not_the_same_event() {
    let named = named_request("fallback");
    let by_uuid = RequestId::from_uuid(named.uuid()).unwrap();
    let (a, b) = (sealed(event(&named, 1), 9), sealed(event(&by_uuid, 1), 9));
    assert_eq!(a.header(), b.header());
    assert_ne!(a.event_hash(), b.event_hash());
}

#[test]
fn debug_of_a_record_and_its_salt_shows_no_content_and_no_salt() {
    let record = sealed(event(&named_request("+250788000001"), 1), 9);
    let shown = format!("{record:?} {SALT:?}");
    for secret in ["ndayifite", "wamid", "250788", "salt: [", "[9, 9"] {
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
}

#[test]
fn a_header_that_contradicts_itself_says_in_what() {
    let header = sealed(event(&named_request("r"), 1), 9).header().clone();
    assert_eq!(header.contradiction(), None);
    let mut other = header.clone();
    other.created_at += TimeDelta::microseconds(1);
    assert!(other.contradiction().unwrap().contains("created_at"));
    let mut other = header.clone();
    other.request_id = None;
    assert!(other.contradiction().unwrap().contains("stream"));
    let mut other = header.clone();
    other.event_type = "Vendor Replied".to_owned();
    assert!(other.contradiction().unwrap().contains("type"));
    let mut other = header;
    other.id = uuid::Uuid::nil();
    assert!(other.contradiction().unwrap().contains("no event id"));
}

#[test]
fn an_event_about_a_consent_has_a_text_for_its_name_and_a_time_for_its_end() {
    let text = include_str!("../../vectors/consent_times.json");
    let cases: Value = serde_json::from_str(text).expect("JSON");
    let list = |name: &str| cases[name].as_array().expect("a list").clone();
    for event_type in [
        EventType::CALL_CONSENT_REQUESTED,
        EventType::CALL_CONSENT_GRANTED,
        EventType::CALL_CONSENT_DENIED,
        EventType::CALL_CONSENT_EXPIRED,
    ] {
        let told = |input: Value| {
            try_seal(AuditEvent::new(event_type.clone(), Actor::Client).input(input))
        };
        for time in list("times").into_iter().chain([Value::Null]) {
            told(json!({ "consent_id": "consent-1", "expires_at": time })).expect("a time");
        }
        for other in list("others") {
            let error = told(json!({ "expires_at": other })).expect_err(&other.to_string());
            let is_field = matches!(error, EventError::MalformedConsent { field, .. } if field == "expires_at");
            assert!(is_field && error.to_string().contains("zone"), "{error}");
        }
        for other in [json!(5), json!(9_007_199_254_740_993_u64), json!(true), json!([]), json!({})]
        {
            let error = told(json!({ "consent_id": other })).expect_err("no text");
            assert!(matches!(error, EventError::MalformedConsent { field: "consent_id", .. }));
        }
        told(json!("yes")).expect("a host's own form");
    }
    // What says nothing about a consent is recorded as it is.
    let call = AuditEvent::new(EventType::CALL_STARTED, Actor::System);
    try_seal(call.input(json!({ "consent_id": 5, "expires_at": 5 }))).expect("an event");
}
