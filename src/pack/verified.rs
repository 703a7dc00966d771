//! The result of a verification: the verdict and its reasons.

use std::fmt;

use uuid::Uuid;

use super::fault::printable;
use super::sections::{BudgetVerdict, DisclosureVerdict, StopVerdict};
use super::{PackHead, ProfileName, SetAsideEvent};
#[cfg(feature = "signatures")]
use crate::proof::VerifierKey;

/// Limits on what a verifier reads. The defaults are far above what a request has.
///
/// ```
/// use moltbot_audit::pack::{VerifyOptions, verify_request_pack_with};
///
/// let options = VerifyOptions { bytes_max: 4, ..VerifyOptions::default() };
/// let error = verify_request_pack_with(b"{\"schema\": 1}", &options).unwrap_err();
/// assert!(error.is_unusable());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyOptions {
    /// Most bytes of a pack. Default: 256 MiB.
    pub bytes_max: usize,
    /// Most events of a pack. Default: 200,000.
    pub events_max: usize,
    /// Whose signatures count. If there are any, a pack must be signed by one of them. Default: none.
    #[cfg(feature = "signatures")]
    pub trusted_keys: Vec<VerifierKey>,
}

impl Default for VerifyOptions {
    fn default() -> Self {
        Self {
            bytes_max: 256 << 20,
            events_max: 200_000,
            #[cfg(feature = "signatures")]
            trusted_keys: Vec::new(),
        }
    }
}

/// The verdict on a pack that is unchanged since its export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Verdict {
    /// Everything was checked, every limit was kept, and nothing ran that was stopped.
    Intact,
    /// Something could not be checked: see [`VerifiedPack::unchecked`],
    /// [`VerifiedPack::budgets`] and [`VerifiedPack::stops`].
    CannotBeChecked,
    /// An effect was admitted beyond a limit.
    LimitPassed,
    /// Something ran although it was stopped, or a human had taken its conversation over.
    RanWhileStopped,
}

/// Something that a verifier cannot vouch for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unchecked {
    /// An event is set aside: according to its store, it is not what was sealed.
    SetAside(SetAsideEvent),
    /// A value that the sections compute from is hidden. Either its kind is not that of its field,
    /// or the host hides the field, or a forger hid it after the export.
    Withheld {
        /// The event's place in the stream.
        seq: i64,
        /// Its type.
        event_type: String,
        /// JSON pointer to the value.
        pointer: String,
    },
    /// Events name a writer of which the store knows nothing, or has something else under its id.
    Writer {
        /// The writer's id.
        writer_id: Uuid,
    },
}

impl fmt::Display for Unchecked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SetAside(event) => {
                write!(f, "event {} ", event.seq)?;
                if let Some(id) = event.id {
                    write!(f, "({id}) ")?;
                }
                write!(f, "is set aside: {}", event.reason)
            }
            Self::Withheld { seq, event_type, pointer } => {
                let (event_type, pointer) = (printable(event_type), printable(pointer));
                write!(f, "event {seq} ({event_type}) hides {pointer}, which sections compute from")
            }
            Self::Writer { writer_id } => {
                write!(f, "events name the writer {writer_id}, of which nothing is known")
            }
        }
    }
}

/// A pack that verified. Only [`verify_request_pack`](super::verify_request_pack) makes one.
#[derive(Clone, Debug)]
pub struct VerifiedPack {
    pub(super) request_id: Uuid,
    pub(super) profile: ProfileName,
    pub(super) events: usize,
    pub(super) hidden: usize,
    pub(super) head: PackHead,
    pub(super) budgets: BudgetVerdict,
    pub(super) ai_disclosure: DisclosureVerdict,
    pub(super) stops: StopVerdict,
    pub(super) unchecked: Vec<Unchecked>,
    pub(super) remarks: Vec<String>,
    #[cfg(feature = "signatures")]
    pub(super) signed_by: Vec<VerifierKey>,
}

impl VerifiedPack {
    /// The request of the pack.
    #[must_use]
    pub fn request_id(&self) -> Uuid {
        self.request_id
    }

    /// The profile it was redacted with.
    #[must_use]
    pub fn profile(&self) -> &ProfileName {
        &self.profile
    }

    /// How many events it shows.
    #[must_use]
    pub fn events(&self) -> usize {
        self.events
    }

    /// How many values are hidden behind their digests.
    #[must_use]
    pub fn hidden(&self) -> usize {
        self.hidden
    }

    /// The stream's head. Compare it with a head that you know from elsewhere. Without that, the
    /// pack proves that it is consistent in itself, but not that it is the stream that the database
    /// had.
    #[must_use]
    pub fn head(&self) -> &PackHead {
        &self.head
    }

    /// Whether the request's limits were kept, added up from its events alone. A pack in which a
    /// limit was exceeded still verifies, because it is unchanged and says so.
    #[must_use]
    pub fn budgets(&self) -> &BudgetVerdict {
        &self.budgets
    }

    /// Whether everyone who got messages of the AI was told so in time, as its section says. A pack that shows a
    /// breach still verifies, because it is unchanged and says so.
    #[must_use]
    pub fn ai_disclosure(&self) -> DisclosureVerdict {
        self.ai_disclosure
    }

    /// Whether anything ran inside a stop of the request, or inside a takeover of its conversation, by the pack's events
    /// alone. A pack in which something did still verifies, because it is unchanged and says so.
    ///
    /// The pack holds its own stream whole, but not that of the conversation: a takeover that nothing in the request met
    /// could be left out of a pack that nobody signed.
    #[must_use]
    pub fn stops(&self) -> &StopVerdict {
        &self.stops
    }

    /// What could not be checked: writers of whom nothing is known, and, in the order of the stream,
    /// events that are set aside and hidden values that sections compute from.
    #[must_use]
    pub fn unchecked(&self) -> &[Unchecked] {
        &self.unchecked
    }

    /// What a reader should know beside the verdict: oddities in the times of events, which may be a clock's fault,
    /// events without a writer, and causes in other streams.
    #[must_use]
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    /// The trusted keys that signed it. Without [`VerifyOptions::trusted_keys`] there are none, and then the pack
    /// proves only that it is consistent in itself.
    #[cfg(feature = "signatures")]
    #[must_use]
    pub fn signed_by(&self) -> &[VerifierKey] {
        &self.signed_by
    }

    /// The verdict: all of the above in a word.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match (&self.budgets, &self.stops) {
            (_, StopVerdict::RanInside { .. }) => Verdict::RanWhileStopped,
            (BudgetVerdict::Passed { .. }, _) => Verdict::LimitPassed,
            (BudgetVerdict::WithinLimits { .. }, StopVerdict::NothingRan { .. })
                if self.unchecked.is_empty() =>
            {
                Verdict::Intact
            }
            _ => Verdict::CannotBeChecked,
        }
    }
}
