//! How a spool is opened.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Mutex;

use super::error::SpoolError;
use super::gauge::Gauge;
use super::queue::{Limits, Queue};
use super::slot::{Slot, private_folder};
use super::{Inner, Spool, blocking};
use crate::store::log_line::log_line;

/// Most bytes of records that a spool holds where nothing else is said: 1 GiB.
const DEFAULT_MAX_BYTES: u64 = 1 << 30;

/// Most events that a spool holds where nothing else is said.
const DEFAULT_MAX_EVENTS: u64 = 1_000_000;

/// A spool that is not open yet.
#[derive(Clone, Debug)]
#[must_use = "options do nothing until they are opened"]
pub struct SpoolOptions {
    folder: PathBuf,
    limits: Limits,
}

impl SpoolOptions {
    pub(super) fn new(folder: PathBuf) -> Self {
        let limits = Limits { max_events: DEFAULT_MAX_EVENTS, max_bytes: DEFAULT_MAX_BYTES };
        Self { folder, limits }
    }

    /// Most events that may wait. Default: 1,000,000.
    pub fn max_events(mut self, max_events: u64) -> Self {
        self.limits.max_events = max_events;
        self
    }

    /// Most bytes of records that may wait. The file needs more: up to twice as much for a while.
    /// Default: 1 GiB.
    pub fn max_bytes(mut self, max_bytes: u64) -> Self {
        self.limits.max_bytes = max_bytes;
        self
    }

    /// Opens a file of the folder, and [adopts](Spool::adopt) what others left there.
    ///
    /// Every byte of the file is read once. A damaged file is no error: what is whole in it is
    /// recovered, and [`Spool::recovery`] tells.
    ///
    /// # Errors
    /// [`SpoolError::Io`] where the folder or the file cannot be made, read or written,
    /// [`SpoolError::Interrupted`] outside of a Tokio runtime. A file that cannot be adopted is no
    /// error: it stays for the next time.
    pub async fn open(self) -> Result<Spool, SpoolError> {
        const DOING: &str = "open its file";
        let gauge = Arc::new(Gauge::new());
        let Self { folder, limits } = self;
        let (path, shown) = (folder.clone(), gauge.clone());
        let queue = blocking(DOING, move || {
            private_folder(&path).map_err(|error| SpoolError::io("make its folder", error))?;
            let slot = Slot::first_free(&path).map_err(|error| SpoolError::io(DOING, error))?;
            Queue::open(slot, limits, shown)
        })
        .await?;
        let queue = Arc::new(Mutex::new(Some(queue)));
        let spool = Spool(Arc::new(Inner { folder, queue, gauge }));
        if let Err(error) = spool.adopt().await {
            log_line!(warn, %error, "spool files that other processes left were not adopted");
        }
        Ok(spool)
    }
}
