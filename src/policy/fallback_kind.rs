//! The cases of refusal.

/// The cases of refusal that need a text of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FallbackKind {
    /// The AI, or a switch of the host's own, is off.
    AiOff,
    /// Calling is off.
    CallingOff,
    /// The client does not want to be called.
    ConsentDenied,
    /// Moltbot's calls, or a budget of the host's own, are used up.
    MoltbotBudget,
    /// The client was not asked whether a call is welcome, or too long ago.
    NoConsent,
    /// The budget for photos is used up.
    OcrBudget,
    /// Reading photos is off.
    OcrOff,
    /// The request took too long.
    Time,
    /// The database does not answer.
    Unavailable,
    /// The budget for vendors is used up.
    VendorBudget,
}
