//! A switch that is engaged while processes hammer, and while other transactions hold what they can.

use std::sync::atomic::{AtomicUsize, Ordering};

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, PgPool};
use tokio::task::JoinSet;

use super::*;
use crate::support::process::this_test;
use crate::support::stores;

pub(super) const PROCESSES: usize = 4;
/// After so many effects a task goes on with another request, whose time is not over.
pub(super) const PER_REQUEST: usize = 50;
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

/// Limits that nobody reaches.
pub(super) fn limits() -> Limits {
    [Budget::MOLTBOT_CALLS, Budget::VENDOR_BATCHES, Budget::VENDORS]
        .into_iter()
        .fold(Limits::default(), |limits, budget| {
            limits.per_request(budget, 1_000_000).expect("a limit")
        })
}

/// Asks without end, until it is killed: calls of the AI, and batches that it planned, whose messages have
/// no switch of their own.
pub(super) async fn hammer(auditor: Auditor, own: u32) -> String {
    let mut tasks = JoinSet::new();
    for task in 0..8 {
        let auditor = auditor.clone();
        tasks.spawn(async move {
            for nth in 0.. {
                let request = named_request(&format!("hammer {own} {task} {}", nth / PER_REQUEST));
                let is_done = match task % 2 {
                    0 => call(&auditor, &request).await,
                    _ => batch(&auditor, &request).await,
                };
                if !is_done {
                    sleep(Duration::from_millis(2)).await;
                }
            }
        });
    }
    tasks.join_all().await;
    unreachable!("tasks that loop");
}

/// While the database is locked it may end in any way.
async fn call(auditor: &Auditor, request: &RequestId) -> bool {
    let effect = Effect::moltbot_call(&MoltbotInput::default()).request(request);
    auditor.effect(effect).run(async || Ok::<_, String>(())).await.is_ok()
}

async fn batch(auditor: &Auditor, request: &RequestId) -> bool {
    let input = BatchInput { vendor_ids: vec!["v1".to_owned()], ..Default::default() };
    let effect = Effect::vendor_batch(&input).planned_by_moltbot().request(request);
    let send = async || {
        for _ in 0..3 {
            let message = Effect::custom(EventType::DISCOVERY_CALL, Actor::System, json!({}));
            let message =
                auditor.effect(message.request(request)).run(async || Ok::<_, String>(()));
            message.await.map_err(|error| error.to_string())?;
        }
        Ok::<_, String>(())
    };
    auditor.effect(effect).run(send).await.is_ok()
}

/// A row without an intent is an outcome that arrived first.
const ADMITTED: &str =
    "select count(*) from moltbot_audit.audit_effects where intent_id is not null";

async fn admitted(pool: &PgPool) -> i64 {
    sqlx::query_scalar(ADMITTED).fetch_one(pool).await.expect("the server is up")
}

/// Waits until the load is on again.
async fn until_more(pool: &PgPool, before: i64, round: usize) {
    until_so("nothing is admitted", round, async || admitted(pool).await > before).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn once_engage_has_returned_nothing_is_admitted_anywhere() {
    if let Some(url) = process::part() {
        return a_host(&url).await;
    }
    let (url, auditor) = database(Cluster::shared()).await;
    let pool = stores::pool(&url).await;
    let mut hosts = Host::start_all(PROCESSES, this_test!(), &url);
    Host::tell_all(&mut hosts, "hammer");
    let mut before = 0;
    for round in 0..rounds(20) {
        until_more(&pool, before, round).await;
        auditor.kill_switch().engage(&Switch::AI, "test", "a race").await.expect("engaged");
        let engaged = admitted(&pool).await;
        sleep(Duration::from_millis(10)).await;
        before = admitted(&pool).await;
        assert_eq!(before, engaged, "admitted after engage had returned, in round {round}");
        auditor.kill_switch().reset(&Switch::AI, "test", "the next round").await.expect("reset");
    }
    drop(hosts);
    eprintln!("{} rounds: {before} admitted, none after engage had returned", rounds(20));
}

/// What another transaction holds in a round, idle: a lock on a table, rows, a stream that it appended to, a
/// flip, partitions.
async fn holds(pool: &PgPool) -> Vec<String> {
    let sql = "select relname::text from pg_class
        where relnamespace = 'moltbot_audit'::regnamespace and relkind in ('r', 'p') order by 1";
    let tables: Vec<String> = sqlx::query_scalar(sql).fetch_all(pool).await.expect("the catalogue");
    let modes = tables.iter().flat_map(|table| {
        MODES.map(|mode| format!("lock table moltbot_audit.{table} in {mode} mode"))
    });
    let rows = tables.iter().map(|table| format!("select * from moltbot_audit.{table} for update"));
    let others = [
        "select moltbot_audit.ensure_partitions(now() + interval '20 months', 2)",
        "select moltbot_audit.engage('ai', 'another', 'not committed')",
        "select moltbot_audit.reset('ai', 'another', 'not committed')",
        "select moltbot_audit.reset('ocr', 'another', 'not committed')",
        "update moltbot_audit.audit_switches set reason = 'by hand'",
        "append_in",
    ];
    modes.chain(rows).chain(others.map(str::to_owned)).collect()
}

/// A session that holds it, in an open transaction. It can count what is committed, whatever it holds.
async fn holder(url: &str, auditor: &Auditor, held: &str) -> PgConnection {
    let mut session = PgConnection::connect(url).await.expect("the server is up");
    // Under load it may wait for its turn, or be another's deadlock.
    session.execute("set lock_timeout = '5s'").await.expect("the server is up");
    session.execute("begin").await.expect("a transaction");
    let got = if held == "append_in" {
        let event = AuditEvent::new(EventType::DISCOVERY_CALL, Actor::System);
        auditor.append_in(&mut session, [event]).await.map(drop).map_err(|error| error.to_string())
    } else {
        let run = session.execute(AssertSqlSafe(held.to_owned())).await;
        run.map(drop).map_err(|error| error.to_string())
    };
    if got.is_err() {
        // The round goes on without.
        session.execute("rollback; begin").await.expect("a transaction");
    }
    session
}

/// Engages the AI's switch, by SQL or by the library. False if a lock that stops admissions stops it too.
async fn engage(url: &str, auditor: &Auditor, by_sql: bool) -> bool {
    let engaged = if by_sql {
        let mut session = PgConnection::connect(url).await.expect("the server is up");
        let sql = "select moltbot_audit.engage('ai', 'test', 'a race')";
        session.execute(sql).await.map(drop).map_err(|error| error.to_string())
    } else {
        let engaged = auditor.kill_switch().engage(&Switch::AI, "test", "a race").await;
        let hanging = engaged.as_ref().map(|flip| flip.may_admit.clone()).unwrap_or_default();
        assert_eq!(hanging, [] as [i32; 0], "no host hangs");
        engaged.map(drop).map_err(|error| format!("{error:?}"))
    };
    match &engaged {
        Ok(()) => true,
        Err(error) if error.contains("NOT SET") => false,
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn once_engage_has_returned_nothing_is_admitted_whatever_else_is_locked() {
    if let Some(url) = process::part() {
        return a_host(&url).await;
    }
    let (url, auditor) = database(Cluster::shared()).await;
    let pool = stores::pool(&url).await;
    let holds = holds(&pool).await;
    let mut hosts = Host::start_all(PROCESSES, this_test!(), &url);
    Host::tell_all(&mut hosts, "hammer");
    let (mut before, stopped) = (0, AtomicUsize::new(0));
    for round in 0..rounds(12) {
        until_more(&pool, before, round).await;
        // Far apart, so that few rounds see different kinds.
        let held = &holds[round * 41 % holds.len()];
        let mut session = holder(&url, &auditor, held).await;
        let is_engaged = engage(&url, &auditor, round % 2 == 0).await;
        let count = sqlx::query_scalar::<_, i64>(ADMITTED);
        let engaged = count.fetch_one(&mut session).await.expect("the server is up");
        sleep(Duration::from_millis(10)).await;
        if !is_engaged {
            stopped.fetch_add(1, Ordering::Relaxed);
            let count = sqlx::query_scalar::<_, i64>(ADMITTED);
            let now = count.fetch_one(&mut session).await.expect("the server is up");
            assert_eq!(now, engaged, "admitted while engage was stopped, in round {round}: {held}");
        }
        session.execute(["rollback", "commit"][round / 2 % 2]).await.expect("it ends");
        if is_engaged {
            sleep(Duration::from_millis(10)).await;
            before = admitted(&pool).await;
            assert_eq!(before, engaged, "admitted after engage, in round {round}: {held}");
        } else {
            assert!(engage(&url, &auditor, true).await, "nothing is held in round {round}");
            before = admitted(&pool).await;
        }
        auditor.kill_switch().reset(&Switch::AI, "test", "the next round").await.expect("reset");
    }
    drop(hosts);
    let stopped = stopped.into_inner();
    eprintln!(
        "{} rounds: {before} admitted, none after engage had returned; {stopped} times a lock stopped both",
        rounds(12)
    );
}
