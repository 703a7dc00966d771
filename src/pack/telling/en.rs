//! English.

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
        Phrase::ByTheRule { places } => format!("By the rule it would be: {places}."),
        Phrase::Calls => "Phone calls".into(),
        Phrase::Difference(difference) => differing(difference),
        Phrase::Differs { rule, event } => {
            format!("The record (event {event}) differs from the rule {rule}:")
        }
        Phrase::FirstByTheRule => "By the rule, it would have been first.".into(),
        Phrase::Listed { places, decided_by } => {
            let by = decided(*decided_by);
            if places.is_empty() {
                format!("The shortlist is empty. {by}")
            } else {
                format!("On the shortlist: {places}. {by}")
            }
        }
        Phrase::NoAct => "No one of the host's staff acted in this request.".into(),
        Phrase::NoAi => "No AI took part.".into(),
        Phrase::NoChange { aim } => no_change(*aim),
        Phrase::NoShortlist => "No shortlist was made.".into(),
        Phrase::NotMentioned { vendor_id } => format!(
            "{vendor_id}: the record does not mention it. No search found it, and no one named it."
        ),
        Phrase::People => "People".into(),
        Phrase::PhoneCalls(calls) => phone_calls(calls),
        Phrase::Place { place, vendor_id, total } => {
            format!("{place}. {vendor_id} ({} points)", number(*total))
        }
        Phrase::Question(unanswered) => question(unanswered),
        Phrase::RuleNotKnown { rule, event } => format!(
            "The rule {rule} (event {event}) is not known here: its scores were not computed again."
        ),
        Phrase::RuleNotNamed { event } => {
            format!("Event {event} names no rule: its scores were not computed again.")
        }
        Phrase::Same { rules } => {
            format!(
                "Run again over the recorded factors, these rules give what is recorded: {rules}."
            )
        }
        Phrase::Unanswered => "What the record cannot answer".into(),
        Phrase::Unreadable { event } => {
            format!("Event {event} has another shape: its scores were not computed again.")
        }
        Phrase::Vendor { vendor, ended } => vendor_story(vendor, ended),
        Phrase::Vendors => "Vendors".into(),
        Phrase::WhyThese => "Why these vendors".into(),
        Phrase::WouldBe { aim, changes } => would_be(*aim, changes),
    }
}

fn no_change(aim: Aim) -> String {
    let what = match aim {
        Aim::Asked => "had it asked",
        Aim::First => "made it first",
        Aim::Listed => "put it on the shortlist",
    };
    format!("By the rule, no single change would have {what}.")
}

fn would_be(aim: Aim, changes: &[Change]) -> String {
    let what = match aim {
        Aim::Asked => "asked",
        Aim::First => "first",
        Aim::Listed => "on the shortlist",
    };
    let changes: Vec<_> = changes.iter().map(change).collect();
    format!("By the rule, it would have been {what}: {}.", changes.join("; or "))
}

fn number(number: Exact) -> String {
    grouped(number, ",", ".")
}

fn decided(by: Option<&str>) -> &'static str {
    match by {
        Some("moltbot") => "Moltbot decided the order.",
        Some("price") => "The price decided the order.",
        Some("rule") => "The rule decided the order.",
        _ => "The record does not say who decided the order.",
    }
}

fn vendor_story(vendor: &VendorStory, ended: &Ended<'_>) -> String {
    let reason = ended.reason.map(reason).unwrap_or_default();
    let event = ended.event.map_or(String::new(), |event| format!(" (event {event})"));
    let cause = match (reason.is_empty(), ended.event) {
        (false, Some(event)) => format!(" ({reason}, event {event})"),
        _ => event.clone(),
    };
    let told = match ended.stage {
        Stage::Excluded => format!("not on the shortlist. It was excluded: {reason}{event}."),
        Stage::FilteredOut => format!("not asked. A filter took it out: {reason}{event}."),
        Stage::LeftOutByAi => format!("not on the shortlist. Moltbot did not choose it{event}."),
        Stage::NoReply => format!("not on the shortlist. It did not reply{event}."),
        Stage::NotContacted => format!("not asked{cause}."),
        Stage::NotFound => format!("not asked. No search found it{event}."),
        Stage::NotRanked => format!("it replied, and no shortlist was made of its reply{cause}."),
        Stage::NotReached => {
            format!("not on the shortlist. No message is known to have reached it{event}.")
        }
        Stage::RankedBelow => format!("not on the shortlist: {reason}{event}."),
        Stage::RepliedNo => {
            format!("not on the shortlist. It replied that it does not have it{event}.")
        }
        Stage::RepliedTooLate => format!("not on the shortlist. It replied too late{event}."),
        Stage::Shortlisted => {
            format!("on the shortlist, at place {}{event}.", ended.place.unwrap_or_default())
        }
    };
    format!("{}: {told}", named(vendor))
}

/// A reason in words; one that has none is shown as it is recorded.
fn reason(code: &str) -> &str {
    match code {
        "already_contacted" => "it had been asked before",
        "below_min_rating" => "its rating was too low",
        "better_alternatives" | "over_limit" => "others scored more",
        "blocked" => "it is blocked",
        "busy" => "it was busy",
        "category_mismatch" => "another category",
        "duplicate" => "it is there with another reply",
        "inactive" => "it is not active",
        "negative_score" => "its score is below zero",
        "opted_out" => "it does not want to be asked",
        "out_of_radius" => "too far away",
        "over_budget" => "over the budget",
        "time_exceeded" => "the time was over",
        "unsafe_reply" => "its reply is not safe",
        other => other,
    }
}

fn change(change: &Change) -> String {
    let name = change.factor;
    match (name, &change.to) {
        ("availability", Bound::Is(word)) if word == "in_stock" => {
            "had its reply been read as in stock".into()
        }
        ("availability", Bound::Is(word)) => format!("had its reply been read as {word}"),
        ("category", Bound::Is(_)) => "in the same category".into(),
        ("confidence", to) => format!("had its reply been read with a confidence of {}", bound(to)),
        ("distance", to) => format!("at {}", unit(to, "km")),
        ("price", Bound::Named) => "with a price".into(),
        ("price", to) => format!("at {}", unit(to, "RWF")),
        ("rating", to) => format!("with a rating of {}", bound(to)),
        ("response_time", to) => format!("with a usual response time of {}", unit(to, "hours")),
        ("speed", Bound::Named) => "had its reply been timed".into(),
        ("speed", _) if change.replies_first => "had it replied first".into(),
        ("speed", Bound::AtMost(seconds)) => match minutes(*seconds) {
            Some(minutes) => format!("had it replied within {} minutes", number(minutes)),
            None => format!("had it replied within {} seconds", number(*seconds)),
        },
        ("speed", to) => format!("had it replied in {}", unit(to, "seconds")),
        (_, to) => format!("with {name} {}", bound(to)),
    }
}

fn bound(to: &Bound) -> String {
    match to {
        Bound::AtLeast(least) => format!("{} or more", number(*least)),
        Bound::AtMost(most) => format!("{} or less", number(*most)),
        Bound::Is(word) => word.to_string(),
        Bound::LessThan(most) => format!("less than {}", number(*most)),
        Bound::MoreThan(least) => format!("more than {}", number(*least)),
        Bound::Named => "of any value".into(),
    }
}

fn unit(to: &Bound, unit: &str) -> String {
    match to {
        Bound::AtMost(most) => format!("{} {unit} or less", number(*most)),
        Bound::AtLeast(least) => format!("{} {unit} or more", number(*least)),
        other => format!("{} {unit}", bound(other)),
    }
}

fn ai_call(call: &AiCall) -> String {
    let who = if call.ai == "ocr" { "OCR" } else { "Moltbot" };
    let action = call.action_type.as_ref().map(|action| format!(", {action}")).unwrap_or_default();
    let verdict = match call.verdict.as_str() {
        "accepted" => "accepted",
        "blocked" => "blocked",
        "completed" => "completed",
        "failed" => "failed",
        "not_judged" => "with no verdict on record",
        "rejected" => "rejected",
        other => other,
    };
    let kinds = call.saw.iter().map(|kind| match *kind {
        "contact" => "contacts",
        "health" => "health data",
        "location" => "places",
        "message" => "messages",
        "name" => "names",
        "photo" => "a photo",
        other => other,
    });
    let kinds: Vec<_> = kinds.collect();
    let saw =
        if kinds.is_empty() { "no personal data of a known kind".into() } else { kinds.join(", ") };
    let hidden =
        if call.is_partly_hidden { " This pack hides some of what it was given." } else { "" };
    let led_to = match call.led_to.as_slice() {
        [] => String::new(),
        [event] => format!(" It led to event {event}."),
        events => format!(" It led to events {}.", numbers(events)),
    };
    let seq = call.source.seq;
    format!("Event {seq}: {who}{action}, {verdict}. It was given: {saw}.{hidden}{led_to}")
}

fn phone_calls(calls: &PhoneCalls) -> String {
    let mut said = vec![match calls.placed.len() {
        0 if calls.in_doubt.is_empty() => "No one was called.".to_owned(),
        0 => "No call is known to have been placed.".to_owned(),
        _ => format!("Placed: {}.", with_codes(&calls.placed, "event")),
    }];
    for (what, calls) in
        [("In doubt", &calls.in_doubt), ("Failed", &calls.failed), ("Refused", &calls.refused)]
    {
        if !calls.is_empty() {
            said.push(format!("{what}: {}.", with_codes(calls, "event")));
        }
    }
    said.join(" ")
}

fn human_act(act: &HumanAct) -> String {
    let by = act.by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
    let how = act.how.as_ref().map(|how| format!(" (known by {how})")).unwrap_or_default();
    let reason = act.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("Event {}: {}{by}{how}{reason}.", act.source.seq, act.event_type)
}

fn differing(difference: &Difference) -> String {
    let what = match difference.what {
        "listed" => "the result".to_owned(),
        "place" => "its place".to_owned(),
        "points" => format!("the points for {}", difference.factor.as_deref().unwrap_or_default()),
        "reason" => "the reason".to_owned(),
        _ => "its total".to_owned(),
    };
    let said = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
    let (recorded, by_rule) = (said(&difference.recorded), said(&difference.by_the_rule));
    format!("{}: {what}: recorded {recorded}, by the rule {by_rule}.", difference.vendor_id)
}

fn question(unanswered: &Unanswered) -> String {
    let what = match unanswered.question {
        Question::AiChoice => {
            "Why Moltbot chose this order, and what it would have chosen if something had been different"
        }
        Question::AiSawHidden => {
            "Which other personal data an AI was given: this pack hides some of it"
        }
        Question::HiddenValues => "What hidden values would change in this explanation",
        Question::NoShortlist => "Which vendors would have been listed: no shortlist was made",
        Question::RuleNotKnown => "What a rule gives that is not known here",
        Question::RuleNotNamed => "By which rule vendors were scored: the record names none",
        Question::SetAside => "What events say that are set aside because they were changed",
        Question::SwitchSetElsewhere => {
            "Who engaged the kill switch, and why: the system's own stream says so"
        }
        Question::TooManyVendors => {
            "What would have changed the result: there are too many vendors"
        }
        Question::UnheardVendors => {
            "What vendors would have replied that did not reply, or were not asked"
        }
        Question::UnscoredVendors => "How vendors would have scored that a filter took out",
    };
    let vendors = &unanswered.vendors;
    let vendors =
        if vendors.is_empty() { String::new() } else { format!(": {}", vendors.join(", ")) };
    let events = match unanswered.events.as_slice() {
        [] => String::new(),
        [event] => format!(" (event {event})"),
        events => format!(" (events {})", numbers(events)),
    };
    format!("{what}{events}{vendors}.")
}
