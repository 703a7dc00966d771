//! Proof that the kill switch stops something, end to end, without touching anything.

use super::{AdmitError, Auditor, ControlError, Unrecorded};
use crate::admission::{Refusal, RefusalReason};
use crate::event::Switch;
use crate::record::Receipt;

/// What the probe's switch is called.
const SWITCH: &str = "self_test";
const BY: &str = "self_test";

/// A self-test that went well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SelfTestReport {
    /// Where the probe was admitted, its switch being reset.
    pub admitted: Receipt,
    /// Where its switch was engaged, after which it was refused.
    pub engaged: Receipt,
}

/// What a self-test found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SelfTestError {
    /// The test's switch could not be set.
    #[error("the switch of the self-test could not be set")]
    Control(#[from] ControlError),
    /// With its switch reset, the probe was not admitted: nothing else will be, either.
    #[error("with its switch reset, the probe was not admitted")]
    NotAdmitted(#[source] AdmitError),
    /// With its switch engaged, the probe was not refused for it. Stop the service.
    #[error("with its switch engaged, the probe was not refused: the kill switch does not work")]
    NotRefused(#[source] Option<AdmitError>),
    /// That the probe did nothing could not be recorded.
    #[error("the end of the probe could not be recorded")]
    Unrecorded(#[from] Unrecorded),
}

impl Auditor {
    /// Proves that refusal works: resets a switch of its own, sees a probe admitted, engages the switch
    /// and sees the probe refused. Nothing else is touched, and all of it is recorded in the system
    /// stream. One at a time: two at once flip the switch on each other.
    ///
    /// # Errors
    /// [`SelfTestError`]; of them [`NotRefused`](SelfTestError::NotRefused) is the one to wake somebody
    /// for.
    pub async fn self_test(&self) -> Result<SelfTestReport, SelfTestError> {
        let switch = Switch::new(SWITCH).map_err(ControlError::from)?;
        self.kill_switch().reset(&switch, BY, "a probe is to be admitted").await?;
        let permit = self.probe(&switch).await.map_err(SelfTestError::NotAdmitted)?;
        let admitted = permit.intent().receipt().copied();
        permit.not_performed("a probe does nothing").await?;
        let engaged = self.kill_switch().engage(&switch, BY, "a probe is to be refused").await?;
        match self.probe(&switch).await {
            Err(AdmitError::Refused(refusal)) if is_switch(&refusal) => {
                // What has a switch is admitted by the database alone.
                let admitted = admitted.ok_or(ControlError::Unsupported)?;
                Ok(SelfTestReport { admitted, engaged })
            }
            Err(error) => Err(SelfTestError::NotRefused(Some(error))),
            Ok(permit) => {
                permit.not_performed("a probe does nothing").await?;
                Err(SelfTestError::NotRefused(None))
            }
        }
    }

    async fn probe(&self, switch: &Switch) -> Result<super::Permit, AdmitError> {
        self.effect(super::Effect::probe().switch(switch.clone())).admit().await
    }
}

fn is_switch(refusal: &Refusal) -> bool {
    matches!(refusal.reason, RefusalReason::Switch { .. })
}
