//! Events read through their typed payloads.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use crate::event::{EventType, Payload};
use crate::pack::PackEvent;

/// How long before an admission was recorded it may have been decided: a statement that decides waits for
/// two other transactions at most, each for two seconds.
pub(super) const DECIDED_WITHIN: TimeDelta = TimeDelta::seconds(5);

/// Which event says so.
#[derive(Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Source {
    /// Its id.
    pub event_id: Uuid,
    /// Its place in the stream.
    pub seq: i64,
    /// The host's time of it, or a provider's.
    #[serde(serialize_with = "crate::record::micros::serialize")]
    pub at: DateTime<Utc>,
    /// The database's time of it.
    #[serde(serialize_with = "crate::record::micros::serialize")]
    pub recorded_at: DateTime<Utc>,
    /// How it ended.
    pub outcome: String,
    /// Why it did not succeed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
}

impl Source {
    pub(super) fn of(event: &PackEvent) -> Self {
        Self {
            event_id: event.header.id,
            seq: event.seq,
            at: event.header.created_at,
            recorded_at: event.recorded_at,
            outcome: event.header.outcome.clone(),
            error_code: event.header.error_code.clone(),
        }
    }

    pub(super) fn succeeded(&self) -> bool {
        self.outcome == crate::event::Outcome::Succeeded.as_str()
    }
}

/// A payload that does not have the shape its event type is known for, as it is.
#[derive(Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct OtherShape {
    /// What went in.
    pub input: Value,
    /// What came out.
    pub output: Value,
}

/// One event, read.
pub(super) struct Told<P: Payload> {
    pub(super) source: Source,
    /// How long it took, where it is known.
    pub(super) took: TimeDelta,
    pub(super) input: P::Input,
    pub(super) output: P::Output,
    pub(super) other_shape: Option<OtherShape>,
}

/// The events of `P`'s type, read, in the order of the stream.
pub(super) fn told<P: Payload>(events: &[PackEvent]) -> impl Iterator<Item = Told<P>> {
    told_as::<P>(events, P::EVENT_TYPE)
}

/// The events of a type, read through `P`: for types that share `P`'s shape.
pub(super) fn told_as<P: Payload>(
    events: &[PackEvent],
    event_type: EventType,
) -> impl Iterator<Item = Told<P>> {
    events.iter().filter(move |event| event.header.event_type == event_type.as_str()).map(read)
}

pub(super) fn read<P: Payload>(event: &PackEvent) -> Told<P> {
    let source = Source::of(event);
    let input = half(&event.input.value);
    let output = half(&event.output.value);
    // A failed effect's output is its error, which has a shape of its own.
    let is_other = input.is_none() || (output.is_none() && source.succeeded());
    let other_shape = is_other.then(|| OtherShape {
        input: event.input.value.clone(),
        output: event.output.value.clone(),
    });
    Told {
        source,
        took: TimeDelta::milliseconds(event.header.duration_ms.unwrap_or_default().into()),
        input: input.unwrap_or_default(),
        output: output.unwrap_or_default(),
        other_shape,
    }
}

fn half<T: Default + DeserializeOwned>(value: &Value) -> Option<T> {
    if value.is_null() { Some(T::default()) } else { T::deserialize(value).ok() }
}
