//! One limit covers one call of the host's, whatever the call asks of the database.

use std::future::Future;
use std::time::Duration;

use moltbot_audit::auditor::Finding;
use moltbot_audit::delivery::{QueueLimits, Spool};
use moltbot_audit::policy::RefusalReason;
use moltbot_audit::testing::Fault;
use moltbot_audit::{AdmitError, EffectError, Switch};
use tokio::time::Instant;

use super::{Host, created, custom, host_with, moltbot_call};

const LIMIT: Duration = Duration::from_secs(3);

fn patient() -> Host {
    host_with(|builder| builder.limits(QueueLimits::default().wait(LIMIT)))
}

fn hang(host: &Host) {
    host.sink.every_call(Fault::not_landed().hanging());
}

/// What a call answers, which must take as long as the limit allows, and not longer. Time is paused.
async fn within_the_limit<T>(call: impl Future<Output = T>) -> T {
    let begun = Instant::now();
    let answer = call.await;
    let took = begun.elapsed();
    // The timer has milliseconds.
    assert!(took >= LIMIT && took <= LIMIT + Duration::from_millis(2), "{took:?}");
    answer
}

#[tokio::test(start_paused = true)]
async fn an_effect_that_is_refused_waits_once_for_a_store_that_hangs() {
    let host = patient();
    hang(&host);
    let refusal = within_the_limit(host.refused(moltbot_call())).await;
    assert_eq!(refusal.reason, RefusalReason::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn an_effect_that_cannot_be_journalled_waits_once_for_a_store_that_hangs() {
    let host = patient();
    hang(&host);
    let error = within_the_limit(host.run(custom())).await.expect_err("it is not recorded");
    assert!(matches!(error, EffectError::NotAdmitted(AdmitError::NotRun(_))), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn with_a_spool_a_refusal_is_spooled_when_the_limit_is_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let spool = Spool::open(folder.path().join("spool")).await.expect("a spool");
    let host = host_with(|builder| {
        builder.limits(QueueLimits::default().wait(LIMIT)).spool(spool.clone())
    });
    hang(&host);
    within_the_limit(host.refused(moltbot_call())).await;
    assert_eq!(spool.depth().events, 1, "the refusal is durable when the host hears of it");
    // The database is known to be away: nobody waits for it again.
    let begun = Instant::now();
    host.refused(moltbot_call()).await;
    assert!(host.auditor.record(created()).await.expect("durable").receipt().is_none());
    host.run(custom()).await.expect("it runs on a spooled intent");
    assert!(begun.elapsed() < LIMIT, "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn effects_in_doubt_are_listed_within_one_limit_however_many_leases_have_run_out() {
    let host = patient();
    for _ in 0..5 {
        let permit = host.auditor.effect(custom()).admit().await.expect("admitted");
        std::mem::forget(permit);
    }
    host.clock.advance(Duration::from_hours(1));
    hang(&host);
    let begun = Instant::now();
    // Reading does not hang here, and has the other half of the time.
    assert_eq!(host.auditor.in_doubt().await.expect("it can be read").len(), 5);
    let took = begun.elapsed();
    assert!(took >= LIMIT / 2 && took <= LIMIT, "{took:?}");
    host.sink.heal();
    assert_eq!(host.auditor.in_doubt().await.expect("the store is up").len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_resolution_and_a_flip_wait_once() {
    let host = patient();
    let permit = host.auditor.effect(custom()).admit().await.expect("admitted");
    let id = permit.effect_id().uuid();
    std::mem::forget(permit);
    host.clock.advance(Duration::from_hours(1));
    hang(&host);
    let resolved = host.auditor.resolve(id, Finding::NotPerformed, "aline", "not sent");
    within_the_limit(resolved).await.expect_err("the store hangs");
    let flip = host.auditor.kill_switch();
    within_the_limit(flip.engage(&Switch::AI, "aline", "a test")).await.expect_err("it hangs");
}
