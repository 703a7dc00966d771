//! Compares what a value would be written as with JSON that is there, without writing it.

use std::fmt::Display;

use serde::ser::{self, Serialize, Serializer};
use serde_json::{Map, Value};

/// Whether `value` is written as `json`, in every member, number and sign.
pub(crate) fn is_written_as<T: Serialize + ?Sized>(value: &T, json: &Value) -> bool {
    value.serialize(Expected(json)).is_ok()
}

/// The JSON that must be written.
struct Expected<'a>(&'a Value);

/// Something else is written.
#[derive(Debug)]
struct Differs;

impl Display for Differs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("something else is written")
    }
}

impl std::error::Error for Differs {}

impl ser::Error for Differs {
    fn custom<T: Display>(_: T) -> Self {
        Self
    }
}

type Compared = Result<(), Differs>;

fn same(is_same: bool) -> Compared {
    if is_same { Ok(()) } else { Err(Differs) }
}

impl<'a> Expected<'a> {
    /// `-0.0` equals `0.0`, but is written differently.
    fn number(self, written: impl Into<Value>) -> Compared {
        let is_negative = |value: &Value| value.as_f64().is_some_and(f64::is_sign_negative);
        let written = written.into();
        same(written == *self.0 && is_negative(&written) == is_negative(self.0))
    }

    fn items(self) -> Result<Items<'a>, Differs> {
        self.0.as_array().map(|rest| Items { rest }).ok_or(Differs)
    }

    fn members(self) -> Result<Members<'a>, Differs> {
        let expected = self.0.as_object().ok_or(Differs)?;
        Ok(Members { expected, written: 0, next: None })
    }

    /// What must be written below a variant's name.
    fn variant(self, name: &str) -> Result<Self, Differs> {
        let members = self.0.as_object().filter(|members| members.len() == 1).ok_or(Differs)?;
        members.get(name).map(Self).ok_or(Differs)
    }
}

impl<'a> Serializer for Expected<'a> {
    type Ok = ();
    type Error = Differs;
    type SerializeSeq = Items<'a>;
    type SerializeTuple = Items<'a>;
    type SerializeTupleStruct = Items<'a>;
    type SerializeTupleVariant = Items<'a>;
    type SerializeMap = Members<'a>;
    type SerializeStruct = Members<'a>;
    type SerializeStructVariant = Members<'a>;

    fn serialize_bool(self, value: bool) -> Compared {
        same(self.0.as_bool() == Some(value))
    }

    fn serialize_i8(self, value: i8) -> Compared {
        self.number(value)
    }

    fn serialize_i16(self, value: i16) -> Compared {
        self.number(value)
    }

    fn serialize_i32(self, value: i32) -> Compared {
        self.number(value)
    }

    fn serialize_i64(self, value: i64) -> Compared {
        self.number(value)
    }

    fn serialize_u8(self, value: u8) -> Compared {
        self.number(value)
    }

    fn serialize_u16(self, value: u16) -> Compared {
        self.number(value)
    }

    fn serialize_u32(self, value: u32) -> Compared {
        self.number(value)
    }

    fn serialize_u64(self, value: u64) -> Compared {
        self.number(value)
    }

    fn serialize_f32(self, value: f32) -> Compared {
        self.number(value)
    }

    fn serialize_f64(self, value: f64) -> Compared {
        self.number(value)
    }

    fn serialize_char(self, value: char) -> Compared {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Compared {
        same(self.0.as_str() == Some(value))
    }

    fn serialize_bytes(self, value: &[u8]) -> Compared {
        value.serialize(self)
    }

    fn serialize_none(self) -> Compared {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Compared {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Compared {
        same(self.0.is_null())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Compared {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Compared {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Compared {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Compared {
        value.serialize(self.variant(variant)?)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Items<'a>, Differs> {
        self.items()
    }

    fn serialize_tuple(self, _: usize) -> Result<Items<'a>, Differs> {
        self.items()
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Items<'a>, Differs> {
        self.items()
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Items<'a>, Differs> {
        self.variant(variant)?.items()
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Members<'a>, Differs> {
        self.members()
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Members<'a>, Differs> {
        self.members()
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Members<'a>, Differs> {
        self.variant(variant)?.members()
    }
}

/// The items that must still be written.
struct Items<'a> {
    rest: &'a [Value],
}

impl Items<'_> {
    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Compared {
        let (first, rest) = self.rest.split_first().ok_or(Differs)?;
        self.rest = rest;
        value.serialize(Expected(first))
    }

    fn finish(self) -> Compared {
        same(self.rest.is_empty())
    }
}

/// The members that must be written, each once.
struct Members<'a> {
    expected: &'a Map<String, Value>,
    written: usize,
    next: Option<&'a Value>,
}

impl Members<'_> {
    fn member<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Compared {
        self.written += 1;
        value.serialize(Expected(self.expected.get(name).ok_or(Differs)?))
    }

    fn finish(self) -> Compared {
        same(self.written == self.expected.len())
    }
}

macro_rules! written_in_order {
    ($($trait:ident, $write:ident;)*) => {$(
        impl ser::$trait for Items<'_> {
            type Ok = ();
            type Error = Differs;

            fn $write<T: Serialize + ?Sized>(&mut self, value: &T) -> Compared {
                self.item(value)
            }

            fn end(self) -> Compared {
                self.finish()
            }
        }
    )*};
}

written_in_order! {
    SerializeSeq, serialize_element;
    SerializeTuple, serialize_element;
    SerializeTupleStruct, serialize_field;
    SerializeTupleVariant, serialize_field;
}

macro_rules! written_by_name {
    ($($trait:ident),*) => {$(
        impl ser::$trait for Members<'_> {
            type Ok = ();
            type Error = Differs;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Compared {
                self.member(name, value)
            }

            fn end(self) -> Compared {
                self.finish()
            }
        }
    )*};
}

written_by_name!(SerializeStruct, SerializeStructVariant);

impl ser::SerializeMap for Members<'_> {
    type Ok = ();
    type Error = Differs;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, name: &T) -> Compared {
        self.written += 1;
        // A name that is no text, such as a number, is written as one.
        let name = match serde_json::to_value(name) {
            Ok(Value::String(name)) => name,
            Ok(name @ (Value::Number(_) | Value::Bool(_))) => name.to_string(),
            _ => return Err(Differs),
        };
        self.next = self.expected.get(&name);
        same(self.next.is_some())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Compared {
        value.serialize(Expected(self.next.take().ok_or(Differs)?))
    }

    fn end(self) -> Compared {
        self.finish()
    }
}
