//! The rendered fields of a span, for as long as it lives, or of the current event.

use super::plan::{FieldPlace, FieldPlan, LIFTED};

/// Rendered fields. A field is rendered once, and only copied from then on.
#[derive(Clone, Debug, Default)]
pub(super) struct LineFields {
    /// Values of lifted fields. Empty if there is none, since no JSON value is empty.
    pub(super) lifted: [String; LIFTED.len()],
    /// Further fields: `,"name":value,"name":value`.
    pub(super) further: String,
    /// What is in `further`, in its order.
    pub(super) entries: Vec<FurtherField>,
    /// Has one bit of each entry's hash, so that two sets without a common name are recognised at once.
    pub(super) names: u64,
    /// How many further fields had no room.
    pub(super) omitted: usize,
}

/// One of the further fields.
#[derive(Clone, Copy, Debug)]
pub(super) struct FurtherField {
    pub(super) hash: u64,
    /// Where it begins, with its comma.
    start: usize,
    end: usize,
}

impl LineFields {
    pub(super) fn clear(&mut self) {
        self.lifted.iter_mut().for_each(String::clear);
        self.further.clear();
        self.entries.clear();
        self.names = 0;
        self.omitted = 0;
    }

    /// Adds a field, or replaces an earlier one of its name.
    pub(super) fn set(&mut self, field: &FieldPlan, write: impl FnOnce(&mut String)) {
        match field.place {
            FieldPlace::Lifted(lifted) => {
                self.lifted[lifted].clear();
                write(&mut self.lifted[lifted]);
            }
            FieldPlace::Further => {
                self.remove(field.hash);
                let start = self.further.len();
                self.further.push_str(&field.key);
                write(&mut self.further);
                self.note(field.hash, start);
            }
            FieldPlace::Dropped | FieldPlace::Message | FieldPlace::Target => {}
        }
    }

    /// Takes over fields that were set after the span began.
    pub(super) fn update(&mut self, newer: &Self) {
        for (old, new) in self.lifted.iter_mut().zip(&newer.lifted) {
            if !new.is_empty() {
                old.clone_from(new);
            }
        }
        for entry in &newer.entries {
            self.remove(entry.hash);
            self.push(newer, *entry);
        }
    }

    /// Adds the outer span's fields that are not there yet, as far as the further fields fit into `max_len` bytes.
    pub(super) fn inherit(&mut self, outer: &Self, max_len: usize) {
        // If an inner field had no room, an outer one of the same name would be wrong.
        let max_len = if self.omitted == 0 { max_len } else { 0 };
        self.omitted += outer.omitted;
        for (inner, outer) in self.lifted.iter_mut().zip(&outer.lifted) {
            if inner.is_empty() && !outer.is_empty() {
                inner.push_str(outer);
            }
        }
        let has_room = |fields: &Self, len: usize| fields.further.len() + len <= max_len;
        if self.names & outer.names == 0 && has_room(self, outer.further.len()) {
            let offset = self.further.len();
            self.further.push_str(&outer.further);
            self.entries.extend(outer.entries.iter().map(|entry| FurtherField {
                hash: entry.hash,
                start: entry.start + offset,
                end: entry.end + offset,
            }));
            self.names |= outer.names;
            return;
        }
        for entry in &outer.entries {
            if self.has(entry.hash) {
                continue;
            }
            if has_room(self, entry.end - entry.start) {
                self.push(outer, *entry);
            } else {
                self.omitted += 1;
            }
        }
    }

    /// Drops fields from the end until the rest fits into `max_len` bytes.
    pub(super) fn shorten(&mut self, max_len: usize) {
        let kept = self.entries.iter().take_while(|entry| entry.end <= max_len).count();
        self.omitted += self.entries.len() - kept;
        self.entries.truncate(kept);
        self.further.truncate(self.entries.last().map_or(0, |last| last.end));
    }

    fn push(&mut self, other: &Self, entry: FurtherField) {
        let start = self.further.len();
        self.further.push_str(&other.further[entry.start..entry.end]);
        self.note(entry.hash, start);
    }

    fn note(&mut self, hash: u64, start: usize) {
        self.entries.push(FurtherField { hash, start, end: self.further.len() });
        self.names |= bit(hash);
    }

    fn has(&self, hash: u64) -> bool {
        self.names & bit(hash) != 0 && self.entries.iter().any(|entry| entry.hash == hash)
    }

    fn remove(&mut self, hash: u64) {
        if !self.has(hash) {
            return;
        }
        let Some(at) = self.entries.iter().position(|entry| entry.hash == hash) else { return };
        let FurtherField { start, end, .. } = self.entries.remove(at);
        self.further.replace_range(start..end, "");
        for later in &mut self.entries[at..] {
            later.start -= end - start;
            later.end -= end - start;
        }
    }
}

fn bit(hash: u64) -> u64 {
    1 << (hash & 63)
}
