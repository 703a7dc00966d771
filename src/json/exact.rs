//! JSON values inside types that `serde` reads.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Reads a value, for `#[serde(deserialize_with)]`.
pub(crate) fn deserialize_value<'de, D: Deserializer<'de>>(from: D) -> Result<Value, D::Error> {
    Exact::deserialize(from).map(|exact| exact.0)
}

/// Reads a value where null is none; the field needs `#[serde(default)]`.
pub(crate) fn deserialize_option<'de, D>(from: D) -> Result<Option<Value>, D::Error>
where
    D: Deserializer<'de>,
{
    Option::<Exact>::deserialize(from).map(|exact| exact.map(|exact| exact.0))
}

/// Reads an object's members, also those that `#[serde(flatten)]` has left over.
pub(crate) fn deserialize_members<'de, D>(from: D) -> Result<Map<String, Value>, D::Error>
where
    D: Deserializer<'de>,
{
    from.deserialize_map(MembersVisitor)
}

/// Whether `serde_json` might read some object within as one of its own types.
#[cfg(feature = "recorder")]
pub(crate) fn has_reserved_name(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(has_reserved_name),
        Value::Object(members) => members.iter().any(|(name, member)| {
            name.starts_with("$serde_json::private::") || has_reserved_name(member)
        }),
        _ => false,
    }
}

/// A value read without magic names.
struct Exact(Value);

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ExactVisitor).map(Self)
    }
}

struct ExactVisitor;

impl<'de> Visitor<'de> for ExactVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::from).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(Exact(item)) = items.next_element()? {
            array.push(item);
        }
        Ok(array.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Value, A::Error> {
        MembersVisitor.visit_map(members).map(Value::Object)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut object = Map::new();
        while let Some((name, Exact(member))) = members.next_entry::<String, Exact>()? {
            if object.insert(name, member).is_some() {
                // The name is left out: errors carry no data.
                return Err(A::Error::custom("a member name occurs twice in one object"));
            }
        }
        Ok(object)
    }
}
