//! What may be seen: by the store, and by a reader of a pack. No I/O.

mod field;
mod key;
mod known;
mod mask;
mod phone;
mod profile;
mod rule;
mod secret;
mod withhold;

pub use self::{
    key::RedactionKey,
    phone::{FoundPhone, find_phones},
    profile::Profile,
};
pub(crate) use self::{
    known::KnownValues,
    profile::Decision,
    rule::Rule,
    withhold::{withhold, withhold_in_key},
};
