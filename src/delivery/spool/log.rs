//! The files of one kind that this process has, in order. Places count through all of them.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use super::folder::{self, LogKind};
use super::frame::widened;
use super::gauge::SpoolDepth;
use super::segment::{FrameEntry, Segment};
use crate::store::log_line::log_line;

/// Frames with their places.
pub(super) type Rows = Vec<(u64, Vec<u8>)>;

pub(super) struct Log {
    folder: PathBuf,
    kind: LogKind,
    /// Each with the place of its first frame. Only the last file takes more.
    files: Vec<(u64, Segment)>,
    /// The next place to give out.
    next_place: u64,
    /// Counts pushes: each checks another file.
    pushes: usize,
}

impl Log {
    pub(super) fn new(folder: &Path, kind: LogKind) -> Self {
        Self { folder: folder.to_owned(), kind, files: Vec::new(), next_place: 0, pushes: 0 }
    }

    /// How much is left.
    pub(super) fn depth(&self) -> SpoolDepth {
        SpoolDepth {
            events: self.files.iter().map(|(_, file)| widened(file.left())).sum(),
            bytes: self.files.iter().map(|(_, file)| file.left_bytes()).sum(),
            oldest_at: self.entries().next().map(|(_, entry)| entry.created_at),
        }
    }

    /// The frames that are left, by their places.
    pub(super) fn entries(&self) -> impl Iterator<Item = (u64, &FrameEntry)> {
        self.files.iter().flat_map(|(first, file)| {
            file.entries().map(move |(nth, entry)| (first + widened(nth), entry))
        })
    }

    /// The frame at a place, if it was not removed.
    pub(super) fn read(&self, place: u64) -> io::Result<Option<Vec<u8>>> {
        let Some((file, nth)) = self.at(place) else { return Ok(None) };
        self.files[file].1.read(nth)
    }

    /// The frames at these places that were not removed.
    pub(super) fn rows(&self, places: impl Iterator<Item = u64>) -> io::Result<Rows> {
        let read = |place| Ok(self.read(place)?.map(|bytes| (place, bytes)));
        places.filter_map(|place| read(place).transpose()).collect()
    }

    /// Creates a file if the last one takes no more.
    pub(super) fn prepare(&mut self) -> io::Result<()> {
        if !self.files.last().is_some_and(|last| self.takes_more(last)) {
            self.push(Segment::create(&self.folder, self.kind)?);
        }
        Ok(())
    }

    /// Appends frames durably, all or none, and returns their entries.
    pub(super) fn append(&mut self, frames: &[Vec<u8>]) -> io::Result<Vec<FrameEntry>> {
        let is_folder_gone = !self.folder.exists();
        if is_folder_gone {
            folder::make(&self.folder)?;
        }
        self.restore(is_folder_gone)?;
        self.prepare()?;
        let Some((_, file)) = self.files.last_mut() else { return Ok(Vec::new()) };
        let appended = file.append(frames);
        match &appended {
            Ok(entries) => self.next_place += widened(entries.len()),
            // A disk that keeps failing must not fill up with files.
            Err(_) if file.left() == 0 && !file.has_room() && file.delete().is_ok() => {
                self.files.pop();
            }
            Err(_) => {}
        }
        appended
    }

    /// A file takes no more once others came behind it, because it would give out their places again.
    fn takes_more(&self, (first, file): &(u64, Segment)) -> bool {
        file.has_room() && first + widened(file.count()) == self.next_place
    }

    /// Adds a file behind the others.
    pub(super) fn push(&mut self, file: Segment) {
        let first = self.next_place;
        self.next_place += widened(file.count());
        self.files.push((first, file));
    }

    /// Rewrites files that were deleted under us. Checks the last file and, in turn, one other: checking all 128 would
    /// cost a third of a push.
    fn restore(&mut self, looks_at_all: bool) -> io::Result<()> {
        let last = self.files.len().saturating_sub(1);
        self.pushes = self.pushes.wrapping_add(1);
        let in_turn = self.pushes % self.files.len().max(1);
        for (nth, (_, file)) in self.files.iter_mut().enumerate() {
            if (looks_at_all || nth == last || nth == in_turn) && file.is_gone() {
                log_line!(
                    error,
                    "a spool file was deleted while it was in use: it is written again"
                );
                file.restore(&self.folder, self.kind)?;
            }
        }
        Ok(())
    }

    /// Removes frames, and returns those that were there. Not durable.
    pub(super) fn remove(&mut self, places: &BTreeSet<u64>) -> Vec<FrameEntry> {
        let mut removed = Vec::new();
        for place in places {
            if let Some((file, nth)) = self.at(*place) {
                removed.extend(self.files[file].1.remove(nth));
            }
        }
        removed
    }

    /// Frees the disk space of removed frames: all of it if `is_thorough`, else as far as that is worth the writing. What
    /// fails is tried again next time.
    pub(super) fn reclaim(&mut self, is_thorough: bool) -> io::Result<()> {
        let (mut failed, next_place, last) = (None, self.next_place, self.files.len());
        let mut nth = 0;
        self.files.retain_mut(|(first, file)| {
            nth += 1;
            let is_last = nth == last;
            let done = match file.left() {
                0 if is_last && file.has_room() => file.clear().map(|()| *first = next_place),
                0 => match file.delete() {
                    Ok(()) => return false,
                    failed => failed,
                },
                _ if is_thorough && file.has_removed() => file.rewrite(),
                _ if !is_last && file.is_wasteful() => file.rewrite(),
                _ => Ok(()),
            };
            failed = failed.take().or(done.err());
            true
        });
        failed.map_or(Ok(()), Err)
    }

    /// Keeps the file of a place, once it is empty, for people to look at.
    pub(super) fn set_damaged(&mut self, place: u64) {
        if let Some((file, _)) = self.at(place) {
            self.files[file].1.set_damaged();
        }
    }

    /// Makes removals durable, and releases the files.
    pub(super) fn close(&mut self) -> io::Result<()> {
        let reclaimed = self.reclaim(true);
        let files = std::mem::take(&mut self.files);
        let mut empty = files.iter().filter(|(_, file)| file.left() == 0);
        reclaimed.and(empty.try_for_each(|(_, file)| file.delete()))
    }

    /// The file of a place, and the frame's number in it.
    fn at(&self, place: u64) -> Option<(usize, usize)> {
        let behind = self.files.partition_point(|(first, _)| *first <= place);
        let file = behind.checked_sub(1)?;
        let nth = usize::try_from(place - self.files[file].0).ok()?;
        Some((file, nth))
    }
}
