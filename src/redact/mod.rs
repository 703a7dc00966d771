//! Decides what may be seen, by the store and by a reader of a pack. Does no I/O.

mod additions;
mod decide;
mod digit;
mod e164;
mod field;
mod fold;
mod health;
mod key_rules;
mod kind;
mod kinyarwanda;
#[cfg(feature = "logs")]
mod log_field;
mod mask;
mod mask_json;
mod masked_form;
mod name_trie;
mod phone;
mod phone_book;
mod profile;
mod redaction_key;
mod request_entities;
mod rule;
mod scan;
mod spellings;
mod trade;
mod treatment;
mod vocabulary;
mod withhold;

#[cfg(feature = "testing")]
pub(crate) use self::key_rules::add_names;
#[cfg(feature = "logs")]
pub(crate) use self::log_field::LogField;
pub use self::{
    additions::{Additions, FieldKind},
    e164::{CallingCode, PhoneError},
    kind::Kind,
    mask::{find, mask, mask_and_truncate},
    mask_json::mask_json,
    phone::{FoundPhone, find_phones},
    profile::Profile,
    redaction_key::{KeyFingerprint, KeyProof, RedactionKey},
    scan::Found,
};
pub(crate) use self::{
    decide::{Field, Rules},
    health::looks_medical,
    request_entities::RequestEntities,
    rule::Rule,
    treatment::Treatment,
    withhold::{withhold, withhold_in_key},
};
