//! Sealed records to append, and the check that a stream read back holds together.

use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, Utc};
use moltbot_audit::proof::{chain_hash, stream_start};
use moltbot_audit::record::{Commitments, Randomness, Record, seal};
use moltbot_audit::redact::RedactionKey;
use moltbot_audit::store::StreamSnapshot;
use moltbot_audit::{Actor, AuditEvent, EventId, EventType, RequestId, StreamId};
use serde_json::json;
use uuid::Uuid;

const KEY: RedactionKey = RedactionKey::from_bytes([7; 32]);

/// A number that no other call in this process gets. Other processes count on from elsewhere.
pub(crate) fn unique() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    (u64::from(std::process::id()) << 32) + NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A request that no other test uses.
pub(crate) fn fresh_request() -> RequestId {
    Uuid::from_u64_pair(0x4000, (1 << 63) | unique()).into()
}

/// The stream of a request.
pub(crate) fn stream(request: &RequestId) -> StreamId {
    request.into()
}

/// When the events of the tests happen, whatever the machine's clock says.
pub(crate) fn now() -> DateTime<Utc> {
    DateTime::from_timestamp_micros(1_790_000_000_000_000).expect("a time in September 2026")
}

/// An event with an id and content of its own.
pub(crate) fn event(request: &RequestId) -> AuditEvent {
    let number = unique();
    AuditEvent::new(EventType::MOLTBOT_CALLED, Actor::System)
        .request(request)
        .id(EventId::new(now(), number).expect("a time of this century"))
        .input(json!({ "number": number, "text": "Muraho, ndashaka imiti" }))
        .output(json!({ "action": "reply" }))
        .idempotency_key(format!("call:{number}"))
}

/// Seals with a new salt each time.
pub(crate) fn sealed(event: AuditEvent) -> Record {
    let mut salt = [0; 16];
    salt[..8].copy_from_slice(&unique().to_be_bytes());
    seal(event, now(), Randomness { id: unique(), salt }, &KEY).expect("a valid event")
}

/// New records of one request.
pub(crate) fn records(request: &RequestId, count: usize) -> Vec<Record> {
    (0..count).map(|_| sealed(event(request))).collect()
}

/// Recomputes everything that can be recomputed, and asserts that it is what was stored.
pub(crate) fn assert_unbroken(snapshot: &StreamSnapshot) {
    let stream_id = snapshot.records[0].header.stream_id;
    let mut chain = stream_start(*stream_id.uuid().as_bytes());
    for (stored, seq) in snapshot.records.iter().zip(1..) {
        assert_eq!(stored.seq, seq, "seq runs without gap");
        assert_eq!(stored.header.contradiction(), None);
        let commitments = Commitments::to(
            stored.salt,
            stored.input.as_ref(),
            stored.output.as_ref(),
            stored.idempotency_key.as_deref(),
            stored.host_ids.as_ref(),
        );
        assert_eq!(stored.commitments, commitments, "commitments of event {seq}");
        assert_eq!(stored.event_hash, commitments.event_hash(&stored.header), "event {seq}");
        chain = chain_hash(chain, stored.event_hash, stored.recorded_at);
        assert_eq!(stored.chain_hash, chain, "chain up to event {seq}");
    }
    let last = snapshot.records.last().expect("at least one record");
    assert_eq!(snapshot.head.seq, last.seq);
    assert_eq!(snapshot.head.chain_hash, chain);
    assert_eq!(snapshot.head.started_at, snapshot.records[0].recorded_at);
    assert_eq!(snapshot.head.last_at, last.recorded_at);
}
