//! Fallbacks: what a host does instead of a refused effect.

use std::collections::BTreeMap;

use super::{FallbackKind, Language, Texts};

/// What a host does instead, and what it tells the client.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fallback {
    /// Which case it is.
    pub kind: FallbackKind,
    /// What the host does.
    pub action: FallbackAction,
    /// What the client may choose from, or the host offers at once.
    pub options: &'static [HandoffOption],
    texts: Texts,
}

impl Fallback {
    /// What the client is told.
    #[must_use]
    pub fn message(&self, language: Language) -> &str {
        self.texts.text(language)
    }
}

/// What a host does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FallbackAction {
    /// Asks the client, in writing, whether a call is welcome.
    AskConsent,
    /// Asks for a clearer photo or for text.
    AskForText,
    /// Goes on with its coded rules, without the AI.
    CodedWorkflow,
    /// Goes on with the vendors who replied.
    UseReplies,
    /// Goes on in writing.
    Write,
    /// Tells the client, and hands the request to a person.
    SafeText,
    /// Apologises, and offers the options.
    Apologise,
}

/// An option that does not need what was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HandoffOption {
    /// The client calls.
    Call,
    /// A person takes over.
    HumanQueue,
    /// The client waits for a message.
    Wait,
}

/// The texts in force.
///
/// ```
/// use moltbot_audit::policy::{FallbackKind, Fallbacks, Language, Texts};
///
/// let texts = Texts::new("Please hold on.", "Patientez.", "Mutegereze.");
/// let fallbacks = Fallbacks::default().text(FallbackKind::Time, texts);
/// let fallback = fallbacks.of(FallbackKind::Time);
/// assert_eq!(fallback.message(Language::of("fr-RW")), "Patientez.");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Fallbacks {
    replaced: BTreeMap<FallbackKind, Texts>,
}

impl Fallbacks {
    /// Replaces a text.
    #[must_use]
    pub fn text(mut self, kind: FallbackKind, texts: Texts) -> Self {
        self.replaced.insert(kind, texts);
        self
    }

    /// The fallback in this case.
    #[must_use]
    pub fn of(&self, kind: FallbackKind) -> Fallback {
        let (action, options) = instead(kind);
        let texts = self.replaced.get(&kind).cloned().unwrap_or_else(|| Texts::of(kind));
        Fallback { kind, action, options, texts }
    }
}

fn instead(kind: FallbackKind) -> (FallbackAction, &'static [HandoffOption]) {
    use FallbackKind as Kind;
    use HandoffOption::{Call, HumanQueue, Wait};
    match kind {
        Kind::AiOff | Kind::Unavailable => (FallbackAction::CodedWorkflow, &[HumanQueue]),
        Kind::CallingOff | Kind::ConsentDenied => (FallbackAction::Write, &[]),
        Kind::MoltbotBudget => (FallbackAction::SafeText, &[HumanQueue]),
        Kind::NoConsent => (FallbackAction::AskConsent, &[]),
        Kind::OcrBudget | Kind::OcrOff => (FallbackAction::AskForText, &[HumanQueue]),
        Kind::Time => (FallbackAction::Apologise, &[Call, Wait]),
        Kind::VendorBudget => (FallbackAction::UseReplies, &[]),
    }
}
