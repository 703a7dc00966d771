//! The events, and the two ways to write their rows without the chain: COPY and INSERT.

use std::ops::Range;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use moltbot_audit::proof::Salt;
use moltbot_audit::record::{Record, seal};
use moltbot_audit::redact::RedactionKey;
use moltbot_audit::{Actor, AuditEvent, ConversationId, EventId, EventType, RequestId};
use serde_json::json;
use sqlx::{AssertSqlSafe, PgPool};
use uuid::Uuid;

const EVENTS_PER_REQUEST: usize = 20;
const REQUESTS_PER_BATCH: usize = super::EVENTS_PER_BATCH / EVENTS_PER_REQUEST;
const KEY: RedactionKey = RedactionKey::from_bytes([7; 32]);
pub(crate) const COLUMNS: &str = "id, stream_id, request_id, conversation_id, event_type, actor, outcome, error_code, duration_ms, \
     created_at, trace_id, span_id, caused_by, writer_id, format_version, input, output, idempotency_key, \
     host_ids, salt, input_commitment, output_commitment, key_commitment, host_ids_commitment, \
     event_hash, seq, recorded_at, chain_hash";

/// New events, of requests that run side by side and end within a batch.
pub(crate) fn events(count: usize) -> Vec<Record> {
    (0..count).map(record).collect()
}

/// The same events, before they are sealed.
#[allow(dead_code, reason = "one of the benchmarks starts here")]
pub(crate) fn unsealed(numbers: Range<usize>) -> Vec<AuditEvent> {
    numbers.map(event).collect()
}

fn record(number: usize) -> Record {
    let event = event(number);
    let mut salt = [0; 16];
    salt[..8].copy_from_slice(&number.to_be_bytes());
    let id = u64::try_from(number).expect("a small number");
    seal(event, now(), id, Salt::from_bytes(salt), &KEY).expect("a valid event")
}

fn event(number: usize) -> AuditEvent {
    let number = u64::try_from(number).expect("a small number");
    let batch = number / u64::try_from(super::EVENTS_PER_BATCH).expect("a small number");
    let request = number % u64::try_from(REQUESTS_PER_BATCH).expect("a small number");
    // Ids of requests are random in a real host, and fall anywhere in an index.
    let scattered = |kind: u64| {
        let mixed = (batch << 16 | request).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Uuid::from_u64_pair(
            mixed & !0xf000 | 0x4000,
            mixed.rotate_left(29) & (u64::MAX >> 2) | kind << 63,
        )
    };
    let created_at = i64::try_from(1_790_000_000_000_000 + number * 250).expect("a time");
    let created_at = DateTime::from_timestamp_micros(created_at).expect("a time in September 2026");
    AuditEvent::new(EventType::VENDOR_OUTREACH_SENT, Actor::System)
        .id(EventId::new(created_at, number).expect("a time of this century"))
        .request(&RequestId::from_uuid(scattered(1)).expect("a UUID"))
        .conversation(&ConversationId::from_uuid(scattered(0)).expect("a UUID"))
        .input(json!({
            "vendor_id": scattered(1), "batch": 1, "channel": "whatsapp",
            "text": "Muraho! Do you have paracetamol 500mg, 2 boxes, in stock, and at what price?",
        }))
        .output(json!({ "message_id": format!("wamid.{number}"), "accepted": true }))
        .duration(Duration::from_millis(number % 900))
        .idempotency_key(format!("outreach:{number}"))
}

/// The place of a record within its request: requests take turns within their batch.
pub(crate) fn seq(number: usize) -> i64 {
    i64::try_from(number % super::EVENTS_PER_BATCH / REQUESTS_PER_BATCH + 1)
        .expect("a small number")
}

/// Copies the rows over several connections, so many a commit. Encoded beforehand: the time is the
/// database's alone.
pub(crate) async fn copy(
    pool: &PgPool,
    records: &[Record],
    connections: usize,
    rows_per_commit: usize,
) -> Duration {
    let share = records.len().div_ceil(connections).next_multiple_of(super::EVENTS_PER_BATCH);
    let statement =
        format!("copy moltbot_audit.audit_events ({COLUMNS}) from stdin (format binary)");
    let shares = records.chunks(share).enumerate().map(|(nth, rows)| {
        let commits: Vec<_> = rows
            .chunks(rows_per_commit)
            .enumerate()
            .map(|(commit, rows)| encode(rows, nth * share + commit * rows_per_commit))
            .collect();
        (pool.clone(), statement.clone(), commits)
    });
    let shares: Vec<_> = shares.collect();
    let started = Instant::now();
    let writers = shares.into_iter().map(|(pool, statement, commits)| {
        tokio::spawn(async move {
            let mut connection = pool.acquire().await.expect("a connection");
            for commit in commits {
                let mut copy = connection.copy_in_raw(&statement).await.expect("COPY starts");
                copy.send(commit).await.expect("COPY takes rows");
                copy.finish().await.expect("COPY ends");
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.expect("a writer ends");
    }
    started.elapsed()
}

/// COPY's binary format: <https://www.postgresql.org/docs/current/sql-copy.html>.
fn encode(rows: &[Record], first: usize) -> Vec<u8> {
    let mut out = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0".to_vec();
    for (record, number) in rows.iter().zip(first..) {
        let fields = fields(record, number);
        out.extend(i16::try_from(fields.len()).expect("few columns").to_be_bytes());
        for field in &fields {
            match field {
                Some(bytes) => {
                    out.extend(i32::try_from(bytes.len()).expect("a small field").to_be_bytes());
                    out.extend(bytes);
                }
                None => out.extend((-1_i32).to_be_bytes()),
            }
        }
    }
    out.extend((-1_i16).to_be_bytes());
    out
}

fn fields(record: &Record, number: usize) -> [Option<Vec<u8>>; 28] {
    let (header, commitments) = (record.header(), record.commitments());
    let uuid = |id: Uuid| Some(id.as_bytes().to_vec());
    let text = |text: &str| Some(text.as_bytes().to_vec());
    let jsonb = |text: &str| Some([b"\x01", text.as_bytes()].concat());
    let time = |time: DateTime<Utc>| {
        Some((time.timestamp_micros() - 946_684_800_000_000).to_be_bytes().to_vec())
    };
    let hash = |bytes: &[u8]| Some(bytes.to_vec());
    [
        uuid(header.id),
        uuid(record.stream_id().uuid()),
        header.request_id.and_then(uuid),
        header.conversation_id.and_then(uuid),
        text(&header.event_type),
        text(&header.actor),
        text(&header.outcome),
        header.error_code.as_deref().and_then(text),
        header.duration_ms.map(|ms| ms.to_be_bytes().to_vec()),
        time(header.created_at),
        header.trace_id.as_deref().and_then(text),
        header.span_id.as_deref().and_then(text),
        header.caused_by.and_then(uuid),
        header.writer_id.and_then(uuid),
        Some(header.version.to_be_bytes().to_vec()),
        record.canonical_input().and_then(jsonb),
        record.canonical_output().and_then(jsonb),
        record.idempotency_key().and_then(text),
        record.canonical_host_ids().and_then(jsonb),
        hash(record.salt().as_bytes()),
        hash(commitments.input.as_bytes()),
        hash(commitments.output.as_bytes()),
        hash(commitments.idempotency_key.as_bytes()),
        hash(commitments.host_ids.as_bytes()),
        hash(record.event_hash().as_bytes()),
        Some(seq(number).to_be_bytes().to_vec()),
        time(header.created_at),
        hash(record.event_hash().as_bytes()),
    ]
}

/// Inserts one row, in a commit of its own, by the plainest statement.
pub(crate) async fn insert(pool: &PgPool, record: &Record, number: usize) -> Duration {
    static INSERT: LazyLock<String> = LazyLock::new(|| {
        let cast = |column: &str| match column {
            "input" | "output" | "host_ids" => "::text::jsonb",
            _ => "",
        };
        let columns = COLUMNS.split(", ").zip(1..);
        let places: Vec<_> = columns.map(|(column, n)| format!("${n}{}", cast(column))).collect();
        format!("insert into moltbot_audit.audit_events ({COLUMNS}) values ({})", places.join(", "))
    });
    let (header, commitments) = (record.header(), record.commitments());
    let started = Instant::now();
    sqlx::query(AssertSqlSafe(INSERT.as_str()))
        .bind(header.id)
        .bind(record.stream_id().uuid())
        .bind(header.request_id)
        .bind(header.conversation_id)
        .bind(&header.event_type)
        .bind(&header.actor)
        .bind(&header.outcome)
        .bind(&header.error_code)
        .bind(header.duration_ms)
        .bind(header.created_at)
        .bind(&header.trace_id)
        .bind(&header.span_id)
        .bind(header.caused_by)
        .bind(header.writer_id)
        .bind(header.version)
        .bind(record.canonical_input())
        .bind(record.canonical_output())
        .bind(record.idempotency_key())
        .bind(record.canonical_host_ids())
        .bind(record.salt().as_bytes())
        .bind(commitments.input.as_bytes())
        .bind(commitments.output.as_bytes())
        .bind(commitments.idempotency_key.as_bytes())
        .bind(commitments.host_ids.as_bytes())
        .bind(record.event_hash().as_bytes())
        .bind(seq(number))
        .bind(header.created_at)
        .bind(record.event_hash().as_bytes())
        .execute(pool)
        .await
        .expect("the row lands");
    started.elapsed()
}

/// A time at which none of the events lies ahead.
fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).expect("a time of the calendar")
}
