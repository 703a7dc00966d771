//! Takes over the files that dead processes left.

use std::path::Path;
use std::thread;
use std::time::Duration;

use tokio::sync::Mutex;

use super::error::SpoolError;
use super::folder;
use super::gauge::Gauge;
use super::logs::{Logs, open};
use super::segment::Segment;
use crate::store::log_line::log_line;

/// A child that a dead process had just forked holds the locks until it runs its own program. So we try again this
/// often, over all files.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(10);

pub(super) const DOING: &str = "take over left files";

/// Takes over every file of the folder that no process has, in the order of their numbers, and returns how many events
/// wait in them. A file that fails does not stop the others; the first error is returned after all were tried.
pub(super) fn adopt(
    folder: &Path,
    logs: &Mutex<Option<Logs>>,
    gauge: &Gauge,
) -> Result<u64, SpoolError> {
    let failed = |error| SpoolError::io(DOING, error);
    let (mut events, mut first_error, mut tries) = (0, None, TRIES);
    for (_, kind, path) in folder::files(folder).map_err(failed)? {
        // Read without the lock on the logs, so that pushes need not wait.
        let mut taken = Segment::take(&path);
        while matches!(taken, Ok(None)) && tries > 0 {
            tries -= 1;
            thread::sleep(PAUSE);
            taken = Segment::take(&path);
        }
        match taken {
            Ok(Some((file, recovery))) => {
                gauge.note(recovery);
                match open(&mut logs.blocking_lock())?.take_over(kind, file) {
                    Some(taken) => events += taken,
                    // Dropping the file releases its lock, and the next call tries again.
                    None => break,
                }
            }
            // A process has it, perhaps this one.
            Ok(None) => {}
            Err(error) => {
                let error = failed(error);
                first_error = first_error.or(Some(error.clone()));
                log_line!(error, %error, "a left spool file cannot be taken over");
            }
        }
    }
    // Some are empty, because their process died before it could delete them.
    let reclaimed = open(&mut logs.blocking_lock())?.reclaim();
    first_error.map_or(reclaimed.map(|()| events).map_err(failed), Err)
}
