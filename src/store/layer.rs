//! A wrapper of a store: it changes the calls that it names, and forwards every other call.

use std::fmt;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::admission::{
    AdmissionStore, Claim, Conclusion, Decision, EarlierEvent, FirstShortlist, Flip, Lease,
    OpenEffect, OpenPage, Scope, SwitchState,
};
use super::{Appended, AuditSink, AuditStore, BoxFuture, StoreError};
use crate::event::{Budget, EventType, StreamId, Switch};
use crate::record::{Receipt, Record};
use crate::redact::{KeyFingerprint, KeyProof};

/// A wrapper of a sink, to watch it or to change what it does.
///
/// A layer is an [`AuditSink`], and an [`AdmissionStore`] if the inner sink is one. Each method
/// calls the inner sink's by default, so a layer implements only the methods that it changes, and
/// methods that this library adds later are forwarded too. A wrapper that implements the two traits
/// by hand gets their defaults instead, and the auditor then misses what the inner store knows, for
/// example that it answers.
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// use moltbot_audit::record::Record;
/// use moltbot_audit::store::{Appended, AuditSink, BoxFuture, StoreError, StoreLayer};
///
/// /// Counts the batches.
/// #[derive(Debug)]
/// struct Counting {
///     inner: Arc<dyn AuditSink>,
///     batches: AtomicU64,
/// }
///
/// impl StoreLayer for Counting {
///     type Inner = dyn AuditSink;
///
///     fn inner(&self) -> &Self::Inner {
///         &*self.inner
///     }
///
///     fn append<'a>(
///         &'a self,
///         batch: &'a [Record],
///     ) -> BoxFuture<'a, Result<Vec<Appended>, StoreError>> {
///         self.batches.fetch_add(1, Ordering::Relaxed);
///         self.inner.append(batch)
///     }
/// }
/// ```
#[allow(clippy::missing_errors_doc, reason = "each fails as the method that it is named after")]
pub trait StoreLayer: fmt::Debug + Send + Sync {
    /// The type of the inner sink; `dyn AuditSink` for any.
    type Inner: AuditSink + ?Sized;

    /// The inner sink.
    fn inner(&self) -> &Self::Inner;

    /// The inner store that decides; an error if the inner sink does not decide.
    fn inner_admission(&self) -> Result<&dyn AdmissionStore, StoreError> {
        let missing = || StoreError::database("decide", "the inner sink decides about no effect");
        self.inner().admission().ok_or_else(missing)
    }

    /// As [`AuditSink::append`].
    fn append<'a>(
        &'a self,
        batch: &'a [Record],
    ) -> BoxFuture<'a, Result<Vec<Appended>, StoreError>> {
        self.inner().append(batch)
    }

    /// As [`AuditSink::prepared_until`].
    fn prepared_until(&self) -> BoxFuture<'_, Result<Option<DateTime<Utc>>, StoreError>> {
        self.inner().prepared_until()
    }

    /// As [`AuditSink::prepare`].
    fn prepare(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.inner().prepare()
    }

    /// As [`AdmissionStore::use_key`].
    fn use_key(&self, given: KeyFingerprint) -> BoxFuture<'_, Result<KeyFingerprint, StoreError>> {
        Box::pin(async move { self.inner_admission()?.use_key(given).await })
    }

    /// As [`AdmissionStore::rotate_key`].
    fn rotate_key<'a>(
        &'a self,
        from: KeyProof,
        to: KeyFingerprint,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<Option<Receipt>, StoreError>> {
        Box::pin(async move { self.inner_admission()?.rotate_key(from, to, record).await })
    }

    /// As [`AdmissionStore::admit`].
    fn admit<'a>(&'a self, claim: &'a Claim) -> BoxFuture<'a, Result<Decision, StoreError>> {
        Box::pin(async move { self.inner_admission()?.admit(claim).await })
    }

    /// As [`AdmissionStore::conclude`].
    fn conclude<'a>(
        &'a self,
        effect_id: Uuid,
        conclusion: Conclusion,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<Option<Receipt>, StoreError>> {
        Box::pin(
            async move { self.inner_admission()?.conclude(effect_id, conclusion, record).await },
        )
    }

    /// As [`AdmissionStore::renew_leases`].
    fn renew_leases<'a>(&'a self, leases: &'a [Lease]) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move { self.inner_admission()?.renew_leases(leases).await })
    }

    /// As [`AdmissionStore::open_effects`].
    fn open_effects(&self, page: OpenPage) -> BoxFuture<'_, Result<Vec<OpenEffect>, StoreError>> {
        Box::pin(async move { self.inner_admission()?.open_effects(page).await })
    }

    /// As [`AdmissionStore::open_effect`].
    fn open_effect(
        &self,
        effect_id: Uuid,
    ) -> BoxFuture<'_, Result<Option<OpenEffect>, StoreError>> {
        Box::pin(async move { self.inner_admission()?.open_effect(effect_id).await })
    }

    /// As [`AdmissionStore::count_in_doubt`].
    fn count_in_doubt(&self) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(async move { self.inner_admission()?.count_in_doubt().await })
    }

    /// As [`AdmissionStore::usage`].
    fn usage(&self, scope: Scope) -> BoxFuture<'_, Result<Vec<(Budget, i64)>, StoreError>> {
        Box::pin(async move { self.inner_admission()?.usage(scope).await })
    }

    /// As [`AdmissionStore::switches`].
    fn switches(&self) -> BoxFuture<'_, Result<Vec<SwitchState>, StoreError>> {
        Box::pin(async move { self.inner_admission()?.switches().await })
    }

    /// As [`AdmissionStore::set_switch`].
    fn set_switch<'a>(
        &'a self,
        state: &'a SwitchState,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<Flip, StoreError>> {
        Box::pin(async move { self.inner_admission()?.set_switch(state, record).await })
    }

    /// As [`AdmissionStore::append_pending_flips`].
    fn append_pending_flips(&self) -> BoxFuture<'_, Result<u32, StoreError>> {
        Box::pin(async move { self.inner_admission()?.append_pending_flips().await })
    }

    /// As [`AdmissionStore::lapse_switch`].
    fn lapse_switch<'a>(
        &'a self,
        state: &'a SwitchState,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<Option<Receipt>, StoreError>> {
        Box::pin(async move { self.inner_admission()?.lapse_switch(state, record).await })
    }

    /// As [`AdmissionStore::forget_switch`].
    fn forget_switch<'a>(&'a self, switch: &'a Switch) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move { self.inner_admission()?.forget_switch(switch).await })
    }

    /// As [`AdmissionStore::first_shortlist`].
    fn first_shortlist(
        &self,
        stream_id: StreamId,
    ) -> BoxFuture<'_, Result<Option<FirstShortlist>, StoreError>> {
        Box::pin(async move { self.inner_admission()?.first_shortlist(stream_id).await })
    }

    /// As [`AdmissionStore::events_before`].
    fn events_before<'a>(
        &'a self,
        stream_id: StreamId,
        seq: i64,
        event_types: &'a [EventType],
    ) -> BoxFuture<'a, Result<Vec<EarlierEvent>, StoreError>> {
        Box::pin(
            async move { self.inner_admission()?.events_before(stream_id, seq, event_types).await },
        )
    }

    /// As [`AdmissionStore::last_reconciled`].
    fn last_reconciled(&self) -> BoxFuture<'_, Result<Option<EarlierEvent>, StoreError>> {
        Box::pin(async move { self.inner_admission()?.last_reconciled().await })
    }

    /// As [`AdmissionStore::is_answering`].
    fn is_answering(&self) -> BoxFuture<'_, bool> {
        Box::pin(async move {
            match self.inner_admission() {
                Ok(inner) => inner.is_answering().await,
                Err(_) => false,
            }
        })
    }

    /// As [`AdmissionStore::switch_moved`].
    fn switch_moved(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            match self.inner_admission() {
                Ok(inner) => inner.switch_moved().await,
                // It decides nothing, so no switch of it ever moves.
                Err(_) => std::future::pending().await,
            }
        })
    }
}

impl<L: StoreLayer> AuditSink for L {
    fn append<'a>(
        &'a self,
        batch: &'a [Record],
    ) -> BoxFuture<'a, Result<Vec<Appended>, StoreError>> {
        StoreLayer::append(self, batch)
    }

    fn prepared_until(&self) -> BoxFuture<'_, Result<Option<DateTime<Utc>>, StoreError>> {
        StoreLayer::prepared_until(self)
    }

    fn prepare(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        StoreLayer::prepare(self)
    }

    fn reader(&self) -> Option<&dyn AuditStore> {
        self.inner().reader()
    }

    fn admission(&self) -> Option<&dyn AdmissionStore> {
        self.inner().admission().map(|_| -> &dyn AdmissionStore { self })
    }
}

impl<L: StoreLayer> AdmissionStore for L {
    fn use_key(&self, given: KeyFingerprint) -> BoxFuture<'_, Result<KeyFingerprint, StoreError>> {
        StoreLayer::use_key(self, given)
    }

    fn rotate_key<'a>(
        &'a self,
        from: KeyProof,
        to: KeyFingerprint,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<Option<Receipt>, StoreError>> {
        StoreLayer::rotate_key(self, from, to, record)
    }

    fn admit<'a>(&'a self, claim: &'a Claim) -> BoxFuture<'a, Result<Decision, StoreError>> {
        StoreLayer::admit(self, claim)
    }

    fn conclude<'a>(
        &'a self,
        effect_id: Uuid,
        conclusion: Conclusion,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<Option<Receipt>, StoreError>> {
        StoreLayer::conclude(self, effect_id, conclusion, record)
    }

    fn renew_leases<'a>(&'a self, leases: &'a [Lease]) -> BoxFuture<'a, Result<(), StoreError>> {
        StoreLayer::renew_leases(self, leases)
    }

    fn open_effects(&self, page: OpenPage) -> BoxFuture<'_, Result<Vec<OpenEffect>, StoreError>> {
        StoreLayer::open_effects(self, page)
    }

    fn open_effect(
        &self,
        effect_id: Uuid,
    ) -> BoxFuture<'_, Result<Option<OpenEffect>, StoreError>> {
        StoreLayer::open_effect(self, effect_id)
    }

    fn count_in_doubt(&self) -> BoxFuture<'_, Result<u64, StoreError>> {
        StoreLayer::count_in_doubt(self)
    }

    fn usage(&self, scope: Scope) -> BoxFuture<'_, Result<Vec<(Budget, i64)>, StoreError>> {
        StoreLayer::usage(self, scope)
    }

    fn switches(&self) -> BoxFuture<'_, Result<Vec<SwitchState>, StoreError>> {
        StoreLayer::switches(self)
    }

    fn set_switch<'a>(
        &'a self,
        state: &'a SwitchState,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<Flip, StoreError>> {
        StoreLayer::set_switch(self, state, record)
    }

    fn append_pending_flips(&self) -> BoxFuture<'_, Result<u32, StoreError>> {
        StoreLayer::append_pending_flips(self)
    }

    fn lapse_switch<'a>(
        &'a self,
        state: &'a SwitchState,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<Option<Receipt>, StoreError>> {
        StoreLayer::lapse_switch(self, state, record)
    }

    fn forget_switch<'a>(&'a self, switch: &'a Switch) -> BoxFuture<'a, Result<bool, StoreError>> {
        StoreLayer::forget_switch(self, switch)
    }

    fn first_shortlist(
        &self,
        stream_id: StreamId,
    ) -> BoxFuture<'_, Result<Option<FirstShortlist>, StoreError>> {
        StoreLayer::first_shortlist(self, stream_id)
    }

    fn events_before<'a>(
        &'a self,
        stream_id: StreamId,
        seq: i64,
        event_types: &'a [EventType],
    ) -> BoxFuture<'a, Result<Vec<EarlierEvent>, StoreError>> {
        StoreLayer::events_before(self, stream_id, seq, event_types)
    }

    fn last_reconciled(&self) -> BoxFuture<'_, Result<Option<EarlierEvent>, StoreError>> {
        StoreLayer::last_reconciled(self)
    }

    fn is_answering(&self) -> BoxFuture<'_, bool> {
        StoreLayer::is_answering(self)
    }

    fn switch_moved(&self) -> BoxFuture<'_, ()> {
        StoreLayer::switch_moved(self)
    }
}
