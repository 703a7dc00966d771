//! One file of the spool: a row of frames, locked by its process.
//!
//! The lock is on the file itself. The operating system releases it when the process dies, and only the holder of the
//! lock deletes or replaces the file.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use super::folder::{self, LogKind};
use super::frame::{FrameHead, widened};
use super::recovery::Recovery;
use super::scan;
use crate::event::StreamId;
use crate::store::log_line::log_line;

/// A file of this length takes no more.
const LEN_MAX: u64 = 8 << 20;

/// A file is rewritten once less than one part in so many is left of it.
const WORTH_KEEPING: u64 = 4;

/// Where a frame lies, and what its head says.
#[derive(Clone, Copy, Debug)]
pub(super) struct FrameEntry {
    offset: u64,
    /// Of the whole frame, in bytes.
    pub(super) len: u64,
    pub(super) stream_id: StreamId,
    pub(super) created_at: DateTime<Utc>,
}

impl FrameEntry {
    fn new(offset: u64, head: &FrameHead) -> Self {
        let FrameHead { stream_id, created_at, .. } = *head;
        Self { offset, len: widened(head.frame_len()), stream_id, created_at }
    }
}

/// A file, and which of its frames are left.
///
/// Until the file is deleted or rewritten, removed frames are gone in memory alone: after a crash they are back.
pub(super) struct Segment {
    path: PathBuf,
    file: File,
    /// Bytes of successful pushes. What follows them is ignored.
    len: u64,
    entries: Vec<Option<FrameEntry>>,
    left: usize,
    left_bytes: u64,
    /// Whether frames may be added. Not after a failed push, because we do not know what it left; and not to a file that
    /// another process left, because its number may be lower than that of a file in use, and a new process reads the
    /// files in the order of their numbers.
    is_writable: bool,
    is_damaged: bool,
}

impl Segment {
    /// A new file, and the lock on it.
    pub(super) fn create(folder: &Path, kind: LogKind) -> io::Result<Self> {
        loop {
            let (path, file) = folder::create(folder, kind)?;
            if let Some(created) = Self::claim(folder, path, file)? {
                return Ok(created);
            }
        }
    }

    /// Takes the lock on a file that was just created. `None` if another process was faster. It deletes the file then.
    fn claim(folder: &Path, path: PathBuf, file: File) -> io::Result<Option<Self>> {
        let is_free = lock(&file).and_then(|is_free| folder::sync(folder).map(|()| is_free));
        if is_free.is_err() {
            // A disk that keeps failing must not fill up with files.
            folder::remove_if_there(&path)?;
        }
        let is_ours = is_free? && folder::is_named(&file, &path);
        Ok(is_ours.then(|| Self::empty(path, file)))
    }

    fn empty(path: PathBuf, file: File) -> Self {
        let (len, entries, left, left_bytes) = (0, Vec::new(), 0, 0);
        Self { path, file, len, entries, left, left_bytes, is_writable: true, is_damaged: false }
    }

    /// Takes over a file that another process left. `None` if a process has it, or deleted it.
    ///
    /// What a crash left of a push is cut off. A file with other damage is rewritten, and the damaged one is kept under
    /// another name.
    pub(super) fn take(path: &Path) -> io::Result<Option<(Self, Recovery)>> {
        let file = match folder::open(path, false) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        // The process that had it may have deleted it in between.
        if !lock(&file)? || !folder::is_named(&file, path) {
            return Ok(None);
        }
        folder::remove_if_there(&folder::unfinished(path))?;
        let mut bytes = Vec::new();
        (&file).read_to_end(&mut bytes)?;
        let found = scan::scan(&bytes);
        let mut segment = Self::empty(path.to_owned(), file);
        for (offset, head) in &found.frames {
            segment.add(FrameEntry::new(widened(*offset), head));
        }
        segment.len = widened(found.whole_len);
        let mut recovery = Recovery { torn: found.torn, ..Recovery::default() };
        if found.is_damaged {
            recovery.recovered = widened(segment.left);
            recovery.damaged_files = 1;
            segment.set_damaged();
            if let Err(error) = segment.rewrite() {
                // Its whole frames can be read all the same.
                log_line!(error, %error, "a damaged spool file cannot be put aside now");
            }
        } else if found.whole_len < bytes.len() {
            segment.file.set_len(segment.len)?;
        }
        segment.is_writable = false;
        Ok(Some((segment, recovery)))
    }

    /// Keeps the file under another name when it is rewritten or empty.
    pub(super) fn set_damaged(&mut self) {
        self.is_damaged = true;
        self.is_writable = false;
    }

    /// Appends frames durably, all or none, and returns their entries.
    ///
    /// A crash in between leaves whole frames of a push that was not acknowledged, and one that is cut short.
    pub(super) fn append(&mut self, frames: &[Vec<u8>]) -> io::Result<Vec<FrameEntry>> {
        let heads: Option<Vec<FrameHead>> =
            frames.iter().map(|frame| FrameHead::read(frame)).collect();
        let heads = heads.ok_or(io::ErrorKind::InvalidInput)?;
        let mut file = &self.file;
        let at_end = file.seek(SeekFrom::Start(self.len));
        if let Err(error) = at_end.and_then(|_| file.write_all(&frames.concat())) {
            // On a full disk this frees what was not written whole. If it fails too, those frames may come back after
            // a crash, like any of a failed push.
            self.is_writable = self.file.set_len(self.len).is_ok();
            return Err(error);
        }
        if let Err(error) = self.file.sync_data() {
            // The kernel may mark what it could not write as written, so no later sync of this file proves
            // anything.
            self.is_writable = false;
            return Err(error);
        }
        let mut entries = Vec::with_capacity(heads.len());
        for head in heads {
            let entry = FrameEntry::new(self.len, &head);
            self.len += entry.len;
            self.add(entry);
            entries.push(entry);
        }
        Ok(entries)
    }

    fn add(&mut self, entry: FrameEntry) {
        self.left += 1;
        self.left_bytes += entry.len;
        self.entries.push(Some(entry));
    }

    /// Whether it takes more frames.
    pub(super) fn has_room(&self) -> bool {
        self.is_writable && self.len < LEN_MAX
    }

    /// How many frames it ever had. Each keeps its number in the file.
    pub(super) fn count(&self) -> usize {
        self.entries.len()
    }

    /// How many frames are left.
    pub(super) fn left(&self) -> usize {
        self.left
    }

    /// Bytes of the frames that are left.
    pub(super) fn left_bytes(&self) -> u64 {
        self.left_bytes
    }

    /// The frames that are left, by their number in the file.
    pub(super) fn entries(&self) -> impl Iterator<Item = (usize, &FrameEntry)> {
        self.entries.iter().enumerate().filter_map(|(nth, entry)| Some((nth, entry.as_ref()?)))
    }

    /// The bytes of a frame, if it is left.
    pub(super) fn read(&self, nth: usize) -> io::Result<Option<Vec<u8>>> {
        let Some(Some(entry)) = self.entries.get(nth) else { return Ok(None) };
        let mut bytes = vec![0; usize::try_from(entry.len).unwrap_or(usize::MAX)];
        let mut file = &self.file;
        file.seek(SeekFrom::Start(entry.offset))?;
        file.read_exact(&mut bytes)?;
        Ok(Some(bytes))
    }

    /// Removes a frame.
    pub(super) fn remove(&mut self, nth: usize) -> Option<FrameEntry> {
        let entry = self.entries.get_mut(nth)?.take()?;
        self.left -= 1;
        self.left_bytes -= entry.len;
        Some(entry)
    }

    /// Returns true if the file holds removed frames.
    pub(super) fn has_removed(&self) -> bool {
        self.left_bytes < self.len
    }

    /// Returns true if it holds little but removed frames.
    pub(super) fn is_wasteful(&self) -> bool {
        self.left_bytes * WORTH_KEEPING < self.len
    }

    /// Returns true if the file was deleted under us. Its frames will be lost with this process.
    pub(super) fn is_gone(&self) -> bool {
        !folder::is_named(&self.file, &self.path)
    }

    /// Truncates the file. It stays for later frames, and counts from 0 again.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.len = 0;
        self.entries.clear();
        Ok(())
    }

    /// Replaces the file by one that holds only the frames that are left. They are durable there before the old file
    /// goes.
    pub(super) fn rewrite(&mut self) -> io::Result<()> {
        if self.is_gone() {
            // Another process may have a file of this name by now.
            return Err(io::ErrorKind::NotFound.into());
        }
        let path = folder::unfinished(&self.path);
        folder::remove_if_there(&path)?;
        let fresh = folder::open(&path, true)?;
        fresh.try_lock()?;
        let mut fresh = Self::empty(self.path.clone(), fresh);
        let written = self.copy_to(&mut fresh).and_then(|()| self.replace(&path));
        if written.is_err() {
            folder::remove_if_there(&path)?;
        }
        written?;
        *self = Self { is_writable: self.is_writable, ..fresh };
        self.path.parent().map_or(Ok(()), folder::sync)
    }

    /// Puts another file in its place. A damaged one is kept under another name.
    fn replace(&self, by: &Path) -> io::Result<()> {
        if !self.is_damaged {
            return fs::rename(by, &self.path);
        }
        let kept = folder::damaged(&self.path)?;
        fs::hard_link(&self.path, &kept)?;
        fs::rename(by, &self.path).inspect_err(|_| {
            // It is tried again, and must not leave a name each time.
            fs::remove_file(&kept).ok();
        })
    }

    /// Writes the frames that are left to a new file, because this one was deleted. It gets the same number if that is
    /// free, so that it stays before the files that came later.
    pub(super) fn restore(&mut self, folder: &Path, kind: LogKind) -> io::Result<()> {
        let same = match folder::open(&self.path, true) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => None,
            opened => Self::claim(folder, self.path.clone(), opened?)?,
        };
        let mut fresh = same.map_or_else(|| Self::create(folder, kind), Ok)?;
        let copied = self.copy_to(&mut fresh);
        if copied.is_err() {
            fresh.delete()?;
        }
        copied?;
        *self = Self { is_writable: self.is_writable, ..fresh };
        Ok(())
    }

    /// Each frame keeps its number.
    fn copy_to(&self, fresh: &mut Self) -> io::Result<()> {
        for (nth, entry) in self.entries.iter().enumerate() {
            let Some((entry, bytes)) = entry.as_ref().zip(self.read(nth)?) else {
                fresh.entries.push(None);
                continue;
            };
            fresh.file.write_all(&bytes)?;
            let offset = fresh.len;
            fresh.len += entry.len;
            fresh.add(FrameEntry { offset, ..*entry });
        }
        fresh.file.sync_all()
    }

    /// Deletes the file, or keeps it under another name if it is damaged.
    pub(super) fn delete(&self) -> io::Result<()> {
        if self.is_gone() {
            return Ok(());
        }
        if self.is_damaged {
            return fs::rename(&self.path, folder::damaged(&self.path)?);
        }
        folder::remove_if_there(&self.path)
    }
}

/// Takes the lock on a file. Returns false if another process has it.
fn lock(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Ok(false),
        locked => Ok(locked.map(|()| true)?),
    }
}
