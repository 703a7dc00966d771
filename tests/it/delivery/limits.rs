//! Limits at their ends, and calls without one.

use std::sync::Arc;
use std::time::Duration;

use moltbot_audit::delivery::Spool;
use moltbot_audit::testing::Fault;
use tokio::time::timeout;

use super::{LONG, auditor, of_type, sink, until, waiting};
use crate::support::records::{event, fresh_request};

#[tokio::test(start_paused = true)]
async fn a_wait_of_any_length_is_a_limit() {
    for wait in [Duration::ZERO, Duration::from_millis(1), Duration::MAX] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for spool in [None, Some(Spool::open(folder.path()).await.expect("our own"))] {
            let sink = sink();
            let auditor = auditor(&sink, spool.clone(), waiting(wait));
            // With no time at all the answer may be an error; the event is written all the same.
            let _answer = auditor.record(event(&fresh_request())).await;
            let what = format!("{wait:?}, {}", spool.is_some());
            until(&what, || of_type(&sink, "moltbot.called").len() == 1).await;
        }
    }
}

/// Time is not the machine's: it goes on at once where everybody waits for it.
#[tokio::test(start_paused = true)]
async fn one_call_that_never_ends_does_not_hold_up_others_for_ever() {
    let sink = sink();
    sink.at_calls([1], Fault::not_landed().hanging());
    let auditor = auditor(&sink, None, waiting(Duration::from_secs(1)).connections(1));
    let recorded = timeout(Duration::from_hours(1), async {
        while auditor.record(event(&fresh_request())).await.is_err() {}
    });
    recorded.await.expect("others are recorded");
}

#[tokio::test(start_paused = true)]
async fn a_closed_spool_lets_go_of_everything() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let spool = Spool::open(folder.path()).await.expect("our own");
    let sink = sink();
    sink.every_call(Fault::not_landed());
    let auditor = auditor(&sink, Some(spool.clone()), waiting(Duration::from_millis(50)));
    auditor.record(event(&fresh_request())).await.expect("it is in the spool");
    auditor.shutdown(LONG).await.expect("it is in the spool");
    spool.close().await.expect("a writable spool");
    drop(auditor);
    until("the drain ends", || Arc::strong_count(&sink) == 1).await;
}
