//! The line that each stored record writes by itself.

use std::sync::Arc;

use moltbot_audit::redact::RedactionKey;
use moltbot_audit::testing::{MemoryStore, assert_no_personal_data};
use moltbot_audit::{Actor, AuditEvent, Auditor, ErrorCode, EventType, Outcome};
use tracing::{Instrument as _, info_span};

use super::lines::{Parsed, logged};
use crate::support::records::fresh_request;

/// Records events inside a span of the host's; gives the lines of the records.
fn lines_of(events: Vec<AuditEvent>) -> Vec<Parsed> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let lines = logged(|| {
        let auditor =
            Auditor::builder(Arc::new(MemoryStore::default()), RedactionKey::from_bytes([7; 32]));
        let auditor = auditor.environment(|_| None).build();
        let around = info_span!("host", request_id = "outer", idempotency_key = "outer-key");
        let record = async {
            for event in events {
                auditor.record(event).await.expect("recorded");
            }
        };
        runtime.expect("a runtime").block_on(record.instrument(around));
    });
    lines.into_iter().filter(|line| line.text("target") == "moltbot_audit::record").collect()
}

#[test]
fn a_records_line_borrows_nothing_from_the_span_around_it() {
    let lines = lines_of(vec![AuditEvent::new(EventType::REQUEST_CREATED, Actor::Client)]);
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0].text("event_type"), "request.created");
    assert_eq!(lines[0].text("actor"), "client");
    for name in ["request_id", "conversation_id", "idempotency_key", "timing_ms"] {
        assert!(lines[0].is_null(name), "{name}: {}", lines[0].line);
    }
}

#[test]
fn a_records_line_says_how_it_ended_and_masks_its_key() {
    let request = fresh_request();
    let failed = AuditEvent::new(EventType::WHATSAPP_SEND_FAILED, Actor::System)
        .request(&request)
        .idempotency_key("mail:marie.mukiza@gmail.com:0788123456")
        .duration(std::time::Duration::from_millis(412))
        .ended(Outcome::Failed, ErrorCode::TimedOut);
    let lines = lines_of(vec![failed]);
    let line = &lines[0];
    assert_eq!(line.text("severity"), "WARN");
    assert_eq!(line.text("error_code"), "timed_out");
    assert_eq!(line.text("request_id"), request.to_string());
    assert_eq!(line.whole("timing_ms"), 412);
    assert!(!line.text("idempotency_key").contains("marie"), "{}", line.line);
    assert_no_personal_data(&line.line);
}
