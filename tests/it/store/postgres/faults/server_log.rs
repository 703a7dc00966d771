//! What a server with default settings writes into its own log of an event that it does not take.

use moltbot_audit::event::Budget;
use moltbot_audit::store::{AuditSink, PostgresStore};
use moltbot_audit::{Actor, AuditEvent, EventType};
use serde_json::json;
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgPoolOptions;

use super::Tampered;
use crate::support::claims::{Case, charge, outcome, told};
use crate::support::cluster::Cluster;
use crate::support::records::{event, fresh_request, sealed, stream, unique};

/// A word that stands in no other log line, in all that an event may hold.
fn with_marker(tampered: &Tampered, marker: &str) -> AuditEvent {
    event(&tampered.request)
        .input(json!({ "text": marker, marker: [marker] }))
        .output(json!({ "said": marker }))
        .idempotency_key(format!("outreach:{marker}"))
}

/// The lines that name an error, of those in which `of` stands and the ones below them.
fn errors(log: &str) -> usize {
    log.matches("ERROR:").count()
}

#[tokio::test]
async fn what_the_store_fails_with_leaves_no_payload_in_it() {
    let marker = format!("marker{}", unique());
    let mut tampered = Tampered::with("select 1").await;
    let writable = tampered.store.clone();
    let before = errors(&Cluster::shared().log());

    // Its id is taken: alone, and in a batch.
    let first = sealed(with_marker(&tampered, &marker));
    tampered.store.append(std::slice::from_ref(&first)).await.expect("it lands");
    let mut other = with_marker(&tampered, &marker).input(json!({ "other": marker }));
    other = other.id(first.id());
    let other = sealed(other);
    for batch in [vec![other.clone()], vec![sealed(with_marker(&tampered, &marker)), other]] {
        let appended = tampered.store.append(&batch).await.expect("the rest lands");
        assert!(appended.last().expect("a result").is_err());
    }
    // The library refuses it in SQL: a flip without its switch, an outcome of another request, a claim that its
    // event does not say.
    let flip =
        AuditEvent::new(EventType::SWITCH_RESET, Actor::Admin).input(json!({ "by": marker }));
    tampered.store.append(&[sealed(flip)]).await.expect_err("it is not appended alone");
    let case = Case::new(std::sync::Arc::new(writable.clone()));
    let claim = case.charged([charge(Budget::TOKENS, 1, 10)]);
    case.admit(&claim).await;
    let foreign = outcome(&claim, &fresh_request(), |event| event.output(json!({ "x": marker })));
    tampered.store.append(&[foreign]).await.expect_err("it is of another request");
    let unsaid =
        moltbot_audit::store::admission::Claim { effect: marker.clone(), ..told(&case.claim()) };
    case.admission().admit(&unsaid).await.expect_err("its event says another claim");

    // The server does: it is read-only, a lock is held, a statement takes too long, a trigger or a rule objects.
    for settings in ["default_transaction_read_only = on", "statement_timeout = '50ms'"] {
        let options = PgPoolOptions::new().after_connect(move |connection, _| {
            let sql = AssertSqlSafe(format!("set {settings}"));
            Box::pin(async move { sqlx::Executor::execute(connection, sql).await.map(drop) })
        });
        tampered.store = PostgresStore::new(tampered.pool_of_one(options).await);
        let mut held = tampered.database.begin().await.expect("a transaction");
        sqlx::query("select from moltbot_audit.audit_streams where stream_id = $1 for update")
            .bind(stream(&tampered.request).uuid())
            .execute(&mut *held)
            .await
            .expect("the lock is free");
        for count in [1, 2] {
            let batch: Vec<_> =
                (0..count).map(|_| sealed(with_marker(&tampered, &marker))).collect();
            tampered.store.append(&batch).await.expect_err(settings);
        }
        held.rollback().await.expect("it ends");
    }
    tampered.store = writable;
    for rule in [
        "create function refuse() returns trigger language plpgsql as
         $$ begin raise exception 'no' using errcode = '23514'; end $$;
         create trigger refuse before insert on moltbot_audit.audit_events
         for each row execute function refuse()",
        "drop trigger refuse on moltbot_audit.audit_events;
         alter domain moltbot_audit.payload add constraint none check (value is null) not valid",
        "alter domain moltbot_audit.payload drop constraint none;
         drop table moltbot_audit.audit_events_default",
    ] {
        tampered.execute(rule).await;
        // Of no month that is prepared.
        let id =
            moltbot_audit::EventId::new(chrono::DateTime::UNIX_EPOCH, unique()).expect("a time");
        for more in [0, 1] {
            let batch: Vec<_> =
                (0..=more).map(|_| sealed(with_marker(&tampered, &marker).id(id))).collect();
            tampered.store.append(&batch).await.expect_err(rule);
        }
    }

    let log = Cluster::shared().log();
    assert!(errors(&log) >= before + 10, "the server has logged each: {}", errors(&log) - before);
    let leaked: Vec<_> = log.lines().filter(|line| line.contains(&marker)).collect();
    assert_eq!(leaked, [""; 0]);
}

/// As docs/privacy.md says. It shows that the log is the one that is looked at.
#[tokio::test]
async fn what_a_caller_of_sql_spoils_may_stand_in_it() {
    let marker = format!("marker{}", unique());
    let tampered = Tampered::with("select 1").await;
    let spoilt = sqlx::query("select $1::text::jsonb").bind(format!("{{\"text\": {marker}"));
    spoilt.execute(&tampered.database).await.expect_err("it is no JSON");
    assert!(Cluster::shared().log().contains(&marker));
}
