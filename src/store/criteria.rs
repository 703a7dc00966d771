//! What a search compares with the events of a request: people, an idempotency key, refusals and doubts.
//!
//! Payloads may hold a phone number in any spelling, and an external pack shows a vendor by a keyed hash. So a store
//! returns what its events name, and the comparison is made here, by keyed hashes. The store has no column or index of
//! people: it could be searched without the key, and would have to be erased too.

use std::fmt;

use crate::proof::Digest;
use crate::redact::{KeyFingerprint, PhoneError, RedactionKey, withhold_in_key};

/// The kind under which idempotency keys are hashed.
pub(crate) const KEY_KIND: &str = "idempotency_key";

/// What a request's events must show. `Debug` tells nothing of it, because it may be about people.
#[derive(Clone, Default)]
pub(super) struct Criteria {
    /// The key of the search, if people or idempotency keys are looked for.
    fingerprint: Option<KeyFingerprint>,
    phone: Option<Phone>,
    vendor: Option<Vendor>,
    pub(super) idempotency_key: Option<IdempotencyKey>,
    pub(super) is_ai_refused: bool,
    pub(super) is_in_doubt: bool,
}

/// A phone number, by its keyed hashes.
#[derive(Clone)]
struct Phone {
    /// Newest first. The first hash is of the first key.
    keys: Vec<RedactionKey>,
    hashes: Vec<String>,
}

/// A vendor, by the host's id or by the id that external packs show.
#[derive(Clone)]
struct Vendor {
    keys: Vec<RedactionKey>,
    id: String,
}

/// An idempotency key.
#[derive(Clone)]
pub(super) struct IdempotencyKey {
    /// As events hold it, under each key.
    stored: Vec<String>,
    /// As effects hold it, under each key.
    pub(super) hashes: Vec<Digest>,
}

/// What the events of a stream name, as far as it was asked for.
#[derive(Clone, Default)]
pub(crate) struct StreamFacts {
    /// Phone numbers in any spelling, and idempotency keys that hold the hash of one.
    pub(crate) phones: Vec<String>,
    pub(crate) vendors: Vec<String>,
    pub(crate) has_key: bool,
    pub(crate) is_ai_refused: bool,
}

/// Which facts a store looks up.
#[derive(Clone, Default)]
pub(crate) struct Asked {
    pub(crate) people: bool,
    /// The stored forms of an idempotency key.
    pub(crate) keys: Vec<String>,
    pub(crate) refusals: bool,
}

/// Effects that a stream must have. Without conditions, it needs none.
#[derive(Clone, Debug, Default)]
pub(crate) struct EffectScope {
    #[allow(dead_code, reason = "a build without a store does not read it")]
    pub(crate) is_in_doubt: bool,
    /// The hashes of an idempotency key.
    pub(crate) keys: Vec<Digest>,
}

impl Criteria {
    pub(super) fn phone(&mut self, key: &RedactionKey, phone: &str) -> Result<(), PhoneError> {
        let keys = all(key);
        let hashes = keys.iter().map(|key| key.phone_hash(phone)).collect::<Result<_, _>>()?;
        self.phone = Some(Phone { keys, hashes });
        self.fingerprint = Some(key.fingerprint());
        Ok(())
    }

    pub(super) fn vendor(&mut self, key: &RedactionKey, id: &str) {
        self.vendor = Some(Vendor { keys: all(key), id: id.to_owned() });
        self.fingerprint = Some(key.fingerprint());
    }

    pub(super) fn idempotency_key(&mut self, key: &RedactionKey, text: &str) {
        let keys = all(key);
        let hash = |key: &RedactionKey| key.keyed_hash(KEY_KIND, text.as_bytes());
        self.idempotency_key = Some(IdempotencyKey {
            stored: keys.iter().map(|key| withhold_in_key(text, key)).collect(),
            hashes: keys.iter().map(|key| Digest::from_bytes(hash(key))).collect(),
        });
        self.fingerprint = Some(key.fingerprint());
    }

    /// The key that the database must belong to.
    pub(super) fn fingerprint(&self) -> Option<KeyFingerprint> {
        self.fingerprint
    }

    /// What a store has to look up; without the idempotency key if its effect was found.
    pub(super) fn asked(&self, is_key_found: bool) -> Asked {
        let key = self.idempotency_key.as_ref().filter(|_| !is_key_found);
        Asked {
            people: self.phone.is_some() || self.vendor.is_some(),
            keys: key.map_or_else(Vec::new, |key| key.stored.clone()),
            refusals: self.is_ai_refused,
        }
    }

    /// Whether these facts, which were [asked](Self::asked) for, are those of a request that is looked for.
    pub(super) fn is_met_by(&self, facts: &StreamFacts, asked: &Asked) -> bool {
        self.phone.as_ref().is_none_or(|phone| phone.is_among(&facts.phones))
            && self.vendor.as_ref().is_none_or(|vendor| vendor.is_among(&facts.vendors))
            && (asked.keys.is_empty() || facts.has_key)
            && (!asked.refusals || facts.is_ai_refused)
    }
}

impl Asked {
    pub(super) fn is_nothing(&self) -> bool {
        !self.people && !self.refusals && self.keys.is_empty()
    }
}

impl EffectScope {
    #[cfg(any(feature = "postgres", feature = "sqlite", feature = "testing"))]
    pub(crate) fn is_empty(&self) -> bool {
        !self.is_in_doubt && self.keys.is_empty()
    }
}

/// The key and the previous ones.
fn all(key: &RedactionKey) -> Vec<RedactionKey> {
    std::iter::once(key.clone()).chain(key.previous()).collect()
}

impl Phone {
    fn is_among(&self, named: &[String]) -> bool {
        named.iter().any(|named| {
            // The hash in an idempotency key is of the key that was in use then.
            self.hashes.iter().any(|hash| named.contains(hash.as_str()))
                || self.keys.first().and_then(|key| key.phone_hash(named).ok()).as_ref()
                    == self.hashes.first()
        })
    }
}

impl Vendor {
    fn is_among(&self, named: &[String]) -> bool {
        let shown = |named: &String, key: &RedactionKey| {
            self.id.strip_prefix("vendor-") == Some(key.pseudonym("vendor", named).as_str())
        };
        named.iter().any(|named| *named == self.id || self.keys.iter().any(|key| shown(named, key)))
    }
}

impl fmt::Debug for Criteria {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Criteria(***)")
    }
}

impl fmt::Debug for StreamFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamFacts(***)")
    }
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Asked(***)")
    }
}
