//! Many processes that want the same: places in a budget, a key, a switch that is being engaged.
//!
//! A test starts itself again in several processes, each of which is a host. Hosts are told on standard input what to do, and say on standard output what came of it.
//!
//! `MOLTBOT_AUDIT_ROUNDS` is the number of rounds a test makes; `scripts/proofs` sets it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::Arc;
use std::time::Duration;

use moltbot_audit::delivery::QueueLimits;
use moltbot_audit::event::payload::{BatchInput, MoltbotInput, OcrInput};
use moltbot_audit::policy::Limits;
use moltbot_audit::store::PostgresStore;
use moltbot_audit::{Actor, AuditEvent, Auditor, Budget, Effect, EventType, RequestId, Switch};
use serde_json::json;
use tokio::time::sleep;

use crate::support::cluster::Cluster;
use crate::support::process;
use crate::support::records::{KEY, named_request};
use crate::support::stores;

mod deaths;
mod flips;
mod places;
mod scopes;

const ROUNDS: &str = "MOLTBOT_AUDIT_ROUNDS";
const TASKS: usize = 50;

fn rounds(small: usize) -> usize {
    std::env::var(ROUNDS).map_or(small, |rounds| rounds.parse().expect("a number of rounds"))
}

/// A database of its own, with everything switched on.
async fn database(cluster: &Cluster) -> (String, Auditor) {
    let url = cluster.create_database().await;
    let store = stores::migrated(&url).await;
    let auditor = auditor(store, Limits::default());
    for switch in [Switch::AI, Switch::OCR, Switch::CALLING] {
        auditor.kill_switch().reset(&switch, "test", "set-up").await.expect("a switch is set");
    }
    (url, auditor)
}

fn auditor(store: PostgresStore, limits: Limits) -> Auditor {
    // Fifty tasks of eight processes wait for one row: nobody gives up.
    let queue = QueueLimits::default().wait(Duration::from_mins(2));
    let key = KEY;
    Auditor::builder(Arc::new(store), key).budgets(limits).limits(queue).build()
}

/// One of the processes.
struct Host {
    process: Child,
    told: ChildStdin,
    says: BufReader<ChildStdout>,
}

impl Host {
    /// `test` is the test that starts it, and that plays [`a_host`] in the new process.
    fn start(test: &str, url: &str) -> Self {
        let mut process = process::again(test, url)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts");
        let told = process.stdin.take().expect("piped");
        let says = BufReader::new(process.stdout.take().expect("piped"));
        Self { process, told, says }
    }

    fn tell(&mut self, order: &str) {
        writeln!(self.told, "{order}").expect("it listens");
    }

    fn tell_all(hosts: &mut [Self], order: &str) {
        for host in hosts {
            host.tell(order);
        }
    }

    /// So many of them.
    fn start_all(count: usize, test: &str, url: &str) -> Vec<Self> {
        (0..count).map(|_| Self::start(test, url)).collect()
    }

    /// The next thing it says of itself; the harness around it says things too.
    fn hear(&mut self) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            let read = self.says.read_line(&mut line).expect("readable");
            assert!(read > 0, "the host ended");
            if let Some(said) = line.trim_end().strip_prefix("said: ") {
                return said.to_owned();
            }
        }
    }

    fn end(mut self) {
        self.tell("end");
        assert!(self.process.wait().expect("our own child").success(), "the host failed");
    }
}

/// However the test ends, no host is left: SIGKILL, as a machine out of memory would.
impl Drop for Host {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// A host's part: does what it is told on standard input, and says on standard output what came of it.
async fn a_host(url: &str) {
    let store = loop {
        match PostgresStore::connect(url).await {
            Ok(store) => break store,
            Err(error) => assert!(error.is_retryable(), "{error:?}"),
        }
        sleep(Duration::from_millis(50)).await;
    };
    let own = std::process::id();
    for order in std::io::stdin().lines() {
        let order = order.expect("readable");
        let mut words = order.split(' ');
        let said = match words.next() {
            Some("race") => {
                let round = words.next().expect("a round");
                places::race(&auditor(store.clone(), Limits::default()), round).await
            }
            Some("key") => {
                let round = words.next().expect("a round");
                places::one_key(&auditor(store.clone(), Limits::default()), round).await
            }
            Some("hammer") if words.next() == Some("scopes") => {
                scopes::hammer(auditor(store.clone(), scopes::limits()), own).await
            }
            Some("hammer") => flips::hammer(auditor(store.clone(), flips::limits()), own).await,
            Some("toil") => {
                let limits = Limits::default().lease(deaths::LEASE);
                deaths::toil(auditor(store.clone(), limits.expect("a lease")), own).await
            }
            _ => break,
        };
        // Standard output is the harness's until the line ends.
        writeln!(std::io::stdout(), "\nsaid: {said}").expect("somebody listens");
    }
}

/// Waits until something is so, for two minutes at most.
async fn until_so(what: &str, round: usize, mut is_so: impl AsyncFnMut() -> bool) {
    let mut tries = 0;
    while !is_so().await {
        tries += 1;
        assert!(tries < 12_000, "{what} in round {round}");
        sleep(Duration::from_millis(10)).await;
    }
}

type Kind = (&'static str, usize, fn() -> Effect);

/// The kinds of effects that are charged, by name, with how many a request may have.
fn kinds() -> [Kind; 4] {
    [
        ("moltbot_call", 8, || Effect::moltbot_call(&MoltbotInput::default())),
        ("ocr_job", 2, || Effect::ocr_job(&OcrInput::default())),
        ("batch", 3, || {
            let vendor_ids = (1..=5).map(|n| format!("vendor-{n}")).collect();
            Effect::vendor_batch(&BatchInput { vendor_ids, ..Default::default() })
        }),
        ("vendor", 15, || {
            Effect::custom(EventType::VENDOR_OUTREACH_SENT, Actor::System, json!({}))
                .charge(Budget::VENDORS, 1)
        }),
    ]
}

/// The request of a kind in a round: batches are charged vendors too, so that each kind has its own.
fn request(kind: &str, round: &str) -> RequestId {
    named_request(&format!("{kind} {round}"))
}
