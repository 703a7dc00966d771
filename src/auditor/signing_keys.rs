//! Records which key signs packs. The auditor never has that key.

use super::{Auditor, RecordError};
use crate::event::payload::{Nothing, SigningKeyRotated, SigningKeyRotationInput};
use crate::event::{Actor, AuditEvent, Identity};
use crate::proof::VerifierKey;
use crate::record::Recorded;

impl Auditor {
    /// Records in the system stream that packs are signed with `key` from now on, instead of with `previous`, or as
    /// the first key if that is `None`. Call it once when you put a key to use: readers of later packs find there
    /// which keys were yours, and from when on. It changes nothing else.
    ///
    /// # Errors
    /// As [`record`](Self::record).
    pub async fn record_signing_key(
        &self,
        key: &VerifierKey,
        previous: Option<&VerifierKey>,
        by: impl Into<Identity>,
        reason: &str,
    ) -> Result<Recorded, RecordError> {
        let input = SigningKeyRotationInput {
            previous_verifier_key: previous.map(VerifierKey::to_string),
            verifier_key: Some(key.to_string()),
            by: Some(by.into().said_by_host()),
            reason: Some(reason.to_owned()),
            ..Default::default()
        };
        let nothing = Nothing::default();
        let event = AuditEvent::typed::<SigningKeyRotated>(Actor::Admin, &input, &nothing)?;
        self.record_reserved(event).await
    }
}
