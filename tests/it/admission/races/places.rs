//! Processes that race for the places of a budget, and for a key.

use std::sync::atomic::{AtomicUsize, Ordering};

use moltbot_audit::pack::{export_request_pack, verify_request_pack};
use moltbot_audit::redact::Profile;
use moltbot_audit::store::AuditStore;
use moltbot_audit::{AdmitError, EffectError};
use tokio::task::JoinSet;

use super::*;
use crate::support::process::this_test;
use crate::support::records::assert_unbroken;
use crate::support::stores;

const PROCESSES: usize = 8;

/// Fifty tasks for each budget at once; says how many of each kind ran.
pub(super) async fn race(auditor: &Auditor, round: &str) -> String {
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        for (kind, _, effect) in kinds() {
            let (auditor, effect) = (auditor.clone(), effect().request(&request(kind, round)));
            tasks.spawn(async move {
                let ran = auditor.effect(effect).run(async || Ok::<_, std::fmt::Error>(())).await;
                match ran {
                    Ok(()) => (kind, 1),
                    Err(EffectError::Refused(_)) => (kind, 0),
                    Err(error) => panic!("{error:?}"),
                }
            });
        }
    }
    let mut ran = BTreeMap::new();
    while let Some(task) = tasks.join_next().await {
        let (kind, one) = task.expect("a task ends");
        *ran.entry(kind).or_insert(0) += one;
    }
    json!(ran).to_string()
}

/// Many tasks with one key; says how often the closure ran, and that all got the same.
pub(super) async fn one_key(auditor: &Auditor, round: &str) -> String {
    let ran = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        let (auditor, ran) = (auditor.clone(), Arc::clone(&ran));
        let effect = Effect::moltbot_call(&MoltbotInput::default())
            .request(&request("key", round))
            .idempotency_key(format!("call of {round} for +250788123456"));
        tasks.spawn(async move {
            loop {
                let answer = auditor
                    .effect(effect.clone())
                    .run(async || {
                        let nth = ran.fetch_add(1, Ordering::Relaxed);
                        sleep(Duration::from_millis(20)).await;
                        Ok::<_, std::fmt::Error>(format!("answer {nth} of {}", std::process::id()))
                    })
                    .await;
                match answer {
                    Ok(answer) => return answer,
                    // A host asks again when the lease may be over; this one is in a hurry.
                    Err(EffectError::NotAdmitted(AdmitError::InProgress { .. })) => {
                        sleep(Duration::from_millis(50)).await;
                    }
                    Err(error) => panic!("{error:?}"),
                }
            }
        });
    }
    let answers: std::collections::BTreeSet<_> = tasks.join_all().await.into_iter().collect();
    json!({ "ran": ran.load(Ordering::Relaxed), "answers": answers }).to_string()
}

fn hear(hosts: &mut [Host]) -> Vec<serde_json::Value> {
    let said = hosts.iter_mut().map(Host::hear);
    said.map(|said| serde_json::from_str(&said).expect("JSON")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_processes_get_exactly_what_each_budget_has() {
    if let Some(url) = process::part() {
        return a_host(&url).await;
    }
    let (url, auditor) = database(Cluster::shared()).await;
    let store = stores::connected(&url).await;
    let mut hosts = Host::start_all(PROCESSES, this_test!(), &url);
    for round in 0..rounds(2) {
        Host::tell_all(&mut hosts, &format!("race {round}"));
        let said = hear(&mut hosts);
        for (kind, places, _) in kinds() {
            let ran: u64 = said.iter().filter_map(|said| said[kind].as_u64()).sum();
            assert_eq!(usize::try_from(ran), Ok(places), "{kind} in round {round}: {said:?}");
            let request = request(kind, &round.to_string());
            let usage = auditor.budgets().usage(&request).await.expect("readable");
            assert!(usage.iter().all(|usage| usage.used <= usage.limit.unwrap_or(0)), "{usage:?}");
            let snapshot = store.read_stream((&request).into()).await.expect("readable");
            assert_unbroken(&snapshot.expect("events"));
        }
    }
    hosts.into_iter().for_each(Host::end);
    let pack = export_request_pack(&store, &request("vendor", "0"), &Profile::internal()).await;
    let pack = pack.expect("exportable").to_json_pretty();
    verify_request_pack(pack.as_bytes()).expect("a pack that holds");
    eprintln!("{} rounds: every budget gave exactly what it has", rounds(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_four_hundred_runs_with_one_key_one_calls_and_all_get_its_answer() {
    if let Some(url) = process::part() {
        return a_host(&url).await;
    }
    let (url, _) = database(Cluster::shared()).await;
    let mut hosts = Host::start_all(PROCESSES, this_test!(), &url);
    for round in 0..rounds(1) {
        Host::tell_all(&mut hosts, &format!("key {round}"));
        let said = hear(&mut hosts);
        let ran: u64 = said.iter().filter_map(|said| said["ran"].as_u64()).sum();
        assert_eq!(ran, 1, "{said:?}");
        assert!(said.iter().all(|one| one["answers"] == said[0]["answers"]), "{said:?}");
        assert_eq!(said[0]["answers"].as_array().map(Vec::len), Some(1));
    }
    hosts.into_iter().for_each(Host::end);
}
