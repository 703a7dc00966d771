//! French.

use super::ended::Ended;
use super::phrase::{Aim, Phrase, grouped, minutes, named, numbers, with_codes};
use crate::pack::scoring::{Bound, Change, Exact};
use crate::pack::sections::{
    AiCall, Difference, HumanAct, PhoneCalls, Question, Stage, Unanswered, VendorStory,
};

pub(super) fn say(phrase: &Phrase<'_>) -> String {
    match phrase {
        Phrase::Act(act) => human_act(act),
        Phrase::Ai => "IA".into(),
        Phrase::AiCall(call) => ai_call(call),
        Phrase::ByTheRule { places } => format!("Selon la règle, ce serait : {places}."),
        Phrase::Calls => "Appels téléphoniques".into(),
        Phrase::Difference(difference) => differing(difference),
        Phrase::Differs { rule, event } => {
            format!("Ce qui est enregistré (événement {event}) s'écarte de la règle {rule} :")
        }
        Phrase::FirstByTheRule => "Selon la règle, il aurait été en première place.".into(),
        Phrase::Listed { places, decided_by } => {
            let by = decided(*decided_by);
            if places.is_empty() {
                format!("La liste est vide. {by}")
            } else {
                format!("Sur la liste : {places}. {by}")
            }
        }
        Phrase::NoAct => {
            "Aucun membre du personnel de l'hôte n'est intervenu dans cette demande.".into()
        }
        Phrase::NoAi => "Aucune IA n'a participé.".into(),
        Phrase::NoChange { aim } => no_change(*aim),
        Phrase::NoShortlist => "Aucune liste n'a été faite.".into(),
        Phrase::NotMentioned { vendor_id } => format!(
            "{vendor_id} : rien n'est enregistré à son sujet. Aucune recherche ne l'a trouvé, et personne ne l'a nommé."
        ),
        Phrase::People => "Personnes".into(),
        Phrase::PhoneCalls(calls) => phone_calls(calls),
        Phrase::Place { place, vendor_id, total } => {
            format!("{place}. {vendor_id} ({} points)", number(*total))
        }
        Phrase::Question(unanswered) => question(unanswered),
        Phrase::RuleNotKnown { rule, event } => format!(
            "La règle {rule} (événement {event}) n'est pas connue ici : ses points n'ont pas été recalculés."
        ),
        Phrase::RuleNotNamed { event } => {
            format!(
                "L'événement {event} ne nomme aucune règle : ses points n'ont pas été recalculés."
            )
        }
        Phrase::Same { rules } => {
            format!(
                "Appliquées de nouveau aux facteurs enregistrés, ces règles donnent ce qui est enregistré : {rules}."
            )
        }
        Phrase::Unanswered => "Ce que l'enregistrement ne dit pas".into(),
        Phrase::Unreadable { event } => {
            format!("L'événement {event} a une autre forme : ses points n'ont pas été recalculés.")
        }
        Phrase::Vendor { vendor, ended } => vendor_story(vendor, ended),
        Phrase::Vendors => "Vendeurs".into(),
        Phrase::WhyThese => "Pourquoi ces vendeurs".into(),
        Phrase::WouldBe { aim, changes } => would_be(*aim, changes),
    }
}

fn no_change(aim: Aim) -> String {
    let what = match aim {
        Aim::Asked => "l'aurait fait contacter",
        Aim::First => "l'aurait mis en première place",
        Aim::Listed => "l'aurait mis sur la liste",
    };
    format!("Selon la règle, aucun changement d'un seul facteur ne {what}.")
}

fn would_be(aim: Aim, changes: &[Change]) -> String {
    let what = match aim {
        Aim::Asked => "contacté",
        Aim::First => "en première place",
        Aim::Listed => "sur la liste",
    };
    let changes: Vec<_> = changes.iter().map(change).collect();
    format!("Selon la règle, il aurait été {what} : {}.", changes.join(" ; ou "))
}

fn number(number: Exact) -> String {
    grouped(number, "\u{a0}", ",")
}

fn decided(by: Option<&str>) -> &'static str {
    match by {
        Some("moltbot") => "Moltbot a décidé de l'ordre.",
        Some("price") => "Le prix a décidé de l'ordre.",
        Some("rule") => "La règle a décidé de l'ordre.",
        _ => "L'enregistrement ne dit pas qui a décidé de l'ordre.",
    }
}

fn vendor_story(vendor: &VendorStory, ended: &Ended<'_>) -> String {
    let reason = ended.reason.map(reason).unwrap_or_default();
    let event = ended.event.map_or(String::new(), |event| format!(" (événement {event})"));
    let cause = match (reason.is_empty(), ended.event) {
        (false, Some(event)) => format!(" ({reason}, événement {event})"),
        _ => event.clone(),
    };
    let told = match ended.stage {
        Stage::Excluded => format!("pas sur la liste. Il a été exclu : {reason}{event}."),
        Stage::FilteredOut => format!("pas contacté. Un filtre l'a écarté : {reason}{event}."),
        Stage::LeftOutByAi => format!("pas sur la liste. Moltbot ne l'a pas choisi{event}."),
        Stage::NoReply => format!("pas sur la liste. Il n'a pas répondu{event}."),
        Stage::NotContacted => format!("pas contacté{cause}."),
        Stage::NotFound => format!("pas contacté. Aucune recherche ne l'a trouvé{event}."),
        Stage::NotRanked => format!("il a répondu, et sa réponse n'a mené à aucune liste{cause}."),
        Stage::NotReached => {
            format!("pas sur la liste. On ne sait d'aucun message qu'il lui soit parvenu{event}.")
        }
        Stage::RankedBelow => format!("pas sur la liste : {reason}{event}."),
        Stage::RepliedNo => {
            format!("pas sur la liste. Il a répondu qu'il n'en a pas{event}.")
        }
        Stage::RepliedTooLate => format!("pas sur la liste. Il a répondu trop tard{event}."),
        Stage::Shortlisted => {
            format!("sur la liste, à la place {}{event}.", ended.place.unwrap_or_default())
        }
    };
    format!("{} : {told}", named(vendor))
}

/// A reason in words; one that has none is shown as it is recorded.
fn reason(code: &str) -> &str {
    match code {
        "already_contacted" => "il avait déjà été contacté",
        "below_min_rating" => "sa note était trop basse",
        "better_alternatives" | "over_limit" => "d'autres ont plus de points",
        "blocked" => "il est bloqué",
        "busy" => "il était occupé",
        "category_mismatch" => "autre catégorie",
        "duplicate" => "il y est avec une autre réponse",
        "inactive" => "il n'est pas actif",
        "negative_score" => "il a moins de zéro point",
        "opted_out" => "il ne veut pas être contacté",
        "out_of_radius" => "trop loin",
        "over_budget" => "au-dessus du budget",
        "time_exceeded" => "le temps était écoulé",
        "unsafe_reply" => "sa réponse n'est pas sûre",
        other => other,
    }
}

fn change(change: &Change) -> String {
    let name = change.factor;
    match (name, &change.to) {
        ("availability", Bound::Is(word)) if word == "in_stock" => {
            "si sa réponse avait été lue comme « en stock »".into()
        }
        ("availability", Bound::Is(word)) if word == "unclear" => {
            "si sa réponse avait été lue comme « pas claire »".into()
        }
        ("availability", Bound::Is(word)) => {
            format!("si sa réponse avait été lue comme « {word} »")
        }
        ("category", Bound::Is(_)) => "dans la même catégorie".into(),
        ("confidence", to) => {
            format!("si sa réponse avait été lue avec une confiance {}", bound(to))
        }
        ("distance", to) => format!("à une distance {}", unit(to, "km")),
        ("price", Bound::Named) => "avec un prix".into(),
        ("price", to) => format!("à un prix {}", unit(to, "RWF")),
        ("rating", to) => format!("avec une note {}", bound(to)),
        ("response_time", to) => {
            format!("avec un délai de réponse habituel {}", unit(to, "heures"))
        }
        ("speed", Bound::Named) => "si le temps de sa réponse était enregistré".into(),
        ("speed", _) if change.replies_first => "s'il avait répondu le premier".into(),
        ("speed", Bound::AtMost(seconds)) => match minutes(*seconds) {
            Some(minutes) => format!("s'il avait répondu en {} minutes au plus", number(minutes)),
            None => format!("s'il avait répondu en {} secondes au plus", number(*seconds)),
        },
        ("speed", to) => format!("avec une réponse en un temps {}", unit(to, "secondes")),
        (_, to) => format!("avec {name} {}", bound(to)),
    }
}

fn bound(to: &Bound) -> String {
    match to {
        Bound::AtLeast(least) => format!("d'au moins {}", number(*least)),
        Bound::AtMost(most) => format!("d'au plus {}", number(*most)),
        Bound::Is(word) => word.to_string(),
        Bound::LessThan(most) => format!("de moins de {}", number(*most)),
        Bound::MoreThan(least) => format!("de plus de {}", number(*least)),
        Bound::Named => "quelconque".into(),
    }
}

fn unit(to: &Bound, unit: &str) -> String {
    match to {
        Bound::AtMost(most) => format!("d'au plus {} {unit}", number(*most)),
        Bound::AtLeast(least) => format!("d'au moins {} {unit}", number(*least)),
        other => format!("{} {unit}", bound(other)),
    }
}

fn ai_call(call: &AiCall) -> String {
    let who = if call.ai == "ocr" { "OCR" } else { "Moltbot" };
    let action = call.action_type.as_ref().map(|action| format!(", {action}")).unwrap_or_default();
    let verdict = match call.verdict.as_str() {
        "accepted" => "accepté",
        "blocked" => "bloqué",
        "completed" => "terminé",
        "failed" => "échoué",
        "not_judged" => "sans verdict enregistré",
        "rejected" => "rejeté",
        other => other,
    };
    let kinds = call.saw.iter().map(|kind| match *kind {
        "contact" => "coordonnées",
        "health" => "données de santé",
        "location" => "lieux",
        "message" => "messages",
        "name" => "noms",
        "photo" => "une photo",
        other => other,
    });
    let kinds: Vec<_> = kinds.collect();
    let saw = if kinds.is_empty() {
        "aucune donnée personnelle d'un genre connu".into()
    } else {
        kinds.join(", ")
    };
    let hidden = if call.is_partly_hidden { " Ce dossier en cache une partie." } else { "" };
    let led_to = match call.led_to.as_slice() {
        [] => String::new(),
        [event] => format!(" Suite : événement {event}."),
        events => format!(" Suite : événements {}.", numbers(events)),
    };
    let seq = call.source.seq;
    format!("Événement {seq} : {who}{action}, {verdict}. Données reçues : {saw}.{hidden}{led_to}")
}

fn phone_calls(calls: &PhoneCalls) -> String {
    let mut said = vec![match calls.placed.len() {
        0 if calls.in_doubt.is_empty() => "Personne n'a été appelé.".to_owned(),
        0 => "On ne sait d'aucun appel qu'il ait eu lieu.".to_owned(),
        _ => format!("Appels passés : {}.", with_codes(&calls.placed, "événement")),
    }];
    for (what, calls) in
        [("Incertains", &calls.in_doubt), ("Échoués", &calls.failed), ("Refusés", &calls.refused)]
    {
        if !calls.is_empty() {
            said.push(format!("{what} : {}.", with_codes(calls, "événement")));
        }
    }
    said.join(" ")
}

fn human_act(act: &HumanAct) -> String {
    let by = act.by.as_ref().map(|by| format!(" par {by}")).unwrap_or_default();
    let how =
        act.how.as_ref().map(|how| format!(" (identité connue par : {how})")).unwrap_or_default();
    let reason = act.reason.as_ref().map(|reason| format!(" : {reason}")).unwrap_or_default();
    format!("Événement {} : {}{by}{how}{reason}.", act.source.seq, act.event_type)
}

fn differing(difference: &Difference) -> String {
    let what = match difference.what {
        "listed" => "le résultat".to_owned(),
        "place" => "sa place".to_owned(),
        "points" => format!("les points pour {}", difference.factor.as_deref().unwrap_or_default()),
        "reason" => "la raison".to_owned(),
        _ => "son total".to_owned(),
    };
    let said = |value: &Option<String>| value.clone().unwrap_or_else(|| "rien".to_owned());
    let (recorded, by_rule) = (said(&difference.recorded), said(&difference.by_the_rule));
    format!("{} : {what} : {recorded} enregistré, {by_rule} selon la règle.", difference.vendor_id)
}

fn question(unanswered: &Unanswered) -> String {
    let what = match unanswered.question {
        Question::AiChoice => {
            "Pourquoi Moltbot a choisi cet ordre, et ce qu'il aurait choisi si quelque chose avait été différent"
        }
        Question::AiSawHidden => {
            "Quelles autres données personnelles une IA a reçues : ce dossier en cache une partie"
        }
        Question::HiddenValues => "Ce que des valeurs cachées changeraient à cette explication",
        Question::NoShortlist => {
            "Quels vendeurs auraient été sur la liste : aucune liste n'a été faite"
        }
        Question::RuleNotKnown => "Ce que donne une règle qui n'est pas connue ici",
        Question::RuleNotNamed => {
            "Selon quelle règle les points ont été donnés : aucune n'est nommée"
        }
        Question::SetAside => {
            "Ce que disent des événements mis de côté parce qu'ils ont été modifiés"
        }
        Question::SwitchSetElsewhere => {
            "Qui a actionné l'arrêt d'urgence, et pourquoi : c'est enregistré dans le flux du système"
        }
        Question::TooManyVendors => "Ce qui aurait changé le résultat : il y a trop de vendeurs",
        Question::UnheardVendors => {
            "Ce qu'auraient répondu des vendeurs qui n'ont pas répondu ou n'ont pas été contactés"
        }
        Question::UnscoredVendors => {
            "Combien de points auraient eus des vendeurs qu'un filtre a écartés"
        }
    };
    let vendors = &unanswered.vendors;
    let vendors =
        if vendors.is_empty() { String::new() } else { format!(" : {}", vendors.join(", ")) };
    let events = match unanswered.events.as_slice() {
        [] => String::new(),
        [event] => format!(" (événement {event})"),
        events => format!(" (événements {})", numbers(events)),
    };
    format!("{what}{events}{vendors}.")
}
