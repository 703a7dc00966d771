//! Explains a request under the rules that a reader knows.
//!
//! A pack's own `explanation` is computed with the rules of this library, so that every verifier computes the same. A
//! host with another rule passes it here.

use super::scoring::ScoringRules;
use super::sections::{self, Explanation};
use super::verify::verify_parts;
use super::{RequestPack, VerifiedPack, VerifyError, VerifyOptions};

impl RequestPack {
    /// Explains the request from the events as the pack shows them, with these rules.
    #[must_use]
    pub fn explain(&self, rules: &ScoringRules) -> Explanation {
        sections::explain(&self.events, &self.set_aside, &self.switch_events, rules)
    }
}

/// Verifies a pack, and explains its request with these rules.
///
/// # Errors
/// As [`verify_request_pack`](super::verify_request_pack): nothing is explained from a pack with a fault.
pub fn explain_request_pack(
    json: &[u8],
    options: &VerifyOptions,
    rules: &ScoringRules,
) -> Result<(VerifiedPack, Explanation), VerifyError> {
    let (pack, verified) = verify_parts(json, options)?;
    let explanation = sections::explain(&pack.events, &pack.set_aside, &pack.flips, rules);
    Ok((verified, explanation))
}
