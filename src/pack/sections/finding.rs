//! A contradiction in a request's evidence.

use serde::Serialize;

use super::typed_events::Source;

/// A contradiction: the events say two things that cannot both be so.
///
/// It accuses no one. The host, its provider, or a writer to the database may be wrong, or the events were not
/// recorded in the order in which they happened.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Finding {
    /// The event in which it shows.
    #[serde(flatten)]
    pub source: Source,
    /// What does not add up.
    pub what: String,
}

impl Finding {
    pub(super) fn at(source: &Source, what: impl Into<String>) -> Self {
        Self { source: source.clone(), what: what.into() }
    }
}
