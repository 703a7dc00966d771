//! What only Postgres has to do: many processes, migrations by whomever, partitions.

mod append_in;
mod ceilings;
mod faults;
mod identities;
mod plans;
mod prune;
mod roles;
mod stop;
mod switches_by_sql;
mod upkeep;

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use moltbot_audit::store::{AuditSink, AuditStore, PostgresStore};
use moltbot_audit::{RequestId, StreamId};
use sqlx::Executor;
use uuid::Uuid;

use crate::admission::contract::races::nothing_is_admitted_once_a_switch_is_set;
use crate::support::claims::Case;
use crate::support::cluster::Cluster;
use crate::support::process::{self, this_test};
use crate::support::records::{assert_unbroken, fresh_request, records, stream};
use crate::support::stores::{self, migrated, postgres_with_url, scalar};

/// The files as the Supabase CLI would find them.
const MIGRATIONS: [&str; 3] = [
    concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/postgres/0003_moltbot_audit_logs.sql"),
    concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/postgres/0004_moltbot_audit_admission.sql"),
    concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/postgres/0005_moltbot_audit_runbook.sql"),
];
/// Names the database that a worker process is to append to.
const TASKS_PER_PROCESS: usize = 4;
const BATCHES_PER_TASK: usize = 25;

#[tokio::test]
async fn a_store_says_until_when_its_partitions_are_prepared() {
    let (_fresh, url) = postgres_with_url().await;
    let store = stores::connected(&url).await;
    let until = store.prepared_until().await.expect("a readable catalog").expect("it has some");
    let expected = "select date_trunc('month', now() at time zone 'UTC') + interval '4 months'";
    let expected = scalar::<chrono::NaiveDateTime>(&url, expected).await;
    assert_eq!(until.naive_utc(), expected, "this month and the next three");
}

#[tokio::test]
async fn streams_have_the_same_ids_in_sql() {
    let (_fresh, url) = postgres_with_url().await;
    let id = Uuid::from_u128(0x7f0c_9f6e_3a5c_4b2e_8f60_0f4a_1f0f_2b11);
    for (arguments, expected) in [
        (format!("'{id}'"), StreamId::of(Some(id), None)),
        (format!("'{id}', '{id}'"), StreamId::of(Some(id), Some(id))),
        (format!("null, '{id}'"), StreamId::of(None, Some(id))),
        ("null".to_owned(), StreamId::SYSTEM),
    ] {
        let sql = format!("select moltbot_audit.stream_of({arguments})");
        assert_eq!(scalar::<Uuid>(&url, &sql).await, expected.uuid(), "{arguments}");
    }
}

async fn prepare_september(url: &str) -> i32 {
    scalar(url, "select moltbot_audit.make_partitions('2026-09-15', 1)").await
}

/// The request that all worker processes append to.
fn shared_request() -> RequestId {
    RequestId::from_uuid(Uuid::from_u128(0x5eed)).expect("a UUID")
}

/// Appends from several tasks at once, in batches of one and more.
async fn work(url: &str) {
    let store = stores::connected(url).await;
    let tasks = (0..TASKS_PER_PROCESS).map(|task| {
        let store = store.clone();
        tokio::spawn(async move {
            for batch in 0..BATCHES_PER_TASK {
                let batch = records(&shared_request(), 1 + (task + batch) % 3);
                let appended = store.append(&batch).await.expect("the batch lands");
                assert!(appended.iter().all(Result::is_ok));
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.expect("no append fails");
    }
}

/// How many events `work` appends.
fn worked() -> usize {
    let tasks = 0..TASKS_PER_PROCESS;
    tasks.flat_map(|task| (0..BATCHES_PER_TASK).map(move |batch| 1 + (task + batch) % 3)).sum()
}

async fn assert_worked(store: &PostgresStore, processes: usize) {
    let snapshot = store.read_stream(stream(&shared_request())).await.expect("a readable stream");
    let snapshot = snapshot.expect("a stream with events");
    assert_eq!(snapshot.records.len(), processes * worked());
    assert_unbroken(&snapshot);
    let in_order = snapshot.records.is_sorted_by_key(|stored| stored.recorded_at);
    assert!(in_order, "the clock is read under the stream's lock");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_of_one_process_append_to_one_stream() {
    let url = Cluster::shared().create_database().await;
    let store = migrated(&url).await;
    stores::wait_for_locks(&url).await;
    work(&url).await;
    assert_worked(&store, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_tasks_in_four_processes_leave_one_unbroken_chain() {
    if let Some(url) = process::part() {
        return work(&url).await;
    }
    let url = Cluster::shared().create_database().await;
    let store = migrated(&url).await;
    stores::wait_for_locks(&url).await;
    let start =
        |_| process::again(this_test!(), &url).stdout(Stdio::null()).spawn().expect("it starts");
    let workers = (0..4).map(start);
    for mut worker in workers.collect::<Vec<_>>() {
        assert!(worker.wait().expect("a worker ends").success(), "no worker fails");
    }
    assert_worked(&store, 4).await;
}

async fn assert_usable(url: &str) {
    let store = stores::connected(url).await;
    let request = fresh_request();
    store.append(&records(&request, 3)).await.expect("the batch lands");
    let registered: i64 = scalar(url, "select count(*) from moltbot_audit.schema_migrations").await;
    assert_eq!(registered, 3);
}

fn apply_as_supabase_does(url: &str) {
    apply_by_psql(url, &[]);
}

fn apply_by_psql(url: &str, options: &[&str]) {
    for file in MIGRATIONS {
        let output = Cluster::shared().psql(url, &[options, &["--file", file]].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[tokio::test]
async fn the_library_may_migrate_before_the_supabase_cli() {
    let url = Cluster::shared().create_database().await;
    let store = migrated(&url).await;
    store.append(&records(&fresh_request(), 3)).await.expect("the batch lands");
    apply_as_supabase_does(&url);
    store.migrate().await.expect("nothing is left to do");
    assert_usable(&url).await;
}

#[tokio::test]
async fn the_supabase_cli_may_migrate_before_the_library() {
    let url = Cluster::shared().create_database().await;
    apply_as_supabase_does(&url);
    let store = migrated(&url).await;
    store.append(&records(&fresh_request(), 3)).await.expect("the batch lands");
    apply_as_supabase_does(&url);
    assert_usable(&url).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_tasks_may_migrate_at_once() {
    let url = Cluster::shared().create_database().await;
    let tasks = (0..4).map(|_| {
        let url = url.clone();
        tokio::spawn(async move { migrated(&url).await })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.expect("no migration fails");
    }
    assert_usable(&url).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_library_and_the_supabase_cli_may_migrate_at_once() {
    for _ in 0..4 {
        let url = Cluster::shared().create_database().await;
        let others = [url.clone(), url.clone()].map(|url| {
            // Each file is a transaction, as the CLI has it.
            let apply = move || apply_by_psql(&url, &["--single-transaction"]);
            tokio::task::spawn_blocking(apply)
        });
        let (_store, _another) = tokio::join!(migrated(&url), migrated(&url));
        for other in others {
            other.await.expect("no file fails");
        }
        assert_usable(&url).await;
    }
}

#[tokio::test]
async fn events_of_an_unprepared_month_move_when_it_is_prepared() {
    let url = Cluster::shared().create_database().await;
    let store = migrated(&url).await;
    let request = fresh_request();
    let batch = records(&request, 5);
    let first = store.append(&batch).await.expect("a late event is not refused");
    let count = |table: &str| {
        let sql = format!("select count(*) from moltbot_audit.{table}");
        let url = url.clone();
        async move { scalar::<i64>(&url, &sql).await }
    };
    assert_eq!(count("audit_events_default").await, 5);
    assert_eq!(prepare_september(&url).await, 1);
    assert_eq!(prepare_september(&url).await, 0, "what is prepared stays");
    assert_eq!(count("audit_events_default").await, 0);
    assert_eq!(count("audit_events_2026_09").await, 5);
    assert_eq!(store.append(&batch).await.expect("the batch lands"), first);
    store.append(&records(&request, 2)).await.expect("the batch lands");
    let snapshot = store.read_stream(stream(&request)).await.expect("a readable stream");
    let snapshot = snapshot.expect("a stream with events");
    assert_eq!(snapshot.records.len(), 7);
    assert_unbroken(&snapshot);
}

/// A writer that has written and not committed: its row cannot be seen, and must not stay behind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_month_is_prepared_after_the_writers_under_way() {
    let url = Cluster::shared().create_database().await;
    let store = migrated(&url).await;
    store.append(&records(&fresh_request(), 1)).await.expect("a late event is not refused");
    let pool = stores::pool(&url).await;
    let mut writer = pool.begin().await.expect("a transaction");
    writer
        .execute(
            "create temporary table written as select * from moltbot_audit.audit_events;
             update written set id = gen_random_uuid(), seq = 2;
             insert into moltbot_audit.audit_events select * from written",
        )
        .await
        .expect("a row written and not committed");
    let preparing = tokio::spawn({
        let url = url.clone();
        async move { prepare_september(&url).await }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    writer.commit().await.expect("the writer ends");
    assert_eq!(preparing.await.expect("no preparation fails"), 1);
    let moved: i64 = scalar(&url, "select count(*) from moltbot_audit.audit_events_2026_09").await;
    assert_eq!(moved, 2);
}

/// Appends and preparations take their locks in one order. Otherwise they wait for each other in a
/// circle, which the deadlock detector would end after a second: here it does not, so that an append
/// fails instead. A preparation that only waits for its turn may take its time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn months_may_be_prepared_while_events_arrive() {
    const ROUNDS: usize = 2;
    let url = Cluster::shared().create_database().await;
    let store = migrated(&url).await;
    stores::wait_for_locks(&url).await;
    let writer = tokio::spawn({
        let url = url.clone();
        async move {
            for _ in 0..ROUNDS {
                work(&url).await;
            }
        }
    });
    // The month in which the events happen, and then others: each locks the table once.
    assert_eq!(prepare_september(&url).await, 1);
    let mut months = 0;
    while !writer.is_finished() {
        months += 1;
        let month = format!("'2031-01-15'::date + interval '{months} months'");
        let prepare = format!("select moltbot_audit.make_partitions({month}, 1)");
        assert_eq!(scalar::<i32>(&url, &prepare).await, 1);
    }
    writer.await.expect("no append fails");
    assert!(months > 1, "the months were prepared while the writer was at work");
    assert_worked(&store, ROUNDS).await;
}

/// Where a transaction sees what stood when it began, a switch that was engaged since must be seen all
/// the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_admitted_once_a_switch_is_set_whatever_the_isolation() {
    for isolation in ["repeatable read", "serializable"] {
        let (_fresh, url) = postgres_with_url().await;
        let database: String = scalar(&url, "select current_database()::text").await;
        let set =
            format!("alter database {database} set default_transaction_isolation = '{isolation}'");
        let output = Cluster::shared().psql(&url, &["-c", &set]);
        assert!(output.status.success(), "{output:?}");
        let shown: String = scalar(&url, "show transaction_isolation").await;
        assert_eq!(shown, isolation);
        let store = stores::connected(&url).await;
        let case = Case::new(Arc::new(store));
        nothing_is_admitted_once_a_switch_is_set(case).await;
    }
}
