//! What an operator is told: nothing is said to be so that may still be taken back.

use super::*;

const CALL: &str = "select moltbot_audit.engage('ocr', 'who', 'why')";

/// What psql, or whatever sends one message without parameters, is told.
async fn simple(session: &mut PgConnection, sql: &str) -> String {
    use sqlx::Row;
    let rows = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).fetch_all(session).await.expect(sql);
    rows.iter().find_map(|row| row.try_get::<String, _>(0).ok()).unwrap_or_default()
}

#[tokio::test]
async fn a_statement_by_itself_says_what_is_so() {
    let database = Database::new().await;
    let mut session = PgConnection::connect(&database.url).await.expect("a connection");
    assert_eq!(simple(&mut session, CALL).await, "ocr is off");
    let reset = "select moltbot_audit.reset('ocr', 'who', 'why') ;\n";
    assert_eq!(simple(&mut session, reset).await, "ocr is on");
    // And in the extended protocol, prepared and prepared before.
    for _ in 0..2 {
        let said: String = sqlx::query_scalar(CALL).fetch_one(&mut session).await.expect("said");
        assert_eq!(said, "ocr is off");
    }
    let bound = sqlx::query_scalar("select moltbot_audit.reset($1, $2, $3)").bind("ocr");
    let said: String =
        bound.bind("who").bind("why").fetch_one(&mut session).await.expect("it is set");
    assert_eq!(said, "ocr is on");
    let output = Cluster::shared().psql(&database.url, &["-c", CALL]);
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "ocr is off");
}

#[tokio::test]
async fn what_may_be_taken_back_takes_effect_at_commit() {
    let database = Database::new().await;
    database
        .pool
        .execute(
            "create function stop() returns text language sql
            as $$ select moltbot_audit.engage('ocr', 'who', 'why') $$",
        )
        .await
        .expect("a function");
    let several = [
        format!("begin; {CALL}; commit"),
        format!("{CALL}; select 1"),
        format!("select 1; {CALL}"),
        format!("{CALL}; {CALL}"),
        "select stop()".to_owned(),
        "select moltbot_audit.engage('ocr', 'who', 'why'), 1 / 1".to_owned(),
        "select moltbot_audit.engage('ocr', 'who', E'\\''), ')' || $$ $$".to_owned(),
        format!("with said as ({CALL}) select * from said"),
    ];
    for sql in several {
        let mut session = PgConnection::connect(&database.url).await.expect("a connection");
        let said = simple(&mut session, &sql).await;
        let said = if said.is_empty() { simple(&mut session, CALL).await } else { said };
        if sql.starts_with("select 1;") {
            // Its own answer comes second.
            continue;
        }
        assert!(said.starts_with("ocr takes effect at commit"), "{sql}: {said}");
        assert!(!said.contains("ocr is off"), "{sql}: {said}");
    }
    for begin in ["begin", "start transaction isolation level repeatable read", "begin; select 1"] {
        for first in ["", "select 1", "insert into noted values (1)", "savepoint here"] {
            let mut session = PgConnection::connect(&database.url).await.expect("a connection");
            session.execute("create table if not exists noted (n integer)").await.expect("a table");
            session.execute(begin).await.expect("a transaction");
            session.execute(first).await.expect(first);
            let said = simple(&mut session, CALL).await;
            assert!(said.starts_with("ocr takes effect at commit"), "{begin}, {first}: {said}");
            let said: String =
                sqlx::query_scalar(CALL).fetch_one(&mut session).await.expect("said");
            assert!(said.starts_with("ocr takes effect at commit"), "{begin}, {first}: {said}");
            session.execute("rollback").await.expect("it is taken back");
        }
    }
    let error =
        "do $$ begin raise exception '%', moltbot_audit.engage('ocr', 'who', 'why'); end $$";
    let said = database.pool.execute(error).await.expect_err("it raises").to_string();
    assert!(said.contains("ocr takes effect at commit"), "{said}");
}

#[tokio::test]
async fn what_is_rolled_back_was_never_set() {
    let database = Database::new().await;
    database.say("select moltbot_audit.reset('ocr', 'who', 'why')").await;
    let session = database.idle_after(CALL).await;
    // Until then nothing with a switch is admitted.
    assert!(matches!(database.ask(Switch::OCR).await, Err(StoreError::Locked { .. })));
    // The connection drops.
    drop(session);
    while !matches!(database.ask(Switch::OCR).await, Ok(Decision::Proceed(_))) {
        sleep(Duration::from_millis(20)).await;
    }
}
