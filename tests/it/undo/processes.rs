//! Undos by several processes, and processes that are killed at every step of one.
//!
//! `MOLTBOT_AUDIT_ROUNDS` is the number of rounds of kills; `scripts/proofs` sets it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use moltbot_audit::auditor::Finding;
use moltbot_audit::pack::sections::UndoProgress;
use moltbot_audit::undo::{Compensation, UndoHandler};
use moltbot_audit::{Effect, RequestId};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::Teller;
use crate::support::process::{self, this_test};
use crate::support::stores;
use crate::support::wait::eventually;

const LEASE: Duration = Duration::from_secs(2);
/// Steps of the request, and the places in each at which a process is killed.
const STEPS: usize = 5;
const PLACES: usize = 3;
/// Never killed.
const NEVER: usize = usize::MAX;

/// A world whose ledger is a file that several processes write.
struct Ledger {
    path: PathBuf,
    /// Where this process stands still until it is killed.
    kill_at: usize,
    passed: AtomicUsize,
}

impl Ledger {
    fn new(path: &Path, kill_at: usize) -> Self {
        Self { path: path.to_owned(), kill_at, passed: AtomicUsize::new(0) }
    }

    /// One of the places.
    fn pass(&self) {
        if self.passed.fetch_add(1, Ordering::SeqCst) == self.kill_at {
            writeln!(std::io::stdout(), "\nstands still").expect("it is read");
            loop {
                std::thread::sleep(Duration::from_mins(1));
            }
        }
    }

    /// How often each act was undone in the world.
    fn read(&self) -> BTreeMap<String, usize> {
        let mut undone = BTreeMap::new();
        for act in fs::read_to_string(&self.path).unwrap_or_default().lines() {
            *undone.entry(act.to_owned()).or_insert(0) += 1;
        }
        undone
    }
}

impl UndoHandler for Ledger {
    type Error = std::io::Error;

    fn declare(&self, compensation: &Compensation<'_>) -> Effect {
        self.pass();
        compensation.effect().lease(LEASE)
    }

    async fn perform(&self, compensation: &Compensation<'_>) -> Result<Value, std::io::Error> {
        self.pass();
        let mut file = File::options().create(true).append(true).open(&self.path)?;
        file.write_all(format!("{}\n", compensation.step().act_id).as_bytes())?;
        self.pass();
        Ok(json!({}))
    }
}

/// The part of a process: undoes a request, and stands still at one place.
async fn undo_there(part: &str) {
    let part: Vec<_> = part.split(' ').collect();
    let [url, request, path, kill_at] = part[..] else { panic!("not a part: {part:?}") };
    let store = moltbot_audit::store::open(url).await.expect("the store is there");
    let request = RequestId::from_uuid(request.parse().expect("a UUID")).expect("a request");
    let teller = Teller { request, ..Teller::on(store) };
    let ledger = Ledger::new(Path::new(path), kill_at.parse().expect("a number"));
    teller.undo(&ledger).await;
}

fn start(test: &str, url: &str, teller: &Teller, ledger: &Ledger, kill_at: usize) -> Child {
    let (request, path) = (teller.request.uuid(), ledger.path.display());
    let part = format!("{url} {request} {path} {kill_at}");
    process::again(test, &part).stdout(Stdio::piped()).spawn().expect("it starts")
}

/// Waits until a process stands still, and kills it.
fn kill(mut process: Child) {
    let lines = BufReader::new(process.stdout.take().expect("a pipe")).lines();
    let mut lines = lines.map_while(Result::ok);
    assert!(lines.any(|line| line == "stands still"), "it ended before its place");
    process.kill().expect("our own child");
    process.wait().expect("our own child");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_every_step_an_undo_goes_on_and_no_compensation_reaches_the_world_twice() {
    if let Some(part) = process::part() {
        return undo_there(&part).await;
    }
    let folder = TempDir::new().expect("a folder");
    let (fresh, url) = stores::postgres_with_url().await;
    let rounds: usize =
        std::env::var("MOLTBOT_AUDIT_ROUNDS").map_or(1, |rounds| rounds.parse().expect("a number"));
    for round in 0..rounds {
        let mut killed = Vec::new();
        for place in 0..STEPS * PLACES {
            let teller = Teller::on(fresh.store.clone());
            teller.whole_request().await;
            let ledger = Ledger::new(&folder.path().join(format!("{round}-{place}")), NEVER);
            kill(start(this_test!(), &url, &teller, &ledger, place));
            killed.push((place, teller, ledger));
        }
        for (place, teller, ledger) in &killed {
            go_on(*place, teller, ledger).await;
        }
    }
    eprintln!("{} kills: no compensation twice", rounds * STEPS * PLACES);
    drop(fresh.keep);
}

async fn go_on(place: usize, teller: &Teller, ledger: &Ledger) {
    let is_in_doubt = !place.is_multiple_of(PLACES);
    // While the lease lasts, the compensation is under way: it is not tried again.
    teller.undo(ledger).await;
    if is_in_doubt {
        eventually("the lease of the dead runs out, and is recorded", async || {
            teller.auditor.in_doubt().await.ok();
            let plan = teller.plan().await;
            plan.steps.iter().any(|step| step.progress == UndoProgress::InDoubt).then_some(())
        })
        .await;
    }
    let report = teller.undo(ledger).await;
    let in_doubt: Vec<_> = report
        .plan
        .steps
        .iter()
        .filter(|step| step.progress == UndoProgress::InDoubt)
        .map(|step| (step.act_id, step.tries[0].effect_id))
        .collect();
    assert_eq!(in_doubt.len(), usize::from(is_in_doubt), "place {place}");
    assert_eq!(report.is_done(), !is_in_doubt, "place {place}: {report:?}");
    assert!(report.plan.open().next().is_none(), "place {place}");
    for (act, effect) in in_doubt {
        let is_there = ledger.read().contains_key(&act.to_string());
        assert_eq!(is_there, place % PLACES == 2, "place {place}");
        let finding = if is_there { Finding::Performed } else { Finding::NotPerformed };
        teller.auditor.resolve(effect, finding, "Aline", "looked").await.expect("in doubt");
    }
    assert!(teller.undo(ledger).await.is_done(), "place {place}");
    let undone = ledger.read();
    assert_eq!(undone.len(), STEPS, "place {place}: {undone:?}");
    assert!(undone.values().all(|times| *times == 1), "place {place}: {undone:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_undo_at_once_undo_each_step_once() {
    if let Some(part) = process::part() {
        return undo_there(&part).await;
    }
    let folder = TempDir::new().expect("a folder");
    let (fresh, url) = stores::postgres_with_url().await;
    let teller = Teller::on(fresh.store.clone());
    teller.whole_request().await;
    let ledger = Ledger::new(&folder.path().join("world"), NEVER);
    let start = |_| start(this_test!(), &url, &teller, &ledger, NEVER);
    let others: Vec<_> = (0..3).map(start).collect();
    let here = tokio::join!(teller.undo(&ledger), teller.undo(&ledger));
    for mut other in others {
        assert!(other.wait().expect("our own child").success());
    }
    drop(here);
    let undone = ledger.read();
    assert_eq!((undone.len(), undone.values().max()), (STEPS, Some(&1)), "{undone:?}");
    assert!(teller.plan().await.is_done());
    drop(fresh.keep);
}
