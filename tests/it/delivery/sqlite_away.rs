//! The embedded store behind the queue, while somebody else has its file.

use std::sync::Arc;
use std::time::Duration;

use moltbot_audit::Auditor;
use moltbot_audit::delivery::Spool;
use moltbot_audit::record::Recorded;
use moltbot_audit::store::{AuditStore, SqliteStore};
use sqlx::{Connection, Executor, SqliteConnection};
use tokio::time::timeout;

use super::{LONG, until, waiting};
use crate::support::records::{KEY, assert_unbroken, event, fresh_request, stream};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_file_is_an_outage_and_keeps_the_order() {
    for with_spool in [false, true] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = format!("sqlite://{}/audit.sqlite", folder.path().display());
        let store = SqliteStore::open(&url).await.expect("our own folder");
        store.migrate().await.expect("a fresh schema");
        let spool = Spool::open(folder.path().join("spool")).await.expect("our own folder");
        let builder = || Auditor::builder(Arc::new(store.clone()), KEY);
        let request = fresh_request();
        let patient = builder().limits(waiting(LONG)).build();
        let mut sent =
            vec![patient.record(event(&request)).await.expect("nobody has it").event_id()];
        let builder = builder().limits(waiting(Duration::from_millis(300)));
        let builder = if with_spool { builder.spool(spool.clone()) } else { builder };
        let auditor = builder.build();
        let mut other = SqliteConnection::connect(&url).await.expect("the same file");
        other.execute("begin immediate").await.expect("the lock is free");
        for _ in 0..3 {
            let answer = timeout(LONG, auditor.record(event(&request))).await.expect("an answer");
            match answer {
                Ok(recorded) => {
                    assert!(with_spool && matches!(recorded, Recorded::Spooled { .. }));
                    sent.push(recorded.event_id());
                }
                Err(error) => assert!(!with_spool && error.is_retryable(), "{error:?}"),
            }
        }
        other.execute("rollback").await.expect("the lock is given back");
        until("the spool is drained", || spool.depth().events == 0).await;
        auditor.shutdown(LONG).await.expect("all is written");
        let snapshot = store.read_stream(stream(&request)).await.expect("readable");
        let snapshot = snapshot.expect("events");
        assert_unbroken(&snapshot);
        let mut stored: Vec<_> = snapshot.records.iter().map(|one| one.header.id).collect();
        stored.retain(|id| sent.contains(id));
        assert_eq!(stored, sent);
    }
}
