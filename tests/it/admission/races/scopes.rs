//! A conversation is taken over, or a request is stopped, while processes hammer it and others.

use sqlx::PgPool;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::flips::{PER_REQUEST, PROCESSES};
use super::*;
use crate::support::process::this_test;
use crate::support::records::named_conversation;
use crate::support::stores;

/// The conversation that is taken over, and the request that is stopped.
const TAKEN: &str = "taken over";
const STOPPED: &str = "stopped";
const OTHER: &str = "another conversation";

pub(super) fn limits() -> Limits {
    let day = Duration::from_hours(24);
    super::flips::limits().time(day, day).expect("a limit").rejected_outputs(0)
}

/// Asks without end, until it is killed. What is in another conversation and another request always runs.
pub(super) async fn hammer(auditor: Auditor, own: u32) -> String {
    let mut tasks = JoinSet::new();
    for task in 0..8 {
        let auditor = auditor.clone();
        tasks.spawn(async move {
            for nth in 0.. {
                let fresh = format!("{own} {task} {}", nth / PER_REQUEST);
                let call = Effect::moltbot_call(&MoltbotInput::default());
                let call = match task % 4 {
                    0 => call
                        .request(&named_request(&fresh))
                        .conversation(&named_conversation(TAKEN)),
                    // Its request's first event names the conversation.
                    1 => call.request(&unnamed(task)),
                    2 => call.request(&named_request(STOPPED)),
                    _ => call
                        .request(&named_request(&fresh))
                        .conversation(&named_conversation(OTHER)),
                };
                let run = auditor.effect(call).run(async || Ok::<_, String>(())).await;
                match run {
                    Ok(()) => {}
                    Err(error) if task % 4 == 3 => panic!("another conversation: {error:?}"),
                    Err(_) => sleep(Duration::from_millis(2)).await,
                }
            }
        });
    }
    // If one panics, the host ends, and the test finds that out.
    tasks.join_all().await;
    unreachable!("tasks that loop");
}

fn unnamed(task: usize) -> RequestId {
    named_request(&format!("unnamed {task}"))
}

/// How many effects were admitted: of the conversation, of the request, and of others.
async fn admitted(pool: &PgPool) -> [i64; 3] {
    let sql = "select
            count(*) filter (where x.conversation_id = $1 or x.request_id = any ($2)),
            count(*) filter (where x.request_id = $3),
            count(*) filter (where x.conversation_id = $4)
        from moltbot_audit.audit_effects x where x.intent_id is not null";
    let unnamed: Vec<Uuid> = [1, 5].map(|task| unnamed(task).uuid()).into();
    let counts: (i64, i64, i64) = sqlx::query_as(sql)
        .bind(named_conversation(TAKEN).uuid())
        .bind(unnamed)
        .bind(named_request(STOPPED).uuid())
        .bind(named_conversation(OTHER).uuid())
        .fetch_one(pool)
        .await
        .expect("the server is up");
    [counts.0, counts.1, counts.2]
}

/// Waits until more of these were admitted than before.
async fn until_more(pool: &PgPool, before: [i64; 3], which: &[usize], round: usize) {
    let what = format!("too little is admitted after {before:?}");
    let is_more = async || {
        let now = admitted(pool).await;
        which.iter().all(|&of| now[of] > before[of])
    };
    until_so(&what, round, is_more).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn once_a_scope_is_stopped_nothing_is_admitted_in_it_and_the_others_go_on() {
    if let Some(url) = process::part() {
        return a_host(&url).await;
    }
    let (url, auditor) = database(Cluster::shared()).await;
    let pool = stores::pool(&url).await;
    for task in [1, 5] {
        let created = AuditEvent::new(EventType::REQUEST_CREATED, Actor::System);
        let created = created.request(&unnamed(task)).conversation(&named_conversation(TAKEN));
        auditor.record(created).await.expect("recorded");
    }
    let mut hosts = Host::start_all(PROCESSES, this_test!(), &url);
    Host::tell_all(&mut hosts, "hammer scopes");
    let (taken, stopped) = (named_conversation(TAKEN), named_request(STOPPED));
    let mut before = [0; 3];
    for round in 0..rounds(10) {
        until_more(&pool, before, &[0, 1, 2], round).await;
        let scope = round % 2;
        let switch = || auditor.kill_switch().of_request(&stopped);
        match scope {
            0 => auditor.takeover(&taken, "test", "a race", None).await,
            _ => switch().engage(&Switch::AI, "test", "a race").await,
        }
        .expect("stopped");
        let at = admitted(&pool).await;
        sleep(Duration::from_millis(10)).await;
        // Meanwhile the others go on, whatever is stopped.
        until_more(&pool, at, &[1 - scope, 2], round).await;
        before = admitted(&pool).await;
        assert_eq!(before[scope], at[scope], "admitted after it was stopped, in round {round}");
        match scope {
            0 => auditor.release(&taken, "test", "the next round").await,
            _ => switch().reset(&Switch::AI, "test", "the next round").await,
        }
        .expect("given back");
    }
    let refused: i64 = sqlx::query_scalar(
        "select count(*) from moltbot_audit.audit_events
        where event_type = 'effect.refused' and conversation_id = $1",
    )
    .bind(named_conversation(OTHER).uuid())
    .fetch_one(&pool)
    .await
    .expect("the server is up");
    assert_eq!(refused, 0, "of another conversation");
    for host in &mut hosts {
        assert!(host.process.try_wait().expect("our own child").is_none(), "a host has failed");
    }
    drop(hosts);
    eprintln!("{} rounds: {before:?} admitted, none after its scope was stopped", rounds(10));
}
