//! Texts in each language, and the defaults of a host.

use std::borrow::Cow;

use super::{FallbackKind, Language};

/// One message in the three languages of the concierge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Texts {
    /// English.
    pub en: Cow<'static, str>,
    /// French.
    pub fr: Cow<'static, str>,
    /// Kinyarwanda.
    pub rw: Cow<'static, str>,
}

impl Texts {
    /// Takes the message in English, French and Kinyarwanda.
    #[must_use]
    pub fn new(
        en: impl Into<Cow<'static, str>>,
        fr: impl Into<Cow<'static, str>>,
        rw: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { en: en.into(), fr: fr.into(), rw: rw.into() }
    }

    /// The message in one of them.
    #[must_use]
    pub fn text(&self, language: Language) -> &str {
        match language {
            Language::En => &self.en,
            Language::Fr => &self.fr,
            Language::Rw => &self.rw,
        }
    }

    pub(super) fn of(kind: FallbackKind) -> Self {
        let [en, fr, rw] = match kind {
            FallbackKind::AiOff => AI_OFF,
            FallbackKind::CallingOff => CALLING_OFF,
            FallbackKind::ConsentDenied => CONSENT_DENIED,
            FallbackKind::MoltbotBudget => MOLTBOT_BUDGET,
            FallbackKind::NoConsent => NO_CONSENT,
            FallbackKind::OcrBudget => OCR_BUDGET,
            FallbackKind::OcrOff => OCR_OFF,
            FallbackKind::Time => TIME,
            FallbackKind::Unavailable => UNAVAILABLE,
            FallbackKind::VendorBudget => VENDOR_BUDGET,
        };
        Self::new(en, fr, rw)
    }
}

const AI_OFF: [&str; 3] = [
    "Thank you for your message. A colleague will go on with your request from here.",
    "Merci pour votre message. Un collègue va continuer avec votre demande.",
    "Murakoze kutwandikira. Umukozi wacu agiye gukomeza kubafasha.",
];
const CALLING_OFF: [&str; 3] = [
    "We cannot call at the moment. Let us go on here.",
    "Nous ne pouvons pas appeler en ce moment. Continuons par message.",
    "Ubu ntidushobora guhamagara. Dukomeze twandikirane.",
];
const CONSENT_DENIED: [&str; 3] = [
    "Understood, we will not call. Let us go on here.",
    "Compris, nous n'appellerons pas. Continuons par message.",
    "Murakoze, ntitubahamagara. Dukomeze twandikirane.",
];
const MOLTBOT_BUDGET: [&str; 3] = [
    "Thank you for your patience. A colleague will look at your request and write to you here.",
    "Merci de votre patience. Un collègue va regarder votre demande et vous écrire ici.",
    "Murakoze kwihangana. Umukozi wacu agiye kureba ibyo mwasabye abandikire hano.",
];
const NO_CONSENT: [&str; 3] = [
    "May we call you to settle this? Reply YES or NO.",
    "Pouvons-nous vous appeler ? Répondez OUI ou NON.",
    "Twabahamagara? Musubize YEGO cyangwa OYA.",
];
const OCR_BUDGET: [&str; 3] = [
    "We could not read your photos. Please send a clearer photo, or type what is on it. A colleague \
     will look at it too.",
    "Nous n'avons pas pu lire vos photos. Envoyez une photo plus nette, ou écrivez le texte. Un \
     collègue va aussi la regarder.",
    "Ntitwabashije gusoma amafoto yanyu. Mwohereze indi igaragara neza, cyangwa mubyandike. Umukozi \
     wacu na we arayireba.",
];
const OCR_OFF: [&str; 3] = [
    "We cannot read photos at the moment. Please type what is on it; a colleague will look at the \
     photo.",
    "Nous ne pouvons pas lire les photos en ce moment. Écrivez le texte ; un collègue va regarder la \
     photo.",
    "Ubu ntidushobora gusoma amafoto. Mubyandike; umukozi wacu arareba ifoto.",
];
const TIME: [&str; 3] = [
    "Sorry, this takes longer than it should. You can call our hotline, or wait and we write to you.",
    "Désolé, c'est plus long que prévu. Vous pouvez appeler notre ligne, ou attendre notre message.",
    "Mutwihanganire, byatinze. Mushobora guhamagara umurongo wacu, cyangwa mugategereza.",
];
const UNAVAILABLE: [&str; 3] = [
    "Sorry, something is not working on our side. We have your message, and a colleague will help \
     you.",
    "Désolé, un problème est survenu chez nous. Nous avons votre message, et un collègue va vous aider.",
    "Mutwihanganire, hari ikibazo kuri twe. Ubutumwa bwanyu twabubonye, umukozi wacu agiye kubafasha.",
];
const VENDOR_BUDGET: [&str; 3] = [
    "We have asked all the shops we can. Here is what those who answered have.",
    "Nous avons demandé à toutes les boutiques possibles. Voici ce qu'ont celles qui ont répondu.",
    "Twabajije amaduka yose dushoboye. Dore ibyo abasubije bafite.",
];
