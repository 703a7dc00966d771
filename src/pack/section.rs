//! Distinguishes "nothing happened" from "we did not look".

use std::fmt;

use serde::Serialize;

/// A section of a pack. It is always present, and says why if it has no content.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "SectionOf{T}"))]
#[serde(tag = "status", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Section<T> {
    /// Nothing of this kind happened in the request.
    Empty,
    /// It was recorded and has been erased since.
    Erased {
        /// On whose behalf, under which rule.
        reason: String,
    },
    /// This version does not record it.
    NotRecorded {
        /// What is missing.
        reason: String,
    },
    /// What was recorded.
    Recorded {
        /// The section's content.
        content: T,
    },
    /// It was recorded and cannot be read.
    Unreadable {
        /// What went wrong.
        reason: String,
    },
}

impl<T> Section<T> {
    /// The content, if there is any.
    #[must_use]
    pub fn content(&self) -> Option<&T> {
        match self {
            Self::Recorded { content } => Some(content),
            _ => None,
        }
    }

    pub(super) fn not_recorded(reason: &str) -> Self {
        Self::NotRecorded { reason: reason.to_owned() }
    }
}

impl<T> Section<Vec<T>> {
    pub(super) fn of_list(items: Vec<T>) -> Self {
        if items.is_empty() { Self::Empty } else { Self::Recorded { content: items } }
    }
}

// A section may hold what people wrote, so Debug prints only its status.
impl<T> fmt::Debug for Section<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "Empty",
            Self::Erased { .. } => "Erased(***)",
            Self::NotRecorded { .. } => "NotRecorded(***)",
            Self::Recorded { .. } => "Recorded(***)",
            Self::Unreadable { .. } => "Unreadable(***)",
        })
    }
}
