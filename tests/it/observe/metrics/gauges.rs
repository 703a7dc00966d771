//! The gauges.

use std::time::Duration;

use chrono::TimeDelta;
use moltbot_audit::delivery::Spool;
use moltbot_audit::event::payload::{MoltbotInput, OcrInput};
use moltbot_audit::observe::JsonLayer;
use moltbot_audit::policy::Limits;
use moltbot_audit::reconcile::{Reconciled, record_reconciled};
use moltbot_audit::testing::Fault;
use moltbot_audit::{Actor, AuditEvent, Budget, Effect, EventType, Identity, Switch};
use serde::Deserialize;
use serde_json::json;
use tracing_subscriber::layer::SubscriberExt as _;

use super::{morning, play, play_with, request};
use crate::support::records::named_conversation;

/// Longer than a look takes to come round.
const LOOK: Duration = Duration::from_secs(16);

#[test]
fn the_heartbeat_and_the_switches_are_seen_at_once() {
    play(async |host| {
        let now = f64::from(u32::try_from(morning().timestamp()).expect("before 2106"));
        host.settles("audit_heartbeat_timestamp_seconds", now).await;
        for switch in ["ai", "ocr", "calling"] {
            let series = format!("kill_switch_enabled{{switch=\"{switch}\"}}");
            assert_eq!(host.value(&series), Some(0.0), "{switch}");
        }
    });
}

#[test]
fn a_switch_that_is_engaged_and_an_effect_in_doubt_are_seen_at_the_next_look() {
    play(async |host| {
        host.settles("audit_in_doubt_effects", 0.0).await;
        let effect = Effect::moltbot_call(&MoltbotInput::default()).request(&request());
        drop(host.auditor.effect(effect).admit().await.expect("admitted"));
        host.auditor
            .kill_switch()
            .engage(&Switch::AI, "an operator", "a drill")
            .await
            .expect("set");
        host.settles("audit_events_total{event_type=\"moltbot.called\"}", 1.0).await;
        look().await;
        host.settles("kill_switch_enabled{switch=\"ai\"}", 1.0).await;
        assert_eq!(host.value("kill_switch_enabled{switch=\"ocr\"}"), Some(0.0));
        host.settles("audit_in_doubt_effects", 1.0).await;
    });
}

#[test]
fn a_switch_that_stands_reset_by_a_claim_is_seen_until_it_is_reset_under_a_verified_identity() {
    play(async |host| {
        let series = "kill_switch_reset_by_claim{switch=\"ai\"}";
        let switches = host.auditor.kill_switch();
        let known = Identity::host("aline", "sso");
        let read = json!({ "how": "session", "who": "postgres" });
        let read = Identity::deserialize(read).expect("an identity");
        for (by, is_claimed) in [
            (known.clone(), 0.0),
            (Identity::from("aline"), 1.0),
            (known, 0.0),
            // What a program read from a record is no more than a claim.
            (read, 1.0),
        ] {
            switches.reset(&Switch::AI, by, "a test").await.expect("set");
            look().await;
            host.settles(series, is_claimed).await;
        }
        switches.engage(&Switch::AI, "aline", "a test").await.expect("set");
        look().await;
        host.settles(series, 0.0).await;
        assert_eq!(host.value("kill_switch_enabled{switch=\"ai\"}"), Some(1.0));
    });
}

#[test]
fn the_last_comparison_with_the_tables_is_seen_and_none_before_it() {
    play(async |host| {
        let series = |severity| format!("audit_unreconciled_findings{{severity=\"{severity}\"}}");
        look().await;
        assert_eq!(host.value(&series("error")), None);
        let period = (morning() - TimeDelta::days(1), morning());
        for errors in [3_u32, 0] {
            let mut report = Reconciled::default();
            (report.errors, report.warnings) = (errors.into(), 2);
            record_reconciled(&host.auditor, period, &report, "aline").await.expect("recorded");
            look().await;
            host.settles(&series("error"), errors.into()).await;
            host.settles(&series("warning"), 2.0).await;
        }
        let at = host.value("audit_reconciled_timestamp_seconds").expect("it was compared");
        let seconds = at - f64::from(u32::try_from(morning().timestamp()).expect("before 2106"));
        assert!((0.0..3600.0).contains(&seconds), "{seconds}");
    });
}

#[test]
fn only_conversations_that_a_human_has_taken_over_are_counted_so() {
    play(async |host| {
        let series = "conversations_taken_over";
        host.settles(series, 0.0).await;
        let auditor = &host.auditor;
        let [first, second] = [named_conversation("first"), named_conversation("second")];
        for conversation in [&first, &second] {
            auditor.takeover(conversation, "keza", "a test", None).await.expect("taken over");
        }
        let switches = auditor.kill_switch();
        let request = request();
        let of_request = switches.of_request(&request);
        of_request.engage(&Switch::AI, "keza", "a request").await.expect("set");
        let third = named_conversation("third");
        let of_third = auditor.kill_switch().of_conversation(&third);
        of_third.engage(&Switch::CALLING, "keza", "another switch").await.expect("set");
        look().await;
        host.settles(series, 2.0).await;
        auditor.release(&first, "keza", "a test").await.expect("given back");
        look().await;
        host.settles(series, 1.0).await;
    });
}

/// Lets the auditor look again. Time is paused, so this takes none.
async fn look() {
    tokio::time::sleep(LOOK).await;
}

#[test]
fn while_the_database_is_away_the_spool_grows_old_and_the_heartbeat_stops() {
    let folder = tempfile::tempdir().expect("a folder");
    play_with(
        async |builder| builder.spool(Spool::open(folder.path()).await.expect("a spool")),
        async |host| {
            let heartbeat = "audit_heartbeat_timestamp_seconds";
            let now = f64::from(u32::try_from(morning().timestamp()).expect("before 2106"));
            host.settles(heartbeat, now).await;
            host.sink.every_call(Fault::not_landed());
            host.auditor.record(event()).await.expect("spooled");
            host.clock.advance(Duration::from_secs(90));
            look().await;
            host.settles("audit_spool_events", 1.0).await;
            host.settles("audit_spool_age_seconds", 90.0).await;
            assert!(host.value("audit_spool_bytes").is_some_and(|bytes| bytes > 0.0));
            assert_eq!(host.value(heartbeat), Some(now), "as it was");
            host.sink.refuse(|record| record.header().event_type == "request.created");
            host.sink.every_call(Fault::slow(Duration::ZERO));
            host.settles("audit_spool_set_aside_events_total", 1.0).await;
            look().await;
            host.settles(heartbeat, now + 90.0).await;
            host.settles("audit_spool_events", 0.0).await;
            assert_eq!(host.value("audit_spool_age_seconds"), Some(0.0));
        },
    );
}

#[test]
fn what_a_day_has_used_is_seen_beside_its_limit() {
    let limits = Limits::default().per_day(Budget::OCR_JOBS, 100).expect("a limit");
    play_with(
        async |builder| builder.budgets(limits),
        async |host| {
            host.settles("budget_day_limit{budget=\"ocr_jobs\"}", 100.0).await;
            host.settles("budget_day_used{budget=\"ocr_jobs\"}", 0.0).await;
            let effect = Effect::ocr_job(&OcrInput::default()).request(&request());
            let ran = host.auditor.effect(effect).run(async || Ok::<_, String>(json!(null))).await;
            ran.expect("it may");
            look().await;
            host.settles("budget_day_used{budget=\"ocr_jobs\"}", 1.0).await;
            assert_eq!(host.value("budget_day_used{budget=\"tokens\"}"), None, "without a limit");
        },
    );
}

#[test]
fn each_append_is_timed() {
    play(async |host| {
        host.auditor.record(event()).await.expect("recorded");
        assert_eq!(host.value("audit_append_seconds_count"), Some(1.0));
        assert_eq!(host.value("audit_append_seconds_bucket{le=\"+Inf\"}"), Some(1.0));
    });
}

fn event() -> AuditEvent {
    AuditEvent::new(EventType::REQUEST_CREATED, Actor::System).request(&request())
}

/// A disk that is full.
struct Full;

impl std::io::Write for Full {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Err(std::io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn log_lines_that_could_not_be_written_are_seen() {
    let subscriber = tracing_subscriber::registry().with(JsonLayer::new(|| Full));
    tracing::subscriber::with_default(subscriber, || tracing::info!("nobody reads this"));
    play(async |host| {
        host.settles("audit_in_doubt_effects", 0.0).await;
        let lost = host.value("audit_log_lines_lost_total");
        assert!(lost.is_some_and(|lost| lost >= 1.0), "{lost:?}");
    });
}
