//! A process with its callers, its database and its folder, and what each of them has seen.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use moltbot_audit::delivery::{QueueLimits, Spool, WriteError};
use moltbot_audit::record::{Record, Recorded};
use moltbot_audit::testing::Batcher;
use moltbot_audit::{RequestId, StreamId};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::super::{Fate, RuledStore};
use super::Step;
use crate::support::records::{event, fresh_request, sealed, stream};

const WAIT: Duration = Duration::from_secs(1);
/// What timers are late by, and what a caller's answer takes once it is there.
const SLACK: Duration = Duration::from_millis(20);

/// How a world is wrong on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// The database forgets an event that it has acknowledged.
    Loses,
    /// It stores the events of a batch in the wrong order.
    Reorders,
    /// Callers are told an hour, and the world holds them to a second.
    Dawdles,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mood {
    Well,
    Refuses { lands: bool },
    Silent { lands: bool },
    Slow(Duration),
}

/// What ails the database.
struct Conditions {
    mood: Mood,
    locked: HashSet<StreamId>,
    panics: HashSet<StreamId>,
    flaw: Option<Flaw>,
}

impl Conditions {
    fn fate(&self, batch: &[Record]) -> Fate {
        let holds = |streams: &HashSet<StreamId>| {
            batch.iter().any(|record| streams.contains(&record.stream_id()))
        };
        let (is_locked, panics) = (holds(&self.locked), holds(&self.panics));
        let time = match self.mood {
            Mood::Refuses { lands } if lands && !is_locked && !panics => return Fate::LandAndFail,
            Mood::Refuses { .. } => return Fate::FailAfter(Duration::ZERO),
            Mood::Silent { lands } if lands && !is_locked && !panics => return Fate::LandAndHang,
            Mood::Silent { .. } => return Fate::Hang,
            Mood::Slow(time) => time,
            Mood::Well => Duration::ZERO,
        };
        match self.flaw {
            _ if is_locked => Fate::LockedAfter(time + Duration::from_millis(200)),
            _ if panics => Fate::PanicAfter(time),
            Some(Flaw::Loses) => Fate::Forget,
            Some(Flaw::Reorders) => Fate::Reverse,
            _ => Fate::PassAfter(time),
        }
    }
}

fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().expect("nobody panics with it")
}

/// What became of one call.
#[derive(Clone)]
struct Call {
    id: Uuid,
    stream: usize,
    state: State,
}

#[derive(Clone)]
enum State {
    /// The caller waits, since then, when the runtime had stalled for so long.
    Waiting(Instant, Duration),
    Answered(Result<Recorded, WriteError>),
    /// The caller is gone.
    Gone,
}

/// A process: a runtime and what lives on it.
struct Process {
    runtime: Runtime,
    batcher: Batcher,
    spool: Spool,
    /// Each with the place of its call.
    callers: Vec<(usize, JoinHandle<()>)>,
}

pub(super) struct World {
    database: Arc<RuledStore>,
    conditions: Arc<Mutex<Conditions>>,
    folder: tempfile::TempDir,
    streams: Vec<RequestId>,
    limits: QueueLimits,
    process: Option<Process>,
    /// In the order in which they were submitted.
    calls: Arc<Mutex<Vec<Call>>>,
    /// For how long the runtime has stalled.
    stalled: Arc<Mutex<Duration>>,
    flaw: Option<Flaw>,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        Self::made(seed, None)
    }

    pub(super) fn flawed(seed: u64, flaw: Flaw) -> Self {
        Self::made(seed, Some(flaw))
    }

    fn made(seed: u64, flaw: Option<Flaw>) -> Self {
        let (locked, panics) = (HashSet::new(), HashSet::new());
        let conditions = Conditions { mood: Mood::Well, locked, panics, flaw };
        let conditions = Arc::new(Mutex::new(conditions));
        let database = RuledStore::new({
            let conditions = Arc::clone(&conditions);
            move |batch| lock(&conditions).fate(batch)
        });
        let wait = if flaw == Some(Flaw::Dawdles) { Duration::from_hours(1) } else { WAIT };
        let limits = QueueLimits::default()
            .wait(wait)
            .call_limit(Duration::from_secs(5))
            .events([3, 8, 8_192][usize::try_from(seed % 3).expect("small")])
            .connections([1, 2, 4][usize::try_from(seed / 3 % 3).expect("small")]);
        let mut world = Self {
            database,
            conditions,
            folder: tempfile::tempdir().expect("a temporary folder"),
            streams: (0..4).map(|_| fresh_request()).collect(),
            limits,
            process: None,
            calls: Arc::default(),
            stalled: Arc::default(),
            flaw,
        };
        world.begin();
        world
    }

    /// A process begins.
    fn begin(&mut self) {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.expect("a runtime");
        let folder = self.folder.path().to_owned();
        let spool = runtime.block_on(async move { Spool::open(folder).await.expect("our own") });
        let batcher = Batcher::new(self.database.clone(), Some(spool.clone()), self.limits, ());
        runtime.block_on(async { batcher.start() });
        self.process = Some(Process { runtime, batcher, spool, callers: Vec::new() });
    }

    pub(super) fn play(mut self, steps: &[Step]) {
        for step in steps {
            self.make(step);
            self.check();
        }
        // Everything is well again: all that was acknowledged reaches the database.
        self.set_mood(Mood::Well);
        lock(&self.conditions).locked.clear();
        lock(&self.conditions).panics.clear();
        for _ in 0..1_000 {
            self.make(&Step::Pass { millis: 1_000 });
            let process = self.process.as_ref().expect("it lives");
            if process.spool.depth().events == 0 {
                break;
            }
        }
        let process = self.process.as_ref().expect("it lives");
        assert_eq!(process.spool.depth().events, 0, "the spool is not drained");
        self.check();
    }

    fn set_mood(&self, mood: Mood) {
        let is_answering = matches!(mood, Mood::Well | Mood::Slow(_));
        self.database.is_answering.store(is_answering, Ordering::SeqCst);
        lock(&self.conditions).mood = mood;
    }

    fn make(&mut self, step: &Step) {
        let stream_of = |nth: &u8| stream(&self.streams[usize::from(*nth)]);
        match step {
            Step::Record { stream, callers } => self.record(usize::from(*stream), *callers),
            Step::GiveUp => {
                let process = self.process.as_mut().expect("it lives");
                if let Some((place, caller)) = process.callers.pop() {
                    caller.abort();
                    self.is_gone(place);
                }
            }
            Step::Lock(nth) => drop(lock(&self.conditions).locked.insert(stream_of(nth))),
            Step::Unlock(nth) => drop(lock(&self.conditions).locked.remove(&stream_of(nth))),
            Step::Panic(nth) => drop(lock(&self.conditions).panics.insert(stream_of(nth))),
            Step::Calm(nth) => drop(lock(&self.conditions).panics.remove(&stream_of(nth))),
            Step::Refuse { lands } => self.set_mood(Mood::Refuses { lands: *lands }),
            Step::Silence { lands } => self.set_mood(Mood::Silent { lands: *lands }),
            Step::Slow { millis } => {
                self.set_mood(Mood::Slow(Duration::from_millis((*millis).into())));
            }
            Step::Heal => self.set_mood(Mood::Well),
            Step::Pass { millis } => self.pass(Duration::from_millis((*millis).into())),
            Step::Stall { millis } => {
                let time = Duration::from_millis((*millis).into());
                let process = self.process.as_ref().expect("it lives");
                *lock(&self.stalled) += time;
                process.runtime.block_on(tokio::time::advance(time));
            }
            Step::Kill => {
                // The runtime first: nobody does anything any more.
                let Process { runtime, batcher, spool, callers } =
                    self.process.take().expect("it lives");
                // What is being written to the disk is, or a second process would find it half written.
                runtime.shutdown_timeout(Duration::from_secs(30));
                drop((batcher, spool));
                for (place, _) in callers {
                    self.is_gone(place);
                }
                self.begin();
            }
            Step::Restart => {
                let Process { runtime, batcher, spool, callers } =
                    self.process.take().expect("it lives");
                runtime.block_on(async {
                    let begun = Instant::now();
                    let left = batcher.shutdown(WAIT * 4).await;
                    assert!(
                        begun.elapsed() <= WAIT * 4 + SLACK,
                        "a shutdown took {:?}",
                        begun.elapsed()
                    );
                    left.expect("with a spool nothing is left");
                    for (_, caller) in callers {
                        caller.await.expect("a caller ends");
                    }
                    spool.close().await.expect("a writable spool");
                });
                drop((batcher, spool));
                drop(runtime);
                self.begin();
            }
        }
    }

    fn record(&mut self, nth: usize, callers: u8) {
        let process = self.process.as_mut().expect("it lives");
        let _runtime = process.runtime.enter();
        for _ in 0..callers {
            let record = sealed(event(&self.streams[nth]));
            let (id, batcher) = (record.header().id, process.batcher.clone());
            let (calls, stalled) = (Arc::clone(&self.calls), *lock(&self.stalled));
            let place = lock(&calls).len();
            lock(&calls).push(Call { id, stream: nth, state: State::Gone });
            let caller = tokio::spawn(async move {
                lock(&calls)[place].state = State::Waiting(Instant::now(), stalled);
                let answer = batcher.submit(record).await;
                lock(&calls)[place].state = State::Answered(answer);
            });
            process.callers.push((place, caller));
        }
        self.pass(Duration::ZERO);
    }

    fn is_gone(&self, place: usize) {
        let state = &mut lock(&self.calls)[place].state;
        if matches!(state, State::Waiting(..)) {
            *state = State::Gone;
        }
    }

    fn pass(&self, time: Duration) {
        let process = self.process.as_ref().expect("it lives");
        process.runtime.block_on(async {
            // Whoever is new begins before time goes by.
            tokio::task::yield_now().await;
            sleep(time).await;
        });
    }

    /// What must hold at any time.
    fn check(&self) {
        let process = self.process.as_ref().expect("it lives");
        let calls = lock(&self.calls).clone();
        let mut places = HashMap::new();
        for (place, record) in self.database.store.records().iter().enumerate() {
            let twice = places.insert(record.header().id, place);
            assert_eq!(twice, None, "an event is there twice");
        }
        let limit = if self.flaw == Some(Flaw::Dawdles) { Duration::ZERO } else { WAIT + SLACK };
        let mut last: BTreeMap<usize, (usize, Uuid)> = BTreeMap::new();
        let mut behind: BTreeMap<usize, Uuid> = BTreeMap::new();
        let mut spooled = 0;
        for call in &calls {
            if let State::Waiting(since, stalled) = call.state {
                let stalled = lock(&self.stalled).saturating_sub(stalled);
                let waits = process.runtime.block_on(async { since.elapsed() });
                assert!(waits <= limit + stalled, "a caller waits for {waits:?}");
            }
            let State::Answered(Ok(recorded)) = &call.state else { continue };
            if let Some(place) = places.get(&call.id) {
                if let Some(before) = last.insert(call.stream, (*place, call.id)) {
                    assert!(before.0 < *place, "{} is stored before {}", call.id, before.1);
                }
                let waits = behind.get(&call.stream);
                assert_eq!(waits, None, "{} is stored, and that waits in the spool", call.id);
            } else {
                assert!(recorded.receipt().is_none(), "a chained event is not stored");
                let stream = stream(&self.streams[call.stream]);
                assert!(process.spool.holds(stream), "an acknowledged event is lost");
                behind.insert(call.stream, call.id);
                spooled += 1;
            }
        }
        // Which ones they are shows at the end, when all are in the database.
        assert!(spooled <= process.spool.depth().events, "acknowledged events are lost");
    }
}
