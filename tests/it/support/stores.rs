//! Stores to test on, each of them empty and its schema up to date.

use std::any::Any;
use std::sync::{Arc, LazyLock};

use moltbot_audit::record::StoredRecord;
use moltbot_audit::store::{
    AuditStore, BoxFuture, Pooling, PostgresStore, SqliteStore, StoreError, StoreLayer, StreamHead,
    StreamSnapshot,
};
use moltbot_audit::testing::{FaultySink, MemoryStore};
use moltbot_audit::{EventId, RequestId, StreamId};
use sqlx::{AssertSqlSafe, Executor, PgPool};
use tempfile::TempDir;

use super::cluster::Cluster;
use super::pgbouncer::PgBouncer;

/// An empty store, and what must live as long as it does.
pub(crate) struct Fresh {
    pub(crate) store: Arc<dyn AuditStore>,
    /// A temporary folder or the like.
    pub(crate) keep: Box<dyn Any + Send>,
}

impl Fresh {
    fn new(store: impl AuditStore + 'static, keep: impl Any + Send) -> Self {
        Self { store: Arc::new(store), keep: Box::new(keep) }
    }
}

pub(crate) type Sink = FaultySink<MemoryStore>;

/// A store in memory that fails as it is told.
pub(crate) fn sink() -> Arc<Sink> {
    Arc::new(FaultySink::new(Arc::new(MemoryStore::new())))
}

pub(crate) async fn memory() -> Fresh {
    std::future::ready(Fresh::new(MemoryStore::new(), ())).await
}

/// The same behind a layer that changes nothing.
pub(crate) async fn layered() -> Fresh {
    std::future::ready(Fresh::new(Layer(MemoryStore::new()), ())).await
}

pub(crate) async fn sqlite() -> Fresh {
    sqlite_with_url().await.0
}

/// The same, with the URL under which others may open it.
pub(crate) async fn sqlite_with_url() -> (Fresh, String) {
    let (store, url, folder) = sqlite_file().await;
    (Fresh::new(store, folder), url)
}

/// A store whose file is in a folder that lives as long as the last value.
pub(crate) async fn sqlite_file() -> (SqliteStore, String, TempDir) {
    let folder = TempDir::new().expect("a folder");
    let url = format!("sqlite://{}", folder.path().join("audit.sqlite").display());
    let store = SqliteStore::open(&url).await.expect("opens");
    store.migrate().await.expect("migrates");
    (store, url, folder)
}

/// With the month prepared in which the tests' events happen, and patient with locks.
pub(crate) async fn postgres() -> Fresh {
    let (_fresh, url) = postgres_with_url().await;
    wait_for_locks(&url).await;
    Fresh::new(connected(&url).await, ())
}

/// Has statements wait for a lock for a minute, where a busy machine may need longer than the 0.2 seconds that they
/// wait by themselves. If they wait for each other in a circle, no deadlock is detected meanwhile, and they fail. Holds
/// for connections that are opened later.
pub(crate) async fn wait_for_locks(url: &str) {
    let set = "do $$
        declare waiting regprocedure;
        begin
            for waiting in
                select oid from pg_proc
                where pronamespace = 'moltbot_audit'::regnamespace
                    and exists (select from unnest(proconfig) as s where s like 'lock_timeout=%')
            loop
                execute format('alter routine %s set lock_timeout = ''1min''', waiting);
            end loop;
            execute format('alter database %I set deadlock_timeout = ''10min''', current_database());
        end $$";
    pool(url).await.execute(set).await.expect("a superuser may do anything");
}

/// The same, with the URL under which others may connect.
pub(crate) async fn postgres_with_url() -> (Fresh, String) {
    let url = Cluster::shared().create_database().await;
    let store = migrated(&url).await;
    scalar::<i32>(&url, "select moltbot_audit.make_partitions('2026-09-15', 1)").await;
    (Fresh::new(store, ()), url)
}

/// Behind a pooler in transaction mode, with no hint that it is one.
pub(crate) async fn pgbouncer() -> Fresh {
    let fresh = behind(PgBouncer::shared(), Pooling::Transaction).await;
    fresh.migrate().await.expect("nothing is left to do");
    Fresh::new(fresh, ())
}

/// Behind a pooler in session mode.
pub(crate) async fn pgbouncer_session() -> Fresh {
    static SHARED: LazyLock<PgBouncer> = LazyLock::new(|| PgBouncer::start("session", 8));
    Fresh::new(behind(&SHARED, Pooling::Session).await, ())
}

async fn behind(pooler: &PgBouncer, pooling: Pooling) -> PostgresStore {
    let (_fresh, direct) = postgres_with_url().await;
    wait_for_locks(&direct).await;
    let store = connected(&pooler.url(&direct)).await;
    assert_eq!(store.current_pooling(), pooling);
    store
}

/// A database of its own, migrated, and somebody else's connections to it.
pub(crate) async fn database() -> (PostgresStore, PgPool) {
    let url = Cluster::shared().create_database().await;
    (migrated(&url).await, pool(&url).await)
}

pub(crate) async fn migrated(url: &str) -> PostgresStore {
    let store = connected(url).await;
    store.migrate().await.expect("the schema is brought up to date");
    store
}

pub(crate) async fn connected(url: &str) -> PostgresStore {
    PostgresStore::connect(url).await.expect("the database accepts connections")
}

pub(crate) async fn pool(url: &str) -> PgPool {
    PgPool::connect(url).await.expect("the database accepts connections")
}

/// A stream of which there are events.
pub(crate) async fn read(store: &dyn AuditStore, request: &RequestId) -> StreamSnapshot {
    let snapshot = store.read_stream(request.into()).await.expect("a readable stream");
    snapshot.expect("a stream with events")
}

/// The one value that a statement returns.
pub(crate) async fn scalar<T>(url: &str, sql: &str) -> T
where
    T: Send + Unpin + for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&pool(url).await).await.expect(sql)
}

#[derive(Debug)]
struct Layer(MemoryStore);

impl StoreLayer for Layer {
    type Inner = MemoryStore;

    fn inner(&self) -> &MemoryStore {
        &self.0
    }
}

impl AuditStore for Layer {
    fn head(&self, stream_id: StreamId) -> BoxFuture<'_, Result<Option<StreamHead>, StoreError>> {
        self.0.head(stream_id)
    }

    fn read_stream(
        &self,
        stream_id: StreamId,
    ) -> BoxFuture<'_, Result<Option<StreamSnapshot>, StoreError>> {
        self.0.read_stream(stream_id)
    }

    fn read_events<'a>(
        &'a self,
        stream_id: StreamId,
        ids: &'a [EventId],
    ) -> BoxFuture<'a, Result<Vec<StoredRecord>, StoreError>> {
        self.0.read_events(stream_id, ids)
    }
}
