//! Checks once, before anything is recorded, that the database belongs to the deployment's redaction key.
//!
//! If the database belongs to a previous key of this process, the key is rotated, and the rotation is recorded.
//! The proof is the fingerprint's preimage, so a database role alone cannot lock every process out.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, Utc};

use super::{Clock, Entropy, RecordError, entropy};
use crate::event::payload::{KeyRotated, KeyRotationInput, Nothing};
use crate::event::{Actor, AuditEvent};
use crate::observe;
use crate::record::{Record, seal};
use crate::redact::{KeyFingerprint, RedactionKey};
use crate::store::admission::AdmissionStore;
use crate::store::log_line::log_line;
use crate::store::{Appended, AuditSink, BoxFuture, StoreError, StoreLayer};

const ROTATING: &str = "replace the redaction key";

/// Looks up the key once.
pub(super) struct KeyCheck {
    key: RedactionKey,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    is_done: AtomicBool,
}

impl KeyCheck {
    pub(super) fn of(key: RedactionKey, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { key, clock, entropy, is_done: AtomicBool::new(false) }
    }

    /// Looks up the key, if that was not done. Two callers at once do it twice, which does no harm.
    pub(super) async fn run(&self, store: &dyn AdmissionStore) -> Result<(), StoreError> {
        if self.is_done.load(Ordering::Acquire) {
            return Ok(());
        }
        let given = self.key.fingerprint();
        let mut in_use = store.use_key(given).await?;
        let is_kept = |key: &RedactionKey| in_use != given && key.fingerprint() == in_use;
        if let Some(previous) = self.key.previous().find(is_kept) {
            self.rotate(store, &previous, given).await?;
            // Another process may have been first.
            in_use = store.use_key(given).await?;
        }
        if in_use != given {
            return Err(StoreError::KeyMismatch { in_use, given });
        }
        self.is_done.store(true, Ordering::Release);
        Ok(())
    }

    /// Has the next call look up the key again, because the store has another one by now.
    pub(super) fn forget(&self) {
        self.is_done.store(false, Ordering::Release);
    }

    async fn rotate(
        &self,
        store: &dyn AdmissionStore,
        previous: &RedactionKey,
        to: KeyFingerprint,
    ) -> Result<(), StoreError> {
        let from = previous.fingerprint();
        let record = self.record(from, to, self.clock.now());
        let record = record.map_err(|error| StoreError::database(ROTATING, error))?;
        if let Some(receipt) = store.rotate_key(previous.proof(), to, &record).await? {
            log_line!(info, %from, %to, "the redaction key was replaced");
            observe::stored(&record, &receipt);
        }
        Ok(())
    }

    fn record(
        &self,
        from: KeyFingerprint,
        to: KeyFingerprint,
        now: DateTime<Utc>,
    ) -> Result<Record, RecordError> {
        let input = KeyRotationInput {
            previous_fingerprint: Some(from.to_string()),
            fingerprint: Some(to.to_string()),
            ..Default::default()
        };
        let event = AuditEvent::typed::<KeyRotated>(Actor::System, &input, &Nothing::default())?;
        let (random, salt) = entropy::randomness(&*self.entropy)?;
        Ok(seal(event, now, random, salt, &self.key)?)
    }
}

/// A sink that refuses records under another key.
pub(super) struct KeyedSink {
    inner: Arc<dyn AuditSink>,
    check: Arc<KeyCheck>,
}

impl KeyedSink {
    pub(super) fn over(inner: Arc<dyn AuditSink>, check: Arc<KeyCheck>) -> Self {
        Self { inner, check }
    }
}

impl StoreLayer for KeyedSink {
    type Inner = dyn AuditSink;

    fn inner(&self) -> &Self::Inner {
        &*self.inner
    }

    fn append<'a>(
        &'a self,
        batch: &'a [Record],
    ) -> BoxFuture<'a, Result<Vec<Appended>, StoreError>> {
        Box::pin(async move {
            // Records from a spool were acknowledged, so they are kept under any key.
            if batch.iter().any(|record| record.waited().is_none())
                && let Some(store) = self.inner.admission()
            {
                self.check.run(store).await?;
            }
            self.inner.append(batch).await
        })
    }
}

impl fmt::Debug for KeyedSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
