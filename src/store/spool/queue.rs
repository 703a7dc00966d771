//! The spool's one file with its rows, in order. Everything here blocks, and one caller has it at a
//! time.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;

use super::error::{Fault, SpoolError, guarded};
use super::file::{self, SpoolFile};
use super::frame::{self, Head};
use super::gauge::{Count, Gauge};
use super::rows::{self, AsideRow, Rows};
use super::salvage::remove_if_there;
use super::slot::Slot;
use crate::record::Record;

/// Removals that wait in memory for a transaction. After a crash so many go to the database again.
const REMOVED_MAX: usize = 1024;

/// An empty file is kept up to this length, in bytes.
const EMPTY_LEN_MAX: u64 = 16 << 20;

/// How much a spool may hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) max_events: u64,
    pub(super) max_bytes: u64,
}

pub(super) struct Queue {
    slot: Slot,
    limits: Limits,
    gauge: Arc<Gauge>,
    /// `None` after a fault: redb refuses a file on which a write failed until it is opened again.
    file: Option<SpoolFile>,
    /// The next record's place. Places of a failed push are not given out again.
    next_place: u64,
    /// The first place behind what was acknowledged.
    acknowledged: Option<u64>,
    /// No row before this place waits.
    first: u64,
    /// Rows that are in the file, and gone. Reading passes them over, so that a full disk does not
    /// keep the spool from being drained.
    removed: BTreeSet<u64>,
}

impl Queue {
    pub(super) fn open(slot: Slot, limits: Limits, gauge: Arc<Gauge>) -> Result<Self, SpoolError> {
        let mut queue = Self {
            slot,
            limits,
            gauge,
            file: None,
            next_place: 0,
            acknowledged: None,
            first: 0,
            removed: BTreeSet::new(),
        };
        queue.opened("open its file")?;
        Ok(queue)
    }

    pub(super) fn slot_number(&self) -> u32 {
        self.slot.number()
    }

    /// Appends records, all or none, durably.
    pub(super) fn push(&mut self, records: &[Record]) -> Result<(), SpoolError> {
        const DOING: &str = "keep records";
        self.opened(DOING)?;
        let places = self.next_place..;
        let frames = places.zip(records).map(|(place, record)| frame::encode(place, record));
        self.append(DOING, &frames.collect::<Vec<_>>())
    }

    /// Appends rows of another file, durably; those that cannot be read are set aside.
    pub(super) fn take_over(&mut self, rows: &Rows) -> Result<(), SpoolError> {
        const DOING: &str = "adopt records";
        self.opened(DOING)?;
        let (mut frames, mut unreadable) = (Vec::new(), Vec::new());
        for (place, bytes) in rows {
            match Head::read(bytes).and_then(|head| Some((head, head.record(bytes)?))) {
                Some((head, record)) => {
                    let at = self.next_place + length(frames.len());
                    frames.push(frame::moved(at, &head, record));
                }
                None => unreadable.push((*place, UNREADABLE.to_owned(), bytes.clone())),
            }
        }
        self.append(DOING, &frames)?;
        self.take_over_aside(&unreadable)?;
        self.gauge.figures().recovery.unreadable += length(unreadable.len());
        Ok(())
    }

    /// Adds rows that were set aside in another file, durably.
    pub(super) fn take_over_aside(&mut self, rows: &[AsideRow]) -> Result<(), SpoolError> {
        if rows.is_empty() {
            return Ok(());
        }
        let first = self.next_place;
        self.next_place += length(rows.len());
        self.work("adopt records that were set aside", |_, file| {
            rows::insert_aside(file.for_writing()?, first, rows)
        })?;
        self.gauge.figures().set_aside += length(rows.len());
        Ok(())
    }

    /// The oldest rows.
    pub(super) fn front(&mut self, max_rows: usize, max_bytes: usize) -> Result<Rows, SpoolError> {
        let rows = self.work("read its front", |this, file| {
            rows::front(file.db(), this.first, &this.removed, max_rows, max_bytes)
        })?;
        self.first = rows.first().map_or(self.next_place, |(place, _)| *place);
        Ok(rows)
    }

    /// Drops rows, where they are there. Not durable until a later write.
    pub(super) fn remove(&mut self, places: &BTreeSet<u64>) -> Result<(), SpoolError> {
        let heads = self.work("remove records", |this, file| {
            rows::heads(file.db(), places.difference(&this.removed).copied())
        })?;
        for (place, len, head) in heads {
            self.removed.insert(place);
            self.gauge.subtract(len, head.as_ref());
        }
        if self.gauge.figures().depth.events == 0 {
            self.tidy_empty();
        } else if self.removed.len() >= REMOVED_MAX {
            // Where it fails they wait on, and after a crash go to the database again.
            let _waits = self.flush();
        }
        self.refresh_oldest();
        Ok(())
    }

    /// Moves rows to those that are kept for people, durably; how many were there.
    pub(super) fn set_aside(&mut self, rows: &[(u64, &str)]) -> Result<u64, SpoolError> {
        let moved = self.work("set a record aside", |this, file| {
            let there = rows.iter().filter(|(place, _)| !this.removed.contains(place));
            rows::set_aside(file.for_writing()?, &there.copied().collect::<Vec<_>>())
        })?;
        for (_, bytes) in &moved {
            self.gauge.subtract(length(bytes.len()), Head::read(bytes).as_ref());
        }
        self.gauge.figures().set_aside += length(moved.len());
        self.refresh_oldest();
        Ok(length(moved.len()))
    }

    /// Sets rows aside that cannot be read back.
    pub(super) fn set_unreadable_aside(&mut self, places: &[u64]) -> Result<(), SpoolError> {
        let rows: Vec<_> = places.iter().map(|place| (*place, UNREADABLE)).collect();
        let moved = self.set_aside(&rows)?;
        self.gauge.figures().recovery.unreadable += moved;
        tracing::error!(moved, "records in the spool cannot be read back, and were set aside");
        Ok(())
    }

    /// Rows that were set aside.
    pub(super) fn aside(&mut self, from: u64, max: usize) -> Result<Vec<AsideRow>, SpoolError> {
        self.work("read what was set aside", |_, file| rows::aside(file.db(), from, max))
    }

    /// Makes removals durable.
    pub(super) fn flush(&mut self) -> Result<(), SpoolError> {
        if self.removed.is_empty() { Ok(()) } else { self.append("remove records", &[]) }
    }

    /// Deletes the file, of which everything was moved elsewhere.
    pub(super) fn delete(mut self) -> Result<(), SpoolError> {
        self.let_go();
        let deleted = remove_if_there(&self.slot.file()).and_then(|()| self.slot.sync_folder());
        deleted.map_err(|error| SpoolError::io("delete an adopted file", error))
    }

    fn append(&mut self, doing: &'static str, frames: &[Vec<u8>]) -> Result<(), SpoolError> {
        self.admit(frames)?;
        // A file that is still held back is not thrown away because the disk is full.
        let writable = self.opened(doing)?.for_writing().map(drop);
        writable.map_err(|error| SpoolError::io(doing, error))?;
        let first = self.next_place;
        self.next_place += length(frames.len());
        self.work(doing, |this, file| {
            let rows = (first..).zip(frames.iter().map(Vec::as_slice));
            rows::insert(file.for_writing()?, rows, &this.removed, this.next_place)
        })?;
        self.acknowledged = Some(self.next_place);
        self.removed.clear();
        for frame in frames {
            if let Some(head) = Head::read(frame) {
                self.gauge.add(length(frame.len()), &head);
            }
        }
        Ok(())
    }

    fn admit(&self, frames: &[Vec<u8>]) -> Result<(), SpoolError> {
        let Limits { max_events, max_bytes } = self.limits;
        let depth = self.gauge.figures().depth;
        let (events, bytes) = (depth.events, depth.bytes);
        let more_bytes: usize = frames.iter().map(Vec::len).sum();
        let fits = events.saturating_add(length(frames.len())) <= max_events
            && bytes.saturating_add(length(more_bytes)) <= max_bytes;
        if frames.is_empty() || fits {
            Ok(())
        } else {
            Err(SpoolError::Full { events, bytes, max_events, max_bytes })
        }
    }

    /// Gives back the disk that an outage took, once nothing waits any more.
    fn tidy_empty(&mut self) {
        let path = self.slot.file();
        let is_large = fs::metadata(&path).is_ok_and(|file| file.len() > EMPTY_LEN_MAX);
        let is_stuck = self.flush().is_err();
        if !is_large && !is_stuck {
            return;
        }
        if self.gauge.figures().set_aside > 0 {
            if self.file.as_mut().is_some_and(|file| file.compact().is_err()) {
                self.let_go();
            }
            return;
        }
        // Everything in it is in the database: a crash from here on leaves no file, or an empty one.
        self.let_go();
        if remove_if_there(&path).is_ok() {
            self.removed.clear();
            self.acknowledged = Some(0);
        }
    }

    fn refresh_oldest(&mut self) {
        let is_empty = self.gauge.figures().depth.events == 0;
        // What fails here is met again by the next call that needs it.
        let oldest = if is_empty { Rows::new() } else { self.front(1, 0).unwrap_or_default() };
        let head = oldest.first().and_then(|(_, bytes)| Head::read(bytes));
        self.gauge.figures().depth.oldest_at = head.map(|head| head.created_at);
    }

    /// Closes the file. Closing writes, and on a damaged tree that can panic.
    fn let_go(&mut self) {
        let file = self.file.take();
        let _closed = guarded(|| {
            drop(file);
            Ok(())
        });
    }

    /// Does `work` on the open file. Where that finds it damaged, the file is opened anew, which
    /// salvages it, and the work is done once more.
    fn work<T>(
        &mut self,
        doing: &'static str,
        work: impl Fn(&Self, &SpoolFile) -> Result<T, Fault>,
    ) -> Result<T, SpoolError> {
        for _ in 0..2 {
            self.opened(doing)?;
            let Some(file) = &self.file else { break };
            match guarded(|| work(self, file)) {
                Ok(done) => return Ok(done),
                Err(Fault::Io(error)) => {
                    self.let_go();
                    return Err(SpoolError::io(doing, error));
                }
                Err(Fault::Damage(why)) => {
                    self.let_go();
                    tracing::error!(doing, why, "the spool's file is damaged");
                }
            }
        }
        Err(SpoolError::Damaged { doing })
    }

    /// The file, opened where it is not.
    fn opened(&mut self, doing: &'static str) -> Result<&SpoolFile, SpoolError> {
        if self.file.is_none() {
            self.reopen().map_err(|fault| match fault {
                Fault::Io(error) => SpoolError::io(doing, error),
                Fault::Damage(_) => SpoolError::Damaged { doing },
            })?;
        }
        self.file.as_ref().ok_or(SpoolError::Damaged { doing })
    }

    /// Opens the file, and counts anew what is in it: of a write that failed nobody knows whether it
    /// landed.
    fn reopen(&mut self) -> Result<(), Fault> {
        let opened = file::open(&self.slot, self.acknowledged)?;
        let mut count = Count::new();
        let set_aside = guarded(|| {
            rows::each(opened.file.db(), |place, len, head| {
                if !self.removed.contains(&place) {
                    count.add(len, head.as_ref());
                }
            })?;
            rows::aside_count(opened.file.db())
        })?;
        self.gauge.show(&count);
        let mut figures = self.gauge.figures();
        figures.set_aside = set_aside;
        figures.recovery.add(opened.recovery);
        drop(figures);
        self.next_place = self.next_place.max(opened.next_place);
        self.acknowledged = Some(opened.next_place);
        self.first = 0;
        self.file = Some(opened.file);
        Ok(())
    }
}

/// Why a row is set aside of which no record can be made.
const UNREADABLE: &str = "its bytes cannot be read back";

fn length(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
