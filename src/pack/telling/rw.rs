//! Kinyarwanda, short and simple.
//!
//! REVIEW: a native speaker has not read these texts yet. Until then, `docs/explain.md` says so.

use super::ended::Ended;
use super::phrase::{Aim, Phrase, grouped, minutes, named, numbers, with_codes};
use crate::pack::scoring::{Bound, Change, Exact};
use crate::pack::sections::{
    AiCall, Difference, HumanAct, PhoneCalls, Question, Stage, Unanswered, VendorStory,
};

pub(super) fn say(phrase: &Phrase<'_>) -> String {
    match phrase {
        Phrase::Act(act) => human_act(act),
        Phrase::Ai => "AI".into(),
        Phrase::AiCall(call) => ai_call(call),
        Phrase::ByTheRule { places } => format!("Dukurikije itegeko, byari kuba: {places}."),
        Phrase::Calls => "Guhamagara".into(),
        Phrase::Difference(difference) => differing(difference),
        Phrase::Differs { rule, event } => {
            format!("Ibyanditswe (igikorwa {event}) bitandukanye n'itegeko {rule}:")
        }
        Phrase::FirstByTheRule => "Dukurikije itegeko, yari kuba uwa mbere.".into(),
        Phrase::Listed { places, decided_by } => {
            let by = decided(*decided_by);
            if places.is_empty() {
                format!("Urutonde nta muntu uruho. {by}")
            } else {
                format!("Ku rutonde: {places}. {by}")
            }
        }
        Phrase::NoAct => "Nta mukozi wagize icyo akora kuri ubu busabe.".into(),
        Phrase::NoAi => "Nta AI yakoreshejwe.".into(),
        Phrase::NoChange { aim } => no_change(*aim),
        Phrase::NoShortlist => "Nta rutonde rwakozwe.".into(),
        Phrase::NotMentioned { vendor_id } => format!(
            "{vendor_id}: nta cyanditswe kuri we. Nta shakisha ryamubonye, kandi nta wamuvuze."
        ),
        Phrase::People => "Abakozi".into(),
        Phrase::PhoneCalls(calls) => phone_calls(calls),
        Phrase::Place { place, vendor_id, total } => {
            format!("{place}. {vendor_id} (amanota {})", number(*total))
        }
        Phrase::Question(unanswered) => question(unanswered),
        Phrase::RuleNotKnown { rule, event } => {
            format!("Itegeko {rule} (igikorwa {event}) ntirizwi hano: amanota ntiyongeye kubarwa.")
        }
        Phrase::RuleNotNamed { event } => {
            format!("Igikorwa {event} nta tegeko kivuga: amanota ntiyongeye kubarwa.")
        }
        Phrase::Same { rules } => {
            format!("Aya mategeko yongeye gukoreshwa, atanga ibyanditswe: {rules}.")
        }
        Phrase::Unanswered => "Ibyo inyandiko zitasubiza".into(),
        Phrase::Unreadable { event } => {
            format!("Igikorwa {event} cyanditswe ukundi: amanota ntiyongeye kubarwa.")
        }
        Phrase::Vendor { vendor, ended } => vendor_story(vendor, ended),
        Phrase::Vendors => "Abacuruzi".into(),
        Phrase::WhyThese => "Impamvu aba bacuruzi batoranyijwe".into(),
        Phrase::WouldBe { aim, changes } => would_be(*aim, changes),
    }
}

fn no_change(aim: Aim) -> String {
    let what = match aim {
        Aim::Asked => "abazwa",
        Aim::First => "aba uwa mbere",
        Aim::Listed => "ajya ku rutonde",
    };
    format!("Dukurikije itegeko, nta kintu kimwe cyonyine cyari gutuma {what}.")
}

fn would_be(aim: Aim, changes: &[Change]) -> String {
    let what = match aim {
        Aim::Asked => "yari kubazwa",
        Aim::First => "yari kuba uwa mbere",
        Aim::Listed => "yari kujya ku rutonde",
    };
    let changes: Vec<_> = changes.iter().map(change).collect();
    format!("Dukurikije itegeko, {what}: {}.", changes.join("; cyangwa "))
}

fn number(number: Exact) -> String {
    grouped(number, ",", ".")
}

fn decided(by: Option<&str>) -> &'static str {
    match by {
        Some("moltbot") => "Moltbot ni yo yagennye uko bakurikirana.",
        Some("price") => "Igiciro ni cyo cyagennye uko bakurikirana.",
        Some("rule") => "Itegeko ni ryo ryagennye uko bakurikirana.",
        _ => "Ntihanditse uwagennye uko bakurikirana.",
    }
}

fn vendor_story(vendor: &VendorStory, ended: &Ended<'_>) -> String {
    let reason = ended.reason.map(reason).unwrap_or_default();
    let event = ended.event.map_or(String::new(), |event| format!(" (igikorwa {event})"));
    let cause = match (reason.is_empty(), ended.event) {
        (false, Some(event)) => format!(" ({reason}, igikorwa {event})"),
        _ => event.clone(),
    };
    let told = match ended.stage {
        Stage::Excluded => format!("ntari ku rutonde. Yakuwemo: {reason}{event}."),
        Stage::FilteredOut => format!("ntiyabajijwe: {reason}{event}."),
        Stage::LeftOutByAi => format!("ntari ku rutonde. Moltbot ntiyamuhisemo{event}."),
        Stage::NoReply => format!("ntari ku rutonde. Ntiyasubije{event}."),
        Stage::NotContacted => format!("ntiyabajijwe{cause}."),
        Stage::NotFound => format!("ntiyabajijwe. Nta shakisha ryamubonye{event}."),
        Stage::NotRanked => format!("yarasubije, ariko nta rutonde rwakozwe{cause}."),
        Stage::NotReached => {
            format!("ntari ku rutonde. Nta butumwa buzwi bwamugezeho{event}.")
        }
        Stage::RankedBelow => format!("ntari ku rutonde: {reason}{event}."),
        Stage::RepliedNo => {
            format!("ntari ku rutonde. Yasubije ko ntabyo afite{event}.")
        }
        Stage::RepliedTooLate => format!("ntari ku rutonde. Yasubije atinze{event}."),
        Stage::Shortlisted => {
            format!("ari ku rutonde, ku mwanya wa {}{event}.", ended.place.unwrap_or_default())
        }
    };
    format!("{}: {told}", named(vendor))
}

/// A reason in words; one that has none is shown as it is recorded.
fn reason(code: &str) -> &str {
    match code {
        "already_contacted" => "yari yarabajijwe mbere",
        "below_min_rating" => "amanota yahawe n'abakiriya ni make",
        "better_alternatives" | "over_limit" => "abandi bafite amanota menshi kumurusha",
        "blocked" => "yarahagaritswe",
        "busy" => "yari ahuze",
        "category_mismatch" => "acuruza ibindi",
        "duplicate" => "ariho ku kindi gisubizo",
        "inactive" => "ntagikora",
        "negative_score" => "amanota ye ari munsi ya zeru",
        "opted_out" => "ntashaka kubazwa",
        "out_of_radius" => "ari kure cyane",
        "over_budget" => "igiciro kirenze amafaranga ahari",
        "time_exceeded" => "igihe cyari cyarangiye",
        "unsafe_reply" => "igisubizo cye nticyizewe",
        other => other,
    }
}

fn change(change: &Change) -> String {
    let name = change.factor;
    match (name, &change.to) {
        ("availability", Bound::Is(word)) if word == "in_stock" => {
            "iyo igisubizo cye gisomwa ko abifite".into()
        }
        ("availability", Bound::Is(word)) if word == "unclear" => {
            "iyo igisubizo cye gisomwa ko kidasobanutse".into()
        }
        ("availability", Bound::Is(word)) => format!("iyo igisubizo cye gisomwa ko ari {word}"),
        ("category", Bound::Is(_)) => "iyo acuruza ibyo bashakaga".into(),
        ("confidence", to) => {
            format!("iyo icyizere cy'isomwa ry'igisubizo kiba {}", bound(to))
        }
        ("distance", to) => format!("iyo aba kuri {}", unit(to, "km")),
        ("price", Bound::Named) => "iyo avuga igiciro".into(),
        ("price", to) => format!("iyo igiciro kiba {}", unit(to, "RWF")),
        ("rating", to) => format!("iyo amanota y'abakiriya aba {}", bound(to)),
        ("response_time", to) => {
            format!("iyo asanzwe asubiza mu {}", unit(to, "amasaha"))
        }
        ("speed", Bound::Named) => "iyo igihe yasubirijeho cyandikwa".into(),
        ("speed", _) if change.replies_first => "iyo asubiza mbere y'abandi".into(),
        ("speed", Bound::AtMost(seconds)) => match minutes(*seconds) {
            Some(minutes) => format!("iyo asubiza mu minota {} cyangwa mbere", number(minutes)),
            None => format!("iyo asubiza mu masegonda {} cyangwa mbere", number(*seconds)),
        },
        ("speed", to) => format!("iyo asubiza mu {}", unit(to, "amasegonda")),
        (_, to) => format!("iyo {name} iba {}", bound(to)),
    }
}

fn bound(to: &Bound) -> String {
    match to {
        Bound::AtLeast(least) => format!("{} cyangwa hejuru", number(*least)),
        Bound::AtMost(most) => format!("{} cyangwa munsi", number(*most)),
        Bound::Is(word) => word.to_string(),
        Bound::LessThan(most) => format!("munsi ya {}", number(*most)),
        Bound::MoreThan(least) => format!("hejuru ya {}", number(*least)),
        Bound::Named => "ihari".into(),
    }
}

fn unit(to: &Bound, unit: &str) -> String {
    match to {
        Bound::AtMost(most) => format!("{unit} {} cyangwa munsi", number(*most)),
        Bound::AtLeast(least) => format!("{unit} {} cyangwa hejuru", number(*least)),
        other => format!("{unit} {}", bound(other)),
    }
}

fn ai_call(call: &AiCall) -> String {
    let who = if call.ai == "ocr" { "OCR" } else { "Moltbot" };
    let action = call.action_type.as_ref().map(|action| format!(", {action}")).unwrap_or_default();
    let verdict = match call.verdict.as_str() {
        "accepted" => "byemewe",
        "blocked" => "byahagaritswe",
        "completed" => "byarangiye",
        "failed" => "byanze",
        "not_judged" => "nta cyemezo cyanditswe",
        "rejected" => "byanzwe",
        other => other,
    };
    let kinds = call.saw.iter().map(|kind| match *kind {
        "contact" => "nimero cyangwa imeyili",
        "health" => "iby'ubuzima",
        "location" => "ahantu",
        "message" => "ubutumwa",
        "name" => "amazina",
        "photo" => "ifoto",
        other => other,
    });
    let kinds: Vec<_> = kinds.collect();
    let saw = if kinds.is_empty() { "nta makuru bwite azwi".into() } else { kinds.join(", ") };
    let hidden =
        if call.is_partly_hidden { " Iyi nyandiko ihisha bimwe mu byo yahawe." } else { "" };
    let led_to = match call.led_to.as_slice() {
        [] => String::new(),
        [event] => format!(" Byakurikiwe n'igikorwa {event}."),
        events => format!(" Byakurikiwe n'ibikorwa {}.", numbers(events)),
    };
    let seq = call.source.seq;
    format!("Igikorwa {seq}: {who}{action}, {verdict}. Yahawe: {saw}.{hidden}{led_to}")
}

fn phone_calls(calls: &PhoneCalls) -> String {
    let mut said = vec![match calls.placed.len() {
        0 if calls.in_doubt.is_empty() => "Nta muntu wahamagawe.".to_owned(),
        0 => "Nta hamagara rizwi ryabaye.".to_owned(),
        _ => format!("Abahamagawe: {}.", with_codes(&calls.placed, "igikorwa")),
    }];
    for (what, calls) in [
        ("Ibitazwi neza", &calls.in_doubt),
        ("Ibyanze", &calls.failed),
        ("Byanzwe", &calls.refused),
    ] {
        if !calls.is_empty() {
            said.push(format!("{what}: {}.", with_codes(calls, "igikorwa")));
        }
    }
    said.join(" ")
}

fn human_act(act: &HumanAct) -> String {
    let by = act.by.as_ref().map(|by| format!(", byakozwe na {by}")).unwrap_or_default();
    let how = act.how.as_ref().map(|how| format!(" (uko bamumenye: {how})")).unwrap_or_default();
    let reason = act.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("Igikorwa {}: {}{by}{how}{reason}.", act.source.seq, act.event_type)
}

fn differing(difference: &Difference) -> String {
    let what = match difference.what {
        "listed" => "igisubizo".to_owned(),
        "place" => "umwanya".to_owned(),
        "points" => format!("amanota ya {}", difference.factor.as_deref().unwrap_or_default()),
        "reason" => "impamvu".to_owned(),
        _ => "amanota yose".to_owned(),
    };
    let said = |value: &Option<String>| value.clone().unwrap_or_else(|| "nta na kimwe".to_owned());
    let (recorded, by_rule) = (said(&difference.recorded), said(&difference.by_the_rule));
    format!(
        "{}: {what}: handitse {recorded}, dukurikije itegeko ni {by_rule}.",
        difference.vendor_id
    )
}

fn question(unanswered: &Unanswered) -> String {
    let what = match unanswered.question {
        Question::AiChoice => {
            "Impamvu Moltbot yahisemo uku bakurikirana, n'icyo yari guhitamo iyo hari ikindi gihinduka"
        }
        Question::AiSawHidden => "Andi makuru bwite AI yahawe: iyi nyandiko ihisha bimwe",
        Question::HiddenValues => "Icyo ibihishe byahindura kuri ibi bisobanuro",
        Question::NoShortlist => "Abari kujya ku rutonde: nta rutonde rwakozwe",
        Question::RuleNotKnown => "Icyo itegeko ritazwi hano ritanga",
        Question::RuleNotNamed => "Itegeko ryakoreshejwe: ntiryanditse",
        Question::SetAside => "Icyo ibikorwa byahinduwe bivuga",
        Question::SwitchSetElsewhere => {
            "Uwahagaritse AI, n'impamvu: byanditse ahandi, mu bikorwa bya sisitemu"
        }
        Question::TooManyVendors => "Icyari guhindura igisubizo: abacuruzi ni benshi cyane",
        Question::UnheardVendors => "Icyo abatasubije cyangwa abatabajijwe bari gusubiza",
        Question::UnscoredVendors => "Amanota abakuwemo mbere bari kubona",
    };
    let vendors = &unanswered.vendors;
    let vendors =
        if vendors.is_empty() { String::new() } else { format!(": {}", vendors.join(", ")) };
    let events = match unanswered.events.as_slice() {
        [] => String::new(),
        [event] => format!(" (igikorwa {event})"),
        events => format!(" (ibikorwa {})", numbers(events)),
    };
    format!("{what}{events}{vendors}.")
}
