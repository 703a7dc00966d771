//! Effects of which nobody knows how they ended: found, listed, resolved.

use serde::Serialize;
use tokio::time::Instant;
use uuid::Uuid;

use super::kill_switch::said;
use super::{Auditor, ControlError};
use crate::event::payload::{EffectExpired, EffectResolved, ExpiryInput, Nothing, ResolutionInput};
use crate::event::{Actor, AuditEvent, ConversationId, Payload, RequestId};
use crate::record::{Receipt, Record};
use crate::store::admission::{AdmissionStore, Conclusion, OpenEffect};
use crate::store::log_line::log_line;

/// Open effects that are looked at. More can hardly be open, but in a flood of processes that die.
const OPEN_MAX: u32 = 10_000;

/// What somebody found out about an effect in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It happened: its charges stay, and its key answers without an output.
    Performed,
    /// It did not happen: its charges are given back, and its key is free.
    NotPerformed,
}

impl Finding {
    /// As it is recorded.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Performed => "performed",
            Self::NotPerformed => "not_performed",
        }
    }
}

impl Auditor {
    /// The effects of which it is not known how they ended, oldest first: their permit was dropped, or
    /// their process died. Those whose lease is over are recorded as such first,
    /// where that is possible.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn in_doubt(&self) -> Result<Vec<OpenEffect>, ControlError> {
        let store = self.admission().ok_or(ControlError::Unsupported)?;
        let deadline = self.deadline();
        if let Err(error) = self.expire(store, Some(deadline)).await {
            // It is listed all the same.
            log_line!(warn, %error, "that a lease is over could not be recorded");
        }
        let mut open = self.open_effects(store, deadline).await?;
        open.retain(|effect| effect.is_in_doubt);
        Ok(open)
    }

    /// Says what was found out about an effect in doubt, by whom and how. It is recorded with the
    /// effect's request.
    ///
    /// # Errors
    /// [`ControlError::NotOpen`] where the effect is not in doubt, or is resolved already,
    /// [`ControlError::Running`] where it may still be running, else as the store fails: then again is
    /// safe.
    pub async fn resolve(
        &self,
        effect_id: Uuid,
        finding: Finding,
        by: &str,
        reason: &str,
    ) -> Result<Receipt, ControlError> {
        let (by, reason) = (said("by", by)?, said("reason", reason)?);
        let store = self.admission().ok_or(ControlError::Unsupported)?;
        let deadline = self.deadline();
        let open = self.open_effects(store, deadline).await?;
        let not_open = ControlError::NotOpen { effect_id };
        let Some(effect) = open.into_iter().find(|effect| effect.effect_id == effect_id) else {
            return Err(not_open);
        };
        if !effect.is_in_doubt {
            return Err(ControlError::Running { effect_id, lease_until: effect.lease_until });
        }
        let input = ResolutionInput {
            effect_id: Some(effect_id.to_string()),
            effect: Some(effect.effect.clone()),
            finding: Some(finding.as_str().to_owned()),
            by: Some(by),
            reason: Some(reason),
            ..Default::default()
        };
        let record = self.about_open::<EffectResolved>(Actor::Admin, &effect, &input)?;
        let conclusion = match finding {
            Finding::Performed => Conclusion::Performed,
            Finding::NotPerformed => Conclusion::NotPerformed,
        };
        let concluded = self.call(store, deadline, "resolve an effect", |store| {
            store.conclude(effect_id, conclusion, &record)
        });
        let receipt = concluded.await?.ok_or(not_open)?;
        self.stored(&record, &receipt);
        Ok(receipt)
    }

    /// Records of every lease that is over that it is. One that cannot be, as where its stream is locked,
    /// does not hold up the others; the first such error is returned in the end. Without a
    /// `deadline`, each has its own.
    pub(super) async fn expire(
        &self,
        store: &dyn AdmissionStore,
        deadline: Option<Instant>,
    ) -> Result<(), ControlError> {
        let until = || deadline.unwrap_or_else(|| self.deadline());
        let open = self.open_effects(store, until()).await?;
        let mut expired = Ok(());
        for effect in open.into_iter().filter(|effect| effect.is_expiring) {
            let input = ExpiryInput {
                effect_id: Some(effect.effect_id.to_string()),
                effect: Some(effect.effect.clone()),
                lease_until: Some(effect.lease_until),
                ..Default::default()
            };
            // A row that somebody spoilt must not keep the leases of others from ending.
            let record = match self.about_open::<EffectExpired>(Actor::System, &effect, &input) {
                Ok(record) => record,
                Err(error) => {
                    expired = expired.and(Err(error));
                    continue;
                }
            };
            let (id, conclusion) = (effect.effect_id, Conclusion::Expired);
            // None where its outcome came meanwhile, or another process was first.
            let concluded = self.call(store, until(), "expire a lease", |store| {
                store.conclude(id, conclusion, &record)
            });
            match concluded.await {
                Ok(Some(receipt)) => self.stored(&record, &receipt),
                Ok(None) => {}
                Err(error) => expired = expired.and(Err(error.into())),
            }
        }
        expired
    }

    pub(super) async fn open_effects(
        &self,
        store: &dyn AdmissionStore,
        deadline: Instant,
    ) -> Result<Vec<OpenEffect>, ControlError> {
        let open =
            self.call(store, deadline, "list open effects", |store| store.open_effects(OPEN_MAX));
        Ok(open.await?)
    }

    fn about_open<P: Payload<Output = Nothing>>(
        &self,
        actor: Actor,
        effect: &OpenEffect,
        input: &P::Input,
    ) -> Result<Record, ControlError>
    where
        P::Input: Serialize,
    {
        let mut event = AuditEvent::typed::<P>(actor, input, &Nothing::default())?;
        event.request_id = effect.request_id.map(RequestId::from_uuid).transpose()?;
        event.conversation_id =
            effect.conversation_id.map(ConversationId::from_uuid).transpose()?;
        Ok(self.seal(event)?)
    }
}
