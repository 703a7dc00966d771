//! Finds whole frames in a file's bytes, wherever they lie and whatever became of the tree.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use super::error::Fault;
use super::frame::{HEAD_LEN, Head, MAGIC};
use super::widened;

/// How much is read at once.
const PIECE_LEN: usize = 256 << 10;

/// What begins like a frame.
#[derive(Clone, Copy, Debug)]
pub(super) enum Found<'a> {
    /// Not even the head is whole.
    Nameless,
    /// The head is whole, and the record is not.
    Torn(Head),
    /// A frame.
    Whole(Head, &'a [u8]),
}

/// Hands everything in `file` that begins like a frame to `each`, in the order of the bytes. One frame
/// may come more than once, because a page that is written anew leaves its old copy behind, whole
/// or in part.
///
/// Linear in the file's length; holds one piece and one frame in memory.
pub(super) fn frames(
    file: &mut File,
    mut each: impl FnMut(Found<'_>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    file.seek(SeekFrom::Start(0))?;
    let mut window = Window { file, bytes: Vec::new(), start: 0, at_end: false };
    while window.find_magic()? {
        let Some(head) = Head::read(window.ahead(HEAD_LEN)?) else {
            each(Found::Nameless)?;
            window.start += MAGIC.len();
            continue;
        };
        let frame = window.ahead(head.len)?;
        if head.record(frame).is_some() {
            each(Found::Whole(head, frame))?;
            window.start += head.len;
        } else {
            each(Found::Torn(head))?;
            // Another frame may begin inside the bytes that this one should have had.
            window.start += HEAD_LEN;
        }
    }
    Ok(())
}

/// The part of the file that is looked at.
struct Window<'a> {
    file: &'a mut File,
    bytes: Vec<u8>,
    /// Where in `bytes` the part begins that is not looked at yet.
    start: usize,
    at_end: bool,
}

impl Window<'_> {
    /// Moves to where the next frame begins; whether there is one.
    fn find_magic(&mut self) -> Result<bool, Fault> {
        loop {
            let ahead = self.ahead(MAGIC.len())?;
            if ahead.len() < MAGIC.len() {
                return Ok(false);
            }
            if ahead == MAGIC {
                return Ok(true);
            }
            let rest = &self.bytes[self.start + 1..];
            let next = rest.iter().position(|byte| *byte == MAGIC[0]).unwrap_or(rest.len());
            self.start += 1 + next;
        }
    }

    /// The next `len` bytes, or all there are.
    fn ahead(&mut self, len: usize) -> Result<&[u8], Fault> {
        let missing = (self.start + len).saturating_sub(self.bytes.len());
        if missing > 0 && !self.at_end {
            self.bytes.drain(..self.start);
            self.start = 0;
            let wanted = missing.max(PIECE_LEN);
            let limit = widened(wanted);
            self.at_end = (&mut *self.file).take(limit).read_to_end(&mut self.bytes)? < wanted;
        }
        let end = (self.start + len).min(self.bytes.len());
        Ok(&self.bytes[self.start.min(end)..end])
    }
}
