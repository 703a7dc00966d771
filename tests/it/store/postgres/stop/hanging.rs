//! Admissions and flips that were begun and are not over.

use super::*;

/// A session that was let admit an effect and did not commit: a host that stopped there.
async fn admitting(database: &Database) -> PgConnection {
    let passed = "select moltbot_audit.pass_gate()";
    database.idle_after(passed).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_admission_that_hangs_is_named_and_does_not_keep_the_switch_from_being_engaged() {
    let database = Database::new().await;
    let mut hangs = admitting(&database).await;
    let pid = pid(&mut hangs).await;
    let said = database.engage("ai").await.expect("it is set");
    assert!(said.starts_with("ai is off; BUT admissions that began before hang"), "{said}");
    assert!(said.contains(&format!("select pg_terminate_backend({pid})")), "{said}");
    assert!(database.is_refused(Switch::AI).await);
    assert!(
        matches!(database.ask(Switch::OCR).await, Ok(Decision::Proceed(_))),
        "the gate is open"
    );

    // The library says so too.
    let flip = database.auditor().kill_switch().engage(&Switch::OCR, "who", "why").await;
    assert_eq!(flip.expect("it is set").may_admit, [pid]);
    assert!(database.is_refused(Switch::OCR).await);
    drop(hangs);
    let is_waited_for = async || {
        let again = database.auditor().kill_switch().engage(&Switch::OCR, "who", "why").await;
        !again.expect("it is set").may_admit.is_empty()
    };
    while is_waited_for().await {}
}

/// While one that hangs is waited for, nobody else is admitted against what is being engaged: else an
/// effect could start after `engage` had returned.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_admitted_beside_a_hanging_admission_once_engage_has_returned() {
    let database = Arc::new(Database::new().await);
    for _ in 0..2 {
        let hangs = admitting(&database).await;
        let engaging = tokio::spawn({
            let database = Arc::clone(&database);
            async move { database.engage("ai").await }
        });
        let mut refused = 0;
        while !engaging.is_finished() {
            match database.ask(Switch::AI).await {
                Ok(Decision::Proceed(_)) => assert!(!engaging.is_finished(), "it had returned"),
                _ => refused += 1,
            }
        }
        engaging.await.expect("it ends").expect("it is set");
        assert!(database.is_refused(Switch::AI).await);
        assert!(refused > 0, "admissions were tried meanwhile");
        drop(hangs);
        database.say("select moltbot_audit.reset('ai', 'who', 'again')").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flip_that_is_not_committed_keeps_nobody_from_engaging() {
    for (first, second) in [("engage", "ai"), ("engage", "ocr"), ("reset", "ai"), ("reset", "ocr")]
    {
        for end in ["commit", "rollback"] {
            let database = Database::new().await;
            let open = format!("select moltbot_audit.{first}('{second}', 'one', 'why')");
            let mut session = database.idle_after(&open).await;
            let said = database.engage("ai").await.expect("it is set");
            assert!(said.starts_with("ai is off") && !said.contains("BUT"), "{open}: {said}");
            assert!(said.contains("pending"), "the stream is held: {said}");
            let asked = database.ask(Switch::AI).await;
            assert!(!matches!(asked, Ok(Decision::Proceed(_))), "{open}: {asked:?}");
            session.execute(end).await.expect("it ends");
            assert!(database.is_refused(Switch::AI).await, "{open}, {end}: the stop holds");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_undoes_no_engage_that_came_after_it() {
    let database = Arc::new(Database::new().await);
    let held = "select * from moltbot_audit.audit_streams for update";
    let mut session = database.idle_after(held).await;
    let resetting = tokio::spawn({
        let database = Arc::clone(&database);
        async move {
            let reset = "select moltbot_audit.reset('ai', 'one', 'all is well')";
            sqlx::query(reset).execute(&database.pool).await
        }
    });
    let waits = "select exists (select from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock')";
    while !sqlx::query_scalar::<_, bool>(waits).fetch_one(&database.pool).await.expect("a boolean")
    {
        assert!(!resetting.is_finished(), "the stream is held");
        sleep(Duration::from_millis(5)).await;
    }
    database.engage("ai").await.expect("it is set");
    session.execute("rollback").await.expect("it ends");
    let error = resetting.await.expect("it ends").expect_err("it is stopped").to_string();
    assert!(error.contains("was engaged while it was being reset"), "{error}");
    assert!(database.is_refused(Switch::AI).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn engaging_inside_a_transaction_that_others_wait_for_is_no_deadlocks_victim() {
    let database = Database::new().await;
    // The host's transaction holds the system's stream, and an admission waits for that.
    let mut session = database
        .idle_after(
            "select * from moltbot_audit.audit_streams
            where stream_id = moltbot_audit.stream_of(null) for update",
        )
        .await;
    let store = database.store.clone();
    let waiting = tokio::spawn(async move {
        let (state, record) = flip(Switch::OCR, false);
        store.admission().expect("it decides").set_switch(&state, &record).await
    });
    sleep(Duration::from_millis(200)).await;
    let engage = "select moltbot_audit.engage('ai', 'who', 'why')";
    let said: String = sqlx::query_scalar(engage).fetch_one(&mut session).await.expect("it is set");
    assert!(said.contains("takes effect at commit"), "{said}");
    session.execute("commit").await.expect("it is committed");
    waiting.await.expect("it ends").ok();
    assert!(database.is_refused(Switch::AI).await);
}
