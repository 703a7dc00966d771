//! A lock is no outage: while the database may know a key, nothing runs under it unasked.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use moltbot_audit::delivery::{QueueLimits, Spool};
use moltbot_audit::store::{AuditSink, PostgresStore, SqliteStore};
use moltbot_audit::testing::{Fault, FaultProxy};
use moltbot_audit::{AdmitError, Auditor, Effect, EffectError};
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, Executor, PgConnection, SqliteConnection};

use super::{created, custom, host_with};
use crate::support::cluster::Cluster;
use crate::support::records::KEY;
use crate::support::stores;

/// A quarter of this is kept for a new connection to answer, which takes it some milliseconds.
const WAIT: Duration = Duration::from_secs(4);

fn keyed() -> Effect {
    custom().idempotency_key("apology")
}

/// A host that counts how often its effect runs.
struct Host {
    auditor: Auditor,
    /// Waits as long as a busy machine takes.
    patient: Auditor,
    ran: AtomicUsize,
    _folder: tempfile::TempDir,
}

impl Host {
    async fn new(sink: Arc<dyn AuditSink>, wait: Duration, has_spool: bool) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let waiting = |wait| {
            let limits = QueueLimits::default().wait(wait);
            Auditor::builder(sink.clone(), KEY).limits(limits)
        };
        let (builder, patient) = (waiting(wait), waiting(Duration::from_mins(1)).build());
        let builder = if has_spool {
            builder.spool(Spool::open(folder.path().join("spool")).await.expect("a spool"))
        } else {
            builder
        };
        Self { auditor: builder.build(), patient, ran: AtomicUsize::new(0), _folder: folder }
    }

    async fn run(&self) -> Result<(), EffectError<(), String>> {
        self.run_by(&self.auditor).await
    }

    /// Runs it for the first time, before anything is locked.
    async fn run_first(&self) {
        self.run_by(&self.patient).await.expect("it runs");
    }

    async fn run_by(&self, auditor: &Auditor) -> Result<(), EffectError<(), String>> {
        let run = auditor.effect(keyed()).run(async || {
            self.ran.fetch_add(1, Ordering::SeqCst);
            Ok::<_, String>(())
        });
        run.await
    }

    fn ran(&self) -> usize {
        self.ran.load(Ordering::SeqCst)
    }

    async fn assert_not_run(&self) {
        let before = self.ran();
        let error = self.run().await.expect_err("nobody knows what became of it");
        assert!(matches!(error, EffectError::NotAdmitted(AdmitError::NotRun(_))), "{error:?}");
        assert_eq!(self.ran(), before);
    }

    /// Runs it as soon as the store decides again.
    async fn run_at_last(&self) {
        for _ in 0..1_000 {
            match self.run().await {
                Ok(()) => return,
                // Under way: an admission that landed unheard, until its refusal lands too.
                Err(EffectError::NotAdmitted(
                    AdmitError::NotRun(_) | AdmitError::InProgress { .. },
                )) => {}
                Err(error) => panic!("{error:?}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("it is never decided");
    }
}

async fn postgres(url: &str) -> Arc<PostgresStore> {
    let store = stores::migrated(url).await;
    Arc::new(store)
}

async fn locked(url: &str, table: &str) -> PgConnection {
    let mut other = PgConnection::connect(url).await.expect("the server is up");
    let lock = format!("begin; lock table moltbot_audit.{table} in access exclusive mode");
    other.execute(sqlx::AssertSqlSafe(lock)).await.expect("the table is free");
    other
}

async fn a_locked_table(table: &str, waits_longer: bool, has_spool: bool) {
    let url = Cluster::shared().create_database().await;
    let store = postgres(&url).await;
    if waits_longer {
        stores::wait_for_locks(&url).await;
    }
    let host = Host::new(store, WAIT, has_spool).await;
    host.run_first().await;
    let mut other = locked(&url, table).await;
    host.assert_not_run().await;
    // With a spool this shuts the way to the database for a while.
    host.auditor.record(created()).await.ok();
    host.assert_not_run().await;
    other.execute("rollback").await.expect("the lock is given back");
    host.run_at_last().await;
    assert_eq!(host.ran(), 1, "{table}, {waits_longer}: answered from the record");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_table_is_no_reason_to_run_twice() {
    let mut cases = tokio::task::JoinSet::new();
    for table in ["audit_events", "audit_effects", "audit_streams"] {
        // A statement waits for a lock for longer than the caller waits, and not for so long.
        for waits_longer in [true, false] {
            for has_spool in [false, true] {
                cases.spawn(a_locked_table(table, waits_longer, has_spool));
            }
        }
    }
    cases.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_file_is_no_reason_to_run_twice() {
    for (has_spool, lock) in [(false, "begin immediate"), (true, "begin exclusive")] {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite://{}", folder.path().join("audit.sqlite").display());
        let store = SqliteStore::open(&url).await.expect("opens");
        store.migrate().await.expect("migrates");
        let host = Host::new(Arc::new(store), WAIT, has_spool).await;
        host.run_first().await;
        let mut other = SqliteConnection::connect(&url).await.expect("opens");
        other.execute(lock).await.expect("the file is free");
        host.assert_not_run().await;
        host.auditor.record(created()).await.ok();
        host.assert_not_run().await;
        other.execute("rollback").await.expect("the lock is given back");
        host.run_at_last().await;
        assert_eq!(host.ran(), 1, "answered from the record");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_answers_and_does_not_decide_is_no_reason_to_run_twice() {
    // A statement that ran out of time, two races that others won, a read-only server, a right that is missing.
    for code in ["57014", "40001", "40P01", "25006", "42501"] {
        let url = Cluster::shared().create_database().await;
        let host = Host::new(postgres(&url).await, WAIT, true).await;
        host.run_first().await;
        let mut other = PgConnection::connect(&url).await.expect("the server is up");
        let fail = format!(
            "create function fail() returns trigger language plpgsql as
                $$ begin raise 'not now' using errcode = '{code}'; end $$;
            create trigger fail before insert on moltbot_audit.audit_effects
                for each row execute function fail()"
        );
        other.execute(sqlx::AssertSqlSafe(fail)).await.expect("a trigger");
        host.assert_not_run().await;
        let heal = "drop trigger fail on moltbot_audit.audit_effects";
        other.execute(heal).await.expect("the trigger is there");
        host.run_at_last().await;
        assert_eq!(host.ran(), 1, "{code}: answered from the record");
    }
}

#[tokio::test]
async fn silence_after_a_lock_is_a_lock() {
    let folder = tempfile::tempdir().expect("a folder");
    let spool = Spool::open(folder.path().join("spool")).await.expect("a spool");
    let host = host_with(|builder| builder.spool(spool));
    host.run(keyed()).await.expect("it runs");
    let asked = AtomicUsize::new(0);
    host.sink.lock(move |record| {
        let is_intent = record.header().event_type == "effect.admitted";
        is_intent && asked.fetch_add(1, Ordering::SeqCst) == 0
    });
    let next = host.sink.calls() + 2;
    host.sink.at_calls(next..next + 3, Fault::not_landed().hanging());
    let error = host.run(keyed()).await.expect_err("nobody knows what became of it");
    assert!(matches!(error, EffectError::NotAdmitted(AdmitError::NotRun(_))), "{error:?}");
    host.sink.heal();
    host.auditor.shutdown(Duration::from_secs(5)).await.expect("all is written");
    assert_eq!(host.events("discovery.call").len(), 1);
}

/// The statement of an admission goes on waiting for the lock after its caller has gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_admission_that_lands_unheard_does_not_hold_its_key() {
    for has_spool in [false, true] {
        let url = Cluster::shared().create_database().await;
        let store = PostgresStore::connect(&format!("{url}&pooler=session")).await;
        let store = store.expect("the server is up");
        store.migrate().await.expect("a fresh schema");
        let host = Host::new(Arc::new(store), WAIT, has_spool).await;
        host.patient.record(created()).await.expect("recorded");
        let mut other = locked(&url, "audit_effects").await;
        host.assert_not_run().await;
        other.execute("rollback").await.expect("the lock is given back");
        host.run_at_last().await;
        assert_eq!(host.ran(), 1);
        let doubt = host.patient.in_doubt().await.expect("the store is up");
        assert!(doubt.is_empty(), "{doubt:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_is_still_one() {
    let url = Cluster::shared().create_database().await;
    let options: PgConnectOptions = url.parse().expect("our own URL");
    let folder = options.get_socket().expect("the cluster listens on a Unix socket");
    let socket = folder.join(format!(".s.PGSQL.{}", options.get_port()));
    let proxy = FaultProxy::start(Path::new(&socket)).await.expect("a free port");
    let database = options.get_database().expect("a database of its own");
    let through = format!("postgres://postgres@{}/{database}?sslmode=disable", proxy.address());
    for silent in [false, true] {
        let host = Host::new(postgres(&through).await, WAIT, true).await;
        if silent {
            proxy.black_hole();
        } else {
            proxy.refuse();
        }
        host.run().await.expect("it runs on a spooled intent");
        proxy.pass();
        host.run_at_last().await;
        assert_eq!(host.ran(), 1, "answered from the record");
    }
}
