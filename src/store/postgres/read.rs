//! Reads a stream: one statement, so one snapshot.
//!
//! Reading never fails over the content of one event. Postgres accepts JSON and times that `seal` never
//! writes, and a role that may append can store them. Such an event comes back as unreadable, so that a pack
//! can set it aside and vouch for the rest.

use chrono::{DateTime, Datelike as _, Utc};
use serde_json::Value;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgRow, PgTypeInfo, PgValueRef, Postgres};
use sqlx::{Decode, Row, Type};
use uuid::Uuid;

use super::cells::read_jsonb;
use super::connections::Connections;
use super::sql::{Sql, sql};
use crate::event::{EventId, EventType, StreamId};
use crate::proof::{Digest, Salt, stream_start};
use crate::record::{Commitments, Header, StoredRecord, UnreadableRecord};
use crate::store::{StoreError, StreamHead, StreamSnapshot};

macro_rules! event_columns {
    () => {
        "
        e.seq, e.recorded_at, e.id, e.request_id, e.conversation_id, e.event_type, e.actor,
        e.outcome, e.error_code, e.duration_ms, e.created_at, e.trace_id, e.span_id, e.caused_by,
        e.writer_id, e.format_version, e.input::text as input, e.output::text as output,
        e.idempotency_key, e.host_ids::text as host_ids, e.salt, e.input_commitment,
        e.output_commitment, e.key_commitment, e.host_ids_commitment, e.event_hash, e.chain_hash
    "
    };
}

/// Rows without a head and a head without rows both come back: what is missing is for the verifier to
/// say, not for a join to hide. An unknown stream gives one row of nulls.
const READ_STREAM: &str = concat!(
    "select
        s.seq as head_seq, s.head, s.started_at, s.last_at,",
    event_columns!(),
    "from (values ($1::uuid)) as asked (stream_id)
    left join moltbot_audit.audit_streams s on s.stream_id = asked.stream_id
    left join moltbot_audit.audit_events e on e.stream_id = asked.stream_id
    order by e.seq"
);

const READ_EVENTS: &str = concat!(
    "select",
    event_columns!(),
    "from moltbot_audit.audit_events e
    where e.stream_id = $1
        and (e.id, e.created_at) in (select * from unnest($2::uuid[], $3::timestamptz[]))"
);

const READ_EVENTS_OF: &str = concat!(
    "select",
    event_columns!(),
    "from moltbot_audit.audit_events e
    where e.stream_id = $1 and e.event_type = any ($2)"
);

/// The months of a stream's lifetime whose partition is there and is not attached. A month of margin, because months
/// go by the host's time and the stream's row by the database's.
const ARCHIVED_MONTHS: &str = "
    select to_char(m.begins, 'YYYY-MM') as month
    from
        moltbot_audit.audit_streams s,
        generate_series(
            date_trunc('month', s.heard_at at time zone 'UTC') - interval '1 month',
            s.last_at at time zone 'UTC' + interval '1 day', interval '1 month'
        ) as m (begins),
        to_regclass('moltbot_audit.audit_events_' || to_char(m.begins, 'YYYY_MM')) as t (partition)
    where s.stream_id = $1 and t.partition is not null and not exists (
        select from pg_inherits i
        where i.inhparent = 'moltbot_audit.audit_events'::regclass and i.inhrelid = t.partition
    )
    order by m.begins";

const READ_HEAD: Sql = sql!(
    "select seq as head_seq, head, started_at, last_at
    from moltbot_audit.audit_streams
    where stream_id = $1"
);

pub(super) async fn read_head(
    connections: &Connections,
    stream_id: StreamId,
) -> Result<Option<StreamHead>, StoreError> {
    let query = |pooling| READ_HEAD.query(pooling).bind(stream_id.uuid());
    let rows = connections.fetch_all("read a stream's head", query).await?;
    rows.first().map_or(Ok(None), |row| head(row, stream_id))
}

/// Reads single events of a stream. One that cannot be read is left out.
pub(super) async fn read_events(
    connections: &Connections,
    stream_id: StreamId,
    ids: &[EventId],
) -> Result<Vec<StoredRecord>, StoreError> {
    let uuids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    let times: Vec<DateTime<Utc>> = ids.iter().map(|id| id.created_at()).collect();
    // As in `read_stream`.
    let query = |_| {
        let read = sqlx::query(READ_EVENTS).bind(stream_id.uuid());
        read.bind(uuids.clone()).bind(times.clone()).persistent(false)
    };
    let rows = connections.fetch_all("read events", query).await?;
    Ok(rows.iter().filter_map(|row| stored_record(row, stream_id).ok().flatten()).collect())
}

/// Reads the events of these types of a stream. One that cannot be read is left out.
pub(super) async fn read_events_of(
    connections: &Connections,
    stream_id: StreamId,
    event_types: &[EventType],
) -> Result<Vec<StoredRecord>, StoreError> {
    let types: Vec<String> = event_types.iter().map(ToString::to_string).collect();
    // As in `read_stream`.
    let query = |_| {
        let read = sqlx::query(READ_EVENTS_OF).bind(stream_id.uuid());
        read.bind(types.clone()).persistent(false)
    };
    let rows = connections.fetch_all("read events of some types", query).await?;
    Ok(rows.iter().filter_map(|row| stored_record(row, stream_id).ok().flatten()).collect())
}

pub(super) async fn read_stream(
    connections: &Connections,
    stream_id: StreamId,
) -> Result<Option<StreamSnapshot>, StoreError> {
    // Planned anew each time: a plan kept from when the table was small would scan it.
    let query = |_| sqlx::query(READ_STREAM).bind(stream_id.uuid()).persistent(false);
    let rows = connections.fetch_all("read a stream", query).await?;
    let Some(first) = rows.first() else { return Ok(None) };
    let head = head(first, stream_id)?;
    let (mut records, mut unreadable) = (Vec::with_capacity(rows.len()), Vec::new());
    for row in &rows {
        match stored_record(row, stream_id) {
            Ok(record) => records.extend(record),
            // One malformed row does not hide the rest.
            Err(StoreError::Malformed { column, reason, .. }) => {
                unreadable.push(unreadable_record(row, stream_id, (column, reason))?);
            }
            Err(error) => return Err(error),
        }
    }
    if head.is_none() && records.is_empty() && unreadable.is_empty() {
        return Ok(None);
    }
    let found = records.len() + unreadable.len();
    if let Some(missing) = head.as_ref().and_then(|head| missing(head, found)) {
        let months = archived_months(connections, stream_id).await?;
        if !months.is_empty() {
            return Err(StoreError::Archived { stream_id, missing, months });
        }
    }
    // Rows whose head row is gone read as a head that has given out no place.
    let head = head.unwrap_or(StreamHead {
        seq: 0,
        chain_hash: stream_start(*stream_id.uuid().as_bytes()),
        started_at: DateTime::UNIX_EPOCH,
        last_at: DateTime::UNIX_EPOCH,
    });
    Ok(Some(StreamSnapshot { head, records, unreadable }))
}

/// How many of the events that a stream has had are not there.
fn missing(head: &StreamHead, found: usize) -> Option<i64> {
    let missing = head.seq.checked_sub(i64::try_from(found).ok()?)?;
    (missing > 0).then_some(missing)
}

async fn archived_months(
    connections: &Connections,
    stream_id: StreamId,
) -> Result<Vec<String>, StoreError> {
    let query = |_| sqlx::query(ARCHIVED_MONTHS).bind(stream_id.uuid()).persistent(false);
    let rows = connections.fetch_all("look for archived months", query).await?;
    let columns = |row| Columns { row, stream_id, seq: 0 };
    rows.iter().map(|row| columns(row).required("month")).collect()
}

fn head(row: &PgRow, stream_id: StreamId) -> Result<Option<StreamHead>, StoreError> {
    let columns = Columns { row, stream_id, seq: 0 };
    let Some(seq) = columns.optional::<i64>("head_seq")? else { return Ok(None) };
    Ok(Some(StreamHead {
        seq,
        chain_hash: columns.digest("head")?,
        started_at: columns.time("started_at")?,
        last_at: columns.time("last_at")?,
    }))
}

/// The event of a row, or `None` where the stream has a head only.
fn stored_record(row: &PgRow, stream_id: StreamId) -> Result<Option<StoredRecord>, StoreError> {
    let unplaced = Columns { row, stream_id, seq: 0 };
    let Some(seq) = unplaced.optional::<i64>("seq")? else { return Ok(None) };
    let columns = Columns { seq, ..unplaced };
    Ok(Some(StoredRecord {
        header: Header {
            id: columns.required::<Uuid>("id")?,
            stream_id,
            request_id: columns.optional("request_id")?,
            conversation_id: columns.optional("conversation_id")?,
            event_type: columns.required("event_type")?,
            actor: columns.required("actor")?,
            outcome: columns.required("outcome")?,
            error_code: columns.optional("error_code")?,
            duration_ms: columns.optional("duration_ms")?,
            created_at: columns.time("created_at")?,
            trace_id: columns.optional("trace_id")?,
            span_id: columns.optional("span_id")?,
            caused_by: columns.optional("caused_by")?,
            writer_id: columns.optional("writer_id")?,
            version: columns.required("format_version")?,
        },
        input: columns.json("input")?,
        output: columns.json("output")?,
        idempotency_key: columns.optional("idempotency_key")?,
        host_ids: columns.json("host_ids")?,
        salt: Salt::try_from(columns.required::<&[u8]>("salt")?)
            .map_err(|_| columns.malformed("salt", "it does not have 16 bytes"))?,
        commitments: Commitments {
            input: columns.digest("input_commitment")?,
            output: columns.digest("output_commitment")?,
            idempotency_key: columns.digest("key_commitment")?,
            host_ids: columns.digest("host_ids_commitment")?,
        },
        event_hash: columns.digest("event_hash")?,
        seq,
        recorded_at: columns.time("recorded_at")?,
        chain_hash: columns.digest("chain_hash")?,
    }))
}

/// What of a row is needed to chain on from it.
fn unreadable_record(
    row: &PgRow,
    stream_id: StreamId,
    (column, fault): (&'static str, &'static str),
) -> Result<UnreadableRecord, StoreError> {
    let unplaced = Columns { row, stream_id, seq: 0 };
    let seq = unplaced.required("seq")?;
    let columns = Columns { seq, ..unplaced };
    Ok(UnreadableRecord {
        seq,
        id: columns.optional("id").unwrap_or_default(),
        recorded_at: columns.time("recorded_at")?,
        event_hash: columns.digest("event_hash")?,
        chain_hash: columns.digest("chain_hash")?,
        column,
        fault,
    })
}

/// A row, read column by column; a value that cannot be read is named by its place, never shown.
pub(super) struct Columns<'r> {
    pub(super) row: &'r PgRow,
    pub(super) stream_id: StreamId,
    pub(super) seq: i64,
}

impl<'r> Columns<'r> {
    pub(super) fn optional<T>(&self, column: &'static str) -> Result<Option<T>, StoreError>
    where
        T: Decode<'r, Postgres> + Type<Postgres>,
    {
        self.row
            .try_get(column)
            .map_err(|_| self.malformed(column, "it does not have the type that was written"))
    }

    pub(super) fn required<T>(&self, column: &'static str) -> Result<T, StoreError>
    where
        T: Decode<'r, Postgres> + Type<Postgres>,
    {
        self.optional(column)?.ok_or_else(|| self.malformed(column, "it is missing"))
    }

    fn digest(&self, column: &'static str) -> Result<Digest, StoreError> {
        Digest::try_from(self.required::<&[u8]>(column)?)
            .map_err(|_| self.malformed(column, "it does not have 32 bytes"))
    }

    pub(super) fn time(&self, column: &'static str) -> Result<DateTime<Utc>, StoreError> {
        let Micros(since_2000) = self.required(column)?;
        since_2000
            .checked_add(MICROS_1970_TO_2000)
            .and_then(DateTime::from_timestamp_micros)
            // Later years have no text by RFC 3339.
            .filter(|time| (0..=9999).contains(&time.year()))
            .ok_or_else(|| self.malformed(column, "it is no time of the calendar"))
    }

    fn json(&self, column: &'static str) -> Result<Option<Value>, StoreError> {
        let Some(text) = self.optional::<&str>(column)? else { return Ok(None) };
        read_jsonb(text).map_err(|_| self.malformed(column, "it is JSON that no event holds"))
    }

    fn malformed(&self, column: &'static str, reason: &'static str) -> StoreError {
        StoreError::Malformed { stream_id: self.stream_id, seq: self.seq, column, reason }
    }
}

const MICROS_1970_TO_2000: i64 = 946_684_800_000_000;

/// A `timestamptz` as Postgres sends it: microseconds since 2000. The driver's own conversion panics
/// on `infinity`, which a tampered row may hold.
struct Micros(i64);

impl Type<Postgres> for Micros {
    fn type_info() -> PgTypeInfo {
        <DateTime<Utc> as Type<Postgres>>::type_info()
    }
}

impl Decode<'_, Postgres> for Micros {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        Ok(Self(i64::from_be_bytes(value.as_bytes()?.try_into()?)))
    }
}
