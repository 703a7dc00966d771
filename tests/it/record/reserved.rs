//! The library's own events are its own: no host records one, by whatever door.

use std::borrow::Cow;
use std::sync::Arc;

use moltbot_audit::event::payload::{
    AdmissionInput, EffectAdmitted, Nothing, SwitchInput, SwitchReset,
};
use moltbot_audit::testing::MemoryStore;
use moltbot_audit::{
    Actor, AdmitError, AuditEvent, Auditor, Effect, EventError, EventType, RecordError,
};
use serde_json::json;
use sqlx::Row as _;
use sqlx::error::DatabaseError;

use crate::support::cluster::Cluster;
use crate::support::records::{KEY, event, fresh_request, sealed};
use crate::support::rows::Row;
use crate::support::stores::{self, migrated, postgres_with_url};

/// What the library writes, and what it may write one day.
fn reserved() -> Vec<EventType> {
    let later =
        ["audit.writer_started", "effect.admitted.x", "pack.a1", "switch.takeover", "budget.b"];
    let later = later.map(|name| EventType::new(name).expect("well-formed"));
    EventType::KNOWN.iter().filter(|known| known.is_reserved()).cloned().chain(later).collect()
}

fn code(error: &sqlx::Error) -> Option<String> {
    let code = error.as_database_error().and_then(DatabaseError::code);
    code.map(Cow::into_owned)
}

fn is_reserved(error: &RecordError) -> bool {
    matches!(error, RecordError::Event(EventError::ReservedEventType { .. }))
}

#[test]
fn reserved_is_exactly_what_the_library_writes() {
    let names: Vec<_> = reserved().iter().take(23).map(ToString::to_string).collect();
    let written = [
        "audit.clock_stepped",
        "audit.configuration_changed",
        "audit.effects_pruned",
        "audit.key_rotated",
        "audit.limit_set",
        "audit.not_recorded",
        "audit.reconciled",
        "audit.self_test",
        "audit.signing_key_rotated",
        "audit.spool_drained",
        "audit.writer_started",
        "audit.writer_stopped",
        "budget.warned",
        "effect.admitted",
        "effect.expired",
        "effect.refused",
        "effect.replayed",
        "effect.resolved",
        "effect.undo_started",
        "pack.exported",
        "switch.engaged",
        "switch.lapsed",
        "switch.reset",
    ];
    assert_eq!(names, written);
    for name in ["effects.admitted", "moltbot.budget_check", "effect_x.admitted", "my.effect.x"] {
        assert!(!EventType::new(name).expect("well-formed").is_reserved(), "{name}");
    }
}

#[tokio::test]
async fn record_and_effects_refuse_the_librarys_types_and_write_nothing() {
    let store = Arc::new(MemoryStore::new());
    let auditor = Auditor::builder(store.clone(), KEY).build();
    for event_type in reserved() {
        let told = AuditEvent::new(event_type.clone(), Actor::System).input(json!({ "x": 1 }));
        let error = auditor.record(told).await.expect_err("it is not the host's");
        assert!(is_reserved(&error) && !error.is_retryable(), "{error}");
        assert!(error.to_string().contains(event_type.as_str()), "{error}");
        let effect = Effect::custom(event_type.clone(), Actor::System, json!({}));
        let AdmitError::NotRun(error) = auditor.effect(effect).admit().await.expect_err("no")
        else {
            panic!("{event_type} is not refused as an event");
        };
        assert!(is_reserved(&error), "{error}");
    }
    let typed =
        AuditEvent::typed::<SwitchReset>(Actor::Admin, &SwitchInput::default(), &Nothing {});
    let error = auditor.record(typed.expect("JSON")).await.expect_err("it is not the host's");
    assert!(is_reserved(&error), "{error}");
    let mut changed = event(&fresh_request());
    changed.event_type = EventType::EFFECT_REFUSED;
    assert!(is_reserved(&auditor.record(changed).await.expect_err("it is not the host's")));
    assert_eq!(store.len(), 0);
}

#[tokio::test]
async fn the_hosts_transaction_goes_on_after_a_refused_event() {
    let (_fresh, url) = postgres_with_url().await;
    let pool = stores::pool(&url).await;
    let auditor = Auditor::builder(Arc::new(migrated(&url).await), KEY).build();
    let mut transaction = pool.begin().await.expect("a transaction");
    let admitted =
        AuditEvent::typed::<EffectAdmitted>(Actor::System, &AdmissionInput::default(), &Nothing {});
    let events = [event(&fresh_request()), admitted.expect("JSON")];
    let error = auditor.append_in(&mut transaction, events).await.expect_err("it is refused");
    assert!(is_reserved(&error), "{error}");
    let appended = auditor.append_in(&mut transaction, [event(&fresh_request())]).await;
    let appended = appended.expect("nothing had gone to the database");
    transaction.commit().await.expect("it is in order");
    assert_eq!(appended.committed().len(), 1);
}

#[tokio::test]
async fn the_sql_function_for_hosts_refuses_them_and_their_look_alikes() {
    let url = Cluster::shared().create_database().await;
    migrated(&url).await;
    let pool = stores::pool(&url).await;
    let look_alikes = [
        "EFFECT.ADMITTED",
        "effect.admitted ",
        "effect.admitted\n",
        " effect.admitted",
        "effect\t.admitted",
        // Cyrillic, full-width, a zero-width space.
        "\u{435}ffect.admitted",
        "\u{ff45}ffect.admitted",
        "effect\u{200b}.admitted",
        "effect..admitted",
        "effect",
        "",
        ".",
        "switch.reset.a.b",
        "Switch.reset",
    ];
    let types = reserved().into_iter().map(|of| of.to_string());
    for event_type in types.chain(look_alikes.map(str::to_owned)) {
        let row =
            Row { event_type: event_type.clone(), ..Row::of(&sealed(event(&fresh_request()))) };
        let error = row.call_with_arrays(&pool, "append", "").await.expect_err(&event_type);
        let code = code(&error);
        // Not a passing one: a host that tries again would try for ever.
        assert_eq!(code.as_deref(), Some("23514"), "{event_type:?}: {error}");
    }
    let row = Row::of(&sealed(event(&fresh_request())));
    let appended = row.call_with_arrays(&pool, "append", "").await.expect("a host's own");
    assert_eq!(appended[0].get::<&str, _>("status"), "stored");
    let events: i64 = sqlx::query_scalar("select count(*) from moltbot_audit.audit_events")
        .fetch_one(&pool)
        .await
        .expect("a count");
    assert_eq!(events, 1);
}

#[tokio::test]
async fn sql_and_library_reserve_the_same_types() {
    let url = Cluster::shared().create_database().await;
    migrated(&url).await;
    let pool = stores::pool(&url).await;
    let types = EventType::KNOWN.iter().cloned().chain(reserved());
    for event_type in types {
        let is_reserved: bool = sqlx::query_scalar("select moltbot_audit.is_reserved($1)")
            .bind(event_type.as_str())
            .fetch_one(&pool)
            .await
            .expect("an answer");
        assert_eq!(is_reserved, event_type.is_reserved(), "{event_type}");
    }
}

#[tokio::test]
async fn a_column_that_no_sealed_event_has_is_refused_at_the_door() {
    let url = Cluster::shared().create_database().await;
    migrated(&url).await;
    let pool = stores::pool(&url).await;
    let whole = || Row::of(&sealed(event(&fresh_request())));
    let text = |value: &str| Some(value.to_owned());
    let long = "x".repeat(1 << 20);
    let forged = [
        ("an event type of 1 MiB", Row { event_type: format!("a.{long}"), ..whole() }),
        ("an escape sequence", Row { event_type: "a.\u{1b}[2J".to_owned(), ..whole() }),
        ("a number in a type", Row { event_type: "call.to_0788123456".to_owned(), ..whole() }),
        ("five digits", Row { event_type: "a1.b2_c345".to_owned(), ..whole() }),
        ("a number in a code", Row { error_code: text("call_0788123456"), ..whole() }),
        ("a long code", Row { error_code: Some(long.clone()), ..whole() }),
        ("an empty code", Row { error_code: text(""), ..whole() }),
        ("a negative duration", Row { duration_ms: Some(-5), ..whole() }),
        ("a trace of blanks", Row { trace_id: text(&" ".repeat(32)), ..whole() }),
        ("a short trace", Row { trace_id: text("abc"), ..whole() }),
        ("a trace that is no hex", Row { trace_id: text(&"g".repeat(32)), ..whole() }),
        ("a span that is no hex", Row { span_id: text("+250788123456xyz"), ..whole() }),
        ("an actor", Row { actor: "root".to_owned(), ..whole() }),
        ("an outcome", Row { outcome: "Succeeded".to_owned(), ..whole() }),
        ("a key of 1 MiB", Row { idempotency_key: Some(long.clone()), ..whole() }),
        ("20 MB", Row { input: Some(format!("\"{}\"", "x".repeat(20_000_000))), ..whole() }),
        ("a short salt", Row { salt: vec![0; 15], ..whole() }),
        ("a short digest", Row { digests: std::array::from_fn(|_| vec![0; 31]), ..whole() }),
    ];
    for (what, row) in forged {
        for (function, more) in [("append", ""), ("append_batch", "")] {
            let error = row.call_with_arrays(&pool, function, more).await.expect_err(what);
            let code = code(&error).unwrap_or_default();
            assert!(["22", "23"].contains(&&code[..2]), "{what}: {error}");
        }
        row.call_alone(&pool, "append_alone", ", false").await.expect_err(what);
    }
    // What the library itself seals goes in, at the edges too.
    let largest = event(&fresh_request()).input(json!(vec![1; 500_000]));
    for row in
        [whole(), Row::of(&sealed(largest)), Row { event_type: "a1.b2_c34".into(), ..whole() }]
    {
        row.call_with_arrays(&pool, "append", "").await.expect("it is whole");
    }
}
