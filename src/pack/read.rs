//! Reads a pack back from its JSON.

use super::export::checkpoint;
use super::sections::Sections;
use super::verify::verify_parts;
use super::{
    Integrity, RequestPack, SCHEMA, SECTIONS_VERSION, VerifiedPack, VerifyError, VerifyOptions,
};
#[cfg(feature = "signatures")]
use crate::proof::SignedNote;

/// Verifies a pack, and returns it as it was exported, to be shown.
///
/// # Errors
/// As [`verify_request_pack`](super::verify_request_pack): a pack with a fault is not read.
pub fn read_request_pack(
    json: &[u8],
    options: &VerifyOptions,
) -> Result<(RequestPack, VerifiedPack), VerifyError> {
    let (pack, verified) = verify_parts(json, options)?;
    // The verifier has compared them with those in the JSON.
    let sections = Sections::of(&pack.events, &pack.set_aside, &pack.writers, &pack.flips);
    let integrity = Integrity {
        sections_version: SECTIONS_VERSION,
        head: pack.head,
        profile_digest: pack.profile_digest,
        event_digests: pack.event_digests,
        set_aside_digest: pack.set_aside_digest,
        writers_digest: pack.writers_digest,
        switches_digest: pack.flips_digest,
        checkpoint: checkpoint(),
    };
    let pack = RequestPack {
        schema: SCHEMA,
        request_id: pack.request_id,
        profile: pack.profile,
        sections,
        events: pack.events,
        set_aside: pack.set_aside,
        writer_events: pack.writers,
        switch_events: pack.flips,
        integrity,
        #[cfg(feature = "signatures")]
        signed_note: pack.signed_note.and_then(|note| SignedNote::parse(&note).ok()),
    };
    Ok((pack, verified))
}
