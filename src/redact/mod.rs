//! What may be seen, by the store and by a reader of a pack. No I/O.

mod additions;
mod decide;
mod digit;
mod e164;
mod earlier;
mod field;
mod fold;
mod form;
mod health;
mod key;
mod key_rules;
mod kind;
mod known;
mod mask;
#[cfg(feature = "logs")]
mod named;
mod names;
mod phone;
mod phone_book;
mod profile;
mod rule;
mod scan;
mod spellings;
mod vocabulary;
mod walk;
mod withhold;

#[cfg(feature = "testing")]
pub(crate) use self::key_rules::add_names;
#[cfg(feature = "logs")]
pub(crate) use self::named::Named;
pub use self::{
    additions::{Additions, FieldKind},
    e164::{CallingCode, PhoneError},
    key::{KeyFingerprint, KeyProof, RedactionKey},
    kind::Kind,
    mask::{find, mask, mask_and_truncate},
    phone::{FoundPhone, find_phones},
    profile::Profile,
    scan::Found,
    walk::mask_json,
};
pub(crate) use self::{
    decide::{Decision, Field, Rules},
    earlier::RulesVersion,
    known::KnownValues,
    rule::Rule,
    withhold::{withhold, withhold_in_key},
};
