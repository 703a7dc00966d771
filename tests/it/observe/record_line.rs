//! The line that each stored record writes by itself.

use std::sync::Arc;
use std::time::Duration;

use moltbot_audit::auditor::Host;
use moltbot_audit::testing::{MemoryStore, assert_no_personal_data};
use moltbot_audit::{
    Actor, AuditEvent, Auditor, ErrorCode, EventId, EventType, Identity, Outcome, RequestId, Switch,
};
use tracing::{Instrument as _, info_span};

use super::lines::{Lines, Parsed, logged};
use crate::support::records::{KEY, fresh_request, morning};

fn auditor() -> Auditor {
    let builder = Auditor::builder(Arc::new(MemoryStore::default()), KEY);
    builder.environment(|_| None).build()
}

/// Plays until the lines are written.
fn play(scene: impl AsyncFnOnce(&Auditor)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let auditor = auditor();
        scene(&auditor).await;
        auditor.shutdown(Duration::from_secs(10)).await.expect("all is written");
    });
}

fn of_records(lines: Vec<Parsed>) -> Vec<Parsed> {
    lines.into_iter().filter(|line| line.text("target") == "moltbot_audit::record").collect()
}

/// What fails to reach whom, under a key that names them.
fn failed(request: &RequestId) -> AuditEvent {
    AuditEvent::new(EventType::WHATSAPP_SEND_FAILED, Actor::System)
        .request(request)
        .idempotency_key("mail:marie.mukiza@gmail.com:0788123456")
        .duration(Duration::from_millis(412))
        .ended(Outcome::Failed, ErrorCode::TimedOut)
}

#[test]
fn a_records_line_borrows_nothing_from_the_span_around_it() {
    let lines = logged(|| {
        let around = info_span!("host", request_id = "outer", idempotency_key = "outer-key");
        // A flip is recorded by the task of the caller.
        play(async |auditor| {
            let switch = auditor.kill_switch();
            let engaged = switch.engage(&Switch::AI, "aline", "a drill").instrument(around);
            engaged.await.expect("set");
        });
    });
    let lines = of_records(lines);
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0].text("event_type"), "switch.engaged");
    assert_eq!(lines[0].text("actor"), "admin");
    for name in ["request_id", "conversation_id", "idempotency_key", "timing_ms"] {
        assert!(lines[0].is_null(name), "{name}: {}", lines[0].line);
    }
}

#[test]
fn a_records_line_says_how_it_ended() {
    let request = fresh_request();
    let lines = logged(|| {
        play(async |auditor| {
            auditor.record(failed(&request)).await.expect("recorded");
        });
    });
    let lines = of_records(lines);
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0].text("severity"), "WARN");
    assert_eq!(lines[0].text("error_code"), "timed_out");
    assert_eq!(lines[0].text("request_id"), request.to_string());
    assert_eq!(lines[0].whole("timing_ms"), 412);
    assert_no_personal_data(&lines[0].line);
}

#[test]
fn a_records_line_leads_to_its_cause_and_to_its_writer() {
    let request = fresh_request();
    let cause = EventId::new(morning(), 7).expect("a time of this century");
    let lines = logged(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let builder = Auditor::builder(Arc::new(MemoryStore::default()), KEY);
            let auditor = builder.host(Host::new("concierge", "1")).build();
            auditor.record(failed(&request).caused_by(cause)).await.expect("recorded");
            auditor.shutdown(Duration::from_secs(10)).await.expect("all is written");
        });
    });
    let lines = of_records(lines);
    let of_type =
        |event_type: &str| lines.iter().find(|line| line.text("event_type") == event_type);
    let (started, sent) = (of_type("audit.writer_started"), of_type("whatsapp.send_failed"));
    let (started, sent) = (started.expect("a line"), sent.expect("a line"));
    assert_eq!(sent.text("caused_by"), cause.uuid().to_string());
    assert_eq!(sent.text("writer_id"), started.text("event_id"));
    assert!(!started.line.contains("caused_by"), "{}", started.line);
}

/// Whoever else writes what is logged masks nothing.
#[test]
fn a_records_line_is_masked_for_every_layer() {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt().with_writer(lines.clone()).with_ansi(false).finish();
    tracing::subscriber::with_default(subscriber, || {
        play(async |auditor| {
            auditor.record(failed(&fresh_request())).await.expect("recorded");
        });
    });
    let text = lines.text();
    let line = text.lines().find(|line| line.contains("whatsapp.send_failed")).expect("a line");
    assert!(line.contains("idempotency_key=") && !line.contains("marie"), "{line}");
}

#[test]
fn a_persons_act_says_how_they_are_known_and_a_reset_by_a_claim_warns() {
    let lines = logged(|| {
        play(async |auditor| {
            let switches = auditor.kill_switch();
            let known = Identity::host("aline mukiza", "sso");
            switches.reset(&Switch::AI, "aline mukiza", "a test").await.expect("set");
            switches.reset(&Switch::AI, known, "a test").await.expect("set");
            switches.engage(&Switch::AI, "aline mukiza", "a test").await.expect("set");
            auditor.record(failed(&fresh_request())).await.expect("recorded");
        });
    });
    let lines = of_records(lines);
    let said = lines.iter().take(3).map(|line| (line.text("severity"), line.text("identity")));
    let expected = [("WARN", "claimed"), ("INFO", "host"), ("INFO", "claimed")];
    assert!(said.eq(expected.map(|(severity, how)| (severity.to_owned(), how.to_owned()))));
    assert!(!lines[3].line.contains("identity"), "{}", lines[3].line);
    assert!(lines.iter().all(|line| !line.line.contains("mukiza")));
}

#[test]
fn a_self_test_of_a_healthy_system_warns_of_nothing() {
    let lines = logged(|| {
        play(async |auditor| {
            auditor.self_test().await.expect("the kill switch works");
        });
    });
    let loud =
        lines.iter().find(|line| !["INFO", "DEBUG"].contains(&line.text("severity").as_str()));
    assert!(loud.is_none(), "{}", loud.map(|line| line.line.as_str()).unwrap_or_default());
    assert_eq!(of_records(lines).len(), 5, "its events are there");
}

#[test]
fn what_warns_by_being_there_is_a_warning() {
    let lines = logged(|| {
        play(async |auditor| {
            let injection = AuditEvent::new(EventType::MOLTBOT_INJECTION_DETECTED, Actor::System);
            auditor.record(injection.request(&fresh_request())).await.expect("recorded");
        });
    });
    assert_eq!(of_records(lines)[0].text("severity"), "WARN");
}
