//! Reads events through their typed payloads.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::event::{EventType, Identity, Payload};
use crate::pack::{PackEvent, View};

/// How long before its recorded time an admission may have been decided. The statement that decides waits for at most
/// two other transactions, two seconds for each.
pub(super) const DECIDED_WITHIN: TimeDelta = TimeDelta::seconds(5);

/// The event from which an entry of a section was computed.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Source {
    /// Its id.
    pub event_id: Uuid,
    /// Its place in the stream.
    pub seq: i64,
    /// The event that led to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caused_by: Option<Uuid>,
    /// The host's time of it, or a provider's; of an effect, when it began.
    #[serde(serialize_with = "crate::record::micros::serialize")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::record::micros::schema"))]
    pub at: DateTime<Utc>,
    /// How long it took, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<i32>,
    /// When it was recorded, by the database's time.
    #[serde(serialize_with = "crate::record::micros::serialize")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::record::micros::schema"))]
    pub recorded_at: DateTime<Utc>,
    /// How it ended.
    #[cfg_attr(feature = "schema", schemars(with = "crate::event::Outcome"))]
    pub outcome: String,
    /// Why it did not succeed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^[a-z][a-z0-9_]{0,63}$")))]
    pub error_code: Option<String>,
}

impl Source {
    pub(super) fn of(event: &PackEvent) -> Self {
        Self {
            event_id: event.header.id,
            seq: event.seq,
            caused_by: event.header.caused_by,
            at: event.header.created_at,
            duration_ms: event.header.duration_ms,
            recorded_at: event.recorded_at,
            outcome: event.header.outcome.clone(),
            error_code: event.header.error_code.clone(),
        }
    }

    /// The event itself. The events stand in the order of the stream.
    pub(super) fn event<'e>(&self, events: &'e [PackEvent]) -> Option<&'e PackEvent> {
        let at = events.binary_search_by_key(&self.seq, |event| event.seq);
        at.ok().map(|at| &events[at])
    }

    pub(super) fn succeeded(&self) -> bool {
        self.outcome == crate::event::Outcome::Succeeded.as_str()
    }

    pub(super) fn was_refused(&self) -> bool {
        self.outcome == crate::event::Outcome::Refused.as_str()
    }

    /// How long it took, or zero if that is not known.
    pub(super) fn took(&self) -> TimeDelta {
        TimeDelta::milliseconds(self.duration_ms.unwrap_or_default().into())
    }
}

/// A payload that does not have the shape of its event type. It is shown as it is.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct OtherShape {
    /// What went in.
    pub input: Value,
    /// What came out.
    pub output: Value,
}

/// True if an id is hidden, or a part of it that may tell it from others. Two such ids may be of different things.
pub(super) fn is_hidden(id: Option<&str>) -> bool {
    id.is_some_and(|id| ["[hidden]", "[message_id]", "***"].iter().any(|mask| id.contains(mask)))
}

/// One event, read.
pub(super) struct TypedEvent<P: Payload> {
    pub(super) source: Source,
    pub(super) input: P::Input,
    pub(super) output: P::Output,
    /// Members of the input that are present but could not be read.
    pub(super) unread: Vec<String>,
    pub(super) other_shape: Option<OtherShape>,
    /// True if it may be one of those that the database's own functions seal.
    is_of_database: bool,
}

impl<P: Payload> TypedEvent<P> {
    /// An identity of the event, as far as the event can know it. Only the database knows sessions and tokens, so in an
    /// event that a program sealed they are no more than claims.
    pub(super) fn known(&self, by: Option<Identity>) -> Option<Identity> {
        if self.is_of_database { by } else { by.map(Identity::said_by_host) }
    }
}

/// The types of the events that the database's own functions seal. A store takes such an event from a program too, but
/// none that says what only the database can know.
const OF_DATABASE: [EventType; 4] = [
    EventType::AUDIT_EFFECTS_PRUNED,
    EventType::AUDIT_LIMIT_SET,
    EventType::SWITCH_ENGAGED,
    EventType::SWITCH_RESET,
];

/// True if an event may be one of those that the database's own functions seal.
pub(super) fn is_of_database(event: &PackEvent) -> bool {
    event.header.writer_id.is_none() && event.is_one_of(&OF_DATABASE)
}

/// The events of `P`'s type, read, in the order of the stream.
pub(super) fn typed<P: Payload>(events: &[PackEvent]) -> impl Iterator<Item = TypedEvent<P>> {
    typed_as::<P>(events, P::EVENT_TYPE)
}

/// The events of a type, read through `P`: for types that share `P`'s shape.
pub(super) fn typed_as<P: Payload>(
    events: &[PackEvent],
    event_type: EventType,
) -> impl Iterator<Item = TypedEvent<P>> {
    events.iter().filter(move |event| event.is(&event_type)).map(read)
}

pub(super) fn read<P: Payload>(event: &PackEvent) -> TypedEvent<P> {
    let source = Source::of(event);
    let input = half(event, &event.input, "/input");
    let output = half(event, &event.output, "/output");
    // A failed effect's output is its error, which has a shape of its own.
    let is_other = input.is_other || (output.is_other && source.succeeded());
    let other_shape = is_other.then(|| OtherShape {
        input: event.input.value.clone(),
        output: event.output.value.clone(),
    });
    TypedEvent {
        source,
        input: input.read,
        output: output.read,
        unread: input.unread,
        other_shape,
        is_of_database: is_of_database(event),
    }
}

/// One half of a payload.
struct Half<T> {
    read: T,
    /// Names of members that could not be read.
    unread: Vec<String>,
    /// True if it has another shape. Then only some of its members were read.
    is_other: bool,
}

/// Reads what can be read. A member of another shape does not make the others unreadable: an external reader sees
/// fewer members, and must still be told the same story.
fn half<T: Default + DeserializeOwned>(event: &PackEvent, view: &View, root: &str) -> Half<T> {
    if view.value.is_null() {
        return Half { read: T::default(), unread: Vec::new(), is_other: false };
    }
    if let Ok(read) = T::deserialize(&view.value) {
        return Half { read, unread: Vec::new(), is_other: false };
    }
    let mut value = view.value.clone();
    let mut unread = leave_out_hidden(event, view, root, &mut value);
    if let Ok(read) = T::deserialize(&value) {
        return Half { read, unread, is_other: false };
    }
    let Value::Object(mut members) = value else {
        return Half { read: T::default(), unread, is_other: true };
    };
    members.retain(|name, member| {
        let alone = Map::from_iter([(name.clone(), member.clone())]);
        let is_read = T::deserialize(Value::Object(alone)).is_ok();
        if !is_read {
            unread.push(name.clone());
        }
        is_read
    });
    Half {
        read: T::deserialize(Value::Object(members)).unwrap_or_default(),
        unread,
        is_other: true,
    }
}

/// Removes hidden numbers, flags and times, and returns the names of those at the top level.
fn leave_out_hidden(event: &PackEvent, view: &View, root: &str, value: &mut Value) -> Vec<String> {
    let mut unread = Vec::new();
    for pointer in view.hidden.keys() {
        let Some(below) = pointer.strip_prefix(root) else { continue };
        let Some((above, name)) = below.rsplit_once('/') else { continue };
        if event.field_at(&view.value, pointer, root).is_optional()
            && let Some(Value::Object(members)) = value.pointer_mut(above)
            && members.remove(name).is_some()
            && above.is_empty()
        {
            unread.push(name.to_owned());
        }
    }
    unread
}
