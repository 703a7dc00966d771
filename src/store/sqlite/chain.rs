//! Chains events and writes them, while the file's lock is held.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};
use serde_json::Value;
use sqlx::sqlite::Sqlite;
use sqlx::{QueryBuilder, Row as _, SqliteConnection};
use uuid::Uuid;

use super::cells::Cells;
use super::error::failed;
use super::row::{Content, Row};
use crate::event::StreamId;
use crate::proof::{Digest, Salt, chain_hash, stream_start};
use crate::record::{Receipt, Record};
use crate::store::{Conflict, StoreError};

pub(super) const DOING: &str = "append events";

/// Rows of one INSERT: SQLite binds at most 32,766 values, and an event has 28.
const ROWS_MAX: usize = 500;

/// Where an event stands, now or since it was first appended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) seq: i64,
    pub(super) recorded_at: DateTime<Utc>,
    pub(super) event_hash: Digest,
    pub(super) chain_hash: Digest,
    /// An earlier call sealed and stored the event.
    pub(super) is_duplicate: bool,
}

impl Place {
    pub(super) fn receipt(self, record: &Record) -> Receipt {
        let Self { seq, recorded_at, event_hash, chain_hash, is_duplicate } = self;
        Receipt::new(record, seq, recorded_at, event_hash, chain_hash, is_duplicate)
    }
}

pub(super) type Placed = Result<Place, Conflict>;

/// Where an event stands, and whether it was not stored before.
pub(super) type Landed = (Placed, bool);

/// Whether to look for the batch's events among the stored ones first.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Lookup {
    First,
    Skip,
}

/// Appends one record in a transaction that holds the lock already, and does nothing else that its role asks for.
pub(super) async fn append_one(
    transaction: &mut SqliteConnection,
    row: &Row,
    now: DateTime<Utc>,
) -> Result<Landed, StoreError> {
    let rows = std::slice::from_ref(row);
    let mut landed = chain(transaction, rows, Lookup::Skip, now).await?;
    if landed.is_none() {
        // Only the statement that objected was undone.
        landed = chain(transaction, rows, Lookup::First, now).await?;
    }
    landed.and_then(|mut landed| landed.pop()).ok_or_else(|| tampered("before its last event"))
}

/// Chains rows and writes them. `None`, with nothing written, if a unique key objects.
pub(super) async fn chain(
    transaction: &mut SqliteConnection,
    rows: &[Row],
    lookup: Lookup,
    now: DateTime<Utc>,
) -> Result<Option<Vec<Landed>>, StoreError> {
    let mut sequencer = Sequencer::open(transaction, rows, now).await?;
    if lookup == Lookup::First {
        sequencer.known = stored(transaction, rows).await?;
    }
    let landed = rows.iter().map(|row| sequencer.place(row)).collect::<Result<Vec<_>, _>>()?;
    match insert_events(transaction, &sequencer.fresh).await {
        Err(error) if is_duplicate(&error) => return Ok(None),
        other => other.map_err(|error| failed(DOING, error))?,
    }
    upsert_heads(transaction, &sequencer).await.map_err(|error| failed(DOING, error))?;
    Ok(Some(landed))
}

/// Gives events their places in the chains, while the lock is held.
struct Sequencer<'a> {
    now: DateTime<Utc>,
    heads: HashMap<StreamId, Head>,
    known: HashMap<Uuid, Known<'a>>,
    fresh: Vec<(&'a Row, Place)>,
}

struct Head {
    seq: i64,
    chain_hash: Digest,
    /// How long the events that are appended have waited, at most.
    waited: Duration,
    /// When the last event was written. Time never goes back within a stream.
    last_at: DateTime<Utc>,
    /// Streams of which every event turned out to be known keep their row as it is.
    moved: bool,
}

struct Known<'a> {
    content: Cow<'a, Content>,
    salt: Salt,
    place: Place,
}

impl<'a> Sequencer<'a> {
    async fn open(
        connection: &mut SqliteConnection,
        rows: &[Row],
        now: DateTime<Utc>,
    ) -> Result<Self, StoreError> {
        let wanted: HashMap<&str, StreamId> =
            rows.iter().map(|row| (row.content.stream_id.as_str(), row.stream_id)).collect();
        // The ids travel as one JSON text: the statement stays the same for every batch, and cached.
        let select = "select wanted.value as stream_id, s.seq, s.head, s.last_at, (
                          select max(e.seq) from audit_events e where e.stream_id = wanted.value
                      ) as last_seq
                      from json_each(?1) as wanted
                      left join audit_streams s on s.stream_id = wanted.value";
        let found = sqlx::query(select).bind(json_texts(wanted.keys())).fetch_all(connection).await;
        let mut heads = HashMap::new();
        for row in &found.map_err(|error| failed(DOING, error))? {
            let stream_id: &str = row.try_get("stream_id").map_err(|error| failed(DOING, error))?;
            let Some(&stream_id) = wanted.get(stream_id) else { continue };
            let last_seq: Option<i64> =
                row.try_get("last_seq").map_err(|error| failed(DOING, error))?;
            let head = Cells::of(row, stream_id, "seq")?;
            if last_seq > head.map(Cells::seq) {
                return Err(tampered("before its last event"));
            }
            let Some(cells) = head else { continue };
            let (chain_hash, last_at) = (cells.digest("head")?, cells.time("last_at")?);
            let seq = cells.seq();
            let head = Head { seq, chain_hash, waited: Duration::ZERO, last_at, moved: false };
            heads.insert(stream_id, head);
        }
        Ok(Self { now, heads, known: HashMap::new(), fresh: Vec::with_capacity(rows.len()) })
    }

    fn place(&mut self, row: &'a Row) -> Result<Landed, StoreError> {
        if let Some(known) = self.known.get(&row.id) {
            return Ok((known.place_of(row), false));
        }
        let head = self.heads.entry(row.stream_id).or_insert_with(|| Head {
            seq: 0,
            chain_hash: stream_start(*row.stream_id.uuid().as_bytes()),
            waited: Duration::ZERO,
            last_at: self.now,
            moved: false,
        });
        head.last_at = head.last_at.max(self.now);
        head.seq =
            head.seq.checked_add(1).ok_or_else(|| tampered("at the last number there is"))?;
        head.chain_hash = chain_hash(head.chain_hash, row.event_hash, head.seq, head.last_at);
        head.waited = head.waited.max(row.waited);
        head.moved = true;
        let place = Place {
            seq: head.seq,
            recorded_at: head.last_at,
            event_hash: row.event_hash,
            chain_hash: head.chain_hash,
            is_duplicate: false,
        };
        self.fresh.push((row, place));
        let content = Cow::Borrowed(&row.content);
        self.known.insert(row.id, Known { content, salt: row.salt, place });
        Ok((Ok(place), true))
    }
}

impl Known<'_> {
    /// The first place for the same content, a conflict for other content.
    fn place_of(&self, row: &Row) -> Placed {
        let stored = self.place.event_hash;
        if stored == row.event_hash || *self.content == row.content {
            // A record that is sent again has its salt still.
            Ok(Place { is_duplicate: self.salt != row.salt, ..self.place })
        } else {
            Err(Conflict { event_id: row.id, stored, offered: row.event_hash })
        }
    }
}

/// The batch's events that are stored already.
async fn stored(
    connection: &mut SqliteConnection,
    rows: &[Row],
) -> Result<HashMap<Uuid, Known<'static>>, StoreError> {
    let select = "select * from audit_events where id in (select value from json_each(?1))";
    let wanted: HashMap<&str, &Row> =
        rows.iter().map(|row| (row.content.id.as_str(), row)).collect();
    let found = sqlx::query(select).bind(json_texts(wanted.keys())).fetch_all(connection).await;
    let mut known = HashMap::new();
    for row in &found.map_err(|error| failed(DOING, error))? {
        let content = Content::of(row).map_err(|error| failed(DOING, error))?;
        let Some(offered) = wanted.get(content.id.as_str()) else { continue };
        let Some(cells) = Cells::of(row, offered.stream_id, "seq")? else { continue };
        let place = Place {
            seq: cells.seq(),
            recorded_at: cells.time("recorded_at")?,
            event_hash: cells.digest("event_hash")?,
            chain_hash: cells.digest("chain_hash")?,
            is_duplicate: false,
        };
        let (content, salt) = (Cow::Owned(content), cells.salt("salt")?);
        known.insert(offered.id, Known { content, salt, place });
    }
    Ok(known)
}

async fn insert_events(
    connection: &mut SqliteConnection,
    fresh: &[(&Row, Place)],
) -> Result<(), sqlx::Error> {
    for rows in prepared_sizes(fresh) {
        let mut insert = QueryBuilder::<Sqlite>::new(
            "insert into audit_events (id, request_id, conversation_id, event_type, actor, input, \
             output, idempotency_key, duration_ms, created_at, stream_id, seq, outcome, error_code, \
             trace_id, span_id, caused_by, writer_id, format_version, host_ids, recorded_at, salt, \
             input_commitment, output_commitment, key_commitment, host_ids_commitment, event_hash, \
             chain_hash) ",
        );
        insert.push_values(rows, |mut values, (row, place)| {
            let Content {
                id,
                request_id,
                conversation_id,
                event_type,
                actor,
                input,
                output,
                idempotency_key,
                duration_ms,
                created_at,
                stream_id,
                outcome,
                error_code,
                trace_id,
                span_id,
                caused_by,
                host_ids,
            } = &row.content;
            let commitments = &row.commitments;
            values.push_bind(id).push_bind(request_id).push_bind(conversation_id);
            values.push_bind(event_type).push_bind(actor).push_bind(input).push_bind(output);
            values.push_bind(idempotency_key).push_bind(duration_ms).push_bind(created_at);
            values.push_bind(stream_id).push_bind(place.seq).push_bind(outcome);
            values.push_bind(error_code).push_bind(trace_id).push_bind(span_id);
            values.push_bind(caused_by).push_bind(&row.writer_id).push_bind(row.version);
            values.push_bind(host_ids);
            values.push_bind(place.recorded_at.timestamp_micros());
            values.push_bind(row.salt.as_bytes().as_slice());
            values.push_bind(commitments.input.as_bytes().as_slice());
            values.push_bind(commitments.output.as_bytes().as_slice());
            values.push_bind(commitments.idempotency_key.as_bytes().as_slice());
            values.push_bind(commitments.host_ids.as_bytes().as_slice());
            values.push_bind(row.event_hash.as_bytes().as_slice());
            values.push_bind(place.chain_hash.as_bytes().as_slice());
        });
        insert.build().execute(&mut *connection).await?;
    }
    Ok(())
}

async fn upsert_heads(
    connection: &mut SqliteConnection,
    sequencer: &Sequencer<'_>,
) -> Result<(), sqlx::Error> {
    let moved: Vec<_> = sequencer.heads.iter().filter(|(_, head)| head.moved).collect();
    for heads in moved.chunks(ROWS_MAX) {
        let mut upsert = QueryBuilder::<Sqlite>::new(
            "insert into audit_streams (stream_id, seq, head, started_at, last_at, heard_at) ",
        );
        upsert.push_values(heads, |mut values, (stream_id, head)| {
            values.push_bind(stream_id.to_string()).push_bind(head.seq);
            let last_at = head.last_at.timestamp_micros();
            values.push_bind(head.chain_hash.as_bytes().as_slice());
            values.push_bind(last_at).push_bind(last_at);
            let waited = i64::try_from(head.waited.as_micros()).unwrap_or(i64::MAX);
            values.push_bind(sequencer.now.timestamp_micros().saturating_sub(waited));
        });
        upsert.push(
            " on conflict (stream_id) do update \
             set seq = excluded.seq, head = excluded.head, last_at = excluded.last_at, \
             heard_at = min(heard_at, excluded.heard_at)",
        );
        upsert.build().persistent(false).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Divides rows into full statements and, of what is left, powers of two. To prepare a statement costs
/// more than to write its rows, and each number of rows is another one: these are few enough for the
/// connection to keep them all.
fn prepared_sizes<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let len = if rows.len() < ROWS_MAX { 1 << rows.len().checked_ilog2()? } else { ROWS_MAX };
        let (front, rest) = rows.split_at(len);
        rows = rest;
        Some(front)
    })
}

/// The time of this machine, which only this function reads. It is the store's own evidence, beside the host's
/// `created_at`, so the host cannot inject it.
#[allow(clippy::disallowed_methods, reason = "the store's clock")]
pub(super) fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}

/// A head that no append left behind.
#[cold]
pub(super) fn tampered(stands: &'static str) -> StoreError {
    let source = format!("a stream's head stands {stands}: the file was changed by hand");
    StoreError::refused(DOING, source)
}

fn is_duplicate(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}

fn json_texts<'a>(texts: impl Iterator<Item = &'a &'a str>) -> String {
    texts.copied().collect::<Value>().to_string()
}
