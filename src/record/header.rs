//! The columns that the caller fixes and that every reader may see.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::event::{Actor, EventId, EventType, Outcome, StreamId};
use crate::json::write_string;
use crate::proof::write_integer;

/// The open part of a record: ids, types, times. Sealing takes texts only from closed sets or in fixed
/// forms. Texts that are read back from a database are as stored, and the verifier judges them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    #[cfg_attr(feature = "schema", schemars(with = "EventType"))]
    pub event_type: String,
    /// Who acted.
    #[cfg_attr(feature = "schema", schemars(with = "Actor"))]
    pub actor: String,
    /// How it ended.
    #[cfg_attr(feature = "schema", schemars(with = "Outcome"))]
    pub outcome: String,
    /// Why it did not succeed.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^[a-z][a-z0-9_]{0,63}$")))]
    pub error_code: Option<String>,
    /// How long it took, in milliseconds.
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub duration_ms: Option<i32>,
    /// The host's time, to the microsecond.
    #[serde(with = "micros")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "micros::schema"))]
    pub created_at: DateTime<Utc>,
    /// Trace id, 32 hex digits.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^[0-9a-f]{32}$")))]
    pub trace_id: Option<String>,
    /// Span id, 16 hex digits.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^[0-9a-f]{16}$")))]
    pub span_id: Option<String>,
    /// The event that led to this one.
    pub caused_by: Option<Uuid>,
    /// The process that wrote it: the id of its `audit.writer_started`.
    pub writer_id: Option<Uuid>,
    /// The version of the format in which it was sealed.
    #[cfg_attr(feature = "schema", schemars(extend("const" = Self::VERSION)))]
    pub version: i16,
}

impl Header {
    /// The version of the format that this release writes, and the only one that it reads.
    pub const VERSION: i16 = 1;

    /// Whether the event is of this type.
    pub(crate) fn is(&self, event_type: &EventType) -> bool {
        self.event_type == event_type.as_str()
    }

    /// The bytes that are hashed: RFC 8785 of the header, with its time in microseconds since 1970.
    #[must_use]
    pub fn canonical(&self) -> String {
        let members = [
            (r#"{"actor":"#, Cell::Text(Some(&self.actor))),
            (r#","caused_by":"#, Cell::Id(self.caused_by)),
            (r#","conversation_id":"#, Cell::Id(self.conversation_id)),
            (r#","created_at_us":"#, Cell::Integer(Some(self.created_at.timestamp_micros()))),
            (r#","duration_ms":"#, Cell::Integer(self.duration_ms.map(i64::from))),
            (r#","error_code":"#, Cell::Text(self.error_code.as_deref())),
            (r#","event_type":"#, Cell::Text(Some(&self.event_type))),
            (r#","id":"#, Cell::Id(Some(self.id))),
            (r#","outcome":"#, Cell::Text(Some(&self.outcome))),
            (r#","request_id":"#, Cell::Id(self.request_id)),
            (r#","span_id":"#, Cell::Text(self.span_id.as_deref())),
            (r#","stream_id":"#, Cell::Id(Some(self.stream_id.uuid()))),
            (r#","trace_id":"#, Cell::Text(self.trace_id.as_deref())),
            (r#","version":"#, Cell::Integer(Some(self.version.into()))),
            (r#","writer_id":"#, Cell::Id(self.writer_id)),
        ];
        let mut out = String::with_capacity(512);
        for (name, cell) in members {
            out.push_str(name);
            cell.write(&mut out);
        }
        out.push('}');
        out
    }

    /// What contradicts itself in the header, or `None`: the id must carry the time, the ids must
    /// give the stream, and every text must be of its set or of its form.
    #[must_use]
    pub fn contradiction(&self) -> Option<&'static str> {
        let id = EventId::from_uuid(self.id);
        let is_event_id = |id| EventId::from_uuid(id).is_ok();
        if self.version != Self::VERSION {
            Some("its format has a version that this release does not know")
        } else if id.is_err() {
            Some("its id is no event id")
        } else if id.is_ok_and(|id| id.created_at() != self.created_at) {
            Some("its id and its created_at disagree")
        } else if StreamId::of(self.request_id, self.conversation_id) != self.stream_id {
            Some("its stream is not that of its request or conversation")
        } else if EventType::new(self.event_type.clone()).is_err() {
            Some("its event type is malformed")
        } else if Actor::parse(&self.actor).is_none() {
            Some("there is no actor of this name")
        } else if Outcome::parse(&self.outcome).is_none() {
            Some("there is no outcome of this name")
        } else if !self.error_code.as_deref().is_none_or(is_code) {
            Some("its error code is malformed")
        } else if self.duration_ms.is_some_and(i32::is_negative) {
            Some("it took less than no time")
        } else if !self.trace_id.as_deref().is_none_or(|id| is_trace_part(id, 32)) {
            Some("its trace id is malformed")
        } else if !self.span_id.as_deref().is_none_or(|id| is_trace_part(id, 16)) {
            Some("its span id is malformed")
        } else if !self.caused_by.is_none_or(is_event_id) {
            Some("its cause is no event id")
        } else if self.caused_by == Some(self.id) {
            Some("it names itself as its cause")
        } else if !self.writer_id.is_none_or(is_event_id) {
            Some("its writer is no event id")
        } else {
            None
        }
    }
}

/// Whether a text has the form of an error code. A host that writes through SQL has codes of its own.
fn is_code(text: &str) -> bool {
    text.len() <= EventType::MAX_LEN
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
        // It is in every header, so no phone number may hide in it.
        && text.bytes().filter(u8::is_ascii_digit).count() <= 4
}

/// Whether a text is an id of W3C Trace Context: lower-case hex, and not zero.
fn is_trace_part(text: &str, len: usize) -> bool {
    text.len() == len
        && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        && text.bytes().any(|byte| byte != b'0')
}

/// One column of a header.
enum Cell<'a> {
    Id(Option<Uuid>),
    Integer(Option<i64>),
    Text(Option<&'a str>),
}

impl Cell<'_> {
    fn write(&self, out: &mut String) {
        match self {
            Self::Id(Some(id)) => {
                out.push('"');
                out.push_str(id.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
                out.push('"');
            }
            Self::Integer(Some(integer)) => write_integer(*integer, out),
            Self::Text(Some(text)) => write_string(text, out),
            Self::Id(None) | Self::Integer(None) | Self::Text(None) => out.push_str("null"),
        }
    }
}

/// Times as RFC 3339 with exactly six decimals, so that one time has one text.
pub(crate) mod micros {
    use chrono::{DateTime, SecondsFormat, Utc};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[cfg(feature = "schema")]
    pub(crate) fn schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z$",
        })
    }

    pub(crate) fn serialize<S: Serializer>(time: &DateTime<Utc>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Micros, true))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<DateTime<Utc>, D::Error> {
        let text = String::deserialize(from)?;
        let time = DateTime::parse_from_rfc3339(&text).map_err(D::Error::custom)?.to_utc();
        // A leap second would be a second text for the first second of the next minute.
        let is_leap = time.timestamp_subsec_nanos() >= 1_000_000_000;
        if !is_leap && time.to_rfc3339_opts(SecondsFormat::Micros, true) == text {
            Ok(time)
        } else {
            Err(D::Error::custom("time is not RFC 3339 in UTC with six decimals"))
        }
    }
}
