//! Admission in the file: what an operator types, what anyone may have changed, what the database's
//! clock says.

use std::sync::Arc;
use std::time::Duration;

use moltbot_audit::event::{Budget, EventType, Identity, Switch};
use moltbot_audit::store::StoreError;
use moltbot_audit::store::admission::{Claim, Decision, Obstacle};
use serde_json::json;
use sqlx::AssertSqlSafe;

use super::Trail;
use crate::support::claims::{Case, charge, switched, told};
use crate::support::records::morning;

const MIGRATION: &str =
    include_str!("../../../../migrations/sqlite/0004_moltbot_audit_admission.sql");

async fn case() -> (Case, Trail) {
    let trail = Trail::new().await;
    (Case::new(Arc::new(trail.store.clone())), trail)
}

async fn run(trail: &Trail, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut trail.shell().await).await.expect(sql);
}

#[tokio::test]
async fn the_statement_in_the_migration_engages_a_switch() {
    let (case, trail) = case().await;
    case.set(Switch::AI, false).await;
    let claim = || Claim { switches: vec![Switch::AI], ..case.claim() };
    case.admit(&claim()).await;
    let lines = MIGRATION.lines().skip_while(|line| !line.contains("insert into audit_switches"));
    let lines = lines.take_while(|line| line.starts_with("--"));
    let statement: String = lines.map(|line| line.trim_start_matches("--")).collect();
    assert!(statement.ends_with(';'), "{statement}");
    run(&trail, &statement).await;
    assert_eq!(case.refusal(&claim()).await, switched(0));
    let states = case.admission().switches().await.expect("a readable store");
    assert_eq!(
        (&states[0].by, states[0].is_engaged),
        (&Some(Identity::claimed("your name")), true)
    );
}

#[tokio::test]
async fn the_databases_clock_alone_ends_a_requests_time() {
    let (case, trail) = case().await;
    case.record(EventType::REQUEST_CREATED, morning(), json!({})).await;
    let max = Duration::from_mins(10);
    let claim = || Claim { elapsed_max: Some(max), ..case.claim() };
    case.admit(&claim()).await;
    run(&trail, "update audit_streams set heard_at = heard_at - 601000000").await;
    let Obstacle::Time { elapsed } = case.refusal(&claim()).await else {
        panic!("expected Time");
    };
    assert!(elapsed > max && elapsed < 2 * max, "{elapsed:?}");
}

#[tokio::test]
async fn an_entry_changed_by_hand_is_an_error_and_admits_nothing() {
    let (case, trail) = case().await;
    let claim = case.keyed("a key");
    case.admit(&claim).await;
    let other = case.claim();
    case.admit(&other).await;
    for change in [
        "charges = '[{\"budget\": \"tokens\"}]'",
        "charges = '[{\"budget\": \"Tokens!\", \"amount\": 1, \"request\": \"x\"}]'",
        "intent_id = 'cccccccccccccccccccccccccccccccccccc'",
        "request_id = 'cccccccccccccccccccccccccccccccccccc'",
        "lease_until = 9223372036854775807",
    ] {
        run(&trail, "create table kept as select * from audit_effects").await;
        let update = format!("update audit_effects set {change} where key_hash is not null");
        run(&trail, &update).await;
        let error = case.admission().admit(&told(&case.keyed("a key"))).await.expect_err(change);
        assert!(matches!(error, StoreError::Database { .. }), "{change}: {error:?}");
        let open: Vec<_> = case.open().await.iter().map(|effect| effect.effect_id).collect();
        assert_eq!(open, [other.effect_id], "{change}: it hides no other");
        let restore = "begin; delete from audit_effects; insert into audit_effects \
                       select * from kept; drop table kept; commit";
        run(&trail, restore).await;
    }
    assert!(matches!(case.ask(&case.keyed("a key")).await, Decision::InProgress { .. }));
    assert_eq!(case.event_types().await.len(), 2);
}

#[tokio::test]
async fn what_is_asked_of_a_stream_is_found_by_an_index() {
    let trail = Trail::new().await;
    for (asked, index) in [
        (
            "select 1 from audit_events where stream_id = ?1 and event_type = 'shortlist.generated'",
            "audit_events_shortlists",
        ),
        (
            "select 1 from audit_events where stream_id in (?1, ?2) and event_type in \
             ('call.consent_granted', 'call.consent_denied', 'call.consent_expired')",
            "audit_events_consents",
        ),
        (
            "select * from audit_effects \
             where state in ('in_doubt', 'running') and intent_id is not null and state = 'running' \
             and lease_until <= ?1 and (lease_until, effect_id) > (?2, ?3) \
             order by lease_until, effect_id limit ?4",
            "audit_effects_open ((lease_until,effect_id)>(?,?) AND lease_until<?)",
        ),
        (
            "select * from audit_streams where started_at >= ?1 and started_at < ?2 \
             and (started_at, stream_id) < (?3, ?4) order by started_at desc, stream_id desc limit ?5",
            "audit_streams_started_at",
        ),
        (
            "select stream_id from audit_events where conversation_id = ?1 \
             order by created_at desc limit 10000",
            "audit_events_conversations",
        ),
    ] {
        let sql = format!("explain query plan {asked}");
        let plan: Vec<(i64, i64, i64, String)> = sqlx::query_as(AssertSqlSafe(sql))
            .fetch_all(&mut trail.shell().await)
            .await
            .expect(asked);
        assert!(plan.iter().any(|(.., step)| step.contains(index)), "{plan:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_who_gives_up_leaves_the_file_unlocked_and_the_sums_right() {
    let (case, _trail) = case().await;
    for wait in 0..40 {
        let claim = case.charged([charge(Budget::TOKENS, 1, 1_000)]);
        let patience = Duration::from_micros(50 * wait);
        let given_up = tokio::time::timeout(patience, case.ask(&claim)).await;
        drop(given_up);
        // The same again is told what became of it.
        case.admit(&claim).await;
        assert_eq!(case.used(&Budget::TOKENS).await, i64::try_from(wait).expect("small") + 1);
    }
    case.assert_unbroken().await;
}
