//! Every column that the caller fixes and no reader needs hidden.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::event::{EventId, EventType, StreamId};
use crate::proof::canonical;

/// The open part of a record: ids, types, times. Texts are from closed or well-formed sets when
/// sealed; read back from a database they are whatever stands there, for the verifier to judge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// The event's id.
    pub id: Uuid,
    /// The stream it is chained in.
    pub stream_id: StreamId,
    /// The request it belongs to.
    pub request_id: Option<Uuid>,
    /// The conversation it belongs to.
    pub conversation_id: Option<Uuid>,
    /// What happened.
    pub event_type: String,
    /// Who acted.
    pub actor: String,
    /// How it ended.
    pub outcome: String,
    /// Why it did not succeed.
    pub error_code: Option<String>,
    /// How long it took, in milliseconds.
    pub duration_ms: Option<i32>,
    /// The host's time, to the microsecond.
    #[serde(with = "micros")]
    pub created_at: DateTime<Utc>,
    /// Trace id, 32 hex digits.
    pub trace_id: Option<String>,
    /// Span id, 16 hex digits.
    pub span_id: Option<String>,
}

impl Header {
    /// The bytes that are hashed: RFC 8785 of the header with its format version, times in
    /// microseconds since 1970.
    #[must_use]
    pub fn canonical(&self) -> String {
        canonical(&json!({
            "version": 1,
            "id": self.id,
            "stream_id": self.stream_id,
            "request_id": self.request_id,
            "conversation_id": self.conversation_id,
            "event_type": self.event_type,
            "actor": self.actor,
            "outcome": self.outcome,
            "error_code": self.error_code,
            "duration_ms": self.duration_ms,
            "created_at_us": self.created_at.timestamp_micros(),
            "trace_id": self.trace_id,
            "span_id": self.span_id,
        }))
    }

    /// What contradicts itself in the header, or `None`: the id must carry the time, the ids must
    /// give the stream, the type must be well-formed.
    #[must_use]
    pub fn contradiction(&self) -> Option<&'static str> {
        let id = EventId::from_uuid(self.id);
        if id.is_err() {
            Some("its id is no event id")
        } else if id.is_ok_and(|id| id.created_at() != self.created_at) {
            Some("its id and its created_at disagree")
        } else if StreamId::of(self.request_id, self.conversation_id) != self.stream_id {
            Some("its stream is not that of its request or conversation")
        } else if EventType::new(self.event_type.clone()).is_err() {
            Some("its event type is malformed")
        } else {
            None
        }
    }
}

/// Times as RFC 3339 with exactly six decimals, so that one time has one text.
pub(crate) mod micros {
    use chrono::{DateTime, SecondsFormat, Utc};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(time: &DateTime<Utc>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Micros, true))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<DateTime<Utc>, D::Error> {
        let text = String::deserialize(from)?;
        let time = DateTime::parse_from_rfc3339(&text).map_err(D::Error::custom)?.to_utc();
        // A leap second is the next second's first by another text.
        let is_leap = time.timestamp_subsec_nanos() >= 1_000_000_000;
        if !is_leap && time.to_rfc3339_opts(SecondsFormat::Micros, true) == text {
            Ok(time)
        } else {
            Err(D::Error::custom("time is not RFC 3339 in UTC with six decimals"))
        }
    }
}
