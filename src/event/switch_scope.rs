//! Where a kill switch is set.

use std::fmt;

use uuid::Uuid;

use super::{ConversationId, RequestId, StreamId};

/// Where a kill switch is set. An effect is refused if its switch is engaged in any scope that the
/// effect is in.
///
/// The event of a flip is in the scope's stream: the request's, the conversation's, or the
/// [system's](StreamId::SYSTEM).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SwitchScope {
    /// Everywhere. A switch that was never reset is engaged.
    Everywhere,
    /// One conversation. A switch that was never engaged there is not.
    Conversation(Uuid),
    /// One request. A switch that was never engaged there is not.
    Request(Uuid),
}

impl SwitchScope {
    /// The scope of an event with these ids.
    pub(crate) fn of(request: Option<Uuid>, conversation: Option<Uuid>) -> Self {
        match (request, conversation) {
            (Some(request), _) => Self::Request(request),
            (None, Some(conversation)) => Self::Conversation(conversation),
            (None, None) => Self::Everywhere,
        }
    }

    /// The kind, as events say it: `everywhere`, `conversation` or `request`.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::Conversation(_) => "conversation",
            Self::Everywhere => "everywhere",
            Self::Request(_) => "request",
        }
    }

    /// The stream of the events of its flips.
    #[must_use]
    pub fn stream_id(self) -> StreamId {
        match self {
            Self::Conversation(id) => StreamId::of(None, Some(id)),
            Self::Everywhere => StreamId::SYSTEM,
            Self::Request(id) => StreamId::of(Some(id), None),
        }
    }

    /// Reads what [`Display`](fmt::Display) writes.
    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text.split_once(':') {
            Some(("conversation", id)) => id.parse().ok().map(Self::Conversation),
            Some(("request", id)) => id.parse().ok().map(Self::Request),
            None if text == "everywhere" => Some(Self::Everywhere),
            _ => None,
        }
    }
}

/// As stores keep it: `everywhere`, or `conversation:` or `request:` and its id.
impl fmt::Display for SwitchScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())?;
        match self {
            Self::Conversation(id) | Self::Request(id) => write!(f, ":{id}"),
            Self::Everywhere => Ok(()),
        }
    }
}

impl From<&ConversationId> for SwitchScope {
    fn from(conversation: &ConversationId) -> Self {
        Self::Conversation(conversation.uuid())
    }
}

impl From<&RequestId> for SwitchScope {
    fn from(request: &RequestId) -> Self {
        Self::Request(request.uuid())
    }
}
