//! Seals an event into a record: the one place where bytes are fixed.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use serde_json::{Map, Value};

use super::sealed::{Content, Part};
use super::{Header, Record};
use crate::event::{AuditEvent, EventError, EventId, StreamId};
use crate::proof::{Salt, sanitise};
use crate::redact::{RedactionKey, withhold, withhold_in_key};

/// Largest payload of one event: input and output as canonical JSON, in bytes.
pub const MAX_PAYLOAD_LEN: usize = 1 << 20;

/// Deepest nesting of a payload. Values deeper than [`MAX_DEPTH`](crate::proof::MAX_DEPTH) are kept
/// as text.
pub const MAX_NESTING: usize = 512;

/// Most bytes of the JSON pointers of all values of an input, or of an output, together.
pub const MAX_POINTERS_LEN: usize = 8 << 20;

/// Longest idempotency key, in bytes.
pub const MAX_KEY_LEN: usize = 512;

/// How far an event's time may be ahead of the sealing process's clock. A provider's clock may be
/// wrong by minutes, and its time zone by hours.
pub const MAX_AHEAD: TimeDelta = TimeDelta::hours(24);

/// Seals an event: keeps secrets and raw media out, makes the rest survive a database, commits to
/// it and hashes it. `now` is the event's time if the host gave none, and `random` is for its id then.
/// `salt` keeps what is committed to from being guessed.
///
/// # Errors
/// [`EventError`] if the event cannot be recorded as it is.
pub fn seal(
    event: AuditEvent,
    now: DateTime<Utc>,
    random: u64,
    salt: Salt,
    key: &RedactionKey,
) -> Result<Record, EventError> {
    let id = identify(&event, now, random)?;
    if id.created_at() - now > MAX_AHEAD {
        return Err(EventError::TooFarAhead { created_at: id.created_at(), now });
    }
    check_shape(event.input.as_ref())?;
    check_shape(event.output.as_ref())?;
    super::consent::check(&event)?;
    let header = header(&event, id);
    let host_ids = enter(host_ids(&event), key);
    let content = Content {
        input: enter(event.input, key),
        output: enter(event.output, key),
        idempotency_key: event.idempotency_key.map(|text| enter_key(&text, key)).transpose()?,
        host_ids,
    };
    let len = content.payload_len();
    if len > MAX_PAYLOAD_LEN {
        return Err(EventError::TooLarge { len, max: MAX_PAYLOAD_LEN });
    }
    Ok(Record::of(id, header, content, salt))
}

fn identify(event: &AuditEvent, now: DateTime<Utc>, random: u64) -> Result<EventId, EventError> {
    // Postgres rounds to the microsecond, so we truncate before anything is hashed.
    let given = event.created_at.map(|time| time.trunc_subsecs(6));
    match (event.id, given) {
        (Some(id), Some(created_at)) if id.created_at() != created_at => {
            Err(EventError::IdTimeMismatch { id_time: id.created_at(), created_at })
        }
        (Some(id), _) => Ok(id),
        (None, given) => EventId::new(given.unwrap_or(now), random),
    }
}

fn header(event: &AuditEvent, id: EventId) -> Header {
    let request_id = event.request_id.as_ref().map(crate::event::RequestId::uuid);
    let conversation_id = event.conversation_id.as_ref().map(crate::event::ConversationId::uuid);
    Header {
        id: id.uuid(),
        stream_id: StreamId::of(request_id, conversation_id),
        request_id,
        conversation_id,
        event_type: event.event_type.as_str().to_owned(),
        actor: event.actor.as_str().to_owned(),
        outcome: event.outcome.as_str().to_owned(),
        error_code: event.error_code.map(|code| code.as_str().to_owned()),
        duration_ms: event
            .duration
            .map(|duration| i32::try_from(duration.as_millis()).unwrap_or(i32::MAX)),
        created_at: id.created_at(),
        trace_id: event.trace.map(|trace| trace.trace_id().to_string()),
        span_id: event.trace.map(|trace| trace.span_id().to_string()),
        caused_by: event.caused_by.map(EventId::uuid),
        writer_id: event.writer_id.map(EventId::uuid),
        version: Header::VERSION,
    }
}

/// The host's own names, if they are no UUIDs: `{"request_id": "fallback"}`.
fn host_ids(event: &AuditEvent) -> Option<Value> {
    let request = event.request_id.as_ref().and_then(|id| id.original());
    let conversation = event.conversation_id.as_ref().and_then(|id| id.original());
    let mut names = Map::new();
    for (key, name) in [("request_id", request), ("conversation_id", conversation)] {
        names.extend(name.map(|name| (key.to_owned(), name.into())));
    }
    (!names.is_empty()).then(|| names.into())
}

/// The part of a payload that may enter the store. JSON `null` is the same as nothing.
fn enter(part: Option<Value>, key: &RedactionKey) -> Option<Part> {
    let mut value = part.filter(|value| !value.is_null())?;
    // Secrets first: values that are too deep become one text, in which key names no longer mark secrets.
    withhold(&mut value, key);
    Some(Part::of(sanitise(value)))
}

fn enter_key(text: &str, key: &RedactionKey) -> Result<String, EventError> {
    if text.len() > MAX_KEY_LEN {
        return Err(EventError::KeyTooLong { len: text.len(), max: MAX_KEY_LEN });
    }
    Ok(withhold_in_key(&text.replace('\0', "\u{FFFD}"), key))
}

/// Refuses a value that would exhaust the stack of code that walks it, or cost far more than its length: each
/// leaf is hashed with its whole pointer. Walks the value without a stack of its own.
fn check_shape(part: Option<&Value>) -> Result<(), EventError> {
    let mut pointers_len = 0;
    let mut open = Vec::with_capacity(16);
    open.extend(part.map(|value| (value, 0, 0)));
    while let Some((value, depth, pointer_len)) = open.pop() {
        pointers_len += pointer_len;
        if depth > MAX_NESTING {
            return Err(EventError::TooDeep { max: MAX_NESTING });
        }
        if pointers_len > MAX_POINTERS_LEN {
            return Err(EventError::TooIntricate { max: MAX_POINTERS_LEN });
        }
        match value {
            Value::Array(items) => {
                open.extend(items.iter().map(|item| (item, depth + 1, pointer_len + 4)));
            }
            Value::Object(members) => open.extend(
                members
                    .iter()
                    .map(|(name, member)| (member, depth + 1, pointer_len + 1 + name.len())),
            ),
            _ => {}
        }
    }
    Ok(())
}
