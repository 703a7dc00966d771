//! The vocabulary, the closed sets, the trace context, and what Debug may show.

use std::collections::{BTreeMap, BTreeSet};

use moltbot_audit::{
    Actor, AuditEvent, ErrorCode, EventError, EventType, Outcome, Payload, TraceContext,
};
use serde_json::json;

use crate::support::records::named_request;

#[test]
fn well_formed_event_types_are_accepted_whether_known_or_not() {
    let longest = format!("a.{}", "b".repeat(62));
    for name in
        ["a.b", "vendor.outreach_sent", "admin.vendor.approved", "x1.y_2.z3", longest.as_str()]
    {
        assert_eq!(EventType::new(name.to_owned()).unwrap().as_str(), name);
    }
    assert_eq!(EventType::new("admin.vendor.approved").unwrap().domain(), "admin");
    assert_eq!(EventType::new("moltbot.called").unwrap(), EventType::MOLTBOT_CALLED);
}

#[test]
fn malformed_event_types_are_refused_and_shown_in_short() {
    let too_long = format!("a.{}", "b".repeat(63));
    for name in [
        "",
        ".",
        "a",
        "a.",
        ".a",
        "a..b",
        "a.b.c.d",
        "A.b",
        "a.B",
        "a.1b",
        "1a.b",
        "a._b",
        "a-b.c",
        "a b.c",
        "a.b ",
        "a.b\n",
        "a.b\0",
        "a.é",
        "MOLTBOT_REQUEST_DETECTED",
        "call.to_0788123456",
        too_long.as_str(),
    ] {
        let error = EventType::new(name.to_owned()).unwrap_err();
        // Digits are not shown: whatever was passed by mistake may hold a number.
        let event_type = name.replace(|c: char| c.is_numeric(), "#");
        assert_eq!(error, EventError::MalformedEventType { event_type });
    }
    match EventType::new("é".repeat(500)) {
        Err(EventError::MalformedEventType { event_type }) => {
            assert_eq!(event_type.chars().count(), 80);
        }
        other => panic!("expected MalformedEventType, got {other:?}"),
    }
}

#[test]
fn every_known_event_type_is_well_formed_and_named_once() {
    let names: BTreeSet<_> = EventType::KNOWN.iter().map(EventType::as_str).collect();
    assert_eq!(names.len(), EventType::KNOWN.len());
    for name in names {
        assert!(EventType::new(name.to_owned()).is_ok(), "{name}");
    }
}

#[test]
fn the_twelve_event_types_of_the_seed_are_known() {
    for name in [
        "whatsapp.inbound_received",
        "whatsapp.outbound_sent",
        "moltbot.called",
        "moltbot.output_rejected",
        "ocr.job_created",
        "ocr.job_done",
        "vendor.outreach_sent",
        "vendor.reply_recorded",
        "call.consent_requested",
        "call.started",
        "call.status_updated",
        "request.state_changed",
    ] {
        assert!(EventType::KNOWN.iter().any(|known| known.as_str() == name), "{name}");
    }
}

#[test]
fn values_of_closed_sets_round_trip_and_no_two_share_a_text() {
    fn check<T: Copy + PartialEq + std::fmt::Debug + std::fmt::Display>(
        all: &[T],
        text: fn(T) -> &'static str,
        parse: fn(&str) -> Option<T>,
    ) {
        let texts: BTreeMap<_, _> = all.iter().map(|value| (text(*value), *value)).collect();
        assert_eq!(texts.len(), all.len());
        for (text, value) in texts {
            assert_eq!(parse(text), Some(value));
            assert_eq!(value.to_string(), text);
            assert!(text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{text}");
            assert_eq!(parse(&text.to_uppercase()), None);
        }
        assert_eq!(parse(""), None);
    }
    check(Actor::ALL, Actor::as_str, Actor::parse);
    check(Outcome::ALL, Outcome::as_str, Outcome::parse);
    check(ErrorCode::ALL, ErrorCode::as_str, ErrorCode::parse);
}

#[test]
fn traceparent_headers_are_read_as_w3c_has_them() {
    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "00f067aa0ba902b7";
    for valid in [
        format!("00-{TRACE}-{SPAN}-01"),
        format!("00-{TRACE}-{SPAN}-00"),
        format!(" 00-{TRACE}-{SPAN}-ff "),
        format!("01-{TRACE}-{SPAN}-01"),
        format!("01-{TRACE}-{SPAN}-01-what-comes-later"),
    ] {
        let trace = TraceContext::from_traceparent(&valid).expect(&valid);
        assert_eq!(trace.trace_id().to_string(), TRACE);
        assert_eq!(trace.span_id().to_string(), SPAN);
    }
    let zeros = "0".repeat(32);
    for invalid in [
        String::new(),
        "00".to_owned(),
        format!("00-{TRACE}-{SPAN}"),
        format!("00-{TRACE}-{SPAN}-"),
        format!("00-{TRACE}-{SPAN}-1"),
        format!("00-{TRACE}-{SPAN}-01-more"),
        format!("ff-{TRACE}-{SPAN}-01"),
        format!("0-{TRACE}-{SPAN}-01"),
        format!("00-{zeros}-{SPAN}-01"),
        format!("00-{TRACE}-{}-01", &zeros[..16]),
        format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
        format!("00-{}-{SPAN}-01", &TRACE[1..]),
        format!("00-{TRACE}0-{SPAN}-01"),
        format!("00-{TRACE}-+{}-01", &SPAN[1..]),
        format!("00_{TRACE}_{SPAN}_01"),
    ] {
        assert_eq!(TraceContext::from_traceparent(&invalid), None, "{invalid}");
    }
    assert_eq!(TraceContext::new(0, 1), None);
    assert_eq!(TraceContext::new(1, 0), None);
}

#[test]
fn debug_of_an_event_shows_no_payload_no_key_and_no_host_name() {
    let event = AuditEvent::new(EventType::WHATSAPP_INBOUND_RECEIVED, Actor::Client)
        .request(&named_request("+250788000001"))
        .input(json!({ "from_phone": "+250788000002" }))
        .output(json!("+250788000003"))
        .idempotency_key("+250788000004");
    let shown = format!("{event:?} {event:#?}");
    assert!(!shown.contains("250788"), "{shown}");
    assert!(shown.contains("whatsapp.inbound_received"), "{shown}");
    assert!(shown.contains("has_input: true"), "{shown}");
}

#[test]
fn a_typed_event_has_the_type_and_both_halves_of_its_payload() {
    use moltbot_audit::event::payload::{MoltbotCalled, MoltbotInput, MoltbotOutput};
    let input = MoltbotInput { attempt: Some(2), ..MoltbotInput::default() };
    let output = MoltbotOutput { cost_microusd: Some(1_500), ..MoltbotOutput::default() };
    let event = AuditEvent::typed::<MoltbotCalled>(Actor::Moltbot, &input, &output).unwrap();
    assert_eq!(event.event_type, MoltbotCalled::EVENT_TYPE);
    assert_eq!(event.input, Some(json!({ "attempt": 2 })));
    assert_eq!(event.output, Some(json!({ "cost_microusd": 1500 })));
}

#[test]
fn a_payload_that_is_no_json_names_its_half_and_not_its_content() {
    use std::collections::HashMap;
    struct Odd;
    impl Payload for Odd {
        const EVENT_TYPE: EventType = EventType::DISCOVERY_CALL;
        type Input = HashMap<Vec<u8>, u8>;
        type Output = ();
    }
    let input = HashMap::from([(b"+250788000001".to_vec(), 1)]);
    let error = AuditEvent::typed::<Odd>(Actor::System, &input, &()).unwrap_err();
    assert_eq!(error, EventError::NotJson { part: "input" });
    assert!(!error.to_string().contains("250788"));
}
