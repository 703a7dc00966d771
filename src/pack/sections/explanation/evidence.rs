//! Collects what the events hold about each vendor.

use std::collections::HashMap;

use uuid::Uuid;

use super::super::decisions::Decision;
use super::super::outreach::{Outreach, Reply};
use super::super::typed_events::{Source, TypedEvent};
use super::candidacy::{ConsideredCandidate, NotACandidate};
use crate::event::payload::{
    Candidate, Exclusion, ShortlistExclusion, ShortlistGenerated, ShortlistItem,
    VendorCandidatesSelected,
};

/// The evidence from which stories are told, and against which they are checked.
pub(super) struct Evidence<'a> {
    pub(super) selections: &'a [TypedEvent<VendorCandidatesSelected>],
    /// The shortlists that succeeded. Selections and shortlists are in the order of the stream.
    pub(super) shortlists: &'a [TypedEvent<ShortlistGenerated>],
    /// The first handoff that succeeded.
    pub(super) handed_off: Option<&'a Source>,
    /// Moltbot's calls, by the ids of their events.
    pub(super) calls: HashMap<Uuid, &'a Decision>,
    pub(super) trails: Trails<'a>,
}

/// Vendors in the order in which they first appear.
#[derive(Default)]
pub(super) struct Trails<'a> {
    pub(super) list: Vec<Trail<'a>>,
    places: HashMap<&'a str, usize>,
}

impl<'a> Trails<'a> {
    /// Collects the trail of each vendor, in one pass. The vendors of the last shortlist come first.
    pub(super) fn of(
        selections: &'a [TypedEvent<VendorCandidatesSelected>],
        outreaches: &'a [Outreach],
        replies: &'a [Reply],
        shortlists: &'a [TypedEvent<ShortlistGenerated>],
    ) -> Self {
        let mut trails = Self::default();
        for typed in shortlists.iter().rev() {
            typed.output.items.iter().for_each(|item| trails.meet(&item.vendor_id));
            typed.output.excluded.iter().for_each(|item| trails.meet(&item.vendor_id));
        }
        for typed in shortlists {
            let source = &typed.source;
            // If a shortlist names a vendor twice, the first mention counts.
            let mut speak = |vendor_id, placement: Placement<'a>| {
                let placements = &mut trails.at(vendor_id).placements;
                if placements.last().is_none_or(|last| last.source().seq != source.seq) {
                    placements.push(placement);
                }
            };
            for (item, rank) in typed.output.items.iter().zip(1..) {
                speak(&item.vendor_id, Placement::Listed { source, rank, item });
            }
            for item in &typed.output.excluded {
                speak(&item.vendor_id, Placement::LeftOut { source, item });
            }
        }
        for reply in replies {
            trails.at(&reply.vendor_id).replies.push(reply);
        }
        for outreach in outreaches {
            trails.at(&outreach.vendor_id).outreaches.push(outreach);
        }
        for typed in selections {
            let source = &typed.source;
            for vendor in &typed.output.excluded {
                trails.at(&vendor.vendor_id).words.push((source, Word::Excluded(vendor)));
            }
            for (vendor, rank) in typed.output.candidates.iter().zip(1..) {
                trails.at(&vendor.vendor_id).words.push((source, Word::Candidate(rank, vendor)));
            }
        }
        trails
    }

    fn meet(&mut self, vendor_id: &'a str) {
        self.at(vendor_id);
    }

    fn at(&mut self, vendor_id: &'a str) -> &mut Trail<'a> {
        let at = *self.places.entry(vendor_id).or_insert(self.list.len());
        if at == self.list.len() {
            self.list.push(Trail { vendor_id, ..Trail::default() });
        }
        &mut self.list[at]
    }

    pub(super) fn get(&self, vendor_id: &str) -> Option<&Trail<'a>> {
        self.places.get(vendor_id).map(|at| &self.list[*at])
    }
}

/// The evidence about one vendor, in the order of the stream.
#[derive(Default)]
pub(super) struct Trail<'a> {
    pub(super) vendor_id: &'a str,
    /// What each selection says of it.
    pub(super) words: Vec<(&'a Source, Word<'a>)>,
    pub(super) outreaches: Vec<&'a Outreach>,
    pub(super) replies: Vec<&'a Reply>,
    /// What each shortlist that mentions it says.
    pub(super) placements: Vec<Placement<'a>>,
}

/// What a selection says of a vendor. Ranks are places from 1.
#[derive(Clone, Copy)]
pub(super) enum Word<'a> {
    Candidate(usize, &'a Candidate),
    Excluded(&'a Exclusion),
}

/// What a shortlist says of a vendor. Ranks are places from 1.
pub(super) enum Placement<'a> {
    Listed { source: &'a Source, rank: usize, item: &'a ShortlistItem },
    LeftOut { source: &'a Source, item: &'a ShortlistExclusion },
}

impl Placement<'_> {
    pub(super) fn source(&self) -> &Source {
        match self {
            Self::Listed { source, .. } | Self::LeftOut { source, .. } => source,
        }
    }

    pub(super) fn reply_event_id(&self) -> Option<&str> {
        match self {
            Self::Listed { item, .. } => item.reply_event_id.as_deref(),
            Self::LeftOut { .. } => None,
        }
    }
}

impl<'a> Trail<'a> {
    pub(super) fn name(&self) -> Option<String> {
        let messaged = self.outreaches.iter().find_map(|outreach| outreach.vendor_name.clone());
        let candidate = || {
            self.words.iter().find_map(|(_, word)| match word {
                Word::Candidate(_, vendor) => vendor.vendor_name.clone(),
                Word::Excluded(_) => None,
            })
        };
        messaged.or_else(candidate)
    }

    pub(super) fn candidacies(&self) -> impl Iterator<Item = ConsideredCandidate> {
        self.words.iter().filter_map(|(source, word)| match word {
            Word::Candidate(rank, vendor) => Some(ConsideredCandidate {
                source: (*source).clone(),
                rank: *rank,
                total: vendor.total,
                factors: vendor.factors.clone(),
            }),
            Word::Excluded(_) => None,
        })
    }

    pub(super) fn exclusions(&self) -> impl Iterator<Item = NotACandidate> {
        self.words.iter().filter_map(|(source, word)| match word {
            Word::Excluded(vendor) => {
                Some(NotACandidate { source: (*source).clone(), reason: vendor.reason.clone() })
            }
            Word::Candidate(..) => None,
        })
    }

    /// The exclusion in force at a place in the stream, unless a later selection made the vendor a candidate again.
    pub(super) fn exclusion_before(&self, seq: i64) -> Option<(&'a Source, &'a Exclusion)> {
        let before = self.words.partition_point(|(source, _)| source.seq < seq);
        match self.words[..before].last() {
            Some((source, Word::Excluded(vendor))) => Some((source, vendor)),
            _ => None,
        }
    }

    /// The last message that may have arrived, or else the last one that went out, or else the last one that was tried.
    pub(super) fn contacted(&self) -> Option<&'a Outreach> {
        let last = |is: fn(&Outreach) -> bool| self.outreaches.iter().rfind(|one| is(one));
        let went_out = last(Outreach::may_have_arrived).or_else(|| last(|one| one.went_out));
        went_out.or(self.outreaches.last()).copied()
    }

    /// Whether messages to it are recorded, and none of them can have arrived.
    pub(super) fn was_not_reached(&self) -> bool {
        self.contacted().is_some_and(|last| !last.may_have_arrived())
    }

    pub(super) fn was_messaged_before(&self, seq: i64) -> bool {
        let before = self.outreaches.partition_point(|outreach| outreach.source.seq < seq);
        self.outreaches[..before].iter().any(|outreach| outreach.went_out)
    }

    /// Whether it was messaged, or a message to it was tried, between two places in the stream.
    pub(super) fn was_asked_between(&self, from: i64, until: i64) -> bool {
        let at = self.outreaches.partition_point(|outreach| outreach.source.seq < from);
        self.outreaches.get(at).is_some_and(|outreach| outreach.source.seq < until)
    }

    pub(super) fn reply_of(&self, event_id: &str) -> Option<&'a Reply> {
        let event_id: Uuid = event_id.parse().ok()?;
        self.replies.iter().find(|reply| reply.source.event_id == event_id).copied()
    }

    /// The last reply before a place in the stream that was understood and acted on.
    pub(super) fn usable_reply(&self, seq: i64) -> Option<&'a Reply> {
        let before = self.replies.partition_point(|reply| reply.source.seq < seq);
        let is_usable = |reply: &&&Reply| reply.source.succeeded() && !reply.post_handoff;
        self.replies[..before].iter().rfind(is_usable).copied()
    }
}
