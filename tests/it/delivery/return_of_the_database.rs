//! What has to happen once the database is back.

use std::time::Duration;

use moltbot_audit::delivery::Spool;
use moltbot_audit::record::Recorded;
use moltbot_audit::testing::Fault;
use tokio::time::{Instant, sleep};

use super::{auditor, of_type, sink, until, waiting};
use crate::support::records::{event, fresh_request};

#[tokio::test(start_paused = true)]
async fn a_spool_that_took_nothing_does_not_keep_recording_from_the_database() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let spool = Spool::options(folder.path()).max_bytes(10).open().await.expect("our own");
    let sink = sink();
    let auditor = auditor(&sink, Some(spool), waiting(Duration::from_millis(50)));
    sink.every_call(Fault::not_landed());
    auditor.record(event(&fresh_request())).await.expect_err("there is no room");
    sink.heal();
    let started = Instant::now();
    while let Err(error) = auditor.record(event(&fresh_request())).await {
        assert!(started.elapsed() < Duration::from_secs(5), "{error:?}");
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_database_is_not_told_of_drains_without_end() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let spool = Spool::open(folder.path()).await.expect("our own");
    let sink = sink();
    // Slower than a caller waits, and there.
    sink.every_call(Fault::slow(Duration::from_millis(60)));
    let limits = waiting(Duration::from_millis(20));
    let auditor = auditor(&sink, Some(spool), limits);
    auditor.record(event(&fresh_request())).await.expect("it is in the spool");
    until("the drain is stated", || !of_type(&sink, "audit.spool_drained").is_empty()).await;
    sleep(Duration::from_secs(2)).await;
    let stated = of_type(&sink, "audit.spool_drained").len();
    assert!(stated <= 3, "one event, and {stated} about its drain");
}

#[tokio::test(start_paused = true)]
async fn a_database_far_slower_than_a_caller_waits_is_drained() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let spool = Spool::open(folder.path()).await.expect("our own");
    let sink = sink();
    sink.every_call(Fault::slow(Duration::from_millis(300)));
    let auditor = auditor(&sink, Some(spool.clone()), waiting(Duration::from_millis(10)));
    let recorded = auditor.record(event(&fresh_request())).await.expect("it is in the spool");
    assert!(matches!(recorded, Recorded::Spooled { .. }));
    until("it is drained", || spool.depth().events == 0).await;
}
