//! Reads how a vendor's story ended.

use crate::pack::sections::{Disposition, Stage, VendorStory};

/// How a vendor's story ended: the place, the reason and the event.
pub(super) struct Ended<'a> {
    pub(super) stage: Stage,
    pub(super) place: Option<usize>,
    pub(super) reason: Option<&'a str>,
    pub(super) event: Option<i64>,
}

impl<'a> Ended<'a> {
    pub(super) fn of(vendor: &'a VendorStory) -> Self {
        let (place, reason, event) = match &vendor.disposition {
            Disposition::Shortlisted { source, rank, .. } => (Some(*rank), None, Some(source)),
            Disposition::LeftOut { source, reason, .. }
            | Disposition::NotEligible { source, reason } => {
                (None, Some(reason.as_str()), Some(source))
            }
            Disposition::NotReached { source } => (None, None, Some(source)),
            Disposition::NotRanked { cause } | Disposition::NotContacted { cause } => {
                let cause = cause.as_ref();
                (None, cause.map(|cause| cause.reason.as_str()), cause.map(|cause| &cause.source))
            }
            Disposition::NoReply => (None, None, vendor.contacted.as_ref()),
        };
        Self { stage: vendor.stage, place, reason, event: event.map(|source| source.seq) }
    }
}
