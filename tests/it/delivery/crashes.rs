//! Processes that die at any moment: the database server, the host, both.
//!
//! A test starts itself again in several processes, each of which is a host under load: callers that record events and write down each one that was acknowledged. The
//! server and the hosts are killed with SIGKILL at random moments and started again. In the end every
//! acknowledged event has to be there exactly once, and every chain has to verify.
//!
//! `MOLTBOT_AUDIT_KILLS` is the number of kills a test makes; `scripts/proofs` sets it.

use std::collections::{HashMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::Arc;
use std::time::Duration;

use moltbot_audit::delivery::{QueueLimits, Spool};
use moltbot_audit::store::{AuditStore, PostgresStore};
use moltbot_audit::{Actor, AuditEvent, Auditor, EventType};
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::support::cluster::Cluster;
use crate::support::process::{self, this_test};
use crate::support::records::{KEY, named_request, stream, verify};
use crate::support::stores;

const KILLS: &str = "MOLTBOT_AUDIT_KILLS";
const HOSTS: usize = 4;
const CALLERS: usize = 16;
const SHARED_REQUESTS: usize = 20;

/// What a host is started with, and what it leaves behind.
struct Scene {
    /// The test that plays it.
    test: &'static str,
    cluster: Cluster,
    url: String,
    folder: tempfile::TempDir,
}

impl Scene {
    async fn new(test: &'static str) -> Self {
        // Commits wait for the disk: an acknowledgement that a crash may take back proves nothing.
        let cluster = Cluster::start(&["max_connections=200"]);
        let url = cluster.create_database().await;
        let store = stores::migrated(&url).await;
        store.close().await;
        Self { test, cluster, url, folder: tempfile::tempdir().expect("a temporary folder") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn host(&self, number: usize) -> Child {
        let log = OpenOptions::new().create(true).append(true).open(self.path("log"));
        let log = log.expect("our own folder");
        let part = format!("{number} {} {}", self.folder.path().display(), self.url);
        process::again(self.test, &part)
            .stdout(log.try_clone().expect("our own file"))
            .stderr(log)
            .spawn()
            .expect("starts")
    }

    /// The events that hosts were told are recorded.
    fn acknowledged(&self) -> HashMap<String, String> {
        let mut acknowledged = HashMap::new();
        for number in 0..HOSTS {
            let text = std::fs::read_to_string(self.path(&format!("acknowledged-{number}")));
            // A kill may have cut the last line.
            let text = text.unwrap_or_default();
            let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
            for (id, request) in whole.lines().filter_map(|line| line.split_once(' ')) {
                acknowledged.insert(id.to_owned(), request.to_owned());
            }
        }
        acknowledged
    }

    /// Waits until somebody was told of a new event: the load is on.
    async fn wait_for_load(&self, hosts: &mut [Child]) {
        let told = || -> u64 {
            let files = (0..HOSTS).map(|number| self.path(&format!("acknowledged-{number}")));
            files.filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum()
        };
        let before = told();
        let started = Instant::now();
        while told() == before {
            assert!(started.elapsed() < Duration::from_mins(1), "no load: {}", self.log());
            for host in &mut *hosts {
                let ended = host.try_wait().expect("our own child");
                assert!(ended.is_none(), "a host ended by itself: {}", self.log());
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// Brings what the spools still hold to the database, as the next host to start would.
    async fn drain(&self) {
        let store = stores::connected(&self.url).await;
        let spool = Spool::open(self.path("spool")).await.expect("the hosts are gone");
        spool.adopt().await.expect("the hosts are gone");
        let auditor = Auditor::builder(Arc::new(store), KEY).spool(spool.clone()).build();
        let (mut left, mut since) = (spool.depth().events, Instant::now());
        while left > 0 {
            sleep(Duration::from_millis(20)).await;
            // However long all of it takes: it goes on.
            let events = spool.depth().events;
            if events < left {
                (left, since) = (events, Instant::now());
            }
            assert!(since.elapsed() < Duration::from_mins(2), "{:?} are left", spool.depth());
        }
        auditor.shutdown(Duration::from_secs(20)).await.expect("the drain is recorded");
        assert_eq!(spool.set_aside_count(), 0, "the database refused something");
    }

    /// Every acknowledged event is there once, and every chain holds. Returns how many events.
    async fn check(&self) -> usize {
        let acknowledged = self.acknowledged();
        let store = stores::connected(&self.url).await;
        let requests: HashSet<_> = acknowledged.values().cloned().collect();
        let mut stored = HashSet::new();
        for request in requests {
            let request = named_request(&request);
            let snapshot = store.read_stream(stream(&request)).await.expect("readable");
            let snapshot = snapshot.expect("it has acknowledged events");
            assert_eq!(verify(&snapshot), Ok(()));
            for record in snapshot.records {
                assert!(stored.insert(record.header.id.to_string()), "an event is there twice");
            }
        }
        let lost: Vec<_> = acknowledged.keys().filter(|id| !stored.contains(*id)).collect();
        assert!(lost.is_empty(), "{} of {} are lost: {lost:?}", lost.len(), acknowledged.len());
        acknowledged.len()
    }
}

fn kills() -> usize {
    std::env::var(KILLS).map_or(4, |kills| kills.parse().expect("a number of kills"))
}

/// A number below `end` that nobody knows beforehand.
fn random(end: u64) -> u64 {
    let mut bytes = [0; 8];
    std::io::Read::read_exact(&mut File::open("/dev/urandom").expect("a device"), &mut bytes)
        .expect("random bytes");
    u64::from_le_bytes(bytes) % end
}

/// A host's part: record until told to stop.
async fn record_under_load(part: &str) {
    let mut part = part.splitn(3, ' ');
    let mut next = || part.next().expect("a number, a folder and a URL");
    let (number, folder, url) = (next(), Path::new(next()), next());
    let store = loop {
        // The server may be starting again.
        match PostgresStore::connect(url).await {
            Ok(store) => break store,
            Err(error) => assert!(error.is_retryable(), "{error:?}"),
        }
        sleep(Duration::from_millis(50)).await;
    };
    let spool = Spool::open(folder.join("spool")).await.expect("a file of its own");
    let limits = QueueLimits::default().wait(Duration::from_millis(500));
    let auditor = Auditor::builder(Arc::new(store), KEY).spool(spool).limits(limits).build();
    let acknowledged = OpenOptions::new()
        .create(true)
        .append(true)
        .open(folder.join(format!("acknowledged-{number}")))
        .expect("our own folder");
    let acknowledged = Arc::new(acknowledged);
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let caller = Caller {
                auditor: auditor.clone(),
                acknowledged: Arc::clone(&acknowledged),
                stop: folder.join("stop"),
                own: format!("own-{number}-{caller}-{}", std::process::id()),
            };
            tokio::spawn(caller.run())
        })
        .collect();
    for caller in callers {
        caller.await.expect("a caller ends");
    }
    auditor.shutdown(Duration::from_secs(30)).await.expect("all is written");
}

struct Caller {
    auditor: Auditor,
    acknowledged: Arc<File>,
    stop: PathBuf,
    own: String,
}

impl Caller {
    async fn run(self) {
        let mut count = 0_usize;
        while !self.stop.exists() {
            count += 1;
            let request = match count % 3 {
                0 => self.own.clone(),
                _ => format!("shared-{}", (count * 7) % SHARED_REQUESTS),
            };
            self.record(&request, count).await;
            // Enough to be in the middle of something whenever the kill comes.
            sleep(Duration::from_millis(2)).await;
        }
    }

    /// Records an event, again and again with the same id until it is acknowledged.
    async fn record(&self, request: &str, count: usize) {
        let event = AuditEvent::new(EventType::VENDOR_OUTREACH_SENT, Actor::System)
            .id(self.auditor.event_id().expect("random bytes"))
            .request(&named_request(request))
            .input(json!({ "count": count, "text": "Muraho! Mufite iyi charger?" }));
        loop {
            match self.auditor.record(event.clone()).await {
                Ok(recorded) => {
                    let line = format!("{} {request}\n", recorded.event_id());
                    return (&*self.acknowledged).write_all(line.as_bytes()).expect("a line");
                }
                Err(error) => assert!(error.is_retryable(), "{error:?}"),
            }
        }
    }
}

/// Plays the hosts, kills so often, and checks what is left.
async fn play(test: &'static str, kills_server: bool, kills_hosts: bool) {
    if let Some(part) = process::part() {
        return record_under_load(&part).await;
    }
    let scene = Scene::new(test).await;
    let mut hosts: Vec<Child> = (0..HOSTS).map(|number| scene.host(number)).collect();
    for nth in 0..kills() {
        scene.wait_for_load(&mut hosts).await;
        sleep(Duration::from_millis(random(400))).await;
        if kills_server && (!kills_hosts || nth % 2 == 0) {
            scene.cluster.kill_server();
        }
        if kills_hosts {
            // Where both die, the host does while the server is down or starts again.
            sleep(Duration::from_millis(if kills_server { random(300) } else { 0 })).await;
            let number = usize::try_from(random(4)).expect("a small number");
            hosts[number].kill().expect("our own child");
            hosts[number].wait().expect("our own child");
            hosts[number] = scene.host(number);
        }
    }
    scene.wait_for_load(&mut hosts).await;
    std::fs::write(scene.path("stop"), "").expect("our own folder");
    for mut host in hosts {
        assert!(host.wait().expect("our own child").success(), "{}", scene.log());
    }
    scene.cluster.wait_until_ready();
    scene.drain().await;
    let events = scene.check().await;
    eprintln!("{} kills: {events} acknowledged events, all there once", kills());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_dies_and_every_acknowledged_event_is_there_once() {
    play(this_test!(), true, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_die_and_every_acknowledged_event_is_there_once() {
    play(this_test!(), false, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn server_and_hosts_die_and_every_acknowledged_event_is_there_once() {
    play(this_test!(), true, true).await;
}
