//! From what a pack shows back to the commitment it must have come from.

use std::collections::HashSet;

use serde_json::Value;

use super::{EventFault, View};
use crate::proof::{Digest, Leaves, digest_of, leaf_digest, sanitise};

/// Computes the commitment of a shown value at `root`.
///
/// # Errors
/// [`EventFault`] where a leaf has neither salt nor digest, where salts or digests are left over,
/// or where the value is not in the form that is sealed.
pub(super) fn rebuild(view: &View, root: &'static str) -> Result<Digest, EventFault> {
    let mut shown = Shown { view, used: HashSet::new() };
    let digest = digest_of(&view.value, &mut root.to_owned(), &mut shown)?;
    let mut pointers = view.salts.keys().chain(view.hidden.keys());
    match pointers.find(|pointer| !shown.used.contains(pointer.as_str())) {
        Some(pointer) => Err(EventFault::NothingAt { pointer: pointer.clone() }),
        None => Ok(digest),
    }
}

struct Shown<'a> {
    view: &'a View,
    /// Pointers whose salt or digest was needed.
    used: HashSet<&'a str>,
}

impl Leaves for Shown<'_> {
    type Error = EventFault;

    fn known(&mut self, pointer: &str) -> Option<Digest> {
        let (pointer, hidden) = self.view.hidden.get_key_value(pointer)?;
        self.used.insert(pointer);
        Some(hidden.digest)
    }

    fn leaf(&mut self, leaf: &Value, pointer: &str) -> Result<Digest, EventFault> {
        let salt = self.view.salts.get_key_value(pointer);
        let (known, salt) =
            salt.ok_or_else(|| EventFault::NoSalt { pointer: pointer.to_owned() })?;
        self.used.insert(known);
        // 2^53 and 2^53+1 have one canonical form: only what sanitising leaves alone can be trusted.
        if sanitise(leaf.clone()) != *leaf {
            return Err(EventFault::NotSealed { pointer: pointer.to_owned() });
        }
        Ok(leaf_digest(leaf, *salt))
    }
}
