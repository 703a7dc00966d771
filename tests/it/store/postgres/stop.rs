//! The stop holds whatever else is locked: switches that are engaged while others hold what they can.

mod at_commit;
mod cold;
mod hanging;
mod locks;
mod pending;

use std::sync::Arc;
use std::time::Duration;

use moltbot_audit::store::admission::{Claim, Decision};
use moltbot_audit::store::{AuditSink, PostgresStore, StoreError};
use moltbot_audit::{Auditor, Switch};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, PgPool};
use tokio::time::{sleep, timeout};

use crate::support::claims::{Case, flip, switched, told};
use crate::support::cluster::Cluster;
use crate::support::records::KEY;
use crate::support::stores::{self, migrated};

/// A database in which everything may run.
struct Database {
    url: String,
    pool: PgPool,
    store: PostgresStore,
    case: Case,
}

impl Database {
    async fn new() -> Self {
        let url = Cluster::shared().create_database().await;
        let store = migrated(&url).await;
        let case = Case::new(Arc::new(store.clone()));
        for switch in [Switch::AI, Switch::OCR, Switch::CALLING] {
            case.set(switch, false).await;
        }
        let pool = stores::pool(&url).await;
        Self { url, pool, store, case }
    }

    fn auditor(&self) -> Auditor {
        Auditor::builder(Arc::new(self.store.clone()), KEY).build()
    }

    /// A session of its own, whose transaction is open and idle after `sql`.
    async fn idle_after(&self, sql: &str) -> PgConnection {
        let mut session = PgConnection::connect(&self.url).await.expect("it accepts connections");
        session.execute("begin").await.expect("a transaction");
        session.execute(AssertSqlSafe(sql)).await.expect(sql);
        session
    }

    /// As who opens `psql` does: in a session that knows no table yet, and has to look up what it reads.
    async fn engage(&self, switch: &str) -> Result<String, sqlx::Error> {
        let mut session = PgConnection::connect(&self.url).await.expect("it accepts connections");
        let sql = format!("select moltbot_audit.engage('{switch}', 'who', 'why')");
        let said = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut session);
        timeout(Duration::from_mins(1), said).await.expect("it is bounded")
    }

    async fn say(&self, sql: &str) -> String {
        let said = sqlx::query_scalar::<_, Option<String>>(AssertSqlSafe(sql.to_owned()));
        said.fetch_one(&self.pool).await.expect("an answer").unwrap_or_default()
    }

    /// What is said to an effect with a switch.
    async fn ask(&self, switch: Switch) -> Result<Decision, StoreError> {
        let claim = Claim { switches: vec![switch], ..self.case.claim() };
        self.case.admission().admit(&told(&claim)).await
    }

    async fn is_refused(&self, switch: Switch) -> bool {
        let refused = Decision::Refused(switched(0));
        matches!(self.ask(switch).await, Ok(verdict) if verdict == refused)
    }
}

async fn pid(session: &mut PgConnection) -> i32 {
    sqlx::query_scalar("select pg_backend_pid()").fetch_one(session).await.expect("a number")
}
