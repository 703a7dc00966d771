//! Every lock on every table of the schema, held by a transaction that is open and idle.

use super::*;
use crate::support::records::KEY;

const MODES: [&str; 8] = [
    "access share",
    "row share",
    "row exclusive",
    "share update exclusive",
    "share",
    "share row exclusive",
    "exclusive",
    "access exclusive",
];

/// From the catalogue, so that a new table cannot be forgotten.
pub(super) async fn tables(database: &Database) -> Vec<String> {
    let sql = "select relname::text from pg_class
        where relnamespace = 'moltbot_audit'::regnamespace and relkind in ('r', 'p') order by 1";
    sqlx::query_scalar(sql).fetch_all(&database.pool).await.expect("the catalogue")
}

/// Engages a switch, and says whether it is engaged. If not, nothing that has a switch may be admitted.
async fn is_set_or_nothing_is_admitted(database: &Database, held: &str) -> bool {
    match database.engage("ai").await {
        Ok(said) => {
            assert!(said.starts_with("ai is off"), "{held}: {said}");
            let asked = database.ask(Switch::AI).await;
            assert!(!matches!(asked, Ok(Decision::Proceed(_))), "{held}: {asked:?}");
            true
        }
        Err(error) => {
            assert!(error.to_string().contains("NOT SET"), "{held}: {error}");
            for switch in [Switch::AI, Switch::OCR] {
                let asked = database.ask(switch).await;
                assert!(matches!(asked, Err(StoreError::Locked { .. })), "{held}: {asked:?}");
            }
            false
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_lock_on_a_table_keeps_a_switch_from_being_engaged_but_those_that_stop_admissions_too() {
    let database = Database::new().await;
    let tables = tables(&database).await;
    assert!(tables.len() > 8, "{tables:?}");
    let mut stopped = Vec::new();
    for table in &tables {
        for mode in MODES {
            let held = format!("lock table moltbot_audit.{table} in {mode} mode");
            let mut session = database.idle_after(&held).await;
            if !is_set_or_nothing_is_admitted(&database, &held).await {
                stopped.push(held);
            }
            session.execute("rollback").await.expect("it ends");
            let reset = "select moltbot_audit.reset('ai', 'who', 'again')";
            assert!(database.say(reset).await.starts_with("ai is on"));
        }
    }
    let by = |mode: &str| format!("lock table moltbot_audit.audit_switches in {mode} mode");
    assert_eq!(stopped, MODES[4..].iter().map(|mode| by(mode)).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_starts_while_a_table_is_locked_engages_a_switch() {
    let database = Database::new().await;
    for table in tables(&database).await {
        let held = format!("lock table moltbot_audit.{table} in access exclusive mode");
        let mut session = database.idle_after(&held).await;
        let store = PostgresStore::connect(&database.url).await.expect("it connects");
        let key = KEY;
        let auditor = Auditor::builder(Arc::new(store), key).build();
        let flip = auditor.kill_switch().engage(&Switch::AI, "who", "why").await;
        match (&*table, &flip) {
            ("audit_switches", Err(error)) => {
                assert!(error.to_string().contains("NOT SET"), "{held}: {error}");
            }
            (_, Ok(_)) => {}
            _ => panic!("{held}: {flip:?}"),
        }
        let asked = database.ask(Switch::AI).await;
        assert!(!matches!(asked, Ok(Decision::Proceed(_))), "{held}: {asked:?}");
        session.execute("rollback").await.expect("it ends");
        assert!(database.is_refused(Switch::AI).await || flip.is_err(), "{held}: afterwards");
        database.say("select moltbot_audit.reset('ai', 'who', 'again')").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_row_that_is_held_keeps_a_switch_from_being_engaged() {
    let database = Database::new().await;
    database.case.admit(&database.case.claim()).await;
    for table in tables(&database).await {
        let held = format!("select * from moltbot_audit.{table} for update");
        let mut session = database.idle_after(&held).await;
        assert!(is_set_or_nothing_is_admitted(&database, &held).await, "{held}");
        session.execute("rollback").await.expect("it ends");
        assert!(database.is_refused(Switch::AI).await, "{held}: afterwards");
        database.say("select moltbot_audit.reset('ai', 'who', 'again')").await;
        assert!(matches!(database.ask(Switch::AI).await, Ok(Decision::Proceed(_))), "{held}");
    }
    for change in [
        "update moltbot_audit.audit_switches set reason = 'by hand'",
        "delete from moltbot_audit.audit_switches",
        "insert into moltbot_audit.audit_switches values ('ai', false, '\"a\"', 'b', now())",
    ] {
        for end in ["rollback", "commit"] {
            let mut session = database.idle_after(change).await;
            assert!(is_set_or_nothing_is_admitted(&database, change).await, "{change}");
            session.execute(end).await.expect("it ends");
            assert!(database.is_refused(Switch::AI).await, "{change}, {end}");
            database.say("select moltbot_audit.reset('ai', 'who', 'again')").await;
            database.say("select moltbot_audit.reset('ocr', 'who', 'again')").await;
            assert!(matches!(database.ask(Switch::AI).await, Ok(Decision::Proceed(_))), "{change}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_holds_the_switches_is_named_with_what_ends_it() {
    let database = Database::new().await;
    let held = "lock table moltbot_audit.audit_switches in share mode";
    let mut session = database.idle_after(held).await;
    let error = database.engage("ai").await.expect_err("it cannot be written").to_string();
    let end = format!("select pg_terminate_backend({})", pid(&mut session).await);
    assert!(error.contains(&end), "{error}");
    database.pool.execute(AssertSqlSafe(end)).await.expect("the owner may");
    assert_eq!(database.engage("ai").await.expect("it is free"), "ai is off");
}
