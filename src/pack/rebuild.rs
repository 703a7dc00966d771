//! From what a pack shows back to the commitment it must have come from.

use std::collections::HashSet;

use serde_json::Value;

use super::{EventFault, View};
use crate::proof::{Digest, leaf_digest, node_digest, push_pointer, sanitise};

/// Computes the commitment of a shown value at `root`.
///
/// # Errors
/// [`EventFault`] where a leaf has neither salt nor digest, where salts or digests are left over,
/// or where the value is not in the form that is sealed.
pub(super) fn rebuild(view: &View, root: &'static str) -> Result<Digest, EventFault> {
    let mut rebuild = Rebuild { view, used: HashSet::new() };
    let digest = rebuild.walk(&view.value, &mut root.to_owned())?;
    let pointers = view.salts.keys().chain(view.hidden.keys());
    if let Some(pointer) =
        pointers.into_iter().find(|pointer| !rebuild.used.contains(pointer.as_str()))
    {
        return Err(EventFault::NothingAt { pointer: pointer.clone() });
    }
    Ok(digest)
}

struct Rebuild<'a> {
    view: &'a View,
    /// Pointers whose salt or digest was needed.
    used: HashSet<&'a str>,
}

impl Rebuild<'_> {
    fn walk(&mut self, value: &Value, pointer: &mut String) -> Result<Digest, EventFault> {
        if let Some((known, hidden)) = self.view.hidden.get_key_value(pointer.as_str()) {
            self.used.insert(known);
            return Ok(hidden.digest);
        }
        let at = pointer.len();
        match value {
            Value::Array(items) if !items.is_empty() => {
                let mut children = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    push_pointer(pointer, &index.to_string());
                    children.push((None, self.walk(item, pointer)?));
                    pointer.truncate(at);
                }
                Ok(node_digest(&children))
            }
            Value::Object(members) if !members.is_empty() => {
                let mut children = Vec::with_capacity(members.len());
                for (key, member) in crate::proof::in_order(members) {
                    push_pointer(pointer, key);
                    children.push((Some(key.as_str()), self.walk(member, pointer)?));
                    pointer.truncate(at);
                }
                Ok(node_digest(&children))
            }
            leaf => self.leaf(leaf, pointer),
        }
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
