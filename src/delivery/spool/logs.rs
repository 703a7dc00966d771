//! The logs of waiting and of refused records, with the limits. Everything here blocks, under one lock.

use std::collections::{BTreeSet, HashSet};
use std::io::{
    self,
    ErrorKind::{QuotaExceeded, StorageFull},
};
use std::path::Path;
use std::sync::Arc;

use super::error::SpoolError;
use super::folder::LogKind;
use super::frame::{self, Frame, widened};
use super::gauge::Gauge;
use super::log::{Log, Rows};
use super::recovery::Recovery;
use super::segment::{FrameEntry, Segment};
use crate::event::StreamId;
use crate::record::Record;
use crate::store::log_line::log_line;

/// How much a spool may hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct SpoolLimits {
    pub(super) max_events: u64,
    pub(super) max_bytes: u64,
}

pub(super) struct Logs {
    limits: SpoolLimits,
    gauge: Arc<Gauge>,
    waiting: Log,
    refused: Log,
}

impl Logs {
    pub(super) fn new(folder: &Path, limits: SpoolLimits, gauge: Arc<Gauge>) -> Self {
        let log = |kind| Log::new(folder, kind);
        Self { limits, gauge, waiting: log(LogKind::Waiting), refused: log(LogKind::Refused) }
    }

    /// Creates the file for the first push, if the disk has room.
    pub(super) fn prepare(&mut self) -> io::Result<()> {
        match self.waiting.prepare() {
            Err(error) if matches!(error.kind(), StorageFull | QuotaExceeded) => Ok(()),
            prepared => prepared,
        }
    }

    /// Appends the first records that there is room for, durably, and returns how many.
    pub(super) fn push(&mut self, records: &[Record]) -> io::Result<Result<usize, SpoolError>> {
        let mut frames: Vec<_> = records.iter().map(frame::encode).collect();
        frames.truncate(self.room(&frames));
        if frames.is_empty() && !records.is_empty() {
            return Ok(Err(self.full()));
        }
        self.append(&frames)?;
        Ok(Ok(frames.len()))
    }

    /// Appends frames durably, all or none.
    fn append(&mut self, frames: &[Vec<u8>]) -> io::Result<()> {
        if !frames.is_empty() {
            let entries = self.waiting.append(frames)?;
            self.show(&entries, &[]);
        }
        Ok(())
    }

    /// Shows what is in the spool, after entries were added or removed.
    fn show(&self, added: &[FrameEntry], removed: &[FrameEntry]) {
        self.gauge.show(added, removed, self.waiting.depth(), self.refused.depth().events);
    }

    /// How many of the first frames there is room for.
    fn room(&self, frames: &[Vec<u8>]) -> usize {
        let depth = self.waiting.depth();
        let events = self.limits.max_events.saturating_sub(depth.events);
        let mut bytes = self.limits.max_bytes.saturating_sub(depth.bytes);
        let fits = |frame: &&Vec<u8>| {
            let left = bytes.checked_sub(widened(frame.len()));
            bytes = left.unwrap_or_default();
            left.is_some()
        };
        let events = usize::try_from(events).unwrap_or(usize::MAX);
        frames.iter().take(events).take_while(fits).count()
    }

    fn full(&self) -> SpoolError {
        let SpoolLimits { max_events, max_bytes } = self.limits;
        let depth = self.waiting.depth();
        SpoolError::Full { events: depth.events, bytes: depth.bytes, max_events, max_bytes }
    }

    /// The oldest frames of streams that are not `held`: at most `max_events` and `max_bytes`, but at least one if there
    /// is any.
    ///
    /// A frame that the disk does not return now delays only its stream, and may be readable next time.
    pub(super) fn front(
        &self,
        held: &HashSet<StreamId>,
        max_events: usize,
        max_bytes: usize,
    ) -> io::Result<Rows> {
        let (mut rows, mut bytes) = (Rows::new(), 0_u64);
        let (mut failing, mut first_error) = (HashSet::new(), None);
        for (place, entry) in self.waiting.entries() {
            if held.contains(&entry.stream_id) || failing.contains(&entry.stream_id) {
                continue;
            }
            bytes = bytes.saturating_add(entry.len);
            let is_full = rows.len() >= max_events || bytes > widened(max_bytes);
            if !rows.is_empty() && is_full {
                break;
            }
            match self.waiting.read(place) {
                Ok(frame) => rows.extend(frame.map(|frame| (place, frame))),
                Err(error) => {
                    failing.insert(entry.stream_id);
                    first_error = first_error.or(Some(error));
                }
            }
        }
        let Some(error) = first_error else { return Ok(rows) };
        let (streams, why) = (failing.len(), error.to_string());
        log_line!(
            error,
            error = why,
            streams,
            "events in the spool cannot be read now: their streams wait"
        );
        if rows.is_empty() { Err(error) } else { Ok(rows) }
    }

    /// Removes waiting frames.
    pub(super) fn take_off(&mut self, places: &BTreeSet<u64>, is_durable: bool) {
        let removed = self.waiting.remove(places);
        self.show(&[], &removed);
        if let Err(error) = self.waiting.reclaim(is_durable) {
            log_line!(warn, %error, "what left the spool comes back if the process is started again now");
        }
    }

    /// Moves frames to the refused ones, durably.
    ///
    /// A crash in between leaves them in both logs, and the database refuses them once more.
    pub(super) fn set_aside(&mut self, refused: &[(u64, String)]) -> io::Result<()> {
        let mut frames = Vec::with_capacity(refused.len());
        for (place, reason) in refused {
            let Some(bytes) = self.waiting.read(*place)? else { continue };
            match Frame::read(&bytes) {
                Some(frame) => frames.push(frame.with_reason(reason)),
                // Bytes that are no frame cannot be set aside, so we keep their file.
                None => self.waiting.set_damaged(*place),
            }
        }
        if !frames.is_empty() {
            self.refused.append(&frames)?;
        }
        // Durably, or they would be refused once more after a restart, and listed twice.
        self.take_off(&refused.iter().map(|(place, _)| *place).collect(), true);
        Ok(())
    }

    /// Sets aside frames that hold no readable record.
    pub(super) fn set_unreadable_aside(&mut self, places: &[u64]) -> io::Result<()> {
        let refused: Vec<_> = places.iter().map(|place| (*place, UNREADABLE.to_owned())).collect();
        self.set_aside(&refused)?;
        let events = places.len();
        self.gauge.note(Recovery { unreadable: widened(events), ..Recovery::default() });
        log_line!(error, events, "records in the spool cannot be read back");
        Ok(())
    }

    /// Refused frames, from a place on.
    pub(super) fn refused(&self, from: u64, max: usize) -> io::Result<Rows> {
        let places = self.refused.entries().map(|(place, _)| place);
        self.refused.rows(places.filter(|place| *place >= from).take(max))
    }

    /// Moves refused frames behind the waiting ones, durably, all or none, and returns how many.
    ///
    /// A crash in between leaves them in both logs, so that they wait and are still listed as refused.
    pub(super) fn put_back(
        &mut self,
        places: &BTreeSet<u64>,
    ) -> io::Result<Result<u64, SpoolError>> {
        let (mut frames, mut moved) = (Vec::new(), BTreeSet::new());
        for (place, bytes) in self.refused.rows(places.iter().copied())? {
            if let Some(frame) = Frame::read(&bytes).filter(|frame| frame.record().is_some()) {
                frames.push(frame.with_reason(""));
                moved.insert(place);
            }
        }
        if self.room(&frames) < frames.len() {
            return Ok(Err(self.full()));
        }
        self.append(&frames)?;
        self.refused.remove(&moved);
        self.show(&[], &[]);
        if let Err(error) = self.refused.reclaim(true) {
            log_line!(warn, %error, "records that were put back are listed as set aside after a restart");
        }
        Ok(Ok(widened(moved.len())))
    }

    /// Takes over a file that another process left, behind the others, and returns how many events wait in it. `None`
    /// if there is no room for them. An empty spool has room for any file.
    pub(super) fn take_over(&mut self, kind: LogKind, file: Segment) -> Option<u64> {
        if kind == LogKind::Refused {
            self.refused.push(file);
            self.show(&[], &[]);
            return Some(0);
        }
        let depth = self.waiting.depth();
        let (events, bytes) = (widened(file.left()), file.left_bytes());
        let fits = depth.events.saturating_add(events) <= self.limits.max_events
            && depth.bytes.saturating_add(bytes) <= self.limits.max_bytes;
        if depth.events > 0 && !fits {
            return None;
        }
        let added: Vec<_> = file.entries().map(|(_, entry)| *entry).collect();
        self.waiting.push(file);
        self.show(&added, &[]);
        Some(events)
    }

    /// Deletes empty files.
    pub(super) fn reclaim(&mut self) -> io::Result<()> {
        self.waiting.reclaim(false).and(self.refused.reclaim(false))
    }

    /// Makes removals durable, and releases the files.
    pub(super) fn close(&mut self) -> io::Result<()> {
        self.waiting.close().and(self.refused.close())
    }
}

/// The logs, unless the spool was closed.
pub(super) fn open(logs: &mut Option<Logs>) -> Result<&mut Logs, SpoolError> {
    logs.as_mut().ok_or(SpoolError::Closed)
}

/// The reason with which unreadable records are set aside.
const UNREADABLE: &str = "its bytes cannot be read back";
