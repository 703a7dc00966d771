//! An effect around nothing: asked about, journalled, settled; against one INSERT.

use std::time::Instant;

use moltbot_audit::event::payload::MoltbotInput;
use moltbot_audit::policy::Limits;
use moltbot_audit::record::Record;
use moltbot_audit::{Auditor, Effect, Switch};
use sqlx::PgPool;

use super::callers::{median, percentile};
use super::cluster::Cluster;
use super::postgres::{Database, pool};
use super::rows::{events, insert};
use super::table::Table;
use super::table::Target::AtMost;
use super::{KEY, Size};

const CALLERS: usize = 32;
/// Calls of one request.
const PER_REQUEST: usize = 8;

pub(crate) async fn measure(cluster: &Cluster, size: &Size, table: &mut Table) {
    let database = Database::create(cluster).await;
    let auditor = Auditor::builder(database.store.clone(), KEY)
        .budgets(Limits::default())
        .environment(|_| None)
        .build();
    auditor.kill_switch().reset(&Switch::AI, "bench", "to be measured").await.expect("reset");
    let records = events(size.some);
    let one = pool(&database.url, 1).await;
    for (callers, inserters) in [(1, &one), (CALLERS, &database.pool)] {
        let count = size.alone * if callers == 1 { 1 } else { 10 };
        let (mut runs, mut inserts, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..=size.rounds {
            let rows = &records[..count.min(records.len())];
            database.empty().await;
            let inserted = insert_all(inserters, rows, callers).await;
            let ran = run_all(&auditor, round * count, count, callers).await;
            database.empty().await;
            let again = insert_all(inserters, rows, callers).await;
            if round == 0 {
                continue;
            }
            let insert = f64::midpoint(inserted, again);
            runs.push(ran);
            inserts.push(insert);
            ratios.push(ran / insert);
        }
        let name = if callers == 1 { "one caller" } else { "32 callers" };
        table.figure(&format!("run around nothing, {name}, p50"), median(runs) * 1e6, "us");
        let insert = median(inserts) * 1e6;
        table.ratio("of a bare INSERT's p50", insert, "us", median(ratios), Some(AtMost(4.0)));
    }
}

/// The p50 of so many effects, in seconds.
async fn run_all(auditor: &Auditor, from: usize, count: usize, callers: usize) -> f64 {
    let tasks: Vec<_> = (0..callers)
        .map(|caller| {
            let auditor = auditor.clone();
            tokio::spawn(async move {
                let mut took = Vec::new();
                for nth in 0..count / callers {
                    let request = (from + nth) / PER_REQUEST;
                    let request =
                        KEY.request_id(&format!("{callers} {caller} {request}")).expect("a name");
                    let effect = Effect::moltbot_call(&MoltbotInput::default())
                        .request(&request)
                        .idempotency_key(format!("{callers} {caller} {}", from + nth));
                    let started = Instant::now();
                    let ran = auditor.effect(effect).run(async || Ok::<_, std::fmt::Error>(()));
                    ran.await.expect("there is room");
                    took.push(started.elapsed().as_secs_f64());
                }
                took
            })
        })
        .collect();
    let mut took = Vec::new();
    for task in tasks {
        took.extend(task.await.expect("a caller ends"));
    }
    percentile(&mut took, 50)
}

/// The p50 of so many rows, in seconds.
async fn insert_all(pool: &PgPool, records: &[Record], callers: usize) -> f64 {
    let tasks: Vec<_> = (0..callers)
        .map(|caller| {
            let pool = pool.clone();
            let share: Vec<_> = records.iter().skip(caller).step_by(callers).cloned().collect();
            tokio::spawn(async move {
                let mut took = Vec::new();
                for (nth, record) in share.iter().enumerate() {
                    let number = caller + nth * callers;
                    took.push(insert(&pool, record, number).await.as_secs_f64());
                }
                took
            })
        })
        .collect();
    let mut took = Vec::new();
    for task in tasks {
        took.extend(task.await.expect("a caller ends"));
    }
    percentile(&mut took, 50)
}
