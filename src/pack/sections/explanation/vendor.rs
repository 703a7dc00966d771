//! The story of one vendor, from the pool to the shortlist or to where it dropped out.

use serde::Serialize;

use super::super::outreach::{Outreach, Reply};
use super::super::typed_events::Source;
use super::candidacy::{ConsideredCandidate, NotACandidate};
use super::cause::Causes;
use super::disposition::Disposition;
use super::evidence::{Evidence, Placement, Trail};
use super::stage::Stage;
use super::what_if::{WhatIf, WhatIfs};

/// Everything that is recorded of one vendor's chances.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct VendorStory {
    /// The host's row for the vendor.
    pub vendor_id: String,
    /// The shop's name.
    pub vendor_name: Option<String>,
    /// How it ranked among the candidates, each time that it was one.
    pub candidacies: Vec<ConsideredCandidate>,
    /// Why it was not a candidate, each time that it was not.
    pub exclusions: Vec<NotACandidate>,
    /// The last message to it that may have arrived, or else the last one that went out or was tried.
    pub contacted: Option<Source>,
    /// The batch it was in.
    pub batch_number: Option<u32>,
    /// The reply that counted.
    pub reply: Option<Reply>,
    /// Where it ended, by the last shortlist that mentions it.
    pub disposition: Disposition,
    /// The stage at which it ended, in a word.
    pub stage: Stage,
    /// What would have led to another result.
    pub what_if: WhatIf,
}

impl Evidence<'_> {
    /// One story for each vendor: first those on shortlists, in their order, then the others in the order of the stream.
    pub(super) fn stories(&self, causes: &Causes, what_ifs: &WhatIfs<'_>) -> Vec<VendorStory> {
        self.trails.list.iter().map(|trail| self.story(trail, causes, what_ifs)).collect()
    }

    fn story(&self, trail: &Trail<'_>, causes: &Causes, what_ifs: &WhatIfs<'_>) -> VendorStory {
        let reply = self.reply_that_counts(trail);
        let contacted = trail.contacted();
        let disposition = disposition(trail, contacted, reply, causes);
        let stage = Stage::of(trail, &disposition);
        VendorStory {
            vendor_id: trail.vendor_id.to_owned(),
            vendor_name: trail.name(),
            candidacies: trail.candidacies().collect(),
            exclusions: trail.exclusions().collect(),
            contacted: contacted.map(|outreach| outreach.source.clone()),
            batch_number: contacted.and_then(|outreach| outreach.batch_number),
            reply: reply.cloned(),
            disposition,
            stage,
            what_if: what_ifs.of_vendor(trail, stage),
        }
    }

    /// The reply that the last shortlist with this vendor names. If it names none, the last usable reply before that
    /// shortlist; if no shortlist mentions the vendor, the last usable one before the last shortlist of all.
    fn reply_that_counts<'a>(&self, trail: &Trail<'a>) -> Option<&'a Reply> {
        let last = trail.placements.last();
        let named = last.and_then(|placement| placement.reply_event_id());
        let named = named.and_then(|id| trail.reply_of(id));
        let last_of_all = self.shortlists.last().map(|shortlist| &shortlist.source);
        let shortlist = last.map(Placement::source).or(last_of_all);
        let before = shortlist.or(self.handed_off).map_or(i64::MAX, |source| source.seq);
        named.or_else(|| trail.usable_reply(before))
    }
}

fn disposition(
    trail: &Trail<'_>,
    contacted: Option<&Outreach>,
    reply: Option<&Reply>,
    causes: &Causes,
) -> Disposition {
    match trail.placements.last() {
        Some(Placement::Listed { source, rank, item }) => {
            return Disposition::Shortlisted {
                source: (*source).clone(),
                rank: *rank,
                total: item.total,
                factors: item.factors.clone(),
            };
        }
        Some(Placement::LeftOut { source, item }) => {
            return Disposition::LeftOut {
                source: (*source).clone(),
                reason: item.reason.clone(),
                total: item.total,
                factors: item.factors.clone(),
            };
        }
        None => {}
    }
    if let Some(reply) = reply {
        return Disposition::NotRanked { cause: causes.of_no_rank(reply.source.seq) };
    }
    let excluded = trail.exclusion_before(i64::MAX);
    match (contacted, excluded) {
        (Some(outreach), _) if outreach.may_have_arrived() => Disposition::NoReply,
        (Some(outreach), _) => Disposition::NotReached { source: outreach.source.clone() },
        (None, Some((source, exclusion))) => {
            Disposition::NotEligible { source: source.clone(), reason: exclusion.reason.clone() }
        }
        // It wrote unasked, and too late.
        (None, None) if trail.words.is_empty() => Disposition::NotRanked { cause: None },
        (None, None) => {
            let candidate = trail.candidacies().last();
            let cause = candidate.and_then(|last| causes.of_no_message(last.source.seq));
            Disposition::NotContacted { cause }
        }
    }
}
