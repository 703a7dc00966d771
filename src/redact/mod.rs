//! What may be seen: by the store, and by a reader of a pack. No I/O.

mod key;
mod withhold;

pub use self::{
    key::RedactionKey,
    withhold::{withhold, withhold_text},
};
