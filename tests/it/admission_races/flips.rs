//! A switch that is engaged while processes hammer.

use sqlx::PgPool;
use tokio::task::JoinSet;

use super::*;

const PROCESSES: usize = 4;

/// Asks without end, until it is killed.
pub(super) async fn hammer(auditor: Auditor, own: u32) -> String {
    let mut tasks = JoinSet::new();
    for task in 0..8 {
        let auditor = auditor.clone();
        let request = named_request(&format!("hammer {own} {task}"));
        tasks.spawn(async move {
            loop {
                let effect = Effect::moltbot_call(&MoltbotInput::default()).request(&request);
                match auditor.effect(effect).admit().await {
                    Ok(permit) => drop(permit.succeeded(&()).await.expect("the server is up")),
                    Err(AdmitError::Refused(_)) => {}
                    Err(error) => panic!("{error:?}"),
                }
            }
        });
    }
    tasks.join_all().await;
    unreachable!("tasks that loop");
}

async fn admitted(pool: &PgPool) -> i64 {
    let sql = "select count(*) from moltbot_audit.audit_effects where effect = 'moltbot.called'";
    sqlx::query_scalar(sql).fetch_one(pool).await.expect("the server is up")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn once_engage_has_returned_nothing_is_admitted_anywhere() {
    const THIS: &str = "flips::once_engage_has_returned_nothing_is_admitted_anywhere";
    if let Some(url) = process::part() {
        return a_host(&url).await;
    }
    let (url, auditor) = database(Cluster::shared()).await;
    let pool = PgPool::connect(&url).await.expect("the server is up");
    let mut hosts: Vec<_> = (0..PROCESSES).map(|_| Host::start(THIS, &url)).collect();
    Host::tell_all(&mut hosts, "hammer");
    let mut before = 0;
    for round in 0..rounds(20) {
        // The load is on again.
        let mut tries = 0;
        while admitted(&pool).await <= before {
            tries += 1;
            assert!(tries < 1_000, "nothing is admitted in round {round}");
            sleep(Duration::from_millis(10)).await;
        }
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
