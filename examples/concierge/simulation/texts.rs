//! The texts of the concierge itself, in the client's language.

use super::scenario::Language;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Say {
    AfterHandoff,
    AiDisclosure,
    AiDisclosureToVendor,
    AskTheShop,
    CallFallback,
    CallOffer,
    ClearerPhoto,
    HumanTakesOver,
    NoCall,
    NoLongerNeeded,
    NothingFound,
    PhotoReceived,
    PrescriptionSearching,
    RequestUndone,
    Searching,
    ShortlistIntro,
    StillWaiting,
    TimeIsUp,
}

impl Say {
    /// The name under which templates are recorded.
    pub(crate) fn template_id(self) -> &'static str {
        match self {
            Self::AfterHandoff => "after_handoff",
            Self::AiDisclosure => "ai_disclosure",
            Self::AiDisclosureToVendor => "ai_disclosure_to_vendor",
            Self::AskTheShop => "ask_the_shop",
            Self::CallFallback => "call_fallback",
            Self::CallOffer => "call_offer",
            Self::ClearerPhoto => "clearer_photo",
            Self::HumanTakesOver => "human_takes_over",
            Self::NoCall => "no_call",
            Self::NoLongerNeeded => "no_longer_needed",
            Self::NothingFound => "nothing_found",
            Self::PhotoReceived => "photo_received",
            Self::PrescriptionSearching => "prescription_searching",
            Self::RequestUndone => "request_undone",
            Self::Searching => "searching",
            Self::ShortlistIntro => "shortlist_intro",
            Self::StillWaiting => "still_waiting",
            Self::TimeIsUp => "time_is_up",
        }
    }

    pub(crate) fn text(self, language: Language) -> &'static str {
        match language {
            Language::En => self.english(),
            Language::Fr => self.french(),
            Language::Rw => self.kinyarwanda(),
        }
    }

    fn english(self) -> &'static str {
        match self {
            Self::AfterHandoff => "You can write to the shops with the links above.",
            Self::AiDisclosure => "You are chatting with Moltbot, an AI assistant.",
            Self::AiDisclosureToVendor => "This message was written by Moltbot, an AI assistant.",
            Self::AskTheShop => "price to be asked",
            Self::CallFallback => "We tried to call and could not reach you. Let us go on here.",
            Self::CallOffer => "May we call you to settle this? Reply YES or NO.",
            Self::ClearerPhoto => {
                "We had trouble reading the photo. Please send a clearer photo, or type it."
            }
            Self::HumanTakesOver => "We cannot go on automatically. A colleague will help you.",
            Self::NoCall => "Understood, we will not call. Let us go on here.",
            Self::NoLongerNeeded => "Thank you. The client no longer needs this.",
            Self::NothingFound => "Sorry, we found no shop to ask. A colleague will help you.",
            Self::PhotoReceived => "Thank you, we have your photo and are reading it.",
            Self::PrescriptionSearching => {
                "We read your prescription and are searching pharmacies near you."
            }
            Self::RequestUndone => {
                "Your request is cancelled. Please disregard the shops that we sent you."
            }
            Self::Searching => "Thank you! We are searching shops near you now.",
            Self::ShortlistIntro => "Here is what we found:",
            Self::StillWaiting => "We are still waiting for shops to answer.",
            Self::TimeIsUp => {
                "Sorry, this takes longer than it should. You can call our hotline, or wait and \
                 we write to you."
            }
        }
    }

    fn french(self) -> &'static str {
        match self {
            Self::AfterHandoff => "Vous pouvez écrire aux boutiques avec les liens ci-dessus.",
            Self::AiDisclosure => {
                "Vous échangez avec Moltbot, un assistant d'intelligence artificielle (IA)."
            }
            Self::AiDisclosureToVendor => {
                "Ce message a été écrit par Moltbot, un assistant d'intelligence artificielle (IA)."
            }
            Self::AskTheShop => "prix à demander",
            Self::CallFallback => {
                "Nous avons essayé de vous appeler sans succès. Continuons par message."
            }
            Self::CallOffer => "Pouvons-nous vous appeler ? Répondez OUI ou NON.",
            Self::ClearerPhoto => {
                "La photo est difficile à lire. Envoyez une photo plus nette, ou écrivez le texte."
            }
            Self::HumanTakesOver => {
                "Nous ne pouvons pas continuer automatiquement. Un collègue va vous aider."
            }
            Self::NoCall => "Compris, nous n'appellerons pas. Continuons par message.",
            Self::NoLongerNeeded => "Merci. Le client n'en a plus besoin.",
            Self::NothingFound => {
                "Désolé, nous n'avons trouvé aucune boutique. Un collègue va vous aider."
            }
            Self::PhotoReceived => "Merci, nous avons reçu votre photo et nous la lisons.",
            Self::PrescriptionSearching => {
                "Nous avons lu votre ordonnance et cherchons des pharmacies près de vous."
            }
            Self::RequestUndone => {
                "Votre demande est annulée. Ne tenez plus compte des boutiques proposées."
            }
            Self::Searching => "Merci ! Nous cherchons des boutiques près de vous.",
            Self::ShortlistIntro => "Voici ce que nous avons trouvé :",
            Self::StillWaiting => "Nous attendons encore la réponse des boutiques.",
            Self::TimeIsUp => {
                "Désolé, c'est plus long que prévu. Vous pouvez appeler notre ligne, ou attendre \
                 notre message."
            }
        }
    }

    fn kinyarwanda(self) -> &'static str {
        match self {
            Self::AfterHandoff => "Mushobora kwandikira amaduka mukoresheje amahuza ari haruguru.",
            // A native speaker should review these two, because the law wants them to be understood.
            Self::AiDisclosure => {
                "Muravugana na Moltbot, umufasha ukoresha ubwenge bw'ubukorano (AI)."
            }
            Self::AiDisclosureToVendor => {
                "Ubu butumwa bwanditswe na Moltbot, umufasha ukoresha ubwenge bw'ubukorano (AI)."
            }
            Self::AskTheShop => "mubaze igiciro",
            Self::CallFallback => "Twagerageje kubahamagara ntibyakunda. Dukomeze twandikirane.",
            Self::CallOffer => "Twabahamagara? Musubize YEGO cyangwa OYA.",
            Self::ClearerPhoto => {
                "Ifoto ntisomeka neza. Mwohereze indi igaragara neza, cyangwa mubyandike."
            }
            Self::HumanTakesOver => "Mutwihanganire, umukozi wacu agiye kubafasha.",
            Self::NoCall => "Murakoze, ntitubahamagara. Dukomeze twandikirane.",
            Self::NoLongerNeeded => "Murakoze. Umukiriya ntakibikeneye.",
            Self::NothingFound => "Mutwihanganire, nta duka tubonye. Umukozi wacu agiye kubafasha.",
            Self::PhotoReceived => "Murakoze, ifoto yanyu twayibonye, turi kuyisoma.",
            Self::PrescriptionSearching => "Twasomye urupapuro rwa muganga, turi gushaka farumasi.",
            Self::RequestUndone => {
                "Ubusabe bwanyu bwahagaritswe. Mwirengagize amaduka twaboherereje."
            }
            Self::Searching => "Murakoze! Turi gushakisha mu maduka abegereye.",
            Self::ShortlistIntro => "Dore ibyo twabonye:",
            Self::StillWaiting => "Turacyategereje ibisubizo by'amaduka.",
            Self::TimeIsUp => {
                "Mutwihanganire, byatinze. Mushobora guhamagara umurongo wacu, cyangwa mugategereza."
            }
        }
    }
}

/// If Moltbot's answer is unusable, the language may have been wrong, so the text is in two.
pub(crate) const BILINGUAL_FALLBACK: &str = "Sorry, something went wrong. A colleague will help you. \
     / Désolé, un problème est survenu. Un collègue va vous aider.";
