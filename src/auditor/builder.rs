//! How an auditor is put together.

use std::fmt;
use std::sync::Arc;

use super::{Auditor, Clock, Entropy, OsEntropy, Shared, SystemClock};
use crate::redact::RedactionKey;
use crate::store::AuditSink;

/// Builds an [`Auditor`]: what is required was given to [`Auditor::builder`], the rest has defaults.
pub struct AuditorBuilder {
    shared: Shared,
}

impl AuditorBuilder {
    pub(super) fn new(sink: Arc<dyn AuditSink>, key: RedactionKey) -> Self {
        let clock = Arc::new(SystemClock::new());
        Self { shared: Shared { sink, key, clock, entropy: Arc::new(OsEntropy) } }
    }

    /// Tells the time. Default: [`SystemClock`].
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.shared.clock = clock;
        self
    }

    /// Gives random bytes. Default: [`OsEntropy`].
    #[must_use]
    pub fn entropy(mut self, entropy: Arc<dyn Entropy>) -> Self {
        self.shared.entropy = entropy;
        self
    }

    /// Builds it.
    #[must_use]
    pub fn build(self) -> Auditor {
        Auditor { shared: Arc::new(self.shared) }
    }
}

impl fmt::Debug for AuditorBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditorBuilder").field("sink", &self.shared.sink).finish_non_exhaustive()
    }
}
