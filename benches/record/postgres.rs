//! Recording in Postgres, against COPY, INSERT and a row audit by trigger.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use moltbot_audit::Auditor;
use moltbot_audit::record::Record;
use moltbot_audit::store::PostgresStore;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

use super::callers::{median, percentile, record};
use super::cluster::Cluster;
use super::rounds::compare;
use super::rows::{copy, events, insert, unsealed};
use super::table::Table;
use super::table::Target::{AtLeast, AtMost};
use super::trigger::{self, Audit};
use super::{KEY, Size};

const CONNECTIONS: u32 = 8;

/// A database with the schema and the month of the events.
pub(crate) struct Database {
    pub(crate) url: String,
    pub(crate) pool: PgPool,
    pub(crate) store: Arc<PostgresStore>,
}

#[derive(Clone, Copy)]
enum Way {
    Record { callers: usize },
    Copy { connections: usize, rows_per_commit: usize },
    Insert { connections: u32 },
    Trigger { audit: Audit, clients: u32 },
}

struct Ways<'a> {
    size: &'a Size,
    database: Database,
    /// One connection: a pool of several would hand them out in turn.
    one: PgPool,
    auditor: Auditor,
    records: Vec<Record>,
}

impl Database {
    pub(crate) async fn create(cluster: &Cluster) -> Self {
        let url = cluster.create_database().await;
        let store = PostgresStore::connect(&url).await.expect("the cluster accepts connections");
        store.migrate().await.expect("the schema is brought up to date");
        let pool = pool(&url, CONNECTIONS).await;
        sqlx::query("select moltbot_audit.make_partitions('2026-09-15', 1)")
            .execute(&pool)
            .await
            .expect("the month of the events is prepared");
        Self { url, pool, store: Arc::new(store) }
    }

    pub(crate) async fn empty(&self) {
        self.execute(
            "truncate moltbot_audit.audit_events, moltbot_audit.audit_streams, \
             moltbot_audit.audit_effects, moltbot_audit.audit_budgets",
        )
        .await;
        self.execute("checkpoint").await;
    }

    pub(crate) async fn execute(&self, sql: &'static str) {
        sqlx::query(sql).execute(&self.pool).await.expect("the cluster is ours");
    }
}

pub(crate) async fn pool(url: &str, connections: u32) -> PgPool {
    PgPoolOptions::new()
        .min_connections(connections)
        .max_connections(connections)
        .test_before_acquire(false)
        .connect(url)
        .await
        .expect("the cluster accepts connections")
}

pub(crate) async fn measure(cluster: &Cluster, size: &Size, table: &mut Table) {
    let database = Database::create(cluster).await;
    trigger::prepare(&database.pool).await;
    let one = pool(&database.url, 1).await;
    let auditor = Auditor::builder(database.store.clone(), KEY).build();
    let ways = Ways { size, one, auditor, records: events(size.many), database };
    many_callers(&ways, table).await;
    some_callers(&ways, table).await;
    one_caller(&ways, table).await;
}

async fn many_callers(ways: &Ways<'_>, table: &mut Table) {
    let others = [
        Way::Copy { connections: 1, rows_per_commit: ways.size.many },
        Way::Copy { connections: 2, rows_per_commit: ways.size.many },
        Way::Copy { connections: 2, rows_per_commit: super::EVENTS_PER_BATCH },
        Way::Insert { connections: 1 },
    ];
    let record = Way::Record { callers: 1_024 };
    let compared =
        compare(ways.size.rounds, record, &others, async |way| ways.run(way).await).await;
    table.figure("record, 1,024 callers", compared.subject, "events/s");
    let against = [
        ("of a raw binary COPY, one commit", Some(AtLeast(0.4))),
        ("of two COPYs at a time, a commit each", None),
        ("of two COPYs at a time, 500 rows a commit", None),
        ("of one INSERT an event, 1 connection", Some(AtLeast(15.0))),
    ];
    for (other, (name, target)) in compared.others.iter().zip(against) {
        table.ratio(name, other.figure, "events/s", other.ratio, target);
    }
}

async fn some_callers(ways: &Ways<'_>, table: &mut Table) {
    let others = [
        Way::Insert { connections: 1 },
        Way::Insert { connections: 8 },
        Way::Trigger { audit: Audit::Supa, clients: 32 },
        Way::Trigger { audit: Audit::Lean, clients: 32 },
    ];
    let record = Way::Record { callers: 64 };
    let compared =
        compare(ways.size.rounds, record, &others, async |way| ways.run(way).await).await;
    table.figure("record, 64 callers", compared.subject, "events/s");
    let against = [
        ("of one INSERT an event, 1 connection", Some(AtLeast(8.0))),
        ("of one INSERT an event, 8 connections", Some(AtLeast(2.5))),
        ("of a row audit as supa_audit's, 32 clients", Some(AtLeast(5.0))),
        ("of the leanest trigger, 32 clients", None),
    ];
    for (other, (name, target)) in compared.others.iter().zip(against) {
        table.ratio(name, other.figure, "events/s", other.ratio, target);
    }
}

/// What one caller waits for: among 64, and alone.
async fn one_caller(ways: &Ways<'_>, table: &mut Table) {
    let (mut p50s, mut p99s, mut spreads) = (Vec::new(), Vec::new(), Vec::new());
    let (mut records, mut inserts, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for nth in 0..=ways.size.rounds {
        ways.database.empty().await;
        let mut callers = record(&ways.auditor, unsealed(0..ways.size.some), 64).await;
        let (p50, p99) = (callers.percentile(50), callers.percentile(99));
        let (recorded, inserted) = ways.alone().await;
        if nth == 0 {
            continue;
        }
        p50s.push(p50);
        p99s.push(p99);
        spreads.push(p99 / p50);
        records.push(recorded);
        inserts.push(inserted);
        ratios.push(recorded / inserted);
    }
    table.figure("record, 64 callers, p50", median(p50s) * 1e6, "us");
    let p99 = median(p99s) * 1e6;
    table.ratio("p99, of the p50", p99, "us", median(spreads), Some(AtMost(3.0)));
    table.figure("record, one caller, p50", median(records) * 1e6, "us");
    let insert = median(inserts) * 1e6;
    table.ratio("of a bare INSERT's p50", insert, "us", median(ratios), Some(AtMost(1.5)));
}

impl Ways<'_> {
    /// Events a second, from an empty table on.
    async fn run(&self, way: Way) -> f64 {
        self.database.empty().await;
        let per_second = |count: usize, took: Duration| count as f64 / took.as_secs_f64();
        match way {
            Way::Record { callers } => {
                let count = if callers > 64 { self.size.many } else { self.size.some };
                let recorded = record(&self.auditor, unsealed(0..count), callers).await;
                assert_eq!(recorded.chained, count, "the database is there");
                recorded.per_second
            }
            Way::Copy { connections, rows_per_commit } => {
                let (pool, records) = (&self.database.pool, &self.records);
                let took = copy(pool, records, connections, rows_per_commit).await;
                per_second(self.records.len(), took)
            }
            Way::Insert { connections } => {
                let count = self.size.inserts * if connections == 1 { 1 } else { 2 };
                let pool = if connections == 1 { &self.one } else { &self.database.pool };
                per_second(count, insert_all(pool, &self.records[..count], connections).await)
            }
            Way::Trigger { audit, clients } => {
                trigger::empty(&self.database.pool, audit).await;
                let count = self.size.inserts * 2;
                per_second(count, trigger::update(&self.database.url, clients, count).await)
            }
        }
    }

    /// The p50s of recording and of inserting, event by event in turn, in seconds.
    async fn alone(&self) -> (f64, f64) {
        self.database.empty().await;
        let (auditor, one) = (self.auditor.clone(), self.one.clone());
        let events = unsealed(0..2 * self.size.alone);
        // Of other streams: an append refuses one whose row does not know its events.
        let first = self.records.len() - events.len();
        let rows = self.records[first..].to_vec();
        // In a task, as a host's callers are: the thread that starts a runtime is woken for every answer.
        let caller = tokio::spawn(async move {
            let (mut records, mut inserts) = (Vec::new(), Vec::new());
            for (event, number) in events.into_iter().zip(0..).step_by(2) {
                let started = Instant::now();
                auditor.record(event).await.expect("the event lands");
                records.push(started.elapsed().as_secs_f64());
                let took = insert(&one, &rows[number + 1], first + number + 1).await;
                inserts.push(took.as_secs_f64());
            }
            (percentile(&mut records, 50), percentile(&mut inserts, 50))
        });
        caller.await.expect("a caller ends")
    }
}

/// One INSERT an event, each in a commit of its own, over several connections.
async fn insert_all(pool: &PgPool, records: &[Record], connections: u32) -> Duration {
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
