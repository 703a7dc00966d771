//! The readable side.

use chrono::DateTime;
use serde_json::Value;
use sqlx::sqlite::SqlitePool;

use super::cells::Cells;
use super::error::failed;
use crate::event::{EventId, EventType, StreamId};
use crate::proof::stream_start;
use crate::record::{Commitments, Header, StoredRecord, UnreadableRecord};
use crate::store::{StoreError, StreamHead, StreamSnapshot};

const DOING: &str = "read a stream";
const DOING_HEAD: &str = "read a stream's head";

const SELECT_HEAD: &str = "
    select seq as head_seq, head, started_at, last_at from audit_streams where stream_id = ?1
";

/// Head and rows in one statement, so that they are of one moment, and there is no transaction for a
/// dropped future to leave open. The first of the three tables always has its row, so a head without
/// rows and rows without a head come out too.
const SELECT: &str = "
    select
        event.*,
        stream.seq as head_seq,
        stream.head,
        stream.started_at,
        stream.last_at
    from (select ?1 as stream_id) as wanted
    left join audit_streams as stream on stream.stream_id = wanted.stream_id
    left join audit_events as event on event.stream_id = wanted.stream_id
    order by event.seq
";

const SELECT_EVENTS: &str =
    "select * from audit_events where stream_id = ?1 and id in (select value from json_each(?2))";
const SELECT_EVENTS_OF: &str = "select * from audit_events where stream_id = ?1 \
     and event_type in (select value from json_each(?2))";
const DOING_EVENTS: &str = "read events";

pub(super) async fn read_head(
    readers: &SqlitePool,
    stream_id: StreamId,
) -> Result<Option<StreamHead>, StoreError> {
    let query = sqlx::query(SELECT_HEAD).bind(stream_id.to_string());
    let found = query.fetch_optional(readers).await.map_err(|error| failed(DOING_HEAD, error))?;
    let Some(row) = found else { return Ok(None) };
    Cells::of(&row, stream_id, "head_seq")?.map(head).transpose()
}

/// Reads single events of a stream. One that cannot be read is left out.
pub(super) async fn read_events(
    readers: &SqlitePool,
    stream_id: StreamId,
    ids: &[EventId],
) -> Result<Vec<StoredRecord>, StoreError> {
    let ids = ids.iter().map(ToString::to_string).collect();
    select_events(readers, SELECT_EVENTS, stream_id, ids).await
}

/// Reads the events of these types of a stream. One that cannot be read is left out.
pub(super) async fn read_events_of(
    readers: &SqlitePool,
    stream_id: StreamId,
    event_types: &[EventType],
) -> Result<Vec<StoredRecord>, StoreError> {
    let types = event_types.iter().map(ToString::to_string).collect();
    select_events(readers, SELECT_EVENTS_OF, stream_id, types).await
}

/// `?2` of the statement is a list.
async fn select_events(
    readers: &SqlitePool,
    select: &'static str,
    stream_id: StreamId,
    list: Vec<String>,
) -> Result<Vec<StoredRecord>, StoreError> {
    let select = sqlx::query(select).bind(stream_id.to_string());
    let found = select.bind(Value::from(list).to_string()).fetch_all(readers).await;
    let mut records = Vec::new();
    for row in &found.map_err(|error| failed(DOING_EVENTS, error))? {
        let cells = Cells::of(row, stream_id, "seq")?;
        records.extend(cells.and_then(|cells| record(cells).ok()));
    }
    Ok(records)
}

pub(super) async fn read_stream(
    readers: &SqlitePool,
    stream_id: StreamId,
) -> Result<Option<StreamSnapshot>, StoreError> {
    let found = sqlx::query(SELECT).bind(stream_id.to_string()).fetch_all(readers).await;
    let rows = found.map_err(|error| failed(DOING, error))?;
    let mut head = None;
    let (mut records, mut unreadable) = (Vec::with_capacity(rows.len()), Vec::new());
    for row in &rows {
        // Every row carries the same head.
        if let (None, Some(cells)) = (head, Cells::of(row, stream_id, "head_seq")?) {
            head = Some(self::head(cells)?);
        }
        if let Some(cells) = Cells::of(row, stream_id, "seq")? {
            match record(cells) {
                Ok(record) => records.push(record),
                // One malformed row does not hide the rest.
                Err(StoreError::Malformed { column, reason, .. }) => {
                    unreadable.push(unreadable_record(cells, (column, reason))?);
                }
                Err(error) => return Err(error),
            }
        }
    }
    // The head was removed. The rows are shown all the same, under a head that fits none of them,
    // for the verifier to object to.
    if head.is_none() && (!records.is_empty() || !unreadable.is_empty()) {
        head = Some(StreamHead {
            seq: 0,
            chain_hash: stream_start(*stream_id.uuid().as_bytes()),
            started_at: DateTime::UNIX_EPOCH,
            last_at: DateTime::UNIX_EPOCH,
        });
    }
    Ok(head.map(|head| StreamSnapshot { head, records, unreadable }))
}

fn head(cells: Cells<'_>) -> Result<StreamHead, StoreError> {
    Ok(StreamHead {
        seq: cells.seq(),
        chain_hash: cells.digest("head")?,
        started_at: cells.time("started_at")?,
        last_at: cells.time("last_at")?,
    })
}

fn record(cells: Cells<'_>) -> Result<StoredRecord, StoreError> {
    let missing = |column| cells.malformed(column, "is missing");
    let duration_ms: Option<i64> = cells.get("duration_ms")?;
    Ok(StoredRecord {
        header: Header {
            id: cells.uuid("id")?.ok_or_else(|| missing("id"))?,
            stream_id: cells.uuid("stream_id")?.ok_or_else(|| missing("stream_id"))?.into(),
            request_id: cells.uuid("request_id")?,
            conversation_id: cells.uuid("conversation_id")?,
            event_type: cells.get("event_type")?,
            actor: cells.get("actor")?,
            outcome: cells.get("outcome")?,
            error_code: cells.get("error_code")?,
            duration_ms: duration_ms
                .map(i32::try_from)
                .transpose()
                .map_err(|_| cells.malformed("duration_ms", "is beyond 32 bits"))?,
            created_at: cells.time("created_at")?,
            trace_id: cells.get("trace_id")?,
            span_id: cells.get("span_id")?,
            caused_by: cells.uuid("caused_by")?,
            writer_id: cells.uuid("writer_id")?,
            version: cells.get("format_version")?,
        },
        input: cells.json("input")?,
        output: cells.json("output")?,
        idempotency_key: cells.get("idempotency_key")?,
        host_ids: cells.json_object("host_ids")?,
        salt: cells.salt("salt")?,
        commitments: Commitments {
            input: cells.digest("input_commitment")?,
            output: cells.digest("output_commitment")?,
            idempotency_key: cells.digest("key_commitment")?,
            host_ids: cells.digest("host_ids_commitment")?,
        },
        event_hash: cells.digest("event_hash")?,
        seq: cells.seq(),
        recorded_at: cells.time("recorded_at")?,
        chain_hash: cells.digest("chain_hash")?,
    })
}

/// What of a row is needed to chain on from it.
fn unreadable_record(
    cells: Cells<'_>,
    (column, fault): (&'static str, &'static str),
) -> Result<UnreadableRecord, StoreError> {
    Ok(UnreadableRecord {
        seq: cells.seq(),
        id: cells.uuid("id").unwrap_or_default(),
        recorded_at: cells.time("recorded_at")?,
        event_hash: cells.digest("event_hash")?,
        chain_hash: cells.digest("chain_hash")?,
        column,
        fault,
    })
}
