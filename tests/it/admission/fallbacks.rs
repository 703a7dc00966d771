//! What a client is told instead.

use std::collections::BTreeSet;

use moltbot_audit::policy::{FallbackKind, Fallbacks, Language, Texts};
use moltbot_audit::testing::assert_no_personal_data;

use super::{bare_host, moltbot_call};

const KINDS: [FallbackKind; 10] = [
    FallbackKind::AiOff,
    FallbackKind::CallingOff,
    FallbackKind::ConsentDenied,
    FallbackKind::MoltbotBudget,
    FallbackKind::NoConsent,
    FallbackKind::OcrBudget,
    FallbackKind::OcrOff,
    FallbackKind::Time,
    FallbackKind::Unavailable,
    FallbackKind::VendorBudget,
];

#[test]
fn each_kind_has_a_text_of_its_own_in_each_language() {
    let fallbacks = Fallbacks::default();
    let mut texts = BTreeSet::new();
    for kind in KINDS {
        for language in [Language::En, Language::Fr, Language::Rw] {
            let text = fallbacks.of(kind).message(language).to_owned();
            assert_no_personal_data(&text);
            assert!(!text.contains("  "), "a line that was broken badly: {text}");
            assert!(texts.insert(text), "{kind:?} {language:?} says what another says");
        }
    }
    assert_eq!(texts.len(), 30);
}

#[test]
fn a_language_is_read_as_hosts_write_it() {
    for (code, language) in [
        ("en", Language::En),
        ("FR", Language::Fr),
        ("rw-RW", Language::Rw),
        ("sw", Language::En),
        ("", Language::En),
        ("é", Language::En),
    ] {
        assert_eq!(Language::of(code), language, "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_text_can_be_replaced() {
    let texts = || Texts::new("One moment.", "Un instant.", "Akanya gato.");
    let host = bare_host(|builder| {
        builder.fallbacks(Fallbacks::default().text(FallbackKind::AiOff, texts()))
    });
    let refusal = host.refused(moltbot_call()).await;
    assert_eq!(refusal.fallback.message(Language::Rw), "Akanya gato.");
    assert_eq!(refusal.fallback.message(Language::Fr), "Un instant.");
}
