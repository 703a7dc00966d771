//! The sealed form of an event. Here the event's words, the redaction and the maths meet.
//!
//! Four parts of an event are committed to: input, output, idempotency key, and the host's own names for the
//! request and the conversation. Those names (`fallback`, `conv_001`) may hold personal data, so they must be
//! hideable, and therefore cannot be in the header.

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
    seal::{MAX_AHEAD, MAX_KEY_LEN, MAX_NESTING, MAX_PAYLOAD_LEN, MAX_POINTERS_LEN, seal},
    sealed::{Commitments, Receipt, Record, Recorded},
    stored::{StoredRecord, UnreadableRecord},
};
pub(crate) use self::{
    sealed::Role,
    settlement::{Settlement, TOKEN_MEMBERS},
};
