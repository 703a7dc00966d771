//! Events to test with, and the checks that any stored stream must pass.

use chrono::{DateTime, TimeDelta, Utc};
use moltbot_audit::proof::{chain_hash, stream_start};
use moltbot_audit::record::{Commitments, Randomness, Record, StoredRecord, seal};
use moltbot_audit::redact::RedactionKey;
use moltbot_audit::store::StreamSnapshot;
use moltbot_audit::{
    Actor, AuditEvent, ConversationId, ErrorCode, EventId, EventType, Outcome, RequestId,
    TraceContext,
};
use serde_json::json;

/// A quarter past nine in Kigali.
pub(crate) fn morning() -> DateTime<Utc> {
    DateTime::parse_from_rfc3339("2026-03-02T07:15:00.123456Z").expect("a time").to_utc()
}

/// The `n`-th event of a request; every column is filled.
pub(crate) fn event(request: &RequestId, n: u64) -> AuditEvent {
    let step = TimeDelta::microseconds(i64::try_from(n).expect("a small number"));
    AuditEvent::new(EventType::VENDOR_REPLY_RECORDED, Actor::Vendor)
        .request(request)
        .conversation(&ConversationId::from_host("conv_001"))
        .id(EventId::new(morning() + step, n).expect("an id"))
        .input(json!({ "text": "ndayifite, 12 500", "n": n, "photos": [] }))
        .output(json!({ "price_min": 12_500, "confidence": 0.85 }))
        .idempotency_key(format!("wamid.{n}"))
        .duration(std::time::Duration::from_millis(n))
        .ended(Outcome::Failed, ErrorCode::ProviderError)
        .trace(TraceContext::new(7, n + 1).expect("not zero"))
}

/// Seals under a salt made of `salt`.
pub(crate) fn sealed(event: AuditEvent, salt: u8) -> Record {
    let randomness = Randomness { id: u64::from(salt), salt: [salt; 16] };
    seal(event, morning(), randomness, &key()).expect("a valid event")
}

/// The records of the events with these numbers.
pub(crate) fn records(request: &RequestId, numbers: impl IntoIterator<Item = u64>) -> Vec<Record> {
    numbers.into_iter().map(|n| sealed(event(request, n), 9)).collect()
}

pub(crate) fn key() -> RedactionKey {
    RedactionKey::from_bytes([3; 32])
}

/// Recomputes everything that binds a stream together.
pub(crate) fn verify(snapshot: &StreamSnapshot) -> Result<(), String> {
    let Some(first) = snapshot.records.first() else { return Err("no rows".to_owned()) };
    let mut head = stream_start(*first.header.stream_id.uuid().as_bytes());
    for (index, record) in snapshot.records.iter().enumerate() {
        let fault = |what| Err(format!("event {}: {what}", record.seq));
        let expected = first.seq + i64::try_from(index).expect("few rows");
        head = chain_hash(head, record.event_hash, record.recorded_at);
        if record.seq != expected || first.seq != 1 {
            return fault("seq has a gap");
        } else if let Some(what) = record.header.contradiction() {
            return fault(what);
        } else if record.commitments != recommitted(record) {
            return fault("a commitment differs");
        } else if record.event_hash != record.commitments.event_hash(&record.header) {
            return fault("event_hash differs");
        } else if record.chain_hash != head {
            return fault("chain_hash differs");
        }
    }
    let last = &snapshot.records[snapshot.records.len() - 1];
    let kept = &snapshot.head;
    if (kept.seq, kept.chain_hash) != (last.seq, last.chain_hash)
        || (kept.started_at, kept.last_at) != (first.recorded_at, last.recorded_at)
    {
        return Err("the head is not that of the last event".to_owned());
    }
    Ok(())
}

fn recommitted(record: &StoredRecord) -> Commitments {
    Commitments::to(
        record.salt,
        record.input.as_ref(),
        record.output.as_ref(),
        record.idempotency_key.as_deref(),
        record.host_ids.as_ref(),
    )
}
