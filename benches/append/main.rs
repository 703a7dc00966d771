//! What a chained append costs, against the fastest and the plainest way to write the same rows.
//!
//! `cargo bench --bench append` prints one table; every ratio is of one run, over medians of rounds
//! in which the ways take turns. `-- --quick` runs a small size, to see that it works.

#![allow(
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark reads the clock, divides and prints"
)]

#[path = "../../tests/it/support/cluster.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod cluster;
mod rows;

use std::time::{Duration, Instant};

use moltbot_audit::record::Record;
use moltbot_audit::store::{AuditSink, Pooling, PostgresStore};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

use self::cluster::Cluster;
use self::rows::{copy, events, insert};

const EVENTS_PER_BATCH: usize = 500;
const CONNECTIONS: usize = 2;

/// How much is written. Rounds are short, because what else runs on the machine comes and goes.
struct Size {
    rounds: usize,
    batched: usize,
    alone: usize,
}

const FULL: Size = Size { rounds: 21, batched: 10_000, alone: 100 };
const QUICK: Size = Size { rounds: 1, batched: 2_000, alone: 20 };

/// What the ways of writing took in one round: seconds an event.
struct Round {
    append: f64,
    copy: f64,
    copy_whole: f64,
    insert_alone: f64,
    append_alone: f64,
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
    let store = PostgresStore::new(pool.clone()).pooling(Pooling::Session);
    store.migrate().await.expect("the schema is brought up to date");
    sqlx::query("select moltbot_audit.make_partitions('2026-09-15', 1)")
        .execute(&pool)
        .await
        .expect("the month of the events is prepared");

    let mut rounds = Vec::with_capacity(size.rounds);
    // One round more, not counted: the first fills caches and plans.
    for nth in 0..=size.rounds {
        let round = measure(&store, &pool, size).await;
        if nth > 0 {
            rounds.push(round);
        }
    }
    report(&rounds);
}

async fn measure(store: &PostgresStore, pool: &PgPool, size: &Size) -> Round {
    let records = events(size.batched);
    let per_event = |took: Duration| took.as_secs_f64() / records.len() as f64;
    empty(pool).await;
    let append = per_event(append_batches(store, &records).await);
    empty(pool).await;
    let copied = per_event(copy(pool, &records, CONNECTIONS, EVENTS_PER_BATCH).await);
    empty(pool).await;
    let copy_whole = per_event(copy(pool, &records, CONNECTIONS, records.len()).await);
    empty(pool).await;
    let (mut inserts, mut appends) = (Vec::new(), Vec::new());
    // From both ends, so that no stream gets both: an append refuses a stream whose row does not know its events.
    let pairs = records.iter().enumerate().zip(records.iter().rev());
    for ((number, inserted), appended) in pairs.take(size.alone) {
        inserts.push(insert(pool, inserted, number).await.as_secs_f64());
        appends.push(append_one(store, appended).await.as_secs_f64());
    }
    Round {
        append,
        copy: copied,
        copy_whole,
        insert_alone: median(inserts),
        append_alone: median(appends),
    }
}

fn report(rounds: &[Round]) {
    let over = |of: fn(&Round) -> f64| median(rounds.iter().map(of).collect());
    let line = |name: &str, seconds: fn(&Round) -> f64, note: String| {
        println!("{name:<44} {:>9.0}  {note}", 1.0 / over(seconds));
    };
    println!("{:<44} {:>9}", "medians of rounds", "events/s");
    line(
        "chained append, 500 a batch, 2 connections",
        |round| round.append,
        String::from("20 events a request"),
    );
    line(
        "raw binary COPY, 500 a commit, 2 connections",
        |round| round.copy,
        format!("append reaches {:.2} of it", over(|round| round.copy / round.append)),
    );
    line(
        "raw binary COPY, one commit, 2 connections",
        |round| round.copy_whole,
        format!(
            "append reaches {:.2} of it (at least 0.40)",
            over(|round| round.copy_whole / round.append)
        ),
    );
    line(
        "one INSERT an event, 1 connection",
        |round| round.insert_alone,
        format!(
            "append is {:.1} times it (at least 12)",
            over(|round| round.insert_alone / round.append)
        ),
    );
    line(
        "one event an append, 1 connection",
        |round| round.append_alone,
        format!(
            "takes {:.2} times an INSERT (at most 1.50)",
            over(|round| round.append_alone / round.insert_alone)
        ),
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

async fn append_one(store: &PostgresStore, record: &Record) -> Duration {
    let started = Instant::now();
    let appended = store.append(std::slice::from_ref(record)).await.expect("the event lands");
    let took = started.elapsed();
    assert!(appended[0].is_ok());
    took
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}
