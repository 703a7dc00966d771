//! What becomes of one value: shown, hidden, or masked in part.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::field::Class;
use super::key_rules::kind_of;
use super::kind::Kind;
use super::mask::{find, find_below, mask_contacts, mask_phone};
use super::masked_form::{is_masked_phone, may_be_medical_masked, pseudonym_prefix};
use super::phone::digits_below;
use super::request_entities::RequestEntities;
use super::rule::{HIDDEN, Rule};
use super::trade::speaks_of_trade;

/// What becomes of one value.
#[derive(Clone, PartialEq)]
pub(crate) enum Treatment {
    /// It is hidden by this rule, with everything below it. The pack shows `masked` in its place.
    Hide { rule: Rule, masked: String },
    /// It is shown. Members and elements are decided on their own.
    Show,
}

/// What becomes of a value for an internal reader, who sees everything except contacts. Vendors' numbers are shown.
pub(super) fn decide_internal(
    class: Class,
    key: &str,
    value: &Value,
    entities: &RequestEntities,
) -> Treatment {
    match value {
        Value::String(text) => {
            let is_id = class == Class::Id;
            // The digits of an id, such as a picture's, may look like a card's.
            let known_phones = entities.phone_masks(text, false);
            if is_id && known_phones.is_empty() && find_below(key, text).is_empty() {
                return Treatment::Show;
            }
            if MESSAGE_IDS.contains(&key) && is_provider_id(text) {
                return masked_as(Rule::Id, hashed_message_id(key, text));
            }
            let masked = mask_contacts(text, known_phones, |phone| {
                // Sections join events by ids, so in an id only a number that is known to be a person's is masked.
                if is_id {
                    !entities.is_somebodys_phone(phone)
                } else {
                    entities.is_vendor_phone(phone)
                }
            });
            // A number that only its field reveals: one of any country, without its plus.
            if masked.is_none()
                && !is_id
                && let Some(digits) = kind_of(key).and_then(|kind| digits_below(kind, text))
                && !entities.is_vendor_phone(text)
            {
                return masked_as(Rule::Contact, mask_phone(&digits));
            }
            masked.map_or(Treatment::Show, |text| masked_as(Rule::Contact, text))
        }
        Value::Number(number) if entities.is_phone_number(key, number) => hide(Rule::Contact),
        Value::Object(members) if members.keys().any(|name| entities.has_contacts(name)) => {
            hide(Rule::MemberNames)
        }
        _ => Treatment::Show,
    }
}

/// The fields whose ids sections join messages and reports by.
pub(super) const MESSAGE_IDS: [&str; 2] = ["message_id", "provider_message_id"];

/// The fewest bytes of an id of `WhatsApp` that holds a random part beside the phone number.
const RANDOM_LEN_MIN: usize = 40;

/// Whether the whole text is an id of `WhatsApp` whose hash gives no phone number away.
fn is_provider_id(text: &str) -> bool {
    text.len() >= RANDOM_LEN_MIN
        && matches!(&*find(text), [found] if found.kind == Kind::MessageId && found.at == (0..text.len()))
}

/// Stands for a message's id, which holds a phone number, so that an internal reader can tell messages apart. There is
/// no key here; the random part of the id keeps it from being guessed.
fn hashed_message_id(key: &str, text: &str) -> String {
    let hash = Sha256::new().chain_update("moltbot-audit/v1/message-id\0").chain_update(text);
    let hash = hash.finalize();
    let first = hash.iter().take(6).fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
    format!("{}-{first:012x}", pseudonym_prefix(key))
}

pub(super) fn hide(rule: Rule) -> Treatment {
    masked_as(rule, HIDDEN.to_owned())
}

pub(super) fn masked_as(rule: Rule, masked: String) -> Treatment {
    Treatment::Hide { rule, masked }
}

pub(super) fn hide_phone(text: &str) -> Treatment {
    // The mask is shown only if the number is the whole text, because the rest may be anything.
    match mask_contacts(text, Vec::new(), |_| false) {
        Some(masked) if is_masked_phone(&masked) => masked_as(Rule::Phone, masked),
        _ => hide(Rule::Phone),
    }
}

/// Decides on a text that has no word of health. Whether it speaks of trade is asked of what a reader would see: known
/// names are no doubt, and a verifier, who does not see them, comes to the same answer.
pub(super) fn hide_in_text(text: &str, entities: &RequestEntities) -> Treatment {
    let names = entities.masks(text);
    let has_masks = !names.is_empty() || entities.has_contacts(text);
    let masked = if has_masks { mask_contacts(text, names, |_| false) } else { None };
    match masked {
        None if speaks_of_trade(text) => Treatment::Show,
        None => hide(Rule::Medical),
        Some(masked) if may_be_medical_masked(&masked) => hide(Rule::Medical),
        Some(masked) => masked_as(Rule::Text, masked),
    }
}
