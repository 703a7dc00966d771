//! The states of a request, and which may follow which.

use std::fmt;

use serde::Deserialize;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RequestState {
    #[default]
    CollectingRequirements,
    OcrProcessing,
    VendorOutreach,
    AwaitingVendorReplies,
    ShortlistReady,
    HandedOff,
    Closed,
    Error,
}

use RequestState::{
    AwaitingVendorReplies, Closed, CollectingRequirements, Error, HandedOff, OcrProcessing,
    ShortlistReady, VendorOutreach,
};

impl RequestState {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            CollectingRequirements => "collecting_requirements",
            OcrProcessing => "ocr_processing",
            VendorOutreach => "vendor_outreach",
            AwaitingVendorReplies => "awaiting_vendor_replies",
            ShortlistReady => "shortlist_ready",
            HandedOff => "handed_off",
            Closed => "closed",
            Error => "error",
        }
    }

    /// The host's state machine.
    pub(crate) fn allows(self, next: Self) -> bool {
        let allowed: &[Self] = match self {
            CollectingRequirements => &[OcrProcessing, VendorOutreach, Error, Closed],
            OcrProcessing => &[CollectingRequirements, VendorOutreach, Error],
            VendorOutreach => &[AwaitingVendorReplies, Error],
            AwaitingVendorReplies => &[ShortlistReady, VendorOutreach, Error],
            ShortlistReady => &[HandedOff, Closed, Error],
            HandedOff => &[Closed],
            Closed => &[],
            Error => &[CollectingRequirements, Closed],
        };
        allowed.contains(&next)
    }

    /// The states on the usual path to this one, which comes last. Each request begins in the first.
    pub(crate) fn way(self) -> &'static [Self] {
        match self {
            CollectingRequirements => &[],
            OcrProcessing => &[OcrProcessing],
            VendorOutreach => &[VendorOutreach],
            AwaitingVendorReplies => &[VendorOutreach, AwaitingVendorReplies],
            ShortlistReady => &[VendorOutreach, AwaitingVendorReplies, ShortlistReady],
            HandedOff => &[VendorOutreach, AwaitingVendorReplies, ShortlistReady, HandedOff],
            Closed => &[Closed],
            Error => &[Error],
        }
    }

    /// True if the host does nothing more for the client by itself.
    pub(crate) fn is_over(self) -> bool {
        matches!(self, HandedOff | Closed | Error)
    }
}

impl fmt::Display for RequestState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
