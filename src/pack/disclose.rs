//! Shows a stored event in a pack: what its reader may see, and digests for the rest.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::event::{EventId, EventType};
use crate::proof::{Digest, Salt, ValueKind, leaf_salt, part_salt, push_pointer, value_digest};
use crate::record::{Header, StoredRecord};
use crate::redact::{Field, Profile, RequestEntities, Rule, Treatment};

/// One event of a pack.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PackEvent {
    /// Place in the stream, from 1.
    pub seq: i64,
    /// Ids, types, times.
    pub header: Header,
    /// The database's time.
    #[serde(with = "crate::record::micros")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::record::micros::schema"))]
    pub recorded_at: DateTime<Utc>,
    /// What went in.
    pub input: View,
    /// What came out.
    pub output: View,
    /// The host's idempotency key.
    pub idempotency_key: View,
    /// The host's own names for request and conversation, if they are not UUIDs.
    pub host_ids: View,
    /// The hash over header and commitments.
    pub event_hash: Digest,
    /// The chain up to here.
    pub chain_hash: Digest,
}

/// A committed value as its reader sees it.
///
/// Every scalar, empty array and empty object of `value` either has its salt under its JSON pointer,
/// or is at or below a hidden pointer: there `value` is a masked form, and only kind and digest count.
/// A part that the event does not have is null, with no salt and nothing hidden.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct View {
    /// The value, with masked forms in place of the hidden parts.
    #[serde(deserialize_with = "crate::json::deserialize_value")]
    pub value: Value,
    /// The commitment stored with the event.
    pub commitment: Digest,
    /// Leaf salts of what is shown, by JSON pointer.
    #[cfg_attr(feature = "schema", schemars(extend("propertyNames" = { "pattern": POINTER })))]
    pub salts: BTreeMap<String, Salt>,
    /// What is hidden, by JSON pointer.
    #[cfg_attr(feature = "schema", schemars(extend("propertyNames" = { "pattern": POINTER })))]
    pub hidden: BTreeMap<String, Hidden>,
}

/// A JSON pointer into a part of an event.
#[cfg(feature = "schema")]
const POINTER: &str = "^/(input|output|idempotency_key|host_ids)(/|$)";

/// A hidden value. Its digest proves that it exists and is what was recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Hidden {
    /// The digest of the value.
    pub digest: Digest,
    /// What the value is.
    pub kind: ValueKind,
    /// The rule that hid it.
    #[cfg_attr(feature = "schema", schemars(with = "Rule"))]
    pub rule: String,
}

// An internal pack holds what people wrote, so Debug does not print it.
impl fmt::Debug for PackEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PackEvent")
            .field("seq", &self.seq)
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View").field("commitment", &self.commitment).finish_non_exhaustive()
    }
}

impl PackEvent {
    /// True if the event is of this type.
    pub(super) fn is(&self, event_type: &EventType) -> bool {
        self.header.is(event_type)
    }

    /// True if the event is of one of these types.
    pub(super) fn is_one_of(&self, event_types: &[EventType]) -> bool {
        event_types.iter().any(|event_type| self.is(event_type))
    }

    /// True if its id is the one that its input gives, as that of writers and flips is.
    pub(super) fn has_id_of_input(&self) -> bool {
        EventId::of_hash(self.header.created_at, *self.input.commitment.as_bytes())
            .is_ok_and(|id| id.uuid() == self.header.id)
    }

    /// Shows a stored event as the profile allows.
    pub(super) fn disclose(
        record: &StoredRecord,
        profile: &Profile,
        entities: &RequestEntities,
    ) -> Self {
        let event_type = record.header.event_type.as_str();
        let show = |value: Option<&Value>, commitment, root: &str| {
            let value = value.unwrap_or(&Value::Null);
            let part_salt = part_salt(record.salt, root);
            Disclosure { part_salt, event_type, profile, entities }.view(value, commitment, root)
        };
        let key = record.idempotency_key.as_deref().map(Value::from);
        let commitments = &record.commitments;
        Self {
            seq: record.seq,
            header: record.header.clone(),
            recorded_at: record.recorded_at,
            input: show(record.input.as_ref(), commitments.input, "/input"),
            output: show(record.output.as_ref(), commitments.output, "/output"),
            idempotency_key: show(key.as_ref(), commitments.idempotency_key, "/idempotency_key"),
            host_ids: show(record.host_ids.as_ref(), commitments.host_ids, "/host_ids"),
            event_hash: record.event_hash,
            chain_hash: record.chain_hash,
        }
    }

    /// The four committed parts with their root pointers, in the order in which they are hashed.
    pub(crate) fn views(&self) -> [(&'static str, &View); 4] {
        [
            ("/input", &self.input),
            ("/output", &self.output),
            ("/idempotency_key", &self.idempotency_key),
            ("/host_ids", &self.host_ids),
        ]
    }

    /// The nearest member name above each hidden value, and the rule that hid it.
    pub(super) fn hidden(&self) -> impl Iterator<Item = (&str, &str)> {
        self.views().into_iter().flat_map(move |(root, view)| {
            view.hidden.iter().map(move |(pointer, hidden)| {
                (self.field_at(&view.value, pointer, root).key, hidden.rule.as_str())
            })
        })
    }

    /// JSON pointers to hidden values that the sections compute from.
    pub(super) fn withheld(&self) -> impl Iterator<Item = &str> {
        self.views().into_iter().flat_map(|(root, view)| {
            let is_needed = |(pointer, hidden): &(&String, &Hidden)| {
                let field = self.field_at(&view.value, pointer, root);
                field.is_needed() || hidden.rule == Rule::NotOfKind.as_str()
            };
            view.hidden.iter().filter(is_needed).map(|(pointer, _)| pointer.as_str())
        })
    }

    /// The field at a pointer into a value, by the nearest member name above it.
    pub(super) fn field_at<'a>(
        &'a self,
        value: &'a Value,
        pointer: &str,
        root: &'a str,
    ) -> Field<'a> {
        let (mut value, mut key) = (Some(value), root);
        let below = pointer.strip_prefix(root).unwrap_or_default();
        for token in below.split('/').skip(1) {
            let name = token.replace("~1", "/").replace("~0", "~");
            let member = value.and_then(|value| value.as_object()?.get_key_value(&name));
            value = match member {
                Some((name, member)) => {
                    key = name;
                    Some(member)
                }
                None => value.and_then(|value| value.get(token.parse::<usize>().ok()?)),
            };
        }
        Field { event_type: &self.header.event_type, key }
    }
}

/// What is the same for all values of one event.
struct Disclosure<'a> {
    part_salt: Salt,
    event_type: &'a str,
    profile: &'a Profile,
    entities: &'a RequestEntities,
}

impl Disclosure<'_> {
    fn view(&self, value: &Value, commitment: Digest, root: &str) -> View {
        let mut view = View {
            value: Value::Null,
            commitment,
            salts: BTreeMap::new(),
            hidden: BTreeMap::new(),
        };
        // A part that is not there has neither salt nor digest.
        if !value.is_null() {
            view.value = self.walk(value, root, &mut root.to_owned(), &mut view);
        }
        view
    }

    fn walk(&self, value: &Value, key: &str, pointer: &mut String, view: &mut View) -> Value {
        let field = Field { event_type: self.event_type, key };
        if let Treatment::Hide { rule, masked } = self.profile.decide(field, value, self.entities) {
            let digest = value_digest(value, self.part_salt, pointer);
            let (kind, rule) = (ValueKind::of(value), rule.as_str().to_owned());
            view.hidden.insert(pointer.clone(), Hidden { digest, kind, rule });
            return masked.into();
        }
        let at = pointer.len();
        match value {
            Value::Array(items) if !items.is_empty() => {
                let mut shown = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    push_pointer(pointer, &index.to_string());
                    shown.push(self.walk(item, key, pointer, view));
                    pointer.truncate(at);
                }
                Value::Array(shown)
            }
            Value::Object(members) if !members.is_empty() => {
                let mut shown = Map::new();
                for (name, member) in members {
                    push_pointer(pointer, name);
                    shown.insert(name.clone(), self.walk(member, name, pointer, view));
                    pointer.truncate(at);
                }
                Value::Object(shown)
            }
            leaf => {
                view.salts.insert(pointer.clone(), leaf_salt(self.part_salt, pointer));
                leaf.clone()
            }
        }
    }
}
