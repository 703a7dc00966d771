//! Many short schedules of faults, drawn at random, and what must hold after each.
//!
//! `MOLTBOT_AUDIT_SEEDS` is the number of schedules, `MOLTBOT_AUDIT_FIRST_SEED` where they begin. Time is Tokio's own and stands still while
//! anybody has something to do, so that a schedule of minutes takes milliseconds.

mod chaos;
mod host;
mod listener;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use moltbot_audit::Auditor;
use moltbot_audit::delivery::{QueueLimits, Spool};
use moltbot_audit::record::{Record, Recorded};
use moltbot_audit::store::AuditStore;
use moltbot_audit::testing::MemoryStore;
use tokio::runtime::Builder;
use tokio::time::sleep;
use uuid::Uuid;

use self::chaos::ChaoticSink;
use self::listener::Listener;
use crate::support::records::{KEY, assert_unbroken};
use crate::support::seeded::Seeded;

const SEEDS: &str = "MOLTBOT_AUDIT_SEEDS";
const FIRST_SEED: &str = "MOLTBOT_AUDIT_FIRST_SEED";
/// What nothing but the store and the spool may hold.
const PERSONAL: &str = "Uwase Aline";

/// One schedule: hosts that live one after the other, before one store and one folder.
struct Schedule {
    draw: Seeded,
    store: Arc<MemoryStore>,
    sink: Arc<ChaoticSink>,
    folder: tempfile::TempDir,
    has_spool: bool,
    limits: QueueLimits,
    heard: Heard,
}

/// What callers heard.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Answers>>);

#[derive(Default)]
struct Answers {
    /// By caller, in order, what is recorded.
    recorded: HashMap<Uuid, Vec<Recorded>>,
    /// Everything else.
    errors: Vec<String>,
    /// What broke a promise at once.
    faults: Vec<String>,
}

impl Heard {
    fn taken(&self) -> Answers {
        std::mem::take(&mut *self.0.lock().expect("nobody panics with it"))
    }

    fn note(&self, note: impl FnOnce(&mut Answers)) {
        note(&mut self.0.lock().expect("nobody panics with it"));
    }
}

impl Schedule {
    fn new(seed: u64) -> Self {
        let mut draw = Seeded::new(seed);
        let store = Arc::new(MemoryStore::new());
        let (faults, breaks_contract) = (draw.fork(), draw.one_in(4));
        let limits = QueueLimits::default()
            .wait(Duration::from_millis(draw.pick(&[20, 500, 5_000])))
            .events(draw.pick(&[1, 3, 20, 8_192]))
            .bytes(draw.pick(&[5_000, 300_000, 32 << 20]))
            .connections(draw.pick(&[1, 2, 4]));
        Self {
            sink: Arc::new(ChaoticSink::new(store.clone(), faults, breaks_contract)),
            store,
            folder: tempfile::tempdir().expect("a temporary folder"),
            has_spool: !draw.one_in(5),
            limits,
            heard: Heard::default(),
            draw,
        }
    }

    /// Plays `part` on a runtime of its own, which ends with it, whatever is under way.
    fn on_a_runtime(&mut self, part: impl AsyncFnOnce(&mut Self)) {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.expect("a runtime").block_on(part(self));
    }

    async fn open(&self, max_events: u64, max_bytes: u64) -> Option<Spool> {
        let options = Spool::options(self.folder.path()).max_events(max_events);
        if self.has_spool {
            Some(options.max_bytes(max_bytes).open().await.expect("our own folder"))
        } else {
            None
        }
    }

    fn auditor(&self, spool: Option<Spool>) -> Auditor {
        let builder = Auditor::builder(self.sink.clone(), KEY);
        let builder = builder.limits(self.limits);
        match spool {
            Some(spool) => builder.spool(spool).build(),
            None => builder.build(),
        }
    }

    /// Everything is well again: what the spools hold reaches the store. Returns what was set aside.
    async fn heal(&mut self) -> HashSet<Uuid> {
        self.sink.heal();
        let Some(spool) = self.open(u64::MAX, u64::MAX).await else { return HashSet::new() };
        let auditor = self.auditor(Some(spool.clone()));
        for _ in 0..10_000 {
            if spool.adopt().await.expect("nobody else has them") == 0 && spool.depth().events == 0
            {
                break;
            }
            sleep(Duration::from_secs(1)).await;
        }
        auditor.shutdown(Duration::from_mins(5)).await.expect("all is well");
        assert_eq!(spool.depth().events, 0, "the spool is not drained");
        let aside = spool.set_aside_records(0, usize::MAX).await.expect("our own folder");
        let records = aside.into_iter().map(|one| one.record.expect("a readable record"));
        records.map(|record| record.header().id).collect()
    }

    /// What must hold in the end.
    async fn check(&self, aside: &HashSet<Uuid>) {
        let answers = self.heard.taken();
        assert_eq!(answers.faults, Vec::<String>::new());
        let said = answers.errors.join("\n");
        assert!(!said.contains(PERSONAL), "personal data in an error: {said}");
        let mut places = HashMap::new();
        for (place, record) in self.store.records().iter().enumerate() {
            assert!(!chaos::is_bad(record), "a refused event is stored");
            assert_eq!(places.insert(record.header().id, place), None, "an event is there twice");
            if !self.sink.breaks_contract() {
                assert!(!aside.contains(&record.header().id), "what is stored was set aside");
            }
        }
        for recorded in answers.recorded.values() {
            let stored: Vec<_> =
                recorded.iter().filter_map(|one| places.get(&one.event_id())).collect();
            assert!(stored.is_sorted_by(|a, b| a < b), "events of one caller are out of order");
            for lost in recorded.iter().filter(|one| !places.contains_key(&one.event_id())) {
                assert!(
                    aside.contains(&lost.event_id()),
                    "an acknowledged event is lost: {lost:?}"
                );
                assert!(lost.receipt().is_none(), "a chained event was not stored: {lost:?}");
            }
        }
        self.check_chains(&answers).await;
    }

    async fn check_chains(&self, answers: &Answers) {
        let mut seqs = HashMap::new();
        let records = self.store.records();
        let streams: HashSet<_> = records.iter().map(Record::stream_id).collect();
        for stream in streams {
            let snapshot = self.store.read_stream(stream).await.expect("readable").expect("events");
            assert_unbroken(&snapshot);
            seqs.extend(snapshot.records.iter().map(|record| (record.header.id, record.seq)));
        }
        for recorded in answers.recorded.values().flatten() {
            if let Some(receipt) = recorded.receipt() {
                let stored = seqs.get(&recorded.event_id());
                assert_eq!(stored, Some(&receipt.seq), "a receipt is another event's");
            }
        }
    }
}

fn play(seed: u64) {
    let mut schedule = Schedule::new(seed);
    let listener = Listener::default();
    let listening = tracing::subscriber::set_default(listener.clone());
    for _ in 0..schedule.draw.pick(&[1, 2, 3]) {
        schedule.on_a_runtime(Schedule::host);
    }
    schedule.on_a_runtime(async |schedule| {
        let aside = schedule.heal().await;
        schedule.check(&aside).await;
    });
    drop(listening);
    assert!(!listener.heard().contains(PERSONAL), "personal data in a log");
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |number| number.parse().expect("a number"))
}

#[test]
fn whatever_befalls_it_recording_keeps_what_it_acknowledged_once_and_in_order() {
    let first = number(FIRST_SEED, 0);
    for seed in first..first + number(SEEDS, 24) {
        let played = std::panic::catch_unwind(|| play(seed));
        assert!(played.is_ok(), "{FIRST_SEED}={seed} {SEEDS}=1 plays it again");
    }
}
