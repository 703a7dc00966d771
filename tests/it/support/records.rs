//! Sealed records to append, and the check that a stream read back holds together.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use moltbot_audit::proof::{Salt, chain_hash, stream_start};
use moltbot_audit::record::{Commitments, Receipt, Record, StoredRecord, seal};
use moltbot_audit::redact::RedactionKey;
use moltbot_audit::store::StreamSnapshot;
use moltbot_audit::{
    Actor, AuditEvent, ConversationId, ErrorCode, EventId, EventType, Outcome, RequestId, StreamId,
    TraceContext,
};
use serde_json::json;
use uuid::Uuid;

pub(crate) const KEY: RedactionKey = RedactionKey::from_bytes([7; 32]);

/// A number that no other call in this process gets. Other processes count on from elsewhere.
pub(crate) fn unique() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    (u64::from(std::process::id()) << 32) + NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A request that no other test uses.
pub(crate) fn fresh_request() -> RequestId {
    RequestId::from_uuid(Uuid::from_u64_pair(0x4000, (1 << 63) | unique())).expect("a UUID")
}

/// A conversation that no other test uses.
pub(crate) fn fresh_conversation() -> ConversationId {
    ConversationId::from_uuid(Uuid::from_u64_pair(0x4000, (1 << 63) | unique())).expect("a UUID")
}

/// The request of this name, by the tests' key.
pub(crate) fn named_request(name: &str) -> RequestId {
    KEY.request_id(name).expect("a name")
}

/// The request of a test that needs only one.
pub(crate) fn request() -> RequestId {
    named_request("d1a1c9de-52f6-4f0b-9f0a-3a1f6f0c9b77")
}

/// The conversation of this name, by the tests' key.
pub(crate) fn named_conversation(name: &str) -> ConversationId {
    KEY.conversation_id(name).expect("a name")
}

/// The stream of a request.
pub(crate) fn stream(request: &RequestId) -> StreamId {
    request.into()
}

/// When the events of the tests happen, whatever the machine's clock says.
pub(crate) fn morning() -> DateTime<Utc> {
    DateTime::from_timestamp_micros(1_790_000_000_123_456).expect("a time in September 2026")
}

/// An event with an id and content of its own.
pub(crate) fn event(request: &RequestId) -> AuditEvent {
    let number = unique();
    AuditEvent::new(EventType::MOLTBOT_CALLED, Actor::System)
        .request(request)
        .id(EventId::new(morning(), number).expect("a time of this century"))
        .input(json!({ "number": number, "text": "Muraho, ndashaka imiti" }))
        .output(json!({ "action": "reply" }))
        .idempotency_key(format!("call:{number}"))
}

/// The `n`-th event of a request, the same in every process; every column is filled.
pub(crate) fn numbered(request: &RequestId, n: u64) -> AuditEvent {
    let step = TimeDelta::microseconds(i64::try_from(n).expect("a small number"));
    AuditEvent::new(EventType::VENDOR_REPLY_RECORDED, Actor::Vendor)
        .request(request)
        .conversation(&named_conversation("conv_001"))
        .id(EventId::new(morning() + step, n).expect("a time of this century"))
        .input(json!({ "text": "ndayifite, 12 500", "n": n, "photos": [] }))
        .output(json!({ "price_min": 12_500, "confidence": 0.85 }))
        .idempotency_key(format!("wamid.{n}"))
        .duration(Duration::from_millis(n))
        .ended(Outcome::Failed, ErrorCode::ProviderError)
        .trace(TraceContext::new(7, n + 1).expect("not zero"))
        .caused_by(EventId::new(morning(), n + 1).expect("a time of this century"))
}

/// Seals with a new salt each time.
pub(crate) fn sealed(event: AuditEvent) -> Record {
    let mut salt = [0; 16];
    salt[..8].copy_from_slice(&unique().to_be_bytes());
    seal_with(event, salt)
}

/// Seals with a salt made of `salt`.
pub(crate) fn sealed_under(event: AuditEvent, salt: u8) -> Record {
    seal_with(event, [salt; 16])
}

fn seal_with(event: AuditEvent, salt: [u8; 16]) -> Record {
    seal(event, morning(), unique(), Salt::from_bytes(salt), &KEY).expect("a valid event")
}

/// New records of one request.
pub(crate) fn records(request: &RequestId, count: usize) -> Vec<Record> {
    (0..count).map(|_| sealed(event(request))).collect()
}

/// The records of the events with these numbers, the same in every process.
pub(crate) fn numbered_records(
    request: &RequestId,
    numbers: impl IntoIterator<Item = u64>,
) -> Vec<Record> {
    numbers.into_iter().map(|n| sealed_under(numbered(request, n), 9)).collect()
}

/// Asserts that a stream holds together.
pub(crate) fn assert_unbroken(snapshot: &StreamSnapshot) {
    assert_eq!(verify(snapshot), Ok(()));
}

/// Recomputes everything that can be recomputed, and compares it with what was stored.
pub(crate) fn verify(snapshot: &StreamSnapshot) -> Result<(), String> {
    let (Some(first), Some(last)) = (snapshot.records.first(), snapshot.records.last()) else {
        return Err("no rows".to_owned());
    };
    let mut chain = stream_start(*first.header.stream_id.uuid().as_bytes());
    for (stored, seq) in snapshot.records.iter().zip(1..) {
        chain = chain_hash(chain, stored.event_hash, seq, stored.recorded_at);
        let faults = [
            (stored.seq != seq).then_some("seq has a gap"),
            stored.header.contradiction(),
            (stored.commitments != recommitted(stored)).then_some("a commitment differs"),
            (stored.event_hash != stored.commitments.event_hash(&stored.header))
                .then_some("event_hash differs"),
            (stored.chain_hash != chain).then_some("chain_hash differs"),
        ];
        if let Some(fault) = faults.into_iter().flatten().next() {
            return Err(format!("event {}: {fault}", stored.seq));
        }
    }
    let kept = &snapshot.head;
    if (kept.seq, kept.chain_hash) != (last.seq, last.chain_hash)
        || (kept.started_at, kept.last_at) != (first.recorded_at, last.recorded_at)
    {
        return Err("the head is not that of the last event".to_owned());
    }
    Ok(())
}

fn recommitted(stored: &StoredRecord) -> Commitments {
    Commitments::to(
        stored.salt,
        stored.input.as_ref(),
        stored.output.as_ref(),
        stored.idempotency_key.as_deref(),
        stored.host_ids.as_ref(),
    )
}

/// Whether both receipts are of one event at one place.
pub(crate) fn is_same_place(receipt: &Receipt, other: &Receipt) -> bool {
    let place = |receipt: &Receipt| {
        (receipt.event_id, receipt.stream_id, receipt.seq, receipt.recorded_at, receipt.chain_hash)
    };
    place(receipt) == place(other) && receipt.event_hash == other.event_hash
}

/// Whether a receipt is that of an event that was stored before, as `first` has it.
pub(crate) fn is_first_receipt(again: &Receipt, first: &Receipt) -> bool {
    again.is_duplicate() && is_same_place(again, first)
}
