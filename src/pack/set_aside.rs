//! Events that a pack cannot vouch for. They keep their place and show nothing.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::rebuild::is_sanitised;
use crate::proof::Digest;
use crate::record::{Commitments, StoredRecord, UnreadableRecord};

/// An event that is not what was sealed. The chain still covers its hash, so its place and time are
/// proven, and so is every other event.
///
/// Nothing proves why an event is set aside, because the maker of a pack can set aside any event.
/// So a pack with such an event is never [`Intact`](super::Verdict::Intact).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SetAsideEvent {
    /// Place in the stream, from 1.
    pub seq: i64,
    /// The id in its row, if it is a valid one.
    pub id: Option<Uuid>,
    /// The database's time.
    #[serde(with = "crate::record::micros")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::record::micros::schema"))]
    pub recorded_at: DateTime<Utc>,
    /// The hash that is chained.
    pub event_hash: Digest,
    /// The chain up to here.
    pub chain_hash: Digest,
    /// Why it is set aside, according to its store.
    pub reason: SetAsideReason,
}

/// Why an event is set aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SetAsideReason {
    /// Its content or its header does not match the hash that was chained.
    ContentChanged,
    /// It matches its hash, but has a form that the library never seals.
    Malformed,
    /// A column of it cannot be read.
    Unreadable,
}

impl fmt::Display for SetAsideReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ContentChanged => "its content does not match what was sealed",
            Self::Malformed => "it has a form that the library never seals",
            Self::Unreadable => "it cannot be read",
        })
    }
}

impl SetAsideEvent {
    /// Sets an event aside if it is not what was sealed. `None` if it is.
    pub(super) fn of(record: &StoredRecord) -> Option<Self> {
        fault(record).map(|reason| Self {
            seq: record.seq,
            id: Some(record.header.id),
            recorded_at: record.recorded_at,
            event_hash: record.event_hash,
            chain_hash: record.chain_hash,
            reason,
        })
    }
}

impl From<&UnreadableRecord> for SetAsideEvent {
    fn from(record: &UnreadableRecord) -> Self {
        Self {
            seq: record.seq,
            id: record.id,
            recorded_at: record.recorded_at,
            event_hash: record.event_hash,
            chain_hash: record.chain_hash,
            reason: SetAsideReason::Unreadable,
        }
    }
}

fn fault(record: &StoredRecord) -> Option<SetAsideReason> {
    let commitments = Commitments::to(
        record.salt,
        record.input.as_ref(),
        record.output.as_ref(),
        record.idempotency_key.as_deref(),
        record.host_ids.as_ref(),
    );
    let is_sealed = || {
        let mut parts = record.input.iter().chain(&record.output).chain(&record.host_ids);
        parts.all(is_sanitised)
    };
    if commitments != record.commitments
        || commitments.event_hash(&record.header) != record.event_hash
    {
        Some(SetAsideReason::ContentChanged)
    } else if record.header.contradiction().is_some() || !is_sealed() {
        Some(SetAsideReason::Malformed)
    } else {
        None
    }
}
