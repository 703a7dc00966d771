//! Request packs: the whole story of one request, redacted for its reader, verifiable offline.
//!
//! A pack holds the request's events with their commitments, and sections that a person can read.
//! The sections are a pure function of the events as the pack shows them. The verifier computes
//! them again, so a pack cannot tell a story that differs from its events.

mod compare;
mod disclose;
mod explain;
mod export;
mod fault;
mod parse;
mod read;
mod rebuild;
#[cfg(feature = "schema")]
mod schema;
pub mod scoring;
mod section;
pub mod sections;
mod set_aside;
#[cfg(feature = "signatures")]
mod signature;
#[cfg(feature = "signatures")]
mod signature_fault;
mod switches;
mod telling;
mod verified;
mod verify;
mod writers;

#[cfg(feature = "recorder")]
pub use self::export::export_recorded;
#[cfg(feature = "recorder")]
pub(crate) use self::export::read_undo_plan;
#[cfg(feature = "schema")]
pub use self::schema::schema;
pub use self::{
    disclose::{Hidden, PackEvent, View},
    explain::explain_request_pack,
    export::{ExportError, Integrity, PackHead, ProfileName, RequestPack, export_request_pack},
    fault::{EventFault, VerifyError},
    read::read_request_pack,
    section::Section,
    set_aside::{SetAsideEvent, SetAsideReason},
    verified::{Unchecked, Verdict, VerifiedPack, VerifyOptions},
    verify::{verify_request_pack, verify_request_pack_with},
};
#[cfg(feature = "signatures")]
pub use self::{signature::PackSigner, signature_fault::SignatureFault};

/// The `schema` member of every pack of this form.
pub const SCHEMA: &str = "moltbot-audit/request-pack/v2";

/// The schema of packs that were made before format v1 was frozen.
const EARLIER_SCHEMA: &str = "moltbot-audit/request-pack/v1";

/// Version of the sections: how they are computed from events. A verifier can vouch only for
/// sections that it computes.
pub const SECTIONS_VERSION: u32 = 6;
