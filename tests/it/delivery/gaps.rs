//! What befell recording is stated, also where stating it fails.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use moltbot_audit::Auditor;
use moltbot_audit::delivery::QueueLimits;
use moltbot_audit::testing::{Fault, SteppedClock};
use tokio::time::{Instant, sleep, timeout};

use super::{LONG, Sink, auditor, of_type, sink, until, waiting};
use crate::support::records::{KEY, event, fresh_request, morning};

/// One place in the queue, and one before it.
fn narrow(wait: Duration) -> QueueLimits {
    waiting(wait).events(1).connections(1)
}

/// How many refusals the store was told of.
fn stated(sink: &Sink) -> u64 {
    let counts = of_type(sink, "audit.not_recorded");
    counts.iter().filter_map(|one| one.output()?["overloaded_events"].as_u64()).sum()
}

#[tokio::test(start_paused = true)]
async fn a_count_that_could_not_be_written_is_stated_later() {
    let sink = sink();
    let auditor = auditor(&sink, None, narrow(Duration::from_secs(10)));
    sink.refuse(|record| record.header().event_type == "audit.not_recorded");
    sink.at_calls([1], Fault::slow(Duration::from_millis(100)));
    let callers: Vec<_> = (0..6)
        .map(|_| {
            let auditor = auditor.clone();
            tokio::spawn(async move { auditor.record(event(&fresh_request())).await })
        })
        .collect();
    for caller in callers {
        drop(caller.await.expect("a caller ends"));
    }
    // The count went out after the two that were recorded, and was refused.
    until("the count is tried", || sink.calls() > 2).await;
    sleep(Duration::from_millis(50)).await;
    sink.heal();
    until_stated(&sink, &auditor, 4).await;
}

/// Records until the store was told of so many refusals.
async fn until_stated(sink: &Sink, auditor: &Auditor, refusals: u64) {
    let started = Instant::now();
    while stated(sink) < refusals {
        assert!(started.elapsed() < LONG, "{} of {refusals} are stated", stated(sink));
        auditor.record(event(&fresh_request())).await.expect("the database is there");
        sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(stated(sink), refusals);
}

#[tokio::test(start_paused = true)]
async fn refusals_are_counted_also_where_their_callers_gave_up() {
    let sink = sink();
    let auditor = auditor(&sink, None, narrow(Duration::from_millis(200)));
    sink.every_call(Fault::slow(Duration::from_millis(400)));
    // The second waits for a place, which does not come in time, and its caller is gone by then.
    for _ in 0..2 {
        let recorded = auditor.record(event(&fresh_request()));
        assert!(timeout(Duration::from_millis(10), recorded).await.is_err());
    }
    sleep(Duration::from_millis(600)).await;
    sink.heal();
    until_stated(&sink, &auditor, 1).await;
}

#[tokio::test(start_paused = true)]
async fn the_largest_step_of_an_outage_is_the_one_that_is_stated() {
    let sink = sink();
    let clock = Arc::new(SteppedClock::new(morning()));
    let auditor = Auditor::builder(sink.clone(), KEY)
        .clock(clock.clone())
        .limits(waiting(Duration::from_millis(50)))
        .build();
    auditor.record(event(&fresh_request())).await.expect("the database is there");
    sink.every_call(Fault::not_landed());
    for step in [TimeDelta::hours(-3), TimeDelta::seconds(6)] {
        clock.step(step);
        auditor.record(event(&fresh_request())).await.expect_err("the database is away");
    }
    sink.heal();
    auditor.record(event(&fresh_request())).await.expect("the database is there");
    until("a step is stated", || !of_type(&sink, "audit.clock_stepped").is_empty()).await;
    let stated = &of_type(&sink, "audit.clock_stepped")[0];
    assert_eq!(stated.output().expect("a step")["step_ms"], -3 * 3_600_000);
}
