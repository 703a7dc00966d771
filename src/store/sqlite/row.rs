//! A record as the columns of a row.

use std::time::Duration;

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use crate::event::StreamId;
use crate::proof::{Digest, Salt};
use crate::record::{Commitments, Record, Role};

/// What is stored of a record, apart from its place in the chain.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) id: Uuid,
    pub(super) stream_id: StreamId,
    pub(super) content: Content,
    pub(super) writer_id: Option<String>,
    pub(super) version: i16,
    pub(super) salt: Salt,
    pub(super) commitments: Commitments,
    pub(super) event_hash: Digest,
    pub(super) waited: Duration,
    pub(super) part: Option<Part>,
}

/// What a row does to an effect's entry, as the record's [`Role`] says.
#[derive(Debug)]
pub(super) enum Part {
    /// Makes it, where it is not there yet.
    Intent(Record),
    /// Settles it.
    Outcome,
}

/// The columns that the caller fixes: two events of one id are the same where these are equal.
/// Salts are left out, because an event that is reported twice is sealed twice. The writer is left out too: another
/// process may try again.
#[derive(Clone, PartialEq)]
pub(super) struct Content {
    pub(super) id: String,
    pub(super) request_id: Option<String>,
    pub(super) conversation_id: Option<String>,
    pub(super) event_type: String,
    pub(super) actor: String,
    pub(super) input: Option<String>,
    pub(super) output: Option<String>,
    pub(super) idempotency_key: Option<String>,
    pub(super) duration_ms: Option<i64>,
    pub(super) created_at: i64,
    pub(super) stream_id: String,
    pub(super) outcome: String,
    pub(super) error_code: Option<String>,
    pub(super) trace_id: Option<String>,
    pub(super) span_id: Option<String>,
    pub(super) caused_by: Option<String>,
    pub(super) host_ids: Option<String>,
}

impl Content {
    /// The columns of a stored row, unchecked: they are only compared.
    pub(super) fn of(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            request_id: row.try_get("request_id")?,
            conversation_id: row.try_get("conversation_id")?,
            event_type: row.try_get("event_type")?,
            actor: row.try_get("actor")?,
            input: row.try_get("input")?,
            output: row.try_get("output")?,
            idempotency_key: row.try_get("idempotency_key")?,
            duration_ms: row.try_get("duration_ms")?,
            created_at: row.try_get("created_at")?,
            stream_id: row.try_get("stream_id")?,
            outcome: row.try_get("outcome")?,
            error_code: row.try_get("error_code")?,
            trace_id: row.try_get("trace_id")?,
            span_id: row.try_get("span_id")?,
            caused_by: row.try_get("caused_by")?,
            host_ids: row.try_get("host_ids")?,
        })
    }
}

impl From<&Record> for Row {
    fn from(record: &Record) -> Self {
        let header = record.header();
        Self {
            id: header.id,
            stream_id: header.stream_id,
            content: Content {
                id: header.id.to_string(),
                request_id: header.request_id.map(|id| id.to_string()),
                conversation_id: header.conversation_id.map(|id| id.to_string()),
                event_type: header.event_type.clone(),
                actor: header.actor.clone(),
                input: record.canonical_input().map(str::to_owned),
                output: record.canonical_output().map(str::to_owned),
                idempotency_key: record.idempotency_key().map(str::to_owned),
                duration_ms: header.duration_ms.map(i64::from),
                created_at: header.created_at.timestamp_micros(),
                stream_id: header.stream_id.to_string(),
                outcome: header.outcome.clone(),
                error_code: header.error_code.clone(),
                trace_id: header.trace_id.clone(),
                span_id: header.span_id.clone(),
                caused_by: header.caused_by.map(|id| id.to_string()),
                host_ids: record.canonical_host_ids().map(str::to_owned),
            },
            writer_id: header.writer_id.map(|id| id.to_string()),
            version: header.version,
            salt: record.salt(),
            commitments: *record.commitments(),
            event_hash: record.event_hash(),
            waited: record.waited().unwrap_or_default(),
            part: match record.role() {
                Role::Event => None,
                // When it is admitted is known once the lock is held.
                Role::Intent => Some(Part::Intent(record.clone())),
                Role::Outcome => Some(Part::Outcome),
            },
        }
    }
}

// Input, output and key may hold personal data.
impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Content").field("id", &self.id).finish_non_exhaustive()
    }
}
