//! Sealed events, and receipts for them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::Header;
use crate::event::{EventId, StreamId};
use crate::json::parse;
use crate::proof::{Digest, Salt, canonical, commit, commit_nothing, event_hash};

/// A sealed event: sanitised, its bytes fixed and hashed. Only [`seal`](super::seal()) makes one;
/// [`from_bytes`](Self::from_bytes) reads one back. Cheap to move and to clone.
#[derive(Clone)]
pub struct Record {
    sealed: Arc<Sealed>,
    role: Role,
    pub(super) waited: Option<Duration>,
}

/// The fixed part. Batches are dropped on other threads than they are made on, so a record has few
/// allocations and no trees of values.
struct Sealed {
    id: EventId,
    header: Header,
    texts: CanonicalTexts,
    salt: Salt,
    commitments: Commitments,
    event_hash: Digest,
}

/// What a record does to an effect's entry when it is appended. Not part of the event: it is not
/// hashed, and a store does not keep it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Role {
    /// Nothing.
    #[default]
    Event,
    /// It makes the entry: the `effect.admitted` of an effect that began while the database was
    /// away.
    Intent,
    /// It settles the entry: the outcome of the effect that has the record's own id.
    Outcome,
}

/// The parts of an event that are committed to, and may be hidden from a reader.
pub(super) struct Content {
    pub(super) input: Option<Part>,
    pub(super) output: Option<Part>,
    pub(super) idempotency_key: Option<String>,
    pub(super) host_ids: Option<Part>,
}

/// A value, and its canonical form.
pub(super) struct Part {
    value: Value,
    canonical: String,
}

impl Part {
    pub(super) fn of(value: Value) -> Self {
        Self { canonical: canonical(&value), value }
    }
}

impl Content {
    /// Bytes of input, output and host ids as canonical JSON.
    pub(super) fn payload_len(&self) -> usize {
        let parts = [&self.input, &self.output, &self.host_ids].into_iter().flatten();
        parts.map(|part| part.canonical.len()).sum()
    }
}

/// A content in canonical form, which is what a store writes.
struct CanonicalTexts {
    input: Option<String>,
    output: Option<String>,
    idempotency_key: Option<String>,
    host_ids: Option<String>,
}

impl From<Content> for CanonicalTexts {
    fn from(content: Content) -> Self {
        let canonical = |part: Part| part.canonical;
        Self {
            input: content.input.map(canonical),
            output: content.output.map(canonical),
            idempotency_key: content.idempotency_key,
            host_ids: content.host_ids.map(canonical),
        }
    }
}

/// The salted digests of the parts that may be hidden from a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commitments {
    /// Of the input.
    pub input: Digest,
    /// Of the output.
    pub output: Digest,
    /// Of the idempotency key.
    pub idempotency_key: Digest,
    /// Of the host's own names for request and conversation, if they are not UUIDs.
    pub host_ids: Digest,
}

impl Commitments {
    /// Commits to the four parts of an event under its salt.
    #[must_use]
    pub fn to(
        salt: Salt,
        input: Option<&Value>,
        output: Option<&Value>,
        idempotency_key: Option<&str>,
        host_ids: Option<&Value>,
    ) -> Self {
        let to = |part: Option<&Value>, root| {
            part.map_or_else(commit_nothing, |part| commit(part, salt, root))
        };
        Self {
            input: to(input, "/input"),
            output: to(output, "/output"),
            idempotency_key: to(idempotency_key.map(Value::from).as_ref(), "/idempotency_key"),
            host_ids: to(host_ids, "/host_ids"),
        }
    }

    /// The hash of an event with this header and these commitments.
    #[must_use]
    pub fn event_hash(&self, header: &Header) -> Digest {
        let order = [self.input, self.output, self.idempotency_key, self.host_ids];
        event_hash(&header.canonical(), order)
    }
}

impl Record {
    /// Commits to the content, and hashes.
    pub(super) fn of(id: EventId, header: Header, content: Content, salt: Salt) -> Self {
        let commitments = Commitments::to(
            salt,
            content.input.as_ref().map(|part| &part.value),
            content.output.as_ref().map(|part| &part.value),
            content.idempotency_key.as_deref(),
            content.host_ids.as_ref().map(|part| &part.value),
        );
        let event_hash = commitments.event_hash(&header);
        let texts = CanonicalTexts::from(content);
        let sealed = Sealed { id, header, texts, salt, commitments, event_hash };
        Self { sealed: Arc::new(sealed), role: Role::Event, waited: None }
    }

    /// Sets what the record does to an effect's entry.
    pub(crate) fn with_role(self, role: Role) -> Self {
        Self { role, ..self }
    }

    /// Whether it makes the entry of an effect that began while the database was away.
    #[must_use]
    pub fn is_intent(&self) -> bool {
        self.role == Role::Intent
    }

    /// Whether it settles the entry of the effect that has its id.
    #[must_use]
    pub fn is_outcome(&self) -> bool {
        self.role == Role::Outcome
    }

    /// What it does to an effect's entry.
    pub(crate) fn role(&self) -> Role {
        self.role
    }

    /// The event's id.
    #[must_use]
    pub fn id(&self) -> EventId {
        self.sealed.id
    }

    /// The stream it is chained in.
    #[must_use]
    pub fn stream_id(&self) -> StreamId {
        self.sealed.header.stream_id
    }

    /// The open part: ids, types, times.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.sealed.header
    }

    /// What went in, parsed from its canonical form at each call.
    #[must_use]
    pub fn input(&self) -> Option<Value> {
        self.canonical_input().map(value)
    }

    /// The input in canonical form, as it is stored.
    #[must_use]
    pub fn canonical_input(&self) -> Option<&str> {
        self.sealed.texts.input.as_deref()
    }

    /// What came out, parsed from its canonical form at each call.
    #[must_use]
    pub fn output(&self) -> Option<Value> {
        self.canonical_output().map(value)
    }

    /// The output in canonical form, as it is stored.
    #[must_use]
    pub fn canonical_output(&self) -> Option<&str> {
        self.sealed.texts.output.as_deref()
    }

    /// The host's idempotency key. Phone numbers inside are keyed hashes.
    #[must_use]
    pub fn idempotency_key(&self) -> Option<&str> {
        self.sealed.texts.idempotency_key.as_deref()
    }

    /// The host's own names for request and conversation, if they are not UUIDs. Parsed from their
    /// canonical form at each call.
    #[must_use]
    pub fn host_ids(&self) -> Option<Value> {
        self.canonical_host_ids().map(value)
    }

    /// The host's own names in canonical form, as it is stored.
    #[must_use]
    pub fn canonical_host_ids(&self) -> Option<&str> {
        self.sealed.texts.host_ids.as_deref()
    }

    /// The salt from which those of its parts are derived.
    #[must_use]
    pub fn salt(&self) -> Salt {
        self.sealed.salt
    }

    /// The commitments.
    #[must_use]
    pub fn commitments(&self) -> &Commitments {
        &self.sealed.commitments
    }

    /// The hash over header and commitments.
    #[must_use]
    pub fn event_hash(&self) -> Digest {
        self.sealed.event_hash
    }

    /// Bytes of input, output and host ids as canonical JSON.
    #[must_use]
    pub fn payload_len(&self) -> usize {
        let CanonicalTexts { input, output, host_ids, .. } = &self.sealed.texts;
        [input, output, host_ids].into_iter().flatten().map(String::len).sum()
    }
}

/// A canonical form read back.
fn value(canonical: &str) -> Value {
    parse(canonical).expect("what was sanitised is read back")
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record").field("header", &self.sealed.header).finish_non_exhaustive()
    }
}

/// Proof that an event is durable, with its place in the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Receipt {
    /// The event.
    pub event_id: Uuid,
    /// The stream it is chained in.
    pub stream_id: StreamId,
    /// Place in the stream, from 1.
    pub seq: i64,
    /// The database's time.
    pub recorded_at: DateTime<Utc>,
    /// The hash over the event's header and commitments.
    pub event_hash: Digest,
    /// The chain up to here.
    pub chain_hash: Digest,
    is_duplicate: bool,
}

impl Receipt {
    /// Makes a receipt. For implementors of [`AuditSink`](crate::store::AuditSink). `is_duplicate` says that an earlier
    /// call sealed and stored the event. A record that is sent again is none: the store has its salt.
    #[must_use]
    pub fn new(
        record: &Record,
        seq: i64,
        recorded_at: DateTime<Utc>,
        event_hash: Digest,
        chain_hash: Digest,
        is_duplicate: bool,
    ) -> Self {
        let (event_id, stream_id) = (record.header().id, record.stream_id());
        Self { event_id, stream_id, seq, recorded_at, event_hash, chain_hash, is_duplicate }
    }

    /// True if an earlier call recorded the event, with the same content: this is its receipt.
    #[must_use]
    pub fn is_duplicate(&self) -> bool {
        self.is_duplicate
    }
}

/// Says in which place a recorded event is durable. A spooled event has no place in the chain yet, so
/// it has no receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Recorded {
    /// In the database, in its chain.
    Chained(Receipt),
    /// On this machine's disk, because the database is away. It gets its place in the chain when
    /// the spool is drained.
    #[non_exhaustive]
    Spooled {
        /// The event.
        event_id: Uuid,
        /// The stream it will be chained in.
        stream_id: StreamId,
        /// The hash over the event's header and commitments.
        event_hash: Digest,
    },
}

impl Recorded {
    /// The answer for a record in the spool.
    #[cfg(feature = "recorder")]
    pub(crate) fn spooled(record: &Record) -> Self {
        Self::Spooled {
            event_id: record.header().id,
            stream_id: record.stream_id(),
            event_hash: record.event_hash(),
        }
    }

    /// The event.
    #[must_use]
    pub fn event_id(&self) -> Uuid {
        match self {
            Self::Chained(receipt) => receipt.event_id,
            Self::Spooled { event_id, .. } => *event_id,
        }
    }

    /// True if an earlier call recorded the event, with the same content. False for an event in the
    /// spool, because it is not known yet.
    #[must_use]
    pub fn is_duplicate(&self) -> bool {
        self.receipt().is_some_and(Receipt::is_duplicate)
    }

    /// The database's receipt; none if the event is in the spool.
    #[must_use]
    pub fn receipt(&self) -> Option<&Receipt> {
        match self {
            Self::Chained(receipt) => Some(receipt),
            Self::Spooled { .. } => None,
        }
    }
}
