//! Whether an auditor still accepts work, and which effects have not recorded their outcome yet.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

use super::leases::HeldLease;

/// Whether new work is accepted, and how many effects have not recorded their outcome yet.
#[derive(Debug, Default)]
pub(super) struct Lifecycle {
    is_closed: AtomicBool,
    pending_outcomes: watch::Sender<usize>,
}

/// Counts an effect until its outcome is recorded.
#[derive(Debug)]
pub(super) struct OutcomePending {
    lifecycle: Arc<Lifecycle>,
    /// From its admission on.
    lease: Option<HeldLease>,
}

impl Lifecycle {
    /// Accepts no new work.
    pub(super) fn close(&self) {
        self.is_closed.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::SeqCst)
    }

    /// Counts an effect in; `None` if no new work is accepted.
    pub(super) fn begin_effect(self: &Arc<Self>) -> Option<OutcomePending> {
        // Counted first: a shutdown that does not see it is seen here.
        self.pending_outcomes.send_modify(|pending| *pending += 1);
        let pending = OutcomePending { lifecycle: Arc::clone(self), lease: None };
        (!self.is_closed()).then_some(pending)
    }

    pub(super) fn pending_outcomes(&self) -> usize {
        *self.pending_outcomes.borrow()
    }

    pub(super) async fn no_outcome_is_pending(&self) {
        let mut pending = self.pending_outcomes.subscribe();
        // The sender is ours, so that the wait ends by its own condition only.
        drop(pending.wait_for(|pending| *pending == 0).await);
    }
}

impl OutcomePending {
    /// The same, now that it was admitted.
    pub(super) fn with_lease(mut self, lease: HeldLease) -> Self {
        self.lease = Some(lease);
        self
    }
}

impl Drop for OutcomePending {
    fn drop(&mut self) {
        self.lifecycle.pending_outcomes.send_modify(|pending| *pending -= 1);
    }
}
