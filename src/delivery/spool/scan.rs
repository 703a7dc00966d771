//! Finds whole frames in a file's bytes, whatever lies between them.

use super::frame::{Frame, FrameHead, MAGIC};

/// What a file holds.
#[derive(Debug, Default)]
pub(super) struct ScannedFile {
    /// Where each whole frame begins, and what its head says.
    pub(super) frames: Vec<(usize, FrameHead)>,
    /// Frames that began and are not whole.
    pub(super) torn: u64,
    /// Where the last whole frame ends.
    pub(super) whole_len: usize,
    /// Whether something is wrong that a push cut short by a crash does not explain.
    pub(super) is_damaged: bool,
}

/// Looks at every byte once, and once more inside of what began like a frame and is none.
pub(super) fn scan(bytes: &[u8]) -> ScannedFile {
    let mut found = ScannedFile::default();
    let mut at = 0;
    while let Some(start) = next_magic(bytes, at) {
        if let Some(frame) = Frame::read(&bytes[start..]) {
            found.is_damaged |= start > found.whole_len;
            found.frames.push((start, frame.head));
            at = start + frame.head.frame_len();
            found.whole_len = at;
        } else {
            found.torn += 1;
            // Another frame may begin inside the bytes that this one should have had.
            at = start + MAGIC.len();
        }
    }
    found.is_damaged |= !is_cut_short(&bytes[found.whole_len..]);
    found
}

fn next_magic(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += bytes.get(at..)?.iter().position(|byte| *byte == MAGIC[0])?;
        if bytes[at..].starts_with(MAGIC) {
            return Some(at);
        }
        at += 1;
    }
}

/// Whether these last bytes of a file are what a crash leaves of a push: nothing, the beginning of one
/// frame, or room that was never written.
fn is_cut_short(rest: &[u8]) -> bool {
    if let Some(head) = FrameHead::read(rest) {
        return rest.len() < head.frame_len();
    }
    let is_head_cut =
        rest.len() < FrameHead::LEN && (rest.starts_with(MAGIC) || MAGIC.starts_with(rest));
    is_head_cut || rest.iter().all(|byte| *byte == 0)
}
