//! What a search for requests asks and finds.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, SecondsFormat, Utc};
use uuid::Uuid;

use super::StoreError;
use super::criteria::{Asked, Criteria, EffectScope, StreamFacts};
use crate::event::{ConversationId, RequestId, StreamId};
use crate::redact::{KeyFingerprint, PhoneError, RedactionKey};

/// Most requests on a page.
pub(super) const PAGE_MAX: u32 = 1_000;

/// Which requests to find. Without filters, all of them.
#[derive(Clone, Debug)]
pub struct RequestQuery {
    pub(super) scope: StreamScope,
    pub(super) state: Option<String>,
    pub(super) criteria: Criteria,
    pub(super) page: u32,
    pub(super) after: Option<RequestCursor>,
}

/// A request that was found, and its state by its events.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FoundRequest {
    /// The request's id.
    pub request_id: Uuid,
    /// The conversation of its first event.
    pub conversation_id: Option<Uuid>,
    /// Its last state (`request.state_changed`).
    pub state: Option<String>,
    /// How many events it has.
    pub events: i64,
    /// The database's time of the first.
    pub began_at: DateTime<Utc>,
    /// The database's time of the last.
    pub last_at: DateTime<Utc>,
}

/// A page of requests, most recent first.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RequestPage {
    /// The requests. A page that is not full is not necessarily the last.
    pub requests: Vec<FoundRequest>,
    /// Where the next page begins; `None` on the last page.
    pub next: Option<RequestCursor>,
}

/// The place of a request in the list. As text, `<time>/<stream>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestCursor {
    pub(crate) began_at: DateTime<Utc>,
    pub(crate) stream_id: StreamId,
}

/// A search failed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FindError {
    /// The time ends before it begins.
    #[error("the time ends at {before}, which is not after its start at {from}: swap them")]
    EmptyTime {
        /// The start.
        from: DateTime<Utc>,
        /// The end.
        before: DateTime<Utc>,
    },
    /// A text is not a cursor.
    #[error("this is not a cursor: pass the `next` of the previous page unchanged")]
    MalformedCursor,
    /// The database belongs to another redaction key, so every keyed hash in it is another.
    #[error(
        "the database belongs to the redaction key {in_use}, and this search has {given}: people and idempotency keys \
         are found with the deployment's key only"
    )]
    OtherKey {
        /// The fingerprint of the database's key.
        in_use: KeyFingerprint,
        /// That of the search's key.
        given: KeyFingerprint,
    },
    /// A page of zero or too many requests.
    #[error("a page may have 1 to {PAGE_MAX} requests, not {asked}")]
    PageSize {
        /// What was asked for.
        asked: u32,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Which streams a store lists.
#[derive(Clone, Debug)]
pub struct StreamScope {
    pub(crate) from: DateTime<Utc>,
    pub(crate) before: DateTime<Utc>,
    pub(crate) of: StreamOwner,
    pub(crate) effects: EffectScope,
    pub(crate) asked: Asked,
}

/// Whose streams a store lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamOwner {
    All,
    Conversation(Uuid),
    Request(StreamId),
}

/// What a store says of a stream.
#[derive(Clone, Debug)]
pub struct ListedStream {
    pub(crate) cursor: RequestCursor,
    /// `None` for the system's stream, a conversation's, and one whose first event is gone.
    pub(crate) request: Option<FoundRequest>,
    pub(crate) facts: StreamFacts,
}

impl Default for RequestQuery {
    fn default() -> Self {
        let scope = StreamScope {
            from: DateTime::UNIX_EPOCH,
            before: DateTime::from_timestamp(253_402_300_799, 0).unwrap_or(DateTime::UNIX_EPOCH),
            of: StreamOwner::All,
            effects: EffectScope::default(),
            asked: Asked::default(),
        };
        Self { scope, state: None, criteria: Criteria::default(), page: 50, after: None }
    }
}

impl RequestQuery {
    /// Finds all requests, fifty a page.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Only requests that began at this time or later, by the database's clock.
    #[must_use]
    pub fn began_from(mut self, from: DateTime<Utc>) -> Self {
        self.scope.from = from;
        self
    }

    /// Only requests that began before this time, by the database's clock.
    #[must_use]
    pub fn began_before(mut self, before: DateTime<Utc>) -> Self {
        self.scope.before = before;
        self
    }

    /// Only requests that are in this state now.
    #[must_use]
    pub fn state(mut self, state: impl Into<String>) -> Self {
        self.state = Some(state.into());
        self
    }

    /// Only this request. [`Auditor::request_id`](crate::Auditor::request_id) takes the host's name for it.
    #[must_use]
    pub fn request(mut self, request: &RequestId) -> Self {
        self.scope.of = StreamOwner::Request(request.into());
        self
    }

    /// Only requests of this conversation, as far as its last 10,000 events name them.
    #[must_use]
    pub fn conversation(mut self, conversation: &ConversationId) -> Self {
        self.scope.of = StreamOwner::Conversation(conversation.uuid());
        self
    }

    /// Only requests whose events name this phone number, a client's or a vendor's, in any spelling. It is compared by
    /// its keyed hash: numbers under a name such as `from_phone`, `client_phone` or `wa_id`, and the hashes in idempotency
    /// keys. `key` is the deployment's key.
    ///
    /// # Errors
    /// [`PhoneError`] if the text is not a phone number.
    pub fn phone(mut self, key: &RedactionKey, phone: &str) -> Result<Self, PhoneError> {
        self.criteria.phone(key, phone)?;
        Ok(self)
    }

    /// Only requests whose events name this vendor, by the host's id, or by the id that an external pack shows.
    /// `key` is the deployment's key.
    #[must_use]
    pub fn vendor(mut self, key: &RedactionKey, vendor_id: &str) -> Self {
        self.criteria.vendor(key, vendor_id);
        self
    }

    /// Only requests with this idempotency key, of an effect or of a message. An effect is looked up by an index, also
    /// if it ran long ago. `key` is the deployment's key.
    #[must_use]
    pub fn idempotency_key(mut self, key: &RedactionKey, idempotency_key: &str) -> Self {
        self.criteria.idempotency_key(key, idempotency_key);
        self
    }

    /// Only requests in which an effect of the AI was refused: a call of it, or an effect that its kill switch governs.
    #[must_use]
    pub fn ai_refused(mut self) -> Self {
        self.criteria.is_ai_refused = true;
        self
    }

    /// Only requests with an effect that is in doubt now. They are looked up by an index.
    #[must_use]
    pub fn in_doubt(mut self) -> Self {
        self.criteria.is_in_doubt = true;
        self
    }

    /// How many requests a page has at most. Default: 50.
    #[must_use]
    pub fn page(mut self, requests: u32) -> Self {
        self.page = requests;
        self
    }

    /// Starts the page at this cursor.
    #[must_use]
    pub fn after(mut self, cursor: RequestCursor) -> Self {
        self.after = Some(cursor);
        self
    }
}

impl fmt::Display for RequestCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = self.began_at.to_rfc3339_opts(SecondsFormat::Micros, true);
        write!(f, "{time}/{}", self.stream_id)
    }
}

impl FromStr for RequestCursor {
    type Err = FindError;

    fn from_str(text: &str) -> Result<Self, FindError> {
        let parts = text.trim().split_once('/').and_then(|(time, stream)| {
            let began_at = DateTime::parse_from_rfc3339(time).ok()?.to_utc();
            Some(Self { began_at, stream_id: Uuid::try_parse(stream).ok()?.into() })
        });
        parts.ok_or(FindError::MalformedCursor)
    }
}
