//! Checks one shortlist against all other events.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::super::decisions::Decision;
use super::super::finding::Finding;
use super::super::typed_events::{Source, TypedEvent, is_hidden};
use super::evidence::{Evidence, Trail};
use crate::event::payload::{ScoreFactor, ShortlistExclusion, ShortlistGenerated, ShortlistItem};

/// Reasons that claim that other vendors were better.
const OTHERS_WERE_BETTER: &[&str] = &["better_alternatives", "over_limit"];

/// Checks one shortlist against all other events.
pub(super) struct Check<'a, 'f> {
    evidence: &'a Evidence<'a>,
    shortlist: &'a TypedEvent<ShortlistGenerated>,
    /// How often it names each vendor.
    times: HashMap<&'a str, usize>,
    /// The item with the lowest score.
    lowest: Option<&'a ShortlistItem>,
    /// Moltbot's own order of vendors, if the call that the shortlist names gave one that can be read.
    moltbot: Option<Vec<String>>,
    /// Places in it, from 1.
    place: HashMap<String, u32>,
    findings: &'f mut Vec<Finding>,
}

impl<'a, 'f> Check<'a, 'f> {
    pub(super) fn new(
        evidence: &'a Evidence<'a>,
        shortlist: &'a TypedEvent<ShortlistGenerated>,
        findings: &'f mut Vec<Finding>,
    ) -> Self {
        let output = &shortlist.output;
        let mut times = HashMap::new();
        let listed = output.items.iter().map(|item| &item.vendor_id);
        for vendor in listed.chain(output.excluded.iter().map(|item| &item.vendor_id)) {
            *times.entry(vendor.as_str()).or_default() += 1;
        }
        let named = output.moltbot_event_id.as_deref().and_then(|id| id.parse::<Uuid>().ok());
        let moltbot = named.and_then(|id| shortlist_of(evidence.calls.get(&id)?));
        let mut place = HashMap::new();
        for (vendor, rank) in moltbot.iter().flatten().zip(1..) {
            place.entry(vendor.clone()).or_insert(rank);
        }
        let lowest = output.items.iter().min_by(|a, b| a.total.total_cmp(&b.total));
        Self { evidence, shortlist, times, lowest, moltbot, place, findings }
    }

    pub(super) fn run(mut self) {
        if self.shortlist.other_shape.is_some() {
            self.find("the shortlist has another shape than this version reads".to_owned());
        }
        for item in &self.shortlist.output.items {
            self.item(item);
        }
        for item in &self.shortlist.output.excluded {
            self.left_out(item);
        }
        self.named_twice();
        self.order();
        self.ranks_of_the_rule();
        self.choice_of_moltbot();
    }

    fn find(&mut self, what: String) {
        self.findings.push(Finding::at(&self.shortlist.source, what));
    }

    fn seq(&self) -> i64 {
        self.shortlist.source.seq
    }

    fn decided_by(&self) -> Option<&str> {
        self.shortlist.output.decided_by.as_deref()
    }

    fn trail(&self, vendor_id: &str) -> Option<&Trail<'_>> {
        self.evidence.trails.get(vendor_id)
    }

    fn item(&mut self, item: &ShortlistItem) {
        let (vendor, seq) = (&item.vendor_id, self.seq());
        if let Some(what) = score_finding(vendor, "shortlist", item.total, &item.factors) {
            self.find(what);
        }
        self.came_from_somewhere(vendor);
        let Some(trail) = self.evidence.trails.get(vendor) else { return };
        let named = item.reply_event_id.as_deref();
        let Some(reply) = named.and_then(|id| trail.reply_of(id)) else {
            if named.is_some() {
                self.find(format!("{vendor}: its reply_event_id names no reply of this vendor"));
            }
            if trail.usable_reply(seq).is_none() {
                self.find(format!("{vendor}: it is on the shortlist without a reply"));
            }
            return;
        };
        let Source { seq: replied, .. } = reply.source;
        if replied > seq {
            self.find(format!("{vendor}: it rests on a reply that came later (event {replied})"));
        } else if !reply.source.succeeded() {
            self.find(format!("{vendor}: it rests on a reply that failed (event {replied})"));
        } else if reply.post_handoff {
            self.find(format!(
                "{vendor}: it rests on a reply that came after the handoff (event {replied})"
            ));
        }
    }

    fn came_from_somewhere(&mut self, vendor: &str) {
        let is_nobody =
            |trail: &Trail<'_>| trail.candidacies().next().is_none() && trail.outreaches.is_empty();
        if self.trail(vendor).is_none_or(is_nobody) {
            let what = "the shortlist speaks of it, and it was neither a candidate nor asked";
            self.find(format!("{vendor}: {what}"));
        }
    }

    fn left_out(&mut self, item: &ShortlistExclusion) {
        let vendor = &item.vendor_id;
        if let Some(total) = item.total
            && let Some(what) = score_finding(vendor, "shortlist", total, &item.factors)
        {
            self.find(what);
        }
        self.came_from_somewhere(vendor);
        let reason = item.reason.trim();
        if reason.is_empty() {
            self.find(format!("{vendor}: it is left out, and no reason is given"));
        } else if let Some(against) = self.against(reason, item) {
            self.find(format!("{vendor}: it is left out as {reason}, and {against}"));
        }
    }

    /// What contradicts the reason for which a vendor is left out.
    fn against(&self, reason: &str, item: &ShortlistExclusion) -> Option<String> {
        let reply = self.trail(&item.vendor_id).and_then(|trail| trail.usable_reply(self.seq()));
        let replied = reply.map(|reply| reply.source.seq);
        match reason {
            "out_of_stock" | "no_stock" => {
                let is_in_stock = reply?.availability.as_deref() == Some("in_stock");
                is_in_stock.then(|| {
                    format!("event {} reads its reply as in stock", replied.unwrap_or_default())
                })
            }
            "no_reply" => Some(format!("event {} is its reply", replied?)),
            "no_price" | "missing_price" => {
                let price = reply?.price_min.or(reply?.price_max)?;
                Some(format!("event {} reads its price as {price}", replied?))
            }
            "over_budget" => {
                let (price, max) = (reply?.price_min?, self.shortlist.input.budget_max?);
                (price <= max)
                    .then(|| format!("its price of {price} is within the budget of {max}"))
            }
            "negative_score" => {
                let total = item.total?;
                (total >= 0.0).then(|| format!("its score is {total}"))
            }
            "duplicate" => {
                let times = self.times.get(item.vendor_id.as_str());
                (times == Some(&1)).then(|| "the shortlist names it once".to_owned())
            }
            "not_chosen_by_moltbot" => {
                let place = self.place.get(&item.vendor_id)?;
                Some(format!("Moltbot has it at place {place}"))
            }
            _ if OTHERS_WERE_BETTER.contains(&reason) => self.against_better_ones(reason, item),
            _ => None,
        }
    }

    fn against_better_ones(&self, reason: &str, item: &ShortlistExclusion) -> Option<String> {
        let items = &self.shortlist.output.items;
        let (listed, max) = (items.len(), self.shortlist.input.items_max);
        if let Some(max) = max.filter(|max| reason == "over_limit" && listed < *max as usize) {
            return Some(format!("the shortlist has {listed} of {max} items"));
        }
        // An order that the rule did not decide may leave out a better score, and says so.
        let by_the_rule = self.decided_by().is_none_or(|by| by == "rule");
        let is_worse = |other: &&ShortlistItem| item.total.is_some_and(|total| other.total < total);
        let worse = self.lowest.filter(is_worse).filter(|_| by_the_rule)?;
        Some(format!("{} is on the shortlist with a lower score", worse.vendor_id))
    }

    fn named_twice(&mut self) {
        let output = &self.shortlist.output;
        let mut listed = HashSet::new();
        let twice = output.items.iter().filter(|item| !listed.insert(item.vendor_id.as_str()));
        let twice: Vec<_> = twice.map(|item| item.vendor_id.clone()).collect();
        let both = output.excluded.iter().filter(|item| {
            // A second reply of a vendor may be left out while its first is listed.
            listed.contains(item.vendor_id.as_str()) && item.reason != "duplicate"
        });
        let both: Vec<_> = both.map(|item| item.vendor_id.clone()).collect();
        for vendor in twice {
            self.find(format!("{vendor}: it is on the shortlist twice"));
        }
        for vendor in both {
            self.find(format!("{vendor}: it is on the shortlist and left out at once"));
        }
    }

    fn order(&mut self) {
        let items = &self.shortlist.output.items;
        let decided_by = self.decided_by().unwrap_or("nobody on record").to_owned();
        let ranks: Vec<_> = items.iter().filter_map(|item| item.rule_rank).collect();
        if !items.is_sorted_by(|a, b| a.total >= b.total) {
            self.find(format!("the order, decided by {decided_by}, is not that of the scores"));
        } else if decided_by == "rule" && !ranks.is_sorted() {
            self.find("the order, decided by rule, is not that of the rule's ranks".to_owned());
        }
    }

    /// The rule ranks by the totals, so no vendor may rank above one with a higher total.
    fn ranks_of_the_rule(&mut self) {
        let output = &self.shortlist.output;
        let listed =
            output.items.iter().map(|item| (item.rule_rank, Some(item.total), &item.vendor_id));
        let left_out =
            output.excluded.iter().map(|item| (item.rule_rank, item.total, &item.vendor_id));
        let ranked = |(rank, total, vendor): (Option<u32>, Option<f64>, &String)| {
            Some((rank?, total?, vendor.clone()))
        };
        let mut ranked: Vec<_> = listed.chain(left_out).filter_map(ranked).collect();
        ranked.sort_by_key(|(rank, ..)| *rank);
        for pair in ranked.windows(2) {
            let [(above, more, vendor), (below, less, other)] = pair else { continue };
            if above == below && vendor != other {
                self.find(format!("{vendor}: its rule_rank {above} is that of {other}, too"));
            } else if more < less {
                self.find(format!(
                    "{vendor}: its rule_rank {above} stands above {below} of {other}, which scores more"
                ));
            }
        }
    }

    fn choice_of_moltbot(&mut self) {
        let named = self.shortlist.output.moltbot_event_id.as_deref();
        let call = match self.evidence.call("shortlist", named) {
            Ok(call) => call,
            Err(what) => return self.find(what),
        };
        let Some(call) = call else {
            if self.decided_by() == Some("moltbot") {
                self.find("Moltbot decided the order, and no call of it is named".to_owned());
            }
            return;
        };
        let Some(order) = self.moltbot.take() else {
            let is_readable = call.action.as_ref().is_some_and(serde_json::Value::is_object);
            if is_readable && self.decided_by() == Some("moltbot") {
                let seq = call.source.seq;
                self.find(format!("Moltbot decided the order, and event {seq} is no shortlist"));
            }
            return;
        };
        self.compare_with_moltbot(call, &order);
    }

    fn compare_with_moltbot(&mut self, call: &Decision, order: &[String]) {
        let output = &self.shortlist.output;
        let listed = output.items.iter().map(|item| (&item.vendor_id, item.moltbot_rank));
        let left_out = output.excluded.iter().map(|item| (&item.vendor_id, item.moltbot_rank));
        let mut found = Vec::new();
        for (vendor, rank) in listed.chain(left_out) {
            let said = self.place.get(vendor).copied();
            if let Some(rank) = rank.filter(|rank| said != Some(*rank)) {
                let seq = call.source.seq;
                let said = said.map_or("nowhere".to_owned(), |said| format!("at place {said}"));
                found.push(format!(
                    "{vendor}: its moltbot_rank is {rank}, and event {seq} has it {said}"
                ));
            }
        }
        let listed: HashSet<_> = output.items.iter().map(|item| item.vendor_id.as_str()).collect();
        let reasons: HashMap<_, _> = output
            .excluded
            .iter()
            .map(|item| (item.vendor_id.as_str(), item.reason.as_str()))
            .collect();
        for (vendor, rank) in order.iter().zip(1..) {
            if !listed.contains(vendor.as_str()) {
                let reason = reasons.get(vendor.as_str()).filter(|reason| !reason.is_empty());
                let reason = reason.map_or("without a reason", |reason| reason);
                found.push(format!(
                    "{vendor}: Moltbot has it at place {rank}, and it is left out ({reason})"
                ));
            }
        }
        for what in found {
            self.find(what);
        }
    }
}

/// The vendors of a shortlist action, in its order. `None` if the action is another one, or hides a vendor.
fn shortlist_of(call: &Decision) -> Option<Vec<String>> {
    let items = call.action.as_ref()?.get("items")?.as_array()?;
    let vendor = |item: &serde_json::Value| {
        let id = item.get("vendor_id")?.as_str().filter(|id| !is_hidden(Some(id)))?;
        Some(id.to_owned())
    };
    let is_shortlist = call.action_type.as_deref() == Some("shortlist");
    is_shortlist.then(|| items.iter().map(vendor).collect()).flatten()
}

/// What is wrong with a score.
pub(super) fn score_finding(
    vendor: &str,
    which: &str,
    total: f64,
    factors: &[ScoreFactor],
) -> Option<String> {
    let sum: f64 = factors.iter().map(|factor| factor.score_delta).sum();
    // To a thousandth.
    let adds_up = (sum - total).abs() < 0.001;
    let what = match (adds_up, factors.is_empty()) {
        (true, _) => return None,
        (false, true) => format!("no factors of the {which} score are recorded"),
        (false, false) => format!("the {which} score is not the sum of its factors"),
    };
    Some(format!("{vendor}: {what}"))
}
