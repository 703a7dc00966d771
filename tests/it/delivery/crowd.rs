//! Ten thousand callers, and nobody at the other end.

use std::time::Duration;

use moltbot_audit::delivery::Spool;
use moltbot_audit::testing::Fault;
use tokio::time::Instant;

use super::{auditor, of_type, sink, waiting};
use crate::support::records::{event, fresh_request};

/// What ten thousand answers, and as many events in the spool, take on a slow machine.
const SLACK: Duration = Duration::from_secs(20);

#[tokio::test(start_paused = true)]
async fn ten_thousand_callers_of_a_dead_store_are_all_answered_in_time() {
    for with_spool in [false, true] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let spool = if with_spool {
            Some(Spool::open(folder.path()).await.expect("our own"))
        } else {
            None
        };
        let sink = sink();
        sink.every_call(Fault::not_landed().hanging());
        let wait = Duration::from_secs(2);
        let auditor = auditor(&sink, spool, waiting(wait));
        let started = Instant::now();
        let callers: Vec<_> = (0..10_000)
            .map(|_| {
                let (auditor, event) = (auditor.clone(), event(&fresh_request()));
                tokio::spawn(async move { auditor.record(event).await })
            })
            .collect();
        let mut recorded = 0;
        for caller in callers {
            recorded += usize::from(caller.await.expect("a caller ends").is_ok());
        }
        assert!(started.elapsed() < wait + SLACK, "{:?}", started.elapsed());
        // What finds no place within half the wait is refused, spool or not.
        assert!(if with_spool { recorded >= 8_192 } else { recorded == 0 }, "{recorded}");
        sink.heal();
        assert!(of_type(&sink, "moltbot.called").is_empty());
    }
}
