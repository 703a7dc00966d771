//! Finds the whole frames in a file, also between damaged bytes.

use super::frame::{Frame, FrameHead, MAGIC};

/// What a file holds.
#[derive(Debug, Default)]
pub(super) struct ScannedFile {
    /// Where each whole frame begins, and what its head says.
    pub(super) frames: Vec<(usize, FrameHead)>,
    /// How many frames begin but are not whole.
    pub(super) torn: u64,
    /// Where the last whole frame ends.
    pub(super) whole_len: usize,
    /// Whether there is damage that a crash during a push does not explain.
    pub(super) is_damaged: bool,
}

/// Reads every byte once, and once more inside a false beginning of a frame.
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
            // Another frame may begin inside the length that this one claims.
            at = start + MAGIC.len();
        }
    }
    found.is_damaged |= !is_cut_short(&bytes[found.whole_len..]);
    found
}

fn next_magic(bytes: &[u8], from: usize) -> Option<usize> {
    let magic = bytes[from..].windows(MAGIC.len()).position(|window| window == MAGIC);
    magic.map(|at| from + at)
}

/// Returns true if these last bytes of a file are what a crash leaves of a push: nothing, the beginning of one
/// frame, or zeros that were allocated but never written.
fn is_cut_short(rest: &[u8]) -> bool {
    if let Some(head) = FrameHead::read(rest) {
        return rest.len() < head.frame_len();
    }
    let is_head_cut =
        rest.len() < FrameHead::LEN && (rest.starts_with(MAGIC) || MAGIC.starts_with(rest));
    is_head_cut || rest.iter().all(|byte| *byte == 0)
}
