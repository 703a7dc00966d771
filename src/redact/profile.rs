//! Who may see what in a pack.

use serde_json::Value;

use super::RedactionKey;
use super::field::Class;
use super::known::KnownValues;
use super::mask::{mask_contacts, replace};
use super::phone::find_phones;

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
/// | what people wrote in a medical request | shown, contacts masked | hidden |
/// | what the system noted | shown, contacts masked | shown, contacts, names and medical terms masked |
/// | fields this version does not know | shown, contacts masked | hidden |
#[derive(Clone, Debug)]
pub struct Profile {
    reader: Reader,
    key: Option<RedactionKey>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reader {
    External,
    Internal,
}

/// What becomes of one value.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// It is hidden by this rule, with what is below it; this is read in its place.
    Hide {
        /// The rule.
        rule: &'static str,
        /// What is read in its place.
        masked: Value,
    },
    /// It is shown; where it has members or elements, each is decided on its own.
    Show,
}

/// Version of the rules below; it stands in every pack.
const VERSION: u32 = 1;

impl Profile {
    /// For the operator's own people.
    #[must_use]
    pub fn internal() -> Self {
        Self { reader: Reader::Internal, key: None }
    }

    /// For regulators and other outsiders. Under the same `key` the same vendor is the same keyed hash
    /// in every pack.
    #[must_use]
    pub fn external(key: &RedactionKey) -> Self {
        Self { reader: Reader::External, key: Some(key.clone()) }
    }

    /// `internal` or `external`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self.reader {
            Reader::External => "external",
            Reader::Internal => "internal",
        }
    }

    /// Version of the rules.
    #[must_use]
    pub fn version(&self) -> u32 {
        VERSION
    }

    /// Decides on the value under `key`, the nearest member name above it.
    #[must_use]
    pub fn decide(&self, key: &str, value: &Value, known: &KnownValues) -> Decision {
        if let Value::Object(members) = value
            && members.keys().any(|name| !is_plain_name(name))
        {
            // A member's name is needed to verify it, so a name that may be data hides the whole.
            return hide("member_names", value);
        }
        match self.reader {
            Reader::Internal => match value {
                Value::String(text) => hide_contacts(text, |digits| known.is_vendor_phone(digits)),
                Value::Number(number) => hide_phone_number(&number.to_string()),
                _ => Decision::Show,
            },
            Reader::External => self.decide_external(key, value, known),
        }
    }

    fn decide_external(&self, key: &str, value: &Value, known: &KnownValues) -> Decision {
        let text = match value {
            Value::Null => return Decision::Show,
            Value::Array(items) if items.is_empty() => return Decision::Show,
            Value::String(text) => text.as_str(),
            _ => "",
        };
        match Class::of(key) {
            Class::Container if !value.is_string() => Decision::Show,
            Class::Id if value.is_string() => self.pseudonym(key, text),
            Class::Id | Class::Note | Class::Text if value.is_array() => Decision::Show,
            Class::Open if !value.is_string() && !value.is_object() => Decision::Show,
            Class::Open if is_token(text) && find_phones(text).is_empty() => Decision::Show,
            Class::Phone if value.is_string() => match mask_contacts(text, |_| false) {
                Some(masked) if find_phones(&masked).is_empty() => {
                    Decision::Hide { rule: "phone", masked: masked.into() }
                }
                _ => hide("phone", value),
            },
            // Nobody can list every drug a client may type: in a medical request no text is shown.
            Class::Text if known.is_medical() => hide("medical", value),
            Class::Note | Class::Text if value.is_string() => hide_in_text(text, known),
            Class::Name => hide("name", value),
            _ => hide("not_listed", value),
        }
    }

    fn pseudonym(&self, key: &str, id: &str) -> Decision {
        let kind = key.trim_end_matches("_ids").trim_end_matches("_id");
        let masked = self.key.as_ref().map(|key| format!("{kind}-{}", key.pseudonym(kind, id)));
        Decision::Hide { rule: "id", masked: masked.into() }
    }
}

fn hide(rule: &'static str, value: &Value) -> Decision {
    // The masked form keeps the type where a typed payload could not be read otherwise.
    let masked = match value {
        Value::String(_) | Value::Object(_) | Value::Array(_) => "[hidden]".into(),
        _ => Value::Null,
    };
    Decision::Hide { rule, masked }
}

fn hide_contacts(text: &str, shown: impl Fn(&str) -> bool) -> Decision {
    mask_contacts(text, |phone| shown(&phone.digits))
        .map_or(Decision::Show, |masked| Decision::Hide { rule: "contact", masked: masked.into() })
}

/// A phone number kept as a JSON number, as in `"wa_id": 250788123456`.
fn hide_phone_number(digits: &str) -> Decision {
    if find_phones(digits).is_empty() {
        Decision::Show
    } else {
        Decision::Hide { rule: "contact", masked: Value::Null }
    }
}

fn hide_in_text(text: &str, known: &KnownValues) -> Decision {
    let names = known.find(text).into_iter().map(|(at, what)| (at, format!("[{what}]"))).collect();
    let without_names = replace(text, names);
    let scanned = without_names.as_deref().unwrap_or(text);
    match (mask_contacts(scanned, |_| false), &without_names) {
        (Some(masked), _) => Decision::Hide { rule: "text", masked: masked.into() },
        (None, Some(masked)) => Decision::Hide { rule: "text", masked: masked.as_str().into() },
        (None, None) => Decision::Show,
    }
}

fn is_plain_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 64
        && name.chars().all(|c| c.is_alphanumeric() || "_-.:[] ".contains(c))
        && find_phones(name).is_empty()
}

/// A word from a closed set, a version, an id or a time; no sentence and no name in words.
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 64
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.:/+%".contains(&byte))
}
