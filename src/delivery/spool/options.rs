//! Opens a spool.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Mutex;

use super::error::SpoolError;
use super::gauge::Gauge;
use super::logs::{Logs, SpoolLimits};
use super::{Spool, SpoolFiles, blocking, folder};
use crate::store::log_line::log_line;

/// 1 GiB.
const DEFAULT_MAX_BYTES: u64 = 1 << 30;

const DEFAULT_MAX_EVENTS: u64 = 1_000_000;

impl Spool {
    /// Opens a file of the folder with the default limits: see [`SpoolOptions::open`].
    ///
    /// # Errors
    /// As [`SpoolOptions::open`].
    pub async fn open(folder: impl Into<PathBuf>) -> Result<Self, SpoolError> {
        Self::options(folder).open().await
    }

    /// Options to open the folder with.
    pub fn options(folder: impl Into<PathBuf>) -> SpoolOptions {
        let limits = SpoolLimits { max_events: DEFAULT_MAX_EVENTS, max_bytes: DEFAULT_MAX_BYTES };
        SpoolOptions { folder: folder.into(), limits }
    }
}

/// A spool that is not open yet.
#[derive(Clone, Debug)]
#[must_use = "options do nothing until they are opened"]
pub struct SpoolOptions {
    folder: PathBuf,
    limits: SpoolLimits,
}

impl SpoolOptions {
    /// Most events that may wait. Default: 1,000,000.
    pub fn max_events(mut self, max_events: u64) -> Self {
        self.limits.max_events = max_events;
        self
    }

    /// Most bytes of records that may wait. While events of some streams are held back, the files take up to four
    /// times as much. Default: 1 GiB.
    pub fn max_bytes(mut self, max_bytes: u64) -> Self {
        self.limits.max_bytes = max_bytes;
        self
    }

    /// Creates the folder if it is missing, and [takes over](Spool::adopt) the files of dead processes.
    ///
    /// Every byte of the files is read once. A damaged file is no error: its whole records wait, and
    /// [`Spool::recovery`] counts the damage.
    ///
    /// # Errors
    /// [`SpoolError::Io`] if the folder cannot be made, read or written, [`SpoolError::Interrupted`] outside
    /// of a Tokio runtime. A file that cannot be taken over is no error: it stays for the next time.
    pub async fn open(self) -> Result<Spool, SpoolError> {
        const DOING: &str = "make its folder";
        let Self { folder, limits } = self;
        let path = folder.clone();
        let made = blocking(DOING, move || folder::make(&path)).await?;
        made.map_err(|error| SpoolError::io(DOING, error))?;
        let gauge = Arc::new(Gauge::default());
        let logs = Arc::new(Mutex::new(Some(Logs::new(&folder, limits, gauge.clone()))));
        let spool = Spool(Arc::new(SpoolFiles { folder, logs, gauge }));
        if let Err(error) = spool.adopt().await {
            log_line!(warn, %error, "spool files that other processes left were not all taken over");
        }
        // If the folder is not writable, the host learns it now, and not during an outage.
        spool.locked("make a file", Logs::prepare).await?;
        Ok(spool)
    }
}
