//! Typed payloads: the shapes that packs and explanations compute from.
//!
//! A payload has two halves: the input, known before, and the output, known after. Every field that
//! a host may not have is optional, and left out if it is `None`. A payload of another shape is
//! still recorded, and packs show it as it is.
//!
//! Field names matter beyond this module, because redaction profiles decide by them.

mod admission;
mod call;
mod disclosure;
mod moltbot;
mod ocr;
mod reconciled;
mod request;
mod shortlist;
mod vendor;
mod whatsapp;
mod writer;

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use self::{
    admission::{
        AdmissionInput, BudgetWarned, BudgetWarningInput, ChargeInput, EffectAdmitted,
        EffectExpired, EffectRefused, EffectReplayed, EffectResolved, ExpiryInput, KeyRotated,
        KeyRotationInput, RefusalOutput, ReplayOutput, ResolutionInput, SigningKeyRotated,
        SigningKeyRotationInput, SwitchEngaged, SwitchInput, SwitchLapsed, SwitchReset, UndoInput,
        UndoStarted,
    },
    call::{
        CONSENT_LIFETIME, CallConsentDecision, CallConsentDenied, CallConsentGranted,
        CallConsentInput, CallConsentOutput, CallConsentRequested, CallInput, CallOutput,
        CallStarted, CallStatusInput, CallStatusOutput, CallStatusUpdated,
    },
    disclosure::{AiDisclosed, DisclosureInput},
    moltbot::{
        MoltbotCalled, MoltbotInput, MoltbotOutput, MoltbotOutputRejected, RejectionInput,
        RejectionOutput,
    },
    ocr::{OcrInput, OcrJobCreated, OcrJobDone, OcrJobInput, OcrJobOutput, OcrOutput},
    reconciled::{
        Reconciled, ReconciledFinding, ReconciledInput, ReconciledOutput, ReconciledSide,
    },
    request::{RequestCreated, RequestInput, RequestStateChanged, StateChange},
    shortlist::{
        HandoffInput, HandoffOutput, ShortlistExclusion, ShortlistGenerated, ShortlistHandoff,
        ShortlistInput, ShortlistItem, ShortlistOutput, ShortlistWithdrawn, WithdrawnInput,
    },
    vendor::{
        BatchInput, BatchOutput, Candidate, CandidatesInput, CandidatesOutput, Exclusion,
        OutreachInput, OutreachOutput, ReplyInput, ReplyOutput, ScoreFactor, VendorBatchSent,
        VendorCandidatesSelected, VendorOutreachSent, VendorOutreachWithdrawn, VendorReplyRecorded,
        WithdrawalInput,
    },
    whatsapp::{
        InboundInput, InboundOutput, MessageStatusInput, MessageStatusOutput, OutboundInput,
        OutboundOutput, WhatsappInboundReceived, WhatsappOutboundSent, WhatsappStatusUpdated,
    },
    writer::{ConfigurationChanged, LimitInForce, WriterInput, WriterStarted},
};
use super::EventType;

/// Names an event type and the shapes of its input and output.
pub trait Payload {
    /// The event type that carries it.
    const EVENT_TYPE: EventType;
    /// What goes in.
    type Input: Default + Serialize + DeserializeOwned;
    /// What comes out.
    type Output: Default + Serialize + DeserializeOwned;
}

/// The half of a payload that carries nothing: `{}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Nothing {}

/// Declares a payload struct: the derives, and that absent fields are left out.
macro_rules! payload {
    ($(
        $(#[$doc:meta])*
        $name:ident { $($(#[$fdoc:meta])* $field:ident: $type:ty,)* }
    )*) => {$(
        $(#[$doc])*
        #[derive(Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(default)]
        pub struct $name {
            $(
                $(#[$fdoc])*
                #[serde(skip_serializing_if = "super::Absent::is_absent")]
                pub $field: $type,
            )*
            /// Members this version does not know, kept as they are.
            #[serde(flatten, deserialize_with = "crate::json::deserialize_members")]
            pub extra: serde_json::Map<String, serde_json::Value>,
        }

        // Payloads hold what people wrote: Debug prints none of it.
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )*};
}

/// Binds an event type to its two halves.
macro_rules! event {
    ($($(#[$doc:meta])* $name:ident = $constant:ident($input:ty, $output:ty);)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl super::Payload for $name {
            const EVENT_TYPE: crate::event::EventType = crate::event::EventType::$constant;
            type Input = $input;
            type Output = $output;
        }
    )*};
}

pub(crate) use self::disclosure::text_digest;
use {event, payload};

/// Which values of a field are left out: `None` and empty lists, never a number or a flag.
trait Absent {
    fn is_absent(&self) -> bool;
}

impl<T> Absent for Option<T> {
    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

impl<T> Absent for Vec<T> {
    fn is_absent(&self) -> bool {
        self.is_empty()
    }
}

impl<K, V> Absent for BTreeMap<K, V> {
    fn is_absent(&self) -> bool {
        self.is_empty()
    }
}

/// Declares types whose every value says something.
macro_rules! never_absent {
    ($($type:ty),*) => {$(
        impl Absent for $type {
            fn is_absent(&self) -> bool {
                false
            }
        }
    )*};
}

never_absent!(String, bool, f64);
