//! One vendor's way from the pool to the shortlist, or to wherever it ended.

use std::collections::HashMap;

use serde::Serialize;
use uuid::Uuid;

use super::super::outreach::{Outreach, Reply};
use super::super::told::{Source, Told};
use super::adds_up;
use crate::event::payload::{
    Candidate, Exclusion, ScoreFactor, ShortlistExclusion, ShortlistGenerated, ShortlistItem,
    VendorCandidatesSelected,
};

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
    /// The message it got: the last that went out, else the last that was tried.
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
    /// It was to be asked, and no message to it is known to have gone out.
    NotReached {
        /// The last try.
        source: Source,
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
        let vendor = &self.vendor_id;
        let check = |what: &str, total: f64, factors: &[ScoreFactor]| {
            let finding = format!("{vendor}: the {what} score is not the sum of its factors");
            (!adds_up(total, factors)).then_some(finding)
        };
        let mut findings = Vec::new();
        if let Some(candidate) = &self.candidate {
            findings.extend(check("selection", candidate.total, &candidate.factors));
        }
        if let Disposition::Shortlisted { .. } | Disposition::LeftOut { .. } = &self.disposition
            && self.candidate.is_none()
            && self.contacted.is_none()
        {
            let what = "the shortlist speaks of it, and it was neither a candidate nor asked";
            findings.push(format!("{vendor}: {what}"));
        }
        match &self.disposition {
            Disposition::Shortlisted { total, factors, .. } => {
                findings.extend(check("shortlist", *total, factors));
                if self.reply.is_none() {
                    findings.push(format!("{vendor}: it is on the shortlist without a reply"));
                }
            }
            Disposition::LeftOut { total: Some(total), factors, .. } => {
                findings.extend(check("shortlist", *total, factors));
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

impl<'a> Evidence<'a> {
    /// One story a vendor: the shortlist first, in its order, then the rest as they came up; and what
    /// does not add up in them.
    pub(super) fn stories(&self) -> (Vec<VendorStory>, Vec<String>) {
        let (mut stories, mut findings) = (Vec::new(), Vec::new());
        for trail in self.trails() {
            let (story, unproven) = trail.story();
            findings.extend(unproven);
            findings.extend(story.findings());
            stories.push(story);
        }
        (stories, findings)
    }

    /// What each vendor left in the evidence, in one pass over it.
    fn trails(&self) -> Vec<Trail<'a>> {
        let mut trails = Trails::default();
        if let Some(told) = self.shortlist {
            for (item, rank) in told.output.items.iter().zip(1..) {
                trails.of(&item.vendor_id).listed.get_or_insert((&told.source, rank, item));
            }
            for item in &told.output.excluded {
                trails.of(&item.vendor_id).left_out.get_or_insert((&told.source, item));
            }
        }
        for reply in self.replies {
            trails.of(&reply.vendor_id).replies.push(reply);
        }
        for outreach in self.outreaches {
            trails.of(&outreach.vendor_id).outreaches.push(outreach);
        }
        for told in self.selections {
            for (vendor, rank) in told.output.candidates.iter().zip(1..) {
                trails.of(&vendor.vendor_id).candidate.get_or_insert((&told.source, rank, vendor));
            }
        }
        for told in self.selections {
            for vendor in &told.output.excluded {
                trails.of(&vendor.vendor_id).not_eligible = Some((&told.source, vendor));
            }
        }
        trails.list
    }
}

/// Vendors in the order in which they came up.
#[derive(Default)]
struct Trails<'a> {
    list: Vec<Trail<'a>>,
    places: HashMap<&'a str, usize>,
}

impl<'a> Trails<'a> {
    fn of(&mut self, vendor_id: &'a str) -> &mut Trail<'a> {
        let at = *self.places.entry(vendor_id).or_insert(self.list.len());
        if at == self.list.len() {
            self.list.push(Trail { vendor_id, ..Trail::default() });
        }
        &mut self.list[at]
    }
}

/// What one vendor left in the evidence. Ranks are places from 1.
#[derive(Default)]
struct Trail<'a> {
    vendor_id: &'a str,
    /// The first time it was a candidate.
    candidate: Option<(&'a Source, usize, &'a Candidate)>,
    /// The last time it was not.
    not_eligible: Option<(&'a Source, &'a Exclusion)>,
    outreaches: Vec<&'a Outreach>,
    replies: Vec<&'a Reply>,
    listed: Option<(&'a Source, usize, &'a ShortlistItem)>,
    left_out: Option<(&'a Source, &'a ShortlistExclusion)>,
}

impl Trail<'_> {
    /// The story, and a finding where the shortlist rests on a reply that is not this vendor's.
    fn story(&self) -> (VendorStory, Option<String>) {
        let named = self.listed.and_then(|(_, _, item)| item.reply_event_id.as_deref());
        let proof = named.and_then(|id| self.reply_of(id.parse().ok()?));
        let unproven = named.is_some() && proof.is_none();
        let unproven = unproven.then(|| {
            format!("{}: its reply_event_id names no reply of this vendor", self.vendor_id)
        });
        let reply = proof.or_else(|| self.last_reply());
        let contacted = self.contacted();
        let story = VendorStory {
            vendor_id: self.vendor_id.to_owned(),
            vendor_name: self.name(),
            candidate: self.candidate.map(|(source, rank, vendor)| ConsideredCandidate {
                source: source.clone(),
                rank,
                total: vendor.total,
                factors: vendor.factors.clone(),
            }),
            contacted: contacted.map(|outreach| outreach.source.clone()),
            batch_number: contacted.and_then(|outreach| outreach.batch_number),
            reply: reply.cloned(),
            disposition: self.disposition(),
        };
        (story, unproven)
    }

    fn name(&self) -> Option<String> {
        let messaged = self.outreaches.iter().find_map(|outreach| outreach.vendor_name.clone());
        messaged.or_else(|| self.candidate?.2.vendor_name.clone())
    }

    fn contacted(&self) -> Option<&Outreach> {
        let went_out = self.outreaches.iter().rfind(|outreach| outreach.went_out);
        went_out.or(self.outreaches.last()).copied()
    }

    fn reply_of(&self, event_id: Uuid) -> Option<&Reply> {
        self.replies.iter().find(|reply| reply.source.event_id == event_id).copied()
    }

    /// The last reply that was acted on.
    fn last_reply(&self) -> Option<&Reply> {
        self.replies.iter().rfind(|reply| !reply.post_handoff).copied()
    }

    fn disposition(&self) -> Disposition {
        if let Some((source, rank, item)) = self.listed {
            return Disposition::Shortlisted {
                source: source.clone(),
                rank,
                total: item.total,
                factors: item.factors.clone(),
            };
        }
        if let Some((source, item)) = self.left_out {
            return Disposition::LeftOut {
                source: source.clone(),
                reason: item.reason.clone(),
                total: item.total,
                factors: item.factors.clone(),
            };
        }
        if self.last_reply().is_some() {
            return Disposition::NotRanked;
        }
        match (self.contacted(), self.not_eligible) {
            (Some(outreach), _) if outreach.went_out => Disposition::NoReply,
            (Some(outreach), _) => Disposition::NotReached { source: outreach.source.clone() },
            (None, Some((source, vendor))) => {
                Disposition::NotEligible { source: source.clone(), reason: vendor.reason.clone() }
            }
            (None, None) => Disposition::NotContacted,
        }
    }
}
