//! How an auditor is put together.

use std::fmt;
use std::sync::Arc;

use super::current_effect::RunningEffects;
use super::gaps::Gaps;
use super::key_check::{KeyCheck, KeyedSink};
use super::observing::Watching;
use super::switch_watch::SwitchWatch;
use super::upkeep::Upkeep;
use super::warnings::Warned;
use super::{Auditor, Clock, Entropy, OsEntropy, Shared, SystemClock};
use crate::admission::{Environment, Fallbacks, Limits};
use crate::delivery::{Batcher, QueueLimits, Spool};
use crate::observe;
use crate::redact::RedactionKey;
use crate::store::AuditSink;

/// Builds an [`Auditor`]: what is required was given to [`Auditor::builder`], the rest has defaults.
pub struct AuditorBuilder {
    sink: Arc<dyn AuditSink>,
    key: RedactionKey,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    spool: Option<Spool>,
    limits: QueueLimits,
    budgets: Limits,
    fallbacks: Fallbacks,
    environment: Box<ReadVariable>,
}

type ReadVariable = dyn Fn(&str) -> Option<String> + Send + Sync;

impl AuditorBuilder {
    pub(super) fn new(sink: Arc<dyn AuditSink>, key: RedactionKey) -> Self {
        Self {
            sink,
            key,
            clock: Arc::new(SystemClock::new()),
            entropy: Arc::new(OsEntropy),
            spool: None,
            limits: QueueLimits::default(),
            budgets: Limits::default(),
            fallbacks: Fallbacks::default(),
            environment: Box::new(variable),
        }
    }

    /// Tells the time. Default: [`SystemClock`].
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Gives random bytes. Default: [`OsEntropy`].
    #[must_use]
    pub fn entropy(mut self, entropy: Arc<dyn Entropy>) -> Self {
        self.entropy = entropy;
        self
    }

    /// Holds events while the database is away. Default: none, and recording fails meanwhile.
    #[must_use]
    pub fn spool(mut self, spool: Spool) -> Self {
        self.spool = Some(spool);
        self
    }

    /// Bounds what may wait, and for how long. Default: [`QueueLimits::default`].
    #[must_use]
    pub fn limits(mut self, limits: QueueLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets what a request and a day may use. Default: [`Limits::default`].
    #[must_use]
    pub fn budgets(mut self, budgets: Limits) -> Self {
        self.budgets = budgets;
        self
    }

    /// Says what a client is told where an effect is refused. Default: [`Fallbacks::default`].
    #[must_use]
    pub fn fallbacks(mut self, fallbacks: Fallbacks) -> Self {
        self.fallbacks = fallbacks;
        self
    }

    /// Reads the environment variables of the [kill switch](crate::auditor::KillSwitch) elsewhere.
    /// Default: the process's environment. It is read once, at [`build`](Self::build).
    #[must_use]
    pub fn environment(
        mut self,
        variable: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.environment = Box::new(variable);
        self
    }

    /// Builds it. Inside a Tokio runtime, what the spool holds from before is drained at once.
    #[must_use]
    pub fn build(self) -> Auditor {
        let Self { sink, key, clock, entropy, spool, limits, .. } = self;
        let environment = Environment::read(self.environment);
        let check = KeyCheck::of(key.clone(), Arc::clone(&clock), Arc::clone(&entropy));
        let key_check = Arc::new(check);
        let sink = Arc::new(KeyedSink::over(sink, Arc::clone(&key_check)));
        let shared = Arc::new_cyclic(|auditor| {
            let watching = Watching(auditor.clone());
            let batcher = Batcher::new(sink.clone(), spool, limits, watching);
            Shared {
                batcher,
                key,
                key_check,
                clock,
                entropy,
                gaps: Gaps::default(),
                limits: self.budgets,
                fallbacks: self.fallbacks,
                environment,
                switches: SwitchWatch::default(),
                running: RunningEffects::default(),
                leases: Arc::default(),
                lifecycle: Arc::default(),
                upkeep: Upkeep::default(),
                warned: Warned::default(),
            }
        });
        shared.batcher.start();
        observe::register();
        Upkeep::start(&shared);
        Auditor { shared }
    }
}

impl fmt::Debug for AuditorBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditorBuilder").field("sink", &self.sink).finish_non_exhaustive()
    }
}

/// A variable of the process. One that is no text is not to be read, which is not the same as unset.
fn variable(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}
