//! What may be seen: by the store, and by a reader of a pack. No I/O.

mod field;
mod key;
mod known;
mod mask;
mod phone;
mod profile;
mod secret;
mod withhold;

pub use self::{
    key::RedactionKey,
    known::KnownValues,
    phone::{FoundPhone, find_phones},
    profile::{Decision, Profile},
    withhold::{withhold, withhold_in_key},
};
