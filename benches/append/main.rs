//! What a chained append costs, against the fastest and the plainest way to write the same rows.
//!
//! `cargo bench --bench append` prints one table; every ratio is of one run, over medians of rounds
//! in which the ways take turns. `-- --quick` runs a small size, to see that it works.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark reads the clock and prints"
)]

#[path = "../../tests/it/support/cluster.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod cluster;
mod rows;

use std::time::{Duration, Instant};

use moltbot_audit::record::Record;
use moltbot_audit::store::{AuditSink, PostgresStore};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

use self::cluster::Cluster;
use self::rows::{copy, events, insert_each};

const EVENTS_PER_BATCH: usize = 500;
const CONNECTIONS: usize = 2;

/// How much is written in each round.
struct Size {
    rounds: usize,
    batched: usize,
    single: usize,
}

const FULL: Size = Size { rounds: 7, batched: 40_000, single: 2_000 };
const QUICK: Size = Size { rounds: 1, batched: 2_000, single: 100 };

/// What one way of writing took, a round each.
#[derive(Default)]
struct Times {
    per_event: Vec<Duration>,
}

impl Times {
    fn add(&mut self, took: Duration, events: usize) {
        self.per_event.push(took / u32::try_from(events).expect("a count of events"));
    }

    fn median(&self) -> f64 {
        median(self.per_event.clone()).as_secs_f64()
    }
}

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(run(if quick { &QUICK } else { &FULL }));
}

async fn run(size: &Size) {
    // The server's defaults: every commit waits for the disk.
    let cluster = Cluster::start(&["max_wal_size=4GB"]);
    let pool = PgPoolOptions::new()
        .min_connections(u32::try_from(CONNECTIONS).expect("a small number"))
        .max_connections(u32::try_from(CONNECTIONS).expect("a small number"))
        .test_before_acquire(false)
        .connect(&cluster.create_database().await)
        .await
        .expect("the cluster accepts connections");
    let store = PostgresStore::new(pool.clone());
    store.migrate().await.expect("the schema is brought up to date");
    sqlx::query("select moltbot_audit.ensure_partitions('2026-09-15', 1)")
        .execute(&pool)
        .await
        .expect("the month of the events is prepared");

    let mut append = Times::default();
    let mut copied = Times::default();
    let mut copied_whole = Times::default();
    let mut inserted = Times::default();
    let (mut append_alone, mut insert_alone) = (Vec::new(), Vec::new());
    // One round more, not counted: the first fills caches and plans.
    for round in 0..=size.rounds {
        let records = events(size.batched);
        empty(&pool).await;
        let by_append = append_batches(&store, &records).await;
        empty(&pool).await;
        let by_copy = copy(&pool, &records, CONNECTIONS, EVENTS_PER_BATCH).await;
        empty(&pool).await;
        let by_copy_whole = copy(&pool, &records, CONNECTIONS, records.len()).await;
        let few = &records[..size.single];
        empty(&pool).await;
        let inserts = insert_each(&pool, few).await;
        empty(&pool).await;
        let appends = append_each(&store, few).await;
        if round > 0 {
            append.add(by_append, records.len());
            copied.add(by_copy, records.len());
            copied_whole.add(by_copy_whole, records.len());
            inserted.add(inserts.iter().sum(), few.len());
            insert_alone.extend(inserts);
            append_alone.extend(appends);
        }
    }

    let of_append = |times: &Times| times.median() / append.median();
    let line = |name: &str, times: &Times, note: String| {
        println!("{name:<44} {:>9.0}  {note}", 1.0 / times.median());
    };
    println!("{:<44} {:>9}", "", "events/s");
    line(
        "chained append, 500 a batch, 2 connections",
        &append,
        String::from("20 events a request"),
    );
    line(
        "raw binary COPY, 500 a commit, 2 connections",
        &copied,
        format!("append reaches {:.2} of it", of_append(&copied)),
    );
    line(
        "raw binary COPY, one commit, 2 connections",
        &copied_whole,
        format!("append reaches {:.2} of it (at least 0.40)", of_append(&copied_whole)),
    );
    line(
        "one INSERT an event, 1 connection",
        &inserted,
        format!("append is {:.1} times it (at least 12)", of_append(&inserted)),
    );
    let (append_alone, insert_alone) = (median(append_alone), median(insert_alone));
    println!(
        "{:<44} {:>6} µs  {:.2} times a bare INSERT's {} µs (at most 1.5)",
        "one event alone, median",
        append_alone.as_micros(),
        append_alone.as_secs_f64() / insert_alone.as_secs_f64(),
        insert_alone.as_micros(),
    );
}

async fn empty(pool: &PgPool) {
    for sql in ["truncate moltbot_audit.audit_events, moltbot_audit.audit_streams", "checkpoint"] {
        sqlx::query(sql).execute(pool).await.expect("the cluster is ours");
    }
}

/// Each connection takes every other batch.
async fn append_batches(store: &PostgresStore, records: &[Record]) -> Duration {
    let started = Instant::now();
    let writer = async |nth: usize| {
        for batch in records.chunks(EVENTS_PER_BATCH).skip(nth).step_by(CONNECTIONS) {
            let appended = store.append(batch).await.expect("the batch lands");
            assert!(appended.iter().all(Result::is_ok));
        }
    };
    tokio::join!(writer(0), writer(1));
    started.elapsed()
}

async fn append_each(store: &PostgresStore, records: &[Record]) -> Vec<Duration> {
    let mut times = Vec::with_capacity(records.len());
    for record in records {
        let started = Instant::now();
        store.append(std::slice::from_ref(record)).await.expect("the event lands")[0]
            .expect("the event is new");
        times.push(started.elapsed());
    }
    times
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
