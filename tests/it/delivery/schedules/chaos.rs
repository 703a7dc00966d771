//! A sink that fails in every way there is, by lot.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use moltbot_audit::record::Record;
use moltbot_audit::store::{Appended, AuditSink, BoxFuture, StoreError};
use moltbot_audit::testing::MemoryStore;
use tokio::time::sleep;

use crate::support::seeded::Seeded;

/// Whether the store refuses an event for good.
pub(super) fn is_bad(record: &Record) -> bool {
    record.output().is_some_and(|output| output["is_bad"] == true)
}

#[derive(Debug)]
pub(super) struct ChaoticSink {
    store: Arc<MemoryStore>,
    lots: Mutex<Lots>,
    /// Whether it also panics, and returns what is not asked for.
    breaks_contract: bool,
    is_well: AtomicBool,
}

#[derive(Debug)]
struct Lots {
    draw: Seeded,
    /// An outage goes on for so many calls.
    outage: usize,
}

/// What becomes of a call.
#[derive(Clone, Copy)]
enum Fate {
    Pass,
    Fail,
    Hang,
    Panic,
    TooFew,
}

impl ChaoticSink {
    pub(super) fn new(store: Arc<MemoryStore>, draw: Seeded, breaks_contract: bool) -> Self {
        let lots = Mutex::new(Lots { draw, outage: 0 });
        Self { store, lots, breaks_contract, is_well: AtomicBool::new(false) }
    }

    pub(super) fn breaks_contract(&self) -> bool {
        self.breaks_contract
    }

    /// Every call passes from now on, but for what is refused for good.
    pub(super) fn heal(&self) {
        self.is_well.store(true, Ordering::SeqCst);
    }

    /// How long the call takes, whether it lands before that, and what becomes of it.
    fn fate(&self) -> (Duration, bool, Fate) {
        if self.is_well.load(Ordering::SeqCst) {
            return (Duration::ZERO, false, Fate::Pass);
        }
        let mut lots = self.lots.lock().expect("nobody panics with it");
        if lots.outage == 0 && lots.draw.one_in(6) {
            lots.outage = 1 + lots.draw.below(12);
        }
        let time = Duration::from_millis(lots.draw.pick(&[0, 0, 0, 1, 30, 700, 9_000]));
        let lands_first = lots.draw.one_in(2);
        if lots.outage > 0 {
            lots.outage -= 1;
            let fate = lots.draw.pick(&[Fate::Fail, Fate::Fail, Fate::Hang]);
            return (time, lands_first, fate);
        }
        if self.breaks_contract && lots.draw.one_in(6) {
            return (time, lands_first, lots.draw.pick(&[Fate::Panic, Fate::TooFew]));
        }
        (time, false, Fate::Pass)
    }
}

impl AuditSink for ChaoticSink {
    fn append<'a>(
        &'a self,
        batch: &'a [Record],
    ) -> BoxFuture<'a, Result<Vec<Appended>, StoreError>> {
        let (time, lands_first, fate) = self.fate();
        if matches!(fate, Fate::Panic) && !lands_first && time.is_zero() {
            // Before there is a future, and without the noise of a panic that is not on purpose.
            resume_unwind(Box::new("on purpose"));
        }
        Box::pin(async move {
            if batch.iter().any(is_bad) {
                return Err(StoreError::refused("append events", "a refusal on purpose"));
            }
            if lands_first {
                self.store.append(batch).await?;
            }
            if !time.is_zero() {
                sleep(time).await;
            }
            match fate {
                Fate::Pass => self.store.append(batch).await,
                Fate::Fail => Err(StoreError::unavailable("append events", "a fault on purpose")),
                Fate::Hang => std::future::pending().await,
                Fate::Panic => resume_unwind(Box::new("on purpose")),
                Fate::TooFew => {
                    let mut appended = self.store.append(batch).await?;
                    appended.pop();
                    Ok(appended)
                }
            }
        })
    }
}
