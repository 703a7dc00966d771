//! Lets a request's time pass as the script says, and tells the world what was recorded.
//!
//! A store counts by its own clock, which does not follow a script. Here the time that a request has taken is the
//! time that passed in the script since the store first heard of the request.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use moltbot_audit::StreamId;
use moltbot_audit::auditor::Clock as _;
use moltbot_audit::record::Record;
use moltbot_audit::store::admission::{Claim, Decision, Obstacle};
use moltbot_audit::store::{Appended, AuditSink, BoxFuture, StoreError, StoreLayer};

use super::world::World;

/// Wraps a store, and replaces the store's time by the script's.
#[derive(Debug)]
pub(crate) struct ScriptedTime {
    inner: Arc<dyn AuditSink>,
    world: Arc<World>,
    /// The script's time at which the store heard of a stream.
    heard_at: Mutex<HashMap<StreamId, Duration>>,
}

impl ScriptedTime {
    pub(crate) fn over(inner: Arc<dyn AuditSink>, world: Arc<World>) -> Self {
        Self { inner, world, heard_at: Mutex::default() }
    }

    /// The time that passed in the script since the store heard of the stream.
    fn passed(&self, stream: StreamId) -> Duration {
        let now = self.world.clock().monotonic();
        let mut heard_at = self.heard_at.lock().unwrap_or_else(PoisonError::into_inner);
        now.saturating_sub(*heard_at.entry(stream).or_insert(now))
    }
}

impl StoreLayer for ScriptedTime {
    type Inner = dyn AuditSink;

    fn inner(&self) -> &Self::Inner {
        &*self.inner
    }

    fn append<'a>(
        &'a self,
        batch: &'a [Record],
    ) -> BoxFuture<'a, Result<Vec<Appended>, StoreError>> {
        for record in batch {
            self.passed(record.stream_id());
        }
        Box::pin(async move {
            let appended = self.inner.append(batch).await?;
            for (record, receipt) in batch.iter().zip(&appended) {
                if receipt.as_ref().is_ok_and(|receipt| !receipt.is_duplicate()) {
                    self.world.note_recorded(record);
                }
            }
            Ok(appended)
        })
    }

    fn admit<'a>(&'a self, claim: &'a Claim) -> BoxFuture<'a, Result<Decision, StoreError>> {
        Box::pin(async move {
            let passed = self.passed(claim.intent.stream_id());
            if claim.elapsed_max.is_some_and(|max| passed > max) {
                return Ok(Decision::Refused(Obstacle::Time { elapsed: passed }));
            }
            Ok(match self.inner_admission()?.admit(claim).await? {
                Decision::Proceed(mut admission) => {
                    admission.elapsed = admission.elapsed.map(|_| passed);
                    Decision::Proceed(admission)
                }
                other => other,
            })
        })
    }
}
