//! The languages of the concierge.

/// A language of the concierge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Language {
    /// English.
    #[default]
    En,
    /// French.
    Fr,
    /// Kinyarwanda.
    Rw,
}

impl Language {
    /// Reads `en`, `fr`, `rw`, with or without a region; any other is English.
    #[must_use]
    pub fn of(code: &str) -> Self {
        match code.get(..2).unwrap_or_default().to_ascii_lowercase().as_str() {
            "fr" => Self::Fr,
            "rw" => Self::Rw,
            _ => Self::En,
        }
    }
}
