//! The file under redb, whose first writes can be held back.
//!
//! redb repairs a file while it opens it. Where the newest commit does not verify it takes the one
//! before, and writes over what it then holds for free: over records that were acknowledged, and
//! that could still have been salvaged. So nothing is written until it is known that the file is
//! whole.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::StorageBackend;

use super::widened;

const BLOCK_LEN: u64 = 4096;
const BLOCK: usize = 4096;

/// A file, and what is to be written to it. Clones are the same file.
#[derive(Clone)]
pub(super) struct HeldFile(Arc<Shared>);

struct Shared {
    file: File,
    /// `None` once writes go through. Its lock is the file's, too.
    held: Mutex<Option<Held>>,
}

/// What was written, and is not in the file.
struct Held {
    /// How long the file would be.
    len: u64,
    /// How much of the real file still counts; what lies behind reads as zeros.
    kept: u64,
    /// By number.
    blocks: BTreeMap<u64, Box<[u8; BLOCK]>>,
}

impl HeldFile {
    /// Holds back whatever is written, until [`release`](Self::release).
    pub(super) fn new(file: File) -> io::Result<Self> {
        let len = file.metadata()?.len();
        let held = Held { len, kept: len, blocks: BTreeMap::new() };
        Ok(Self(Arc::new(Shared { file, held: Mutex::new(Some(held)) })))
    }

    /// Lets everything through from now on, and first what was held back.
    ///
    /// Where it fails everything is still held, and it can be called again. A crash halfway leaves the
    /// header of before: it comes last.
    pub(super) fn release(&self) -> io::Result<()> {
        let mut held = self.held();
        let Some(writes) = &*held else { return Ok(()) };
        let file = &self.0.file;
        if writes.kept < file.metadata()?.len() {
            file.set_len(writes.kept)?;
        }
        file.set_len(writes.len)?;
        for (number, block) in writes.blocks.iter().rev() {
            if *number == 0 {
                file.sync_data()?;
            }
            let at = number * BLOCK_LEN;
            let within =
                usize::try_from(writes.len.saturating_sub(at).min(BLOCK_LEN)).unwrap_or(BLOCK);
            write_at(file, at, &block[..within])?;
        }
        file.sync_all()?;
        *held = None;
        Ok(())
    }

    fn held(&self) -> MutexGuard<'_, Option<Held>> {
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StorageBackend for HeldFile {
    fn len(&self) -> io::Result<u64> {
        match &*self.held() {
            Some(held) => Ok(held.len),
            None => Ok(self.0.file.metadata()?.len()),
        }
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        match &*self.held() {
            Some(held) => held.read(&self.0.file, offset, out),
            None => read_at(&self.0.file, offset, out),
        }
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        match &mut *self.held() {
            Some(held) => {
                held.shorten(len);
                held.len = len;
                Ok(())
            }
            None => self.0.file.set_len(len),
        }
    }

    fn sync_data(&self) -> io::Result<()> {
        if self.held().is_some() { Ok(()) } else { self.0.file.sync_data() }
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        match &mut *self.held() {
            Some(held) => held.write(&self.0.file, offset, data),
            None => write_at(&self.0.file, offset, data),
        }
    }
}

impl Held {
    fn read(&self, file: &File, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let len = widened(out.len());
        if offset.checked_add(len).is_none_or(|end| end > self.len) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        for part in parts(offset, out.len()) {
            let into = &mut out[part.within.clone()];
            match self.blocks.get(&part.block) {
                Some(block) => into.copy_from_slice(&block[part.at..part.at + into.len()]),
                None => self.read_file(file, offset + part.before, into)?,
            }
        }
        Ok(())
    }

    /// What the real file has, and zeros where it has nothing.
    fn read_file(&self, file: &File, offset: u64, into: &mut [u8]) -> io::Result<()> {
        let there = usize::try_from(self.kept.saturating_sub(offset)).unwrap_or(usize::MAX);
        let (there, beyond) = into.split_at_mut(there.min(into.len()));
        beyond.fill(0);
        read_at(file, offset, there)
    }

    fn write(&mut self, file: &File, offset: u64, data: &[u8]) -> io::Result<()> {
        let len = widened(data.len());
        self.len = self.len.max(offset.saturating_add(len));
        for part in parts(offset, data.len()) {
            let from = &data[part.within.clone()];
            if !self.blocks.contains_key(&part.block) {
                let mut block = Box::new([0; BLOCK]);
                self.read_file(file, part.block * BLOCK_LEN, &mut block[..])?;
                self.blocks.insert(part.block, block);
            }
            if let Some(block) = self.blocks.get_mut(&part.block) {
                block[part.at..part.at + from.len()].copy_from_slice(from);
            }
        }
        Ok(())
    }

    /// Forgets what lies behind `len`, so that it is zero where the file grows again.
    fn shorten(&mut self, len: u64) {
        self.kept = self.kept.min(len);
        self.blocks.retain(|number, block| {
            let left = usize::try_from(len.saturating_sub(number * BLOCK_LEN)).unwrap_or(BLOCK);
            block[left.min(BLOCK)..].fill(0);
            left > 0
        });
    }
}

// The file has one cursor: both are called with the lock on what is held.
fn read_at(mut file: &File, offset: u64, out: &mut [u8]) -> io::Result<()> {
    file.seek(SeekFrom::Start(offset))?;
    file.read_exact(out)
}

fn write_at(mut file: &File, offset: u64, data: &[u8]) -> io::Result<()> {
    file.seek(SeekFrom::Start(offset))?;
    file.write_all(data)
}

/// The part of a range that lies in one block.
struct Part {
    block: u64,
    /// Where in the block.
    at: usize,
    /// Where in the range.
    within: std::ops::Range<usize>,
    /// Bytes of the range before.
    before: u64,
}

fn parts(offset: u64, len: usize) -> impl Iterator<Item = Part> {
    let mut start = 0;
    std::iter::from_fn(move || {
        if start >= len {
            return None;
        }
        let before = u64::try_from(start).ok()?;
        let block = (offset + before) / BLOCK_LEN;
        let at = usize::try_from((offset + before) % BLOCK_LEN).ok()?;
        let end = len.min(start + BLOCK - at);
        let within = start..end;
        start = end;
        Some(Part { block, at, within, before })
    })
}

impl fmt::Debug for HeldFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeldFile").field("held", &self.held().is_some()).finish_non_exhaustive()
    }
}
