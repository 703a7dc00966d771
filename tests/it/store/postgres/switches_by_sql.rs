//! What an operator types at 3 a.m.: switches set by SQL, sealed as the library seals them.

use moltbot_audit::store::admission::{OpenKind, OpenPage, Scope};
use moltbot_audit::store::{AuditSink, AuditStore, PostgresStore};
use moltbot_audit::{EventType, StreamId, Switch, SwitchScope};
use serde_json::json;
use sqlx::Executor;

use crate::support::records::{assert_unbroken, morning, sealed};
use crate::support::stores::database;

async fn is_engaged(store: &PostgresStore, switch: &Switch) -> Option<bool> {
    let admission = store.admission().expect("Postgres decides");
    let states = admission.switches().await.expect("readable");
    states.iter().find(|state| state.switch == *switch).map(|state| state.is_engaged)
}

#[tokio::test]
async fn a_switch_set_by_sql_is_sealed_and_chained_as_the_library_does_it() {
    let (store, pool) = database().await;
    // Everything that canonical JSON escapes, and what it does not.
    let reason = "preise \"falsch\" \\ é 🙂 \u{7f}\u{2028} / \u{1}\u{8}\u{c}\n\r\t</script>";
    for (sql, engaged) in [
        ("select moltbot_audit.engage('ai', 'ops on call', $1)", true),
        ("select moltbot_audit.reset('ai', 'ops on call', $1)", false),
    ] {
        sqlx::query(sql).bind(reason).execute(&pool).await.expect("a switch is set");
        assert_eq!(is_engaged(&store, &Switch::AI).await, Some(engaged));
    }
    // An event of the library's own in between does not break the chain.
    let own = sealed(moltbot_audit::AuditEvent::new(
        EventType::AUDIT_CLOCK_STEPPED,
        moltbot_audit::Actor::System,
    ));
    store.append(&[own]).await.expect("a store that answers");
    pool.execute("select moltbot_audit.engage('calling', 'ops', 'calls go astray')").await.unwrap();

    let snapshot = store.read_stream(StreamId::SYSTEM).await.expect("readable").expect("events");
    assert_unbroken(&snapshot);
    let types: Vec<_> =
        snapshot.records.iter().map(|record| record.header.event_type.as_str()).collect();
    assert_eq!(types, ["switch.engaged", "switch.reset", "audit.clock_stepped", "switch.engaged"]);
    let input = snapshot.records[0].input.as_ref().expect("who, what and why");
    assert_eq!(input["reason"], reason);
    let by = json!({ "how": "session", "who": "postgres", "claimed": "ops on call" });
    assert_eq!(input["by"], by);
    assert_eq!(input["switch"], "ai");
    assert!(snapshot.records[0].header.created_at > morning(), "the time is now");
}

#[tokio::test]
async fn a_switch_is_refused_without_who_and_why_or_under_an_impossible_name() {
    let (store, pool) = database().await;
    for (sql, expected) in [
        ("select moltbot_audit.engage('ai', '', 'why')", "say who, and why"),
        ("select moltbot_audit.engage('ai', 'who', ' ')", "say who, and why"),
        ("select moltbot_audit.engage('ai', 'who', null)", "say who, and why"),
        ("select moltbot_audit.engage('ai', 'who', E'\\t\\n')", "say who, and why"),
        ("select moltbot_audit.engage('AI; drop', 'who', 'why')", "the switch is"),
        ("select moltbot_audit.engage('sms_20260921', 'who', 'why')", "the switch is"),
        ("select moltbot_audit.reset(null, 'who', 'why')", "the switch is"),
    ] {
        let error = pool.execute(sql).await.expect_err("refused").to_string();
        assert!(error.contains(expected), "{sql}: {error}");
    }
    assert_eq!(is_engaged(&store, &Switch::AI).await, None);
    assert!(store.read_stream(StreamId::SYSTEM).await.expect("readable").is_none());
}

#[tokio::test]
async fn a_name_that_nobody_set_before_is_said_to_be_new() {
    let (_, pool) = database().await;
    for (sql, expected) in [
        ("select moltbot_audit.engage('ai', 'who', 'why')", "ai is off"),
        ("SELECT moltbot_audit.engage ( 'ai' , 'who; what', 'it''s why'::text ) ; ", "ai is off"),
        ("select moltbot_audit.engage('moltbot', 'who', 'why')", "NEVER SET BEFORE"),
        ("select moltbot_audit.reset('moltbot', 'who', 'why')", "moltbot is on"),
    ] {
        let said: String = sqlx::query_scalar(sql).fetch_one(&pool).await.expect("a switch is set");
        assert!(said.contains(expected), "{sql}: {said}");
        assert_eq!(said.contains("NEVER"), expected.contains("NEVER"), "{sql}: {said}");
    }
}

#[tokio::test]
async fn a_row_that_came_in_by_hand_hides_no_other() {
    let (store, pool) = database().await;
    pool.execute("select moltbot_audit.engage('ai', 'who', 'why')").await.unwrap();
    let insert =
        "insert into moltbot_audit.audit_switches values ('AI', true, '\"a\"', 'b', now())";
    let error = pool.execute(insert).await.expect_err("no name").to_string();
    assert!(error.contains("control_name_check"), "{error}");
    for sql in [
        // As a restore from an older schema, or a superuser, may have it.
        "alter domain moltbot_audit.control_name drop constraint control_name_check",
        insert,
        "insert into moltbot_audit.audit_switches values ('ocr', false, '7', '', 'infinity')",
        "insert into moltbot_audit.audit_switches values ('calling', true, '[]', '', '-infinity')",
        "insert into moltbot_audit.audit_budgets values (gen_random_uuid(), 'Tokens!', 7)",
        "insert into moltbot_audit.audit_day_budgets values (current_date, 'Tokens!', 7)",
        "insert into moltbot_audit.audit_effects (
            effect_id, intent_id, effect, admitted_at, lease_until
        ) values (gen_random_uuid(), gen_random_uuid(), '', '-infinity', 'infinity')",
    ] {
        pool.execute(sql).await.expect(sql);
    }
    assert_eq!(is_engaged(&store, &Switch::AI).await, Some(true));
    assert_eq!(is_engaged(&store, &Switch::OCR).await, Some(false));
    assert_eq!(is_engaged(&store, &Switch::CALLING).await, Some(true));
    let admission = store.admission().expect("Postgres decides");
    assert_eq!(
        admission
            .open_effects(OpenPage { of: OpenKind::All, after: None, max: 9 })
            .await
            .expect("readable")
            .len(),
        1
    );
    let request: uuid::Uuid =
        sqlx::query_scalar("select request_id from moltbot_audit.audit_budgets")
            .fetch_one(&pool)
            .await
            .expect("the row");
    assert!(admission.usage(Scope::Request(request)).await.expect("readable").is_empty());
}

#[tokio::test]
async fn nobody_but_the_owner_may_call_or_read_any_of_it() {
    let (_, pool) = database().await;
    pool.execute("create role passer_by").await.ok();
    let mut connection = pool.acquire().await.unwrap();
    connection.execute("set role passer_by").await.unwrap();
    for sql in [
        "select moltbot_audit.engage('ai', 'who', 'why')",
        "select * from moltbot_audit.audit_effects",
        "update moltbot_audit.audit_switches set engaged = false",
    ] {
        let error = connection.execute(sql).await.expect_err("no right").to_string();
        assert!(error.contains("permission denied"), "{sql}: {error}");
    }
}

#[tokio::test]
async fn one_conversation_or_one_request_is_stopped_and_given_back_by_sql() {
    let (store, pool) = database().await;
    let (conversation, request) =
        (uuid::Uuid::from_u128(1 << 100), uuid::Uuid::from_u128(1 << 101));
    let all = "select moltbot_audit.reset('ai', 'who', 'why')";
    pool.execute(all).await.expect("a switch is set");
    for (sql, expected) in [
        (
            format!("select moltbot_audit.takeover('{conversation}', 'Keza', 'upset')"),
            format!("ai in conversation {conversation} is off"),
        ),
        (
            format!(
                "select moltbot_audit.takeover('{conversation}', 'Keza', 'upset', now() + interval '1 hour')"
            ),
            format!("ai in conversation {conversation} is off until "),
        ),
        (
            format!("select moltbot_audit.release('{conversation}', 'Keza', 'calm');"),
            format!("ai in conversation {conversation} is on"),
        ),
        (
            format!("select moltbot_audit.release('{conversation}', 'Keza', 'again')"),
            "BUT WAS NOT STOPPED THERE".to_owned(),
        ),
        (
            format!(
                "select moltbot_audit.engage('ocr', 'Keza', 'upset', conversation_id => '{conversation}')"
            ),
            format!("ocr in conversation {conversation} is off"),
        ),
        (
            format!(
                "select moltbot_audit.engage('ai', 'Keza', 'odd', request_id => '{request}'::uuid)"
            ),
            format!("ai in request {request} is off"),
        ),
        (
            format!("select moltbot_audit.reset('ai', 'Keza', 'fine', '{request}')"),
            format!("ai in request {request} is on"),
        ),
    ] {
        let said: String = sqlx::query_scalar(sqlx::AssertSqlSafe(sql.clone()))
            .fetch_one(&pool)
            .await
            .expect(&sql);
        assert!(said.contains(&expected), "{sql}: {said}");
        assert_eq!(said.contains("BUT"), expected.starts_with("BUT"), "{sql}: {said}");
    }
    for (of, types) in [
        (
            StreamId::of(None, Some(conversation)),
            &["switch.engaged", "switch.engaged", "switch.reset", "switch.reset", "switch.engaged"]
                [..],
        ),
        (StreamId::of(Some(request), None), &["switch.engaged", "switch.reset"]),
    ] {
        let snapshot = store.read_stream(of).await.expect("readable").expect("events");
        assert_unbroken(&snapshot);
        let found: Vec<_> =
            snapshot.records.iter().map(|record| record.header.event_type.as_str()).collect();
        assert_eq!(found, types);
    }
    let states = store.admission().expect("Postgres decides").switches().await.expect("readable");
    let scoped: Vec<_> =
        states.iter().filter(|state| state.scope != SwitchScope::Everywhere).collect();
    assert_eq!(scoped.len(), 1, "{scoped:?}");
    assert_eq!(scoped[0].scope, SwitchScope::Conversation(conversation));
    assert_eq!(is_engaged(&store, &Switch::AI).await, Some(false));
}

#[tokio::test]
async fn what_is_said_wrongly_of_a_scope_is_refused_and_changes_nothing() {
    let (store, pool) = database().await;
    let id = uuid::Uuid::from_u128(1 << 100);
    for (sql, expected) in [
        // An id that was not found must not mean everywhere.
        ("select moltbot_audit.takeover(null, 'who', 'why')".to_owned(), "is null: say which"),
        (
            "select moltbot_audit.reset('ai', 'who', 'why', request_id => null)".to_owned(),
            "is null",
        ),
        (
            "select moltbot_audit.release('00000000-0000-0000-0000-000000000000', 'who', 'why')"
                .to_owned(),
            "is null",
        ),
        (format!("select moltbot_audit.engage('ai', 'who', 'why', '{id}', '{id}')"), "not both"),
        (format!("select moltbot_audit.takeover('{id}', 'who', 'why', 'yesterday')"), "to come"),
        (format!("select moltbot_audit.takeover('{id}', 'who', 'why', 'infinity')"), "to come"),
        (format!("select moltbot_audit.takeover('{id}', ' ', 'why')"), "say who, and why"),
    ] {
        let error = pool.execute(sqlx::AssertSqlSafe(sql.clone())).await.expect_err("refused");
        assert!(error.to_string().contains(expected), "{sql}: {error}");
    }
    let states = store.admission().expect("Postgres decides").switches().await.expect("readable");
    assert!(states.is_empty(), "{states:?}");
}
