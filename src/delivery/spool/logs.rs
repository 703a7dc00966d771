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
use super::segment::Segment;
use crate::event::StreamId;
use crate::record::Record;
use crate::store::log_line::log_line;

/// How much a spool may hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct SpoolLimits {
    pub(super) max_events: u64,
    pub(super) max_bytes: u64,
}

#[derive(Debug)]
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
    pub(super) fn prepare(&mut self) -> Result<(), SpoolError> {
        match self.waiting.prepare() {
            Err(error) if !matches!(error.kind(), StorageFull | QuotaExceeded) => {
                Err(SpoolError::io("make a file", error))
            }
            _ => Ok(()),
        }
    }

    /// Appends the first records that there is room for, durably, and returns how many.
    pub(super) fn push(&mut self, records: &[Record]) -> Result<usize, SpoolError> {
        let mut frames: Vec<_> = records.iter().map(frame::encode).collect();
        frames.truncate(self.room(&frames));
        if frames.is_empty() && !records.is_empty() {
            return Err(self.full());
        }
        self.append("keep records", &frames)?;
        Ok(frames.len())
    }

    /// Appends frames durably, all or none.
    fn append(&mut self, doing: &'static str, frames: &[Vec<u8>]) -> Result<(), SpoolError> {
        if !frames.is_empty() {
            let entries =
                self.waiting.append(frames).map_err(|error| SpoolError::io(doing, error))?;
            self.gauge.add(&entries);
        }
        Ok(())
    }

    /// How many of the first frames there is room for.
    fn room(&self, frames: &[Vec<u8>]) -> usize {
        let depth = self.gauge.figures().depth;
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
        let depth = self.gauge.figures().depth;
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
    ) -> Result<Rows, SpoolError> {
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
                    first_error = first_error.or(Some(SpoolError::io("read its front", error)));
                }
            }
        }
        if let Some(error) = first_error.clone() {
            let streams = failing.len();
            log_line!(error, %error, streams, "events in the spool cannot be read now: their streams wait");
        }
        first_error.filter(|_| rows.is_empty()).map_or(Ok(rows), Err)
    }

    /// Removes frames. Not durable.
    pub(super) fn remove(&mut self, places: &BTreeSet<u64>) {
        self.take_off(places, false);
    }

    fn take_off(&mut self, places: &BTreeSet<u64>, is_durable: bool) {
        let removed = self.waiting.remove(places);
        let oldest = self.waiting.entries().next().map(|(_, entry)| entry.created_at);
        self.gauge.subtract(&removed, oldest);
        if let Err(error) = self.waiting.reclaim(is_durable) {
            log_line!(warn, %error, "what left the spool comes back if the process is started again now");
        }
    }

    /// Moves frames to the refused ones, durably.
    ///
    /// A crash in between leaves them in both logs, and the database refuses them once more.
    pub(super) fn set_aside(&mut self, refused: &[(u64, String)]) -> Result<(), SpoolError> {
        const DOING: &str = "set records aside";
        let mut frames = Vec::with_capacity(refused.len());
        for (place, reason) in refused {
            let rows =
                self.waiting.rows(&[*place]).map_err(|error| SpoolError::io(DOING, error))?;
            for (_, bytes) in rows {
                match Frame::read(&bytes) {
                    Some(frame) => frames.push(frame.with_reason(reason)),
                    // Bytes that are no frame cannot be set aside, so we keep their file.
                    None => self.waiting.set_damaged(*place),
                }
            }
        }
        if !frames.is_empty() {
            self.refused.append(&frames).map_err(|error| SpoolError::io(DOING, error))?;
            self.gauge.show_set_aside(self.refused.left());
        }
        // Durably, or they would be refused once more after a restart, and listed twice.
        self.take_off(&refused.iter().map(|(place, _)| *place).collect(), true);
        Ok(())
    }

    /// Sets aside frames that hold no readable record.
    pub(super) fn set_unreadable_aside(&mut self, places: &[u64]) -> Result<(), SpoolError> {
        let refused: Vec<_> = places.iter().map(|place| (*place, UNREADABLE.to_owned())).collect();
        self.set_aside(&refused)?;
        let events = places.len();
        self.gauge.note(Recovery { unreadable: widened(events), ..Recovery::default() });
        log_line!(error, events, "records in the spool cannot be read back");
        Ok(())
    }

    /// Refused frames, from a place on.
    pub(super) fn refused(&self, from: u64, max: usize) -> Result<Rows, SpoolError> {
        let places = self.refused.entries().map(|(place, _)| place);
        let places: Vec<_> = places.filter(|place| *place >= from).take(max).collect();
        let rows = self.refused.rows(&places);
        rows.map_err(|error| SpoolError::io("read what was set aside", error))
    }

    /// Moves refused frames behind the waiting ones, durably, all or none, and returns how many.
    ///
    /// A crash in between leaves them in both logs, so that they wait and are still listed as refused.
    pub(super) fn put_back(&mut self, places: &BTreeSet<u64>) -> Result<u64, SpoolError> {
        const DOING: &str = "put records back";
        let places: Vec<_> = places.iter().copied().collect();
        let rows = self.refused.rows(&places).map_err(|error| SpoolError::io(DOING, error))?;
        let (mut frames, mut moved) = (Vec::new(), BTreeSet::new());
        for (place, bytes) in &rows {
            if let Some(frame) = Frame::read(bytes).filter(|frame| frame.record().is_some()) {
                frames.push(frame.with_reason(""));
                moved.insert(*place);
            }
        }
        if self.room(&frames) < frames.len() {
            return Err(self.full());
        }
        self.append(DOING, &frames)?;
        self.refused.remove(&moved);
        self.gauge.show_set_aside(self.refused.left());
        if let Err(error) = self.refused.reclaim(true) {
            log_line!(warn, %error, "records that were put back are listed as set aside after a restart");
        }
        Ok(widened(moved.len()))
    }

    /// Takes over a file that another process left, behind the others, and returns how many events wait in it. `None`
    /// if there is no room for them. An empty spool has room for any file.
    pub(super) fn take_over(&mut self, kind: LogKind, file: Segment) -> Option<u64> {
        if kind == LogKind::Refused {
            self.refused.push(file);
            self.gauge.show_set_aside(self.refused.left());
            return Some(0);
        }
        let depth = self.gauge.figures().depth;
        let (events, bytes) = (widened(file.left()), file.left_bytes());
        let fits = depth.events.saturating_add(events) <= self.limits.max_events
            && depth.bytes.saturating_add(bytes) <= self.limits.max_bytes;
        if depth.events > 0 && !fits {
            return None;
        }
        self.gauge.add(file.entries().map(|(_, entry)| entry));
        self.waiting.push(file);
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

/// The reason with which unreadable records are set aside.
const UNREADABLE: &str = "its bytes cannot be read back";
