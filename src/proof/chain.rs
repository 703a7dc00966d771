//! Order evidence: each event's hash, and the chain over a stream.

use chrono::{DateTime, Utc};

use serde_json::Value;

use super::commitment::length;
use super::{Digest, canonical};

const EVENT: &[u8] = b"moltbot-audit/v1/event\0";
const STREAM: &[u8] = b"moltbot-audit/v1/stream\0";
const CHAIN: &[u8] = b"moltbot-audit/v1/chain\0";

/// The hash of one event: its canonical header, then the commitments to input, output, idempotency
/// key and host ids, in this order.
#[must_use]
pub fn event_hash(canonical_header: &str, commitments: [Digest; 4]) -> Digest {
    let [input, output, key, host_ids] = &commitments;
    Digest::of(&[
        EVENT,
        &length(canonical_header.len()),
        canonical_header.as_bytes(),
        input.as_bytes(),
        output.as_bytes(),
        key.as_bytes(),
        host_ids.as_bytes(),
    ])
}

/// `chain(0)`, to which the first event of a stream is chained.
#[must_use]
pub fn stream_start(stream_id: [u8; 16]) -> Digest {
    Digest::of(&[STREAM, &stream_id])
}

/// `chain(n)`, which binds the event's hash, its place `seq` from 1, and its time by the database to all earlier
/// events.
#[must_use]
pub fn chain_hash(
    previous: Digest,
    event_hash: Digest,
    seq: i64,
    recorded_at: DateTime<Utc>,
) -> Digest {
    Digest::of(&[
        CHAIN,
        previous.as_bytes(),
        event_hash.as_bytes(),
        &seq.to_be_bytes(),
        &recorded_at.timestamp_micros().to_be_bytes(),
    ])
}

/// The digest of a JSON document under a tag of its own: `"moltbot-audit/v1/" tag "\0" canonical`.
#[must_use]
pub fn tagged_digest(tag: &str, document: &Value) -> Digest {
    Digest::of(&[b"moltbot-audit/v1/", tag.as_bytes(), &[0], canonical(document).as_bytes()])
}
