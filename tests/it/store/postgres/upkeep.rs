//! Keeping the database in shape beside live traffic: months that are prepared, detached and brought back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use moltbot_audit::pack::{ExportError, export_request_pack, verify_request_pack};
use moltbot_audit::proof::Salt;
use moltbot_audit::record::{Record, seal};
use moltbot_audit::redact::Profile;
use moltbot_audit::store::{self, Appended, AuditSink, BoxFuture, PostgresStore, StoreError};
use moltbot_audit::{Auditor, EventId, RequestId};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio::time::{Instant, sleep};

use crate::support::cluster::Cluster;
use crate::support::process::{is_alone, this_test};
use crate::support::records::{
    KEY, assert_unbroken, event, fresh_request, records, stream, unique,
};
use crate::support::stores::{self, postgres_with_url, scalar};

/// How many rows the default partition holds; with it, delays are measured too.
const ROWS: &str = "MOLTBOT_AUDIT_ROWS";

async fn run(url: &str, sql: &str) {
    stores::pool(url).await.execute(AssertSqlSafe(sql)).await.expect(sql);
}

async fn count(url: &str, table: &str) -> i64 {
    scalar(url, &format!("select count(*) from moltbot_audit.{table}")).await
}

/// The first day of the month so many months from this one.
fn month(ahead: i32) -> String {
    format!("(date_trunc('month', now(), 'UTC') + interval '{ahead} months')")
}

async fn name_of(url: &str, ahead: i32) -> String {
    let format =
        format!("select to_char({} at time zone 'UTC', '\"audit_events_\"YYYY_MM')", month(ahead));
    scalar(url, &format).await
}

async fn prepared_until(url: &str) -> DateTime<Utc> {
    let store = stores::connected(url).await;
    store.prepared_until().await.expect("a readable catalog").expect("it has months")
}

async fn beginning_of(url: &str, ahead: i32) -> DateTime<Utc> {
    scalar(url, &format!("select {}", month(ahead))).await
}

/// Detaches a month and drops it, as if it had never been prepared.
async fn unprepare(url: &str, ahead: i32) {
    let name = name_of(url, ahead).await;
    run(
        url,
        &format!(
            "alter table moltbot_audit.audit_events detach partition moltbot_audit.{name};
             drop table moltbot_audit.{name}"
        ),
    )
    .await;
}

/// Rows of a month in the default partition, as a host whose clock is wrong leaves them.
async fn fill_default(url: &str, ahead: i32, rows: usize) {
    let sql = format!(
        "insert into moltbot_audit.audit_events (
             id, event_type, actor, input, created_at, stream_id, seq, outcome, recorded_at, salt, input_commitment,
             output_commitment, key_commitment, host_ids_commitment, event_hash, chain_hash
         )
         select gen_random_uuid(), 'discovery.call', 'system', jsonb_build_object('text', repeat('n', 200)),
             {} + interval '1 day' + n * interval '1 ms', gen_random_uuid(), 1, 'succeeded', now(),
             substr(d.zero, 1, 16), d.zero, d.zero, d.zero, d.zero, d.zero, d.zero
         from (select sha256('') as zero) as d, generate_series(1, {rows}) as n",
        month(ahead)
    );
    run(url, &sql).await;
}

/// Appends every 100 ms until `work` is done; returns the longest wait.
async fn longest_append(
    store: &PostgresStore,
    work: impl Future<Output = ()> + Send + 'static,
) -> Duration {
    let work = tokio::spawn(work);
    let mut longest = Duration::ZERO;
    while !work.is_finished() {
        let begun = Instant::now();
        let appended = store.append(&records(&fresh_request(), 1)).await;
        appended.expect("recording goes on");
        longest = longest.max(begun.elapsed());
        sleep(Duration::from_millis(100)).await;
    }
    work.await.expect("the work is done");
    longest
}

/// Moving a million rows took more than a minute, in which nothing was recorded.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_default_partition_delays_no_record_when_months_are_prepared() {
    let told = std::env::var(ROWS).ok().map(|rows| rows.parse().expect("a number of rows"));
    if told.is_some() && !is_alone(this_test!()) {
        return;
    }
    let (_fresh, url) = postgres_with_url().await;
    let store = stores::connected(&url).await;
    for ahead in [0, 2] {
        unprepare(&url, ahead).await;
        fill_default(&url, ahead, told.unwrap_or(4_000) / 2).await;
    }
    let held = count(&url, "audit_events_default").await;
    let longest = longest_append(&store, {
        let url = url.clone();
        async move {
            store::open(&url).await.expect("the store opens");
            let store = stores::connected(&url).await;
            store.ensure_partitions().await.expect("no lock is missed");
            run(&url, "select moltbot_audit.ensure_partitions()").await;
        }
    })
    .await;
    eprintln!("beside {held} rows the longest append took {longest:?}");
    assert_eq!(count(&url, "audit_events_default").await, held, "rows stay where they are");
    assert_eq!(prepared_until(&url).await, beginning_of(&url, 0).await, "and operators are told");
    if told.is_some() {
        assert!(longest < Duration::from_millis(200), "a record waited for {longest:?}");
    }
    // At a quiet hour.
    let made = "select moltbot_audit.make_partitions(now(), 4)";
    assert_eq!(scalar::<i32>(&url, made).await, 2);
    assert_eq!(count(&url, "audit_events_default").await, 0);
    assert_eq!(prepared_until(&url).await, beginning_of(&url, 4).await);
}

#[tokio::test]
async fn a_few_rows_move_when_their_month_is_prepared() {
    let (_fresh, url) = postgres_with_url().await;
    unprepare(&url, 1).await;
    fill_default(&url, 1, 20).await;
    assert_eq!(prepared_until(&url).await, beginning_of(&url, 1).await);
    let store = stores::connected(&url).await;
    store.prepare().await.expect("it is prepared");
    assert_eq!(count(&url, "audit_events_default").await, 0);
    assert_eq!(prepared_until(&url).await, beginning_of(&url, 4).await);
}

#[tokio::test]
async fn months_after_a_gap_are_not_ahead() {
    let (_fresh, url) = postgres_with_url().await;
    run(&url, &format!("select moltbot_audit.make_partitions({}, 2)", month(60))).await;
    assert_eq!(prepared_until(&url).await, beginning_of(&url, 4).await);
    unprepare(&url, 2).await;
    assert_eq!(prepared_until(&url).await, beginning_of(&url, 2).await);
    unprepare(&url, 0).await;
    assert_eq!(prepared_until(&url).await, beginning_of(&url, 0).await, "nothing is ahead");
}

#[tokio::test]
async fn a_detached_month_stays_detached_until_an_operator_attaches_it() {
    let (fresh, url) = postgres_with_url().await;
    let request = fresh_request();
    fresh.store.append(&records(&request, 3)).await.expect("the batch lands");
    let detach = "alter table moltbot_audit.audit_events detach partition moltbot_audit.audit_events_2026_09";
    run(&url, detach).await;
    fresh.store.append(&records(&request, 2)).await.expect("a late event is not refused");
    let name = name_of(&url, 1).await;
    run(
        &url,
        &format!("alter table moltbot_audit.audit_events detach partition moltbot_audit.{name}"),
    )
    .await;
    assert_eq!(prepared_until(&url).await, beginning_of(&url, 1).await, "it is no partition");
    fresh.store.prepare().await.expect("nothing is in the way");
    assert_eq!(prepared_until(&url).await, beginning_of(&url, 1).await, "it stays as it was put");
    let attach = format!("select moltbot_audit.make_partitions({}, 1)", month(1));
    assert_eq!(scalar::<i32>(&url, &attach).await, 1);
    assert_eq!(prepared_until(&url).await, beginning_of(&url, 4).await);
    let attach = "select moltbot_audit.make_partitions('2026-09-15', 1)";
    assert_eq!(scalar::<i32>(&url, attach).await, 1);
    assert_eq!(count(&url, "audit_events_default").await, 0, "with what came meanwhile");
    let snapshot = fresh.store.read_stream(stream(&request)).await.expect("a readable stream");
    let snapshot = snapshot.expect("a stream with events");
    assert_eq!(snapshot.records.len(), 5);
    assert_unbroken(&snapshot);
}

#[tokio::test]
async fn a_stream_with_events_in_an_archived_month_is_said_to_be_archived_and_not_tampered_with() {
    let (fresh, url) = postgres_with_url().await;
    let (request, other) = (fresh_request(), fresh_request());
    let (this, next) = (beginning_of(&url, 0).await, beginning_of(&url, 1).await);
    let of = |request: &RequestId, at| {
        let at = at + TimeDelta::minutes(1);
        let id = EventId::new(at, unique()).expect("a time of this century");
        let salt = Salt::from_bytes([7; 16]);
        seal(event(request).id(id), at, unique(), salt, &KEY).expect("a valid event")
    };
    // Of two months, and of the later one alone.
    for record in [of(&request, this), of(&request, next), of(&other, next)] {
        fresh.store.append(&[record]).await.expect("the batch lands");
    }
    let name = name_of(&url, 0).await;
    let detach = "alter table moltbot_audit.audit_events detach partition moltbot_audit";
    run(&url, &format!("{detach}.{name}")).await;
    let said = |error: &StoreError| {
        let StoreError::Archived { stream_id, missing: 1, months } = error else {
            panic!("archived: {error:?}")
        };
        assert_eq!(
            (*stream_id, &months[..]),
            (stream(&request), &[this.format("%Y-%m").to_string()][..])
        );
    };
    said(&fresh.store.read_stream(stream(&request)).await.expect_err("it is archived"));
    let profile = Profile::internal();
    let error = export_request_pack(&*fresh.store, &request, &profile).await.expect_err("archived");
    assert!(error.to_string().contains("make_partitions"), "{error}");
    let ExportError::Store(error) = error else { panic!("{error:?}") };
    said(&error);
    export_request_pack(&*fresh.store, &other, &profile).await.expect("all of it is there");

    // The empty table alone says that the month is archived.
    run(
        &url,
        &format!("create table kept as table moltbot_audit.{name}; truncate moltbot_audit.{name}"),
    )
    .await;
    said(&fresh.store.read_stream(stream(&request)).await.expect_err("it is archived"));
    run(&url, &format!("insert into moltbot_audit.{name} select * from kept")).await;
    let attach = format!("select moltbot_audit.make_partitions({}, 1)", month(0));
    assert_eq!(scalar::<i32>(&url, &attach).await, 1);
    let pack = export_request_pack(&*fresh.store, &request, &profile).await.expect("it is whole");
    let verified = verify_request_pack(pack.to_json_pretty().as_bytes()).expect("it verifies");
    assert_eq!(verified.events(), 2);

    // A row that is gone while every month is there is no archive's.
    run(&url, "delete from moltbot_audit.audit_events where seq = 1 and created_at < now() + interval '1 day'")
        .await;
    let pack = export_request_pack(&*fresh.store, &request, &profile).await.expect("a pack");
    verify_request_pack(pack.to_json_pretty().as_bytes()).expect_err("it is tampered with");
}

/// A host's transaction that appended and stays open: appends would queue behind a lock that waits for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_is_held_stops_neither_a_start_nor_an_append() {
    let (_fresh, url) = postgres_with_url().await;
    unprepare(&url, 3).await;
    let mut host = PgConnection::connect(&url).await.expect("the server is up");
    let hold = "begin; lock table only moltbot_audit.audit_events in row exclusive mode";
    host.execute(hold).await.expect("an open transaction");
    let store = stores::connected(&url).await;
    longest_append(&store, {
        let url = url.clone();
        async move {
            store::open(&url).await.expect("the store opens");
            let store = stores::connected(&url).await;
            let error = store.ensure_partitions().await.expect_err("the table is held");
            assert!(matches!(error, StoreError::Locked { .. }), "{error:?}");
            let said = std::error::Error::source(&error).expect("its cause").to_string();
            assert!(said.contains("moltbot_audit.audit_events"), "{said}");
        }
    })
    .await;
    host.execute("commit").await.expect("it ends");
    store.ensure_partitions().await.expect("it is free");
    assert_eq!(prepared_until(&url).await, beginning_of(&url, 4).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stores_open_at_once_whatever_the_default_isolation() {
    let url = Cluster::shared().create_database().await;
    let database: String = scalar(&url, "select current_database()::text").await;
    for isolation in ["repeatable read", "serializable"] {
        run(
            &url,
            &format!("alter database {database} set default_transaction_isolation = '{isolation}'"),
        )
        .await;
        let opening = (0..4).map(|_| {
            let url = url.clone();
            tokio::spawn(async move { store::open(&url).await })
        });
        for opened in opening.collect::<Vec<_>>() {
            opened.await.expect("no panic").expect("the store opens");
        }
        run(&url, "drop schema moltbot_audit cascade").await;
    }
}

#[tokio::test]
async fn a_file_that_was_applied_with_another_text_is_named() {
    let (_fresh, url) = postgres_with_url().await;
    let known = "select count(*) from moltbot_audit.schema_migrations where checksum is not null";
    assert_eq!(scalar::<i64>(&url, known).await, 3);
    // As after another runner.
    run(&url, "update moltbot_audit.schema_migrations set checksum = null").await;
    store::open(&url).await.expect("it is taken as it is");
    assert_eq!(scalar::<i64>(&url, known).await, 3);
    run(
        &url,
        "update moltbot_audit.schema_migrations set checksum = sha256('x') where version = '0004'",
    )
    .await;
    let error = store::open(&url).await.expect_err("the text is another");
    assert!(matches!(error, StoreError::Migration { .. }), "{error:?}");
    let said = error.to_string();
    assert!(
        said.contains("0004_moltbot_audit_admission.sql") && said.contains("another text"),
        "{said}"
    );
}

/// Whose text is resolved when it runs; the hot path of an append runs under the path of its callers.
#[tokio::test]
async fn functions_that_are_resolved_as_they_run_pin_their_search_path() {
    let (_fresh, url) = postgres_with_url().await;
    let sql = "select coalesce(array_agg(proname::text order by proname), '{}')
        from pg_proc p
        where pronamespace = 'moltbot_audit'::regnamespace and prosqlbody is null and not exists (
            select from unnest(p.proconfig) as c where c = 'search_path=pg_catalog, pg_temp'
        )";
    let without: Vec<String> = scalar(&url, sql).await;
    let hot = ["append_all", "append_at", "append_new", "append_one", "lock_stream", "settle"];
    assert_eq!(without, hot);
}

/// Counts how often it is prepared.
#[derive(Debug, Default)]
struct Prepared(AtomicUsize);

impl AuditSink for Prepared {
    fn append<'a>(
        &'a self,
        _batch: &'a [Record],
    ) -> BoxFuture<'a, Result<Vec<Appended>, StoreError>> {
        Box::pin(async { Err(StoreError::refused("append", "it only counts")) })
    }

    fn prepare(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.0.fetch_add(1, Ordering::Relaxed);
        // A failure is no reason to stop.
        Box::pin(async { Err(StoreError::unavailable("prepare", "it only counts")) })
    }
}

#[test]
fn upkeep_goes_on_in_the_next_runtime() {
    let sink = Arc::new(Prepared::default());
    let auditor = Auditor::builder(sink.clone(), KEY).build();
    for times in [1, 2] {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().start_paused(true).build().expect("a runtime");
        runtime.block_on(async {
            auditor.record(event(&fresh_request())).await.expect_err("it is refused");
            sleep(Duration::from_mins(2)).await;
        });
        assert_eq!(sink.0.load(Ordering::Relaxed), times, "its tasks ended with their runtime");
    }
}

#[tokio::test(start_paused = true)]
async fn an_auditor_prepares_its_store_each_hour() {
    let sink = Arc::new(Prepared::default());
    let auditor = Auditor::builder(sink.clone(), KEY).build();
    auditor.record(event(&fresh_request())).await.expect_err("it is refused");
    for (minutes, times) in [(2, 1), (60, 2), (60, 3)] {
        sleep(Duration::from_mins(minutes)).await;
        assert_eq!(sink.0.load(Ordering::Relaxed), times, "{minutes}");
    }
}
