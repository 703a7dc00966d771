//! One vendor's way from the pool to the shortlist, or to wherever it ended.

use serde::Serialize;

use super::super::outreach::{Outreach, Reply, decisive};
use super::super::told::{Source, Told};
use super::adds_up;
use crate::event::payload::{ScoreFactor, ShortlistGenerated, VendorCandidatesSelected};

/// Everything that is recorded of one vendor's chances.
#[derive(Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct VendorStory {
    /// The host's row for the vendor.
    pub vendor_id: String,
    /// The shop's name.
    pub vendor_name: Option<String>,
    /// How it ranked among the candidates.
    pub candidate: Option<ConsideredCandidate>,
    /// The message it got: which event, which batch, and whether it went out.
    pub contacted: Option<Source>,
    /// The batch it was in.
    pub batch_number: Option<u32>,
    /// The reply that counted.
    pub reply: Option<Reply>,
    /// Where it ended.
    pub disposition: Disposition,
}

/// A vendor among the candidates.
#[derive(Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ConsideredCandidate {
    /// The event that says so.
    #[serde(flatten)]
    pub source: Source,
    /// Place among the candidates, from 1.
    pub rank: usize,
    /// Its selection score.
    pub total: f64,
    /// What the score is made of.
    pub factors: Vec<ScoreFactor>,
}

/// Where a vendor ended.
#[derive(Clone, PartialEq, Serialize)]
#[serde(tag = "ended", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Disposition {
    /// It was a candidate, and was not asked.
    NotContacted,
    /// It was not a candidate.
    NotEligible {
        /// The event that says so.
        source: Source,
        /// Why not.
        reason: String,
    },
    /// It was asked and did not answer in time.
    NoReply,
    /// It answered, and was left out of the shortlist.
    LeftOut {
        /// The event that says so.
        source: Source,
        /// Why.
        reason: String,
        /// Its score.
        total: Option<f64>,
        /// What the score is made of.
        factors: Vec<ScoreFactor>,
    },
    /// It answered, and no shortlist speaks of it.
    NotRanked,
    /// It is on the shortlist.
    Shortlisted {
        /// The event that says so.
        source: Source,
        /// Place on the shortlist, from 1.
        rank: usize,
        /// Its score.
        total: f64,
        /// What the score is made of.
        factors: Vec<ScoreFactor>,
    },
}

impl VendorStory {
    /// What does not add up in this story.
    pub(super) fn findings(&self) -> Vec<String> {
        let mut findings = Vec::new();
        let vendor = &self.vendor_id;
        let mut check = |what: &str, total: f64, factors: &[ScoreFactor]| {
            if !adds_up(total, factors) {
                findings.push(format!("{vendor}: the {what} score is not the sum of its factors"));
            }
        };
        if let Some(candidate) = &self.candidate {
            check("selection", candidate.total, &candidate.factors);
        }
        match &self.disposition {
            Disposition::Shortlisted { total, factors, .. } => {
                check("shortlist", *total, factors);
                if self.reply.is_none() {
                    findings.push(format!("{vendor}: it is on the shortlist without a reply"));
                }
            }
            Disposition::LeftOut { total: Some(total), factors, .. } => {
                check("shortlist", *total, factors);
            }
            _ => {}
        }
        findings
    }
}

/// What the stories are told from.
pub(super) struct Evidence<'a> {
    pub(super) selections: &'a [Told<VendorCandidatesSelected>],
    pub(super) outreaches: &'a [Outreach],
    pub(super) replies: &'a [Reply],
    pub(super) shortlist: Option<&'a Told<ShortlistGenerated>>,
}

impl Evidence<'_> {
    /// One story a vendor: the shortlist first, in its order, then the rest as they came up.
    pub(super) fn stories(&self) -> Vec<VendorStory> {
        self.vendors().into_iter().map(|vendor_id| self.story(vendor_id)).collect()
    }

    fn vendors(&self) -> Vec<&str> {
        let listed = self.shortlist.into_iter().flat_map(|told| &told.output.items);
        let left_out = self.shortlist.into_iter().flat_map(|told| &told.output.excluded);
        let candidates = self.selections.iter().flat_map(|told| &told.output.candidates);
        let excluded = self.selections.iter().flat_map(|told| &told.output.excluded);
        let all = listed
            .map(|item| &item.vendor_id)
            .chain(left_out.map(|item| &item.vendor_id))
            .chain(self.replies.iter().map(|reply| &reply.vendor_id))
            .chain(self.outreaches.iter().map(|outreach| &outreach.vendor_id))
            .chain(candidates.map(|vendor| &vendor.vendor_id))
            .chain(excluded.map(|vendor| &vendor.vendor_id));
        let mut seen = std::collections::HashSet::new();
        all.map(String::as_str).filter(|vendor_id| seen.insert(*vendor_id)).collect()
    }

    fn story(&self, vendor_id: &str) -> VendorStory {
        let outreach = self.outreaches.iter().rfind(|outreach| outreach.vendor_id == vendor_id);
        let named =
            self.shortlisted(vendor_id).and_then(|(_, item)| item.reply_event_id.as_deref());
        let reply = decisive(self.replies, vendor_id, named.and_then(|id| id.parse().ok()));
        let candidate = self.candidate(vendor_id);
        VendorStory {
            vendor_id: vendor_id.to_owned(),
            vendor_name: self.name(vendor_id),
            contacted: outreach.map(|outreach| outreach.source.clone()),
            batch_number: outreach.and_then(|outreach| outreach.batch_number),
            disposition: self.disposition(vendor_id, outreach, reply.as_ref()),
            reply,
            candidate,
        }
    }

    fn name(&self, vendor_id: &str) -> Option<String> {
        let outreach = self.outreaches.iter().find(|outreach| outreach.vendor_id == vendor_id);
        let candidates = || self.selections.iter().flat_map(|told| &told.output.candidates);
        outreach.and_then(|outreach| outreach.vendor_name.clone()).or_else(|| {
            candidates().find(|vendor| vendor.vendor_id == vendor_id)?.vendor_name.clone()
        })
    }

    fn candidate(&self, vendor_id: &str) -> Option<ConsideredCandidate> {
        self.selections.iter().find_map(|told| {
            let mut candidates = told.output.candidates.iter().enumerate();
            let (index, vendor) = candidates.find(|(_, vendor)| vendor.vendor_id == vendor_id)?;
            Some(ConsideredCandidate {
                source: told.source.clone(),
                rank: index + 1,
                total: vendor.total,
                factors: vendor.factors.clone(),
            })
        })
    }

    fn shortlisted(
        &self,
        vendor_id: &str,
    ) -> Option<(usize, &crate::event::payload::ShortlistItem)> {
        let items = &self.shortlist?.output.items;
        items.iter().enumerate().find(|(_, item)| item.vendor_id == vendor_id)
    }

    fn disposition(
        &self,
        vendor_id: &str,
        outreach: Option<&Outreach>,
        reply: Option<&Reply>,
    ) -> Disposition {
        if let (Some(told), Some((index, item))) = (self.shortlist, self.shortlisted(vendor_id)) {
            return Disposition::Shortlisted {
                source: told.source.clone(),
                rank: index + 1,
                total: item.total,
                factors: item.factors.clone(),
            };
        }
        let left_out = self.shortlist.and_then(|told| {
            let item = told.output.excluded.iter().find(|item| item.vendor_id == vendor_id)?;
            Some(Disposition::LeftOut {
                source: told.source.clone(),
                reason: item.reason.clone(),
                total: item.total,
                factors: item.factors.clone(),
            })
        });
        left_out.unwrap_or_else(|| match (reply, outreach) {
            (Some(_), _) => Disposition::NotRanked,
            (None, Some(_)) => Disposition::NoReply,
            (None, None) => self.not_eligible(vendor_id).unwrap_or(Disposition::NotContacted),
        })
    }

    fn not_eligible(&self, vendor_id: &str) -> Option<Disposition> {
        self.selections.iter().rev().find_map(|told| {
            let found = told.output.excluded.iter().find(|vendor| vendor.vendor_id == vendor_id)?;
            let (source, reason) = (told.source.clone(), found.reason.clone());
            Some(Disposition::NotEligible { source, reason })
        })
    }
}
