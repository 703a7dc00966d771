//! The frame around a record in a spool file. It can be found, and checked, without anything else.
//!
//! ```text
//! magic(8) created_at(8) received_at(8) stream_id(16) record_length(4) reason_length(4) head_check(8)
//! check(16) record reason
//! ```
//!
//! Integers are big-endian; times count microseconds since 1970. `received_at` is this machine's time of
//! the push, so that a record's wait is measured by one clock. `head_check` is the beginning of the
//! SHA-256 of all bytes before it, so that a length is checked before that much is read. `check` also covers
//! the record and the reason. The reason says why the database refused the record; it is empty
//! while the record waits. The magic has a byte that no UTF-8 text has, so nothing inside a record looks
//! like the beginning of a frame.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::event::StreamId;
use crate::proof::Digest;
use crate::record::Record;

/// The first bytes of every frame, with the format's version.
pub(super) const MAGIC: &[u8; 8] = b"\xF5spool2\n";

/// Bytes of a frame before its record.
const HEAD_LEN: usize = CHECK_AT + 16;

/// Longest record and reason in bytes: far more than sealing lets through.
const BODY_LEN_MAX: usize = 16 << 20;

const HEAD_CHECK_AT: usize = 48;
const CHECK_AT: usize = 56;

/// What a frame says about its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameHead {
    pub(super) created_at: DateTime<Utc>,
    pub(super) received_at: DateTime<Utc>,
    pub(super) stream_id: StreamId,
    record_len: usize,
    reason_len: usize,
}

/// A whole frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame<'a> {
    pub(super) head: FrameHead,
    record: &'a [u8],
    reason: &'a [u8],
}

/// The frame of a record that is pushed now.
pub(super) fn encode(record: &Record) -> Vec<u8> {
    let times = [record.header().created_at, now()];
    encoded(times, record.stream_id(), &record.to_bytes(), "")
}

fn encoded(times: [DateTime<Utc>; 2], stream_id: StreamId, record: &[u8], reason: &str) -> Vec<u8> {
    // Sealing limits a record to far less. A longer one would fail its check.
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes();
    let reason = reason.as_bytes();
    let mut bytes = Vec::with_capacity(HEAD_LEN + record.len() + reason.len());
    bytes.extend_from_slice(MAGIC);
    for time in times {
        bytes.extend_from_slice(&time.timestamp_micros().to_be_bytes());
    }
    bytes.extend_from_slice(stream_id.uuid().as_bytes());
    bytes.extend_from_slice(&length(record));
    bytes.extend_from_slice(&length(reason));
    bytes.extend_from_slice(&Digest::of(&[&bytes]).as_bytes()[..8]);
    bytes.extend_from_slice(&Digest::of(&[&bytes, record, reason]).as_bytes()[..16]);
    bytes.extend_from_slice(record);
    bytes.extend_from_slice(reason);
    bytes
}

/// This machine's time.
#[allow(clippy::disallowed_methods, reason = "the spool's clock")]
fn now() -> DateTime<Utc> {
    Utc::now()
}

impl FrameHead {
    /// Bytes of a head.
    pub(super) const LEN: usize = HEAD_LEN;

    /// The head at the beginning of `bytes`, if it is one and whole.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes.get(..HEAD_LEN)?.strip_prefix(MAGIC)?;
        let mut time = || DateTime::from_timestamp_micros(i64::from_be_bytes(take(&mut rest)?));
        let (created_at, received_at) = (time()?, time()?);
        let stream_id = Uuid::from_bytes(take(&mut rest)?).into();
        let mut length = || usize::try_from(u32::from_be_bytes(take(&mut rest)?)).ok();
        let (record_len, reason_len) = (length()?, length()?);
        let check = Digest::of(&[&bytes[..HEAD_CHECK_AT]]);
        let is_whole = rest.starts_with(&check.as_bytes()[..8])
            && record_len <= BODY_LEN_MAX
            && reason_len <= BODY_LEN_MAX;
        is_whole.then_some(Self { created_at, received_at, stream_id, record_len, reason_len })
    }

    /// Bytes of the whole frame.
    pub(super) fn frame_len(&self) -> usize {
        HEAD_LEN + self.record_len + self.reason_len
    }
}

impl<'a> Frame<'a> {
    /// The frame at the beginning of `bytes`, if it is whole.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let head = FrameHead::read(bytes)?;
        let body = bytes.get(HEAD_LEN..head.frame_len())?;
        let check = Digest::of(&[&bytes[..CHECK_AT], body]);
        let (record, reason) = body.split_at(head.record_len);
        let is_whole = bytes[CHECK_AT..HEAD_LEN] == check.as_bytes()[..16];
        is_whole.then_some(Self { head, record, reason })
    }

    /// The record, with how long it has waited. `None` if a newer release wrote it in a format that this one does not
    /// know.
    pub(super) fn record(&self) -> Option<Record> {
        let record = Record::from_bytes(self.record).ok()?;
        Some(record.waiting_since(self.head.received_at, now()))
    }

    pub(super) fn reason(&self) -> String {
        String::from_utf8_lossy(self.reason).into_owned()
    }

    /// The same record's frame with another reason.
    pub(super) fn with_reason(&self, reason: &str) -> Vec<u8> {
        let FrameHead { created_at, received_at, stream_id, .. } = self.head;
        encoded([created_at, received_at], stream_id, self.record, reason)
    }
}

/// The next `N` bytes.
fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (part, left) = rest.split_first_chunk()?;
    *rest = left;
    Some(*part)
}

/// A length as an offset in a file. No `usize` is wider than 64 bits.
pub(super) fn widened(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
