//! A record in the file, so wrapped that it is found and known to be whole without the file's tree.
//!
//! ```text
//! magic(8) place(8) created_at(8) received_at(8) stream_id(16) length(4) head_check(8) check(16)
//! record(length)
//! ```
//!
//! Integers are big-endian; times count microseconds since 1970. `received_at` is this machine's time
//! of the push: how long a record waited is a difference of one clock. `head_check` is the
//! beginning of the SHA-256 of all before it, so that a length is believed before as much is read;
//! `check` is that of all before it and the record. The magic holds a byte that no UTF-8 text has:
//! nothing inside a record looks like the beginning of a frame.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::event::StreamId;
use crate::proof::Digest;
use crate::record::Record;

/// The first bytes of every frame, with the form's version.
pub(super) const MAGIC: &[u8; 8] = b"\xF5spool1\n";

/// Bytes of a frame before its record.
pub(super) const HEAD_LEN: usize = CHECK_AT + 16;

/// Longest record in bytes: far more than sealing lets through.
const RECORD_LEN_MAX: usize = 16 << 20;

/// More places than are ever given out, so that counting on from one cannot overflow.
const PLACES_MAX: u64 = 1 << 62;

const PLACE_AT: usize = 8;
const CREATED_AT: usize = 16;
const RECEIVED_AT: usize = 24;
const STREAM_AT: usize = 32;
const LENGTH_AT: usize = 48;
const HEAD_CHECK_AT: usize = 52;
const CHECK_AT: usize = 60;

/// What a frame says about its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) place: u64,
    pub(super) created_at: DateTime<Utc>,
    pub(super) received_at: DateTime<Utc>,
    pub(super) stream_id: StreamId,
    /// Of the frame whole, in bytes.
    pub(super) len: usize,
}

/// The frame of a record at a place.
pub(super) fn encode(place: u64, record: &Record) -> Vec<u8> {
    let times = [record.header().created_at, now()];
    frame(place, times, record.stream_id(), &record.to_bytes())
}

/// The same record's frame at another place.
fn moved(place: u64, head: &Head, record: &[u8]) -> Vec<u8> {
    frame(place, [head.created_at, head.received_at], head.stream_id, record)
}

/// What lies at the beginning of `bytes`, where it is a whole frame: its head, and its record's bytes.
pub(super) fn whole(bytes: &[u8]) -> Option<(Head, &[u8])> {
    let head = Head::read(bytes)?;
    Some((head, head.record(bytes)?))
}

/// The record in a frame, where it is whole and of a version that is known, with how long it has waited.
pub(super) fn record(bytes: &[u8]) -> Option<Record> {
    let (head, record) = whole(bytes)?;
    Some(Record::from_bytes(record).ok()?.waiting_since(head.received_at, now()))
}

/// The time of this machine, which keeps the file.
#[allow(clippy::disallowed_methods, reason = "the spool's clock")]
fn now() -> DateTime<Utc> {
    Utc::now()
}

/// A row's bytes for another file, or another place. A frame gets that place: with its old one it would
/// be taken for another record when the file is salvaged. Of bytes that are no whole frame no part
/// may be found as one: whatever looks like the beginning of a frame is made to look like none.
pub(super) fn relocated(place: u64, bytes: &[u8]) -> Vec<u8> {
    if let Some((head, record)) = whole(bytes) {
        return moved(place, &head, record);
    }
    let mut bytes = bytes.to_vec();
    for at in 0..bytes.len() {
        if bytes[at..].starts_with(MAGIC) {
            bytes[at] = 0;
        }
    }
    bytes
}

fn frame(place: u64, times: [DateTime<Utc>; 2], stream_id: StreamId, record: &[u8]) -> Vec<u8> {
    // Sealing bounds a record far below; one that were longer would fail its check, and be kept.
    let length = u32::try_from(record.len()).unwrap_or(u32::MAX);
    let mut bytes = Vec::with_capacity(HEAD_LEN + record.len());
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&place.to_be_bytes());
    for time in times {
        bytes.extend_from_slice(&time.timestamp_micros().to_be_bytes());
    }
    bytes.extend_from_slice(stream_id.uuid().as_bytes());
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(&Digest::of(&[&bytes]).as_bytes()[..8]);
    bytes.extend_from_slice(&Digest::of(&[&bytes, record]).as_bytes()[..16]);
    bytes.extend_from_slice(record);
    bytes
}

impl Head {
    /// The head at the beginning of `bytes`, where it is one and whole.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..HEAD_LEN)?;
        let check = Digest::of(&[&bytes[..HEAD_CHECK_AT]]);
        if !bytes.starts_with(MAGIC) || bytes[HEAD_CHECK_AT..CHECK_AT] != check.as_bytes()[..8] {
            return None;
        }
        let record_len = usize::try_from(u32::from_be_bytes(part(bytes, LENGTH_AT))).ok()?;
        let time = |at| DateTime::from_timestamp_micros(i64::from_be_bytes(part(bytes, at)));
        let place = u64::from_be_bytes(part(bytes, PLACE_AT));
        (record_len <= RECORD_LEN_MAX && place < PLACES_MAX).then_some(Self {
            place,
            created_at: time(CREATED_AT)?,
            received_at: time(RECEIVED_AT)?,
            stream_id: Uuid::from_bytes(part(bytes, STREAM_AT)).into(),
            len: HEAD_LEN + record_len,
        })
    }

    /// The record's bytes in the frame at the beginning of `bytes`, where they are whole.
    pub(super) fn record<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let record = bytes.get(HEAD_LEN..self.len)?;
        let check = Digest::of(&[&bytes[..CHECK_AT], record]);
        (bytes[CHECK_AT..HEAD_LEN] == check.as_bytes()[..16]).then_some(record)
    }
}

/// The `N` bytes at `at` of a head.
fn part<const N: usize>(head: &[u8], at: usize) -> [u8; N] {
    let mut part = [0; N];
    part.copy_from_slice(&head[at..at + N]);
    part
}
