//! Proves end to end that the kill switch stops an effect, without any side effect.

use super::{AdmitError, Auditor, ControlError, RecordError, Unrecorded};
use crate::event::{Identity, Switch};
use crate::policy::{Refusal, RefusalReason};
use crate::record::Receipt;

/// The report of a self-test that passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SelfTestReport {
    /// Where the probe was admitted, with its switch reset.
    pub admitted: Receipt,
    /// Where its switch was engaged, after which the probe was refused. None while that event is
    /// pending.
    pub engaged: Option<Receipt>,
}

/// What a self-test found wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SelfTestError {
    /// The test's switch could not be set.
    #[error("the switch of the self-test could not be set")]
    Control(#[from] ControlError),
    /// With its switch reset, the probe was not admitted. No other effect will be, either.
    #[error("with its switch reset, the probe was not admitted")]
    NotAdmitted(#[source] AdmitError),
    /// With its switch engaged, the probe was not refused for it. Stop the service.
    #[error("with its switch engaged, the probe was not refused: the kill switch does not work")]
    NotRefused(#[source] Option<AdmitError>),
    /// The outcome of the probe could not be recorded.
    #[error("the outcome of the probe could not be recorded")]
    Unrecorded(#[from] Unrecorded),
}

impl Auditor {
    /// Proves that refusal works: resets a switch of its own, sees a probe admitted, engages the
    /// switch, sees the probe refused, and forgets the switch. It touches nothing else, and records
    /// all of it in the system stream. Each test has a switch with its own name, so that many may
    /// run at once.
    ///
    /// # Errors
    /// [`SelfTestError`]. [`NotRefused`](SelfTestError::NotRefused) is the one to wake someone for.
    pub async fn self_test(&self) -> Result<SelfTestReport, SelfTestError> {
        let switch = self.probe_switch()?;
        let tested = self.test(&switch).await;
        // However it went; what is engaged and forgotten stays engaged.
        let forgotten = self.kill_switch().forget(&switch).await;
        let report = tested?;
        forgotten?;
        Ok(report)
    }

    async fn test(&self, switch: &Switch) -> Result<SelfTestReport, SelfTestError> {
        // The program speaks for itself.
        let by = Identity::host("moltbot-audit", "self-test");
        self.kill_switch().reset(switch, &by, "a probe is to be admitted").await?;
        let permit = self.probe(switch).await.map_err(SelfTestError::NotAdmitted)?;
        let admitted = permit.intent().receipt().copied();
        permit.succeeded(&()).await?;
        let engaged = self.kill_switch().engage(switch, &by, "a probe is to be refused").await?;
        match self.probe(switch).await {
            Err(AdmitError::Refused(refusal)) if is_switch(&refusal) => {
                // What has a switch is admitted by the database alone.
                let admitted = admitted.ok_or(ControlError::Unsupported)?;
                Ok(SelfTestReport { admitted, engaged: engaged.receipt })
            }
            Err(error) => Err(SelfTestError::NotRefused(Some(error))),
            Ok(permit) => {
                permit.succeeded(&()).await?;
                Err(SelfTestError::NotRefused(None))
            }
        }
    }

    /// A switch that no other test has. Its name differs in letters, because a name may have few
    /// digits.
    fn probe_switch(&self) -> Result<Switch, ControlError> {
        let random = self.randomness().map_err(RecordError::from)?.0.to_be_bytes();
        let letters = random.iter().flat_map(|byte| [b'a' + (byte >> 4), b'a' + (byte & 15)]);
        let name =
            Switch::SELF_TEST_PREFIX.bytes().chain(letters).map(char::from).collect::<String>();
        Ok(Switch::new(name)?)
    }

    async fn probe(&self, switch: &Switch) -> Result<super::Permit, AdmitError> {
        self.effect(super::Effect::probe().switch(switch.clone())).admit().await
    }
}

fn is_switch(refusal: &Refusal) -> bool {
    matches!(refusal.reason, RefusalReason::Switch { .. })
}
