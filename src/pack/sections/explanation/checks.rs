//! Finds contradictions among selections, messages, replies and shortlists.

use std::collections::HashSet;

use uuid::Uuid;

use super::super::decisions::Decision;
use super::super::finding::Finding;
use super::super::outreach::Reply;
use super::super::typed_events::TypedEvent;
use super::check_shortlist::{Check, score_finding};
use super::evidence::{Evidence, Placement, Trail, Word};
use crate::event::payload::VendorCandidatesSelected;

/// Reasons of one search, which another search need not share if it looks for something else, or elsewhere.
const OF_THE_SEARCH: &[&str] = &["below_min_rating", "category_mismatch", "out_of_radius"];
/// Reasons against a vendor that hold even if it was messaged before.
const OF_THE_VENDOR: &[&str] = &["blocked", "inactive", "opted_out"];

impl Evidence<'_> {
    pub(super) fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for selection in self.selections {
            self.check_selection(selection, &mut findings);
        }
        for trail in &self.trails.list {
            check_exclusions(trail, &mut findings);
            self.check_spoken_of(trail, &mut findings);
        }
        for shortlist in self.shortlists {
            Check::new(self, shortlist, &mut findings).run();
        }
        findings
    }

    fn check_selection(
        &self,
        selection: &TypedEvent<VendorCandidatesSelected>,
        findings: &mut Vec<Finding>,
    ) {
        let source = &selection.source;
        let mut find = |what: String| findings.push(Finding::at(source, what));
        if selection.other_shape.is_some() {
            find("the selection has another shape than this version reads".to_owned());
        }
        let (candidates, excluded) = (&selection.output.candidates, &selection.output.excluded);
        if !candidates.is_sorted_by(|a, b| a.total >= b.total) {
            find("the candidates are not in the order of their scores".to_owned());
        }
        for vendor in candidates {
            let what = score_finding(&vendor.vendor_id, "selection", vendor.total, &vendor.factors);
            what.into_iter().for_each(&mut find);
        }
        let ids: HashSet<_> = candidates.iter().map(|vendor| &vendor.vendor_id).collect();
        for vendor in excluded {
            let id = &vendor.vendor_id;
            if vendor.reason.trim().is_empty() {
                find(format!("{id}: it is excluded, and no reason is given"));
            }
            if ids.contains(id) {
                find(format!("{id}: it is a candidate and excluded at once"));
            }
        }
        let listed = candidates.len() + excluded.len();
        if let Some(pool) = selection.output.pool_size.filter(|pool| (*pool as usize) < listed) {
            find(format!("{listed} vendors are listed, and {pool} were looked at"));
        }
        let call = self.call("selection", selection.input.moltbot_event_id.as_deref());
        call.err().into_iter().for_each(&mut find);
    }

    /// The call of Moltbot that an event names, or what is wrong with it.
    pub(super) fn call(&self, what: &str, id: Option<&str>) -> Result<Option<&Decision>, String> {
        let Some(id) = id else { return Ok(None) };
        let call = id.parse::<Uuid>().ok().and_then(|id| self.calls.get(&id).copied());
        let Some(call) = call else {
            return Err(format!("the {what} names no moltbot.called event of the request"));
        };
        match call.judgements.last() {
            Some(judgement) if judgement.verdict != "accepted" => Err(format!(
                "the {what} follows event {}, whose output was {} (event {})",
                call.source.seq, judgement.verdict, judgement.source.seq
            )),
            _ => Ok(Some(call)),
        }
    }

    /// Finds a vendor that replied in time, although a later shortlist does not mention it.
    fn check_spoken_of(&self, trail: &Trail<'_>, findings: &mut Vec<Finding>) {
        let is_usable = |reply: &&&Reply| reply.source.succeeded() && !reply.post_handoff;
        let Some(reply) = trail.replies.iter().find(is_usable) else { return };
        let after =
            self.shortlists.partition_point(|shortlist| shortlist.source.seq < reply.source.seq);
        let mut spoken = trail.placements.iter().map(|placement| placement.source().seq).peekable();
        for shortlist in &self.shortlists[after..] {
            let seq = shortlist.source.seq;
            while spoken.next_if(|spoken| *spoken < seq).is_some() {}
            if spoken.peek() != Some(&seq) {
                let (vendor, reply) = (trail.vendor_id, reply.source.seq);
                let what = format!(
                    "{vendor}: it replied (event {reply}), and the shortlist does not speak of it"
                );
                findings.push(Finding::at(&shortlist.source, what));
                return;
            }
        }
    }
}

/// Finds vendors that were messaged or shortlisted although a selection had excluded them.
fn check_exclusions(trail: &Trail<'_>, findings: &mut Vec<Finding>) {
    let vendor = trail.vendor_id;
    for outreach in trail.outreaches.iter().filter(|outreach| outreach.went_out) {
        if let Some((source, exclusion)) = trail.exclusion_before(outreach.source.seq) {
            let (reason, seq) = (&exclusion.reason, source.seq);
            let what = format!("{vendor}: it is messaged, and event {seq} excludes it ({reason})");
            findings.push(Finding::at(&outreach.source, what));
        }
    }
    for pair in trail.words.windows(2) {
        if let [(before, Word::Excluded(exclusion)), (source, Word::Candidate(..))] = pair
            && before.seq < source.seq
            && !OF_THE_SEARCH.contains(&exclusion.reason.as_str())
        {
            let (reason, seq) = (&exclusion.reason, before.seq);
            let what =
                format!("{vendor}: it is a candidate, and event {seq} excludes it ({reason})");
            findings.push(Finding::at(source, what));
        }
    }
    for placement in &trail.placements {
        let Placement::Listed { source, .. } = placement else { continue };
        let Some((by, exclusion)) = trail.exclusion_before(source.seq) else { continue };
        let reason = exclusion.reason.as_str();
        // A vendor that was messaged before may rightly be excluded from the next batch.
        if OF_THE_VENDOR.contains(&reason) || !trail.was_messaged_before(by.seq) {
            let what = format!(
                "{vendor}: it is on the shortlist, and event {} excludes it ({reason})",
                by.seq
            );
            findings.push(Finding::at(source, what));
        }
    }
}
