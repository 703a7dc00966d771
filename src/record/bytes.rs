//! A record as bytes, for a file that keeps it until a store has it.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::sealed::{Content, Part};
use super::{Header, Record, Role};
use crate::event::EventId;
use crate::proof::{Digest, Salt};

/// The form that this crate writes.
const VERSION: u32 = 1;

const INTENT: &str = "intent";
const OUTCOME: &str = "outcome";

/// Bytes that are no sealed record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordBytesError {
    /// The header contradicts itself.
    #[error("the record contradicts itself: {reason}")]
    Contradiction {
        /// What does not agree.
        reason: &'static str,
    },
    /// The content does not have the hash that stands beside it.
    #[error("the record's content does not have the hash that was stored with it")]
    Hash,
    /// They are not the JSON of a record. What they are is not said: it may hold personal data.
    #[error("the bytes are not the JSON of a record (line {line}, column {column})")]
    Malformed {
        /// Where reading ended, from 1.
        line: usize,
        /// Where reading ended, from 1.
        column: usize,
    },
    /// They say the same as a record's bytes, and are not the ones that were written.
    #[error("the bytes spell the record in another way than it is written")]
    Spelling,
    /// They were written by another version of this crate.
    #[error("the record has byte form {found}, and this version reads {VERSION}")]
    Version {
        /// The version that they name.
        found: u32,
    },
}

/// What is written. The commitments are not: they follow from the content and the salt.
#[derive(Serialize)]
struct Written<'a> {
    version: u32,
    header: &'a Header,
    input: Option<&'a RawValue>,
    output: Option<&'a RawValue>,
    idempotency_key: Option<&'a str>,
    host_ids: Option<&'a RawValue>,
    salt: Salt,
    event_hash: Digest,
    /// Left out for most: what is no effect's has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    version: u32,
    header: Header,
    input: Option<Value>,
    output: Option<Value>,
    idempotency_key: Option<String>,
    host_ids: Option<Value>,
    salt: Salt,
    event_hash: Digest,
    role: Option<String>,
}

/// The one member that every version has.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

impl Record {
    /// The record whole, as JSON text. It holds what the event holds, personal data and salt
    /// included.
    ///
    /// # Panics
    /// Never: every part of a record is JSON.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let written = Written {
            version: VERSION,
            header: self.header(),
            input: self.canonical_input().map(raw),
            output: self.canonical_output().map(raw),
            idempotency_key: self.idempotency_key(),
            host_ids: self.canonical_host_ids().map(raw),
            salt: self.salt(),
            event_hash: self.event_hash(),
            role: match self.role() {
                Role::Event => None,
                Role::Intent => Some(INTENT),
                Role::Outcome => Some(OUTCOME),
            },
        };
        serde_json::to_vec(&written).expect("every part of a record is JSON")
    }

    /// Reads back what [`to_bytes`](Self::to_bytes) wrote: the same bytes, or an error.
    ///
    /// Beside [`seal`](super::seal()) this is the only way to a `Record`, and no way around it: the
    /// commitments and the hash are computed again from the content, the header may not contradict
    /// itself, and the record must write itself as these very bytes. A changed byte is therefore an
    /// error. It is no proof against somebody who can write the file and computes the hash as well:
    /// that is what the file's permissions are for.
    ///
    /// # Errors
    /// [`RecordBytesError`], by what is wrong with the bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RecordBytesError> {
        let read: Read = serde_json::from_slice(bytes).map_err(|error| malformed(bytes, &error))?;
        if read.version != VERSION {
            return Err(RecordBytesError::Version { found: read.version });
        }
        if let Some(reason) = read.header.contradiction() {
            return Err(RecordBytesError::Contradiction { reason });
        }
        let id = EventId::from_uuid(read.header.id)
            .map_err(|_| RecordBytesError::Contradiction { reason: "its id is no event id" })?;
        let content = Content {
            input: read.input.map(Part::of),
            output: read.output.map(Part::of),
            idempotency_key: read.idempotency_key,
            host_ids: read.host_ids.map(Part::of),
        };
        let role = match read.role.as_deref() {
            None => Role::Event,
            Some(INTENT) => Role::Intent,
            Some(OUTCOME) => Role::Outcome,
            Some(_) => {
                return Err(RecordBytesError::Contradiction { reason: "its role is unknown" });
            }
        };
        let record = Self::of(id, read.header, content, read.salt).with_role(role);
        if record.event_hash() != read.event_hash {
            return Err(RecordBytesError::Hash);
        }
        // Two spellings of one number, or of one letter, have the same hash.
        if record.to_bytes() == bytes { Ok(record) } else { Err(RecordBytesError::Spelling) }
    }
}

fn raw(canonical: &str) -> &RawValue {
    serde_json::from_str(canonical).expect("a canonical form is JSON")
}

#[cold]
fn malformed(bytes: &[u8], error: &serde_json::Error) -> RecordBytesError {
    match serde_json::from_slice(bytes) {
        Ok(Versioned { version }) if version != VERSION => {
            RecordBytesError::Version { found: version }
        }
        _ => RecordBytesError::Malformed { line: error.line(), column: error.column() },
    }
}
