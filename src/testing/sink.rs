//! A sink that fails on command.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use uuid::Uuid;

use super::Fault;
use super::fault::{End, Wait};
use crate::event::{EventId, EventType, StreamId};
use crate::record::{Receipt, Record, StoredRecord};
use crate::redact::{KeyFingerprint, KeyProof};
use crate::store::admission::{Claim, Conclusion, Decision, Flip, Lease, SwitchState};
use crate::store::{
    Appended, AuditSink, AuditStore, BoxFuture, ListedStream, RequestCursor, StoreError,
    StoreLayer, StreamHead, StreamScope, StreamSnapshot,
};

const DOING: &str = "append events";

/// Wraps a sink and makes some of its calls fail.
///
/// If it wraps an [`AuditStore`], it is one too; reads pass unchanged.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::sync::Arc;
///
/// use moltbot_audit::redact::RedactionKey;
/// use moltbot_audit::testing::{Fault, FaultySink, MemoryStore};
/// use moltbot_audit::{Actor, AuditEvent, Auditor, EventType};
///
/// let sink = Arc::new(FaultySink::new(Arc::new(MemoryStore::new())));
/// sink.at_calls([1], Fault::landed());
/// let auditor = Auditor::builder(sink.clone(), RedactionKey::from_bytes([7; 32])).build();
///
/// let event = AuditEvent::new(EventType::REQUEST_CREATED, Actor::System);
/// let recorded = auditor.record(event).await?;
/// assert_eq!(sink.calls(), 2); // the first had landed, and was tried again
/// assert_eq!(recorded.receipt().map(|receipt| receipt.seq), Some(1)); // without a second event
/// # Ok(())
/// # }
/// ```
pub struct FaultySink<S: ?Sized = dyn AuditSink> {
    script: Mutex<Script>,
    inner: Arc<S>,
}

#[derive(Default)]
struct Script {
    calls: u64,
    at: BTreeMap<u64, Fault>,
    always: Option<Fault>,
    refused: Option<Box<Predicate>>,
    locked: Option<Box<Predicate>>,
}

type Predicate = dyn Fn(&Record) -> bool + Send + Sync;

impl<S: ?Sized> FaultySink<S> {
    /// Wraps `inner`. Every call passes until told otherwise.
    #[must_use]
    pub fn new(inner: Arc<S>) -> Self {
        Self { script: Mutex::default(), inner }
    }

    /// The inner sink, to see what landed.
    #[must_use]
    pub fn inner(&self) -> &Arc<S> {
        &self.inner
    }

    /// Makes the calls with these numbers fail like this; the first call is number 1. Takes
    /// precedence over [`every_call`](Self::every_call).
    pub fn at_calls(&self, numbers: impl IntoIterator<Item = u64>, fault: Fault) {
        self.write(|script| script.at.extend(numbers.into_iter().map(|number| (number, fault))));
    }

    /// Makes every call from now on fail like this, and the sink no longer says that it answers: an
    /// outage.
    pub fn every_call(&self, fault: Fault) {
        self.write(|script| script.always = Some(fault));
    }

    /// Refuses every batch that holds such an event as a whole, not retryable, with nothing
    /// written.
    pub fn refuse(&self, is_refused: impl Fn(&Record) -> bool + Send + Sync + 'static) {
        self.write(|script| script.refused = Some(Box::new(is_refused)));
    }

    /// Makes every batch that holds such an event meet a locked stream: it fails as a whole,
    /// retryable, with nothing written.
    pub fn lock(&self, is_locked: impl Fn(&Record) -> bool + Send + Sync + 'static) {
        self.write(|script| script.locked = Some(Box::new(is_locked)));
    }

    /// Forgets every fault. Calls that already hang go on hanging.
    pub fn heal(&self) {
        self.write(|script| *script = Script { calls: script.calls, ..Script::default() });
    }

    /// How many writing calls there were (`append`, `admit`, `conclude`, `rotate_key` and
    /// `set_switch`), successful or not. A call counts once its future is polled.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.write(|script| script.calls)
    }

    fn write<T>(&self, change: impl FnOnce(&mut Script) -> T) -> T {
        change(&mut self.script.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Script {
    /// Counts a call, and says what is to become of it.
    fn next(&mut self, batch: &[Record]) -> Result<Option<Fault>, StoreError> {
        self.calls += 1;
        if self.refused.as_ref().is_some_and(|is_refused| batch.iter().any(is_refused)) {
            return Err(StoreError::refused(DOING, "a refusal on purpose"));
        }
        if self.locked.as_ref().is_some_and(|is_locked| batch.iter().any(is_locked)) {
            return Err(StoreError::locked(DOING, "a lock on purpose"));
        }
        Ok(self.at.get(&self.calls).copied().or(self.always))
    }
}

impl<S: AuditSink + ?Sized> FaultySink<S> {
    /// Makes a call that writes, or lets it fail as told.
    async fn call<'a, T>(
        &'a self,
        batch: &'a [Record],
        write: impl Fn() -> BoxFuture<'a, Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let Some(fault) = self.write(|script| script.next(batch))? else {
            return write().await;
        };
        if fault.end == End::Landed {
            write().await?;
        }
        match fault.wait {
            // Without a timer: a runtime that has none will do.
            Wait::For(time) if time.is_zero() => {}
            Wait::For(time) => tokio::time::sleep(time).await,
            Wait::Forever => std::future::pending().await,
        }
        let said = match fault.end {
            End::Broken => return Err(StoreError::database(DOING, "a fault on purpose")),
            End::Landed => "a fault on purpose: it landed",
            End::NotLanded => "a fault on purpose: nothing landed",
            End::Passed => return write().await,
        };
        Err(StoreError::unavailable(DOING, said))
    }
}

impl<S: AuditSink + ?Sized> StoreLayer for FaultySink<S> {
    type Inner = S;

    fn inner(&self) -> &S {
        &self.inner
    }

    fn append<'a>(
        &'a self,
        batch: &'a [Record],
    ) -> BoxFuture<'a, Result<Vec<Appended>, StoreError>> {
        Box::pin(self.call(batch, || self.inner.append(batch)))
    }

    fn rotate_key<'a>(
        &'a self,
        from: KeyProof,
        to: KeyFingerprint,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<Option<Receipt>, StoreError>> {
        Box::pin(async move {
            let inner = self.inner_admission()?;
            self.call(std::slice::from_ref(record), || inner.rotate_key(from, to, record)).await
        })
    }

    fn admit<'a>(&'a self, claim: &'a Claim) -> BoxFuture<'a, Result<Decision, StoreError>> {
        Box::pin(async move {
            let inner = self.inner_admission()?;
            self.call(std::slice::from_ref(&claim.intent), || inner.admit(claim)).await
        })
    }

    fn conclude<'a>(
        &'a self,
        effect_id: Uuid,
        conclusion: Conclusion,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<Option<Receipt>, StoreError>> {
        Box::pin(async move {
            let inner = self.inner_admission()?;
            let conclude = || inner.conclude(effect_id, conclusion, record);
            self.call(std::slice::from_ref(record), conclude).await
        })
    }

    /// Not counted among the calls: it comes by itself, at no time that a test has in hand.
    fn renew_leases<'a>(&'a self, leases: &'a [Lease]) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            if self.write(|script| script.always.is_some()) {
                return Err(StoreError::unavailable("renew leases", "a fault on purpose"));
            }
            self.inner_admission()?.renew_leases(leases).await
        })
    }

    fn set_switch<'a>(
        &'a self,
        state: &'a SwitchState,
        record: &'a Record,
    ) -> BoxFuture<'a, Result<Flip, StoreError>> {
        Box::pin(async move {
            let inner = self.inner_admission()?;
            self.call(std::slice::from_ref(record), || inner.set_switch(state, record)).await
        })
    }

    fn is_answering(&self) -> BoxFuture<'_, bool> {
        Box::pin(async move {
            let is_away = self.write(|script| script.always.is_some());
            match self.inner_admission() {
                Ok(inner) if !is_away => inner.is_answering().await,
                _ => false,
            }
        })
    }
}

impl<S: AuditStore + ?Sized> AuditStore for FaultySink<S> {
    fn head(&self, stream_id: StreamId) -> BoxFuture<'_, Result<Option<StreamHead>, StoreError>> {
        self.inner.head(stream_id)
    }

    fn read_stream(
        &self,
        stream_id: StreamId,
    ) -> BoxFuture<'_, Result<Option<StreamSnapshot>, StoreError>> {
        self.inner.read_stream(stream_id)
    }

    fn read_events<'a>(
        &'a self,
        stream_id: StreamId,
        ids: &'a [EventId],
    ) -> BoxFuture<'a, Result<Vec<StoredRecord>, StoreError>> {
        self.inner.read_events(stream_id, ids)
    }

    fn read_events_of<'a>(
        &'a self,
        stream_id: StreamId,
        event_types: &'a [EventType],
    ) -> BoxFuture<'a, Result<Vec<StoredRecord>, StoreError>> {
        self.inner.read_events_of(stream_id, event_types)
    }

    fn list_streams<'a>(
        &'a self,
        scope: &'a StreamScope,
        after: Option<RequestCursor>,
        max: u32,
    ) -> BoxFuture<'a, Result<Vec<ListedStream>, StoreError>> {
        self.inner.list_streams(scope, after, max)
    }

    fn key_in_use(&self) -> BoxFuture<'_, Result<Option<KeyFingerprint>, StoreError>> {
        self.inner.key_in_use()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.inner.close()
    }
}

impl<S: fmt::Debug + ?Sized> fmt::Debug for FaultySink<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultySink").field("inner", &self.inner).finish_non_exhaustive()
    }
}
