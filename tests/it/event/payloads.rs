//! Typed payloads: every one reads what it writes, and keeps what it does not know.

use moltbot_audit::event::payload::{
    BatchInput, BatchOutput, CallConsentDecision, CallConsentDenied, CallConsentGranted,
    CallConsentInput, CallConsentOutput, CallConsentRequested, CallInput, CallOutput, CallStarted,
    CallStatusInput, CallStatusOutput, CallStatusUpdated, Candidate, CandidatesInput,
    CandidatesOutput, Exclusion, HandoffInput, HandoffOutput, InboundInput, InboundOutput,
    MoltbotCalled, MoltbotInput, MoltbotOutput, MoltbotOutputRejected, Nothing, OcrInput,
    OcrJobCreated, OcrJobDone, OcrJobInput, OcrJobOutput, OcrOutput, OutboundInput, OutboundOutput,
    OutreachInput, OutreachOutput, RejectionInput, RejectionOutput, ReplyInput, ReplyOutput,
    RequestCreated, RequestInput, RequestStateChanged, ScoreFactor, ShortlistExclusion,
    ShortlistGenerated, ShortlistHandoff, ShortlistInput, ShortlistItem, ShortlistOutput,
    StateChange, VendorBatchSent, VendorCandidatesSelected, VendorOutreachSent,
    VendorReplyRecorded, WhatsappInboundReceived, WhatsappOutboundSent,
};
use moltbot_audit::{EventType, Payload};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Reads any object, writes neither `null` nor an empty list for nothing, but every number and flag,
/// and keeps members it does not know.
fn check<T: Serialize + DeserializeOwned + Default>(name: &str) {
    let mut written = serde_json::to_value(T::default()).expect("JSON");
    let members = written.as_object().expect("an object");
    let says_something = |value: &Value| value.is_number() || value.is_boolean() || *value == "";
    assert!(members.values().all(says_something), "{name} writes what is absent: {written}");
    let unknown = json!({ "a_member_of_tomorrow": { "deep": [1, null] } });
    let read: T = serde_json::from_value(unknown.clone()).expect(name);
    written["a_member_of_tomorrow"] = unknown["a_member_of_tomorrow"].clone();
    assert_eq!(serde_json::to_value(read).expect("JSON"), written, "{name} loses members");
}

macro_rules! check_all {
    ($($name:ident)*) => { $(check::<$name>(stringify!($name));)* };
}

#[test]
fn every_payload_leaves_out_what_is_absent_and_keeps_what_it_does_not_know() {
    check_all! {
        BatchInput BatchOutput CallConsentDecision CallConsentInput CallConsentOutput CallInput
        CallOutput CallStatusInput CallStatusOutput Candidate CandidatesInput CandidatesOutput
        Exclusion HandoffInput HandoffOutput InboundInput InboundOutput MoltbotInput MoltbotOutput
        OcrInput OcrJobInput OcrJobOutput OcrOutput OutboundInput OutboundOutput OutreachInput
        OutreachOutput RejectionInput RejectionOutput ReplyInput ReplyOutput RequestInput
        ScoreFactor ShortlistExclusion ShortlistInput ShortlistItem ShortlistOutput StateChange
    }
    assert_eq!(serde_json::to_value(Nothing {}).unwrap(), json!({}));
    assert!(serde_json::from_value::<Nothing>(json!({ "more": 1 })).is_ok());
}

/// Reads JSON as a payload's half and writes it again: nothing is lost, nothing is added.
fn round_trip<T: Serialize + DeserializeOwned>(value: &Value) {
    let read: T = serde_json::from_value(value.clone()).expect("the type's own form");
    assert_eq!(&serde_json::to_value(read).expect("JSON"), value);
}

#[test]
fn payloads_read_what_a_host_writes_and_write_it_again() {
    let factors = json!([
        { "code": "availability", "score_delta": 100, "description": "in stock" },
        { "code": "distance", "score_delta": -2.5 },
    ]);
    round_trip::<CandidatesOutput>(&json!({
        "pool_size": 12,
        "candidates": [{ "vendor_id": "v1", "vendor_name": "A", "total": 97.5, "factors": factors }],
        "excluded": [{ "vendor_id": "v2", "reason": "opted_out" }],
    }));
    round_trip::<ReplyOutput>(&json!({
        "availability": "in_stock", "price_min": 12_000, "price_max": 12_500,
        "options": ["500 mg"], "confidence": 0.85, "parser_version": "3",
        "warnings": ["prompt_injection"], "latency_seconds": 42.5, "post_handoff": true,
    }));
    round_trip::<ShortlistOutput>(&json!({
        "items": [{ "vendor_id": "v1", "price": 12_000, "total": 102, "factors": factors,
                    "reply_event_id": "0195550a-1f00-77d0-8000-000000000001" }],
        "excluded": [{ "vendor_id": "v3", "reason": "out_of_stock", "total": 18 }],
        "decided_by": "rule", "tie_breaks": ["price", "speed"],
    }));
    round_trip::<OcrOutput>(&json!({
        "status": "completed", "extracted": { "drug": "Amoxicillin" }, "confidence": 0.62,
        "field_confidence": { "drug": 0.9, "dose": 0.4 }, "threshold": 0.8,
        "needs_clarification": true,
    }));
    round_trip::<CallConsentDecision>(&json!({
        "consent_id": "c1", "text": "yego", "expires_at": "2026-03-02T07:45:00Z",
    }));
    round_trip::<MoltbotOutput>(&json!({
        "action": { "type": "vendor_outreach" }, "input_tokens": 1_200, "output_tokens": 80,
        "cost_microusd": 5_400,
    }));
    round_trip::<StateChange>(&json!({ "from_state": "new", "to_state": "collecting" }));
}

#[test]
fn a_payload_of_another_shape_is_an_error_and_no_guess() {
    assert!(serde_json::from_value::<ReplyOutput>(json!({ "price_min": "twelve" })).is_err());
    assert!(serde_json::from_value::<ShortlistOutput>(json!({ "items": "none" })).is_err());
    assert!(serde_json::from_value::<MoltbotInput>(json!("text")).is_err());
}

#[test]
fn every_typed_event_has_a_known_type_of_its_own() {
    macro_rules! types {
        ($($name:ident)*) => { [$(<$name as Payload>::EVENT_TYPE),*] };
    }
    let types = types! {
        CallConsentDenied CallConsentGranted CallConsentRequested CallStarted CallStatusUpdated
        MoltbotCalled MoltbotOutputRejected OcrJobCreated OcrJobDone RequestCreated
        RequestStateChanged ShortlistGenerated ShortlistHandoff VendorBatchSent
        VendorCandidatesSelected VendorOutreachSent VendorReplyRecorded WhatsappInboundReceived
        WhatsappOutboundSent
    };
    for (index, event_type) in types.iter().enumerate() {
        assert!(EventType::KNOWN.contains(event_type), "{event_type}");
        assert!(!types[index + 1..].contains(event_type), "{event_type}");
    }
}
