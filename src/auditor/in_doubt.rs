//! Effects in doubt: finds, lists and resolves them.

use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio::time::Instant;
use uuid::Uuid;

use super::kill_switch::{said, said_by};
use super::{Auditor, ControlError};
use crate::event::payload::{EffectExpired, EffectResolved, ExpiryInput, Nothing, ResolutionInput};
use crate::event::{Actor, AuditEvent, ConversationId, Identity, Payload, RequestId};
use crate::record::{Receipt, Record};
use crate::store::admission::{AdmissionStore, Conclusion, OpenEffect, OpenKind, OpenPage};
use crate::store::log_line::log_line;

/// How many effects one statement lists.
const PAGE_LEN: u32 = 1_000;

/// What an operator found out about an effect in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It happened. Its charges stay, and its key is answered without an output.
    Performed,
    /// It did not happen. Its charges are given back, and its key is free.
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
    /// The effects in doubt, in the order in which their leases ended: their permit was dropped, or
    /// their process died. First records which leases have run out, for at most half of the time.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn in_doubt(&self) -> Result<Vec<OpenEffect>, ControlError> {
        let store = self.admission().ok_or(ControlError::Unsupported)?;
        let deadline = self.deadline();
        let half = deadline.checked_sub(self.shared.batcher.wait() / 2);
        if let Err(error) = self.expire(store, Some(half.unwrap_or(deadline))).await {
            // The effect is listed all the same.
            log_line!(warn, %error, "a lease that has run out could not be recorded");
        }
        let mut listed = Vec::new();
        loop {
            let after = listed.last().map(OpenEffect::place);
            let page = self.open_page(store, OpenKind::InDoubt, after, deadline).await?;
            if page.is_empty() {
                return Ok(listed);
            }
            listed.extend(page);
        }
    }

    /// Resolves an effect in doubt: what was found out, by whom, and how. The event is recorded
    /// with the effect's request. A text is a merely claimed [`Identity`].
    ///
    /// # Errors
    /// [`ControlError::NotOpen`] if the effect is not in doubt or is already resolved,
    /// [`ControlError::Running`] if it may still be running. If the store fails, trying again is
    /// safe.
    pub async fn resolve(
        &self,
        effect_id: Uuid,
        finding: Finding,
        by: impl Into<Identity>,
        reason: &str,
    ) -> Result<Receipt, ControlError> {
        let (by, reason) = (said_by(by.into())?, said("reason", reason)?);
        let store = self.admission().ok_or(ControlError::Unsupported)?;
        let deadline = self.deadline();
        let found =
            self.call(store, deadline, "look up an effect", |store| store.open_effect(effect_id));
        let not_open = ControlError::NotOpen { effect_id };
        let Some(effect) = found.await? else { return Err(not_open) };
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

    /// Records `effect.expired` for each lease that has run out, page by page. If that fails for
    /// one, for example because its stream is locked, the others go on, and the first error is
    /// returned at the end. Without a `deadline`, each statement has its own limit.
    pub(super) async fn expire(
        &self,
        store: &dyn AdmissionStore,
        deadline: Option<Instant>,
    ) -> Result<(), ControlError> {
        let until = || deadline.unwrap_or_else(|| self.deadline());
        let (mut expired, mut after) = (Ok(()), None);
        loop {
            let page = self.open_page(store, OpenKind::Expiring, after, until()).await?;
            let Some(last) = page.last() else { return expired };
            after = Some(last.place());
            for effect in &page {
                expired = expired.and(self.expire_one(store, effect, until()).await);
                if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                    return expired;
                }
            }
        }
    }

    async fn expire_one(
        &self,
        store: &dyn AdmissionStore,
        effect: &OpenEffect,
        deadline: Instant,
    ) -> Result<(), ControlError> {
        let input = ExpiryInput {
            effect_id: Some(effect.effect_id.to_string()),
            effect: Some(effect.effect.clone()),
            lease_until: Some(effect.lease_until),
            ..Default::default()
        };
        let record = self.about_open::<EffectExpired>(Actor::System, effect, &input)?;
        // The spool may hold its outcome, recorded before the lease ran out.
        if self.shared.batcher.is_away_for(record.stream_id()) {
            return Ok(());
        }
        // None if its outcome arrived meanwhile, or another process was first.
        let concluded = self.call(store, deadline, "expire a lease", |store| {
            store.conclude(effect.effect_id, Conclusion::Expired, &record)
        });
        if let Some(receipt) = concluded.await? {
            self.stored(&record, &receipt);
        }
        Ok(())
    }

    async fn open_page(
        &self,
        store: &dyn AdmissionStore,
        of: OpenKind,
        after: Option<(DateTime<Utc>, Uuid)>,
        deadline: Instant,
    ) -> Result<Vec<OpenEffect>, ControlError> {
        let page = OpenPage { of, after, max: PAGE_LEN };
        let listed =
            self.call(store, deadline, "list open effects", |store| store.open_effects(page));
        let mut listed = listed.await?;
        // A row with a time beyond the calendar, written by hand, would be listed on every page.
        listed.retain(|effect| after.is_none_or(|after| effect.place() > after));
        Ok(listed)
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
