//! Who may see what in a pack.

use serde_json::{Number, Value};

use super::RedactionKey;
use super::additions::{Additions, FieldKind};
use super::field::{COUNTS, Class, FIELDS, UNLISTED_IN, is_count};
use super::key_name::is_phone_key;
use super::known::KnownValues;
use super::mask::{find, mask_contacts, mask_phone};
use super::phone::digits_below_key;
use super::rule::{HIDDEN, Rule};

/// A redaction profile: decides for each value of a pack whether it is shown, and what stands in its
/// place where it is not.
///
/// | | internal | external |
/// |---|---|---|
/// | client's and strangers' numbers, e-mail addresses | masked | masked |
/// | vendors' numbers | shown | masked |
/// | vendor ids and other ids of the host | shown | keyed hash |
/// | names, OCR values, model context | shown | hidden |
/// | what people wrote | shown, contacts masked | shown, contacts and known names masked |
/// | the same, in a medical request or one without a category | shown, contacts masked | hidden |
/// | what the system noted | shown, contacts masked | as what people wrote, single words shown |
/// | limits, charges, switches | shown | shown |
/// | who resolved or switched what, and why | shown, contacts masked | hidden |
/// | fields this version does not know | shown, contacts masked | hidden |
///
/// The rules are data, have a version, and are hashed into each pack. A host can hide more.
///
/// ```
/// use moltbot_audit::redact::{FieldKind, Profile, RedactionKey};
///
/// let key = RedactionKey::from_bytes([7; 32]);
/// let profile = Profile::external(&key)
///     .hide("safe_client_message")
///     .danger_show("delivery_zone", FieldKind::Open);
/// assert_eq!(profile.additions().hidden.len(), 1);
/// ```
#[derive(Clone, Debug)]
pub struct Profile {
    reader: Reader,
    additions: Additions,
}

#[derive(Clone, Debug)]
enum Reader {
    External { key: RedactionKey },
    Internal,
}

/// What becomes of one value.
#[derive(Clone, PartialEq)]
pub(crate) enum Decision {
    /// It is hidden by this rule, with what is below it; this is read in its place.
    Hide { rule: Rule, masked: Value },
    /// It is shown; where it has members or elements, each is decided on its own.
    Show,
}

impl Profile {
    /// Version of the rules; it stands in every pack.
    pub const VERSION: u32 = 4;

    /// For the operator's own people.
    #[must_use]
    pub fn internal() -> Self {
        Self { reader: Reader::Internal, additions: Additions::default() }
    }

    /// For regulators and other outsiders. Under the same `key` the same vendor is the same keyed hash
    /// in every pack.
    #[must_use]
    pub fn external(key: &RedactionKey) -> Self {
        let reader = Reader::External { key: key.clone() };
        Self { reader, additions: Additions::default() }
    }

    /// Hides the field of this name, and all that is below it, wherever it stands. It wins over
    /// [`danger_show`](Self::danger_show).
    #[must_use]
    pub fn hide(mut self, field: impl Into<String>) -> Self {
        self.additions.hidden.insert(field.into());
        self
    }

    /// **Weakens the profile**: an external reader sees the field of this name, as far as what it holds
    /// allows. What is no part of the built-in lists is hidden otherwise, and this overrules what the
    /// built-in lists say of a field. Phone numbers and addresses in it stay masked.
    #[must_use]
    pub fn danger_show(mut self, field: impl Into<String>, holds: FieldKind) -> Self {
        self.additions.shown.insert(field.into(), holds);
        self
    }

    /// What was added to the built-in rules.
    #[must_use]
    pub fn additions(&self) -> &Additions {
        &self.additions
    }

    /// The built-in rules of this version, as data: every field an external reader learns something
    /// from, by class. What is not listed is hidden.
    #[must_use]
    pub fn rules() -> Value {
        let classes = FIELDS.iter().map(|(class, fields)| {
            (class.as_str().to_owned(), fields.iter().copied().collect::<Value>())
        });
        let unlisted = UNLISTED_IN.iter().map(|(event_type, fields)| {
            ((*event_type).to_owned(), fields.iter().copied().collect::<Value>())
        });
        serde_json::json!({
            "classes": classes.collect::<serde_json::Map<_, _>>(),
            "counts": COUNTS,
            "unlisted_in": unlisted.collect::<serde_json::Map<_, _>>(),
            "version": Self::VERSION,
        })
    }

    /// `internal` or `external`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self.reader {
            Reader::External { .. } => "external",
            Reader::Internal => "internal",
        }
    }

    /// Decides on the value under `key`, the nearest member name above it, in an event of a type.
    pub(crate) fn decide(
        &self,
        (event_type, key): (&str, &str),
        value: &Value,
        known: &KnownValues,
    ) -> Decision {
        if self.additions.hidden.contains(key) {
            return hide(Rule::Host, value);
        }
        if value.is_number() && is_count(event_type, key) {
            return Decision::Show;
        }
        let class = self.additions.class_in(event_type, key);
        match &self.reader {
            Reader::Internal => decide_internal(class, key, value, known),
            Reader::External { key: secret } => decide_external(secret, (class, key), value, known),
        }
    }
}

fn decide_internal(class: Class, key: &str, value: &Value, known: &KnownValues) -> Decision {
    match value {
        Value::String(text) => {
            let is_id = class == Class::Id;
            let masked = mask_contacts(text, Vec::new(), |phone| {
                // Sections join by ids: only what is known to be somebody's number is masked in one.
                if is_id {
                    !known.is_somebodys_phone(&phone.digits)
                } else {
                    known.is_vendor_phone(&phone.digits)
                }
            });
            if masked.is_none() && is_phone_key(key) && !is_id {
                // A number of a form that only its field tells: of the world, without its plus.
                if let Some(digits) = digits_below_key(text).filter(|d| !known.is_vendor_phone(d)) {
                    return masked_as(Rule::Contact, mask_phone(&digits));
                }
            }
            masked.map_or(Decision::Show, |text| masked_as(Rule::Contact, text))
        }
        Value::Number(number) if is_phone_number(key, number) => {
            Decision::Hide { rule: Rule::Contact, masked: Value::Null }
        }
        // A member's name is needed to verify it, so a name that is data hides the whole.
        Value::Object(members) if members.keys().any(|name| has_contacts(name)) => {
            hide(Rule::MemberNames, value)
        }
        _ => Decision::Show,
    }
}

fn decide_external(
    secret: &RedactionKey,
    (class, key): (Class, &str),
    value: &Value,
    known: &KnownValues,
) -> Decision {
    let text = match value {
        Value::Null => return Decision::Show,
        Value::Array(items) if items.is_empty() => return Decision::Show,
        Value::Object(members) if !members.keys().all(|name| is_plain_name(name, known)) => {
            return hide(Rule::MemberNames, value);
        }
        Value::Number(number) if is_phone_number(key, number) => return hide(Rule::Phone, value),
        Value::String(text) => text.as_str(),
        _ => "",
    };
    match class {
        Class::Container if !value.is_string() => Decision::Show,
        Class::Id | Class::Note | Class::Text if value.is_array() => Decision::Show,
        Class::Id if value.is_string() => masked_as(Rule::Id, pseudonym(secret, key, text)),
        Class::Open if value.is_number() || value.is_boolean() || value.is_array() => {
            Decision::Show
        }
        Class::Note | Class::Open if value.is_string() && is_harmless_word(text, known) => {
            Decision::Show
        }
        Class::Phone if value.is_string() => hide_phone(text),
        // Nobody can list every drug a client may type: where health may be the matter, no text is
        // shown.
        Class::Note | Class::Text if !known.texts_may_be_shown() => hide(Rule::Medical, value),
        Class::Note | Class::Text if value.is_string() => hide_in_text(text, known),
        Class::Name => hide(Rule::Name, value),
        _ => hide(Rule::NotListed, value),
    }
}

fn hide(rule: Rule, value: &Value) -> Decision {
    // The masked form keeps the type where a typed payload could not be read otherwise.
    let masked = match value {
        Value::String(_) | Value::Object(_) | Value::Array(_) => HIDDEN.into(),
        _ => Value::Null,
    };
    Decision::Hide { rule, masked }
}

fn masked_as(rule: Rule, masked: String) -> Decision {
    Decision::Hide { rule, masked: masked.into() }
}

fn pseudonym(secret: &RedactionKey, key: &str, id: &str) -> String {
    let kind = key.trim_end_matches("_ids").trim_end_matches("_id");
    format!("{kind}-{}", secret.pseudonym(kind, id))
}

fn hide_phone(text: &str) -> Decision {
    match mask_contacts(text, Vec::new(), |_| false) {
        // Only where the number is all there is: anything beside it is nobody's phone number.
        Some(masked) if masked.len() == "***123".len() => masked_as(Rule::Phone, masked),
        _ => masked_as(Rule::Phone, HIDDEN.to_owned()),
    }
}

fn hide_in_text(text: &str, known: &KnownValues) -> Decision {
    let names = known.find(text).into_iter().map(|(at, what)| (at, format!("[{what}]")));
    mask_contacts(text, names.collect(), |_| false)
        .map_or(Decision::Show, |text| masked_as(Rule::Text, text))
}

fn has_contacts(text: &str) -> bool {
    !find(text).is_empty()
}

/// A phone number as JSON has it where nobody put quotes around it. A score or a share is none.
fn is_phone_number(key: &str, number: &Number) -> bool {
    let is_number = |digits: &str| {
        !find(digits).is_empty() || (is_phone_key(key) && digits_below_key(digits).is_some())
    };
    !number.is_f64() && is_number(&number.to_string())
}

/// A member's name as programmers give them, and not a person's.
fn is_plain_name(name: &str, known: &KnownValues) -> bool {
    name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && find(name).is_empty()
        && known.find(name).is_empty()
}

/// A word from a closed set, a version, an id or a time: no sentence, no number, nobody's name.
fn is_harmless_word(text: &str, known: &KnownValues) -> bool {
    !text.is_empty()
        && text.len() <= 64
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.:/+".contains(&byte))
        && find(text).is_empty()
        && known.find(text).is_empty()
}
