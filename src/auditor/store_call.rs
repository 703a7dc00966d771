//! Calls to the store that decides: bounded, and retried if it was away for a moment.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use super::Auditor;
use crate::store::admission::AdmissionStore;
use crate::store::backoff::Backoff;
use crate::store::catch_unwind::CatchUnwind;
use crate::store::{AuditStore, BoxFuture, StoreError};

/// The pauses before a call is made again, up to 20 and 100 ms: enough for a connection that broke. The caller
/// has a fallback, and should take it soon.
const PAUSE_FIRST: Duration = Duration::from_millis(20);
const PAUSES: u8 = 2;

impl Auditor {
    /// The store that decides. None if the sink only records.
    pub(super) fn admission(&self) -> Option<&dyn AdmissionStore> {
        self.shared.batcher.sink().admission()
    }

    /// The store to read from, if it also decides what may run.
    pub(crate) fn deciding_store(&self) -> Option<&dyn AuditStore> {
        let sink = self.shared.batcher.sink();
        sink.admission().and_then(|_| sink.reader())
    }

    /// The end of the wait for the database, for a call of the host that begins now. All that this call asks
    /// of the store shares the deadline.
    pub(super) fn deadline(&self) -> Instant {
        Instant::now() + self.shared.batcher.wait()
    }

    /// Makes a call that may be made twice, until `deadline`.
    pub(super) async fn call<'a, T>(
        &self,
        store: &'a dyn AdmissionStore,
        deadline: Instant,
        doing: &'static str,
        call: impl Fn(&'a dyn AdmissionStore) -> BoxFuture<'a, Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let mut backoff = Backoff::new(PAUSE_FIRST, 5, Duration::MAX);
        let mut pauses = PAUSES;
        let mut lock = None;
        loop {
            let error = match timeout_at(deadline, CatchUnwind::new(call(store))).await {
                Ok(Ok(Ok(answer))) => return Ok(answer),
                Ok(Ok(Err(error))) => error,
                Ok(Err(_panic)) => StoreError::database(doing, "the store panicked"),
                Err(_) => {
                    let message = format!("no answer within {:?}", self.shared.batcher.wait());
                    // The last answer was a lock, so the silence after it is no outage.
                    return Err(lock.unwrap_or_else(|| StoreError::unavailable(doing, message)));
                }
            };
            if matches!(error, StoreError::Locked { .. }) {
                lock = Some(error.clone());
            }
            let pause = backoff.pause();
            if pauses == 0 || !error.is_retryable() || Instant::now() + pause >= deadline {
                return Err(error);
            }
            pauses -= 1;
            sleep(pause).await;
        }
    }

    /// Looks up the key for a call that does not go through the queue.
    pub(super) async fn check_key(&self, deadline: Instant) -> Result<(), StoreError> {
        let Some(store) = self.admission() else { return Ok(()) };
        let check = &self.shared.key_check;
        self.call(store, deadline, "look up the redaction key", |store| Box::pin(check.run(store)))
            .await
    }
}
