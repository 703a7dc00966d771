//! Tells an explanation in words, in English, French and Kinyarwanda.
//!
//! The text says nothing that the explanation does not: it is as safe for a reader as the pack. Each language is one
//! file, and says every [`Phrase`].

mod en;
mod ended;
mod fr;
mod phrase;
mod rw;

use self::ended::Ended;
use self::phrase::{Aim, Phrase};
use super::scoring::Exact;
use super::sections::{Answer, Explanation, FinalOrder, Rerun, RerunResult, Rescored, VendorStory};
use crate::event::Language;

impl Explanation {
    /// Tells why these vendors were chosen and why the others were not, what an AI and people did, and what the record
    /// cannot answer.
    #[must_use]
    pub fn text(&self, language: Language) -> String {
        let mut told = Told { language, text: String::new() };
        told.part(&Phrase::WhyThese);
        self.tell_order(&mut told);
        if !self.vendors.is_empty() {
            told.part(&Phrase::Vendors);
            for vendor in &self.vendors {
                self.tell_vendor(&mut told, vendor, 1);
            }
        }
        told.part(&Phrase::Ai);
        for call in &self.ai_calls {
            told.line(1, &Phrase::AiCall(call));
        }
        if self.ai_calls.is_empty() {
            told.line(1, &Phrase::NoAi);
        }
        told.part(&Phrase::Calls);
        told.line(1, &Phrase::PhoneCalls(&self.phone_calls));
        told.part(&Phrase::People);
        for act in &self.human_acts {
            told.line(1, &Phrase::Act(act));
        }
        if self.human_acts.is_empty() {
            told.line(1, &Phrase::NoAct);
        }
        if !self.unanswered.is_empty() {
            told.part(&Phrase::Unanswered);
            for unanswered in &self.unanswered {
                told.line(1, &Phrase::Question(unanswered));
            }
        }
        told.text
    }

    /// Tells the story of one vendor, by its id as the pack shows it. A vendor that the record does not mention was
    /// not found.
    #[must_use]
    pub fn text_of(&self, vendor_id: &str, language: Language) -> String {
        let mut told = Told { language, text: String::new() };
        match self.vendors.iter().find(|vendor| vendor.vendor_id == vendor_id) {
            Some(vendor) => self.tell_vendor(&mut told, vendor, 0),
            None => told.line(0, &Phrase::NotMentioned { vendor_id }),
        }
        told.text
    }

    fn tell_order(&self, told: &mut Told) {
        let of_list = |rerun: &&Rerun| rerun.event_type == "shortlist.generated";
        match self.orders.last() {
            None => told.line(1, &Phrase::NoShortlist),
            Some(order) => {
                let places = told.places(
                    order
                        .items
                        .iter()
                        .map(|item| (item.vendor_id.as_str(), Exact::read(item.total))),
                );
                let decided_by = order.decided_by.as_deref();
                told.line(1, &Phrase::Listed { places: &places, decided_by });
                let last = self.reruns.iter().rfind(of_list);
                if let Some(RerunResult::Ranked { listed, .. }) = last.map(|rerun| &rerun.result)
                    && !is_the_same(order, listed)
                {
                    let by_rule = listed.iter().map(|by| (by.vendor_id.as_str(), by.total));
                    let places = told.places(by_rule);
                    told.line(1, &Phrase::ByTheRule { places: &places });
                }
            }
        }
        self.tell_reruns(told);
    }

    fn tell_reruns(&self, told: &mut Told) {
        let mut same: Vec<&str> = Vec::new();
        for rerun in &self.reruns {
            let event = rerun.source.seq;
            let rule = rerun.rule_version.as_deref().unwrap_or_default();
            match &rerun.result {
                RerunResult::Ranked { differences, .. } if differences.is_empty() => {
                    if !same.contains(&rule) {
                        same.push(rule);
                    }
                }
                RerunResult::Ranked { differences, .. } => {
                    told.line(1, &Phrase::Differs { rule, event });
                    for difference in differences {
                        told.line(2, &Phrase::Difference(difference));
                    }
                }
                RerunResult::RuleNotKnown => told.line(1, &Phrase::RuleNotKnown { rule, event }),
                RerunResult::RuleNotNamed => told.line(1, &Phrase::RuleNotNamed { event }),
                RerunResult::Unreadable => told.line(1, &Phrase::Unreadable { event }),
            }
        }
        if !same.is_empty() {
            told.line(1, &Phrase::Same { rules: &same.join(", ") });
        }
    }

    fn tell_vendor(&self, told: &mut Told, vendor: &VendorStory, depth: usize) {
        told.line(depth, &Phrase::Vendor { vendor, ended: &Ended::of(vendor) });
        let what_if = &vendor.what_if;
        let is_first = self.orders.last().and_then(|order| order.items.first());
        let is_first = is_first.is_some_and(|first| first.vendor_id == vendor.vendor_id);
        for (aim, answer) in [
            (Aim::Asked, &what_if.asked),
            (Aim::Listed, &what_if.listed),
            (Aim::First, &what_if.first),
        ] {
            match answer {
                Answer::Changes { changes } => {
                    told.line(depth + 1, &Phrase::WouldBe { aim, changes });
                }
                Answer::NoSingleFactor => told.line(depth + 1, &Phrase::NoChange { aim }),
                Answer::Already if aim == Aim::First && !is_first => {
                    told.line(depth + 1, &Phrase::FirstByTheRule);
                }
                Answer::Already | Answer::NotKnown { .. } => {}
            }
        }
    }
}

/// Whether the rule lists the same vendors in the same order.
fn is_the_same(order: &FinalOrder, listed: &[Rescored]) -> bool {
    let recorded = order.items.iter().map(|item| &item.vendor_id);
    recorded.eq(listed.iter().map(|by| &by.vendor_id))
}

/// What was told so far.
struct Told {
    language: Language,
    text: String,
}

impl Told {
    fn say(&self, phrase: &Phrase<'_>) -> String {
        match self.language {
            Language::En => en::say(phrase),
            Language::Fr => fr::say(phrase),
            Language::Rw => rw::say(phrase),
        }
    }

    fn part(&mut self, heading: &Phrase<'_>) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.line(0, heading);
    }

    fn line(&mut self, depth: usize, phrase: &Phrase<'_>) {
        // A line holds what the events show, which may be anything.
        let said = self.say(phrase).replace(char::is_control, " ");
        self.text.push_str(&"  ".repeat(depth));
        self.text.push_str(&said);
        self.text.push('\n');
    }

    fn places<'a>(&self, vendors: impl Iterator<Item = (&'a str, Exact)>) -> String {
        let place =
            |(at, (vendor_id, total))| self.say(&Phrase::Place { place: at, vendor_id, total });
        (1..).zip(vendors).map(place).collect::<Vec<_>>().join(", ")
    }
}
