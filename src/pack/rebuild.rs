//! Computes the commitment of a value from what a pack shows of it.

use std::collections::HashSet;

use serde_json::Value;

use super::fault::printable;
use super::{EventFault, PackEvent, View};
use crate::proof::{
    Digest, Leaves, ValueKind, commit_nothing, commitment, digest_of, event_hash, leaf_digest,
    push_pointer, sanitise,
};
use crate::redact::{Field, RequestEntities, Rule, Rules};

/// Computes the commitment of a shown value at `root`.
///
/// # Errors
/// [`EventFault`] if a leaf has neither salt nor digest, if salts or digests are left over, or
/// if the value is not in the form that is sealed.
fn rebuild(view: &View, root: &'static str) -> Result<Digest, EventFault> {
    let mut shown = Shown { view, used: HashSet::new() };
    let is_there = !view.value.is_null() || !view.hidden.is_empty();
    let rebuilt = if is_there {
        let digest = digest_of(&view.value, &mut root.to_owned(), &mut shown)?;
        commitment(root, shown.kind(&view.value, root), digest)
    } else {
        commit_nothing()
    };
    let mut pointers = view.salts.keys().chain(view.hidden.keys());
    match pointers.find(|pointer| !shown.used.contains(pointer.as_str())) {
        Some(pointer) => Err(EventFault::NothingAt { pointer: printable(pointer) }),
        None => Ok(rebuilt),
    }
}

/// Checks that an event's views are what its hash was made over, and are redacted by the rules.
///
/// # Errors
/// [`EventFault`]: the first that is found.
pub(super) fn verify_content(
    event: &PackEvent,
    rules: Rules<'_>,
    entities: &RequestEntities,
) -> Result<(), EventFault> {
    let redaction = Redaction { rules, entities, event_type: &event.header.event_type };
    let mut commitments = [event.event_hash; 4];
    for (commitment, (part, view)) in commitments.iter_mut().zip(event.views()) {
        if rebuild(view, part)? != view.commitment {
            return Err(EventFault::Commitment { part });
        }
        redaction.check(view, part)?;
        *commitment = view.commitment;
    }
    if event_hash(&event.header.canonical(), commitments) == event.event_hash {
        Ok(())
    } else {
        Err(EventFault::EventHash)
    }
}

/// Checks what one event shows and hides against the rules.
struct Redaction<'a> {
    rules: Rules<'a>,
    entities: &'a RequestEntities,
    event_type: &'a str,
}

impl Redaction<'_> {
    /// Checks that each value is hidden if and only if the rules hide it, as far as that can be told
    /// without the value.
    ///
    /// # Errors
    /// [`EventFault::Mask`] and [`EventFault::Shown`].
    fn check(&self, view: &View, root: &str) -> Result<(), EventFault> {
        self.walk(&view.value, root, &mut root.to_owned(), view)
    }

    fn walk(
        &self,
        value: &Value,
        key: &str,
        pointer: &mut String,
        view: &View,
    ) -> Result<(), EventFault> {
        let field = Field { event_type: self.event_type, key };
        if let Some(hidden) = view.hidden.get(pointer) {
            let rule = Rule::parse(&hidden.rule);
            let is_left =
                rule.is_some_and(|rule| self.rules.leave(field, rule, value, self.entities));
            // A value with both a salt and a digest would be shown and hidden at once.
            return if is_left && !view.salts.contains_key(pointer) {
                Ok(())
            } else {
                Err(EventFault::Mask { pointer: printable(pointer) })
            };
        }
        if self.rules.forbid(field, value, self.entities) {
            return Err(EventFault::Shown { pointer: printable(pointer) });
        }
        let at = pointer.len();
        match value {
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    push_pointer(pointer, &index.to_string());
                    self.walk(item, key, pointer, view)?;
                    pointer.truncate(at);
                }
            }
            Value::Object(members) => {
                for (name, member) in members {
                    push_pointer(pointer, name);
                    self.walk(member, name, pointer, view)?;
                    pointer.truncate(at);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

struct Shown<'a> {
    view: &'a View,
    /// Pointers whose salt or digest was used.
    used: HashSet<&'a str>,
}

impl Leaves for Shown<'_> {
    type Error = EventFault;

    fn known(&mut self, pointer: &str) -> Option<Digest> {
        let (pointer, hidden) = self.view.hidden.get_key_value(pointer)?;
        self.used.insert(pointer);
        Some(hidden.digest)
    }

    fn kind(&self, value: &Value, pointer: &str) -> ValueKind {
        self.view.hidden.get(pointer).map_or_else(|| ValueKind::of(value), |hidden| hidden.kind)
    }

    fn leaf(&mut self, leaf: &Value, pointer: &str) -> Result<Digest, EventFault> {
        let salt = self.view.salts.get_key_value(pointer);
        let (known, salt) =
            salt.ok_or_else(|| EventFault::NoSalt { pointer: printable(pointer) })?;
        self.used.insert(known);
        // 2^53 and 2^53+1 have the same canonical form, so a commitment proves only what sanitising leaves unchanged.
        if !is_sanitised(leaf) {
            return Err(EventFault::NotSealed { pointer: printable(pointer) });
        }
        Ok(leaf_digest(leaf, *salt))
    }
}

/// True if sanitising leaves a value unchanged.
pub(super) fn is_sanitised(value: &Value) -> bool {
    sanitise(value.clone()) == *value
}
