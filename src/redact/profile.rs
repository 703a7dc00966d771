//! Redaction profiles: who may see what in a pack.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::RedactionKey;
use super::additions::{Additions, FieldKind};
use super::decide::{Field, Rules};
use super::e164::CallingCode;
use super::field::{FIELDS, KINDS, NEEDED, UNLISTED_IN};
use super::health;
use super::masked_form::pseudonym_prefix;
use super::request_entities::RequestEntities;
use super::trade;
use super::treatment::Treatment;
use super::vocabulary;

/// A redaction profile. It decides for each value of a pack whether it is shown, and what replaces
/// it otherwise.
///
/// | | internal | external |
/// |---|---|---|
/// | client's and strangers' numbers, e-mail addresses | masked | masked |
/// | vendors' numbers | shown | masked |
/// | vendor ids and other ids of the host | shown | keyed hash |
/// | names, OCR values, model context | shown | hidden |
/// | what people wrote | shown, contacts masked | shown, contacts and known names masked |
/// | the same, in a medical request or one without a category | shown, contacts masked | hidden |
/// | what the system noted | shown, contacts masked | as what people wrote; single words if listed |
/// | limits, charges, scores, prices, words that are listed | shown | shown |
/// | words that are not listed | shown, contacts masked | hidden |
/// | text that looks medical, or does not speak of trade | shown, contacts masked | hidden |
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
    home: CallingCode,
}

#[derive(Clone, Debug)]
enum Reader {
    External { key: RedactionKey },
    Internal,
}

impl Profile {
    /// Version of the rules; it stands in every pack.
    pub const VERSION: u32 = 8;

    /// The profile for the operator's own people.
    #[must_use]
    pub fn internal() -> Self {
        let (reader, additions) = (Reader::Internal, Additions::default());
        Self { reader, additions, home: CallingCode::RWANDA }
    }

    /// The profile for regulators and other outsiders. Under the same `key`, a vendor has the same
    /// keyed hash in every pack.
    #[must_use]
    pub fn external(key: &RedactionKey) -> Self {
        let reader = Reader::External { key: key.clone() };
        Self { reader, additions: Additions::default(), home: key.home() }
    }

    /// Sets the country of the deployment, whose numbers are recognised without their calling code.
    /// Default: the key's for an external reader, otherwise [`CallingCode::RWANDA`].
    #[must_use]
    pub fn calling_code(mut self, home: CallingCode) -> Self {
        self.home = home;
        self
    }

    /// Hides every field of this name and everything below it. Takes precedence over
    /// [`danger_show`](Self::danger_show). If the sections compute from the field, a verifier says
    /// that the pack cannot be checked.
    #[must_use]
    pub fn hide(mut self, field: impl Into<String>) -> Self {
        self.additions.hidden.insert(field.into());
        self
    }

    /// **Weakens the profile**: an external reader sees fields of this name, as far as their
    /// content allows. Without it, a field on no built-in list is hidden. It also overrules the
    /// built-in lists, unless the sections compute from the field. Phone numbers and addresses in
    /// it stay masked.
    #[must_use]
    pub fn danger_show(mut self, field: impl Into<String>, holds: FieldKind) -> Self {
        self.additions.shown.insert(field.into(), holds);
        self
    }

    /// Lists words of a field that an external reader may see, each by its value. A word on no
    /// list, the library's or the host's, is hidden, because a person or a model may have typed it.
    /// The words of `category` are the categories that have nothing to do with health. A word that
    /// looks medical or holds a phone number stays hidden.
    ///
    /// ```
    /// # use moltbot_audit::redact::{Profile, RedactionKey};
    /// # let key = RedactionKey::from_bytes([7; 32]);
    /// let profile = Profile::external(&key)
    ///     .list_words("model", ["gemini-2.5-flash"])
    ///     .list_words("category", ["handicrafts"]);
    /// # assert_eq!(profile.additions().words.len(), 2);
    /// ```
    #[must_use]
    pub fn list_words<W: Into<String>>(
        mut self,
        field: impl Into<String>,
        words: impl IntoIterator<Item = W>,
    ) -> Self {
        let listed = self.additions.words.entry(field.into()).or_default();
        listed.extend(words.into_iter().map(Into::into));
        self
    }

    /// The additions to the built-in rules.
    #[must_use]
    pub fn additions(&self) -> &Additions {
        &self.additions
    }

    /// The built-in rules of this version, as data: every field from which an external reader
    /// learns something, by class. Any other field is hidden.
    #[must_use]
    pub fn rules() -> Value {
        let unlisted = UNLISTED_IN.map(|(event_type, fields)| (event_type, json!(fields)));
        let classes = FIELDS.map(|(class, fields)| (class.as_str(), json!(fields)));
        json!({
            "classes": BTreeMap::from(classes),
            "health": health::TABLE,
            "kinds": KINDS.map(|(kind, fields)| (format!("{kind:?}"), fields)),
            "needed": NEEDED,
            "trade": trade::TABLES,
            "unlisted_in": BTreeMap::from(unlisted),
            "version": Self::VERSION,
            "vocabulary": vocabulary::rules(),
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

    /// What is known of a request before its events are read.
    pub(crate) fn request_entities(&self) -> RequestEntities {
        RequestEntities::new(self.home, &self.additions)
    }

    /// Decides on a value in an event.
    pub(crate) fn decide(
        &self,
        field: Field<'_>,
        value: &Value,
        entities: &RequestEntities,
    ) -> Treatment {
        let rules = Rules::new(matches!(self.reader, Reader::External { .. }), &self.additions);
        rules.decide(field, value, entities, |id| match &self.reader {
            Reader::External { key } => {
                let kind = pseudonym_prefix(field.key);
                format!("{kind}-{}", key.pseudonym(kind, id))
            }
            Reader::Internal => id.to_owned(),
        })
    }
}
