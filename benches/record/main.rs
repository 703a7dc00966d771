//! What recording costs a host: many callers and one, against what it would write instead.
//!
//! `cargo bench --bench record` prints one table; every ratio is of one run, over medians of rounds in
//! which the ways take turns. `-- --quick` runs a small size, to see that it works.

#![allow(
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark reads the clock, divides and prints"
)]

#[path = "../../tests/it/support/cluster.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod cluster;
#[path = "../append/rows.rs"]
mod rows;
mod trigger;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use moltbot_audit::redact::RedactionKey;
use moltbot_audit::store::PostgresStore;
use moltbot_audit::{AuditEvent, Auditor};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

use self::cluster::Cluster;
use self::rows::{copy, events, insert, unsealed};

const EVENTS_PER_BATCH: usize = 500;
const CONNECTIONS: u32 = 8;

/// How much is written. Rounds are short, because what else runs on the machine comes and goes.
struct Size {
    rounds: usize,
    many: usize,
    some: usize,
    inserts: usize,
    alone: usize,
}

const FULL: Size = Size { rounds: 5, many: 40_000, some: 8_000, inserts: 1_500, alone: 200 };
const QUICK: Size = Size { rounds: 1, many: 2_000, some: 500, inserts: 50, alone: 20 };

/// One round: events a second, and latencies in seconds.
struct Round {
    record_1024: f64,
    copy: f64,
    copy_whole: f64,
    record_64: Callers,
    insert_1: f64,
    insert_8: f64,
    trigger_32: f64,
    alone: f64,
    insert_alone: f64,
}

/// What callers saw who record one event at a time.
struct Callers {
    per_second: f64,
    p50: f64,
    p99: f64,
}

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(run(if quick { &QUICK } else { &FULL }));
}

async fn run(size: &Size) {
    // The server's defaults: every commit waits for the disk.
    let cluster = Cluster::start(&["max_wal_size=4GB"]);
    let url = cluster.create_database().await;
    let pool = PgPoolOptions::new()
        .min_connections(CONNECTIONS)
        .max_connections(CONNECTIONS)
        .test_before_acquire(false)
        .connect(&url)
        .await
        .expect("the cluster accepts connections");
    let store = PostgresStore::connect(&url).await.expect("the cluster accepts connections");
    store.migrate().await.expect("the schema is brought up to date");
    sqlx::query("select moltbot_audit.ensure_partitions('2026-09-15', 1)")
        .execute(&pool)
        .await
        .expect("the month of the events is prepared");
    trigger::prepare(&pool).await;
    let key = RedactionKey::from_bytes([7; 32]);
    let auditor = Auditor::builder(Arc::new(store), key).build();

    let mut rounds = Vec::with_capacity(size.rounds);
    // One round more, not counted: the first fills caches and plans.
    for nth in 0..=size.rounds {
        let round = measure(&auditor, &pool, &url, size).await;
        if nth > 0 {
            rounds.push(round);
        }
    }
    report(&rounds);
}

async fn measure(auditor: &Auditor, pool: &PgPool, url: &str, size: &Size) -> Round {
    let records = events(size.many);
    let per_second = |count: usize, took: Duration| count as f64 / took.as_secs_f64();
    empty(pool).await;
    let record_1024 = record(auditor, unsealed(size.many), 1024).await;
    empty(pool).await;
    let copied = copy(pool, &records, 2, EVENTS_PER_BATCH).await;
    empty(pool).await;
    let copied_whole = copy(pool, &records, 2, records.len()).await;
    empty(pool).await;
    let record_64 = record(auditor, unsealed(size.some), 64).await;
    empty(pool).await;
    let insert_1 = insert_all(pool, &records[..size.inserts], 1).await;
    empty(pool).await;
    let insert_8 = insert_all(pool, &records[..size.inserts * 2], 8).await;
    let trigger_32 = trigger::update(url, 32, size.inserts * 2).await;
    empty(pool).await;
    let alone = record(auditor, unsealed(size.alone), 1).await;
    empty(pool).await;
    let mut inserts = Vec::new();
    for (number, one) in records.iter().take(size.alone).enumerate() {
        inserts.push(insert(pool, one, number).await.as_secs_f64());
    }
    Round {
        record_1024: record_1024.per_second,
        copy: per_second(size.many, copied),
        copy_whole: per_second(size.many, copied_whole),
        record_64,
        insert_1: per_second(size.inserts, insert_1),
        insert_8: per_second(size.inserts * 2, insert_8),
        trigger_32: per_second(size.inserts * 2, trigger_32),
        alone: alone.p50,
        insert_alone: percentile(&mut inserts, 50),
    }
}

/// So many callers, each of whom records one event after the other.
async fn record(auditor: &Auditor, events: Vec<AuditEvent>, callers: usize) -> Callers {
    let count = events.len();
    let mut shares: Vec<Vec<AuditEvent>> = (0..callers).map(|_| Vec::new()).collect();
    for (number, event) in events.into_iter().enumerate() {
        shares[number % callers].push(event);
    }
    let started = Instant::now();
    let tasks = shares.into_iter().map(|share| {
        let auditor = auditor.clone();
        tokio::spawn(async move {
            let mut took = Vec::with_capacity(share.len());
            for event in share {
                let started = Instant::now();
                let recorded = auditor.record(event).await.expect("the event lands");
                took.push(started.elapsed().as_secs_f64());
                assert!(recorded.receipt().is_some());
            }
            took
        })
    });
    let mut took = Vec::with_capacity(count);
    for task in tasks.collect::<Vec<_>>() {
        took.extend(task.await.expect("a caller ends"));
    }
    let per_second = count as f64 / started.elapsed().as_secs_f64();
    Callers { per_second, p50: percentile(&mut took, 50), p99: percentile(&mut took, 99) }
}

/// One INSERT an event, each in a commit of its own, over several connections.
async fn insert_all(
    pool: &PgPool,
    records: &[moltbot_audit::record::Record],
    connections: usize,
) -> Duration {
    let records: Arc<[_]> = records.into();
    let next = Arc::new(AtomicUsize::new(0));
    let started = Instant::now();
    let writers: Vec<_> = (0..connections)
        .map(|_| {
            let (pool, records, next) = (pool.clone(), Arc::clone(&records), Arc::clone(&next));
            tokio::spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(record) = records.get(number) else { break };
                    insert(&pool, record, number).await;
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.expect("a writer ends");
    }
    started.elapsed()
}

fn report(rounds: &[Round]) {
    let over =
        |of: &dyn Fn(&Round) -> f64| percentile(&mut rounds.iter().map(of).collect::<Vec<_>>(), 50);
    let line = |name: &str, value: &dyn Fn(&Round) -> f64, unit: &str, note: String| {
        println!("{name:<48} {:>9.0} {unit:<9} {note}", over(value));
    };
    println!("medians of {} rounds", rounds.len());
    line("record, 1,024 callers", &|r| r.record_1024, "events/s", String::new());
    for (name, of) in [
        ("raw binary COPY, one commit", (|r: &Round| r.copy_whole) as fn(&Round) -> f64),
        ("raw binary COPY, 500 a commit", |r| r.copy),
    ] {
        let ratio = over(&|r| r.record_1024 / of(r));
        line(name, &of, "events/s", format!("record has {ratio:.2} of it (at least 0.40)"));
    }
    let ratio = over(&|r| r.record_1024 / r.insert_1);
    let note = format!("record has {ratio:.1} times it (at least 15)");
    line("INSERT, 1 connection", &|r| r.insert_1, "events/s", note);
    line("record, 64 callers", &|r| r.record_64.per_second, "events/s", String::new());
    for (name, of, least) in [
        ("INSERT, 1 connection", (|r: &Round| r.insert_1) as fn(&Round) -> f64, "8"),
        ("INSERT, 8 connections", |r| r.insert_8, "2.5"),
        ("row audit by trigger, 32 clients", |r| r.trigger_32, "5"),
    ] {
        let ratio = over(&|r| r.record_64.per_second / of(r));
        line(name, &of, "events/s", format!("record has {ratio:.1} times it (at least {least})"));
    }
    let ratio = over(&|r| r.record_64.p99 / r.record_64.p50);
    let note = format!("p99 is {ratio:.1} times it (at most 3)");
    line("record, 64 callers, p50", &|r| r.record_64.p50 * 1e6, "us", note);
    let ratio = over(&|r| r.alone / r.insert_alone);
    let note = format!("{ratio:.2} times a bare INSERT's (at most 1.50)");
    line("record, one caller, p50", &|r| r.alone * 1e6, "us", note);
}

async fn empty(pool: &PgPool) {
    for sql in ["truncate moltbot_audit.audit_events, moltbot_audit.audit_streams", "checkpoint"] {
        sqlx::query(sql).execute(pool).await.expect("the cluster is ours");
    }
}

fn percentile(values: &mut [f64], nth: usize) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[(values.len() * nth / 100).min(values.len() - 1)]
}
