//! What sealing costs, against the least a host would do for an audit line: serialise it and hash it.
//!
//! `cargo bench --bench seal` prints one table, over medians of rounds in which the ways take turns.
//! `-- --quick` runs a small size, to see that it works.

#![allow(
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark reads the clock, divides and prints"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use moltbot_audit::proof::Salt;
use moltbot_audit::record::seal;
use moltbot_audit::redact::RedactionKey;
use moltbot_audit::{Actor, AuditEvent, ConversationId, EventId, EventType, RequestId};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

const KEY: RedactionKey = RedactionKey::from_bytes([7; 32]);

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    // Rounds are short, because what else runs on the machine comes and goes.
    let (rounds, count) = if quick { (3, 200) } else { (2_001, 100) };
    let events: Vec<_> = (0..count).map(event).collect();
    let (mut all_sealed, mut all_lines, mut all_with_hash) = (Vec::new(), Vec::new(), Vec::new());
    // One round more, not counted: the first fills caches.
    for nth in 0..=rounds {
        let [sealed, line, with_hash] = measure(&events);
        if nth > 0 {
            all_sealed.push(sealed);
            all_lines.push(line);
            all_with_hash.push(with_hash);
        }
    }
    let (sealed, line, with_hash) = (median(all_sealed), median(all_lines), median(all_with_hash));
    println!("{:<44} {:>9}", "medians of rounds", "ns/event");
    println!("{:<44} {sealed:>9.0}", "seal");
    println!("{:<44} {line:>9.0}  seal takes {:.1} times it", "serde_json", sealed / line);
    println!(
        "{:<44} {with_hash:>9.0}  seal takes {:.1} times it",
        "serde_json, SHA-256",
        sealed / with_hash
    );
}

/// Nanoseconds an event: sealed, serialised, serialised and hashed.
fn measure(events: &[AuditEvent]) -> [f64; 3] {
    let per_event = |took: Duration| took.as_nanos() as f64 / events.len() as f64;
    let owned = events.to_vec();
    let started = Instant::now();
    for (event, number) in owned.into_iter().zip(0_u64..) {
        black_box(
            seal(event, now(), number, Salt::from_bytes([7; 16]), &KEY).expect("a valid event"),
        );
    }
    let sealed = per_event(started.elapsed());
    let started = Instant::now();
    for event in events {
        black_box(serialise(event));
    }
    let serialised = per_event(started.elapsed());
    let started = Instant::now();
    for event in events {
        black_box(Sha256::digest(serialise(event)));
    }
    [sealed, serialised, per_event(started.elapsed())]
}

/// A vendor is messaged, as a host reports it thousands of times.
fn event(number: u64) -> AuditEvent {
    let mixed = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let scattered = Uuid::from_u64_pair(mixed, number << 32);
    let created_at =
        DateTime::from_timestamp_micros(1_790_000_000_000_000).expect("a time of 2026");
    AuditEvent::new(EventType::VENDOR_OUTREACH_SENT, Actor::System)
        .id(EventId::new(created_at, number).expect("a time of this century"))
        .request(&RequestId::from_uuid(scattered).expect("a UUID"))
        .conversation(&ConversationId::from_uuid(scattered).expect("a UUID"))
        .input(json!({
            "vendor_id": scattered, "batch": 1, "channel": "whatsapp",
            "text": "Muraho! Do you have paracetamol 500mg, 2 boxes, in stock, and at what price?",
        }))
        .output(json!({ "message_id": format!("wamid.{number}"), "accepted": true }))
        .duration(Duration::from_millis(number % 900))
        .idempotency_key(format!("outreach:{number}"))
}

/// An event as a line of a log.
#[derive(Serialize)]
struct Line<'a> {
    id: Option<EventId>,
    request_id: Option<Uuid>,
    conversation_id: Option<Uuid>,
    event_type: &'a str,
    actor: &'a str,
    outcome: &'a str,
    duration_ms: Option<u128>,
    created_at: Option<DateTime<Utc>>,
    input: Option<&'a Value>,
    output: Option<&'a Value>,
    idempotency_key: Option<&'a str>,
}

fn serialise(event: &AuditEvent) -> String {
    let line = Line {
        id: event.id,
        request_id: event.request_id.as_ref().map(RequestId::uuid),
        conversation_id: event.conversation_id.as_ref().map(ConversationId::uuid),
        event_type: event.event_type.as_str(),
        actor: event.actor.as_str(),
        outcome: event.outcome.as_str(),
        duration_ms: event.duration.map(|duration| duration.as_millis()),
        created_at: event.id.map(EventId::created_at),
        input: event.input.as_ref(),
        output: event.output.as_ref(),
        idempotency_key: event.idempotency_key.as_deref(),
    };
    serde_json::to_string(&line).expect("an event is JSON")
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A time at which none of the events lies ahead.
fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).expect("a time of the calendar")
}
