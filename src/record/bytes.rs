//! A record as bytes, for a file that keeps it until a store has it.

use std::fmt::Write as _;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::sealed::{Content, Part};
use super::{Header, Record, Role};
use crate::event::EventId;
use crate::json::{parse, write_string};

/// The version that this crate writes.
const VERSION: u32 = 2;

const INTENT: &str = "intent";
const OUTCOME: &str = "outcome";

/// The bytes are not a sealed record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordBytesError {
    /// The header contradicts itself.
    #[error("the record contradicts itself: {reason}")]
    Contradiction {
        /// What does not agree.
        reason: &'static str,
    },
    /// The content does not match its hash.
    #[error("the record's content does not have the hash that was stored with it")]
    Hash,
    /// They are not the JSON of a record. The error does not quote them, because they may hold personal data.
    #[error("the bytes are not the JSON of a record")]
    Malformed,
    /// They mean the same as a record's bytes, but differ from what was written.
    #[error("the bytes spell the record in another way than it is written")]
    Spelling,
    /// They were written by another version of this crate.
    #[error("the record has byte form {found}, and this version reads {VERSION}")]
    Version {
        /// The version that they name.
        found: u32,
    },
}

impl Record {
    /// The whole record as JSON text. It holds everything that the event holds, personal data and salt
    /// included. The commitments are left out, because they follow from the content and the salt.
    ///
    /// # Panics
    /// Never: every part of a record is JSON.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let header = serde_json::to_string(self.header()).expect("a header is JSON");
        let mut out = String::with_capacity(512 + header.len() + self.payload_len());
        // Writing to a String cannot fail.
        let _ok = write!(out, r#"{{"version":{VERSION},"header":{header}"#);
        let parts = [("input", self.canonical_input()), ("output", self.canonical_output())];
        for (name, part) in parts {
            push_part(&mut out, name, part);
        }
        out.push_str(r#","idempotency_key":"#);
        match self.idempotency_key() {
            Some(key) => write_string(key, &mut out),
            None => out.push_str("null"),
        }
        push_part(&mut out, "host_ids", self.canonical_host_ids());
        let (salt, event_hash) = (self.salt().to_hex(), self.event_hash().to_hex());
        let _ok = write!(out, r#","salt":"{salt}","event_hash":"{event_hash}""#);
        // Most records have none: only those of effects do.
        let role = match self.role() {
            Role::Event => None,
            Role::Intent => Some(INTENT),
            Role::Outcome => Some(OUTCOME),
        };
        if let Some(role) = role {
            let _ok = write!(out, r#","role":"{role}""#);
        }
        out.push('}');
        out.into_bytes()
    }

    /// Reads back what [`to_bytes`](Self::to_bytes) wrote: the same bytes, or an error.
    ///
    /// Besides [`seal`](super::seal()), this is the only way to make a `Record`, and it checks as much: the
    /// commitments and the hash are computed again from the content, the header must not contradict
    /// itself, and the record must write itself as exactly these bytes. So a changed byte is an
    /// error. A forger who can write the file can also compute the hash; only the file's permissions
    /// protect against that.
    ///
    /// # Errors
    /// [`RecordBytesError`], by what is wrong with the bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RecordBytesError> {
        let text = str::from_utf8(bytes).map_err(|_| RecordBytesError::Malformed)?;
        let Ok(Value::Object(mut members)) = parse(text) else {
            return Err(RecordBytesError::Malformed);
        };
        let version: u32 = take(&mut members, "version")?;
        if version != VERSION {
            return Err(RecordBytesError::Version { found: version });
        }
        let header: Header = take(&mut members, "header")?;
        if let Some(reason) = header.contradiction() {
            return Err(RecordBytesError::Contradiction { reason });
        }
        let id = EventId::from_uuid(header.id)
            .map_err(|_| RecordBytesError::Contradiction { reason: "its id is no event id" })?;
        let content = Content {
            input: take_part(&mut members, "input"),
            output: take_part(&mut members, "output"),
            idempotency_key: take(&mut members, "idempotency_key")?,
            host_ids: take_part(&mut members, "host_ids"),
        };
        let role = match members.get("role").map(Value::as_str) {
            None => Role::Event,
            Some(Some(INTENT)) => Role::Intent,
            Some(Some(OUTCOME)) => Role::Outcome,
            Some(_) => {
                return Err(RecordBytesError::Contradiction { reason: "its role is unknown" });
            }
        };
        let record = Self::of(id, header, content, take(&mut members, "salt")?).with_role(role);
        if record.event_hash() != take(&mut members, "event_hash")? {
            return Err(RecordBytesError::Hash);
        }
        // Two spellings of a number or a letter have the same hash, and an unknown member would be
        // ignored.
        if record.to_bytes() == bytes { Ok(record) } else { Err(RecordBytesError::Spelling) }
    }
}

fn push_part(out: &mut String, name: &str, canonical: Option<&str>) {
    // Writing to a String cannot fail.
    let _ok = write!(out, r#","{name}":{}"#, canonical.unwrap_or("null"));
}

/// Takes a member out and reads it as its type.
fn take<T: DeserializeOwned>(
    members: &mut Map<String, Value>,
    name: &str,
) -> Result<T, RecordBytesError> {
    let member = members.remove(name).ok_or(RecordBytesError::Malformed)?;
    T::deserialize(member).map_err(|_| RecordBytesError::Malformed)
}

fn take_part(members: &mut Map<String, Value>, name: &str) -> Option<Part> {
    members.remove(name).filter(|part| !part.is_null()).map(Part::of)
}
