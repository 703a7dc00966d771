//! Takes over what processes left behind that are no more.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::Mutex;

use super::error::SpoolError;
use super::gauge::Gauge;
use super::queue::{Limits, Queue};
use super::slot::{Slot, slots_with_events};
use super::widened;
use crate::store::log_line::log_line;

/// Records that are moved at once, and their bytes.
const CHUNK_ROWS: usize = 500;
const CHUNK_BYTES: usize = 4 << 20;

/// The left files' events are acknowledged: no limit may lose them.
const NO_LIMITS: Limits = Limits { max_events: u64::MAX, max_bytes: u64::MAX };

const DOING: &str = "look for left files";

/// Moves the events of every file of the folder that no process has into `own`; how many. A file that
/// fails does not keep back those behind it; the first error is returned once all were tried.
pub(super) fn adopt(
    folder: &Path,
    own: &Mutex<Option<Queue>>,
    gauge: &Gauge,
) -> Result<u64, SpoolError> {
    let own_number = with(own, |queue| Ok(queue.slot_number()))?;
    let numbers = slots_with_events(folder).map_err(|error| SpoolError::io(DOING, error))?;
    let (mut moved, mut first_error) = (0, None);
    for number in numbers.into_iter().filter(|number| *number != own_number) {
        let slot = Slot::take(folder, number).map_err(|error| SpoolError::io(DOING, error));
        let taken = slot
            .and_then(|slot| slot.map_or(Ok(()), |slot| take_over(slot, own, gauge, &mut moved)));
        match taken {
            Ok(()) => {}
            // What does not fit stays where it is, and safe: the next call goes on.
            Err(SpoolError::Full { .. }) => break,
            Err(SpoolError::Closed) => return Err(SpoolError::Closed),
            Err(error) => {
                let shown = error.to_string();
                log_line!(
                    error,
                    slot = number,
                    error = shown,
                    "a left spool file could not be adopted"
                );
                first_error.get_or_insert(error);
            }
        }
    }
    first_error.map_or(Ok(moved), Err)
}

/// Moves one left file's events. They are durable in `own` before they leave the left file: a crash
/// in between leaves some in both, and they go to the database twice, which knows them by their ids.
fn take_over(
    slot: Slot,
    own: &Mutex<Option<Queue>>,
    gauge: &Gauge,
    moved: &mut u64,
) -> Result<(), SpoolError> {
    let left_gauge = Arc::new(Gauge::new());
    let mut left = Queue::open(slot, NO_LIMITS, left_gauge.clone())?;
    gauge.figures().recovery.add(left_gauge.figures().recovery);
    let moved_all = move_rows(&mut left, own, moved);
    if moved_all.is_err() {
        // Where this fails too, what has moved moves again, and the database knows it by its ids.
        let _moves_again = left.flush();
    }
    moved_all.and_then(|()| left.delete())
}

fn move_rows(
    left: &mut Queue,
    own: &Mutex<Option<Queue>>,
    moved: &mut u64,
) -> Result<(), SpoolError> {
    loop {
        let rows = left.front(CHUNK_ROWS, CHUNK_BYTES)?;
        if rows.is_empty() {
            break;
        }
        with(own, |queue| queue.take_over(&rows))?;
        left.remove(&rows.iter().map(|(place, _)| *place).collect())?;
        *moved += widened(rows.len());
    }
    let mut from = 0;
    loop {
        let rows = left.aside(from, CHUNK_ROWS)?;
        let Some((last, ..)) = rows.last() else { break };
        from = last + 1;
        with(own, |queue| queue.take_over_aside(&rows))?;
    }
    Ok(())
}

/// Works on the own file. The lock is let go between two chunks, so that adopting holds up no push.
fn with<T>(
    own: &Mutex<Option<Queue>>,
    work: impl FnOnce(&mut Queue) -> Result<T, SpoolError>,
) -> Result<T, SpoolError> {
    work(own.blocking_lock().as_mut().ok_or(SpoolError::Closed)?)
}
