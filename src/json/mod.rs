//! JSON exactly as written, independent of the features of `serde_json` that a host turns on.
//!
//! `serde_json` reads an object whose first member is named `$serde_json::private::RawValue` or
//! `$serde_json::private::Number` as one of its own types when the features of those names are on, and
//! any crate of the host's build can turn them on. A client who writes such a name into a message
//! would change what is read back, or make it unreadable. So nothing that a payload may hold is read
//! into a [`Value`](serde_json::Value) by `serde_json` itself: texts go through [`parse`], values that
//! implement [`Serialize`](serde::Serialize) through `of`, and members of typed payloads through
//! `deserialize_value` and its siblings.

mod escape;
mod exact;
mod matches;
mod number;
mod parse;
mod raw;
mod schema;
mod write;

#[cfg(feature = "logs")]
pub(crate) use self::escape::{ESCAPED_LEN_MAX, write_line_string};
#[cfg(feature = "recorder")]
pub(crate) use self::exact::has_reserved_name;
pub use self::parse::{JsonError, JsonErrorKind, parse};
pub(crate) use self::{
    escape::write_string,
    exact::{deserialize_members, deserialize_option, deserialize_value},
    matches::is_written_as,
    number::number,
    parse::parse_leniently,
    raw::{items, members},
    schema::schema_of,
    write::of,
};

// Numbers own a text only with that feature. Every number of every payload would then be read as an
// object, and nothing would verify.
const _: () = assert!(
    !std::mem::needs_drop::<serde_json::Number>(),
    "moltbot-audit cannot be built with the feature `arbitrary_precision` of serde_json, because it \
     changes how numbers are read: find who turns it on with \
     `cargo tree -e features -i serde_json`, and turn it off"
);
