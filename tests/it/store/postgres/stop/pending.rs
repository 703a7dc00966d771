//! Events of flips that wait for their stream.

use moltbot_audit::StreamId;
use moltbot_audit::store::AuditStore;

use super::*;
use crate::support::records::assert_unbroken;

const HELD: &str = "select * from moltbot_audit.audit_streams for update";

async fn waiting(database: &Database) -> Vec<(String, u32)> {
    let states = database.case.admission().switches().await.expect("readable");
    let waiting = states.into_iter().filter(|state| state.pending > 0);
    waiting.map(|state| (state.switch.to_string(), state.pending)).collect()
}

/// The events of the system's stream after the three resets of the set-up, by type and switch.
async fn flips(database: &Database) -> Vec<String> {
    let snapshot = database.store.read_stream(StreamId::SYSTEM).await.expect("readable");
    let snapshot = snapshot.expect("a stream");
    assert_unbroken(&snapshot);
    let told = snapshot.records.iter().skip(3).map(|row| {
        let input = row.input.clone().unwrap_or_default();
        format!("{} {}", row.header.event_type, input["switch"].as_str().unwrap_or_default())
    });
    told.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_that_wait_are_appended_once_and_in_their_order() {
    let database = Database::new().await;
    let mut session = database.idle_after(HELD).await;
    let holder = pid(&mut session).await;
    for switch in ["ai", "ocr", "ai", "calling"] {
        let said = database.engage(switch).await.expect("it is set");
        assert!(said.contains("its event is pending"), "{said}");
        assert!(said.contains(&format!("select pg_terminate_backend({holder})")), "{said}");
    }
    let (state, record) = flip(Switch::AI, true);
    let flipped = database.case.admission().set_switch(&state, &record).await.expect("it is set");
    assert_eq!(flipped.receipt, None);
    // The same again is the same.
    let again = database.case.admission().set_switch(&state, &record).await.expect("it is set");
    assert_eq!(again, flipped);
    let listed = [("ai", 3), ("calling", 1), ("ocr", 1)].map(|(name, n)| (name.to_owned(), n));
    assert_eq!(waiting(&database).await, listed);

    let reset = "select moltbot_audit.reset('ocr', 'who', 'why')";
    let error = database.pool.execute(reset).await.expect_err("its event goes first").to_string();
    assert!(error.contains("is not reset") && error.contains(&holder.to_string()), "{error}");
    let append = async || database.case.admission().append_pending_flips().await;
    assert!(append().await.is_err(), "the stream is held");
    session.execute("rollback").await.expect("it ends");

    assert_eq!(append().await.expect("it is free"), 5);
    assert_eq!(append().await.expect("nothing is left"), 0);
    let expected =
        ["ai", "ocr", "ai", "calling", "ai"].map(|name| format!("switch.engaged {name}"));
    assert_eq!(flips(&database).await, expected);
    let now = database.case.admission().set_switch(&state, &record).await.expect("it was set");
    assert!(now.receipt.is_some(), "and has its receipt");
    assert_eq!(waiting(&database).await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_flip_brings_what_waits_along() {
    for next in ["engage", "reset"] {
        let database = Database::new().await;
        let mut session = database.idle_after(HELD).await;
        database.engage("ai").await.expect("it is set");
        session.execute("rollback").await.expect("it ends");
        let said = database.say(&format!("select moltbot_audit.{next}('ocr', 'who', 'why')")).await;
        assert!(!said.contains("pending"), "{said}");
        let last = if next == "engage" { "switch.engaged ocr" } else { "switch.reset ocr" };
        assert_eq!(flips(&database).await, ["switch.engaged ai", last]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trail_that_takes_nothing_keeps_no_switch_from_being_engaged() {
    let database = Database::new().await;
    let objects = "create function objects() returns trigger language plpgsql
        as $$ begin raise exception 'the disk is worn out'; end $$;
        create trigger objects before insert on moltbot_audit.audit_events
        for each row execute function objects()";
    sqlx::raw_sql(objects).execute(&database.pool).await.expect("a trigger");
    let said = database.engage("ai").await.expect("it is set");
    assert!(
        said.starts_with("ai is off; its event is pending, because the disk is worn out"),
        "{said}"
    );
    assert!(database.is_refused(Switch::AI).await);
    assert_eq!(waiting(&database).await, [("ai".to_owned(), 1)]);
    database.pool.execute("drop function objects cascade").await.expect("it is replaced");
    database.case.admission().append_pending_flips().await.expect("it is whole again");
    assert_eq!(flips(&database).await, ["switch.engaged ai"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn partitions_that_are_being_made_keep_no_switch_from_being_engaged() {
    let database = Database::new().await;
    let making = "select moltbot_audit.ensure_partitions(now() + interval '20 months', 1)";
    let mut session = database.idle_after(making).await;
    let said = database.engage("ai").await.expect("it is set");
    assert!(said.starts_with("ai is off"), "{said}");
    session.execute("commit").await.expect("it ends");
    assert!(database.is_refused(Switch::AI).await);
    database.case.admission().append_pending_flips().await.expect("it is free");
    assert_eq!(flips(&database).await, ["switch.engaged ai"]);
}
