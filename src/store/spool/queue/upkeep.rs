//! Keeps the queue's file open, whole, and no larger than need be.

use std::fs;
use std::io;

use super::super::error::{Fault, SpoolError, guarded};
use super::super::file::{self, SpoolFile};
use super::super::frame::Head;
use super::super::gauge::Count;
use super::super::rows::{self, Rows};
use super::super::slot::remove_if_there;
use super::Queue;
use crate::store::log_line::log_line;

/// An empty file is kept up to this length, in bytes.
const EMPTY_LEN_MAX: u64 = 16 << 20;

/// Bytes that a write may need besides those of its records.
const WRITE_OVERHEAD: usize = 1 << 20;

impl Queue {
    /// Does `work` on the open file. Where that finds it damaged, the file is opened anew, which
    /// salvages it, and the work is done once more.
    pub(super) fn work<T>(
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
                    log_line!(error, doing, why, "the spool's file is damaged");
                }
            }
        }
        Err(SpoolError::Damaged { doing })
    }

    /// Does `work`, which writes records of `len` bytes.
    ///
    /// After a write that failed the whole file is read again: a caller would wait for that, and all
    /// others with it. So nothing is written to a disk that was full, until it has room.
    pub(super) fn write<T>(
        &mut self,
        doing: &'static str,
        len: usize,
        work: impl Fn(&Self, &redb::Database) -> Result<T, Fault>,
    ) -> Result<T, SpoolError> {
        if self.is_disk_full {
            // Pages are copied before they are changed.
            let needed = len.saturating_mul(2).saturating_add(WRITE_OVERHEAD);
            self.slot.try_room(needed).map_err(|error| SpoolError::io(doing, error))?;
        }
        // A file that is still held back is not thrown away because the disk is full.
        let writable = self.opened(doing)?.for_writing().map(drop);
        writable.map_err(|error| SpoolError::io(doing, error))?;
        let done = self.work(doing, |this, file| work(this, file.for_writing()?));
        self.is_disk_full = matches!(&done, Err(SpoolError::Io { source, .. }) if is_full(source));
        done
    }

    /// The file, opened where it is not.
    pub(super) fn opened(&mut self, doing: &'static str) -> Result<&SpoolFile, SpoolError> {
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

    /// Closes the file. Closing writes, and on a damaged tree that can panic.
    pub(super) fn let_go(&mut self) {
        let file = self.file.take();
        let _closed = guarded(|| {
            drop(file);
            Ok(())
        });
    }

    /// Gives back the disk that an outage took, once nothing waits any more.
    pub(super) fn tidy_empty(&mut self) {
        let path = self.slot.file();
        let is_large = fs::metadata(&path).is_ok_and(|file| file.len() > EMPTY_LEN_MAX);
        let is_stuck = self.flush().is_err();
        let figures = *self.gauge.figures();
        // Writing may have found damage, and brought records back.
        if figures.depth.events > 0 || !(is_large || is_stuck) {
            return;
        }
        if figures.set_aside > 0 {
            if self.file.as_mut().is_some_and(|file| file.compact().is_err()) {
                self.let_go();
            }
            return;
        }
        // Everything in it is in the database. Until the folder is synced, which is before anything is
        // written to the next file, a crash may bring the file back, with rows where they could not
        // be flushed: they go to the database again, which knows them by their ids.
        self.let_go();
        if remove_if_there(&path).is_ok() {
            self.removed.clear();
            self.acknowledged = Some(0);
        }
    }

    pub(super) fn refresh_oldest(&mut self) {
        let is_empty = self.gauge.figures().depth.events == 0;
        // What fails here is met again by the next call that needs it.
        let oldest = if is_empty { Rows::new() } else { self.front(1, 0).unwrap_or_default() };
        let head = oldest.first().and_then(|(_, bytes)| Head::read(bytes));
        self.gauge.figures().depth.oldest_at = head.map(|head| head.created_at);
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
