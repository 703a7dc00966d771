//! Rows as a store returns them, with their place in the chain, not yet trusted.

use std::fmt;

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::{Commitments, Header};
use crate::proof::{Digest, Salt};

/// One stored row as a store returns it: with its place in the chain, and not yet trusted.
#[derive(Clone)]
pub struct StoredRecord {
    /// The columns of the header.
    pub header: Header,
    /// What went in.
    pub input: Option<Value>,
    /// What came out.
    pub output: Option<Value>,
    /// The host's idempotency key.
    pub idempotency_key: Option<String>,
    /// The host's own names for request and conversation.
    pub host_ids: Option<Value>,
    /// The salt of all commitments.
    pub salt: Salt,
    /// The commitments.
    pub commitments: Commitments,
    /// The hash over header and commitments.
    pub event_hash: Digest,
    /// Place in the stream, from 1.
    pub seq: i64,
    /// The database's time.
    pub recorded_at: DateTime<Utc>,
    /// The chain up to here.
    pub chain_hash: Digest,
}

impl fmt::Debug for StoredRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredRecord")
            .field("seq", &self.seq)
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}

/// A stored row with an unreadable column, reduced to what keeps its place in the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnreadableRecord {
    /// Place in the stream, from 1.
    pub seq: i64,
    /// The event's id, if that is one.
    pub id: Option<Uuid>,
    /// The database's time.
    pub recorded_at: DateTime<Utc>,
    /// The hash over header and commitments.
    pub event_hash: Digest,
    /// The chain up to here.
    pub chain_hash: Digest,
    /// The column.
    pub column: &'static str,
    /// What is wrong with it. Never the value.
    pub fault: &'static str,
}
