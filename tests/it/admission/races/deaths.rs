//! Processes that are killed between an admission and its outcome.

use std::collections::BTreeSet;

use moltbot_audit::store::{AuditStore, StreamSnapshot};
use serde_json::Value;
use sqlx::PgPool;

use super::*;
use crate::support::process::this_test;
use crate::support::records::{assert_unbroken, named_request};
use crate::support::stores;

const PROCESSES: usize = 8;
const REQUESTS: usize = 12;
pub(super) const LEASE: Duration = Duration::from_millis(1_500);

/// Runs effects on a few shared requests until it is killed.
pub(super) async fn toil(auditor: Auditor, own: u32) -> String {
    let tasks: Vec<_> = (0..TASKS / 5)
        .map(|task| {
            let auditor = auditor.clone();
            tokio::spawn(async move {
                for count in task.. {
                    let request = format!("toil {}", count % REQUESTS);
                    for (_, _, effect) in kinds() {
                        let effect = effect()
                            .request(&named_request(&request))
                            .idempotency_key(format!("{own} {task} {count}"));
                        // Killed in the middle of it, or refused: both are what is looked for.
                        let ran = auditor.effect(effect).run(async || {
                            sleep(Duration::from_millis(30)).await;
                            if count % 3 == 0 { Err("the provider is busy") } else { Ok(()) }
                        });
                        drop(ran.await);
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("a task ends");
    }
    unreachable!("tasks that loop");
}

/// The sessions of hosts.
const OTHERS: &str = "select count(*) from pg_stat_activity
    where datname = current_database() and state <> 'idle' and pid <> pg_backend_pid()";
const OPEN: &str = "select count(*) from moltbot_audit.audit_effects where state = 'running'";

async fn scalar(pool: &PgPool, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(pool).await.expect("the server is up")
}

/// Waits until hosts are inside effects.
async fn under_load(pool: &PgPool) {
    while scalar(pool, OPEN).await == 0 {
        sleep(Duration::from_millis(5)).await;
    }
}

fn events<'a>(
    snapshot: &'a StreamSnapshot,
    event_type: &'a str,
) -> impl Iterator<Item = &'a Value> {
    let records = snapshot.records.iter();
    let of_type = records.filter(move |record| record.header.event_type == event_type);
    of_type.filter_map(|record| record.input.as_ref())
}

/// What a stream says of each budget: every admission, since nothing here is voided.
fn sums(snapshot: &StreamSnapshot) -> BTreeMap<String, i64> {
    let mut sums = BTreeMap::new();
    for input in events(snapshot, "effect.admitted") {
        for charge in input["charges"].as_array().expect("charges") {
            let budget = charge["budget"].as_str().expect("a budget").to_owned();
            *sums.entry(budget).or_insert(0) += charge["amount"].as_i64().expect("an amount");
        }
    }
    sums
}

/// Every admitted effect has an outcome, or is in doubt and said to be.
fn assert_nothing_is_forgotten(snapshot: &StreamSnapshot) -> usize {
    let ids: BTreeSet<_> =
        snapshot.records.iter().map(|record| record.header.id.to_string()).collect();
    let expired: BTreeSet<_> = events(snapshot, "effect.expired")
        .filter_map(|input| input["effect_id"].as_str())
        .collect();
    for input in events(snapshot, "effect.admitted") {
        let effect = input["effect_id"].as_str().expect("an id");
        assert!(ids.contains(effect) || expired.contains(effect), "{effect} is forgotten");
    }
    expired.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_die_and_no_budget_is_passed_and_no_effect_forgotten() {
    if let Some(url) = process::part() {
        return a_host(&url).await;
    }
    let cluster = Cluster::start(&["max_connections=200"]);
    let (url, auditor) = database(&cluster).await;
    let store = stores::connected(&url).await;
    let mut hosts = Host::start_all(PROCESSES, this_test!(), &url);
    Host::tell_all(&mut hosts, "toil");
    let pool = stores::pool(&url).await;
    for kill in 0..rounds(6) {
        under_load(&pool).await;
        sleep(Duration::from_millis(100 + u64::try_from(kill * 37 % 150).expect("small"))).await;
        let mut next = Host::start(this_test!(), &url);
        next.tell("toil");
        drop(std::mem::replace(&mut hosts[kill % PROCESSES], next));
    }
    under_load(&pool).await;
    drop(hosts);
    // What the dead had sent lands, and its lease ends.
    while scalar(&pool, OTHERS).await > 0 {
        sleep(Duration::from_millis(20)).await;
    }
    sleep(LEASE + Duration::from_millis(500)).await;
    // One call has one limit, and may be short on a busy machine.
    let in_doubt = loop {
        let in_doubt = auditor.in_doubt().await.expect("readable");
        if !in_doubt.iter().any(|effect| effect.is_expiring) {
            break in_doubt;
        }
    };
    let mut expired = 0;
    for request in (0..REQUESTS).map(|n| named_request(&format!("toil {n}"))) {
        let snapshot = store.read_stream((&request).into()).await.expect("readable");
        let Some(snapshot) = snapshot else { continue };
        assert_unbroken(&snapshot);
        let used = auditor.budgets().usage(&request).await.expect("readable");
        let used: BTreeMap<_, _> = used
            .into_iter()
            .inspect(|usage| assert!(usage.used <= usage.limit.unwrap_or(0), "{usage:?}"))
            .filter(|usage| usage.used > 0)
            .map(|usage| (usage.budget.to_string(), usage.used))
            .collect();
        assert_eq!(sums(&snapshot), used, "the stream and the ledger differ");
        expired += assert_nothing_is_forgotten(&snapshot);
    }
    assert!(expired > 0, "no host died inside an effect");
    assert_eq!(in_doubt.len(), expired, "whoever is in doubt has an event that says so");
    eprintln!("{} kills: {expired} effects in doubt, none forgotten", rounds(6));
}
