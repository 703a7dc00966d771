//! Lets a request's time pass as the script says.
//!
//! A store counts by its own clock, which does not follow a script. Here a request has taken what the script
//! let pass since it told the store of the request.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use moltbot_audit::auditor::Clock as _;
use moltbot_audit::record::{Receipt, Record};
use moltbot_audit::redact::{KeyFingerprint, KeyProof};
use moltbot_audit::store::admission::{
    AdmissionStore, Claim, Conclusion, EarlierEvent, FirstShortlist, Flip, Obstacle, OpenEffect,
    Scope, SwitchState, Verdict,
};
use moltbot_audit::store::{Appended, AuditSink, BoxFuture, StoreError};
use moltbot_audit::{Budget, EventType, StreamId};
use uuid::Uuid;

use super::clock::ScriptedClock;

/// Stands before a store, and puts the script's time in the place of the store's.
#[derive(Debug)]
pub(crate) struct ScriptedTime {
    inner: Arc<dyn AuditSink>,
    clock: Arc<ScriptedClock>,
    /// The script's time at which the store heard of a stream.
    heard_at: Mutex<HashMap<StreamId, Duration>>,
}

impl ScriptedTime {
    pub(crate) fn over(inner: Arc<dyn AuditSink>, clock: Arc<ScriptedClock>) -> Self {
        Self { inner, clock, heard_at: Mutex::default() }
    }

    /// What the script let pass since the store heard of the stream.
    fn passed(&self, stream: StreamId) -> Duration {
        let now = self.clock.monotonic();
        let mut heard_at = self.heard_at.lock().unwrap_or_else(PoisonError::into_inner);
        now.saturating_sub(*heard_at.entry(stream).or_insert(now))
    }

    fn decides(&self) -> Result<&dyn AdmissionStore, StoreError> {
        let advice = "the sink does not decide";
        self.inner.admission().ok_or_else(|| StoreError::database("decide", advice))
    }
}

impl AuditSink for ScriptedTime {
    fn append<'a>(
        &'a self,
        batch: &'a [Record],
    ) -> BoxFuture<'a, Result<Vec<Appended>, StoreError>> {
        for record in batch {
            self.passed(record.stream_id());
        }
        self.inner.append(batch)
    }

    fn admission(&self) -> Option<&dyn AdmissionStore> {
        self.inner.admission().map(|_| self as &dyn AdmissionStore)
    }
}

impl AdmissionStore for ScriptedTime {
    fn use_key(&self, given: KeyFingerprint) -> BoxFuture<'_, Result<KeyFingerprint, StoreError>> {
        Box::pin(async move { self.decides()?.use_key(given).await })
    }

    fn rotate_key<'a>(
        &'a self,
        from: KeyProof,
        to: KeyFingerprint,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<Option<Receipt>, StoreError>> {
        Box::pin(async move { self.decides()?.rotate_key(from, to, record).await })
    }

    fn admit<'a>(&'a self, claim: &'a Claim) -> BoxFuture<'a, Result<Verdict, StoreError>> {
        Box::pin(async move {
            let passed = self.passed(claim.intent.stream_id());
            // A store takes a limit that is stricter than the one in the intent. By its own clock the
            // scenario takes seconds.
            let left = |max: Duration| if passed > max { Duration::ZERO } else { max };
            let claim = Claim { elapsed_max: claim.elapsed_max.map(left), ..claim.clone() };
            Ok(match self.decides()?.admit(&claim).await? {
                Verdict::Proceed(mut admission) => {
                    admission.elapsed = admission.elapsed.map(|_| passed);
                    Verdict::Proceed(admission)
                }
                Verdict::Refused(Obstacle::Time { .. }) => {
                    Verdict::Refused(Obstacle::Time { elapsed: passed })
                }
                other => other,
            })
        })
    }

    fn first_shortlist(
        &self,
        stream_id: StreamId,
    ) -> BoxFuture<'_, Result<Option<FirstShortlist>, StoreError>> {
        Box::pin(async move {
            let first = self.decides()?.first_shortlist(stream_id).await?;
            let passed = self.passed(stream_id);
            Ok(first.map(|first| FirstShortlist { after: passed, ..first }))
        })
    }

    fn events_before<'a>(
        &'a self,
        stream_id: StreamId,
        seq: i64,
        event_types: &'a [EventType],
    ) -> BoxFuture<'a, Result<Vec<EarlierEvent>, StoreError>> {
        Box::pin(async move { self.decides()?.events_before(stream_id, seq, event_types).await })
    }

    fn conclude<'a>(
        &'a self,
        effect_id: Uuid,
        conclusion: Conclusion,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<Option<Receipt>, StoreError>> {
        Box::pin(async move { self.decides()?.conclude(effect_id, conclusion, record).await })
    }

    fn open_effects(&self, max: u32) -> BoxFuture<'_, Result<Vec<OpenEffect>, StoreError>> {
        Box::pin(async move { self.decides()?.open_effects(max).await })
    }

    fn usage(&self, scope: Scope) -> BoxFuture<'_, Result<Vec<(Budget, i64)>, StoreError>> {
        Box::pin(async move { self.decides()?.usage(scope).await })
    }

    fn switches(&self) -> BoxFuture<'_, Result<Vec<SwitchState>, StoreError>> {
        Box::pin(async move { self.decides()?.switches().await })
    }

    fn set_switch<'a>(
        &'a self,
        state: &'a SwitchState,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<Flip, StoreError>> {
        Box::pin(async move { self.decides()?.set_switch(state, record).await })
    }
}
