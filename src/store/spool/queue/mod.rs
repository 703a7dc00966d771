//! The spool's one file with its rows, in order. Everything here blocks, and one caller has it at a
//! time.

mod upkeep;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::error::SpoolError;
use super::file::SpoolFile;
use super::frame::{self, Head};
use super::gauge::Gauge;
use super::rows::{self, AsideRow, Rows};
use super::slot::{Slot, remove_if_there};
use super::widened;
use crate::record::Record;
use crate::store::log_line::log_line;

/// Removals that wait in memory for a transaction, and more where one failed. After a crash so many go
/// to the database again.
const REMOVED_MAX: usize = 1024;

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
    /// The next record's place: no whole frame in the file has it or a later one, from the first opening
    /// on. Places of a failed push are not given out again.
    next_place: u64,
    /// The first place behind what was acknowledged.
    acknowledged: Option<u64>,
    /// No row before this place waits.
    first: u64,
    /// Rows that are in the file, and gone. Reading passes them over, so that a full disk does not
    /// keep the spool from being drained.
    removed: BTreeSet<u64>,
    /// How many of them are to be written.
    flush_at: usize,
    /// Whether the last write failed because the disk was full.
    is_disk_full: bool,
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
            flush_at: REMOVED_MAX,
            is_disk_full: false,
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
        let places = self.next_place..;
        let frames = places.zip(records).map(|(place, record)| frame::encode(place, record));
        self.append(DOING, &frames.collect::<Vec<_>>(), &[])
    }

    /// Appends rows of another file, durably; those that cannot be read are set aside.
    pub(super) fn take_over(&mut self, rows: &Rows) -> Result<(), SpoolError> {
        const DOING: &str = "adopt records";
        let (mut frames, mut unreadable) = (Vec::new(), Vec::new());
        for (place, bytes) in rows {
            if frame::whole(bytes).is_some() {
                frames.push(frame::relocated(self.next_place + widened(frames.len()), bytes));
            } else {
                unreadable.push((*place, UNREADABLE.to_owned(), bytes.clone()));
            }
        }
        self.append(DOING, &frames, &[])?;
        self.take_over_aside(&unreadable)?;
        self.gauge.figures().recovery.unreadable += widened(unreadable.len());
        Ok(())
    }

    /// Adds rows that were set aside in another file, durably.
    pub(super) fn take_over_aside(&mut self, rows: &[AsideRow]) -> Result<(), SpoolError> {
        const DOING: &str = "adopt records that were set aside";
        if rows.is_empty() {
            return Ok(());
        }
        let relocate = |(place, (_, reason, bytes)): (u64, &AsideRow)| {
            (place, reason.clone(), frame::relocated(place, bytes))
        };
        let rows: Vec<_> = (self.next_place..).zip(rows).map(relocate).collect();
        self.next_place += widened(rows.len());
        let len = rows.iter().map(|(_, _, bytes)| bytes.len()).sum();
        self.write(DOING, len, |this, db| rows::insert_aside(db, &rows, this.next_place))?;
        self.acknowledged = Some(self.next_place);
        self.gauge.figures().set_aside += widened(rows.len());
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
        } else if self.removed.len() >= self.flush_at && self.flush().is_err() {
            // They wait on. The next try comes late, because one that fails costs reading the file.
            self.flush_at = self.removed.len().saturating_mul(2);
        }
        self.refresh_oldest();
        Ok(())
    }

    /// Moves rows to those that are kept for people, durably; how many were there.
    pub(super) fn set_aside(&mut self, rows: &[(u64, String)]) -> Result<u64, SpoolError> {
        if rows.is_empty() {
            return Ok(0);
        }
        let moved = self.write("set records aside", 0, |this, db| {
            rows::set_aside(db, rows.iter().filter(|(place, _)| !this.removed.contains(place)))
        })?;
        for (_, bytes) in &moved {
            self.gauge.subtract(widened(bytes.len()), Head::read(bytes).as_ref());
        }
        self.gauge.figures().set_aside += widened(moved.len());
        self.refresh_oldest();
        Ok(widened(moved.len()))
    }

    /// Sets rows aside that cannot be read back.
    pub(super) fn set_unreadable_aside(&mut self, places: &[u64]) -> Result<(), SpoolError> {
        let rows: Vec<_> = places.iter().map(|place| (*place, UNREADABLE.to_owned())).collect();
        let moved = self.set_aside(&rows)?;
        self.gauge.figures().recovery.unreadable += moved;
        log_line!(error, moved, "records in the spool cannot be read back, and were set aside");
        Ok(())
    }

    /// Rows that were set aside.
    pub(super) fn aside(&mut self, from: u64, max: usize) -> Result<Vec<AsideRow>, SpoolError> {
        self.work("read what was set aside", |_, file| rows::aside(file.db(), from, max))
    }

    /// Moves rows that were set aside behind those that wait, durably, where a record can be made of
    /// them; how many.
    pub(super) fn put_back(&mut self, places: &BTreeSet<u64>) -> Result<u64, SpoolError> {
        const DOING: &str = "put records back";
        let mut rows = self.work(DOING, |_, file| rows::aside_at(file.db(), places))?;
        rows.retain(|(_, bytes)| frame::record(bytes).is_some());
        let frames = (self.next_place..).zip(&rows);
        let frames: Vec<_> = frames.map(|(to, (_, bytes))| frame::relocated(to, bytes)).collect();
        let from: Vec<_> = rows.iter().map(|(place, _)| *place).collect();
        self.append(DOING, &frames, &from)?;
        Ok(widened(frames.len()))
    }

    /// Makes removals durable.
    pub(super) fn flush(&mut self) -> Result<(), SpoolError> {
        if self.removed.is_empty() {
            return Ok(());
        }
        // It may do with the pages that the file has, and makes room in it.
        self.is_disk_full = false;
        self.append("remove records", &[], &[])
    }

    /// Deletes the file, of which everything was moved elsewhere.
    pub(super) fn delete(mut self) -> Result<(), SpoolError> {
        self.let_go();
        let deleted = remove_if_there(&self.slot.file()).and_then(|()| self.slot.sync_folder());
        deleted.map_err(|error| SpoolError::io("delete an adopted file", error))
    }

    /// Writes frames that were made for the next places, in place of the rows `put_back`.
    fn append(
        &mut self,
        doing: &'static str,
        frames: &[Vec<u8>],
        put_back: &[u64],
    ) -> Result<(), SpoolError> {
        self.admit(frames)?;
        let first = self.next_place;
        self.next_place += widened(frames.len());
        let len = frames.iter().map(Vec::len).sum();
        let taken = self.write(doing, len, |this, db| {
            let rows = (first..).zip(frames.iter().map(Vec::as_slice));
            rows::insert(db, rows, &this.removed, put_back, this.next_place)
        })?;
        let mut figures = self.gauge.figures();
        figures.set_aside = figures.set_aside.saturating_sub(taken);
        drop(figures);
        self.acknowledged = Some(self.next_place);
        self.removed.clear();
        self.flush_at = REMOVED_MAX;
        for frame in frames {
            if let Some(head) = Head::read(frame) {
                self.gauge.add(widened(frame.len()), &head);
            }
        }
        Ok(())
    }

    fn admit(&self, frames: &[Vec<u8>]) -> Result<(), SpoolError> {
        let Limits { max_events, max_bytes } = self.limits;
        let depth = self.gauge.figures().depth;
        let (events, bytes) = (depth.events, depth.bytes);
        let more_bytes: usize = frames.iter().map(Vec::len).sum();
        let fits = events.saturating_add(widened(frames.len())) <= max_events
            && bytes.saturating_add(widened(more_bytes)) <= max_bytes;
        if frames.is_empty() || fits {
            Ok(())
        } else {
            Err(SpoolError::Full { events, bytes, max_events, max_bytes })
        }
    }
}

/// Why a row is set aside of which no record can be made.
const UNREADABLE: &str = "its bytes cannot be read back";
