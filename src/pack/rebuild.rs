//! From what a pack shows back to the commitment it must have come from.

use std::collections::HashSet;

use serde_json::Value;

use super::fault::printable;
use super::{EventFault, ProfileName, View};
use crate::proof::{Digest, Leaves, digest_of, leaf_digest, sanitise};
use crate::redact::{Additions, Rule};

/// Computes the commitment of a shown value at `root`.
///
/// # Errors
/// [`EventFault`] where a leaf has neither salt nor digest, where salts or digests are left over,
/// where the value is not in the form that is sealed, or where something is hidden in a way that the
/// profile does not hide it.
pub(super) fn rebuild(
    view: &View,
    root: &'static str,
    profile: &ProfileName,
) -> Result<Digest, EventFault> {
    let mut shown = Shown { view, used: HashSet::new() };
    let digest = digest_of(&view.value, &mut root.to_owned(), &mut shown)?;
    check_masks(view, root, profile)?;
    let mut pointers = view.salts.keys().chain(view.hidden.keys());
    match pointers.find(|pointer| !shown.used.contains(pointer.as_str())) {
        Some(pointer) => Err(EventFault::NothingAt { pointer: printable(pointer) }),
        None => Ok(digest),
    }
}

/// Checks that each masked form is one its rule leaves, under the profile the pack names.
fn check_masks(view: &View, root: &str, profile: &ProfileName) -> Result<(), EventFault> {
    for (pointer, hidden) in &view.hidden {
        let masked = pointer.strip_prefix(root).and_then(|below| view.value.pointer(below));
        let rule = Rule::parse(&hidden.rule).filter(|rule| {
            rule.is_used_by(&profile.name)
                && (*rule != Rule::Host || is_added(pointer, &profile.additions))
        });
        let is_left = rule.zip(masked).is_some_and(|(rule, masked)| {
            rule.leaves(masked, field_at(pointer, root), &profile.additions)
        });
        // What has a salt beside its digest is shown and hidden at once.
        if !is_left || view.salts.contains_key(pointer) {
            return Err(EventFault::Mask { pointer: printable(pointer) });
        }
    }
    Ok(())
}

/// The nearest member name above a value, or the root pointer: by it the profile decides. Names that
/// begin like an index are never shown outside.
fn field_at<'a>(pointer: &'a str, root: &'a str) -> &'a str {
    let below = pointer.strip_prefix(root).unwrap_or_default();
    let is_name = |token: &&str| token.starts_with(|c: char| !c.is_ascii_digit());
    below.rsplit('/').find(is_name).unwrap_or(root)
}

/// Whether the host's additions hide the field at a pointer.
fn is_added(pointer: &str, additions: &Additions) -> bool {
    let field = |token: &str| token.replace("~1", "/").replace("~0", "~");
    additions.hidden.contains(pointer)
        || pointer.split('/').any(|token| additions.hidden.contains(&field(token)))
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
            salt.ok_or_else(|| EventFault::NoSalt { pointer: printable(pointer) })?;
        self.used.insert(known);
        // 2^53 and 2^53+1 have one canonical form: only what sanitising leaves alone can be trusted.
        if sanitise(leaf.clone()) != *leaf {
            return Err(EventFault::NotSealed { pointer: printable(pointer) });
        }
        Ok(leaf_digest(leaf, *salt))
    }
}
