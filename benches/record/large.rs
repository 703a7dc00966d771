//! Recording into a large table, against a small one.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use moltbot_audit::Auditor;
use sqlx::AssertSqlSafe;

use super::callers::record;
use super::cluster::Cluster;
use super::postgres::{Database, pool};
use super::rounds::compare;
use super::rows::unsealed;
use super::table::Table;
use super::table::Target::AtLeast;
use super::{KEY, Size};

/// What a row takes with its share of the indexes, in bytes, and half as much again.
const BYTES_PER_ROW: u64 = 1_200;
/// What the cluster's log may take, in bytes.
const WAL_BYTES: u64 = 6 << 30;
const SMALL: usize = 10_000;
/// Rows of one commit.
const ROWS_PER_COMMIT: usize = 100_000;

/// Rows `$1` to `$2` of `$3`, all in the month into which the benchmark writes, before what it writes;
/// as large as its own. Ids ascend with the time. Requests have 20 events, run 25 at a time and have
/// random v4 ids, made from their number so that the streams' rows have the same.
const FILL: &str = "
    insert into moltbot_audit.audit_events (
        id, stream_id, request_id, conversation_id, event_type, actor, outcome, duration_ms,
        created_at, input, output, idempotency_key, salt, input_commitment, output_commitment,
        key_commitment, host_ids_commitment, event_hash, seq, recorded_at, chain_hash
    )
    select
        (
            lpad(to_hex(micros / 1000), 12, '0') || '7' || lpad(to_hex(micros % 1000 * 4096 / 1000), 3, '0')
            || '8' || right(hex, 15)
        )::uuid,
        request, request, conversation, 'vendor_outreach.sent', 'system', 'succeeded', n % 900,
        created_at,
        jsonb_build_object(
            'vendor_id', request, 'batch', 1, 'channel', 'whatsapp',
            'text', 'Muraho! Do you have paracetamol 500mg, 2 boxes, in stock, and at what price?'
        ),
        jsonb_build_object('message_id', 'wamid.' || n, 'accepted', true),
        'outreach:' || n, decode(hex, 'hex'), digest, digest, digest, digest, digest,
        n % 500 / 25 + 1, created_at, digest
    from generate_series($1::bigint, $2::bigint - 1) n,
    lateral (
        select
            1788220800000000 + n * (1700000000000 / $3::bigint) as micros,
            md5(n::text) as hex,
            sha256(int8send(n)) as digest,
            overlay(overlay(md5('r' || n / 500 * 25 + n % 25) placing '4' from 13) placing '8' from 17)::uuid
                as request,
            overlay(overlay(md5('c' || n / 500 * 25 + n % 25) placing '4' from 13) placing '8' from 17)::uuid
                as conversation
    ) made,
    lateral (select to_timestamp(micros / 1000000) + micros % 1000000 * interval '1 us' as created_at) at";

const FILL_STREAMS: &str = "
    insert into moltbot_audit.audit_streams (stream_id, seq, head, started_at, last_at, heard_at)
    select stream_id, max(seq), sha256(uuid_send(stream_id)), min(recorded_at), max(recorded_at),
        min(created_at)
    from moltbot_audit.audit_events
    group by stream_id";

#[derive(Clone, Copy)]
enum Way {
    Large,
    Small,
}

pub(crate) async fn measure(cluster: &Cluster, size: &Size, table: &mut Table) {
    if let Err(message) = check_space(cluster.folder(), size.large) {
        eprintln!("large table: skipped: {message}");
        return;
    }
    let (small, large) = (Database::create(cluster).await, Database::create(cluster).await);
    eprintln!("large table: writing {} rows", size.large);
    fill(&large, size.large).await;
    let auditors =
        [&large, &small].map(|database| Auditor::builder(database.store.clone(), KEY).build());
    // Neither a request nor an event comes twice.
    let next = AtomicUsize::new(0);
    let run = async |way| {
        let auditor = match way {
            Way::Large => {
                // Every leaf of an index that is met from here on goes to the log as a whole: with ids
                // at random the large table's worst moment.
                large.execute("checkpoint").await;
                &auditors[0]
            }
            Way::Small => {
                small.empty().await;
                fill(&small, SMALL.min(size.large)).await;
                &auditors[1]
            }
        };
        let first = next.fetch_add(size.many, Ordering::Relaxed);
        record(auditor, unsealed(first..first + size.many), 1_024).await.per_second
    };
    let compared = compare(size.rounds, Way::Large, &[Way::Small], run).await;
    let small = &compared.others[0];
    let name = format!("record, 1,024 callers, {} rows there", size.large);
    table.figure(&name, compared.subject, "events/s");
    let (figure, target) = (small.figure, Some(AtLeast(0.7)));
    table.ratio("of 10,000 rows there", figure, "events/s", small.ratio, target);
}

async fn fill(database: &Database, rows: usize) {
    // Not durable row by row: what is measured comes afterwards.
    let pool = pool(&format!("{}&options=-csynchronous_commit=off", database.url), 1).await;
    let number = |rows: usize| i64::try_from(rows).expect("a small number");
    for first in (0..rows).step_by(ROWS_PER_COMMIT) {
        sqlx::query(FILL)
            .bind(number(first))
            .bind(number((first + ROWS_PER_COMMIT).min(rows)))
            .bind(number(rows))
            .execute(&pool)
            .await
            .expect("the cluster has room");
    }
    for sql in [FILL_STREAMS, "vacuum analyze", "checkpoint"] {
        sqlx::query(AssertSqlSafe(sql)).execute(&pool).await.expect("the cluster has room");
    }
    pool.close().await;
}

/// Says so where the disk of the cluster is too small.
fn check_space(folder: &Path, rows: usize) -> Result<(), String> {
    let df =
        Command::new("df").arg("-Pk").arg(folder).output().map_err(|error| error.to_string())?;
    let free = String::from_utf8_lossy(&df.stdout)
        .lines()
        .nth(1)
        .and_then(|line| line.split_whitespace().nth(3)?.parse::<u64>().ok())
        .ok_or("df does not tell how much of the disk is free")?
        * 1024;
    let needed = rows as u64 * BYTES_PER_ROW + WAL_BYTES;
    if free >= needed {
        return Ok(());
    }
    let gib = |bytes: u64| bytes >> 30;
    let (needed, free, folder) = (gib(needed), gib(free), folder.display());
    Err(format!(
        "{needed} GiB of disk are needed and {free} are free: point TMPDIR ({folder}) elsewhere"
    ))
}
