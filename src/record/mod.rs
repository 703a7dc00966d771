//! The sealed form of an event: where the words, the redaction and the maths meet.

pub(crate) use self::consent::{lapse, time_of};
pub(crate) use self::header::micros;
mod bytes;
mod consent;
mod header;
mod seal;
mod sealed;
mod settlement;
mod stored;
mod wait;

pub use self::{
    bytes::RecordBytesError,
    header::Header,
    seal::{
        MAX_AHEAD, MAX_KEY_LEN, MAX_NESTING, MAX_PAYLOAD_LEN, MAX_POINTERS_LEN, Randomness, seal,
    },
    sealed::{Commitments, Receipt, Record, Recorded, Role},
    settlement::Settlement,
    stored::{StoredRecord, UnreadableRecord},
};
