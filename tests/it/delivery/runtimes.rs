//! Callers on several runtimes, of which one ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use moltbot_audit::delivery::QueueLimits;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use super::{Fate, RuledStore, batcher, is_chained, submit, waiting};
use crate::support::records::{event, fresh_request, sealed};

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().expect("a runtime")
}

/// The only writer runs where the first caller is, and hangs, until that runtime ends.
fn outlive(limits: QueueLimits) {
    let hangs = Arc::new(AtomicBool::new(true));
    let store = RuledStore::new({
        let hangs = Arc::clone(&hangs);
        move |_| if hangs.load(Ordering::SeqCst) { Fate::Hang } else { Fate::Pass }
    });
    let batcher = batcher(&store, None, limits.connections(1));
    let first = runtime();
    first.block_on(async {
        let submitting = batcher.submit(sealed(event(&fresh_request())));
        assert!(timeout(Duration::from_millis(50), submitting).await.is_err());
    });
    let others = thread::spawn({
        let batcher = batcher.clone();
        move || {
            runtime().block_on(async {
                let callers: Vec<_> =
                    (0..5).map(|_| submit(&batcher, sealed(event(&fresh_request())))).collect();
                let mut answers = Vec::new();
                for caller in callers {
                    answers.push(caller.await.expect("a caller ends"));
                }
                answers
            })
        }
    });
    thread::sleep(Duration::from_millis(300));
    hangs.store(false, Ordering::SeqCst);
    drop(first);
    for answer in others.join().expect("the callers end") {
        assert!(is_chained(&answer), "{answer:?}");
    }
}

#[test]
fn the_end_of_the_last_writers_runtime_is_not_felt_by_callers_on_another() {
    outlive(waiting(Duration::from_mins(1)));
}

#[test]
fn nor_by_those_who_wait_for_room() {
    outlive(waiting(Duration::from_mins(1)).events(3));
}
