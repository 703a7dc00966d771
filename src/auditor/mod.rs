//! What the host holds: records events, and runs effects so that their outcome is recorded.

mod builder;
mod effect;
mod entropy;
mod error;
mod run;
mod time;

use std::fmt;
use std::sync::Arc;

use tokio::runtime::Handle;

pub use self::{
    builder::AuditorBuilder,
    effect::Effect,
    entropy::{Entropy, EntropyError, OsEntropy},
    error::{EffectError, RecordError},
    run::PendingEffect,
    time::{Clock, SystemClock},
};
use crate::event::{AuditEvent, EventId};
use crate::record::{Randomness, Receipt, Record, seal};
use crate::redact::RedactionKey;
use crate::store::AuditSink;

/// Records what the host does. Built once, cheap to clone, usable from any task.
///
/// All of it must run inside a Tokio runtime: a write goes on in a task of its own, so that a caller
/// that gives up does not cut it.
///
/// ```
/// # async fn host(
/// #     store: std::sync::Arc<dyn moltbot_audit::store::AuditStore>,
/// #     key: moltbot_audit::redact::RedactionKey,
/// # ) -> Result<(), moltbot_audit::RecordError> {
/// use moltbot_audit::{Actor, AuditEvent, Auditor, EventType};
///
/// let auditor = Auditor::builder(store, key).build();
/// let event = AuditEvent::new(EventType::REQUEST_CREATED, Actor::System);
/// let receipt = auditor.record(event).await?;
/// assert_eq!(receipt.seq, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Auditor {
    shared: Arc<Shared>,
}

struct Shared {
    sink: Arc<dyn AuditSink>,
    key: RedactionKey,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl Auditor {
    /// Starts an auditor that writes to `sink`. `key` is the deployment's key for keyed hashes; the
    /// same in every process.
    #[must_use]
    pub fn builder(sink: Arc<dyn AuditSink>, key: RedactionKey) -> AuditorBuilder {
        AuditorBuilder::new(sink, key)
    }

    /// Records an event, and returns when it is durable.
    ///
    /// # Errors
    /// [`RecordError`]; whatever is not [`retryable`](RecordError::is_retryable) was not written.
    /// Give the event an [id](Auditor::event_id) before the first try, and a retry cannot double it.
    ///
    /// # Cancel safety
    /// Once polled, the write goes on to its end even if the future is dropped.
    pub async fn record(&self, event: AuditEvent) -> Result<Receipt, RecordError> {
        let record = self.seal(event)?;
        let sink = Arc::clone(&self.shared.sink);
        let runtime = Handle::try_current().map_err(|_| RecordError::NoRuntime)?;
        let write = runtime.spawn(async move { append_one(&*sink, record).await });
        write.await.map_err(|_| RecordError::Interrupted)?
    }

    /// Prepares an effect, which [`run`](PendingEffect::run) then performs and records.
    pub fn effect(&self, effect: Effect) -> PendingEffect {
        PendingEffect::new(self.clone(), effect)
    }

    /// Makes an id for an event that happens now, to refer to it before it is recorded.
    ///
    /// # Errors
    /// [`RecordError::Entropy`] where the system gives no random bytes, [`RecordError::Event`] where
    /// the clock stands outside the years 1970 to 9999.
    pub fn event_id(&self) -> Result<EventId, RecordError> {
        Ok(EventId::new(self.shared.clock.now(), self.randomness()?.id)?)
    }

    fn seal(&self, event: AuditEvent) -> Result<Record, RecordError> {
        let randomness = self.randomness()?;
        Ok(seal(event, self.shared.clock.now(), randomness, &self.shared.key)?)
    }

    fn randomness(&self) -> Result<Randomness, EntropyError> {
        let mut bytes = [0; 24];
        self.shared.entropy.fill(&mut bytes)?;
        let (mut id, mut salt) = ([0; 8], [0; 16]);
        id.copy_from_slice(&bytes[..8]);
        salt.copy_from_slice(&bytes[8..]);
        Ok(Randomness { id: u64::from_be_bytes(id), salt })
    }
}

impl fmt::Debug for Auditor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auditor").field("sink", &self.shared.sink).finish_non_exhaustive()
    }
}

async fn append_one(sink: &dyn AuditSink, record: Record) -> Result<Receipt, RecordError> {
    let batch = [record];
    let appended = sink.append(&batch).await?.pop().ok_or(RecordError::NoReceipt)?;
    Ok(appended?)
}
