//! The spool: a folder of local files that keep sealed records while the database is away.
//!
//! ```text
//! Spool ── Logs ─┬─ Log (waiting) ── Segment, Segment, … ── frame, frame, …
//!                └─ Log (refused) ── Segment, …
//! ```
//!
//! Each process has its own files, and a lock on each. A push appends frames to the last file and syncs
//! it. A file is deleted once none of its records waits. A file that a dead process left is taken over as
//! it is. Each frame can be checked by itself, and that is the only safety net. An embedded database would
//! write more, sync twice, and need a second reader for when its tree is damaged.

mod adopt;
mod error;
mod folder;
mod frame;
mod gauge;
mod log;
mod logs;
mod options;
mod recovery;
mod scan;
mod segment;

use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::Mutex;

pub use self::error::SpoolError;
use self::frame::Frame;
use self::gauge::Gauge;
pub use self::gauge::SpoolDepth;
use self::log::Rows;
use self::logs::{Logs, open};
pub use self::options::SpoolOptions;
pub use self::recovery::Recovery;
use crate::event::StreamId;
use crate::record::Record;

/// Longest reason that is kept with a record that was set aside, in bytes.
const REASON_LEN_MAX: usize = 1000;

/// Records on the local disk, in order, until the database has them. Cheap to clone; clones share
/// the files. Needs a Tokio runtime.
///
/// **The folder holds personal data**, as the events do. The spool creates it readable for its user alone
/// (mode 0700), and its files too (0600). It must be on a local disk. A waiting event takes some 50 bytes
/// of memory.
///
/// # Guarantees
/// - A record that `push` kept survives a crash of the process or the machine and a loss of power, if the disk
///   keeps what it acknowledged, until it is [removed](Self::remove), and also if it is
///   [set aside](Self::set_aside).
/// - Records come back in the order in which they were pushed.
/// - After a crash, or from a damaged file, a record may come back that was removed, or whose `push` failed.
///   So a drain must append by event id, as [`AuditSink`](crate::store::AuditSink) does.
///
/// # Cancel safety
/// A future that is dropped while it waits for its turn does nothing. Once its turn has come, the work
/// completes even if the future is dropped.
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use moltbot_audit::delivery::Spool;
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path().join("spool");
///
/// let spool = Spool::options(folder).max_events(100_000).open().await?;
/// for spooled in spool.front(500, 1 << 20).await? {
///     // … append spooled.record to the database, and then:
///     spool.remove([spooled.place]).await?;
/// }
/// assert_eq!(spool.depth().events, 0);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Spool(Arc<SpoolFiles>);

struct SpoolFiles {
    folder: PathBuf,
    /// `None` once closed. The lock is fair, so pushes keep their order.
    logs: Arc<Mutex<Option<Logs>>>,
    gauge: Arc<Gauge>,
}

/// A record in the spool.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Spooled {
    /// Its place. Places grow, and none is given out twice while the spool is open.
    pub place: u64,
    /// The record.
    pub record: Record,
}

/// A record that was set aside, for people to look at.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SetAside {
    /// Its place among those set aside.
    pub place: u64,
    /// Why.
    pub reason: String,
    /// The record, or `None` if its bytes cannot be read back.
    pub record: Option<Record>,
}

impl Spool {
    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.0.folder
    }

    /// Keeps the first records that there is room for, in order, and returns how many. They are durable when this
    /// returns `Ok`.
    ///
    /// # Errors
    /// [`SpoolError::Full`] if there is no room for the first. [`SpoolError::Io`] if the file system fails,
    /// because the disk is full, for example. None is acknowledged then, but they may still come back.
    pub async fn push(&self, records: impl Into<Vec<Record>>) -> Result<usize, SpoolError> {
        let records = records.into();
        self.locked("keep records", move |logs| logs.push(&records)).await?
    }

    /// The oldest records, in order: at most `max_events` and `max_bytes`, but at least one if there is any.
    /// They stay in the spool.
    ///
    /// A record that a newer release of this crate wrote in a format that this one does not know is set aside;
    /// that release can [put it back](Self::put_back). [`recovery`](Self::recovery) counts records whose bytes
    /// the disk lost. Neither delays later records. A record that the disk does not return now delays its stream
    /// alone.
    ///
    /// # Errors
    /// [`SpoolError`] if nothing can be read.
    pub async fn front(
        &self,
        max_events: usize,
        max_bytes: usize,
    ) -> Result<Vec<Spooled>, SpoolError> {
        self.front_without(HashSet::new(), max_events, max_bytes).await
    }

    /// As [`front`](Self::front), without the streams in `held`.
    ///
    /// # Errors
    /// [`SpoolError`] if nothing can be read.
    pub async fn front_without(
        &self,
        held: HashSet<StreamId>,
        max_events: usize,
        max_bytes: usize,
    ) -> Result<Vec<Spooled>, SpoolError> {
        const DOING: &str = "read its front";
        let held = Arc::new(held);
        loop {
            let held = Arc::clone(&held);
            let front = move |logs: &mut Logs| logs.front(&held, max_events, max_bytes);
            let rows = self.locked(DOING, front).await?;
            if rows.is_empty() {
                return Ok(Vec::new());
            }
            // Without the lock, so that pushes need not wait while the hashes are checked.
            let (whole, unreadable) = blocking(DOING, move || read(rows)).await?;
            if !unreadable.is_empty() {
                self.locked(DOING, move |logs| logs.set_unreadable_aside(&unreadable)).await?;
            }
            if !whole.is_empty() {
                return Ok(whole);
            }
        }
    }

    /// Removes records that the database has. Places without a record are ignored.
    ///
    /// This is not durable at once. After a crash some come back, and appending them again changes
    /// nothing, because the database knows their ids. It works on a full disk.
    ///
    /// # Errors
    /// [`SpoolError::Closed`], and [`SpoolError::Interrupted`].
    pub async fn remove(&self, places: impl IntoIterator<Item = u64>) -> Result<(), SpoolError> {
        let places: BTreeSet<u64> = places.into_iter().collect();
        let remove = move |logs: &mut Logs| {
            logs.take_off(&places, false);
            Ok(())
        };
        self.locked("remove records", remove).await
    }

    /// Sets records aside that the database refuses for good, so that they delay no other: all or none,
    /// durably, each by its place and with its reason. They are kept for people, with the first 1,000
    /// bytes of the reason, and nothing deletes them. Places without a waiting record are ignored.
    ///
    /// # Errors
    /// [`SpoolError`] if the file cannot be written.
    pub async fn set_aside(
        &self,
        refused: impl IntoIterator<Item = (u64, impl AsRef<str>)>,
    ) -> Result<(), SpoolError> {
        let refused = refused.into_iter().map(|(place, reason)| {
            let reason = reason.as_ref();
            (place, reason[..reason.floor_char_boundary(REASON_LEN_MAX)].to_owned())
        });
        let refused: Vec<_> = refused.collect();
        self.locked("set records aside", move |logs| logs.set_aside(&refused)).await
    }

    /// The records that were set aside, from the place `from` on, at most `max_records`. Once the cause of the
    /// refusal is repaired, [`put_back`](Self::put_back) queues them for the database again.
    ///
    /// # Errors
    /// [`SpoolError`] if the file cannot be read.
    pub async fn set_aside_records(
        &self,
        from: u64,
        max_records: usize,
    ) -> Result<Vec<SetAside>, SpoolError> {
        let rows =
            self.locked("read what was set aside", move |logs| logs.refused(from, max_records));
        let aside = rows.await?.into_iter().map(|(place, bytes)| {
            let frame = Frame::read(&bytes);
            let reason = frame.map(|frame| frame.reason()).unwrap_or_default();
            SetAside { place, reason, record: frame.and_then(|frame| frame.record()) }
        });
        Ok(aside.collect())
    }

    /// Moves records that were set aside behind the waiting ones, so that the database gets them again: all
    /// or none, durably, in the order of their places. Returns how many. They get new places, and lose their
    /// reasons.
    ///
    /// Records that cannot be read back stay set aside, and places without a record are ignored. The records
    /// are held in memory meanwhile and pushes wait, so move some hundreds at a time.
    ///
    /// # Errors
    /// [`SpoolError::Full`] if they are more than the limits allow, and [`SpoolError`] if the file cannot be
    /// read or written. All stay set aside then.
    ///
    /// # Examples
    /// ```
    /// # use moltbot_audit::delivery::{Spool, SpoolError};
    /// # async fn retry(spool: &Spool) -> Result<u64, SpoolError> {
    /// let aside = spool.set_aside_records(0, 500).await?;
    /// let repaired = aside.iter().filter(|one| one.reason.contains("unknown request"));
    /// spool.put_back(repaired.map(|one| one.place)).await
    /// # }
    /// ```
    pub async fn put_back(&self, places: impl IntoIterator<Item = u64>) -> Result<u64, SpoolError> {
        let places: BTreeSet<u64> = places.into_iter().collect();
        self.locked("put records back", move |logs| logs.put_back(&places)).await?
    }

    /// How many records were set aside. No I/O.
    #[must_use]
    pub fn set_aside_count(&self) -> u64 {
        self.0.gauge.lock().set_aside
    }

    /// Returns true if an event of the stream waits. Pushes that have not returned are not counted. No I/O.
    #[must_use]
    pub fn holds(&self, stream_id: StreamId) -> bool {
        self.0.gauge.lock().holds(stream_id)
    }

    /// How much is in the spool. No I/O.
    #[must_use]
    pub fn depth(&self) -> SpoolDepth {
        self.0.gauge.lock().depth
    }

    /// What was found damaged, and recovered, since the spool was opened. No I/O.
    #[must_use]
    pub fn recovery(&self) -> Recovery {
        self.0.gauge.lock().recovery
    }

    /// Takes over the files of dead processes. Their events wait behind this spool's, in order, and what they
    /// had set aside is set aside here. Returns how many events wait in them.
    ///
    /// A file that does not fit into this spool's limits stays for the next call; an empty spool has room for
    /// any. A file that fails also stays, and does not stop the others.
    ///
    /// # Errors
    /// [`SpoolError`] if a file cannot be read or written: the first such error, after every file was tried.
    /// Each is logged.
    pub async fn adopt(&self) -> Result<u64, SpoolError> {
        let SpoolFiles { folder, logs, gauge } = &*self.0;
        let (folder, logs, gauge) = (folder.clone(), logs.clone(), gauge.clone());
        blocking(adopt::DOING, move || adopt::adopt(&folder, &logs, &gauge)).await?
    }

    /// Waits for running calls, makes removals durable, and releases the files for other processes. Later
    /// calls fail with [`SpoolError::Closed`]; the counts stay.
    ///
    /// # Errors
    /// [`SpoolError`] if removals cannot be made durable. Those records come back then.
    pub async fn close(&self) -> Result<(), SpoolError> {
        const DOING: &str = "close its files";
        let Some(mut logs) = self.0.logs.lock().await.take() else { return Ok(()) };
        let closed = blocking(DOING, move || logs.close()).await?;
        closed.map_err(|error| SpoolError::io(DOING, error))
    }

    /// Does `work` on the files when its turn has come.
    async fn locked<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&mut Logs) -> io::Result<T> + Send + 'static,
    ) -> Result<T, SpoolError> {
        let mut logs = self.0.logs.clone().lock_owned().await;
        let done = blocking(doing, move || open(&mut logs).map(work)).await??;
        done.map_err(|error| SpoolError::io(doing, error))
    }
}

impl fmt::Debug for Spool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spool")
            .field("folder", &self.0.folder)
            .field("depth", &self.depth())
            .finish_non_exhaustive()
    }
}

/// Runs blocking work on a thread for it. The work completes even if this future is dropped.
async fn blocking<T: Send + 'static>(
    doing: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, SpoolError> {
    let runtime = Handle::try_current().map_err(|_| SpoolError::Interrupted { doing })?;
    runtime.spawn_blocking(work).await.map_err(|_| SpoolError::Interrupted { doing })
}

/// The records of rows, and the places of rows that hold no readable record.
fn read(rows: Rows) -> (Vec<Spooled>, Vec<u64>) {
    let (mut whole, mut unreadable) = (Vec::new(), Vec::new());
    for (place, bytes) in rows {
        match Frame::read(&bytes).and_then(|frame| frame.record()) {
            Some(record) => whole.push(Spooled { place, record }),
            None => unreadable.push(place),
        }
    }
    (whole, unreadable)
}
