//! What a scan looks for, and what it finds.

use std::ops::Range;

use crate::redact::kind::Kind;

/// A part of a text, and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where it stands, in bytes.
    pub at: Range<usize>,
    /// What it is.
    pub kind: Kind,
}

/// How much a scan looks for.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::redact) enum ScanScope {
    /// What must not be stored: secrets, signed URLs, media.
    AtRest,
    /// Everything.
    #[default]
    Full,
}
